"""Principal components: a product with the components."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from accelsk.evaluators.direct import Array, are_arrays, direct, state_of
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.origin import public_name

__all__ = ["CENTRED", "offers", "scale_of"]

#: Those that take the mean away first, and may whiten.
CENTRED = frozenset(("sklearn.decomposition.IncrementalPCA", "sklearn.decomposition.PCA"))


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a projection.

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
    if name in CENTRED:
        yield direct({"transform": _transform(model), "inverse_transform": _inverse(model)})
    elif name == "sklearn.decomposition.TruncatedSVD":
        yield direct({"transform": _product(model), "inverse_transform": _product_back(model)})


def scale_of(state: dict[str, Any]) -> Array:
    """Return by what whitening divides.

    Parameters
    ----------
    state : dict
        The attributes of the model.

    Returns
    -------
    array
        A positive number for each component.
    """
    scale: Array = np.sqrt(state["explained_variance_"])
    np.maximum(scale, np.finfo(scale.dtype).eps, out=scale)
    return scale


def _transform(model: Any) -> Evaluate:
    state = state_of(model)

    def transform(X: Array) -> Any:
        components, mean = state["components_"], state["mean_"]
        if not are_arrays(components, mean):
            return None
        turned = components.T
        found = X @ turned
        found -= mean[np.newaxis] @ turned
        if state["whiten"]:
            found /= scale_of(state)
        return found

    return transform


def _inverse(model: Any) -> Evaluate:
    state = state_of(model)

    def inverse_transform(X: Array) -> Any:
        components, mean = state["components_"], state["mean_"]
        if not are_arrays(components, mean) or X.shape[1] != len(components):
            return None
        if state["whiten"]:
            components = np.sqrt(state["explained_variance_"][:, np.newaxis]) * components
        return X @ components + mean

    return inverse_transform


def _product(model: Any) -> Evaluate:
    state = state_of(model)

    def transform(X: Array) -> Any:
        components = state["components_"]
        return X @ components.T if type(components) is np.ndarray else None

    return transform


def _product_back(model: Any) -> Evaluate:
    state = state_of(model)

    def inverse_transform(X: Array) -> Any:
        components = state["components_"]
        if type(components) is not np.ndarray or X.shape[1] != len(components):
            return None
        return np.dot(X, components)

    return inverse_transform
