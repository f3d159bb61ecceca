"""Scalers: each column shifted and scaled, in one new array, in blocks of rows that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sklearn
from packaging.version import Version

from accelsk.evaluators.direct import Array, direct, state_of
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.origin import public_name

__all__ = ["SCALERS", "offers"]

#: Bytes of a block: what is read from X, and what is written, stay in the cache from one operation to the next.
_BLOCK = 256 * 1024

#: How many numbers are as good as one long row, and how many such rows there are to be.
_WIDE, _MANY = 1024, 4

#: Whether a StandardScaler brings its attributes to the dtype of X first.
_CASTS = Version(sklearn.__version__) >= Version("1.8.dev0")

#: One operation on a block: a ufunc, and the row that is its second operand.
Step = tuple[np.ufunc, Array]


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a scaler.

    Parameters
    ----------
    model : estimator
        Fitted.

    Yields
    ------
    Offer
        One, if its class is known.
    """
    name = public_name(type(model))
    if name == "sklearn.preprocessing.Normalizer":
        yield direct({"transform": _normalizer(model)})
    elif name in SCALERS:
        there, back = SCALERS[name]
        yield direct({"transform": _evaluator(model, there), "inverse_transform": _evaluator(model, back)})


def _evaluator(model: Any, steps_of: Callable[[dict[str, Any], Any], list[Step]]) -> Evaluate:
    state = state_of(model)

    def evaluate(X: Array) -> Any:
        if not state["copy"]:
            return None  # X is to be changed
        steps = steps_of(state, X.dtype)
        n_columns = X.shape[1]
        for _, row in steps:
            if type(row) is not np.ndarray or row.shape != (n_columns,):
                return None
        return _applied(X, steps)

    return evaluate


def _applied(X: Array, steps: list[Step]) -> Array:
    found = np.empty_like(X)
    if not steps:
        found[...] = X
        return found
    # NumPy begins anew for every row, which takes longer than a short row itself: several rows are taken as one.
    together = max(1, _WIDE // X.shape[1])
    whole = len(X) // together * together if len(X) >= _MANY * together else 0
    if whole:
        shape, wide = (-1, together * X.shape[1]), [(operation, np.tile(row, together)) for operation, row in steps]
        _blockwise(X[:whole].reshape(shape), found[:whole].reshape(shape), wide)
    if whole < len(X):
        _blockwise(X[whole:], found[whole:], steps)
    return found


def _blockwise(X: Array, found: Array, steps: list[Step]) -> None:
    n_rows = max(1, _BLOCK // (X.itemsize * X.shape[1]))
    for start in range(0, len(X), n_rows):
        source, target = X[start : start + n_rows], found[start : start + n_rows]
        for operation, row in steps:
            # What is double in the model is computed in doubles, and rounded, as `X -= row` does.
            operation(source, row, out=target, casting="same_kind")
            source = target


def _cast(row: Array, dtype: Any) -> Array:
    return row.astype(dtype, copy=False) if _CASTS else row


def _standard(state: dict[str, Any], dtype: Any) -> list[Step]:
    steps: list[Step] = []
    if state["with_mean"]:
        steps.append((np.subtract, _cast(state["mean_"], dtype)))
    if state["with_std"]:
        steps.append((np.divide, _cast(state["scale_"], dtype)))
    return steps


def _standard_back(state: dict[str, Any], dtype: Any) -> list[Step]:
    steps: list[Step] = []
    if state["with_std"]:
        steps.append((np.multiply, _cast(state["scale_"], dtype)))
    if state["with_mean"]:
        steps.append((np.add, _cast(state["mean_"], dtype)))
    return steps


def _bounds(low: Any, high: Any, dtype: Any, width: int) -> list[Step]:
    return [
        (np.maximum, np.full(width, low, dtype=dtype)),
        (np.minimum, np.full(width, high, dtype=dtype)),
    ]


def _min_max(state: dict[str, Any], dtype: Any) -> list[Step]:
    scale = state["scale_"]
    steps: list[Step] = [(np.multiply, scale), (np.add, state["min_"])]
    if state["clip"]:
        low, high = state["feature_range"]
        steps += _bounds(low, high, dtype, len(scale))
    return steps


def _min_max_back(state: dict[str, Any], dtype: Any) -> list[Step]:
    return [(np.subtract, state["min_"]), (np.divide, state["scale_"])]


def _max_abs(state: dict[str, Any], dtype: Any) -> list[Step]:
    scale = state["scale_"]
    steps: list[Step] = [(np.divide, scale)]
    if state.get("clip"):  # since scikit-learn 1.8
        steps += _bounds(-1.0, 1.0, dtype, len(scale))
    return steps


def _max_abs_back(state: dict[str, Any], dtype: Any) -> list[Step]:
    return [(np.multiply, state["scale_"])]


def _robust(state: dict[str, Any], dtype: Any) -> list[Step]:
    steps: list[Step] = []
    if state["with_centering"]:
        steps.append((np.subtract, state["center_"]))
    if state["with_scaling"]:
        steps.append((np.divide, state["scale_"]))
    return steps


def _robust_back(state: dict[str, Any], dtype: Any) -> list[Step]:
    steps: list[Step] = []
    if state["with_scaling"]:
        steps.append((np.multiply, state["scale_"]))
    if state["with_centering"]:
        steps.append((np.add, state["center_"]))
    return steps


#: The steps there and back, by class.
SCALERS: dict[str, tuple[Callable[[dict[str, Any], Any], list[Step]], Callable[[dict[str, Any], Any], list[Step]]]] = {
    "sklearn.preprocessing.MaxAbsScaler": (_max_abs, _max_abs_back),
    "sklearn.preprocessing.MinMaxScaler": (_min_max, _min_max_back),
    "sklearn.preprocessing.RobustScaler": (_robust, _robust_back),
    "sklearn.preprocessing.StandardScaler": (_standard, _standard_back),
}


def _normalizer(model: Any) -> Evaluate:
    state = state_of(model)

    def transform(X: Array) -> Any:
        if not state["copy"]:
            return None
        norm = state["norm"]
        if norm == "l2":
            norms = np.sqrt(np.einsum("ij,ij->i", X, X))
        elif norm == "l1":
            norms = np.abs(X).sum(axis=1)
        elif norm == "max":
            norms = np.abs(X).max(axis=1)
        else:
            return None
        norms[norms < 10 * np.finfo(norms.dtype).eps] = 1.0  # rows of zeros stay as they are
        return X / norms[:, np.newaxis]

    return transform
