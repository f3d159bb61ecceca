"""Fitted attributes of ``sklearn.random_projection``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from scipy import linalg

if TYPE_CHECKING:
    from accelsk.engines.held import Read

__all__ = ["FITTED"]


def _projection(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    components: Any = read("components_")
    components = sp.csr_matrix(components) if sp.issparse(components) else np.array(components, order="C")
    found = {
        "components_": components,
        "n_components_": int(read("n_components_")),
        "_n_features_out": int(read("n_components_")),
    }
    if params["compute_inverse_components"]:
        dense = components.toarray() if sp.issparse(components) else components
        found["inverse_components_"] = linalg.pinv(dense, check_finite=False)
    return found


def _sparse(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {**_projection(read, params), "density_": float(read("density_"))}


FITTED = {"GaussianRandomProjection": _projection, "SparseRandomProjection": _sparse}
