"""The class frequencies of oneDAL's trees, put into scikit-learn's. Imports nothing of sklearnex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from accelsk.engines.sklearnex.archive import Archived, read_forest

__all__ = ["fill"]

Array = np.ndarray[Any, Any]


def fill(trees: Sequence[Any], archive: bytes, n_classes: int, n_features: int) -> str:
    """Replace the one-hot votes in the leaves of exported trees by the class frequencies.

    Parameters
    ----------
    trees : sequence of DecisionTreeClassifier
        In the order of the forest, as the library exports them; their nodes are changed.
    archive : bytes
        What oneDAL's model gives for its state.
    n_classes, n_features : int
        Of the forest.

    Returns
    -------
    str
        Why the mean of the trees is not the forest's probability; empty where it is.
    """
    try:
        archived = read_forest(archive, len(trees), n_classes, n_features)
        known = [_Known(tree.tree_, one) for tree, one in zip(trees, archived, strict=True)]
    except ValueError as error:
        return f"its class frequencies are not to be had ({error})"
    for tree in known:
        tree.write()
    weights = np.concatenate([tree.weight_of_a_row for tree in known])
    if weights.max() > (1 + 1e-9) * weights.min():
        # oneDAL adds up what a leaf weighs per row, class by class, and divides by the sum over all trees.
        return "its rows are weighted unequally, and oneDAL lets the trees vote by weight, where scikit-learn averages"
    return ""


class _Known:
    """A tree of scikit-learn with the frequencies of oneDAL's; refuses one that is not the same tree."""

    def __init__(self, tree: Any, archived: Archived) -> None:
        self.tree = tree
        left, right = tree.children_left, tree.children_right
        where = np.full(tree.node_count, -1)
        where[0] = 0
        self.levels = []
        level = np.zeros(1, dtype=int)
        while level.size:
            found = archived.feature[where[level]]
            if not np.array_equal(found, np.where(left[level] == -1, -1, tree.feature[level])):
                raise ValueError("archive: expected the columns that the trees split by, found others")
            level = level[left[level] != -1]
            where[left[level]] = archived.left[where[level]]
            where[right[level]] = where[left[level]] + 1
            self.levels.append(level)
            level = np.concatenate([left[level], right[level]])
        if not np.array_equal(np.sort(where), np.arange(len(archived.feature))):
            raise ValueError(f"archive: expected a tree of {tree.node_count} nodes, found {len(archived.feature)}")
        self.leaf = left == -1
        frequency = np.maximum(archived.frequency[where][self.leaf], 0)  # sums of weights may end just below it
        self._check(archived, where, frequency)
        self.weight_of_a_row = frequency.sum(axis=1)
        self.weights = np.zeros((tree.node_count, frequency.shape[1]))
        self.weights[self.leaf] = frequency * tree.n_node_samples[self.leaf, None]

    def _check(self, archived: Archived, where: Array, frequency: Array) -> None:
        tree, leaf = self.tree, self.leaf
        compared = {
            "thresholds": (tree.threshold[~leaf], archived.threshold[where][~leaf]),
            "numbers of rows": (tree.n_node_samples, archived.n_samples[where]),
            "impurities": (tree.impurity, archived.impurity[where]),
            "majorities": (tree.value[leaf, 0].argmax(axis=1), frequency.argmax(axis=1)),
            "classes": (tree.value[leaf, 0].argmax(axis=1), archived.left[where][leaf]),
        }
        for what, (expected, found) in compared.items():
            if not np.array_equal(expected, found):
                raise ValueError(f"archive: expected the {what} of the trees, found others")
        if not np.isfinite(frequency).all() or (frequency.sum(axis=1) <= 0).any():
            raise ValueError("archive: expected class frequencies, found something else")

    def write(self) -> None:
        """Set the nodes, in place: what scikit-learn's trees give are views."""
        for level in reversed(self.levels):
            children = self.tree.children_left[level], self.tree.children_right[level]
            self.weights[level] = self.weights[children[0]] + self.weights[children[1]]
        total = self.weights.sum(axis=1)
        self.tree.weighted_n_node_samples[:] = total
        self.tree.value[:, 0] = self.weights / total[:, None]
