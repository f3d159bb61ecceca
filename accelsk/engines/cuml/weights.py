"""Weights of rows and classes for cuML's quasi-Newton solver. Imports nothing of cuML.

That solver divides the loss by the sum of the weights, and its gradient by the number of rows. The two agree where
weights have the mean 1: so they are divided by their mean and, where C weighs the sum of the losses, C is multiplied by
it, which is the same problem.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

from accelsk.engines.holding import called

if TYPE_CHECKING:
    from accelsk.engines.held import Held

__all__ = ["fit_weighed", "with_mean_one"]


def fit_weighed(held: Held, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    """Call a method of a library's estimator; a fit with weights of which the mean is 1.

    Parameters
    ----------
    held : Held
        The backend estimator.
    method : str
        The method.
    X : array
        Its first argument.
    given : mapping
        The others.

    Returns
    -------
    object
        What the library returns.
    """
    class_weight = getattr(held.model, "class_weight", None)
    if method != "fit" or (class_weight is None and given.get("sample_weight") is None):
        return called(held, method, X, given)
    weights, mean = with_mean_one(given["y"], class_weight, given.get("sample_weight"))
    if hasattr(held.model, "C"):
        held.model.set_params(C=held.model.C * mean)
    if class_weight is not None:
        held.model.set_params(class_weight=None)
    return called(held, method, X, {**given, "sample_weight": weights.astype(X.dtype)})


def with_mean_one(y: Any, class_weight: Any, sample_weight: Any) -> tuple[Any, float]:
    """Multiply the weights of rows by those of their classes, and divide them by their mean.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The labels; of a regression any numbers.
    class_weight : dict, "balanced" or None
        The weights of the classes, as scikit-learn understands them.
    sample_weight : array-like of shape (n_samples,) or None
        The weights of the rows.

    Returns
    -------
    weights : ndarray of shape (n_samples,)
        With the mean 1.
    mean : float
        What they were divided by.

    Examples
    --------
    >>> weights, mean = with_mean_one([0, 0, 1, 1], {0: 1, 1: 3}, None)
    >>> weights.tolist(), mean
    ([0.5, 0.5, 1.5, 1.5], 2.0)
    """
    y = np.ravel(np.asarray(y))
    weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if class_weight is not None:
        classes, codes = np.unique(y, return_inverse=True)
        # Where scikit-learn's "balanced" counts the weights of the rows, it does so in all classes that come here.
        known = "sample_weight" in inspect.signature(compute_class_weight).parameters
        more = {"sample_weight": weights} if known else {}
        weights = weights * compute_class_weight(class_weight, classes=classes, y=y, **more)[codes]
    mean = float(weights.mean())
    return weights / mean, mean
