"""Rows of ``sklearn.mixture``."""

from __future__ import annotations

from accelsk.engines.array_api.table.conditions import EXACT, NAMESPACE, SINGLE
from accelsk.engines.array_api.table.versions import since
from accelsk.engines.rules import only, same
from accelsk.engines.spec import Inputs, Need, Row

__all__ = ["ROWS"]

ROWS = since(
    "1.9",
    Row(
        estimator="sklearn.mixture.GaussianMixture",
        backend="sklearn.mixture.GaussianMixture",
        params={
            "n_components": same,
            "covariance_type": same,
            "tol": same,
            "reg_covar": same,
            "max_iter": same,
            "n_init": same,
            "init_params": only("random", "random_from_data"),
            "weights_init": same,
            "means_init": same,
            "precisions_init": same,
            "random_state": same,
            "warm_start": only(False),
            "verbose": same,
            "verbose_interval": same,
        },
        fit=Inputs(
            needs=(
                # NumPy's arrays are made float64 by these, and tensors of two types do not mix.
                Need(
                    "float64 data with weights_init, means_init or precisions_init",
                    lambda facts, params: (
                        facts.dtype != "float32"
                        or all(params[name] is None for name in ("weights_init", "means_init", "precisions_init"))
                    ),
                ),
            )
        ),
        methods=("fit_predict", "predict", "predict_proba", "score", "score_samples", "aic", "bic"),
        inherited=("sample",),
        tolerance=1e-4,
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
)
