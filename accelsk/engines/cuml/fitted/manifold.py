"""Fitted attributes of ``sklearn.manifold``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsk.engines.holding import called

if TYPE_CHECKING:
    from accelsk.engines.held import Held, Read

__all__ = ["FITTED", "RUNS"]


def _spectral(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    """scikit-learn's is of float64."""
    return {
        "embedding_": np.array(read("embedding_"), dtype=np.float64, order="C"),
        "n_neighbors_": int(read("n_neighbors_")),
    }


def _tsne(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "embedding_": np.array(read("embedding_"), order="C"),  # float32, as scikit-learn's
        "kl_divergence_": float(read("kl_divergence_")),
        "learning_rate_": float(read("learning_rate_")),
        "n_iter_": int(read("n_iter_")),
    }


def _double(held: Held, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    """An embedding of float64, as scikit-learn's, though it was computed in float32."""
    result = called(held, method, X, given)
    return result.astype(np.float64) if method == "fit_transform" else result


FITTED = {"SpectralEmbedding": _spectral, "TSNE": _tsne}
RUNS = {"SpectralEmbedding": _double}
