"""Methods of the wrapped class on the wrapper: there when it has them, with its signature, and hidden when not."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable
from functools import lru_cache
from types import MethodType
from typing import Any

__all__ = ["FIT_METHODS", "Delegated", "bound", "called_before", "is_fitting"]

#: Methods that are explicit on the wrapper; others of the wrapped class are found through ``__getattr__``.
FIT_METHODS = ("fit", "partial_fit", "fit_transform", "fit_predict")


def is_fitting(name: str) -> bool:
    """Say whether a method of this name fits the estimator.

    Parameters
    ----------
    name : str
        A method name.

    Returns
    -------
    bool
        By scikit-learn's convention: ``fit``, ``fit_*``, ``partial_fit``.

    Examples
    --------
    >>> is_fitting("fit_resample"), is_fitting("predict")
    (True, False)
    """
    return name in FIT_METHODS or name.startswith("fit_")


class Delegated:
    """A method that an instance has if and only if the estimator it wraps has it.

    Parameters
    ----------
    summary : str
        What the method does, for the documentation of the wrapper's class; on an instance the method has the docstring
        and the signature of the wrapped class.
    """

    def __init__(self, summary: str) -> None:
        self._summary = summary
        self._name = ""
        self._generic: Callable[..., Any] | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        def generic(self: Any, X: Any = None, y: Any = None, /, **params: Any) -> Any:
            given = tuple(value for value in (X, y) if value is not None)
            return bound(self, name)(*given, **params)

        generic.__name__, generic.__qualname__ = name, f"{owner.__qualname__}.{name}"
        generic.__doc__ = f"{self._summary}\n\n{_PARAMETERS}"
        self._name, self._generic = name, generic

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self._generic
        return called_before(instance, self._name) or bound(instance, self._name)


_PARAMETERS = """\
Parameters
----------
X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
    The data.
y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
    The target, for the methods that take one.
**params : dict
    What else the method of the wrapped class takes, such as ``sample_weight``.

Returns
-------
object
    What the method of the wrapped class returns; this object where that one returns itself.
"""


def called_before(instance: Any, name: str) -> MethodType | None:
    """Return a delegating method that the fitted model has, for it was called before.

    Parameters
    ----------
    instance : Wrapper
        The wrapper.
    name : str
        The method.

    Returns
    -------
    method or None
        What `bound` returns; None where that is to be asked, which takes longer than a small prediction.
    """
    evaluation = instance.__dict__.get("_evaluation")
    if evaluation is None:
        return None
    function = evaluation.functions.get(name)
    if function is None and name in evaluation.methods:
        wrapped_class: Any = type(instance._inner)
        function = evaluation.functions[name] = _function(wrapped_class, name)
    return None if function is None else MethodType(function, instance)


def bound(instance: Any, name: str) -> MethodType:
    """Return a delegating method, bound to the wrapper.

    Parameters
    ----------
    instance : Wrapper
        The wrapper.
    name : str
        The method.

    Returns
    -------
    method
        With the signature and docstring of the wrapped class's own.

    Raises
    ------
    AttributeError
        If the wrapped estimator has no such method, in this state.
    """
    wrapped = instance._subject(name)
    wrapped_class: Any = type(instance._inner)
    try:
        getattr(wrapped, name)  # a method may be there or not, depending on hyperparameters
    except AttributeError as error:
        if name == "fit":  # so what is wrapped is no estimator: the fit says so
            return MethodType(_function(wrapped_class, name), instance)
        raise AttributeError(
            f"This {type(wrapped).__name__!r} (wrapped in {type(instance).__name__}) has no attribute {name!r}"
        ) from error
    return MethodType(_function(wrapped_class, name), instance)


@lru_cache(maxsize=4096)
def _function(wrapped: Hashable, name: str) -> Callable[..., Any]:
    """Make the delegating function for a class: `sample_weight` and friends must show in its signature."""
    if is_fitting(name):

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            return self._fit(name, args, kwargs)

    else:

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            if len(args) == 1 and not kwargs:
                evaluation = self.__dict__.get("_evaluation")
                result = None if evaluation is None else evaluation.answer(name, args[0])
                if result is not None:
                    return result
            return self._call(name, args, kwargs)

    original = getattr(wrapped, name, None)
    method.__name__ = name
    method.__qualname__ = f"{getattr(wrapped, '__qualname__', wrapped)}.{name}"
    method.__doc__ = getattr(original, "__doc__", None)
    try:
        signature = inspect.signature(original)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return method
    if next(iter(signature.parameters), "") == "self":
        method.__signature__ = signature  # type: ignore[attr-defined]
    return method
