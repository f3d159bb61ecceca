"""Rows of ``sklearn.kernel_approximation``."""

from __future__ import annotations

from accelsk.engines.array_api.table.conditions import EXACT, NAMESPACE, SINGLE
from accelsk.engines.array_api.table.versions import since
from accelsk.engines.rules import only, same
from accelsk.engines.spec import Inputs, Need, Row

__all__ = ["ROWS"]

ROWS = since(
    "1.9",
    Row(
        estimator="sklearn.kernel_approximation.Nystroem",
        backend="sklearn.kernel_approximation.Nystroem",
        params={
            # A callable would be given tensors. The matrix of "sigmoid" has negative eigenvalues: rounding decides.
            "kernel": only(
                "rbf",
                "linear",
                "poly",
                "polynomial",
                "cosine",
                "chi2",
                "additive_chi2",
                "laplacian",
                "precomputed",
            ),
            "gamma": same,
            "coef0": same,
            "degree": same,
            "kernel_params": only(None),
            "n_components": same,
            "random_state": same,
            "n_jobs": same,
        },
        fit=Inputs(
            needs=(
                # Which NumPy's is computed with, whatever the data.
                Need(
                    "float64 data with kernel='laplacian'",
                    lambda facts, params: params["kernel"] != "laplacian" or facts.dtype != "float32",
                ),
            )
        ),
        methods=("transform",),
        inherited=("get_feature_names_out",),
        tolerance=1e-4,
        engine_params=NAMESPACE,
        export=EXACT,
        note=f"Where the kernel matrix is singular to rounding, rounding decides about features near zero. {SINGLE}",
    ),
)
