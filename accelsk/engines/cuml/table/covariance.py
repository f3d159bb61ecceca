"""Rows of ``sklearn.covariance``."""

from __future__ import annotations

from accelsk.engines.cuml.table.conditions import GPU, size
from accelsk.engines.rules import same
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = ["ROWS"]

_METHODS = ("error_norm", "get_precision", "mahalanobis", "score")
_DTYPES = ("float64", "float32", "integer")  # of booleans scikit-learn takes a boolean product

ROWS = (
    Row(
        estimator="sklearn.covariance.EmpiricalCovariance",
        backend="cuml.covariance.EmpiricalCovariance",
        params={"store_precision": same, "assume_centered": same},
        fit=Inputs(
            dtypes=_DTYPES,
            needs=(
                # The pseudo-inverse of a singular matrix is cut off at 1e-15, far below scikit-learn's threshold.
                Need("more rows than columns", lambda facts, params: size(facts)[0] > size(facts)[1]),
            ),
        ),
        methods=_METHODS,
        tolerance=1e-6,  # of float64, for covariances that can be inverted; 3e-12 on a GPU.
        export=Export(tolerance=1e-6, restores=False),
        devices=GPU,
        note="The pseudo-inverse of a covariance that is singular, of columns that depend on each other, is cut off at "
        "another threshold.",
    ),
    Row(
        estimator="sklearn.covariance.LedoitWolf",
        backend="cuml.covariance.LedoitWolf",
        params={"store_precision": same, "assume_centered": same, "block_size": same},
        fit=Inputs(
            dtypes=_DTYPES,
            needs=(Need("two rows or more", lambda facts, params: size(facts)[0] > 1),),
        ),
        methods=_METHODS,
        tolerance=1e-6,  # of float64; 4e-14 on a GPU.
        export=Export(tolerance=1e-6, restores=False),
        devices=GPU,
    ),
)
