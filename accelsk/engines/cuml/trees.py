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
    """One tree as arrays, a parent before its children.

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

    def upwards(self) -> list[int]:
        """Return the inner nodes, every node after its descendants.

        Returns
        -------
        list of int
            Their positions.
        """
        found: list[int] = np.flatnonzero(~self.leaves)[::-1].tolist()
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
    left, right = (np.array(field(name), dtype=np.intp) for name in ("cleft", "cright"))
    leaf = left < 0
    threshold = np.array(field("threshold"), dtype=np.float64)
    below = np.asarray(field("cmp")) == _LESS
    # scikit-learn's trees see X in single precision, and a threshold is a value that was in X: rounded alike, that row
    # stays on its side. Of "less than", what is next below.
    threshold = np.where(below, np.nextafter(threshold, -np.inf), threshold.astype(np.float32).astype(np.float64))
    rows = np.zeros(len(left), dtype=np.int64)
    weight = np.zeros(len(left))
    if _present(field, "data_count", len(left)):
        rows = np.array(field("data_count")).astype(np.int64)
        weight = rows.astype(np.float64)
    if _present(field, "sum_hess", len(left)):
        weight = np.array(field("sum_hess"), dtype=np.float64)
    return Nodes(
        left=left,
        right=right,
        feature=np.where(leaf, -2, np.array(field("split_index"), dtype=np.intp)),
        threshold=np.where(leaf, -2.0, threshold),
        value=_values(field, leaf),
        rows=rows,
        weight=weight,
    )


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
    value, weight = nodes.value.copy(), nodes.weight
    inner = nodes.upwards()
    for node in inner:
        children = [nodes.left[node], nodes.right[node]]
        total = weight[children].sum()
        value[node] = weight[children] @ value[children] / total if total else np.nan
    told = _TOLD[criterion](value)
    if criterion in _CLASSES:
        return value, np.where(told > 0, told, told * 0)  # rounding
    rest = np.where(nodes.leaves, -told, 0.0)
    for node in inner:
        children = [nodes.left[node], nodes.right[node]]
        total = weight[children].sum()
        rest[node] = weight[children] @ rest[children] / total if total else np.nan
    impurity = told + rest
    return value, np.where(impurity > 0, impurity, impurity * 0)


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
        scikit-learn's name of the impurity; None where values and impurities of inner nodes mean nothing.

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
    depth = np.zeros(len(nodes.left), dtype=np.intp)
    for node in np.flatnonzero(inner):
        depth[nodes.left[node]] = depth[nodes.right[node]] = depth[node] + 1
    tree.__setstate__(
        {
            **state,
            "max_depth": int(depth.max()),
            "node_count": len(nodes.left),
            "nodes": made,
            "values": np.ascontiguousarray(value[:, None, :], dtype=np.float64),
        }
    )
    return tree
