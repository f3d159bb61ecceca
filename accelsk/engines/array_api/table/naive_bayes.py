"""Rows of ``sklearn.naive_bayes``."""

from __future__ import annotations

from accelsk.engines.array_api.table.conditions import EXACT, NAMESPACE, SINGLE
from accelsk.engines.array_api.table.versions import since
from accelsk.engines.rules import same
from accelsk.engines.spec import Inputs, Row

__all__ = ["ROWS"]

ROWS = since(
    "1.9",
    Row(
        estimator="sklearn.naive_bayes.GaussianNB",
        backend="sklearn.naive_bayes.GaussianNB",
        params={"priors": same, "var_smoothing": same},
        fit=Inputs(sample_weight=True),
        operations={"partial_fit": Inputs(sample_weight=True, fit_params=("classes",))},
        methods=("partial_fit", "predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba"),
        inherited=("score",),
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
)
