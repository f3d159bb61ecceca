"""Trees of scikit-learn that are averaged, and a tree by itself: the same bits, without what surrounds them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs
from sklearn.base import is_classifier
from sklearn.utils import get_tags
from sklearn.utils.validation import validate_data

from accelsk.evaluators.grove import Branches, Grove, added, cost, in_single
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.evaluators.walks import Trees, Walk, by_onnx, clear

__all__ = ["branches", "offers"]

Array = npt.NDArray[Any]

# Seconds on one thread of the machine of the measurements (decision 0017): a call, a tree asked by itself, and a
# level of it for a row.
_CALL, _ASK, _STEP = 12e-6, 2.5e-6, 8e-9

#: From how many seconds of a tree on threads of joblib pay: a tree takes that long to be given to one.
_TASK = 1e-4
#: From how many nodes on trees are not copied, by 21 bytes a node, and the values: half a gigabyte.
_LARGE = 2**24


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a forest, an isolation forest, or a tree.

    Parameters
    ----------
    model : estimator
        Fitted.

    Yields
    ------
    Offer
        One, unless the model predicts several targets.
    """
    if hasattr(model, "tree_"):
        if model.n_outputs_ == 1:
            yield from _averages(model, [model.tree_], get_tags(model).input_tags.allow_nan)
    elif hasattr(model, "offset_"):
        if model._max_features == model.n_features_in_ and model._max_samples > 1:
            yield from _isolations(model)
    elif model.n_outputs_ == 1:
        nan = get_tags(model.estimators_[0]).input_tags.allow_nan
        yield from _averages(model, [each.tree_ for each in model.estimators_], nan)


def _averages(model: Any, trees: list[Any], nan: bool) -> Iterator[Offer]:
    values = [tree.value[:, 0] for tree in trees]
    sums = _Sums(trees, values, getattr(model, "n_jobs", 1))
    check = _check(model, "allow-nan" if nan else True)
    yield Offer(
        name="numpy" if len(trees) > 1 else "tree",
        methods=("predict", "predict_proba") if is_classifier(model) else ("predict",),
        make=lambda: _of_average(model, sums, nan=nan, exact=True),
        seconds=lambda method, n_rows: sums.seconds(n_rows),
        build=sums.build,
        nan=nan,
        check=check,
    )
    n_values = values[0].shape[1]
    if len(trees) == 1 or n_values > 2:  # of several classes each leaf has several numbers
        return
    for walk in by_onnx(_trees(model, trees, [each[:, -1] for each in values])):

        def make(walk: Walk = walk) -> dict[str, Evaluate]:
            asked = walk.make()

            def both(X: Array) -> Array | None:
                found = asked(X)
                assert found is not None
                return found if n_values == 1 else np.column_stack([len(trees) - found[:, 0], found[:, 0]])

            # Of leaves with one class the sums are whole numbers, in whatever order: then ties are what they are.
            pure = all(
                np.isin(each[tree.children_left < 0], (0, 1)).all() for tree, each in zip(trees, values, strict=True)
            )
            return _of_average(model, both, nan=nan, exact=pure)

        yield Offer(
            name=walk.name,
            methods=("predict", "predict_proba") if is_classifier(model) else ("predict",),
            make=make,
            seconds=partial(_seconds, walk),
            build=walk.build,
            difference=walk.difference,
            nan=nan,
            check=check,
        )


def _trees(model: Any, trees: list[Any], values: list[Array]) -> Trees:
    return Trees(
        branches=lambda: branches(trees, values),
        n_trees=len(trees),
        n_nodes=sum(tree.node_count for tree in trees),
        n_columns=model.n_features_in_,
        start=lambda: np.zeros(1),
        dtype=np.float32,
    )


def _of_average(model: Any, sums: Callable[[Array], Array | None], *, nan: bool, exact: bool) -> dict[str, Evaluate]:
    """What is computed of the sums of a forest, or of the one leaf of a tree."""
    name = "estimators_" if hasattr(model, "estimators_") else "tree_"
    held = getattr(model, name)
    n_trees = len(held) if name == "estimators_" else 1

    def mean(X: Array) -> Array | None:
        if getattr(model, name, None) is not held:  # others were put in their place
            return None
        rows = in_single(X, nan=nan)
        found = None if rows is None else sums(rows)
        if found is not None and n_trees > 1:
            found /= n_trees
        return found

    def predict(X: Array) -> Array | None:
        found = mean(X)
        return None if found is None else found[:, 0]

    def label(X: Array) -> Any:
        found = mean(X)
        if found is None or not (exact or clear(found)):
            return None
        return model.classes_.take(found.argmax(axis=1), axis=0)

    return {"predict": label, "predict_proba": mean} if is_classifier(model) else {"predict": predict}


def _isolations(model: Any) -> Iterator[Offer]:
    """An isolation forest: what counts of a leaf is its depth, and how many rows of the fit it holds."""
    held = zip(model._decision_path_lengths, model._average_path_length_per_tree, strict=True)
    trees, lengths = [each.tree_ for each in model.estimators_], [depth + length - 1.0 for depth, length in held]
    sums = _Sums(trees, [each[:, None] for each in lengths], None)
    yield Offer(
        name="numpy",
        methods=("score_samples", "decision_function", "predict"),
        make=lambda: _of_isolation(model, sums),
        seconds=lambda method, n_rows: sums.seconds(n_rows),
        build=sums.build,
        nan=True,
        check=_check(model, False),
    )


def _of_isolation(model: Any, sums: Callable[[Array], Array | None]) -> dict[str, Evaluate]:
    from sklearn.ensemble._iforest import _average_path_length

    held = model.estimators_
    longest = len(held) * _average_path_length([model._max_samples])

    def score_samples(X: Array) -> Array | None:
        if getattr(model, "estimators_", None) is not held:  # others were put in their place
            return None
        # Infinity is a value like others here. But what becomes it on the way to single precision is warned of.
        rows = X if X.dtype == np.float32 else in_single(X, nan=True)
        depths = None if rows is None else sums(rows)
        if depths is None:
            return None
        found: Array = -(2 ** -(depths[:, 0] / longest))
        return found

    def decision_function(X: Array) -> Any:
        found = score_samples(X)
        return None if found is None else found - model.offset_

    def predict(X: Array) -> Any:
        found = decision_function(X)
        return None if found is None else np.where(found < 0, -1, 1)

    return {"score_samples": score_samples, "decision_function": decision_function, "predict": predict}


class _Sums:
    """What the leaves of all trees sum up to, in the order of the trees.

    Parameters
    ----------
    trees : list of Tree
        Of scikit-learn.
    values : list of array of shape (n_nodes, n_values)
        What a leaf counts for.
    n_jobs : int or None
        On how many threads the model asks its trees.
    """

    def __init__(self, trees: list[Any], values: list[Array], n_jobs: int | None) -> None:
        self._trees, self._values, self._n_jobs = trees, values, n_jobs
        self._grove: Grove | None = None
        self._lock = threading.Lock()
        n_nodes = sum(tree.node_count for tree in trees)
        depth = self._depth = 1.2 * np.log2(n_nodes / len(trees) + 1)
        together, self.build = cost(len(trees), n_nodes)

        def apart(n_rows: int) -> float:
            return float(_CALL + len(trees) * (_ASK + n_rows * depth * _STEP))

        self._seconds = together, apart
        #: Up to how many rows the trees are walked down together.
        self._few = 0
        if len(trees) > 1 and n_nodes <= _LARGE:
            self._few = max((n_rows for n_rows in range(1, 129) if together(n_rows) < apart(n_rows)), default=0)
        if not self._few:
            self.build = 0.0

    def __call__(self, X: Array) -> Array | None:
        """Sum up; None for what the model computes on several threads.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features), dtype float32
            Rows.

        Returns
        -------
        ndarray of shape (n_rows, n_values) or None
            Float64, and the caller's.
        """
        if len(X) <= self._few:
            return added(self._together()(X))
        if self._shares(len(X)):
            return None
        summed: Array = self._values[0].take(self._trees[0].apply(X), axis=0)
        for tree, values in zip(self._trees[1:], self._values[1:], strict=True):
            summed += values.take(tree.apply(X), axis=0)
        return summed

    def _shares(self, n_rows: int) -> bool:
        work = n_rows * self._depth * _STEP
        return len(self._trees) > 1 and work > _TASK and effective_n_jobs(self._n_jobs) > 1

    def _together(self) -> Grove:
        with self._lock:
            if self._grove is None:
                self._grove = Grove(branches(self._trees, self._values), np.float32)
            return self._grove

    def seconds(self, n_rows: int) -> float:
        """Estimate what a call takes.

        Parameters
        ----------
        n_rows : int
            How many rows.

        Returns
        -------
        float
            Seconds; infinity where the model computes on several threads.
        """
        together, apart = self._seconds
        if n_rows <= self._few:
            return together(n_rows)
        return float("inf") if self._shares(n_rows) else apart(n_rows)


def branches(trees: list[Any], values: list[Array]) -> Branches:
    """Return trees of scikit-learn as a grove takes them.

    Parameters
    ----------
    trees : list of Tree
        What estimators have as ``tree_``.
    values : list of array of shape (n_nodes, n_values)
        What is found at the leaves of each.

    Returns
    -------
    Branches
        Copies.
    """
    joined = {
        name: np.concatenate([getattr(tree, name) for tree in trees])
        for name in ("children_left", "children_right", "feature", "threshold", "missing_go_to_left")
    }
    return Branches(
        [tree.node_count for tree in trees],
        joined["children_left"],
        joined["children_right"],
        joined["feature"],
        joined["threshold"],
        ~joined["missing_go_to_left"].astype(bool),
        np.concatenate(values),
    )


def _check(model: Any, finite: Any) -> Callable[[Any], Array]:
    def check(X: Any) -> Array:
        found: Array = validate_data(
            model, X, dtype=np.float32, order="C", accept_sparse="csr", reset=False, ensure_all_finite=finite
        )
        return found

    return check


def _seconds(walk: Walk, method: str, n_rows: int) -> float:
    return walk.seconds(n_rows)
