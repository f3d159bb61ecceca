"""Fitted attributes of umap-learn's and hdbscan's classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsk.engines.cuml.fitted.cluster import raw_data
from accelsk.engines.holding import Intake

if TYPE_CHECKING:
    from accelsk.engines.held import Read

__all__ = ["FITTED", "INTAKE"]


def _hdbscan(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    """The trees are there: hdbscan computes plots, outlier scores and validity of them."""
    found = {
        "labels_": np.asarray(read("labels_")).astype(np.intp),
        "probabilities_": np.array(read("probabilities_"), dtype=np.float64),
        "cluster_persistence_": np.array(read("cluster_persistence_"), dtype=np.float64),
        "_all_finite": True,
        "_condensed_tree": read("_condensed_tree"),
        "_min_spanning_tree": read("_min_spanning_tree"),
        "_raw_data": raw_data(read),
        "_single_linkage_tree": np.array(read("_single_linkage_tree"), dtype=np.float64),
    }
    if params["prediction_data"]:
        found["_prediction_data"] = read("prediction_data_")
    return found


def _umap(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    embedding = np.array(read("embedding_"), order="C")
    return {
        "embedding_": embedding,
        "graph_": read("graph_").tocsr(),
        "_a": float(read("_a")),
        "_b": float(read("_b")),
        "_n_features_out": embedding.shape[1],
        "_n_neighbors": int(read("_n_neighbors")),
    }


FITTED = {"hdbscan.hdbscan_.HDBSCAN": _hdbscan, "umap.umap_.UMAP": _umap}
INTAKE = {"umap.umap_.UMAP": Intake(y=True)}
