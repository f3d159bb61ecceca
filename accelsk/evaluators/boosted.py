"""scikit-learn's gradient boosting, both families: the same bits for few rows, all trees asked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier
from sklearn.utils.validation import validate_data

from accelsk.evaluators.grove import Grove, HistogramGrove, in_single
from accelsk.evaluators.spec import Evaluate, Offer

__all__ = ["offers"]

Array = npt.NDArray[Any]

#: The most numbers that the rows for all trees at once may have: 16 MiB of doubles.
_WIDE = 2**21
#: Up to how many rows the trees are asked at once.
_FEW = 48

# Seconds on one thread of the machine of the measurements (benchmarks/trees.py).
_CALL, _COPY, _STEP, _JOIN = 20e-6, 0.4e-9, 7e-9, 1.2e-7


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
    n_features = model.n_features_in_
    steps = 1.2 * np.log2(n_nodes / n_trees + 1) + np.log2(n_trees)
    most = min(_FEW, _WIDE // (n_trees * (n_features + 1)))  # of rows
    if not most:
        return

    def seconds(method: str, n_rows: int) -> float:
        if n_rows > most:
            return float("inf")
        return float(_CALL + n_rows * n_trees * (n_features * _COPY + steps * _STEP))

    methods = ("predict", "predict_proba", "decision_function") if is_classifier(model) else ("predict",)
    yield Offer(
        name="grove",
        methods=methods,
        make=lambda: _methods(model, make(), most, histogram=histogram),
        seconds=seconds,
        build=n_nodes * _JOIN,
        nan=histogram,
        check=_check(model, histogram=histogram),
    )


def _histogram(model: Any) -> tuple[int, int, Callable[[], Callable[[Array], Array | None]]] | None:
    if model._preprocessor is not None:
        return None
    trees = [tree for iteration in model._predictors for tree in iteration]

    def make() -> Callable[[Array], Array | None]:
        known, places = model._bin_mapper.make_known_categories_bitsets()
        grove = HistogramGrove(trees, known, places, model.n_features_in_)
        sums = _from(np.ravel(model._baseline_prediction))
        return lambda X: sums(grove(X))

    return len(trees), sum(len(tree.nodes) for tree in trees), make


def _gradient(model: Any) -> tuple[int, int, Callable[[], Callable[[Array], Array | None]]] | None:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if type(model.init_) not in (DummyClassifier, DummyRegressor) and model.init_ != "zero":
        return None
    trees = [each.tree_ for each in model.estimators_.ravel()]

    def make() -> Callable[[Array], Array | None]:
        nodes = [tree.__getstate__()["nodes"] for tree in trees]
        grove = Grove(nodes, [model.learning_rate * tree.value[:, 0] for tree in trees], model.n_features_in_)
        # The same for every row.
        sums = _from(model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))[0])

        def raw(X: Array) -> Array | None:
            rows = in_single(X, nan=False)
            return None if rows is None else sums(grove(rows)[:, :, 0])

        return raw

    return len(trees), sum(tree.node_count for tree in trees), make


def _from(start: Array) -> Callable[[Array], Array]:
    """How trees are summed up: in their order, from a start, turn by turn for each class."""

    def sums(found: Array) -> Array:
        n_rows = found.shape[1]
        terms = np.empty((len(found) // len(start) + 1, n_rows, len(start)))
        terms[0] = start
        terms[1:] = found.reshape(-1, len(start), n_rows).swapaxes(1, 2)
        # Of a single column NumPy would first sum up in pairs.
        summed: Array = np.add.reduce(terms, axis=0) if terms[0].size > 1 else np.add.accumulate(terms, axis=0)[-1]
        return summed

    return sums


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
