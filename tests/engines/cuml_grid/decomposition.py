"""Decompositions: settings beside one allowed value each, and where a row differs from cuML's own translation."""

import numpy as np

_PCA = "sklearn.decomposition.PCA"
_SVD = "sklearn.decomposition.TruncatedSVD"

GRID = {
    _PCA: (
        {"n_components": 3, "whiten": True},
        {"n_components": np.int64(2), "svd_solver": "arpack", "tol": 1e-3},
        {"n_components": 2, "svd_solver": "randomized", "iterated_power": 4, "random_state": 0},
        {"n_components": "mle"},
        {"n_components": 0},
        {"n_components": 0.9},
    ),
    _SVD: (
        {"n_components": 5, "algorithm": "arpack", "tol": 1e-3},
        {"n_iter": 9, "random_state": 0},
    ),
    "sklearn.decomposition.IncrementalPCA": ({"n_components": 2, "batch_size": 50, "whiten": True},),
    "sklearn.kernel_ridge.KernelRidge": tuple(
        {"kernel": kernel, "gamma": 0.5, "alpha": 0.1, "degree": 2, "coef0": 0.5}
        for kernel in ("linear", "poly", "polynomial", "rbf", "laplacian", "sigmoid", "cosine", "chi2", "precomputed")
    ),
}
REFUSED = {
    (_PCA, "n_components"): "cuML makes a whole number of a share of the variance, and fails",
}
LEFT = {
    (_SVD, "random_state"): "cuML does not read it: the eigendecomposition is not random",
}
