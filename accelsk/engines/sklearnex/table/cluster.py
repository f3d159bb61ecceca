"""Rows of ``sklearn.cluster``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.rules import Refused, is_number, only, same, together
from accelsk.engines.sklearnex.table.conditions import (
    EVERYWHERE,
    HOST_ONLY,
    N_JOBS,
    SPARSE,
    on_gpu,
    rows_at_least,
    size,
)
from accelsk.engines.spec import Export, Inputs, Need, Row, Worth

__all__ = ["ROWS"]


def _euclidean(params: Mapping[str, Any]) -> dict[str, Any]:
    metric, p = params["metric"], params["p"]
    if not (metric == "euclidean" or (metric == "minkowski" and is_number(p) and p == 2)) or params["metric_params"]:
        raise Refused("metric='euclidean', or metric='minkowski' with p=2, and metric_params=None")
    return {"metric": metric, "p": p, "metric_params": params["metric_params"]}


# metric_params is not read: weights of a weighted metric would be lost without a word.
_METRIC = together(
    "metric", "p", "metric_params", translate=_euclidean, text="the Euclidean distance, under either name, unweighted"
)

_CLUSTERS = Need("fewer clusters than rows", lambda facts, params: params["n_clusters"] < size(facts)[0])
# Weights that are all equal are taken but not multiplied into inertia_, and others make predict fail.
_UNIT_WEIGHTS = Need(
    "sample weights that are all 1",
    lambda facts, params: facts.weights == "none" or facts.min_weight == facts.max_weight == 1,
)


def _is_array(init: Any) -> bool:
    return not callable(init) and not isinstance(init, str)


_K_MEANS = Row(
    estimator="sklearn.cluster.KMeans",
    backend="sklearnex.cluster.KMeans",
    params={
        "n_clusters": only(where=lambda value: is_number(value) and value > 1, text="a number above 1"),
        "init": same,
        "n_init": same,
        "max_iter": same,
        "tol": same,
        "verbose": same,
        "random_state": same,
        "copy_x": same,
        "algorithm": same,
    },
    fit=Inputs(sparse=("csr",), sample_weight=True, needs=(_CLUSTERS, _UNIT_WEIGHTS)),
    predict=Inputs(sparse=SPARSE, sample_weight=True),
    methods=("fit_predict", "fit_transform"),
    inherited=("predict", "transform", "score", "get_feature_names_out"),
    fidelity="statistical",
    tolerance=0.05,
    devices=HOST_ONLY,
    engine_params=N_JOBS,
    export=Export(tolerance=1e-6, double=1e-11),
    note="algorithm='elkan' is computed as 'lloyd', with the same result. Starts come from another random stream.",
)

_NARROW = Need("15 columns or fewer", lambda facts, params: size(facts)[1] <= 15)

ROWS = (
    Row(
        estimator="sklearn.cluster.DBSCAN",
        backend="sklearnex.cluster.DBSCAN",
        params={
            "eps": same,
            "min_samples": same,
            "metric": _METRIC,
            "metric_params": _METRIC,
            "algorithm": only("auto", "brute"),
            "leaf_size": same,
            "p": _METRIC,
            "n_jobs": same,
        },
        fit=Inputs(sample_weight=True),
        methods=("fit_predict",),
        devices=EVERYWHERE,
        worth=Worth(ratio=4, seen="benchmarks/results/2026-11-suite.json", needs=(rows_at_least(500), _NARROW)),
        export=Export(),
    ),
    _K_MEANS,
    on_gpu(
        _K_MEANS,
        note="The starts of init='k-means++' are drawn on the host.",
        params={
            **_K_MEANS.params,
            "init": only("k-means++", "random", where=_is_array, text="an array"),
        },
    ),
)
