"""Fitted attributes of ``sklearn.covariance``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from accelsk.engines.held import Read

__all__ = ["FITTED"]


def _covariance(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    """scikit-learn computes the matrices in double precision whatever the data."""
    precision = read("precision_") if params["store_precision"] else None
    return {
        "covariance_": np.array(read("covariance_"), dtype=np.float64),
        "location_": np.array(read("location_")),
        "precision_": None if precision is None else np.array(precision, dtype=np.float64),
    }


def _shrunk(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {**_covariance(read, params), "shrinkage_": float(read("shrinkage_"))}


FITTED = {"EmpiricalCovariance": _covariance, "LedoitWolf": _shrunk}
