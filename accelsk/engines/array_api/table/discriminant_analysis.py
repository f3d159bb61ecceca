"""Rows of ``sklearn.discriminant_analysis``."""

from __future__ import annotations

from accelsk.engines.array_api.table.conditions import EXACT, NAMESPACE, SINGLE
from accelsk.engines.array_api.table.versions import since
from accelsk.engines.rules import only, same
from accelsk.engines.spec import Inputs, Row

__all__ = ["ROWS"]

ROWS = since(
    "1.9",
    Row(
        estimator="sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
        backend="sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
        params={
            # The other solvers, and covariances, are computed by SciPy's functions.
            "solver": only("svd"),
            "shrinkage": only(None),
            "priors": same,
            "n_components": same,
            "store_covariance": only(False),
            "tol": same,
            "covariance_estimator": only(None),
        },
        fit=Inputs(),
        methods=("transform", "predict", "predict_proba", "predict_log_proba", "decision_function"),
        inherited=("score", "get_feature_names_out"),
        engine_params=NAMESPACE,
        export=EXACT,
        note=f"The axes of transform have no sign of their own, and may point the other way. {SINGLE}",
    ),
)
