"""Fitted attributes of ``sklearn.cluster``, and the tolerance of k-means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from accelsk.engines.held import Held, Read

__all__ = ["BEFORE", "FITTED", "raw_data"]

#: Of scikit-learn's single linkage tree.
_MERGE = np.dtype([("left_node", np.intp), ("right_node", np.intp), ("value", np.float64), ("cluster_size", np.intp)])


def raw_data(read: Read) -> Any:
    """Return the data of a fit, of which cuML keeps a float32 copy on the device beside its index.

    Parameters
    ----------
    read : Read
        Reads the model.

    Returns
    -------
    ndarray
        On the host, float64.
    """
    data = read("_raw_data")
    data = getattr(data, "array", data)
    return np.asarray(data.get() if hasattr(data, "get") else data, dtype=np.float64)


def _agglomerative(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "children_": np.asarray(read("children_")).astype(np.int64),
        "labels_": np.asarray(read("labels_")).astype(np.int64),
        "n_clusters_": int(read("n_clusters_")),
        "n_connected_components_": int(read("n_connected_components_")),
        "n_leaves_": int(read("n_leaves_")),
    }


def _dbscan(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "components_": np.array(read("components_")),
        "core_sample_indices_": np.asarray(read("core_sample_indices_")).astype(np.intp),
        "labels_": np.asarray(read("labels_")).astype(np.intp),
    }


def _hdbscan(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    linkage = np.asarray(read("_single_linkage_tree"))
    merges = np.empty(len(linkage), dtype=_MERGE)
    for name, column in zip(_MERGE.names or (), linkage.T, strict=True):
        merges[name] = column
    neighbors = params["min_samples"]
    return {
        "labels_": np.asarray(read("labels_")).astype(np.intp),
        "probabilities_": np.asarray(read("probabilities_")).astype(np.float64),
        "_metric_params": {},
        "_min_samples": params["min_cluster_size"] if neighbors is None else neighbors,
        "_raw_data": raw_data(read),
        "_single_linkage_tree_": merges,
    }


def _k_means(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

    centers = np.array(read("cluster_centers_"), order="C")
    return {
        "cluster_centers_": centers,
        "inertia_": float(read("inertia_")),
        "labels_": np.asarray(read("labels_")).astype(np.int32),
        "n_iter_": int(read("n_iter_")),
        "_algorithm": params["algorithm"],
        "_n_features_out": len(centers),
        "_n_threads": _openmp_effective_n_threads(),
    }


def _spectral(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"labels_": np.asarray(read("labels_")).astype(np.int32)}


def _scale_tolerance(held: Held, X: Any, y: Any) -> None:
    """A tolerance that is relative to the variance of the columns to scikit-learn, and absolute to cuML; never 0."""
    tol = float(held.stem.tol) * float(X.var(axis=0).mean())
    held.model.set_params(tol=max(tol, np.finfo(np.float64).tiny))


FITTED = {
    "AgglomerativeClustering": _agglomerative,
    "DBSCAN": _dbscan,
    "KMeans": _k_means,
    "SpectralClustering": _spectral,
    "sklearn.cluster.HDBSCAN": _hdbscan,
}
BEFORE = {"KMeans": _scale_tolerance}
