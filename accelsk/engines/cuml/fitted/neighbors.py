"""Fitted attributes of ``sklearn.neighbors``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from accelsk.engines.held import Read

__all__ = ["FITTED"]


def _nearest(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    """A brute force search, which needs the rows alone, in the precision of the user's."""
    rows, dtype = read("_fit_X"), np.float64 if read.double else np.float32
    rows = sp.csr_matrix(rows, dtype=dtype) if sp.issparse(rows) else np.array(rows, dtype=dtype, order="C")
    metric, metric_params = _effective(params)
    return {
        "_fit_X": rows,
        "_fit_method": "brute",
        "_tree": None,
        "effective_metric_": metric,
        "effective_metric_params_": metric_params,
        "n_samples_fit_": int(rows.shape[0]),
    }


def _effective(params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The metric by the name that scikit-learn gives it."""
    if params["metric"] != "minkowski":
        return params["metric"], {}
    named = {1: "manhattan", 2: "euclidean", np.inf: "chebyshev"}.get(params["p"])
    return ("minkowski", {"p": params["p"]}) if named is None else (named, {})


def _classifier(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    codes = np.asarray(read("_y")).astype(np.intp)
    return {
        **_nearest(read, params),
        "_y": codes.reshape(-1),
        "outputs_2d_": False,
    }


def _regressor(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    target = np.array(read("_y"), dtype=np.float64, order="C")
    return {**_nearest(read, params), "_y": target.reshape(-1, 1) if read.y_ndim == 2 and target.ndim == 1 else target}


def _density(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    """The tree that scikit-learn would make of the rows, which is all there is to fit."""
    from sklearn.neighbors import KernelDensity

    rows = np.array(read("_X"), dtype=np.float64, order="C")
    weights = read("_sample_weight")
    if weights is not None:
        weights = np.array(weights, dtype=np.float64)
    fitted = KernelDensity(**params).fit(rows, sample_weight=weights)
    return {"bandwidth_": fitted.bandwidth_, "tree_": fitted.tree_}


FITTED: dict[str, Callable[[Read, Mapping[str, Any]], dict[str, Any]]] = {
    "KNeighborsClassifier": _classifier,
    "KNeighborsRegressor": _regressor,
    "KernelDensity": _density,
    "NearestNeighbors": _nearest,
}
