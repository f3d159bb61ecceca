"""Rows of ``sklearn.decomposition``."""

from __future__ import annotations

from accelsk.engines.array_api.table.conditions import COPY, EXACT, NAMESPACE, SINGLE
from accelsk.engines.array_api.table.versions import since
from accelsk.engines.rules import mapped, only, same
from accelsk.engines.spec import Inputs, Row

__all__ = ["ROWS"]

ROWS = since(
    "1.9",
    Row(
        estimator="sklearn.decomposition.PCA",
        backend="sklearn.decomposition.PCA",
        params={
            "n_components": same,
            "copy": COPY,
            "whiten": same,
            "svd_solver": only("auto", "full", "covariance_eigh", "randomized"),
            "tol": same,
            "iterated_power": same,
            "n_oversamples": same,
            # The array API has no LU factorisation. Both span the same subspace, of which an SVD is made in the end.
            "power_iteration_normalizer": mapped({"auto": "QR", "QR": "QR", "LU": "QR", "none": "none"}),
            "random_state": same,
        },
        fit=Inputs(),
        methods=("fit_transform", "transform", "inverse_transform", "score", "score_samples"),
        inherited=("get_covariance", "get_precision", "get_feature_names_out"),
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
)
