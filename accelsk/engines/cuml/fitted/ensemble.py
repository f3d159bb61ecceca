"""Fitted attributes of ``sklearn.ensemble``."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from accelsk.engines.cuml.room import need_room, of_forest
from accelsk.engines.cuml.trees import Nodes, build, read_forest
from accelsk.engines.holding import Intake, called
from accelsk.errors import NotPortable

if TYPE_CHECKING:
    from accelsk.engines.held import Held, Read

__all__ = ["BEFORE", "FITTED", "INTAKE", "RUNS"]


def _trees(read: Read, params: Mapping[str, Any], forest: Any, n_classes: int) -> dict[str, Any]:
    """The trees with the user's hyperparameters, as the forest would have made them."""
    n_features = read.n_features
    forest._validate_estimator()
    estimators = []
    for nodes in read_forest(read("_treelite_model_bytes")):
        tree = forest._make_estimator(append=False)
        tree.n_features_in_, tree.n_outputs_ = n_features, 1
        tree.max_features_ = _columns(params["max_features"], n_features)
        if n_classes > 1:
            tree.n_classes_, tree.classes_ = np.int64(n_classes), np.arange(n_classes, dtype=np.float64)
        tree.tree_ = build(nodes, n_features, n_classes, params["criterion"])
        estimators.append(tree)
    found = {"estimator_": forest.estimator_, "estimators_": estimators, "n_outputs_": 1}
    found["_n_samples_bootstrap"] = int(read("_n_samples_bootstrap")) if params["bootstrap"] else None
    if not params["bootstrap"]:  # else scikit-learn's estimators_samples_ would tell of rows that cuML did not draw
        found["_n_samples"] = int(read("_n_samples"))
    if params["oob_score"]:
        found["oob_score_"] = float(read("oob_score_"))
    return found


def _columns(max_features: Any, n_features: int) -> int:
    if max_features is None:
        return n_features
    if isinstance(max_features, str):
        return max(1, int(np.sqrt(n_features) if max_features == "sqrt" else np.log2(n_features)))
    return max_features if isinstance(max_features, int) else max(1, int(max_features * n_features))


def _classifier(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    from sklearn.ensemble import RandomForestClassifier

    n_classes = len(read.labels)
    found = _trees(read, params, RandomForestClassifier(**params), n_classes)
    if params["oob_score"]:
        found["oob_decision_function_"] = np.array(read("oob_decision_function_"), dtype=np.float64)
    return {**found, "n_classes_": n_classes}


def _regressor(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    from sklearn.ensemble import RandomForestRegressor

    found = _trees(read, params, RandomForestRegressor(**params), 1)
    if params["oob_score"]:
        found["oob_prediction_"] = np.array(read("oob_prediction_"), dtype=np.float64).reshape(-1)
    return found


# -- isolation --


def _isolation(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    from sklearn.ensemble._iforest import _average_path_length
    from sklearn.tree import ExtraTreeRegressor

    n_rows = int(read("max_samples_"))
    lengths = _average_path_length(np.arange(n_rows + 1))
    plain = ExtraTreeRegressor(max_features=1, max_depth=int(np.ceil(np.log2(max(n_rows, 2)))))
    drawn = np.asarray(read("_feature_indices")).astype(np.int64)
    estimators = []
    for nodes, columns in zip(read_forest(read("_treelite_model_bytes")), drawn, strict=True):
        _count(nodes, lengths, n_rows)
        inner = ~nodes.leaves
        order = np.argsort(columns)
        nodes.feature[inner] = order[np.searchsorted(columns, nodes.feature[inner], sorter=order)]
        tree = ExtraTreeRegressor(max_features=1, max_depth=plain.max_depth)
        tree.n_features_in_, tree.n_outputs_, tree.max_features_ = len(columns), 1, 1
        tree.tree_ = build(nodes, len(columns), 1, None)
        estimators.append(tree)
    return {
        "estimator_": plain,
        "estimators_": estimators,
        "estimators_features_": list(drawn),
        "max_samples_": n_rows,
        "offset_": float(read("offset_")),
        "_max_features": drawn.shape[1],
        "_max_samples": n_rows,
        "_sample_weight": None,
        "_average_path_length_per_tree": tuple(_average_path_length(e.tree_.n_node_samples) for e in estimators),
        "_decision_path_lengths": tuple(e.tree_.compute_node_depths() for e in estimators),
    }


def _count(nodes: Nodes, lengths: Any, n_rows: int) -> None:
    """Find how many rows are in each node: a leaf of cuML's tells its depth and the path that its rows would add."""
    depth = np.zeros(len(nodes.left))
    for below, inner in enumerate(nodes.levels(), start=1):
        depth[nodes.left[inner]] = depth[nodes.right[inner]] = below
    beyond = nodes.value[:, 0] - depth
    # lengths are 0, 0, 1, and grow from there: none or one row is one row.
    after: Any = np.clip(np.searchsorted(lengths[1:], beyond), 1, len(lengths) - 2) if len(lengths) > 2 else 0
    count: Any = np.asarray(1 + after - (beyond - lengths[after] < lengths[1 + after] - beyond)).astype(np.int64)
    count[~nodes.leaves] = 0
    for inner in reversed(nodes.levels()):
        count[inner] = count[nodes.left[inner]] + count[nodes.right[inner]]
    if count[0] != n_rows:
        raise NotPortable(
            "this IsolationForest cannot be made scikit-learn's own: the sizes of its leaves are not to be had from "
            "the lengths of their paths.",
            hint="fit with engine='sklearn', or with a smaller max_samples.",
            engine="cuml",
            estimator="IsolationForest",
        )
    nodes.rows, nodes.weight = count, count.astype(np.float64)


# -- what the trees see --


def _single(held: Held, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    """Compute in single precision, in which scikit-learn's trees see X: a row at a threshold stays on its side."""
    with np.errstate(over="ignore"):  # what is too large is infinite then, and refused
        return called(held, method, X.astype(np.float32, copy=False), given)


def _classify(held: Held, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    """Compute in single precision, where there is room for the forest."""
    if method == "fit":
        need_room(of_forest(held.model, X.shape, 4, len(held.labels)))
    return _single(held, method, X, given)


def _regress(held: Held, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    """Round X to single precision, and compute in that of the target, where there is room for the forest."""
    if method == "fit":
        need_room(of_forest(held.model, X.shape, X.dtype.itemsize, 1))
    with np.errstate(over="ignore"):
        return called(held, method, X.astype(np.float32, copy=False).astype(X.dtype, copy=False), given)


def _grow(held: Held, X: Any, y: Any) -> None:
    """Draw the seed, for None is 0 to cuML, and two fits would be the same.

    Ask for no more bins than there are rows: cuML would say so with a warning, and do the same.
    """
    seed = held.stem.random_state
    if not isinstance(seed, numbers.Integral):
        seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
    held.model.set_params(random_state=int(seed), n_bins=min(held.model.n_bins, X.shape[0]))


def _counts(held: Held, X: Any, y: Any) -> None:
    """Refuse what scikit-learn refuses, and cuML would compute with."""
    _grow(held, X, y)
    if held.stem.criterion != "poisson":
        return
    if np.any(y < 0):
        raise ValueError("Some value(s) of y are negative which is not allowed for Poisson regression.")
    if np.sum(y) <= 0:
        raise ValueError("Sum of y is not strictly positive which is necessary for Poisson regression.")


BEFORE: dict[str, Callable[[Held, Any, Any], None]] = {
    "RandomForestClassifier": _grow,
    "RandomForestRegressor": _counts,
}
FITTED: dict[str, Callable[[Read, Mapping[str, Any]], dict[str, Any]]] = {
    "IsolationForest": _isolation,
    "RandomForestClassifier": _classifier,
    "RandomForestRegressor": _regressor,
}

INTAKE: dict[str, Intake] = {"RandomForestRegressor": Intake(ravels=True)}
RUNS: dict[str, Callable[[Held, str, Any, Mapping[str, Any]], Any]] = {
    "IsolationForest": _single,
    "RandomForestClassifier": _classify,
    "RandomForestRegressor": _regress,
}
