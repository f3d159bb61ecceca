"""Embeddings: settings beside one allowed value each, and where a row differs from cuML's own translation."""

_EMBEDDING = "sklearn.manifold.SpectralEmbedding"
_TSNE = "sklearn.manifold.TSNE"

GRID = {
    _EMBEDDING: ({"affinity": "precomputed", "n_neighbors": 4, "random_state": 1, "n_components": 3},),
    _TSNE: (
        *({"metric": metric, "init": "random"} for metric in ("l1", "cosine", "chebyshev", "sqeuclidean", "jaccard")),
        {"metric": "minkowski", "metric_params": {"p": 3}},
        {"metric": "minkowski", "metric_params": {"w": [1.0]}},
        {"learning_rate": 150.0, "early_exaggeration": 8.0, "max_iter": 500},
        {"method": "exact", "early_exaggeration": 8.0},
        {"perplexity": 100.0},
        {"perplexity": 400.0},
        {"n_components": 3},
    ),
}
REFUSED = {
    (_EMBEDDING, "eigen_tol"): "cuML leaves it unread",
    (_TSNE, "early_exaggeration"): "cuML's adaptive learning rate sets another one without a word",
    (_TSNE, "metric"): "cuML reads p alone of metric_params",
    (_TSNE, "perplexity"): "cuML has 1023 neighbours at most, and a third of them is the perplexity",
}
CORRECTED = {
    (_TSNE, "min_grad_norm"): "cuML ends the early exaggeration, and the fit, by it",
    (_TSNE, "n_neighbors"): "three times the perplexity, as scikit-learn; cuML has 90 whatever the perplexity",
}
LEFT = {
    (_TSNE, "angle"): "of Barnes-Hut, and it is a Fourier transform that approximates",
    (_TSNE, "n_iter_without_progress"): "cuML leaves it unread",
}
