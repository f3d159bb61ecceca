"""Fitted attributes of ``sklearn.decomposition``, and what whitening does to new data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsk.engines.cuml.fitted.preprocessing import count
from accelsk.engines.holding import called

if TYPE_CHECKING:
    from accelsk.engines.held import Held, Read

__all__ = ["FITTED", "RUNS"]


def _factors(read: Read) -> dict[str, Any]:
    """Signs are scikit-learn's already: the largest entry of a component is positive."""
    return {
        "components_": np.array(read("components_"), order="C"),
        # Of data of low rank, rounding leaves the last variances below 0.
        "explained_variance_": np.maximum(np.asarray(read("explained_variance_")), 0),
        "explained_variance_ratio_": np.maximum(np.asarray(read("explained_variance_ratio_")), 0),
        "singular_values_": np.nan_to_num(np.asarray(read("singular_values_"))),
    }


def _noise(read: Read, params: Mapping[str, Any]) -> float:
    """The mean variance of the components that are left out; cuML counts those that a wide X does not have, too."""
    noise, n_components = float(read("noise_variance_")), int(read("n_components_"))
    n_features, n_samples = read.n_features, int(read("n_samples_"))
    left = n_features if params["svd_solver"] == "covariance_eigh" else min(n_features, n_samples)
    return max(noise, 0.0) * (n_features - n_components) / (left - n_components) if left > n_components else 0.0


def _pca(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_factors(read),
        "mean_": np.array(read("mean_")).ravel(),
        "n_components_": int(read("n_components_")),
        "n_samples_": int(read("n_samples_")),
        "noise_variance_": _noise(read, params),
        "_fit_svd_solver": "covariance_eigh",
    }


def _incremental(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        **_factors(read),
        "mean_": np.array(read("mean_")),
        "n_components_": int(read("n_components_")),
        "n_samples_seen_": count(read("n_samples_seen_")),
        "noise_variance_": float(np.nan_to_num(read("noise_variance_"))),  # the mean of none
        "var_": np.array(read("var_")),
    }
    batch_size = read("batch_size_", None)  # there after ``fit`` only
    return found if batch_size is None else {**found, "batch_size_": int(batch_size)}


def _truncated(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return _factors(read)


def _whiten(held: Held, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    """cuML scales by the number of rows that it is given, where the number of those fitted is meant."""
    if held.stem.whiten and method in ("transform", "inverse_transform"):
        return getattr(held.face, method)(held.adapter.home(X), **given)
    return called(held, method, X, given)


FITTED = {"IncrementalPCA": _incremental, "PCA": _pca, "TruncatedSVD": _truncated}
RUNS = {"IncrementalPCA": _whiten, "PCA": _whiten}
