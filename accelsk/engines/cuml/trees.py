"""Forests of Treelite as trees of scikit-learn. Imports Treelite, which needs no GPU, when it is called.

cuML gives away, as Treelite's bytes, the splits, the leaves and the number of training rows in every node. What
scikit-learn's trees hold besides is computed: the value of an inner node is the mean of its leaves by their rows, and
of two nodes and their parent the decrease in impurity follows from the values alone: of a classification tree the
impurity itself, of a regression tree all but a constant, which is taken to be 0 in the leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Nodes", "build", "read_forest"]

_LESS = 2  # Treelite's number of the operator <; it has 3 for <=

Array = np.ndarray[Any, Any]


@dataclass
class Nodes:
    """One tree as arrays, in the order of scikit-learn: a node, all that is left of it, all that is right of it.

    Parameters
    ----------
    left, right : ndarray of shape (n_nodes,)
        The children; -1 for a leaf.
    feature : ndarray of shape (n_nodes,)
        The column of the split; -2 for a leaf.
    threshold : ndarray of shape (n_nodes,)
        Rows with at most this value go left; -2 for a leaf.
    value : ndarray of shape (n_nodes, n_values)
        What a leaf predicts; zeros for inner nodes.
    rows : ndarray of shape (n_nodes,)
        The number of training rows; 0 where it is not told.
    weight : ndarray of shape (n_nodes,)
        Their weight.
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    value: Array
    rows: Array
    weight: Array

    @property
    def leaves(self) -> Array:
        """Which nodes are leaves."""
        return np.asarray(self.left < 0)

    def levels(self) -> list[Array]:
        """Return the inner nodes by their distance from the root.

        Returns
        -------
        list of ndarray
            The root, the inner nodes below it, and so on.
        """
        return _levels(self.left, self.right)


def _levels(left: Array, right: Array) -> list[Array]:
    found, level = [], np.zeros(1, dtype=np.intp)
    while len(inner := level[left[level] >= 0]):
        found.append(inner)
        level = np.concatenate([left[inner], right[inner]])
    return found


def read_forest(data: bytes) -> list[Nodes]:
    """Read what cuML keeps of a fitted forest.

    Parameters
    ----------
    data : bytes
        A model as serialized by Treelite.

    Returns
    -------
    list of Nodes
        The trees.
    """
    import treelite

    model = treelite.Model.deserialize_bytes(data)
    return [_nodes(model.get_tree_accessor(index).get_field) for index in range(model.num_tree)]


def _nodes(field: Callable[[str], Any]) -> Nodes:
    """cuML's nodes come level by level."""
    children = np.column_stack([field("cleft"), field("cright")]).astype(np.intp)
    order, position = _depth_first(children)
    left, right = np.where(children >= 0, position[children], -1)[order].T
    leaf = left < 0

    def told(name: str) -> Array:
        return np.asarray(field(name))[order]

    threshold = told("threshold").astype(np.float64)
    below = told("cmp") == _LESS
    # scikit-learn compares by <=: of "less than", what is next below.
    threshold = np.where(below, np.nextafter(threshold, -np.inf), threshold)
    rows = np.zeros(len(left), dtype=np.int64)
    weight = np.zeros(len(left))
    if _present(field, "data_count", len(left)):
        rows = told("data_count").astype(np.int64)
        weight = rows.astype(np.float64)
    if _present(field, "sum_hess", len(left)):
        weight = told("sum_hess").astype(np.float64)
    return Nodes(
        left=left,
        right=right,
        feature=np.where(leaf, -2, told("split_index").astype(np.intp)),
        threshold=np.where(leaf, -2.0, threshold),
        value=_values(field, children[:, 0] < 0)[order],
        rows=rows,
        weight=weight,
    )


def _depth_first(children: Array) -> tuple[Array, Array]:
    """The nodes in scikit-learn's order, and the place of each in it."""
    left, right = children.T
    levels = _levels(left, right)
    size = np.ones(len(children), dtype=np.intp)
    for inner in reversed(levels):
        size[inner] += size[left[inner]] + size[right[inner]]
    position = np.zeros(len(children), dtype=np.intp)
    for inner in levels:
        position[left[inner]] = position[inner] + 1
        position[right[inner]] = position[inner] + 1 + size[left[inner]]
    return np.argsort(position), position


def _present(field: Callable[[str], Any], name: str, n_nodes: int) -> bool:
    told = np.asarray(field(f"{name}_present"))
    return len(told) == n_nodes and bool(told.all())


def _values(field: Callable[[str], Any], leaf: Array) -> Array:
    begin, end = (np.asarray(field(f"leaf_vector_{name}")).astype(np.intp) for name in ("begin", "end"))
    if len(begin) == len(leaf) and np.any(end > begin):
        width = int(np.max(end - begin))
        value = np.zeros((len(leaf), width))
        value[leaf] = np.asarray(field("leaf_vector"), dtype=np.float64)[begin[leaf, None] + np.arange(width)]
        return value
    return np.where(leaf, np.array(field("leaf_value"), dtype=np.float64), 0.0)[:, None]


def _gini(value: Array) -> Array:
    return np.asarray(1 - np.sum(value**2, axis=-1))


def _entropy(value: Array) -> Array:
    return np.asarray(-np.sum(value * np.log2(np.where(value > 0, value, 1)), axis=-1))


def _square(value: Array) -> Array:
    return np.asarray(-(value[..., 0] ** 2))


def _poisson(value: Array) -> Array:
    mean = value[..., 0]
    return np.asarray(-mean * np.log(np.where(mean > 0, mean, 1)))


#: The part of the impurity that the value of a node tells; the mean over the rows of a node of the rest is constant.
_TOLD: dict[str, Callable[[Array], Array]] = {
    "gini": _gini,
    "entropy": _entropy,
    "log_loss": _entropy,
    "squared_error": _square,
    "friedman_mse": _square,
    "poisson": _poisson,
}
_CLASSES = ("gini", "entropy", "log_loss")


def _summarize(nodes: Nodes, criterion: str) -> tuple[Array, Array]:
    """The value and the impurity of every node; those of inner nodes are NaN where rows are not counted."""
    value = _upwards(nodes, nodes.value)
    told = _TOLD[criterion](value)
    rest = 0.0 if criterion in _CLASSES else _upwards(nodes, np.where(nodes.leaves, -told, 0.0)[:, None])[:, 0]
    impurity = told + rest
    return value, np.where(impurity < 0, 0.0, impurity)  # rounding


def _upwards(nodes: Nodes, value: Array) -> Array:
    """Make the value of each inner node the mean of those of its rows."""
    value = value.copy()
    for inner in reversed(nodes.levels()):
        left, right = nodes.left[inner], nodes.right[inner]
        ours, theirs = nodes.weight[left, None], nodes.weight[right, None]
        with np.errstate(invalid="ignore"):  # 0 / 0
            value[inner] = (ours * value[left] + theirs * value[right]) / (ours + theirs)
    return value


def build(nodes: Nodes, n_features: int, n_classes: int, criterion: str | None) -> Any:
    """Make scikit-learn's tree.

    Parameters
    ----------
    nodes : Nodes
        The tree.
    n_features : int
        The columns of X.
    n_classes : int
        The number of classes; 1 for regression.
    criterion : str or None
        The impurity by scikit-learn's name; None where values and impurities of inner nodes mean nothing.

    Returns
    -------
    sklearn.tree._tree.Tree
        The tree.
    """
    from sklearn.tree._tree import Tree

    value, impurity = (nodes.value, np.zeros(len(nodes.left))) if criterion is None else _summarize(nodes, criterion)
    tree = Tree(n_features, np.array([n_classes], dtype=np.intp), 1)
    state = tree.__getstate__()
    made = np.zeros(len(nodes.left), dtype=state["nodes"].dtype)
    made["left_child"], made["right_child"] = nodes.left, nodes.right
    made["feature"], made["threshold"] = nodes.feature, nodes.threshold
    made["impurity"] = impurity
    made["n_node_samples"], made["weighted_n_node_samples"] = nodes.rows, nodes.weight
    inner = ~nodes.leaves
    # Without missing values in training, scikit-learn sends them where most rows went.
    made["missing_go_to_left"][inner] = nodes.rows[nodes.left[inner]] > nodes.rows[nodes.right[inner]]
    tree.__setstate__(
        {
            **state,
            "max_depth": len(nodes.levels()),
            "node_count": len(nodes.left),
            "nodes": made,
            "values": np.ascontiguousarray(value[:, None, :], dtype=np.float64),
        }
    )
    return tree
