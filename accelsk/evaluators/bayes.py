"""Naive Bayes: the joint log likelihood of a row and each class, and what the methods make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from accelsk.evaluators.direct import Array, direct, state_of
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.origin import public_name

__all__ = ["offers"]

#: Elements of the rows, classes and columns that a Gaussian one has in memory at once.
_GAUSSIAN = 1 << 16

Joint = Callable[[dict[str, Any], Array], Any]


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a naive Bayes.

    Parameters
    ----------
    model : estimator
        Fitted.

    Yields
    ------
    Offer
        One, if its class is known.
    """
    joint = _JOINTS.get(public_name(type(model)))
    if joint is None:
        return
    state, most_rows = state_of(model), float("inf")
    if joint is _gaussian:
        theta = state.get("theta_")
        most_rows = 0.0 if theta is None else _GAUSSIAN // max(1, theta.size)

    def evaluator(finish: Callable[[dict[str, Any], Array], Any]) -> Evaluate:
        def evaluate(X: Array) -> Any:
            found = joint(state, X)
            # A class that is impossible has an infinite one, and what comes of that is for the model to say.
            return None if found is None or not np.isfinite(found).all() else finish(state, found)

        return evaluate

    methods = {
        "predict": evaluator(_labels),
        "predict_proba": evaluator(_proba),
        "predict_log_proba": evaluator(_log_proba),
        "predict_joint_log_proba": evaluator(lambda state, found: found),
    }
    yield direct(methods, difference=1e-12, most_rows=most_rows)


def _gaussian(state: dict[str, Any], X: Array) -> Any:
    theta, variance = state["theta_"], state["var_"]
    if type(theta) is not np.ndarray or len(X) * theta.size > _GAUSSIAN:
        return None
    apart = X[:, np.newaxis, :] - theta
    apart *= apart
    apart /= variance
    found = apart.sum(axis=2)
    found *= -0.5
    found += -0.5 * np.log(2.0 * np.pi * variance).sum(axis=1)
    found += np.log(state["class_prior_"])
    return found


def _multinomial(state: dict[str, Any], X: Array) -> Any:
    return X @ state["feature_log_prob_"].T + state["class_log_prior_"]


def _complement(state: dict[str, Any], X: Array) -> Any:
    found = X @ state["feature_log_prob_"].T
    if len(state["classes_"]) == 1:
        found += state["class_log_prior_"]
    return found


def _bernoulli(state: dict[str, Any], X: Array) -> Any:
    threshold = state["binarize"]
    if threshold is not None:
        X = np.greater(X, threshold).astype(X.dtype)
    there = state["feature_log_prob_"]
    absent = np.log(1 - np.exp(there))
    return X @ (there - absent).T + (state["class_log_prior_"] + absent.sum(axis=1))


_JOINTS: dict[str, Joint] = {
    "sklearn.naive_bayes.BernoulliNB": _bernoulli,
    "sklearn.naive_bayes.ComplementNB": _complement,
    "sklearn.naive_bayes.GaussianNB": _gaussian,
    "sklearn.naive_bayes.MultinomialNB": _multinomial,
}


def _labels(state: dict[str, Any], joint: Array) -> Any:
    return state["classes_"][joint.argmax(axis=1)]


def _log_proba(state: dict[str, Any], joint: Array) -> Array:
    top = joint.max(axis=1)[:, np.newaxis]
    total = np.log(np.exp(joint - top).sum(axis=1))[:, np.newaxis]
    found: Array = joint - (total + top)
    return found


def _proba(state: dict[str, Any], joint: Array) -> Array:
    return np.exp(_log_proba(state, joint))
