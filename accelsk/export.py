"""to_sklearn(): a fitted object as scikit-learn's own, with nothing of accelsk or of an engine in it."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from accelsk.backend import route_of
from accelsk.errors import NotPortable
from accelsk.parts import is_estimator
from accelsk.pipeline import AcceleratedPipeline
from accelsk.wrapper import Wrapper

__all__ = ["exported", "exported_as", "is_exporting", "not_portable", "to_sklearn"]


def to_sklearn(fitted: Any) -> Any:
    """Make scikit-learn's own fitted object of a fitted one.

    The result is of the plain classes, with the hyperparameters that were given, and has no reference to accelsk or to
    an engine: it is opened, converted and explained wherever scikit-learn's objects are.

    Parameters
    ----------
    fitted : estimator
        A fitted `AcceleratedEstimator` or `AcceleratedPipeline`; or an object of scikit-learn, or of another library
        that keeps to its conventions, with such objects anywhere inside: a search, a stacking classifier, a
        `ColumnTransformer`. It is not changed, and shares no array with the result.

    Returns
    -------
    estimator
        Of the wrapped class, `sklearn.pipeline.Pipeline`, or the class of `fitted`. Its predictions are those of
        `fitted` to round-off; the documentation of each engine names the largest difference.

    Raises
    ------
    NotPortable
        If a model inside cannot be had without changing it.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    TypeError
        If it is no estimator.

    See Also
    --------
    save : Write such an object to a file that is opened without running code.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from accelsk import AcceleratedEstimator, to_sklearn
    >>> X, y = load_iris(return_X_y=True)
    >>> to_sklearn(AcceleratedEstimator(LogisticRegression(C=2)).fit(X, y))
    LogisticRegression(C=2)
    """
    if not is_estimator(fitted):
        raise TypeError(f"fitted={fitted!r} is no estimator: it must be an instance with a fit.")
    check_is_fitted(fitted)
    memo: dict[Any, Any] = {_EXPORTING: True}
    try:
        made = copy.deepcopy(fitted, memo)
    except (TypeError, pickle.PicklingError) as error:
        raise NotPortable(
            f"{type(fitted).__name__} cannot be copied: {error}.", hint="take out what cannot be copied, and fit again."
        ) from error
    left = _left_in(made, memo)
    if left:
        raise NotPortable(
            f"{type(fitted).__name__} holds {left} where it cannot be exchanged.",
            hint="export the parts one by one, to_sklearn(part).",
        )
    return made


#: In the memo of a deep copy: that wrappers are copied as what they wrap. All other keys of a memo are integers.
_EXPORTING = "accelsk.export"


def is_exporting(memo: Mapping[Any, Any]) -> bool:
    """Say whether a deep copy is an export.

    Parameters
    ----------
    memo : mapping
        What `copy.deepcopy` passes on.

    Returns
    -------
    bool
        Whether wrappers are to be copied as what they wrap.
    """
    return _EXPORTING in memo


def exported_as(obj: Any, memo: dict[Any, Any]) -> Any:
    """Make scikit-learn's own object of one of ours: the copy of it in a deep copy that exports.

    Parameters
    ----------
    obj : Wrapper or AcceleratedPipeline
        It is not changed.
    memo : dict
        Of the deep copy.

    Returns
    -------
    estimator
        Fitted, if `obj` is.
    """
    return exported(obj, memo) if isinstance(obj, Wrapper) else _exported_pipeline(obj, memo)


def exported(wrapper: Wrapper, memo: dict[Any, Any] | None = None) -> Any:
    """Make scikit-learn's own estimator of a wrapper: fitted, if that is.

    Parameters
    ----------
    wrapper : Wrapper
        It is not changed.
    memo : mapping, default=None
        Of the deep copy that this is part of.

    Returns
    -------
    estimator
        Of the wrapped class.

    Raises
    ------
    NotPortable
        If the engine's fitted model cannot be had.
    """
    memo = {_EXPORTING: True} if memo is None else memo
    held = vars(wrapper)
    if "_backend" not in held:
        return copy.deepcopy(clone(wrapper._inner), memo)
    route = held.get("_route") or route_of(wrapper._decision, type(wrapper._inner))
    if route.row is None:
        made = copy.deepcopy(wrapper._backend, memo)
        if "n_jobs" in made.get_params(deep=False):
            made.set_params(n_jobs=wrapper._inner.n_jobs)  # an option of the wrapper stood in for it
        return made
    if not route.row.export.portable:
        raise not_portable(route.engine, route.row.name, route.row.export.refused)
    return route.adapter.export(wrapper._backend, route.row, copy.deepcopy(wrapper._as_fitted(), memo))


def not_portable(engine: str, estimator: str, reason: str) -> NotPortable:
    """Return the error for a model that an engine cannot give away.

    Parameters
    ----------
    engine : str
        The engine's name.
    estimator : str
        The name of the class.
    reason : str
        Why, one sentence without its full stop.

    Returns
    -------
    NotPortable
        To be raised.
    """
    return NotPortable(
        f"the {estimator} that engine {engine!r} fitted cannot be made scikit-learn's own: {reason}.",
        hint="fit it with the reference engine, or keep the engine installed where the model is used.",
        engine=engine,
        estimator=estimator,
    )


def _exported_pipeline(pipeline: AcceleratedPipeline, memo: dict[Any, Any]) -> Pipeline:
    names = Pipeline._get_param_names()
    given = {name: value for name, value in vars(pipeline).items() if name in names}
    if given.get("memory") == "cache":  # to scikit-learn it would be a folder of that name
        given["memory"] = None
    made = Pipeline(**{name: copy.deepcopy(value, memo) for name, value in given.items()})
    ours = {*type(pipeline)._get_param_names(), "_carried", "_evaluation"}
    for name, value in vars(pipeline).items():
        if name not in ours:
            setattr(made, name, copy.deepcopy(value, memo))
    return made


def _left_in(made: Any, memo: dict[Any, Any]) -> str:
    """Name an object of accelsk that the result still refers to; empty where there is none."""
    from cloudpickle import CloudPickler  # goes into functions, too

    class Watcher(CloudPickler):
        """A pickler that stops at objects of accelsk."""

        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, np.ma.MaskedArray) and obj.dtype.hasobject:
                # The candidates in cv_results_: the one container that does not pass the memo on.
                for index, value in np.ndenumerate(obj.data):
                    obj.data[index] = copy.deepcopy(value, memo)
            named = obj if hasattr(obj, "__qualname__") else type(obj)
            if str(getattr(named, "__module__", "")).partition(".")[0] == "accelsk":
                raise _Found(f"an object of accelsk ({named.__qualname__})")
            return super().reducer_override(obj)

    try:
        Watcher(_Nowhere(), protocol=5, buffer_callback=lambda buffer: None).dump(made)
    except _Found as found:
        return str(found)
    except Exception:  # noqa: BLE001  what cannot be pickled is no fault of what was exported
        return ""
    return ""


class _Found(Exception):
    """An object of accelsk."""


class _Nowhere(io.RawIOBase):
    """A file that keeps nothing."""

    def write(self, data: Any) -> int:
        return memoryview(data).nbytes
