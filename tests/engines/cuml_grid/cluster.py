"""Clusters: settings beside one allowed value each, and where a row differs from cuML's own translation."""

import numpy as np

_AGGLOMERATIVE = "sklearn.cluster.AgglomerativeClustering"
_DBSCAN = "sklearn.cluster.DBSCAN"
_HDBSCAN = "sklearn.cluster.HDBSCAN"
_KMEANS = "sklearn.cluster.KMeans"
_SPECTRAL = "sklearn.cluster.SpectralClustering"

GRID = {
    _AGGLOMERATIVE: (
        {"linkage": "single"},
        {"linkage": "single", "metric": "cosine", "n_clusters": 3},
        {"linkage": "single", "distance_threshold": 1.0, "n_clusters": None},
    ),
    _DBSCAN: (
        {"metric": "cosine"},
        {"metric": "cosine", "algorithm": "ball_tree"},
        {"metric": "l2", "eps": np.float64(0.25), "min_samples": np.int64(3)},
        {"metric": "precomputed"},
        {"metric": "minkowski", "p": 2},
        {"metric": "minkowski", "p": 3},
        {"metric": "manhattan"},
    ),
    _HDBSCAN: (
        {"min_samples": 1},
        {"min_samples": 2, "min_cluster_size": 20},
        {"min_cluster_size": 30, "max_cluster_size": 100, "cluster_selection_method": "leaf"},
        {"min_samples": 1025},
        {"metric": "l2"},
    ),
    _KMEANS: (
        {"init": "random", "n_init": 3},
        {"init": "k-means++", "n_init": 3, "tol": 1e-6},
        {"init": np.zeros((2, 2)), "n_clusters": 2, "n_init": 4},
        {"algorithm": "elkan", "n_clusters": np.int64(4)},
    ),
    _SPECTRAL: (
        {"affinity": "nearest_neighbors"},
        {"affinity": "nearest_neighbors", "n_neighbors": 7, "n_components": 4, "random_state": 3, "n_init": 2},
        {"affinity": "precomputed", "eigen_tol": 1e-3, "gamma": 2.0},
        {"affinity": "nearest_neighbors", "assign_labels": "discretize"},
    ),
}
REFUSED = {
    (_DBSCAN, "metric"): "cuML leaves metric_params unread",
}
TAKEN = {
    (_DBSCAN, "algorithm"): "the clusters are the same whatever the search for neighbours",
    (_DBSCAN, "metric"): "Minkowski's distance with p=2 is the Euclidean",
    (_DBSCAN, "p"): "Minkowski's distance with p=2 is the Euclidean",
}
CORRECTED = {
    (_KMEANS, "n_init"): "of given centres all runs are the same: scikit-learn makes one, cuML's 'auto' is ten",
}
LEFT = {
    (_AGGLOMERATIVE, "c"): "it is read with connectivity='knn' only, and 'pairwise' is passed",
    (_HDBSCAN, "device_ids"): "one device computes, the one that was asked for",
    (_HDBSCAN, "p"): "it is of Minkowski's distance, which cuML has not",
}
