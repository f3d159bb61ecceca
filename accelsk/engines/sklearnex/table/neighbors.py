"""Rows of ``sklearn.neighbors``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from accelsk.engines.rules import Refused, Rule, is_number, only, same, together
from accelsk.engines.sklearnex.table.conditions import HOST_ONLY, ONE_OUTPUT, PERF, rows_at_least, size
from accelsk.engines.spec import Inputs, Need, Row, Worth
from accelsk.facts import Facts

__all__ = ["ROWS"]

_METRICS = {
    "minkowski": "minkowski",
    "euclidean": "euclidean",
    "l2": "euclidean",
    "manhattan": "manhattan",
    "l1": "manhattan",
    "cityblock": "manhattan",
    "chebyshev": "chebyshev",
    "cosine": "cosine",
}


def _metric(params: Mapping[str, Any]) -> dict[str, Any]:
    metric, p = params["metric"], params["p"]
    known = isinstance(metric, str) and metric in _METRICS and not params["metric_params"]
    if not known or (metric == "minkowski" and not (is_number(p) and p >= 1)):
        raise Refused(f"metric in {', '.join(map(repr, _METRICS))} with p >= 1 and metric_params=None")
    return {"metric": metric, "p": p, "metric_params": params["metric_params"]}


# metric_params is not read: the weights of a weighted Minkowski metric would be lost without a word.
_METRIC = together(
    "metric",
    "p",
    "metric_params",
    translate=_metric,
    text=f"the metrics {', '.join(_METRICS)}, with p >= 1 and without metric_params",
)


def _search(facts: Facts, params: Mapping[str, Any]) -> tuple[str, str]:
    """Return the search method and the metric that the engine arrives at."""
    metric = _METRICS[params["metric"]]
    if metric == "minkowski":
        metric = {1: "manhattan", 2: "euclidean", np.inf: "chebyshev"}.get(params["p"], metric)
    n_samples, n_features = size(facts)
    many = n_features > 15 or params["n_neighbors"] >= n_samples // 2
    method = params["algorithm"]
    if method == "auto":  # as scikit-learn resolves it: a tree where the metric has one
        method = "brute" if many or metric == "cosine" else "kd_tree"
    elif method == "ball_tree":
        method = "brute" if many or metric != "euclidean" else "kd_tree"
    return method, metric


def _is_searched(facts: Facts, params: Mapping[str, Any]) -> bool:
    if not (isinstance(params["metric"], str) and params["metric"] in _METRICS):
        return True  # refused already, for its metric
    method, metric = _search(facts, params)
    return method == "brute" or metric == "euclidean"


_SEARCH = Need(
    "the Euclidean distance or a brute force search (algorithm='brute', which 'auto' is for more than 15 columns)",
    _is_searched,
)
_TREE = Need(
    "a tree search of the Euclidean distance (algorithm='auto' with at most 15 columns, or 'kd_tree')",
    lambda facts, params: _search(facts, params) == ("kd_tree", "euclidean"),
)
_CLASSES = Need("two classes or more", lambda facts, params: facts.n_classes > 1)

_PARAMS: dict[str, Rule] = {
    "n_neighbors": same,
    "algorithm": same,
    "leaf_size": same,
    "p": _METRIC,
    "metric": _METRIC,
    "metric_params": _METRIC,
    "n_jobs": same,
}
_WEIGHTED = {**_PARAMS, "weights": only("uniform", "distance")}
_WORTH = Worth(ratio=2, seen=PERF, needs=(rows_at_least(2000), _TREE))
_TIES = "Neighbours at the same distance may come in another order."

ROWS = (
    Row(
        estimator="sklearn.neighbors.KNeighborsClassifier",
        backend="sklearnex.neighbors.KNeighborsClassifier",
        params=_WEIGHTED,
        fit=Inputs(needs=(_SEARCH, ONE_OUTPUT, _CLASSES)),
        predict=Inputs(),
        methods=("predict", "predict_proba", "kneighbors", "score"),
        inherited=("kneighbors_graph",),
        devices=HOST_ONLY,  # trees are not searched on a GPU
        worth=_WORTH,
        note=_TIES,
    ),
    Row(
        estimator="sklearn.neighbors.KNeighborsRegressor",
        backend="sklearnex.neighbors.KNeighborsRegressor",
        params=_WEIGHTED,
        fit=Inputs(needs=(_SEARCH, ONE_OUTPUT)),
        predict=Inputs(),
        methods=("predict", "kneighbors", "score"),
        inherited=("kneighbors_graph",),
        devices=HOST_ONLY,
        worth=_WORTH,
        note=_TIES,
    ),
    Row(
        estimator="sklearn.neighbors.LocalOutlierFactor",
        backend="sklearnex.neighbors.LocalOutlierFactor",
        params={**_PARAMS, "contamination": same, "novelty": same},
        fit=Inputs(needs=(_SEARCH,)),
        predict=Inputs(),
        methods=("kneighbors", "fit_predict"),
        inherited=("decision_function", "predict", "score_samples", "kneighbors_graph"),
        devices=HOST_ONLY,
        worth=_WORTH,
        note=_TIES,
    ),
    Row(
        estimator="sklearn.neighbors.NearestNeighbors",
        backend="sklearnex.neighbors.NearestNeighbors",
        params={**_PARAMS, "radius": same},
        fit=Inputs(needs=(_SEARCH,)),
        predict=Inputs(),
        methods=("kneighbors",),
        inherited=("kneighbors_graph", "radius_neighbors", "radius_neighbors_graph"),
        devices=HOST_ONLY,
        worth=_WORTH,
        note=_TIES + " A radius is searched by scikit-learn, which indexes the data once more at the first such query.",
    ),
)
