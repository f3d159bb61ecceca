"""Trees of scikit-learn that are averaged, and a tree by itself: the same bits, without what surrounds them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs
from sklearn.base import is_classifier
from sklearn.utils import get_tags
from sklearn.utils.validation import validate_data

from accelsk.evaluators.grove import Grove, in_single
from accelsk.evaluators.spec import Evaluate, Offer

__all__ = ["offers"]

Array = npt.NDArray[Any]

#: Up to how many rows all trees are asked at once: beyond, each by itself is not slower, for a call then pays.
_FEW = 12
#: The most numbers that the rows for all trees at once may have: 64 MiB.
_WIDE = 2**24
#: From how many bytes of nodes on trees are not joined, which takes as many once more.
_LARGE = 2**30
#: Bytes of a node.
_NODE = 64

# Seconds on one thread of the machine of the measurements (benchmarks/trees.py).
_CALL, _COPY, _STEP, _ASK, _JOIN = 12e-6, 0.25e-9, 9e-9, 3e-6, 1.2e-7


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
            yield _offer(model, [model.tree_], get_tags(model).input_tags.allow_nan)
    elif hasattr(model, "offset_"):
        if model._max_features == model.n_features_in_ and model._max_samples > 1:
            yield _of_isolation(model)
    elif model.n_outputs_ == 1:
        nan = get_tags(model.estimators_[0]).input_tags.allow_nan
        yield _offer(model, [each.tree_ for each in model.estimators_], nan)


def _offer(model: Any, trees: list[Any], nan: bool) -> Offer:
    sums = _Sums(trees, [tree.value[:, 0] for tree in trees], model.n_features_in_, getattr(model, "n_jobs", 1))

    def mean(X: Array) -> Array | None:
        rows = in_single(X, nan=nan)
        found = None if rows is None else sums(rows)
        if found is not None and len(trees) > 1:
            found /= len(trees)
        return found

    def predict(X: Array) -> Array | None:
        found = mean(X)
        return None if found is None else found[:, 0]

    def label(X: Array) -> Any:
        found = mean(X)
        return None if found is None else model.classes_.take(found.argmax(axis=1), axis=0)

    methods: dict[str, Evaluate] = {"predict": predict}
    if is_classifier(model):
        methods = {"predict": label, "predict_proba": mean}
    return Offer(
        name="grove" if len(trees) > 1 else "tree",
        methods=tuple(methods),
        make=lambda: methods,
        seconds=lambda method, n_rows: sums.seconds(n_rows),
        build=sums.build,
        nan=nan,
        check=_check(model, "allow-nan" if nan else True),
    )


def _of_isolation(model: Any) -> Offer:
    """An isolation forest: what counts of a leaf is its depth, and how many rows of the fit it holds."""
    from sklearn.ensemble._iforest import _average_path_length

    held = zip(model._decision_path_lengths, model._average_path_length_per_tree, strict=True)
    trees = [each.tree_ for each in model.estimators_]
    sums = _Sums(trees, [(depth + length - 1.0)[:, None] for depth, length in held], model.n_features_in_, None)
    longest = len(trees) * _average_path_length([model._max_samples])

    def score_samples(X: Array) -> Array | None:
        rows = in_single(X, nan=True)
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

    methods: dict[str, Evaluate] = {
        "score_samples": score_samples,
        "decision_function": decision_function,
        "predict": predict,
    }
    return Offer(
        name="grove",
        methods=tuple(methods),
        make=lambda: methods,
        seconds=lambda method, n_rows: sums.seconds(n_rows),
        build=sums.build,
        nan=True,
        check=_check(model, False),
    )


class _Sums:
    """What the leaves of all trees sum up to, in the order of the trees.

    Parameters
    ----------
    trees : list of Tree
        Of scikit-learn.
    values : list of array of shape (n_nodes, n_values)
        What a leaf counts for.
    n_features : int
        The width of X.
    n_jobs : int or None
        On how many threads the model asks its trees.
    """

    def __init__(self, trees: list[Any], values: list[Array], n_features: int, n_jobs: int | None) -> None:
        self._trees, self._values, self._n_features, self._n_jobs = trees, values, n_features, n_jobs
        self._grove: Grove | None = None
        self._lock = threading.Lock()
        nodes = sum(tree.node_count for tree in trees)
        self._joins = len(trees) > 1 and nodes * _NODE <= _LARGE
        self.build = nodes * _JOIN if self._joins else 0.0
        self._depth = 1.5 * np.log2(nodes / len(trees) + 1)

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
        if self._at_once(len(X)):
            found = self._joined()(X)
            # One after the other, as scikit-learn does; of a single column NumPy would first sum up in pairs.
            if found[0].size > 1:
                summed: Array = np.add.reduce(found, axis=0)
            else:
                summed = np.add.accumulate(found, axis=0)[-1]
            return summed
        if self._shares(len(X)):
            return None
        summed = self._values[0].take(self._trees[0].apply(X), axis=0)
        for tree, values in zip(self._trees[1:], self._values[1:], strict=True):
            summed += values.take(tree.apply(X), axis=0)
        return summed

    def _at_once(self, n_rows: int) -> bool:
        wide = n_rows * len(self._trees) * (self._n_features + 1)
        return self._joins and n_rows <= _FEW and wide <= _WIDE

    def _shares(self, n_rows: int) -> bool:
        return len(self._trees) > 1 and n_rows > _FEW and effective_n_jobs(self._n_jobs) > 1

    def _joined(self) -> Grove:
        with self._lock:
            if self._grove is None:
                nodes = [tree.__getstate__()["nodes"] for tree in self._trees]
                self._grove = Grove(nodes, self._values, self._n_features)
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
        n_trees = len(self._trees)
        if self._at_once(n_rows):
            steps = self._depth + np.log2(n_trees)
            return float(_CALL + n_rows * n_trees * (self._n_features * _COPY + steps * _STEP))
        if self._shares(n_rows):
            return float("inf")
        return float(_CALL + n_trees * (_ASK + n_rows * self._depth * _STEP))


def _check(model: Any, finite: Any) -> Callable[[Any], Array]:
    def check(X: Any) -> Array:
        found: Array = validate_data(
            model, X, dtype=np.float32, order="C", accept_sparse="csr", reset=False, ensure_all_finite=finite
        )
        return found

    return check
