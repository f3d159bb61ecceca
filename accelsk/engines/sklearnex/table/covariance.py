"""Rows of ``sklearn.covariance``."""

from __future__ import annotations

from accelsk.engines.rules import same
from accelsk.engines.sklearnex.table.conditions import EVERYWHERE, N_JOBS
from accelsk.engines.spec import Export, Inputs, Row

__all__ = ["ROWS"]

ROWS = (
    Row(
        estimator="sklearn.covariance.EmpiricalCovariance",
        backend="sklearnex.preview.covariance.EmpiricalCovariance",
        params={"store_precision": same, "assume_centered": same},
        fit=Inputs(dtypes=("float64", "float32", "integer")),  # of booleans scikit-learn takes a boolean product
        methods=(),
        inherited=("error_norm", "get_precision", "mahalanobis", "score"),
        devices=EVERYWHERE,
        engine_params=N_JOBS,
        export=Export(tolerance=1e-6, double=1e-11),
    ),
)
