"""Rows for classes of two packages beside scikit-learn: umap-learn and hdbscan.

Their own classes are fitted where another engine is asked for; the rows are met only where the packages are installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.cuml.table.conditions import GPU, SILENT, demanded, size
from accelsk.engines.rules import Refused, adjusted, const, ignored, mapped, only, same, together
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = ["ROWS"]

#: What umap-learn and cuML both have; "jaccard" is for sparse data, of which umap-learn's tags say nothing.
_METRICS = (
    "euclidean",
    "l2",
    "sqeuclidean",
    "manhattan",
    "l1",
    "cityblock",
    "taxicab",
    "chebyshev",
    "linf",
    "minkowski",
    "canberra",
    "cosine",
    "correlation",
    "hellinger",
    "hamming",
)

_FINITE = Need("no NaN or infinity", lambda facts, params: not facts.has_nan)
_ROWS = Need("two rows or more", lambda facts, params: size(facts)[0] > 1)


def _metric(params: Mapping[str, Any]) -> dict[str, Any]:
    metric, settings = params["metric"], params["metric_kwds"] or {}
    if not isinstance(metric, str) or metric not in _METRICS:
        raise Refused(" or ".join(f"metric={name!r}" for name in _METRICS))
    if set(settings) - {"p"} or (settings and metric != "minkowski"):
        raise Refused("metric_kwds=None, or metric_kwds={'p': ...} with metric='minkowski'")
    return {"metric": metric, "metric_kwds": params["metric_kwds"]}


_METRIC = together(
    "metric", "metric_kwds", translate=_metric, text="the metrics of cuML, of which only Minkowski's has a setting"
)


def _graph(value: Any) -> Any:
    """cuML takes indices and distances; the third is umap-learn's index for searches."""
    pair = tuple(value[:2])
    return None if all(each is None for each in pair) else pair


def _is_start(value: Any) -> bool:
    return not isinstance(value, str) and hasattr(value, "shape")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _uncached(value: Any) -> bool:
    return value is None or (not isinstance(value, str) and getattr(value, "location", None) is None)


def _core(params: Mapping[str, Any]) -> dict[str, Any]:
    smallest, neighbors = params["min_cluster_size"], params["min_samples"]
    if not 1 <= (smallest if neighbors is None else neighbors) <= 1023:
        raise Refused("min_samples (min_cluster_size, if None) from 1 to 1023")
    return {"min_samples": neighbors}


_CORE = together(translate=_core, text="passed on, from 1 to 1023")
_APPROXIMATE = ignored("a setting of umap-learn's approximate search for neighbours, which is not made")
_DENSITY = ignored("it is read with densmap=True only, which is refused")
_TREES = ignored("the neighbours are searched by brute force, with the same result")

ROWS = (
    Row(
        estimator="hdbscan.hdbscan_.HDBSCAN",
        backend="cuml.cluster.HDBSCAN",
        params={
            "min_cluster_size": same,
            "min_samples": _CORE,
            "cluster_selection_epsilon": same,
            "cluster_selection_persistence": demanded("cluster_selection_persistence", 0.0),
            "max_cluster_size": same,
            "metric": only("euclidean", "l2"),
            "alpha": same,
            "p": same,
            "algorithm": _TREES,
            "leaf_size": _TREES,
            "memory": demanded("memory", where=_uncached, text="a memory without a location"),
            "approx_min_span_tree": ignored("the tree of the neighbours is completed exactly"),
            "gen_min_span_tree": same,
            "core_dist_n_jobs": ignored("it is the GPU that computes"),
            "cluster_selection_method": same,
            "allow_single_cluster": same,
            "prediction_data": same,
            "branch_detection_data": demanded("branch_detection_data", False),
            "match_reference_implementation": demanded("match_reference_implementation", False),
            "cluster_selection_epsilon_max": demanded("cluster_selection_epsilon_max", float("inf")),
        },
        fit=Inputs(needs=(_ROWS, _FINITE)),
        methods=("fit_predict",),
        inherited=("dbscan_clustering", "weighted_cluster_centroid", "weighted_cluster_medoid"),
        refused={
            "generate_prediction_data": "fit with prediction_data=True",
            "generate_branch_detection_data": "cuML does not keep what it needs",
        },
        fidelity="statistical",
        tolerance=0.05,  # float32, and ties are broken otherwise. Kept on a GPU.
        engine_params={"build_algo": "brute_force", "build_kwds": None},
        export=Export(restores=False),
        devices=GPU,
        note="Computed in float32.",
    ),
    Row(
        estimator="umap.umap_.UMAP",
        backend="cuml.manifold.UMAP",
        params={
            "n_neighbors": same,
            "n_components": same,
            "metric": _METRIC,
            "metric_kwds": _METRIC,
            "output_metric": demanded("output_metric", "euclidean"),
            "output_metric_kwds": demanded("output_metric_kwds", None),
            "n_epochs": only(None, where=_whole, text="a whole number"),
            "learning_rate": same,
            "init": only("spectral", "random", where=_is_start, text="an array"),
            "min_dist": same,
            "spread": same,
            "low_memory": _APPROXIMATE,
            "n_jobs": ignored("it is the GPU that computes"),
            "set_op_mix_ratio": same,
            "local_connectivity": same,
            "repulsion_strength": same,
            "negative_sample_rate": same,
            "transform_queue_size": same,
            "a": same,
            "b": same,
            "random_state": same,
            "angular_rp_forest": _APPROXIMATE,
            "target_n_neighbors": same,
            "target_metric": mapped({"categorical": "categorical", "euclidean": "euclidean", "l2": "l2"}),
            "target_metric_kwds": demanded("target_metric_kwds", None),
            "target_weight": same,
            "transform_seed": demanded("transform_seed", 42),
            "transform_mode": demanded("transform_mode", "embedding"),
            "force_approximation_algorithm": _APPROXIMATE,
            **SILENT,
            "tqdm_kwds": ignored("it shows no progress"),
            "unique": demanded("unique", False),
            "densmap": demanded("densmap", False),
            "dens_lambda": _DENSITY,
            "dens_frac": _DENSITY,
            "dens_var_shift": _DENSITY,
            "output_dens": demanded("output_dens", False),
            "disconnection_distance": demanded("disconnection_distance", None),
            "precomputed_knn": adjusted(_graph, "indices and distances alone"),
            "hash_input": const(True, "as umap-learn, which knows the data of the fit again"),
        },
        fit=Inputs(needs=(_ROWS, _FINITE)),
        methods=("fit_transform", "transform", "inverse_transform"),
        inherited=("get_feature_names_out",),
        refused={"update": "the model of cuML cannot go on learning"},
        fidelity="statistical",
        tolerance=0.05,  # another random stream, float32; trustworthiness is compared: 0.03 for 100 rows, 0.01 for 380.
        engine_params={"build_algo": "auto", "build_kwds": None, "force_serial_epochs": None},
        absent={"graph_dists_": "it is for densMAP, which is refused"},
        export=Export(refused="umap-learn searches neighbours of new data in an index of its own, which cuML has not"),
        devices=GPU,
        note="Computed in float32. More than 50,000 rows have approximate neighbours, unless random_state is set.",
    ),
)
