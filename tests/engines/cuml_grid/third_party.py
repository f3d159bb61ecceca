"""umap-learn and hdbscan: settings, and where a row differs from cuML's own translation."""

import numpy as np

_HDBSCAN = "hdbscan.hdbscan_.HDBSCAN"
_UMAP = "umap.umap_.UMAP"

GRID = {
    _HDBSCAN: (
        {"metric": "l2", "min_samples": 3, "min_cluster_size": 10, "p": 2},
        {"metric": "manhattan"},
        {"memory": "cache"},
        {"match_reference_implementation": True},
        {"branch_detection_data": True},
        {"cluster_selection_epsilon_max": 2.0},
        {"cluster_selection_persistence": 0.5},
        {"min_samples": 2000},
        {"gen_min_span_tree": True, "prediction_data": True, "algorithm": "boruvka_kdtree"},
    ),
    _UMAP: (
        *({"metric": metric} for metric in ("l1", "cosine", "hellinger", "canberra", "jaccard", "yule", "hamming")),
        {"metric": "minkowski", "metric_kwds": {"p": 3}},
        {"metric": "minkowski", "metric_kwds": {"w": [1.0]}},
        {"init": "random", "random_state": 0, "n_neighbors": 5, "min_dist": 0.5, "a": 1.0, "b": 1.0},
        {"init": "pca"},
        {"init": np.zeros((3, 2))},
        {"target_metric": "l2"},
        {"target_metric": "manhattan"},
        {"unique": True},
        {"densmap": True},
        {"output_metric": "haversine"},
        {"transform_seed": 1},
        {"transform_mode": "graph"},
        {"target_metric_kwds": {"p": 2}},
        {"disconnection_distance": 2.0},
        {"output_dens": True},
        {"n_epochs": [10, 20]},
        {"precomputed_knn": (np.zeros((3, 2)), np.zeros((3, 2)), None)},
    ),
}
REFUSED = {
    (_HDBSCAN, "cluster_selection_epsilon_max"): "cuML leaves it unread",
    (_HDBSCAN, "cluster_selection_persistence"): "cuML leaves it unread",
    (_HDBSCAN, "min_samples"): "cuML's fit refuses more than 1023",
    (_UMAP, "disconnection_distance"): "cuML leaves it unread",
    (_UMAP, "metric"): "cuML reads p alone of metric_kwds",
    (_UMAP, "n_epochs"): "umap-learn keeps the embedding of each; cuML fails",
    (_UMAP, "output_dens"): "cuML leaves it unread",
    (_UMAP, "output_metric"): "cuML leaves it unread",
    (_UMAP, "target_metric_kwds"): "cuML leaves it unread",
    (_UMAP, "transform_mode"): "cuML leaves it unread",
    (_UMAP, "transform_seed"): "cuML leaves it unread",
}
LEFT = {
    (_HDBSCAN, "device_ids"): "one device computes, the one that was asked for",
    (_UMAP, "callback"): "a hook into its C++ code, which cannot be pickled",
    (_UMAP, "device_ids"): "one device computes, the one that was asked for",
}
