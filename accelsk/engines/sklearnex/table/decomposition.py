"""Rows of ``sklearn.decomposition``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.rules import only, same
from accelsk.engines.sklearnex.table.conditions import EVERYWHERE, N_JOBS, PERF, SPARSE, rows_at_least, size
from accelsk.engines.spec import Export, Inputs, Need, Row, Worth

__all__ = ["ROWS", "svd_solver"]

_DETERMINISTIC = ("full", "covariance_eigh")


def svd_solver(params: Mapping[str, Any], n_samples: int, n_features: int) -> str:
    """Return the solver that scikit-learn's PCA takes for data of this shape.

    Parameters
    ----------
    params : mapping
        The hyperparameters.
    n_samples, n_features : int
        The shape of X.

    Returns
    -------
    str
        ``svd_solver``, with "auto" resolved as ``PCA.fit`` does it.

    Examples
    --------
    >>> svd_solver({"svd_solver": "auto", "n_components": 5}, 1000, 800)
    'randomized'
    """
    if params["svd_solver"] != "auto":
        return str(params["svd_solver"])
    smaller, n_components = min(n_samples, n_features), params["n_components"]
    if n_features <= 1000 and n_samples >= 10 * n_features:
        return "covariance_eigh"
    if max(n_samples, n_features) <= 500 or n_components == "mle":
        return "full"
    return "randomized" if 1 <= (smaller if n_components is None else n_components) < 0.8 * smaller else "full"


ROWS = (
    Row(
        estimator="sklearn.decomposition.IncrementalPCA",
        backend="sklearnex.preview.decomposition.IncrementalPCA",
        params={"n_components": same, "whiten": same, "copy": same, "batch_size": same},
        fit=Inputs(needs=(rows_at_least(2),)),
        predict=Inputs(sparse=SPARSE),
        operations={"partial_fit": Inputs(fit_params=("check_input",))},
        methods=("fit_transform", "partial_fit"),
        inherited=("transform", "inverse_transform", "get_covariance", "get_precision", "get_feature_names_out"),
        fidelity="statistical",
        tolerance=0.05,
        devices=EVERYWHERE,
        engine_params=N_JOBS,
        worth=Worth(
            ratio=3,
            seen=PERF,
            needs=(rows_at_least(2000), Need("200 columns or more", lambda facts, params: size(facts)[1] >= 200)),
        ),
        export=Export(tolerance=1e-6, double=1e-11, restores=False),
        note="The covariance of all batches is decomposed: nearer to PCA than scikit-learn's running approximation.",
    ),
    Row(
        estimator="sklearn.decomposition.PCA",
        backend="sklearnex.decomposition.PCA",
        params={
            "n_components": same,
            "copy": same,
            "whiten": same,
            "svd_solver": only("auto", *_DETERMINISTIC),
            "tol": same,
            "iterated_power": same,
            "n_oversamples": same,
            "power_iteration_normalizer": same,
            "random_state": same,
        },
        fit=Inputs(
            needs=(
                Need("two rows or more", lambda facts, params: size(facts)[0] > 1),
                Need(
                    "data for which svd_solver='auto' is not the randomized solver",
                    lambda facts, params: svd_solver(params, *size(facts)) in _DETERMINISTIC,
                ),
                # The noise variance would be averaged over another number of components.
                Need(
                    "as many rows as columns with svd_solver='covariance_eigh'",
                    lambda facts, params: params["svd_solver"] != "covariance_eigh" or size(facts)[0] >= size(facts)[1],
                ),
            ),
        ),
        predict=Inputs(sparse=SPARSE),
        methods=("fit_transform",),
        inherited=(
            "transform",
            "inverse_transform",
            "get_covariance",
            "get_precision",
            "score",
            "score_samples",
            "get_feature_names_out",
        ),
        devices=EVERYWHERE,
        engine_params=N_JOBS,
        worth=Worth(
            ratio=2,
            seen=PERF,
            needs=(
                rows_at_least(20_000),
                Need(
                    "svd_solver='full' and 100 columns or fewer",
                    lambda facts, params: params["svd_solver"] == "full" and size(facts)[1] <= 100,
                ),
            ),
        ),
        export=Export(tolerance=1e-6, double=1e-11),
    ),
)
