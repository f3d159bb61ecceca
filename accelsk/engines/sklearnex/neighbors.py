"""The methods of scikit-learn's nearest neighbours, of neighbours that oneDAL finds and that are proven to be the same.

What is made of the neighbours, votes and means, scikit-learn's own code makes. Rows of which nothing could be proven
(neighbours at the same distance, for one) the model itself is asked for.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import validate_data

from accelsk.engines.sklearnex.search import FEW, MORE, ROUND_OFF, Search, is_euclidean
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.origin import public_name

__all__ = ["offers"]

Array = npt.NDArray[Any]

_METHODS: Mapping[str, tuple[str, ...]] = {
    "sklearn.neighbors.KNeighborsClassifier": ("kneighbors", "predict", "predict_proba"),
    "sklearn.neighbors.KNeighborsRegressor": ("kneighbors", "predict"),
    "sklearn.neighbors.NearestNeighbors": ("kneighbors",),
}

# Seconds with two threads (decision 0024): a call, a row, a neighbour, one of its columns, a pair of rows, one of its
# columns; what it takes to make, per number, and the import.
_CALL, _ROW, _FOUND, _COLUMN, _PAIR, _PRODUCT = 4e-4, 5e-7, 5e-8, 2e-9, 2.5e-10, 8e-12
_NUMBER, _IMPORT = 4e-9, 0.06

#: And a row of which the order and the distances are asked for; rows of the fit take that, others half of it.
_ORDERED = 2e-6

#: Pairs of rows up to which scikit-learn has done before the other library has begun.
_LEAST = 50_000


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluator of a fitted model of neighbours.

    Parameters
    ----------
    model : estimator
        Of scikit-learn.

    Yields
    ------
    Offer
        One, for Euclidean distances to rows of doubles, whatever search the model has; else none.
    """
    methods = _METHODS.get(public_name(type(model)), ())
    if getattr(model, "outputs_2d_", False):
        methods = methods[:1]  # the votes are an array for each output
    X = getattr(model, "_fit_X", None)
    if not methods or not is_euclidean(model) or type(X) is not np.ndarray or X.dtype != np.float64:
        return
    n_fitted, width = X.shape

    def seconds(method: str, n_rows: int) -> float:
        if n_rows * n_fitted < _LEAST:
            return float("inf")
        row = _ROW + (model.n_neighbors + MORE) * (_FOUND + width * _COLUMN)
        row += _ORDERED if method == "kneighbors" else 0.0
        return float(_CALL + n_rows * (row + n_fitted * (_PAIR + width * _PRODUCT)))

    yield Offer(
        name="sklearnex",
        methods=methods,
        make=lambda: _made(model, methods),
        seconds=seconds,
        build=1e-3 + X.size * _NUMBER + (0.0 if "sklearnex" in sys.modules else _IMPORT),
        difference=ROUND_OFF,
        dtypes=("float64",),
        check=partial(_checked, model),
    )


def _checked(model: Any, X: Any) -> Any:
    if not (hasattr(X, "columns") and hasattr(model, "feature_names_in_")):
        return None  # there may be something to warn of, and the model is to do so once
    return validate_data(model, X, accept_sparse="csr", reset=False, order="C")


def _made(model: Any, methods: tuple[str, ...]) -> dict[str, Evaluate]:
    search = Search(model)
    return {method: partial(_answer, search, method) for method in methods}


def _answer(search: Search, method: str, X: Array) -> Any:
    """What a method of the model returns; None where it is to be asked itself."""
    model = search.model
    weights = "distance" if method == "kneighbors" else model.weights
    if not (isinstance(weights, str) and weights in ("uniform", "distance")):
        return None
    found = search.find(X, ordered=weights == "distance")
    if found is None:
        return None
    distances, indices, proven = found
    result: Any
    if method == "kneighbors":
        result = distances, indices
    elif hasattr(model, "classes_"):
        result = _of(model, distances, indices).predict_proba(X)
        if method == "predict":
            if weights == "distance":
                proven &= _clear(result)
            result = model.classes_.take(result.argmax(axis=1), axis=0)
    else:
        result = _of(model, distances, indices).predict(X)
    rest = np.flatnonzero(~proven)
    if len(rest) > FEW * len(X):
        return None
    if len(rest):
        own = search.asked(method, X, rest)
        for into, values in zip(result, own, strict=True) if method == "kneighbors" else ((result, own),):
            into[rest] = values
    return result


def _of(model: Any, distances: Array, indices: Array) -> Any:
    """The model, as one that has found these neighbours."""

    def kneighbors(X: Any, return_distance: bool = True) -> Any:
        return (distances, indices) if return_distance else indices

    found = copy.copy(model)
    found.kneighbors, found._fit_method = kneighbors, "ball_tree"  # brute force would search and vote in one go
    return found


def _clear(votes: Array) -> Array:
    """Whether the class of a row is not a matter of rounding."""
    if votes.shape[1] < 2:
        return np.ones(len(votes), dtype=bool)
    most = np.partition(votes, -2, axis=1)
    return np.asarray(most[:, -1] - most[:, -2] > ROUND_OFF)
