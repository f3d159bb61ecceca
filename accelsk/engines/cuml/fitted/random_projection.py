"""Fitted attributes of ``sklearn.random_projection``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from scipy import linalg
from sklearn.exceptions import DataDimensionalityWarning

if TYPE_CHECKING:
    from accelsk.engines.held import Held, Read

__all__ = ["AFTER", "FITTED"]


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


def _warn_of_growth(held: Held) -> None:
    """scikit-learn warns where nothing is reduced, and cuML does not."""
    n_components, n_features = int(held.model.n_components_), held.stem.n_features_in_
    if held.stem.n_components != "auto" and n_components > n_features:
        warnings.warn(
            "The number of components is higher than the number of features: n_features < n_components "
            f"({n_features} < {n_components}). The dimensionality of the problem will not be reduced.",
            DataDimensionalityWarning,
            stacklevel=2,
        )


FITTED = {"GaussianRandomProjection": _projection, "SparseRandomProjection": _sparse}
AFTER = dict.fromkeys(FITTED, _warn_of_growth)
