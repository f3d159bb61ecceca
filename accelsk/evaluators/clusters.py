"""K-means: the nearest centre by the same product as in scikit-learn, so that ties fall as they do there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.linalg.blas import dgemm, sgemm

from accelsk.evaluators.direct import Array, direct, state_of
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.origin import public_name

__all__ = ["offers"]

_CLASSES = frozenset(("sklearn.cluster.KMeans", "sklearn.cluster.MiniBatchKMeans"))

#: Rows that scikit-learn's Lloyd iteration takes at a time; from two such chunks on it has them computed in threads.
_CHUNK = 256


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a k-means.

    Parameters
    ----------
    model : estimator
        Fitted.

    Yields
    ------
    Offer
        Two, if its class is known: for labels, of small batches, and for distances.
    """
    if public_name(type(model)) in _CLASSES:
        yield direct({"predict": _predict(model)}, most_rows=_CHUNK)
        yield direct({"transform": _transform(model)}, dtypes=("float64",))


def _predict(model: Any) -> Evaluate:
    state = state_of(model)

    def predict(X: Array) -> Any:
        centers = state["cluster_centers_"]
        if type(centers) is not np.ndarray or centers.dtype != X.dtype or not centers.flags.c_contiguous:
            return None
        if len(X) > _CHUNK:
            return None
        # The squared distances without the part that belongs to the row alone. This is the very call of BLAS that
        # scikit-learn makes.
        distances = np.empty((len(X), len(centers)), dtype=X.dtype)
        distances[:] = np.einsum("ij,ij->i", centers, centers)
        product = dgemm if X.dtype.char == "d" else sgemm
        product(-2.0, centers.T, X.T, 1.0, distances.T, trans_a=True, overwrite_c=True)
        return distances.argmin(axis=1).astype(np.int32)

    return predict


def _transform(model: Any) -> Evaluate:
    state = state_of(model)

    def transform(X: Array) -> Any:
        centers = state["cluster_centers_"]
        if type(centers) is not np.ndarray or centers.dtype != X.dtype or centers is X:
            return None
        found = -2 * (X @ centers.T)
        found += np.einsum("ij,ij->i", X, X)[:, np.newaxis]
        found += np.einsum("ij,ij->i", centers, centers)
        np.maximum(found, 0, out=found)
        return np.sqrt(found, out=found)

    return transform
