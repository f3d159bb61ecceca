"""scikit-learn's gradient boosting, both families: what is computed of the sums of the leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier
from sklearn.utils.validation import validate_data

from accelsk.evaluators.forests import branches
from accelsk.evaluators.grove import Branches, in_single
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.evaluators.walks import Trees, Walk, clear, walks

__all__ = ["offers"]

Array = npt.NDArray[Any]


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a gradient boosting model.

    Parameters
    ----------
    model : estimator
        Fitted.

    Yields
    ------
    Offer
        None for a model that begins with an estimator of the user's, or that encodes categories.
    """
    histogram = hasattr(model, "n_iter_")
    trees = _histogram(model) if histogram else _gradient(model)
    if trees is None:
        return
    methods = ("predict", "predict_proba", "decision_function") if is_classifier(model) else ("predict",)
    for walk in walks(trees):

        def make(walk: Walk = walk) -> dict[str, Evaluate]:
            return _methods(model, walk.make(), histogram=histogram, exact=not walk.difference)

        yield Offer(
            name=walk.name,
            methods=methods,
            make=make,
            seconds=partial(_seconds, walk),
            build=walk.build,
            difference=walk.difference,
            nan=histogram,
            check=_check(model, histogram=histogram),
        )


def _histogram(model: Any) -> Trees | None:
    if model._preprocessor is not None:
        return None
    nodes = [tree.nodes for iteration in model._predictors for tree in iteration]

    def joined() -> Branches:
        every = np.concatenate(nodes)
        leaf = every["is_leaf"] == 1
        left, right = (np.where(leaf, -1, every[name].astype(np.intp)) for name in ("left", "right"))
        return Branches(
            [len(each) for each in nodes],
            left,
            right,
            every["feature_idx"],
            every["num_threshold"],
            every["missing_go_to_left"] == 0,
            every["value"],
        )

    return Trees(
        branches=joined,
        n_trees=len(nodes),
        n_nodes=sum(len(each) for each in nodes),
        n_columns=model.n_features_in_,
        start=lambda: np.ravel(model._baseline_prediction),
        dtype=np.float64,
    )


def _gradient(model: Any) -> Trees | None:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if type(model.init_) not in (DummyClassifier, DummyRegressor) and model.init_ != "zero":
        return None
    trees = [each.tree_ for each in model.estimators_.ravel()]
    return Trees(
        branches=lambda: branches(trees, [model.learning_rate * tree.value[:, 0, 0] for tree in trees]),
        n_trees=len(trees),
        n_nodes=sum(tree.node_count for tree in trees),
        n_columns=model.n_features_in_,
        # The same for every row.
        start=lambda: model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))[0],
        dtype=np.float32,
    )


def _methods(model: Any, walk: Callable[[Array], Array | None], *, histogram: bool, exact: bool) -> dict[str, Evaluate]:
    """What is computed of the raw predictions; by the losses of scikit-learn, which are not public."""
    name = "_predictors" if histogram else "estimators_"
    held = (getattr(model, name), model.learning_rate)

    def raw(X: Array) -> Array | None:
        if getattr(model, name, None) is not held[0] or model.learning_rate != held[1]:  # others than at the fit
            return None
        rows = X.astype(np.float64, copy=False) if histogram else in_single(X, nan=False)
        found = None if rows is None else walk(rows)
        # In the layout of scikit-learn: its softmax adds in another order otherwise.
        return np.asfortranarray(found) if histogram and found is not None else found

    def predict(X: Array) -> Any:
        found = raw(X)
        if found is None:
            return None
        return model._loss.link.inverse(found[:, 0]) if histogram else found[:, 0]

    def decision_function(X: Array) -> Any:
        found = raw(X)
        return found[:, 0] if found is not None and found.shape[1] == 1 else found

    def label(X: Array) -> Any:
        found = raw(X)
        if found is None or not (exact or clear(found)):
            return None
        if found.shape[1] == 1:
            at = (found[:, 0] > 0 if histogram else found[:, 0] >= 0).astype(int)
        else:
            at = found.argmax(axis=1)
        return model.classes_[at]

    def predict_proba(X: Array) -> Any:
        found = raw(X)
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


def _seconds(walk: Walk, method: str, n_rows: int) -> float:
    return walk.seconds(n_rows)
