"""Linear models: a product with the coefficients, and what a class makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy.special import expit

from accelsk.evaluators.direct import Array, direct, state_of
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.origin import public_name

__all__ = ["CLASSIFIERS", "GENERALIZED", "REGRESSORS", "finishes", "is_flat", "offers", "scores_of"]

#: Regressors whose prediction is the product itself.
REGRESSORS = frozenset(
    f"sklearn.linear_model.{name}"
    for name in (
        *("ARDRegression", "BayesianRidge", "ElasticNet", "ElasticNetCV", "HuberRegressor", "Lars", "LarsCV", "Lasso"),
        *("LassoCV", "LassoLars", "LassoLarsCV", "LassoLarsIC", "LinearRegression", "MultiTaskElasticNet"),
        *("MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV", "OrthogonalMatchingPursuit"),
        *("OrthogonalMatchingPursuitCV", "PassiveAggressiveRegressor", "QuantileRegressor", "Ridge", "RidgeCV"),
        *("SGDRegressor", "TheilSenRegressor"),
    )
) | {"sklearn.svm.LinearSVR"}

#: Those whose prediction is a function of the product: the inverse of their link.
GENERALIZED = frozenset(
    f"sklearn.linear_model.{name}" for name in ("GammaRegressor", "PoissonRegressor", "TweedieRegressor")
)

#: Classifiers whose scores are the product.
CLASSIFIERS = frozenset(
    f"sklearn.linear_model.{name}"
    for name in (
        *("LogisticRegression", "LogisticRegressionCV", "PassiveAggressiveClassifier", "Perceptron"),
        *("RidgeClassifier", "RidgeClassifierCV", "SGDClassifier"),
    )
) | {"sklearn.svm.LinearSVC", "sklearn.discriminant_analysis.LinearDiscriminantAnalysis"}

_LOGISTIC = frozenset(("sklearn.linear_model.LogisticRegression", "sklearn.linear_model.LogisticRegressionCV"))
_DISCRIMINANT = "sklearn.discriminant_analysis.LinearDiscriminantAnalysis"
_DESCENT = "sklearn.linear_model.SGDClassifier"
_RIDGES = frozenset(("sklearn.linear_model.RidgeClassifier", "sklearn.linear_model.RidgeClassifierCV"))
_FLAT = frozenset(("sklearn.linear_model.SGDRegressor", "sklearn.linear_model.PassiveAggressiveRegressor"))

#: What a method makes of the scores; None where it does not answer.
Finish = Callable[[Array], Any]


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a linear model.

    Parameters
    ----------
    model : estimator
        Fitted.

    Yields
    ------
    Offer
        One, if its class is known.
    """
    scores = scores_of(model)

    def evaluator(finish: Finish | None) -> Evaluate:
        if finish is None:
            return scores

        def evaluate(X: Array) -> Any:
            found = scores(X)
            return None if found is None else finish(found)

        return evaluate

    methods = {name: evaluator(finish) for name, finish in finishes(model).items()}
    if public_name(type(model)) == _DISCRIMINANT:
        methods["transform"] = _discriminant_transform(model)
    if methods:
        yield direct(methods)


def scores_of(model: Any) -> Evaluate:
    """Return the linear part of a model.

    Parameters
    ----------
    model : estimator
        Fitted, of a class that is known here.

    Returns
    -------
    callable
        Takes X, and returns the product with the coefficients; None where they are no arrays.
    """
    state, flat = state_of(model), is_flat(model)

    def scores(X: Array) -> Any:
        coef = state["coef_"]
        if type(coef) is not np.ndarray:
            return None  # after sparsify()
        found = X @ coef.T + state["intercept_"]
        return found.ravel() if flat and found.ndim > 1 and found.shape[1] == 1 else found

    return scores


def is_flat(model: Any) -> bool:
    """Say whether the scores are a vector where there is one for each row.

    Parameters
    ----------
    model : estimator
        Fitted, of a class that is known here.

    Returns
    -------
    bool
        If not, they have the shape that the product has.
    """
    name = public_name(type(model))
    return name in _FLAT or name in CLASSIFIERS


def finishes(model: Any) -> dict[str, Finish | None]:
    """Return what the methods of a linear model make of its scores.

    Parameters
    ----------
    model : estimator
        Fitted.

    Returns
    -------
    dict
        Method to a function of the scores, or None where they are the result; empty for other classes.
    """
    name, state = public_name(type(model)), state_of(model)
    if name in REGRESSORS:
        return {"predict": None}
    if name in GENERALIZED:
        return {"predict": partial(_linked, state)}
    if name not in CLASSIFIERS:
        return {}
    labels = partial(_ridge_labels if name in _RIDGES else _labels, state)
    found: dict[str, Finish | None] = {"decision_function": None, "predict": labels}
    proba: Finish | None = None
    if name in _LOGISTIC:
        proba = partial(_logistic, state)
    elif name == _DISCRIMINANT:
        proba = _softmax_or_sigmoid
    elif name == _DESCENT:
        proba = partial(_descended, state)
    if proba is not None:
        found["predict_proba"] = proba
        found["predict_log_proba"] = partial(_log, _smallest_log if name == _DISCRIMINANT else np.log, proba)
    return found


def _linked(state: dict[str, Any], raw: Array) -> Any:
    loss = state.get("_base_loss")
    return None if loss is None else loss.link.inverse(raw)


def _labels(state: dict[str, Any], scores: Array) -> Any:
    return state["classes_"].take(scores > 0 if scores.ndim == 1 else scores.argmax(axis=1))


def _ridge_labels(state: dict[str, Any], scores: Array) -> Any:
    binarizer = state["_label_binarizer"]
    return None if binarizer.y_type_.startswith("multilabel") else _labels(vars(binarizer), scores)


# -- probabilities, as the classes have them ---------------------------------------------------------------------------


def _pair(proba: Array) -> Array:
    both = np.empty((len(proba), 2), dtype=proba.dtype)
    np.subtract(1, proba, out=both[:, 0])
    both[:, 1] = proba
    return both


def _one_vs_rest(scores: Array) -> Any:
    proba = expit(scores)
    if proba.ndim == 1:
        return _pair(proba)
    total = proba.sum(axis=1)
    if not total.all():
        return None  # versions of scikit-learn differ there
    proba /= total[:, np.newaxis]
    return proba


def _softmax(scores: Array) -> Array:
    found: Array = scores - scores.max(axis=1)[:, np.newaxis]
    np.exp(found, out=found)
    found /= found.sum(axis=1)[:, np.newaxis]
    return found


def _softmax_or_sigmoid(scores: Array) -> Array:
    return _pair(expit(scores)) if scores.ndim == 1 else _softmax(scores)


def _logistic(state: dict[str, Any], scores: Array) -> Any:
    multi_class = state.get("multi_class", "auto")  # until scikit-learn 1.7
    if scores.ndim == 1:
        if multi_class == "multinomial":
            return _softmax(np.column_stack((-scores, scores)))
        return _pair(expit(scores))
    if multi_class in ("ovr", "warn") or (multi_class != "multinomial" and state["solver"] == "liblinear"):
        return _one_vs_rest(scores)
    return _softmax(scores)


def _descended(state: dict[str, Any], scores: Array) -> Any:
    return _one_vs_rest(scores) if state["loss"] == "log_loss" else None


def _log(log: Callable[[Array], Array], proba: Finish, scores: Array) -> Any:
    found = proba(scores)
    return None if found is None else log(found)


def _smallest_log(proba: Array) -> Array:
    proba[proba == 0.0] += np.finfo(proba.dtype).smallest_normal
    return np.log(proba)


def _discriminant_transform(model: Any) -> Evaluate:
    state = state_of(model)

    def transform(X: Array) -> Any:
        solver = state["solver"]
        if solver == "svd":
            X = X - state["xbar_"]
        elif solver != "eigen":
            return None
        return (X @ state["scalings_"])[:, : state["_max_components"]]

    return transform
