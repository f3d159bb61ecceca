"""Rows of ``sklearn.cluster``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.cuml.table.conditions import GPU, JOBS, SILENT, demanded, size
from accelsk.engines.rules import Refused, const, ignored, is_number, mapped, only, same, together
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = ["ROWS"]

_NEIGHBORS = "the neighbours are searched by brute force, with the same result"


def _starts(params: Mapping[str, Any]) -> dict[str, Any]:
    init, n_init = params["init"], params["n_init"]
    if callable(init) or (isinstance(init, str) and init not in ("k-means++", "random")):
        raise Refused("init='k-means++', init='random' or an array of centres")
    if isinstance(init, str):
        return {"init": "scalable-k-means++" if init == "k-means++" else init, "n_init": n_init}
    return {"init": init, "n_init": 1}


_STARTS = together(
    "init",
    "n_init",
    translate=_starts,
    text="'k-means++' as 'scalable-k-means++', 'random', or an array of centres, from which one run is made (cuML's "
    "'auto' would make ten)",
)


def _distance(params: Mapping[str, Any]) -> dict[str, Any]:
    metric, p = params["metric"], params["p"]
    if metric == "minkowski" and (p is None or (is_number(p) and p == 2)):
        metric = "euclidean"
    if metric not in ("euclidean", "l2", "cosine", "precomputed") or params["metric_params"]:
        raise Refused(
            "metric='euclidean', metric='cosine' or metric='precomputed', or metric='minkowski' with p=2, and "
            "metric_params=None"
        )
    return {"metric": metric}


_DISTANCE = together(
    "metric", "metric_params", "p", translate=_distance, text="Euclidean, cosine or precomputed distances, unweighted"
)


def _search(params: Mapping[str, Any]) -> dict[str, Any]:
    # scikit-learn's trees refuse these distances, and so does this row.
    if params["algorithm"] not in ("auto", "brute") and params["metric"] in ("cosine", "precomputed"):
        raise Refused(f"algorithm='auto' or algorithm='brute' with metric={params['metric']!r}")
    return {"algorithm": "brute"}


_SEARCH = together(translate=_search, text="by brute force whatever the algorithm: the clusters are the same")


def _core(params: Mapping[str, Any]) -> dict[str, Any]:
    smallest, neighbors = params["min_cluster_size"], params["min_samples"]
    neighbors = smallest if neighbors is None else neighbors
    if not 2 <= neighbors <= 1024:
        raise Refused("min_samples (min_cluster_size, if None) from 2 to 1024")
    return {"min_samples": neighbors - 1}


_CORE = together(
    translate=_core,
    text="one less for `min_samples`, because cuML does not count the point itself; from 2 to 1024",
)

_WITH_KERNELS = ignored("it is read with other affinities only, which are refused")
_EUCLIDEAN = only("euclidean", "l2")

ROWS = (
    Row(
        estimator="sklearn.cluster.AgglomerativeClustering",
        backend="cuml.cluster.AgglomerativeClustering",
        params={
            "n_clusters": only(
                where=lambda value: isinstance(value, int) and value >= 1, text="a whole number of 1 or more"
            ),
            "metric": only("euclidean", "l2", "l1", "manhattan", "cityblock", "cosine"),
            "memory": ignored("the tree is not kept between fits"),
            # All distances, as scikit-learn: of a graph of neighbours the tree may be another one.
            "connectivity": mapped({None: "pairwise"}),
            "compute_full_tree": ignored("the full tree is always made; its clusters are the same"),
            "linkage": only("single"),
            "distance_threshold": demanded("distance_threshold", None),
            "compute_distances": demanded("compute_distances", False),
        },
        fit=Inputs(
            needs=(
                Need("two rows or more", lambda facts, params: size(facts)[0] > 1),
                # More pairs are counted wrongly: with 200,000 rows a fit left the process without a working GPU.
                Need("at most 46,340 rows, whose pairs 32 bits count", lambda facts, params: size(facts)[0] <= 46_340),
            )
        ),
        methods=("fit_predict",),
        # float32: which of two nearly equal distances is merged first may decide; not once on a GPU.
        fidelity="statistical",
        tolerance=0.05,
        export=Export(restores=False),
        devices=GPU,
        note="Computed in float32, with the distances of all pairs of rows in memory.",
    ),
    Row(
        estimator="sklearn.cluster.DBSCAN",
        backend="cuml.cluster.DBSCAN",
        params={
            "eps": same,
            "min_samples": same,
            "metric": _DISTANCE,
            "metric_params": _DISTANCE,
            "algorithm": _SEARCH,
            "leaf_size": ignored(_NEIGHBORS),
            "p": _DISTANCE,
            **JOBS,
            "calc_core_sample_indices": const(True, "they are fitted attributes of scikit-learn"),
        },
        fit=Inputs(sample_weight=True),
        methods=("fit_predict",),
        # Core points are the same; a border point of two clusters may go to either; not once on a GPU.
        fidelity="statistical",
        tolerance=0.01,
        engine_params={"max_mbytes_per_batch": None},
        export=Export(restores=False),
        devices=GPU,
        note="eps is compared in float32. A row of zeros has no cosine distance.",
    ),
    Row(
        estimator="sklearn.cluster.HDBSCAN",
        backend="cuml.cluster.HDBSCAN",
        params={
            "min_cluster_size": same,
            "min_samples": _CORE,
            "cluster_selection_epsilon": same,
            "max_cluster_size": together(
                translate=lambda params: {"max_cluster_size": params["max_cluster_size"] or 0}, text="None as 0"
            ),
            "metric": _EUCLIDEAN,
            "metric_params": demanded("metric_params", None),
            "alpha": same,
            "algorithm": ignored(_NEIGHBORS),
            "leaf_size": ignored(_NEIGHBORS),
            **JOBS,
            "cluster_selection_method": same,
            "allow_single_cluster": same,
            "store_centers": demanded("store_centers", None),
            "copy": ignored("X is copied to the GPU"),
            "gen_min_span_tree": const(False, "scikit-learn has none"),
            "prediction_data": const(False, "scikit-learn has none"),
        },
        fit=Inputs(
            needs=(
                Need("two rows or more", lambda facts, params: size(facts)[0] > 1),
                Need(
                    "as many rows as min_samples",
                    lambda facts, params: (params["min_samples"] or params["min_cluster_size"]) <= size(facts)[0],
                ),
            ),
        ),
        methods=("fit_predict",),
        inherited=("dbscan_clustering",),
        # float32, and ties between distances are broken otherwise. On a GPU: the same clusters where these are apart;
        # an adjusted Rand index of 0.84, and 0.07 of the silhouette, where half of the rows are noise.
        fidelity="statistical",
        tolerance=0.1,
        engine_params={"build_algo": "brute_force", "build_kwds": None},
        export=Export(restores=False),
        devices=GPU,
        absent={
            "centroids_": "they are stored with store_centers only, which is refused",
            "medoids_": "they are stored with store_centers only, which is refused",
        },
        note="Computed in float32. NaN, which scikit-learn gives a label of their own, are refused.",
    ),
    Row(
        estimator="sklearn.cluster.KMeans",
        backend="cuml.cluster.KMeans",
        params={
            "n_clusters": same,
            "init": _STARTS,
            "n_init": _STARTS,
            "max_iter": same,
            # Multiplied by the mean variance of the columns right before the fit, as scikit-learn does it.
            "tol": same,
            **SILENT,
            "random_state": same,
            "copy_x": ignored("X is copied to the GPU"),
            "algorithm": ignored("'lloyd' and 'elkan' find the same clusters"),
        },
        fit=Inputs(
            sample_weight=True,
            needs=(Need("as many rows as clusters", lambda facts, params: params["n_clusters"] <= size(facts)[0]),),
        ),
        methods=("fit_predict", "fit_transform", "predict", "transform", "score"),
        inherited=("get_feature_names_out",),
        # Starts come from another random stream: on a GPU 0.03 for some hundred rows; more for less, as of two seeds.
        fidelity="statistical",
        tolerance=0.05,
        engine_params={
            "oversampling_factor": 2.0,
            "max_samples_per_batch": 32768,
            "device_buffer_samples": 0,
            "init_size": 0,
        },
        export=Export(tolerance=1e-6, restores=False),
        devices=GPU,
        note="'k-means++' is the scalable variant (k-means||), from another random stream.",
    ),
    Row(
        estimator="sklearn.cluster.SpectralClustering",
        backend="cuml.cluster.SpectralClustering",
        params={
            "n_clusters": same,
            "eigen_solver": ignored("it has one solver (Lanczos), of the same eigenvectors"),
            "n_components": same,
            "random_state": same,
            "n_init": same,
            "gamma": _WITH_KERNELS,
            "affinity": only("nearest_neighbors", "precomputed"),
            "n_neighbors": same,
            "eigen_tol": same,
            "assign_labels": demanded("assign_labels", "kmeans"),
            "degree": _WITH_KERNELS,
            "coef0": _WITH_KERNELS,
            "kernel_params": _WITH_KERNELS,
            **JOBS,
            **SILENT,
        },
        fit=Inputs(
            sparse=("coo",),
            sparse_where=Need("affinity='precomputed'", lambda facts, params: params["affinity"] == "precomputed"),
            needs=(
                # Fewer rows, and cuML would take fewer eigenvectors without a word.
                Need(
                    "more than three rows for each eigenvector",
                    lambda facts, params: size(facts)[0] > 3 * (params["n_components"] or params["n_clusters"]),
                ),
                Need(
                    "more rows than n_neighbors with affinity='nearest_neighbors'",
                    lambda facts, params: (
                        params["affinity"] != "nearest_neighbors" or params["n_neighbors"] < size(facts)[0]
                    ),
                ),
            ),
        ),
        methods=("fit_predict",),
        # float32, and another random stream for both steps; 0.002 for 380 rows on a GPU.
        fidelity="statistical",
        tolerance=0.05,
        export=Export(restores=False),
        devices=GPU,
        absent={"affinity_matrix_": "cuML does not keep it"},
        note="Computed in float32. scikit-learn's default affinity, 'rbf', is not to be had.",
    ),
)
