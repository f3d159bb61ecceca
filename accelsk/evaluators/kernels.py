"""Support vector machines, for few rows: the kernel of each row and each support vector, and the votes of the pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from accelsk.evaluators.direct import Array, are_arrays, direct, state_of
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.looks import public_name

__all__ = ["offers"]

_CLASSIFIERS = frozenset(("sklearn.svm.NuSVC", "sklearn.svm.SVC"))
_REGRESSORS = frozenset(("sklearn.svm.NuSVR", "sklearn.svm.SVR"))

#: Products of rows, support vectors and columns up to which the time of a call is not that of the arithmetic.
_SMALL = 1 << 18


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a support vector machine.

    Parameters
    ----------
    model : estimator
        Fitted.

    Yields
    ------
    Offer
        One for few rows, if its class and its kernel are known.
    """
    name, state = public_name(type(model)), state_of(model)
    vectors = state.get("support_vectors_")
    if state.get("kernel") not in _KERNELS or state.get("_sparse") or type(vectors) is not np.ndarray:
        return
    most_rows = _SMALL // max(1, vectors.size)
    if name in _REGRESSORS:
        yield direct({"predict": _regression(state)}, difference=1e-12, most_rows=most_rows)
    elif name in _CLASSIFIERS:
        pairs = _Pairs(state)
        methods = {"predict": pairs.predict, "decision_function": pairs.decision_function}
        yield direct(methods, difference=1e-12, most_rows=most_rows)


_KERNELS: dict[str, Callable[[dict[str, Any], Array, Array], Array]] = {
    "linear": lambda state, X, vectors: X @ vectors.T,
    "poly": lambda state, X, vectors: (state["_gamma"] * (X @ vectors.T) + state["coef0"]) ** state["degree"],
    # By differences, as libsvm has it: by the squares, what is left of large numbers would be lost.
    "rbf": lambda state, X, vectors: np.exp(-state["_gamma"] * cdist(X, vectors, "sqeuclidean")),
    "sigmoid": lambda state, X, vectors: np.tanh(state["_gamma"] * (X @ vectors.T) + state["coef0"]),
}


def _kernel(state: dict[str, Any], X: Array) -> Any:
    vectors, coef = state["support_vectors_"], state["_dual_coef_"]
    if not are_arrays(vectors, coef) or not len(vectors) or len(X) * vectors.size > 2 * _SMALL:
        return None
    return _KERNELS[state["kernel"]](state, X.astype(np.float64, copy=False), vectors)


def _regression(state: dict[str, Any]) -> Evaluate:
    def predict(X: Array) -> Any:
        kernel = _kernel(state, X)
        return None if kernel is None else kernel @ state["_dual_coef_"][0] + state["_intercept_"][0]

    return predict


@dataclass(frozen=True)
class _Votes:
    """What the pairs of classes make of the kernel."""

    coef: Array
    weights: Array
    first: Array
    second: Array

    @classmethod
    def of(cls, coef: Array, n_support: Array) -> _Votes:
        ends = np.concatenate(([0], np.cumsum(n_support)))
        pairs = list(combinations(range(len(n_support)), 2))
        weights = np.zeros((coef.shape[1], len(pairs)))
        first, second = np.zeros((2, len(pairs), len(n_support)))
        for number, (one, other) in enumerate(pairs):
            ones, others = slice(ends[one], ends[one + 1]), slice(ends[other], ends[other + 1])
            weights[ones, number] = coef[other - 1, ones]
            weights[others, number] = coef[one, others]
            first[number, one] = second[number, other] = 1
        return cls(coef, weights, first, second)


class _Pairs:
    """One against one: each pair of classes has a score, positive for the first of them."""

    def __init__(self, state: dict[str, Any]) -> None:
        self._state = state
        self._votes: _Votes | None = None

    def _scores(self, X: Array) -> Any:
        kernel = _kernel(self._state, X)
        if kernel is None:
            return None, None
        votes, coef = self._votes, self._state["_dual_coef_"]
        if votes is None or votes.coef is not coef:
            votes = self._votes = _Votes.of(coef, self._state["_n_support"])
        return kernel @ votes.weights + self._state["_intercept_"], votes

    def predict(self, X: Array) -> Any:
        if self._state["break_ties"]:
            return None
        scores, votes = self._scores(X)
        if scores is None:
            return None
        classes = self._state["classes_"]
        if len(classes) == 2:
            return classes.take(scores[:, 0] <= 0)
        for_first = scores > 0
        return classes.take((for_first @ votes.first + ~for_first @ votes.second).argmax(axis=1))

    def decision_function(self, X: Array) -> Any:
        scores, votes = self._scores(X)
        if scores is None:
            return None
        if len(self._state["classes_"]) == 2:
            return -scores.ravel()
        if self._state["decision_function_shape"] != "ovr":
            return scores
        for_second = scores < 0
        counts = ~for_second @ votes.first + for_second @ votes.second
        sums = scores @ (votes.first - votes.second)
        return counts + sums / (3 * (np.abs(sums) + 1))
