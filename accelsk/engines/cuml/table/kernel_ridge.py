"""Row of ``sklearn.kernel_ridge``."""

from __future__ import annotations

from accelsk.engines.cuml.table.conditions import GPU
from accelsk.engines.rules import only, same
from accelsk.engines.spec import Export, Inputs, Row

__all__ = ["ROWS"]

ROWS = (
    Row(
        estimator="sklearn.kernel_ridge.KernelRidge",
        backend="cuml.kernel_ridge.KernelRidge",
        params={
            "alpha": same,
            "kernel": only(
                "linear",
                "poly",
                "polynomial",
                "rbf",
                "laplacian",
                "sigmoid",
                "cosine",
                "chi2",
                "additive_chi2",
                "precomputed",
            ),
            "gamma": same,
            "degree": same,
            "coef0": same,
            "kernel_params": same,
        },
        fit=Inputs(sample_weight=True),
        methods=("predict",),
        inherited=("score",),
        tolerance=1e-6,  # of float64: the same equations, solved in float64; 2e-12 on a GPU.
        export=Export(tolerance=1e-6, restores=False),
        devices=GPU,
    ),
)
