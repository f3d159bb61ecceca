"""One row walked down all trees of an ensemble, three levels at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Strides"]

Array = npt.NDArray[Any]

#: The levels of a stride: its splits, and one bit to spare, are a byte.
_LEVELS = 3
_ENDS = 2**_LEVELS

#: How many places are filled in at a time: what is held meanwhile is little beside the result.
_AT_ONCE = 2**14


def _ends() -> Array:
    """Where a row comes out, by the byte of the answers: its highest bit is that of the first split."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    at = np.zeros(256, dtype=np.intp)
    for _ in range(_LEVELS):
        at = 2 * at + 1 + bits[np.arange(256), at]
    return np.asarray(at - (_ENDS - 1))


_END = _ends()


class Strides:
    """The trees of a grove, for a single row.

    For so few comparisons it is the calls of NumPy that take the time. So all seven splits are asked that the row may
    meet on three levels. The answers are the bits of a number, and a table says at which of the eight ends the row
    comes out. The places that are reached there are consecutive.

    Parameters
    ----------
    left : ndarray of int
        The left child of each node; the right one is the next. A leaf is its own.
    feature, threshold, missing_right : ndarray
        As of `Branches`. Nothing is greater than the threshold of a leaf, and nothing missing goes right there.
    n_trees : int
        The first so many nodes are the roots.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array
    >>> strides = Strides(one([1, 1, 2]), one([0, 0, 0]), one([0.5, np.inf, np.inf]), one([True, False, False]), 1)
    >>> [int(strides(one([x]), complete=x == x)[0]) for x in (0.5, 0.6, np.nan)]
    [1, 2, 2]
    """

    def __init__(self, left: Array, feature: Array, threshold: Array, missing_right: Array, n_trees: int) -> None:
        right = left + (left != np.arange(len(left)))
        tops = owner = np.arange(n_trees)
        strides = np.zeros(n_trees, dtype=np.intp)
        n_places, parts = n_trees, list[tuple[Array, Array]]()
        while len(tops):
            (inner,) = np.nonzero(left[tops] != tops)
            strides[owner[inner]] = len(parts) + 1
            onward = np.arange(n_places - len(tops), n_places)  # a leaf leads to itself
            onward[inner] = n_places + _ENDS * np.arange(len(inner))
            parts.append((tops, onward))
            n_places += _ENDS * len(inner)
            tops, owner = tops[inner], owner[inner].repeat(_ENDS)
            for _ in range(_LEVELS):
                tops = _children(left, right, tops[:, None]).ravel()
        self._node, self._onward = (np.concatenate(part) for part in zip(*parts, strict=True))
        short = np.int16 if feature.max(initial=0) < 2**15 else np.intp
        self._feature = np.zeros((n_places, _ENDS), dtype=short)
        self._threshold = np.full((n_places, _ENDS), np.inf, dtype=threshold.dtype)
        self._missing_right = np.empty(n_places, dtype=np.uint8)
        for begin in range(0, n_places, _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            first = self._node[part, None]
            second = _children(left, right, first)
            asked = np.concatenate([first, second, _children(left, right, second)], axis=1)
            self._feature[part, :-1] = feature[asked]
            self._threshold[part, :-1] = threshold[asked]
            self._missing_right[part] = np.packbits(missing_right[asked], axis=1)[:, 0]
        # The trees with the most strides come first: those with a further one are always the first so many.
        start = np.argsort(-strides, kind="stable")
        self._order = np.argsort(start)
        self._reach = [int(np.count_nonzero(strides > done)) for done in range(1, int(strides.max(initial=0)))]
        self._first = start, self._feature[start].astype(np.intp), self._threshold[start], self._onward[start]

    def __call__(self, row: Array, *, complete: bool) -> Array:
        """Return the leaf of each tree.

        Parameters
        ----------
        row : ndarray of shape (n_features,)
            Of the dtype of the thresholds.
        complete : bool
            Whether no value is missing.

        Returns
        -------
        ndarray of shape (n_trees,)
            Its number among the nodes.
        """
        here, feature, threshold, onward = self._first
        value = row.take(feature)
        right = np.packbits(value > threshold)
        if not complete:
            right |= np.packbits(np.isnan(value)) & self._missing_right.take(here)
        places = _END.take(right)
        places += onward
        for reach in self._reach:
            here = places[:reach]
            value = row.take(self._feature.take(here, axis=0))
            right = np.packbits(value > self._threshold.take(here, axis=0))
            if not complete:
                right |= np.packbits(np.isnan(value)) & self._missing_right.take(here)
            np.add(self._onward.take(here), _END.take(right), out=here)
        nodes: Array = self._node.take(places.take(self._order))
        return nodes


def _children(left: Array, right: Array, nodes: Array) -> Array:
    """The children of each row of nodes, from left to right; a leaf is its own."""
    return np.stack([left[nodes], right[nodes]], axis=2).reshape(len(nodes), 2 * nodes.shape[1])
