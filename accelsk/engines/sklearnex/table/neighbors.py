"""Rows of ``sklearn.neighbors``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from accelsk.engines.rules import Refused, Rule, is_number, only, same, together
from accelsk.engines.sklearnex.table.conditions import HOST_ONLY, ONE_OUTPUT, PERF, always, on_gpu, rows_at_least, size
from accelsk.engines.spec import Export, Inputs, Need, Row, Worth
from accelsk.facts import Facts

__all__ = ["ROWS"]

# Not "cosine": to a row of zeros oneDAL finds no neighbours, and returns what was in memory for their indices.
_METRICS = {
    "minkowski": "minkowski",
    "euclidean": "euclidean",
    "l2": "euclidean",
    "manhattan": "manhattan",
    "l1": "manhattan",
    "cityblock": "manhattan",
    "chebyshev": "chebyshev",
}


def _metric(params: Mapping[str, Any]) -> dict[str, Any]:
    metric, p = params["metric"], params["p"]
    known = isinstance(metric, str) and metric in _METRICS and not params["metric_params"]
    if not known or (metric == "minkowski" and not (is_number(p) and p >= 1)):
        raise Refused(f"metric in {', '.join(map(repr, _METRICS))} with p >= 1 and metric_params=None")
    return {"metric": metric, "p": p, "metric_params": params["metric_params"]}


def _is_euclidean(metric: Any, p: Any) -> bool:
    return isinstance(metric, str) and (metric in ("euclidean", "l2") or (metric == "minkowski" and p == 2))


def _euclidean(params: Mapping[str, Any]) -> dict[str, Any]:
    metric, p = params["metric"], params["p"]
    if not _is_euclidean(metric, p) or params["metric_params"]:
        raise Refused("metric='euclidean', 'l2', or 'minkowski' with p=2, and metric_params=None")
    return _metric(params)


# metric_params is not read: the weights of a weighted Minkowski metric would be lost without a word.
_METRIC = together(
    "metric",
    "p",
    "metric_params",
    translate=_metric,
    text=f"the metrics {', '.join(_METRICS)}, with p >= 1 and without metric_params",
)


def _is_brute(facts: Facts, params: Mapping[str, Any]) -> bool:
    """Whether scikit-learn's and the engine's own resolution of the search method both arrive at brute force."""
    if not (isinstance(params["metric"], str) and params["metric"] in _METRICS):
        return True  # refused already, for its metric
    n_samples, n_features = size(facts)
    many = n_features > 15 or params["n_neighbors"] >= n_samples // 2
    return params["algorithm"] == "brute" or (params["algorithm"] in ("auto", "ball_tree") and many)


# oneDAL's k-d tree misses neighbours: of 50 rows of iris 2 get a wrong distance, of 1,000 normal rows in 3 columns 3.
_SEARCH = Need(
    "a brute force search (algorithm='brute', or 'auto' with more than 15 columns): its k-d tree misses neighbours",
    _is_brute,
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


def _left_alone(facts: Facts, params: Mapping[str, Any]) -> bool:
    metric, p = params["metric"], params["p"]
    manhattan = metric in ("manhattan", "l1", "cityblock") or (metric == "minkowski" and p == 1)
    return facts.dtype == "float32" if _is_euclidean(metric, p) else manhattan


# A fit does next to nothing, and one row takes scikit-learn half the time. Many rows of doubles are searched by this
# engine anyway (`accelsk.engines.sklearnex.neighbors`), wherever their distances are Euclidean.
_WORTH = Worth(
    ratio=2,
    seen="decision 0024",
    needs=(rows_at_least(10_000), Need("single precision, or the Manhattan distance", _left_alone)),
)
_WORTH_OUTLIERS = Worth(ratio=1.25, seen=PERF, needs=(rows_at_least(2000),))
_TIES = "Neighbours at the same distance may come in another order."
# oneDAL computes in the precision of the data, and a row is not quite at distance 0 from itself.
_EXPORT = Export(
    tolerance=1e-2,
    note="That is the distance of a row to itself in single precision, which oneDAL does not find to be 0; with "
    "float64 data it is 1e-6. Neighbours at the same distance may come in another order",
)

_ON_HOST = (
    Row(
        estimator="sklearn.neighbors.KNeighborsClassifier",
        backend="sklearnex.neighbors.KNeighborsClassifier",
        params=_WEIGHTED,
        fit=Inputs(needs=(_SEARCH, ONE_OUTPUT, _CLASSES)),
        predict=Inputs(),
        methods=("predict", "predict_proba", "kneighbors", "score"),
        inherited=("kneighbors_graph",),
        devices=HOST_ONLY,
        worth=_WORTH,
        export=_EXPORT,
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
        export=_EXPORT,
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
        worth=_WORTH_OUTLIERS,
        export=_EXPORT,
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
        export=_EXPORT,
        note=_TIES + " A radius is searched by scikit-learn, which indexes the data once more at the first such query.",
    ),
)
# On a GPU there is a brute force search only, which finds what any search finds.
_BRUTE = always("brute", ("auto", "brute", "kd_tree", "ball_tree"), "every search finds the same neighbours")
# The means of targets have a kernel of their own: by the library's documentation for Euclidean distances, though it
# would be called for others, too.
_ONLY_EUCLIDEAN = dict.fromkeys(
    ("metric", "p", "metric_params"),
    together(
        "metric",
        "p",
        "metric_params",
        translate=_euclidean,
        text="the Euclidean distance: 'euclidean', 'l2', or 'minkowski' with p=2, without metric_params",
    ),
)
_ON_GPU = tuple(
    on_gpu(
        row,
        params={**row.params, "algorithm": _BRUTE, **(_ONLY_EUCLIDEAN if row.name == "KNeighborsRegressor" else {})},
        fit=replace(row.fit, needs=tuple(need for need in row.fit.needs if need is not _SEARCH)),
    )
    for row in _ON_HOST
)

ROWS = tuple(row for pair in zip(_ON_HOST, _ON_GPU, strict=True) for row in pair)
