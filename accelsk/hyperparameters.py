"""The hyperparameters of an estimator, at the price that a decision at every fit can pay."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from functools import lru_cache
from operator import attrgetter, is_
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from accelsk.origin import home_of

__all__ = ["are_plain", "fresh", "is_plain", "key_of", "params_of"]

#: What never changes, and is compared by its value. The numbers of NumPy are what grids are made of.
_PLAIN = frozenset(
    (bool, int, float, str, type(None), np.bool_, np.float64, np.float32, np.int64, np.int32, np.str_)
)  # fmt: skip

#: What `sklearn.base.clone` copies besides the hyperparameters.
_CONFIGURED = frozenset(("_metadata_request", "_sklearn_output_config", "_skl_callbacks"))


def params_of(estimator: Any) -> dict[str, Any]:
    """Return what ``estimator.get_params(deep=False)`` returns.

    Parameters
    ----------
    estimator : estimator
        Of any library.

    Returns
    -------
    dict
        Names to values. Scikit-learn's own reads the signature of the constructor at every call, and that of a library
        of gradient boosting three of them.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> params_of(Ridge(alpha=2))["alpha"]
    2
    """
    cls: Any = type(estimator)
    if getattr(cls, "get_params", None) is not BaseEstimator.get_params:
        return _told(estimator)
    names, values_of = _read(cls)
    return dict(zip(names, values_of(estimator), strict=True))


@lru_cache(maxsize=1024)
def _read(cls: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of the hyperparameters, and what reads their values off an estimator."""
    names = tuple(cls._get_param_names())
    if len(names) > 1:
        return names, attrgetter(*names)
    return names, lambda estimator: tuple(getattr(estimator, name) for name in names)


def _told(estimator: Any) -> dict[str, Any]:
    """What a class's own ``get_params`` returns: of a library that is an engine it depends on the attributes only."""
    state = _state_of(estimator)
    known = None if state is None else _told_of.get(state)
    if known is not None:
        return dict(known)
    params: dict[str, Any] = estimator.get_params(deep=False)
    if state is not None and home_of(type(estimator)) is not None:
        if len(_told_of) >= _MOST:
            _told_of.clear()
        _told_of[state] = dict(params)
    return params


_told_of: dict[Hashable, dict[str, Any]] = {}
_MOST = 1024


def _state_of(estimator: Any) -> Hashable | None:
    """What two instances have in common if and only if their attributes are the same; None where they may change."""
    held = getattr(estimator, "__dict__", None)
    if not held:
        return None  # its attributes, if it has any, are elsewhere
    key = key_of(held)
    if key is not None:
        return (type(estimator), key)
    within = {name: key_of(value) for name, value in held.items() if type(value) is dict}  # further parameters
    if not within or None in within.values():
        return None
    key = key_of({name: value for name, value in held.items() if name not in within})
    return None if key is None else (type(estimator), key, *within.items())


def is_plain(value: Any) -> bool:
    """Say whether a value is a number, a string, a boolean or None, or a tuple of them.

    Parameters
    ----------
    value : object
        Of a hyperparameter.

    Returns
    -------
    bool
        If so, a copy of it is as good as the value itself.

    Examples
    --------
    >>> is_plain((0, 1)), is_plain([0, 1])
    (True, False)
    """
    return type(value) in _PLAIN or (type(value) is tuple and all(type(each) in _PLAIN for each in value))


def are_plain(values: Collection[Any]) -> bool:
    """Say whether all of some values are plain.

    Parameters
    ----------
    values : collection
        Of hyperparameters.

    Returns
    -------
    bool
        What `is_plain` says of each.

    Examples
    --------
    >>> are_plain([1, "a", (0, 1)]), are_plain([1, [2]])
    (True, False)
    """
    return _PLAIN.issuperset(map(type, values)) or all(map(is_plain, values))


def key_of(params: Mapping[str, Any]) -> Hashable | None:
    """Return what two estimators of a class have in common if and only if their hyperparameters are the same.

    Parameters
    ----------
    params : mapping
        The hyperparameters.

    Returns
    -------
    hashable or None
        None where a value is not plain (see `is_plain`): it may change, or be compared in its own way.

    Examples
    --------
    >>> key_of({"C": 1}) == key_of({"C": 1.0}), key_of({"kernel": len}) is None
    (False, True)
    """
    values = params.values()
    kinds = tuple(map(type, values))
    if _PLAIN.issuperset(kinds):
        return (*params, *values, *kinds)
    if all(map(is_plain, values)):
        within = (tuple(map(type, value)) if type(value) is tuple else type(value) for value in values)
        return (*params, *values, *within)
    return None


def fresh(estimator: Any) -> Any:
    """Return what ``sklearn.base.clone`` returns.

    Parameters
    ----------
    estimator : estimator
        Of any library.

    Returns
    -------
    estimator
        Unfitted, with the same hyperparameters. Scikit-learn's own reads the signature of the constructor three times,
        and copies values that never change: a tenth of a small fit.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> fresh(Ridge(alpha=2))
    Ridge(alpha=2)
    """
    cls: Any = type(estimator)
    plainly = getattr(cls, "__sklearn_clone__", None) is BaseEstimator.__sklearn_clone__
    if not plainly or not _CONFIGURED.isdisjoint(vars(estimator)):
        return clone(estimator)
    if cls.get_params is not BaseEstimator.get_params:
        return _fresh_by_state(cls, estimator)
    names, values_of = _read(cls)
    values = values_of(estimator)
    if not are_plain(values):
        return clone(estimator)
    made = cls(**dict(zip(names, values, strict=True)))
    if not all(map(is_, values_of(made), values)):
        return clone(estimator)  # a constructor that changes what it was given: the error is scikit-learn's
    return made


def _fresh_by_state(cls: Any, estimator: Any) -> Any:
    """The same for a class that says itself what its hyperparameters are: of a library that is an engine."""
    if home_of(cls) is None or _state_of(estimator) is None:
        return clone(estimator)  # to ask may change it: there are classes that draw a number then
    params = _told(estimator)
    if not are_plain(params.values()):
        return clone(estimator)
    made = cls(**params)
    told = None if _state_of(made) is None else key_of(_told(made))
    return made if told == key_of(params) else clone(estimator)
