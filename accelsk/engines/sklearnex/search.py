"""Neighbours that oneDAL finds in single precision, and the proof that they are scikit-learn's.

oneDAL's brute force search finds a few more than were asked for. Their distances are computed anew in double precision.
Where the farthest is farther than the last that was asked for by more than single precision can have been wrong,
nothing that was not found is nearer; and where the distances of those that were found differ by more than
scikit-learn's own rounding, they are in its order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import config_context, get_config
from sklearn.metrics import pairwise_distances_argmin_min

from accelsk.engines.classes import class_at
from accelsk.engines.sklearnex.threads import one_call

__all__ = ["FEW", "MORE", "ROUND_OFF", "Search", "is_euclidean"]

Array = npt.NDArray[Any]

#: How many neighbours more than were asked for: the farthest is to be clearly farther than the last that was asked for.
MORE = 2

#: The largest relative difference of a distance from scikit-learn's: what counts as rounding for evaluators.
ROUND_OFF = 1e-9

#: The share of the rows that the model itself may be asked for; with more, it is asked for all.
FEW = 0.25

#: After so many rows in calls with too much that could not be proven, the search is given up.
_MANY = 64

#: Squared norms from which single precision may overflow; and what may get lost at its other end, per column.
_LARGE, _SMALL = 1e30, 1e-36

#: Numbers that fit the cache.
_AT_ONCE = 1 << 17

#: Rows of which scikit-learn is asked for the distances among themselves: as many as it computes in one thread.
_BLOCK = 256

#: Rows of which the centre is found.
_SOME = 1000

#: Rows of a chunk where few rows are to be searched as a part of many; scikit-learn wants 20 or more.
_CHUNK = 32


def is_euclidean(model: Any) -> bool:
    """Say whether the distances of a model are Euclidean.

    Parameters
    ----------
    model : estimator
        Of scikit-learn, of nearest neighbours.

    Returns
    -------
    bool
        As its fit has found.
    """
    return getattr(model, "effective_metric_", None) == "euclidean" and not model.effective_metric_params_


class _Index:
    """The rows of a fit, as oneDAL searches them in one precision: around zero, and their copies."""

    def __init__(self, X: Array, dtype: type, n_jobs: Any) -> None:
        self.center = np.median(X[:: 1 + len(X) // _SOME], axis=0)  # not the mean: an outlier would shift it
        self.rows: Array = np.ascontiguousarray(X - self.center, dtype=dtype)
        norms = np.einsum("ij,ij->i", self.rows, self.rows, dtype=np.float64)
        if not norms.max() < _LARGE:
            raise ValueError("so large numbers are not for single precision")
        nearest = class_at("sklearnex.neighbors.NearestNeighbors")
        self.backend = nearest(algorithm="brute", metric="euclidean", n_jobs=n_jobs)
        with one_call(self.backend):
            self.backend.fit(self.rows)
        self.unit = float(np.finfo(dtype).eps) / 2

    def find(self, X: Array, most: int) -> tuple[Array, Array, Array] | None:
        """The nearest rows, their squared distances as searched, and the norms of X."""
        rows = X - self.center
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
        if not norms.max() ** 2 < _LARGE:
            return None
        with one_call(self.backend):
            distances, indices = self.backend.kneighbors(rows.astype(self.rows.dtype, copy=False), most)
        return indices.astype(np.intp, copy=False), np.square(distances, dtype=np.float64), norms

    def error(self, norms: Array, farthest: Array, width: int) -> Array:
        """How far a squared distance to a row that is no farther than that may be from the searched one."""
        # Of |x|^2 + |q|^2 - 2 x.q, in any order of summation, and of the rounding of x and of q before; and |x| is at
        # most |q| and the distance.
        return (width + 12) * self.unit * (2 * norms + np.sqrt(farthest)) ** 2 + width * _SMALL


class Search:
    """The neighbours of a model, found elsewhere and proven.

    Parameters
    ----------
    model : estimator
        Of scikit-learn, fitted to rows of doubles; it is kept, and not changed.
    """

    def __init__(self, model: Any) -> None:
        self.model, self.X = model, model._fit_X
        self.index: _Index | None = _Index(self.X, np.float32, model.n_jobs)
        self.unproven = {np.float32: 0, np.float64: 0}

    def find(self, X: Array, *, ordered: bool) -> tuple[Array, Array, Array] | None:
        """Find the neighbours of rows.

        Parameters
        ----------
        X : array
            The rows.
        ordered : bool
            Whether their order and their distances matter, or only which they are.

        Returns
        -------
        distances, indices : array
            Of the neighbours.
        proven : array of bool
            Of which rows they are scikit-learn's. Instead of the three None where the model is to be asked for all.
        """
        model, index = self.model, self.index
        k, width = model.n_neighbors, self.X.shape[1]
        if index is None or model._fit_X is not self.X or not is_euclidean(model) or not 0 < k <= len(self.X) - MORE:
            return None
        found = index.find(X, k + MORE)
        if found is None:
            return None
        indices, searched, norms = found
        squares = self._squares(X, indices)
        error = index.error(norms, squares.max(axis=1), width)
        if not (np.abs(searched - squares) <= error[:, np.newaxis]).all():
            self.index = None  # it does not compute as was thought
            return None
        gaps = np.diff(squares, axis=1)
        swapped = np.flatnonzero((gaps < 0).any(axis=1))
        if len(swapped):
            order = squares[swapped].argsort(axis=1)
            indices[swapped] = np.take_along_axis(indices[swapped], order, axis=1)
            squares[swapped] = np.take_along_axis(squares[swapped], order, axis=1)
            gaps[swapped] = np.diff(squares[swapped], axis=1)
        rounding = self._rounding(X, squares[:, -1])
        # Twice scikit-learn's: the two that are compared; and as much again for the sums made here.
        clear = gaps[:, k - 1] > 4 * rounding
        if ordered:
            clear &= (gaps[:, : k - 1] > 4 * rounding[:, np.newaxis]).all(axis=1)
        proven = clear & (squares[:, -1] - squares[:, k - 1] > 2 * error + 4 * rounding)
        self._count(clear, proven)
        distances, indices = np.sqrt(squares[:, :k]), np.ascontiguousarray(indices[:, :k])
        if ordered and model._fit_method == "brute":
            proven &= self._told(X, distances, indices, squares, rounding)
        return distances, indices, proven

    def asked(self, method: str, X: Array, rest: Array) -> Any:
        """Ask the model itself for some rows, as they would be answered among all of them.

        Parameters
        ----------
        method : str
            The method.
        X : array
            All rows.
        rest : array of int
            Which of them.

        Returns
        -------
        object
            What the method returns for those. Which of several neighbours at the same distance scikit-learn finds
            depends on whether it shares out to its threads the rows of X, or those of the fit, which it decides by
            their number.
        """
        function, most, n_rows = getattr(self.model, method), _threads(), len(rest)
        chunk = get_config()["pairwise_dist_chunk_size"] or 256
        if self.model._fit_method != "brute" or not _by_rows(len(X), len(self.X), chunk, most):
            return function(X[rest])
        if _by_rows(n_rows, len(self.X), chunk, most):
            return function(X[rest])
        rows = np.resize(rest, max(n_rows, min(len(self.X), 4 * _CHUNK * most) + 1))
        with config_context(pairwise_dist_chunk_size=_CHUNK):
            own = function(X[rows])
        return tuple(each[:n_rows] for each in own) if isinstance(own, tuple) else own[:n_rows]

    def _squares(self, X: Array, indices: Array) -> Array:
        """The squared distances, from differences in double precision."""
        squares: Array = np.empty(indices.shape)
        step = max(1, _AT_ONCE // (indices.shape[1] * X.shape[1]))
        for start in range(0, len(X), step):
            part = slice(start, start + step)
            away = self.X[indices[part]]
            away -= X[part, np.newaxis]
            np.einsum("ijk,ijk->ij", away, away, out=squares[part])
        return squares

    def _rounding(self, X: Array, farthest: Array) -> Array:
        """How far scikit-learn's squared distances may be from the true ones."""
        size: Array = farthest  # its trees take differences, too
        if self.model._fit_method == "brute":
            size = (2 * np.sqrt(np.einsum("ij,ij->i", X, X)) + np.sqrt(farthest)) ** 2
        rounding: Array = (X.shape[1] + 4) * 2.0**-53 * size
        return rounding

    def _told(self, X: Array, distances: Array, indices: Array, squares: Array, rounding: Array) -> Array:
        """Whether the distances are scikit-learn's; those of rows to themselves are, once it has been asked for them.

        It does not find them to be 0, by as much as the square root of the rounding: by how much, that depends on where
        in a batch a row stands.
        """
        close = rounding > 2 * ROUND_OFF * squares[:, 0]
        told = ~close
        if squares.shape[1] > MORE + 1:
            close &= rounding <= 2 * ROUND_OFF * squares[:, 1]
        rows: Array = np.flatnonzero(close)
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK]
            with config_context(assume_finite=True, skip_parameter_validation=True):
                nearest, own = pairwise_distances_argmin_min(X[part], self.X[indices[part, 0]])
            distances[part, 0] = own
            told[part] = indices[part[nearest], 0] == indices[part, 0]
        return told

    def _count(self, clear: Array, proven: Array) -> None:
        """Give up where there is much that cannot be proven; or search in double precision, where that may help."""
        index = self.index
        if index is None or proven.sum() >= (1 - FEW) * len(proven):
            return
        dtype = index.rows.dtype.type
        self.unproven[dtype] += len(proven)
        if self.unproven[dtype] < _MANY:
            return
        precise = dtype == np.float32 and clear.sum() >= (1 - FEW) * len(proven)
        self.index = _Index(self.X, np.float64, self.model.n_jobs) if precise else None


def _by_rows(n_rows: int, n_fitted: int, chunk: int, threads: int) -> bool:
    """Whether scikit-learn shares out the rows of X."""
    return n_fitted < n_rows or 4 * chunk * threads < n_rows


def _threads() -> int:
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

    return int(_openmp_effective_n_threads())
