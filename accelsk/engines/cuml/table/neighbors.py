"""Rows of ``sklearn.neighbors``. On a GPU distances differed by 1e-5, densities by 3e-11.

Of densities below e-100, far from all rows, scikit-learn's trees are wrong by several powers of e, and cuML is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.cuml.table.conditions import CLASSES, GPU, JOBS, ONE_OUTPUT, WEIGHTS
from accelsk.engines.rules import Refused, Rule, ignored, is_number, only, same, together
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = ["ROWS"]

# -- the nearest --

#: The metrics of both libraries, with the search methods that scikit-learn has for each besides brute force.
_METRICS: Mapping[str, tuple[str, ...]] = {
    "minkowski": ("kd_tree", "ball_tree"),
    "euclidean": ("kd_tree", "ball_tree"),
    "l2": ("kd_tree", "ball_tree"),
    "manhattan": ("kd_tree", "ball_tree"),
    "l1": ("kd_tree", "ball_tree"),
    "cityblock": ("kd_tree", "ball_tree"),
    "chebyshev": ("kd_tree", "ball_tree"),
    "canberra": ("ball_tree",),
    "sqeuclidean": (),
    "cosine": (),
    "correlation": (),
}
_SPARSE_METRICS = ("minkowski", "euclidean", "l2", "manhattan", "l1", "cityblock", "cosine")


def _search(params: Mapping[str, Any]) -> dict[str, Any]:
    metric, p, algorithm = params["metric"], params["p"], params["algorithm"]
    if not isinstance(metric, str) or metric not in _METRICS or params["metric_params"]:
        raise Refused(f"metric in {', '.join(map(repr, _METRICS))} with metric_params=None")
    if metric == "minkowski" and not (is_number(p) and p >= 1):
        raise Refused("p of 1 or more")
    if algorithm not in ("auto", "brute", *_METRICS[metric]):
        raise Refused(f"algorithm='auto' or 'brute' with metric={metric!r}, as scikit-learn does")
    return {"algorithm": "brute", "metric": metric, "p": p, "metric_params": None}


# Of metric_params cuML reads p alone: the weights of a weighted Minkowski metric would be lost without a word.
_SEARCH = together(
    "metric",
    "p",
    "metric_params",
    "algorithm",
    translate=_search,
    text=f"the metrics {', '.join(_METRICS)}, with p >= 1 and without metric_params; always brute force, which finds "
    "the same neighbours as a tree",
)
_PARAMS: dict[str, Rule] = {
    "n_neighbors": same,
    "algorithm": _SEARCH,
    "leaf_size": ignored("there are no trees"),
    "p": _SEARCH,
    "metric": _SEARCH,
    "metric_params": _SEARCH,
    **JOBS,
}
_WEIGHTED: dict[str, Rule] = {**_PARAMS, "weights": only("uniform", "distance", None)}
_NATIVE: Mapping[str, Any] = {"algo_params": None}
_METRIC_OF_SPARSE = Need(
    f"metric in {', '.join(map(repr, _SPARSE_METRICS))}",
    lambda facts, params: isinstance(params["metric"], str) and params["metric"] in _SPARSE_METRICS,
)
_QUERY = Inputs(sparse=("csr",), sparse_where=_METRIC_OF_SPARSE)


def _fit(*needs: Need) -> Inputs:
    return Inputs(sparse=("csr",), sparse_where=_METRIC_OF_SPARSE, needs=needs)


_SINGLE = (
    "X is rounded to single precision, so that distances are right to 1e-3 of the largest value in X; neighbours at "
    "the same distance may come in another order."
)
_NEAREST = Export(
    tolerance=1e-2,
    restores=False,
    note="That is the distance of a row to itself, which single precision does not find to be 0. The rows that are "
    "kept are those that the GPU had, in single precision",
)

# -- densities --

_TREES: Mapping[str, tuple[str, ...]] = {
    metric: trees for metric, trees in _METRICS.items() if trees and metric != "minkowski"
}


def _density(params: Mapping[str, Any]) -> dict[str, Any]:
    metric, given, algorithm = params["metric"], params["metric_params"] or {}, params["algorithm"]
    if metric == "minkowski" and given.keys() <= {"p"} and is_number(given.get("p", 2)) and given.get("p", 2) >= 1:
        trees: tuple[str, ...] = _METRICS["minkowski"]
    elif isinstance(metric, str) and metric in _TREES and not given:
        trees = _TREES[metric]
    else:
        raise Refused(f"metric in {', '.join(map(repr, _TREES))}, or 'minkowski' with p >= 1 as its metric_params")
    if algorithm not in ("auto", *trees):
        raise Refused(f"algorithm='auto' with metric={metric!r}, as scikit-learn does")
    return {"metric": metric, "metric_params": dict(given) or None}


_DENSITY = together(
    "metric",
    "metric_params",
    "algorithm",
    translate=_density,
    text="the metrics of a ball tree that cuML has, of which minkowski alone with metric_params (p); no tree is built",
)
_EXACT = ignored("every density is computed to rounding")

ROWS = (
    Row(
        estimator="sklearn.neighbors.KNeighborsClassifier",
        backend="cuml.neighbors.KNeighborsClassifier",
        params=_WEIGHTED,
        fit=_fit(ONE_OUTPUT, CLASSES),
        predict=_QUERY,
        methods=("predict", "predict_proba", "kneighbors", "kneighbors_graph", "score"),
        tolerance=1e-2,
        devices=GPU,
        engine_params=_NATIVE,
        export=_NEAREST,
        note=_SINGLE,
    ),
    Row(
        estimator="sklearn.neighbors.KNeighborsRegressor",
        backend="cuml.neighbors.KNeighborsRegressor",
        params=_WEIGHTED,
        fit=_fit(),
        predict=_QUERY,
        methods=("predict", "kneighbors", "kneighbors_graph", "score"),
        tolerance=1e-2,
        devices=GPU,
        engine_params=_NATIVE,
        export=_NEAREST,
        note=_SINGLE,
    ),
    Row(
        estimator="sklearn.neighbors.KernelDensity",
        backend="cuml.neighbors.KernelDensity",
        params={
            "bandwidth": same,
            "algorithm": _DENSITY,
            "kernel": same,
            "metric": _DENSITY,
            "atol": _EXACT,
            "rtol": _EXACT,
            "breadth_first": ignored("there are no trees"),
            "leaf_size": ignored("there are no trees"),
            "metric_params": _DENSITY,
        },
        fit=Inputs(sample_weight=True, needs=(WEIGHTS,)),
        predict=Inputs(),
        methods=("score_samples", "score"),
        inherited=("sample",),  # cuML draws on the GPU, from another stream of random numbers
        tolerance=1e-4,
        devices=GPU,
        export=Export(tolerance=1e-4, restores=False, note="With float64 data the tolerance is 1e-9"),
        note="A float32 X is computed with in single precision, in which scikit-learn uses double.",
    ),
    Row(
        estimator="sklearn.neighbors.NearestNeighbors",
        backend="cuml.neighbors.NearestNeighbors",
        params={**_PARAMS, "radius": same},
        fit=_fit(),
        predict=_QUERY,
        methods=("kneighbors", "kneighbors_graph"),
        # cuML's radius_neighbors_graph is of one metric, unsorted and without distances.
        inherited=("radius_neighbors", "radius_neighbors_graph"),
        tolerance=1e-2,
        devices=GPU,
        engine_params=_NATIVE,
        export=_NEAREST,
        note=_SINGLE + " A radius is searched by scikit-learn on the CPU.",
    ),
)
