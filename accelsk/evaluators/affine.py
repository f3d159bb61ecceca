"""Consecutive steps that only shift, scale and multiply, made into one product."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsk.evaluators import linear, projection, scaling
from accelsk.evaluators.direct import Array, state_of
from accelsk.origin import public_name

__all__ = ["Operation", "fused", "head_of", "may_be_linear", "operations_of"]

#: What is larger than that, or smaller than its inverse, is not fused: on the way through the steps themselves a number
#: might be no longer finite, which they would tell.
_LARGE = 1e100


@dataclass(frozen=True)
class Operation:
    """Something that a step does to every row.

    Parameters
    ----------
    kind : {"shift", "scale", "multiply"}
        Adding a row, multiplying by one column by column, or multiplying by a matrix.
    by : array
        The row, or the matrix.
    """

    kind: str
    by: Array


def operations_of(model: Any) -> tuple[list[Operation], tuple[str, ...]] | None:
    """Return what the ``transform`` of a model does to every row.

    Parameters
    ----------
    model : estimator
        Fitted.

    Returns
    -------
    operations : list of Operation
        In their order.
    names : tuple of str
        The attributes that they were read from.

    None
        For a class that does something else, or is not known.
    """
    name, state = public_name(type(model)), state_of(model)
    if not state.get("copy", True):
        return None  # X is to be changed
    if name == "sklearn.preprocessing.StandardScaler":
        found = _scaled(state, "mean_" if state["with_mean"] else "", "scale_" if state["with_std"] else "")
        return found, ("with_mean", "with_std", "mean_", "scale_", "copy")
    if name == "sklearn.preprocessing.RobustScaler":
        found = _scaled(state, "center_" if state["with_centering"] else "", "scale_" if state["with_scaling"] else "")
        return found, ("with_centering", "with_scaling", "center_", "scale_", "copy")
    if name == "sklearn.preprocessing.MaxAbsScaler" and not state.get("clip"):
        return _scaled(state, "", "scale_"), ("clip", "scale_", "copy")
    if name == "sklearn.preprocessing.MinMaxScaler" and not state["clip"]:
        return [Operation("scale", state["scale_"]), Operation("shift", state["min_"])], (
            *("clip", "scale_", "min_", "copy"),
        )
    if name in projection.CENTRED:
        found = [Operation("shift", -state["mean_"]), Operation("multiply", state["components_"].T)]
        if state["whiten"]:
            found.append(Operation("scale", 1 / projection.scale_of(state)))
        return found, ("mean_", "components_", "whiten", "explained_variance_")
    if name == "sklearn.decomposition.TruncatedSVD":
        return [Operation("multiply", state["components_"].T)], ("components_",)
    return None


def _scaled(state: dict[str, Any], shift: str, scale: str) -> list[Operation]:
    found = []
    if shift:
        found.append(Operation("shift", -state[shift]))
    if scale:
        found.append(Operation("scale", 1 / state[scale]))
    return found


def head_of(model: Any, method: str) -> tuple[list[Operation], Callable[[Array], Any], tuple[str, ...]] | None:
    """Return the linear part of a method of a linear model.

    Parameters
    ----------
    model : estimator
        Fitted.
    method : str
        The method.

    Returns
    -------
    operations : list of Operation
        Up to the scores.
    finish : callable
        What the method makes of the scores.
    names : tuple of str
        The attributes that were read.

    None
        For a class, or a method, that is not known.
    """
    finishes = linear.finishes(model)
    if method not in finishes:
        return None
    state, finish = state_of(model), finishes[method]
    coef = state["coef_"]
    if type(coef) is not np.ndarray:
        return None
    flat = coef.ndim == 1 or (len(coef) == 1 and linear.is_flat(model))
    weights = coef.T if coef.ndim == 2 else coef[:, np.newaxis]
    offset = np.broadcast_to(np.asarray(state["intercept_"], dtype=np.float64), (weights.shape[1],))

    def finished(scores: Array) -> Any:
        if flat:
            scores = scores.ravel()
        return scores if finish is None else finish(scores)

    return [Operation("multiply", weights), Operation("shift", offset)], finished, ("coef_", "intercept_")


def fused(operations: Iterable[Operation]) -> Callable[[Array], Array] | None:
    """Make one function of many operations: few products, computed before there is an X.

    Parameters
    ----------
    operations : iterable of Operation
        In their order.

    Returns
    -------
    callable or None
        Takes a float64 array, and returns another one. None where an operation is not in doubles, or so large that
        what is between two steps might overflow.
    """
    operations = list(operations)
    for operation in operations:
        by = operation.by
        if type(by) is not np.ndarray or by.dtype != np.float64 or not (np.abs(by) < _LARGE).all():
            return None
    stages = list(_stages(operations))

    def compute(X: Array) -> Array:
        for stage in stages:
            X = stage(X)
        return X

    return stages[0] if len(stages) == 1 else compute


def _stages(operations: list[Operation]) -> Iterator[Callable[[Array], Array]]:
    stage = _Stage()
    for operation in operations:
        if operation.kind == "shift":
            stage.shift(operation.by)
        elif operation.kind == "scale":
            stage.scale(operation.by)
        elif stage.takes(operation.by):
            stage.multiply(operation.by)
        else:
            yield stage.function()
            stage = _Stage()
            stage.multiply(operation.by)
    yield stage.function()


class _Stage:
    """``(X - center) * factors @ weights + offset``.

    The first shift stays in front: with the weights multiplied out, what is left of large numbers that lie close
    together would be lost.
    """

    def __init__(self) -> None:
        self._center: Array | None = None
        self._factors: Array | None = None
        self._weights: Array | None = None
        self._offset: Array | None = None

    def shift(self, by: Array) -> None:
        if self._weights is None and self._center is None and self._offset is None:
            self._center = -by if self._factors is None else -by / self._factors
        else:
            self._offset = by if self._offset is None else self._offset + by

    def scale(self, by: Array) -> None:
        if self._weights is not None:
            self._weights = self._weights * by
        else:
            self._factors = by if self._factors is None else self._factors * by
        if self._offset is not None:
            self._offset = self._offset * by

    def takes(self, matrix: Array) -> bool:
        """Whether one product of two matrices is to be had at no more work than one after the other."""
        if self._weights is None:
            return True
        (n_in, n_between), n_out = self._weights.shape, matrix.shape[1]
        return bool(n_in * n_out <= n_in * n_between + n_between * n_out)

    def multiply(self, matrix: Array) -> None:
        if self._weights is not None:
            self._weights = self._weights @ matrix
        elif self._factors is not None:
            self._weights = self._factors[:, np.newaxis] * matrix
        else:
            self._weights = matrix
        if self._offset is not None:
            self._offset = self._offset @ matrix

    def function(self) -> Callable[[Array], Array]:
        center, factors, offset = self._center, self._factors, self._offset
        # Contiguous, as the product likes it best.
        weights = None if self._weights is None else np.asfortranarray(self._weights)

        def compute(X: Array) -> Array:
            if center is not None:
                X = X - center
            X = X * factors if weights is None else X @ weights
            if offset is not None:
                X += offset
            return X

        def shifted(X: Array) -> Array:
            X = X.copy() if center is None else X - center
            if offset is not None:
                X += offset
            return X

        return shifted if weights is None and factors is None else compute


def may_be_linear(cls: type) -> bool:
    """Say whether a class is one that `operations_of` or `head_of` may know.

    Parameters
    ----------
    cls : type
        A class of estimators.

    Returns
    -------
    bool
        If not, there is no need to have a model exported.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn.preprocessing import StandardScaler
    >>> may_be_linear(StandardScaler), may_be_linear(RandomForestClassifier)
    (True, False)
    """
    return public_name(cls) in _LINEAR


_LINEAR = projection.CENTRED | linear.REGRESSORS | linear.CLASSIFIERS | linear.GENERALIZED | frozenset(scaling.SCALERS)
_LINEAR |= {"sklearn.decomposition.TruncatedSVD"}
