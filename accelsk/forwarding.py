"""Methods of an AcceleratedPipeline: there where scikit-learn's Pipeline of the same steps has them, and found fast."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import getattr_static
from types import MethodType
from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.metaestimators import available_if

from accelsk import frames
from accelsk.delegation import is_fitting
from accelsk.fusion import METHODS, Fusion

__all__ = ["as_the_pipeline"]


def as_the_pipeline(name: str) -> Any:
    """Make a method as scikit-learn's Pipeline documents it.

    Parameters
    ----------
    name : str
        Of a method of the Pipeline.

    Returns
    -------
    descriptor
        For the class of the pipeline.
    """
    theirs = getattr_static(Pipeline, name)

    def has(self: Any) -> bool:
        theirs.__get__(self, type(self))  # raises the AttributeError that says why not
        return True

    def fitting(self: Any, X: Any, y: Any = None, **params: Any) -> Any:
        return self._run(name, X, y, params)

    def computing(self: Any, X: Any, *args: Any, **params: Any) -> Any:
        fusion = None if args or params else _fusion(self, name)
        result = None if fusion is None else fusion.answer(name, self.steps, X)
        if result is not None:
            return result
        args, params = tuple(map(frames.local, args)), {key: frames.local(value) for key, value in params.items()}
        return self._leaving(theirs.__get__(self, type(self))(self._entering(X), *args, **params), X)

    method = wraps(getattr(Pipeline, name))(fitting if is_fitting(name) else computing)
    asking = available_if(has)(method)
    return _Fast(name, asking, method) if name in METHODS else asking


def _fusion(pipeline: Any, method: str) -> Fusion | None:
    """What makes a method fast, once the pipeline is fitted; not kept in pickles."""
    if method not in METHODS:
        return None
    found: Fusion | None = pipeline.__dict__.get("_evaluation")
    if found is None and pipeline.__sklearn_is_fitted__():
        found = pipeline._evaluation = Fusion()
    return found


class _Fast:
    """A method of a pipeline that is known to be there is found without asking scikit-learn, which asks every step.

    Parameters
    ----------
    name : str
        The method.
    asking : descriptor
        The method as it is found otherwise: with `available_if`.
    function : callable
        The method itself.
    """

    def __init__(self, name: str, asking: Any, function: Callable[..., Any]) -> None:
        self._name = name
        self._asking = asking
        self._function = function

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is not None:
            fusion = instance.__dict__.get("_evaluation")
            if fusion is not None and fusion.has(self._name, instance.__dict__.get("steps")):
                return MethodType(self._function, instance)
        return self._asking.__get__(instance, owner)
