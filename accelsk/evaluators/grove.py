"""Many trees as one, so that one call of scikit-learn's compiled code finds a leaf in each of them.

In scikit-learn an ensemble asks its trees one after the other, which costs more than a small prediction itself. Here
they are the branches of one tree, whose first splits are on one more column: the number of the tree. A row is given to
it once for each tree. The code that walks down, and the thresholds, are scikit-learn's: the leaves are the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Grove", "HistogramGrove", "in_single"]

Array = npt.NDArray[Any]


class _Joined:
    """What both kinds have in common: the rows, once for each tree.

    Parameters
    ----------
    n_trees, n_features : int
        How many.
    dtype : dtype
        Of the values that are compared with thresholds.
    """

    def __init__(self, n_trees: int, n_features: int, dtype: npt.DTypeLike) -> None:
        self.n_trees = n_trees
        self._n_features = n_features
        self._dtype = dtype
        self._ids = np.arange(n_trees, dtype=dtype)[:, None]

    def _spread(self, X: Array) -> Array:
        # Tree after tree, not row after row: a tree stays in the cache of the processor for all rows.
        rows = np.empty((self.n_trees, len(X), self._n_features + 1), dtype=self._dtype)
        rows[:, :, :-1] = X
        rows[:, :, -1] = self._ids
        return rows.reshape(-1, self._n_features + 1)


class Grove(_Joined):
    """Trees of ``sklearn.tree``, which compare single precision.

    Parameters
    ----------
    nodes : sequence of structured array
        Of each tree: what ``tree_.__getstate__()["nodes"]`` is.
    values : sequence of array of shape (n_nodes, n_values)
        What the nodes of each tree predict.
    n_features : int
        The width of X.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import RandomForestRegressor
    >>> X = np.arange(12.0).reshape(6, 2)
    >>> forest = RandomForestRegressor(n_estimators=3, random_state=0).fit(X, X[:, 0])
    >>> trees = [each.tree_ for each in forest.estimators_]
    >>> grove = Grove([tree.__getstate__()["nodes"] for tree in trees], [tree.value[:, 0] for tree in trees], 2)
    >>> grove(X[:2].astype(np.float32)).mean(axis=0).ravel() == forest.predict(X[:2])
    array([ True,  True])
    """

    def __init__(self, nodes: Sequence[Array], values: Sequence[Array], n_features: int) -> None:
        super().__init__(len(nodes), n_features, np.float32)
        from sklearn.tree._tree import Tree

        joined = _branches(nodes, ("left_child", "right_child", "feature", "threshold"), n_features)
        first = np.zeros((len(nodes) - 1, values[0].shape[1]))
        predicted = np.concatenate([first, *values])[:, None]
        self._tree: Any = Tree(n_features + 1, np.array([predicted.shape[2]], dtype=np.intp), 1)
        # The depth is needed for paths only, which nobody asks this tree for.
        self._tree.__setstate__({"max_depth": 0, "node_count": len(joined), "nodes": joined, "values": predicted})

    def __call__(self, X: Array) -> Array:
        """Return what every tree predicts.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features), dtype float32
            Without infinity.

        Returns
        -------
        ndarray of shape (n_trees, n_rows, n_values)
            Float64.
        """
        found: Array = self._tree.predict(self._spread(X))
        return found.reshape(self.n_trees, len(X), -1)


class HistogramGrove(_Joined):
    """Trees of scikit-learn's histogram gradient boosting, which compare double precision, and know categories.

    Parameters
    ----------
    predictors : sequence of TreePredictor
        One for each tree.
    known : ndarray of shape (n_categorical_features, 8), dtype uint32
        The categories of the fit.
    places : ndarray of shape (n_features,), dtype uint32
        Where `known` has those of a column.
    n_features : int
        The width of X.
    """

    def __init__(self, predictors: Sequence[Any], known: Array, places: Array, n_features: int) -> None:
        super().__init__(len(predictors), n_features, np.float64)
        sets = [each.raw_left_cat_bitsets for each in predictors]
        nodes = [each.nodes for each in predictors]
        joined = _branches(nodes, ("left", "right", "feature_idx", "num_threshold"), n_features)
        before = np.cumsum([0, *(len(each) for each in sets)])[:-1]
        joined["bitset_idx"][len(nodes) - 1 :] += np.repeat(before, [len(each) for each in nodes]).astype(np.uint32)
        bits = np.concatenate(sets)
        self._tree = type(predictors[0])(joined, bits[:0], bits)
        self._known = known, np.append(places, np.uint32(0))

    def __call__(self, X: Array) -> Array:
        """Return what every tree predicts.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features), dtype float64
            Anything.

        Returns
        -------
        ndarray of shape (n_trees, n_rows)
            Float64.
        """
        found: Array = self._tree.predict(self._spread(X), *self._known, 1)
        return found.reshape(self.n_trees, len(X))


def _branches(trees: Sequence[Array], names: tuple[str, str, str, str], column: int) -> Array:
    """The nodes of all trees behind those that find the way to the root of each, by a column with its number."""
    left, right, feature, threshold = names
    first = np.zeros(len(trees) - 1, dtype=trees[0].dtype)
    sizes = [len(nodes) for nodes in trees]
    roots = np.cumsum([len(first), *sizes])[:-1]
    joined = np.concatenate([first, *trees])
    inner = joined[left] != joined[right]  # leaves have no children: twice the same number
    shift = np.concatenate([np.zeros(len(first), dtype=np.int64), np.repeat(roots, sizes)])
    for child in (left, right):
        joined[child][inner] += shift[inner].astype(joined.dtype[child])
    made = 0

    def way_to(low: int, high: int) -> int:
        nonlocal made
        if high - low == 1:
            return int(roots[low])
        here, middle = made, (low + high) // 2
        made += 1
        joined[feature][here] = column
        joined[threshold][here] = middle - 0.5
        joined[left][here] = way_to(low, middle)
        joined[right][here] = way_to(middle, high)
        return here

    way_to(0, len(trees))
    return joined


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
        with np.errstate(over="ignore"):
            X = X.astype(np.float32)
    flat = X.ravel()
    if isfinite(flat.dot(flat)) or (not np.isinf(flat).any() and (nan or not np.isnan(flat).any())):
        return X
    return None
