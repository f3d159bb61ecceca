"""scikit-learn's gradient boosting, both families: the same bits for few rows, all trees asked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier
from sklearn.utils.validation import validate_data

from accelsk.evaluators.forests import branches
from accelsk.evaluators.grove import Branches, Grove, added, cost, in_single
from accelsk.evaluators.spec import Evaluate, Offer

__all__ = ["offers"]

Array = npt.NDArray[Any]

#: Up to how many trees times rows they are walked down together: what is held for a level stays in the cache.
_MANY = 2**14


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a gradient boosting model.

    Parameters
    ----------
    model : estimator
        Fitted.

    Yields
    ------
    Offer
        One, unless the model begins with an estimator of the user's, or encodes categories.
    """
    histogram = hasattr(model, "n_trees_per_iteration_") and hasattr(model, "n_iter_")
    raw = _histogram(model) if histogram else _gradient(model)
    if raw is None:
        return
    n_trees, n_nodes, make = raw
    together, build = cost(n_trees, n_nodes)
    most = max(1, _MANY // n_trees)  # rows

    def seconds(method: str, n_rows: int) -> float:
        return together(n_rows) if n_rows <= most else float("inf")

    methods = ("predict", "predict_proba", "decision_function") if is_classifier(model) else ("predict",)
    yield Offer(
        name="grove",
        methods=methods,
        make=lambda: _methods(model, make(), most, histogram=histogram),
        seconds=seconds,
        build=build,
        nan=histogram,
        check=_check(model, histogram=histogram),
    )


def _histogram(model: Any) -> tuple[int, int, Callable[[], Callable[[Array], Array | None]]] | None:
    if model._preprocessor is not None:
        return None
    trees = [tree for iteration in model._predictors for tree in iteration]

    def make() -> Callable[[Array], Array | None]:
        nodes = np.concatenate([tree.nodes for tree in trees])
        joined = Branches(
            [len(tree.nodes) for tree in trees],
            np.where(nodes["is_leaf"], -1, nodes["left"].astype(np.intp)),
            np.where(nodes["is_leaf"], -1, nodes["right"].astype(np.intp)),
            nodes["feature_idx"],
            nodes["num_threshold"],
            nodes["missing_go_to_left"] == 0,
            nodes["value"],
        )
        grove, start = Grove(joined, np.float64), np.ravel(model._baseline_prediction)
        return lambda X: _summed(grove(X.astype(np.float64, copy=False)), start)

    return len(trees), sum(len(tree.nodes) for tree in trees), make


def _gradient(model: Any) -> tuple[int, int, Callable[[], Callable[[Array], Array | None]]] | None:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if type(model.init_) not in (DummyClassifier, DummyRegressor) and model.init_ != "zero":
        return None
    trees = [each.tree_ for each in model.estimators_.ravel()]

    def make() -> Callable[[Array], Array | None]:
        grove = Grove(branches(trees, [model.learning_rate * tree.value[:, 0, 0] for tree in trees]), np.float32)
        # The same for every row.
        start = model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))[0]

        def raw(X: Array) -> Array | None:
            rows = in_single(X, nan=False)
            return None if rows is None else _summed(grove(rows), start)

        return raw

    return len(trees), sum(tree.node_count for tree in trees), make


def _summed(found: Array, start: Array) -> Array:
    """Raw predictions: with several classes the trees take turns."""
    return added(found.reshape(-1, len(start), found.shape[1]).swapaxes(1, 2), start)


def _methods(model: Any, raw: Callable[[Array], Array | None], most: int, *, histogram: bool) -> dict[str, Evaluate]:
    """What is computed of the raw predictions; by the losses of scikit-learn, which are not public."""

    def asked(X: Array) -> Array | None:
        found = raw(X) if len(X) <= most else None
        # In the layout of scikit-learn: its softmax adds in another order otherwise.
        return np.asfortranarray(found) if histogram and found is not None else found

    def predict(X: Array) -> Any:
        found = asked(X)
        if found is None:
            return None
        return model._loss.link.inverse(found[:, 0]) if histogram else found[:, 0]

    def decision_function(X: Array) -> Any:
        found = asked(X)
        return found[:, 0] if found is not None and found.shape[1] == 1 else found

    def label(X: Array) -> Any:
        found = asked(X)
        if found is None:
            return None
        if found.shape[1] == 1:
            at = (found[:, 0] > 0 if histogram else found[:, 0] >= 0).astype(int)
        else:
            at = found.argmax(axis=1)
        return model.classes_[at]

    def predict_proba(X: Array) -> Any:
        found = asked(X)
        return None if found is None else model._loss.predict_proba(found)

    if is_classifier(model):
        return {"predict": label, "predict_proba": predict_proba, "decision_function": decision_function}
    return {"predict": predict}


def _check(model: Any, *, histogram: bool) -> Callable[[Any], Array]:
    how: dict[str, Any] = (
        {"dtype": [np.float64], "ensure_all_finite": False}
        if histogram
        else {"dtype": np.float32, "accept_sparse": "csr"}
    )

    def check(X: Any) -> Array:
        found: Array = validate_data(model, X, order="C", reset=False, **how)
        return found

    return check
