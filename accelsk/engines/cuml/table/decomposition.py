"""Rows of ``sklearn.decomposition``.

cuML decomposes the covariance (for TruncatedSVD the matrix of products) of all columns, whatever the solver: the
components are scikit-learn's, with the same signs, and small singular values have half of the digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.cuml.table.conditions import GPU, size
from accelsk.engines.rules import adjusted, ignored, mapped, only, same
from accelsk.engines.spec import Export, Inputs, Need, Row
from accelsk.facts import Facts

__all__ = ["ROWS"]

_SPARSE = ("csr", "csc", "coo")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


_COMPONENTS = only(None, where=_whole, text="a whole number of 1 or more")
_NOT_RANDOM = ignored("the eigendecomposition is not random")
_TOL = adjusted(lambda tol: tol or 1e-7, "0 as 1e-7, cuML's own; the eigendecomposition does not read it")

_TWO = Need("two rows and two columns or more", lambda facts, params: min(size(facts)) > 1)


def _fit_in(facts: Facts, params: Mapping[str, Any]) -> bool:
    """As scikit-learn: arpack, which it takes for all sparse data, leaves out one component."""
    n_components, most = params["n_components"], min(size(facts))
    if params["svd_solver"] == "arpack" or (facts.sparse is not None and params["svd_solver"] == "auto"):
        return n_components is not None and n_components < most
    return n_components is None or n_components <= most


ROWS = (
    Row(
        estimator="sklearn.decomposition.IncrementalPCA",
        backend="cuml.decomposition.IncrementalPCA",
        params={"n_components": _COMPONENTS, "whiten": same, "copy": same, "batch_size": same},
        fit=Inputs(sparse=("csr", "csc")),
        predict=Inputs(sparse=("csr", "csc")),
        operations={
            "partial_fit": Inputs(fit_params=("check_input",)),
            "inverse_transform": Inputs(),
        },
        methods=("fit_transform", "partial_fit", "transform", "inverse_transform"),
        inherited=("get_covariance", "get_precision", "get_feature_names_out"),
        tolerance=1e-5,  # of float64: the same batches, decomposed by another library; 7e-13 on a GPU.
        export=Export(tolerance=1e-6, restores=False),
        devices=GPU,
        note="Whitened data are computed by scikit-learn, see PCA.",
    ),
    Row(
        estimator="sklearn.decomposition.PCA",
        backend="cuml.decomposition.PCA",
        params={
            "n_components": _COMPONENTS,
            "copy": same,
            "whiten": same,
            "svd_solver": mapped(
                {
                    "auto": "auto",
                    "full": "full",
                    "covariance_eigh": "full",
                    "arpack": "full",
                    "randomized": "full",
                }
            ),
            "tol": _TOL,
            "iterated_power": adjusted(
                lambda power: 15 if power == "auto" else power,
                "'auto' as 15, cuML's own; the eigendecomposition does not read it",
            ),
            "n_oversamples": _NOT_RANDOM,
            "power_iteration_normalizer": _NOT_RANDOM,
            "random_state": _NOT_RANDOM,
        },
        fit=Inputs(
            sparse=("csr",),
            needs=(_TWO, Need("no more components than scikit-learn's solver finds in rows and columns", _fit_in)),
        ),
        predict=Inputs(sparse=_SPARSE),
        operations={"inverse_transform": Inputs()},
        methods=("fit_transform", "transform", "inverse_transform"),
        inherited=("get_covariance", "get_precision", "score", "score_samples", "get_feature_names_out"),
        tolerance=1e-5,  # of float64, by the covariance: half of the digits; 7e-12 on a GPU.
        export=Export(tolerance=1e-6, restores=False),
        devices=GPU,
        note="With whiten=True, scikit-learn transforms: cuML scales by the number of rows that are transformed, where "
        "those that were fitted are meant.",
    ),
    Row(
        estimator="sklearn.decomposition.TruncatedSVD",
        backend="cuml.decomposition.TruncatedSVD",
        params={
            "n_components": same,
            "algorithm": mapped({"randomized": "full", "arpack": "full"}),
            "n_iter": adjusted(
                lambda n_iter: 15 if n_iter == 5 else n_iter,
                "5 as 15, cuML's own; the eigendecomposition does not read it",
            ),
            "n_oversamples": _NOT_RANDOM,
            "power_iteration_normalizer": _NOT_RANDOM,
            "random_state": _NOT_RANDOM,
            "tol": _TOL,
        },
        fit=Inputs(
            needs=(
                _TWO,
                Need(
                    "no more components than rows and columns (fewer with algorithm='arpack')",
                    lambda facts, params: (
                        params["n_components"] <= min(size(facts)) - (params["algorithm"] == "arpack")
                    ),
                ),
            ),
        ),
        methods=("fit_transform", "transform", "inverse_transform"),
        inherited=("get_feature_names_out",),
        # Exact where scikit-learn's randomized solver is not; that solver's error decides: 1e-5 on a GPU.
        tolerance=1e-3,
        export=Export(tolerance=1e-6, restores=False),
        devices=GPU,
        note="Dense data only.",
    ),
)
