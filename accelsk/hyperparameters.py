"""The hyperparameters of an estimator, at the price that a decision at every fit can pay."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Any

from sklearn.base import BaseEstimator

__all__ = ["key_of", "params_of"]

_PLAIN = (bool, int, float, str, type(None))


def params_of(estimator: Any) -> dict[str, Any]:
    """Return what ``estimator.get_params(deep=False)`` returns.

    Parameters
    ----------
    estimator : estimator
        Of any library.

    Returns
    -------
    dict
        Names to values. Scikit-learn's own reads the signature of the constructor at every call.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> params_of(Ridge(alpha=2))["alpha"]
    2
    """
    cls: Any = type(estimator)
    if getattr(cls, "get_params", None) is not BaseEstimator.get_params:
        params: dict[str, Any] = estimator.get_params(deep=False)
        return params
    return {name: getattr(estimator, name) for name in _names(cls)}


@lru_cache(maxsize=1024)
def _names(cls: Any) -> tuple[str, ...]:
    return tuple(cls._get_param_names())


def key_of(params: Mapping[str, Any]) -> Hashable | None:
    """Return what two estimators of a class have in common if and only if their hyperparameters are the same.

    Parameters
    ----------
    params : mapping
        The hyperparameters.

    Returns
    -------
    hashable or None
        None where a value is more than a number, a string, a boolean or None: it may change, or be compared in its own
        way.

    Examples
    --------
    >>> key_of({"C": 1}) == key_of({"C": 1.0}), key_of({"kernel": len}) is None
    (False, True)
    """
    values = params.values()
    if all(type(value) in _PLAIN for value in values):
        return (*params, *values, *map(type, values))
    return None
