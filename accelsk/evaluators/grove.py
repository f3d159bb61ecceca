"""All trees of an ensemble walked down together, level by level: a few calls of NumPy, however many trees there are.

Asking one tree after the other costs more than a small prediction itself. Which way a row goes at a split is compared
as the library of the model does it, in the same precision: the leaves are the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsk.batches import is_finite, squares
from accelsk.evaluators.strides import Strides

__all__ = ["Branches", "Grove", "added", "cost", "in_single", "rounded_down"]

Array = npt.NDArray[Any]

# Seconds on one thread of the machine of the measurements (decision 0017): a call, a level of it, one tree of one
# row at a level, and a node when the trees are brought into one order.
_CALL, _LEVEL, _STEP, _NODE = 15e-6, 6e-6, 6e-9, 3e-7

#: From how many nodes on a single row goes level by level, too: for strides there are 90 bytes of each.
_LARGE = 2**22

#: Where the squares of some numbers add up to less, each is one in single precision, too.
_SURE = 1e76


@dataclass(frozen=True)
class Branches:
    """The nodes of all trees, one tree after the other.

    Parameters
    ----------
    sizes : sequence of int
        How many nodes each tree has; its first one is the root.
    left, right : ndarray of int
        The children, counted within the tree; the same number twice for a leaf.
    feature : ndarray of int
        The column that a split looks at.
    threshold : ndarray
        Up to which value, included, a row goes left.
    missing_right : ndarray of bool
        Whether a row without a value goes right.
    values : ndarray of shape (n_nodes,) or (n_nodes, n_values)
        What is found at a leaf.
    """

    sizes: Sequence[int]
    left: Array
    right: Array
    feature: Array
    threshold: Array
    missing_right: Array
    values: Array


class Grove:
    """Trees that are walked down together.

    Parameters
    ----------
    branches : Branches
        The trees.
    dtype : dtype
        The precision in which values are compared. Thresholds are rounded down to it, which changes no way: no number
        of that precision is between.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array
    >>> branches = Branches((3,), one([1, -1, -1]), one([2, -1, -1]), one([0, 0, 0]), one([0.5, 0, 0]),
    ...                     one([False] * 3), one([0.0, 10.0, 20.0]))
    >>> Grove(branches, np.float32)(np.array([[0.5], [0.6], [np.nan]], dtype=np.float32))
    array([[10., 20., 10.]])
    """

    def __init__(self, branches: Branches, dtype: npt.DTypeLike) -> None:
        sizes = np.asarray(branches.sizes)
        n_trees, n_nodes = len(sizes), len(branches.left)
        roots = np.cumsum([0, *sizes])[:-1]
        tree = np.repeat(np.arange(n_trees), sizes)
        (inner,) = np.nonzero(branches.left != branches.right)
        # The roots come first, and the children of a split one after the other: right is left and one.
        place = np.empty(n_nodes, dtype=np.intp)
        place[roots] = np.arange(n_trees)
        children = n_trees + 2 * np.arange(len(inner))
        shift = roots[tree[inner]]
        place[branches.left[inner] + shift] = children
        place[branches.right[inner] + shift] = children + 1
        at = place[inner]
        # A leaf leads to itself: nothing is greater than infinity, and it is left of itself.
        self._left = np.arange(n_nodes)
        self._left[at] = children
        self._feature = np.zeros(n_nodes, dtype=np.intp)
        self._feature[at] = branches.feature[inner]
        self._threshold = np.full(n_nodes, np.inf, dtype=dtype)
        self._threshold[at] = rounded_down(branches.threshold[inner], dtype)
        self._missing_right = np.zeros(n_nodes, dtype=bool)
        self._missing_right[at] = branches.missing_right[inner]
        self._values = np.empty_like(branches.values)
        self._values[place] = branches.values
        owner = np.empty(n_nodes, dtype=np.intp)
        owner[place] = tree
        # The deepest trees come first: those with a further level are always the first so many.
        depths = _depths(self._left, owner, n_trees)
        self._start = np.argsort(-depths, kind="stable")
        self._order = np.argsort(self._start)
        self._reach = [int(np.count_nonzero(depths > level)) for level in range(int(depths.max(initial=0)))]
        self._strides: Strides | None = None

    def __call__(self, X: Array) -> Array:
        """Return what is found at the leaf of each tree.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            C-contiguous, of the dtype of the thresholds.

        Returns
        -------
        ndarray of shape (n_trees, n_rows) or (n_trees, n_rows, n_values)
            The caller's.
        """
        n_rows, n_columns = X.shape
        flat = X.ravel()  # a view
        complete = is_finite(flat)  # or so large that it is looked at more closely
        if n_rows == 1 and len(self._left) <= _LARGE:
            leaves = self._by_strides()(flat, complete=complete)
            return self._values.take(leaves[:, None], axis=0)
        # Tree after tree, not row after row: then those that go on are a slice.
        nodes = self._start.repeat(n_rows)
        offsets = np.tile(np.arange(0, n_rows * n_columns, n_columns), len(self._start)) if n_rows > 1 else None
        for reach in self._reach:
            here = nodes[: reach * n_rows]
            column = self._feature.take(here)
            if offsets is not None:
                column += offsets[: len(here)]
            value = flat.take(column)
            right = value > self._threshold.take(here)
            if not complete:
                right |= np.isnan(value) & self._missing_right.take(here)
            np.add(self._left.take(here), right, out=here)
        found: Array = self._values.take(nodes.reshape(-1, n_rows).take(self._order, axis=0), axis=0)
        return found

    def _by_strides(self) -> Strides:
        """The same trees for a single row; two threads may both make them."""
        strides = self._strides
        if strides is None:
            arrays = self._left, self._feature, self._threshold, self._missing_right
            strides = self._strides = Strides(*arrays, len(self._start))
        return strides


def cost(n_trees: int, n_nodes: int) -> tuple[Callable[[int], float], float]:
    """Estimate what a call takes, and what it takes to make a grove.

    Parameters
    ----------
    n_trees, n_nodes : int
        How many.

    Returns
    -------
    seconds : callable
        By the number of rows.
    build : float
        Seconds.
    """
    depth = 1.8 * np.log2(n_nodes / n_trees + 1)

    def seconds(n_rows: int) -> float:
        level = _LEVEL / 3 if n_rows == 1 and n_nodes <= _LARGE else _LEVEL
        return float(_CALL + depth * (level + n_rows * n_trees * _STEP))

    return seconds, n_nodes * _NODE


def _depths(left: Array, tree: Array, n_trees: int) -> Array:
    """The number of levels of each tree below its root."""
    depths = np.zeros(n_trees, dtype=np.intp)
    level, found = 0, np.arange(n_trees)
    while True:
        children = left[found]
        children = children[children != found]
        if not len(children):
            return depths
        level += 1
        depths[tree[children]] = level
        found = np.concatenate([children, children + 1])


def rounded_down(values: Array, dtype: npt.DTypeLike) -> Array:
    """Return the greatest numbers of a precision that are not above others.

    Parameters
    ----------
    values : ndarray
        Of floats.
    dtype : dtype
        The precision.

    Returns
    -------
    ndarray
        Of that dtype.

    Examples
    --------
    >>> import numpy as np
    >>> float(rounded_down(np.array([0.1]), np.float32)[0]) <= 0.1 < float(np.float32(0.1))
    True
    """
    with np.errstate(over="ignore"):
        rounded: Array = values.astype(dtype)
    above = rounded > values
    rounded[above] = np.nextafter(rounded[above], np.array(-np.inf, dtype=dtype))
    return rounded


def added(found: Array, start: Any = None) -> Array:
    """Add up what was found in all trees, one after the other: in another order the last bits would be others.

    Parameters
    ----------
    found : ndarray of shape (n_trees, ...)
        From a `Grove`.
    start : ndarray, default=None
        What is there before the first one.

    Returns
    -------
    ndarray of shape (...)
        The sums.

    Examples
    --------
    >>> import numpy as np
    >>> added(np.array([[1.0], [2.0]]), start=0.5)
    array([3.5])
    """
    if start is not None:
        terms = np.empty((len(found) + 1, *found.shape[1:]), dtype=found.dtype)
        terms[0], terms[1:] = start, found
        found = terms
    # Of a single column NumPy itself would add up in pairs, and few of them it adds up with a loop for each tree.
    summed: Array = np.add.reduce(found, axis=0) if found[0].size > 3 else np.add.accumulate(found, axis=0)[-1]
    return summed


def in_single(X: Array, *, nan: bool) -> Array | None:
    """Return X in single precision, as the trees of scikit-learn are given it.

    Parameters
    ----------
    X : ndarray
        Of floats, C-contiguous.
    nan : bool
        Whether the model takes NaN.

    Returns
    -------
    ndarray or None
        None for what the model refuses: with infinity, in single precision, or with NaN.

    Examples
    --------
    >>> import numpy as np
    >>> in_single(np.array([[0.1, 1e39]]), nan=True) is None
    True
    """
    if X.dtype != np.float32:
        if squares(X) < _SURE:
            return X.astype(np.float32)
        with np.errstate(over="ignore"):
            X = X.astype(np.float32)
    flat = X.ravel()
    # One pass; unlike other reductions this one warns of nothing. Not finite for very large numbers, too.
    if is_finite(flat) or (not np.isinf(flat).any() and (nan or not np.isnan(flat).any())):
        return X
    return None
