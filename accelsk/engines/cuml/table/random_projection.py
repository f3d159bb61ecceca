"""Rows of ``sklearn.random_projection``."""

from __future__ import annotations

from accelsk.engines.cuml.table.conditions import GPU
from accelsk.engines.rules import ignored, same
from accelsk.engines.spec import Export, Inputs, Row

__all__ = ["ROWS"]

_SPARSE = ("csr", "csc")
_COMMON = {
    "n_components": same,
    "eps": same,
    "compute_inverse_components": ignored("scikit-learn inverts the components, when the attribute is read"),
    "random_state": same,
}
_METHODS = ("fit_transform", "transform")
_INHERITED = ("inverse_transform", "get_feature_names_out")

ROWS = (
    Row(
        estimator="sklearn.random_projection.GaussianRandomProjection",
        backend="cuml.random_projection.GaussianRandomProjection",
        params=_COMMON,
        fit=Inputs(sparse=_SPARSE),
        operations={"inverse_transform": Inputs()},
        methods=_METHODS,
        inherited=_INHERITED,
        fidelity="statistical",
        tolerance=0.1,  # another random matrix of the same distribution; trustworthiness. Kept on a GPU.
        export=Export(tolerance=1e-9, restores=False),
        devices=GPU,
        note="Drawn from another random stream.",
    ),
    Row(
        estimator="sklearn.random_projection.SparseRandomProjection",
        backend="cuml.random_projection.SparseRandomProjection",
        params={**_COMMON, "density": same, "dense_output": same},
        fit=Inputs(sparse=_SPARSE),
        operations={"inverse_transform": Inputs()},
        methods=_METHODS,
        inherited=_INHERITED,
        fidelity="statistical",
        tolerance=0.1,  # another random matrix; trustworthiness is compared. Kept on a GPU.
        export=Export(tolerance=1e-9, restores=False),
        devices=GPU,
        note="Drawn from another random stream, with a fixed number of entries that are not 0.",
    ),
)
