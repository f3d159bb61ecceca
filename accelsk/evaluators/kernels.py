"""Support vector machines: the kernel of all rows and vectors by a matrix product, where libsvm goes row by row.

The numbers are libsvm's to round-off: the squared distances of the radial kernel are made of products, of data that are
centred first, and where that would lose digits the model itself is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier

from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.origin import public_name
from accelsk.threads import economical

__all__ = ["offers"]

Array = npt.NDArray[Any]

_CLASSES = frozenset(f"sklearn.svm.{name}" for name in ("NuSVC", "NuSVR", "OneClassSVM", "SVC", "SVR"))
_KERNELS = ("linear", "poly", "rbf", "sigmoid")

#: The numbers of a block of the kernel: they fit into the cache of a core.
_BLOCK = 2**17

#: ``gamma`` times the largest squared norm: the exponent of the radial kernel errs by 1e-16 times as much.
_TOO_FAR = 1e5

# Seconds on one thread of the machine of the measurements: of a call, a product, and an exponential.
_CALL, _PRODUCT, _VALUE = 3e-5, 6e-11, 5e-9


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a support vector machine.

    Parameters
    ----------
    model : estimator
        Fitted: SVC, NuSVC, SVR, NuSVR or OneClassSVM.

    Yields
    ------
    Offer
        One, for a dense fit with a kernel that is known by name.
    """
    if (
        public_name(type(model)) not in _CLASSES
        or model._sparse
        or model.kernel not in ("linear", "poly", "rbf", "sigmoid")
    ):
        return
    n_vectors, width = model.support_vectors_.shape
    if not n_vectors or (model.kernel == "rbf" and _distance(model) > _TOO_FAR):
        return
    methods: tuple[str, ...] = ("predict", "decision_function") if is_classifier(model) else ("predict",)
    if hasattr(model, "offset_"):
        methods = ("predict", "decision_function", "score_samples")

    def seconds(method: str, n_rows: int) -> float:
        if model.kernel == "linear":
            return float(_CALL + n_rows * width * len(model._intercept_) * _PRODUCT)
        return float(_CALL + n_rows * n_vectors * (width * _PRODUCT + _VALUE))

    yield Offer(
        name="numpy",
        methods=methods,
        make=lambda: _made(model, methods),
        seconds=seconds,
        difference=1e-10,
    )


def _distance(model: Any) -> float:
    centred = model.support_vectors_ - model.support_vectors_.mean(axis=0)
    farthest: float = model._gamma * np.einsum("ij,ij->i", centred, centred).max()
    return farthest


def _made(model: Any, methods: tuple[str, ...]) -> dict[str, Evaluate]:
    margin = _margin_of(model)
    made: dict[str, Evaluate] = {}
    if is_classifier(model):
        made = {"decision_function": _decision(model, margin), "predict": _label(model, margin)}
    elif hasattr(model, "offset_"):
        made = {
            "decision_function": _then(margin, lambda found: found.ravel()),
            "score_samples": _then(margin, lambda found: found.ravel() + model.offset_),
            "predict": _then(margin, lambda found: np.where(found.ravel() > 0, 1, -1).astype(np.intp)),
        }
    else:
        made = {"predict": _then(margin, lambda found: found.ravel())}
    return {name: made[name] for name in methods}


def _then(margin: Evaluate, finish: Callable[[Array], Array]) -> Evaluate:
    def evaluate(X: Array) -> Array | None:
        found = margin(X)
        return None if found is None else finish(found)

    return evaluate


def _margin_of(model: Any) -> Evaluate:
    """What libsvm computes for each row: the margins between all pairs of classes, or the one number that there is."""
    weights, intercept, dual = _weights(model), model._intercept_, model._dual_coef_
    vectors, gamma = model.support_vectors_, model._gamma
    coefficients = vectors.T @ weights if model.kernel == "linear" else None
    centre = vectors.mean(axis=0) if model.kernel == "rbf" else None
    scaled = np.ascontiguousarray((vectors if centre is None else vectors - centre).T * gamma)
    norms = 0.0
    if centre is not None:
        norms = np.einsum("ij,ij->j", scaled, scaled) / gamma
        scaled *= 2
    rows = max(1, _BLOCK // len(vectors))
    degree, coef0, kernel = model.degree, model.coef0, model.kernel

    def block(X: Array) -> Any:
        if centre is None:
            values = X @ scaled
            values += coef0
            if kernel == "sigmoid":
                return np.tanh(values, out=values) @ weights
            return np.power(values, degree, out=values) @ weights
        X = X - centre
        squares = gamma * np.einsum("ij,ij->i", X, X)
        if not squares.max() < _TOO_FAR:
            return None
        values = X @ scaled
        values -= norms
        values -= squares[:, None]
        return np.exp(np.minimum(values, 0, out=values), out=values) @ weights

    def margin(X: Array) -> Any:
        if model._dual_coef_ is not dual or model.support_vectors_ is not vectors:
            return None  # somebody has exchanged them
        X = X.astype(np.float64, copy=False)
        if coefficients is not None:
            return X @ coefficients + intercept
        found: Any
        if len(X) <= rows:
            found = block(X)
            return None if found is None else found + intercept
        with economical(1):  # a block is a product too small for several threads, and then exponentials
            parts = [block(X[start : start + rows]) for start in range(0, len(X), rows)]
        if any(part is None for part in parts):
            return None
        found = np.concatenate(parts)
        return found + intercept

    return margin


def _weights(model: Any) -> Array:
    """What each support vector counts in each margin, (n_vectors, n_margins).

    Of k classes libsvm keeps k - 1 rows: for the vectors of a class, what they count against each of the others.
    """
    dual = model._dual_coef_
    if not is_classifier(model):
        return np.ascontiguousarray(dual.T)
    ends = np.cumsum([0, *model._n_support])
    pairs = list(combinations(range(len(model._n_support)), 2))
    weights = np.zeros((dual.shape[1], len(pairs)))
    for position, (one, other) in enumerate(pairs):
        for mine, row in ((one, other - 1), (other, one)):
            part = slice(ends[mine], ends[mine + 1])
            weights[part, position] = dual[row, part]
    return weights


def _decision(model: Any, margin: Evaluate) -> Evaluate:
    from sklearn.utils.multiclass import _ovr_decision_function

    n_classes = len(model.classes_)

    def finish(found: Array) -> Array:
        if n_classes == 2:
            return -found.ravel()
        if model.decision_function_shape == "ovr":
            shown: Array = _ovr_decision_function(found < 0, -found, n_classes)
            return shown
        return found

    return _then(margin, finish)


def _label(model: Any, margin: Evaluate) -> Evaluate:
    n_classes = len(model.classes_)
    pairs = list(combinations(range(n_classes), 2))
    decision = _decision(model, margin)

    def finish(found: Array) -> Array:
        if n_classes == 2:
            best = (found.ravel() <= 0).astype(np.intp)
        else:
            votes = np.zeros((len(found), n_classes), dtype=np.intp)
            for position, (one, other) in enumerate(pairs):
                first = found[:, position] > 0
                votes[:, one] += first
                votes[:, other] += ~first
            best = votes.argmax(axis=1)
        labels: Array = model.classes_.take(best)
        return labels

    if n_classes > 2 and model.break_ties and model.decision_function_shape == "ovr":
        return _then(decision, lambda found: model.classes_.take(found.argmax(axis=1)))
    return _then(margin, finish)
