"""Rows of ``sklearn.linear_model``."""

from __future__ import annotations

from accelsk.engines.array_api.table.conditions import COPY, EXACT, NAMESPACE, SINGLE
from accelsk.engines.array_api.table.versions import since
from accelsk.engines.rules import Rule, mapped, only, same
from accelsk.engines.spec import Inputs, Row

__all__ = ["ROWS"]

_WEIGHTED = Inputs(sample_weight=True)

#: Scorers that scikit-learn computes on tensors; the mean Poisson deviance is one of SciPy's functions.
_SCORERS = (
    None,
    "r2",
    "explained_variance",
    "neg_max_error",
    "neg_mean_absolute_error",
    "neg_mean_absolute_percentage_error",
    "neg_mean_squared_error",
    "neg_median_absolute_error",
    "neg_root_mean_squared_error",
)

_RIDGE: dict[str, Rule] = {
    "alpha": same,
    "fit_intercept": same,
    "copy_X": COPY,
    "max_iter": same,
    "tol": same,
    "solver": mapped({"auto": "svd", "svd": "svd"}),
    "positive": only(False),
    "random_state": same,
}

_LBFGS: dict[str, Rule] = {
    "tol": same,
    "fit_intercept": same,
    "solver": only("lbfgs"),
    "max_iter": same,
    "verbose": same,
    "warm_start": same,
}

ROWS = since(
    "1.9",
    Row(
        estimator="sklearn.linear_model.LogisticRegression",
        backend="sklearn.linear_model.LogisticRegression",
        params={
            **_LBFGS,
            "penalty": same,
            "C": same,
            "l1_ratio": same,
            "dual": same,
            "intercept_scaling": same,
            "class_weight": same,
            "random_state": same,
            "n_jobs": same,
        },
        fit=_WEIGHTED,
        methods=("predict", "predict_proba", "predict_log_proba", "decision_function"),
        inherited=("score", "sparsify", "densify"),
        tolerance=0.05,
        engine_params=NAMESPACE,
        export=EXACT,
        note=f"The same L-BFGS stops at another point near the optimum, within tol. {SINGLE}",
    ),
    Row(
        estimator="sklearn.linear_model.PoissonRegressor",
        backend="sklearn.linear_model.PoissonRegressor",
        params={**_LBFGS, "alpha": same},
        fit=_WEIGHTED,
        methods=("predict",),
        inherited=("score",),  # by a function of SciPy's
        tolerance=1e-4,
        engine_params=NAMESPACE,
        export=EXACT,
        note=f"The same L-BFGS stops at another point near the optimum, within tol. {SINGLE}",
    ),
    Row(
        estimator="sklearn.linear_model.Ridge",
        backend="sklearn.linear_model.Ridge",
        params=_RIDGE,
        fit=_WEIGHTED,
        methods=("predict",),
        inherited=("score",),
        engine_params=NAMESPACE,
        export=EXACT,
        note=f"solver='auto' is 'svd'. {SINGLE}",
    ),
    Row(
        estimator="sklearn.linear_model.RidgeCV",
        backend="sklearn.linear_model.RidgeCV",
        params={
            "alphas": same,
            "fit_intercept": same,
            "scoring": only(*_SCORERS),
            "cv": only(None),  # the search inside warns, at every fit, that solver='auto' of its own is 'svd'
            "gcv_mode": same,
            "store_cv_results": same,
            "alpha_per_target": same,
        },
        fit=_WEIGHTED,
        methods=("predict",),
        inherited=("score",),
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
    Row(
        estimator="sklearn.linear_model.RidgeClassifier",
        backend="sklearn.linear_model.RidgeClassifier",
        params={**_RIDGE, "class_weight": same},
        fit=_WEIGHTED,
        methods=("predict", "decision_function"),
        inherited=("score",),
        engine_params=NAMESPACE,
        export=EXACT,
        note=f"solver='auto' is 'svd'. {SINGLE}",
    ),
    Row(
        estimator="sklearn.linear_model.RidgeClassifierCV",
        backend="sklearn.linear_model.RidgeClassifierCV",
        params={
            "alphas": same,
            "fit_intercept": same,
            "scoring": only(None),  # scikit-learn 1.9.1 fails with all others
            "cv": only(None),
            "class_weight": same,
            "store_cv_results": same,
        },
        fit=_WEIGHTED,
        methods=("predict", "decision_function"),
        inherited=("score",),
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
)
