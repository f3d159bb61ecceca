"""CatBoost: its own classes, and scikit-learn's gradient boosting, on processors and by CUDA on GPUs."""

from __future__ import annotations

from accelsk.engines.catboost.table import ROWS
from accelsk.engines.spec import Engine

__all__ = ["ENGINE"]

ENGINE = Engine(
    name="catboost",
    title="CatBoost",
    imports="catboost",
    extras=("catboost",),
    devices=("cpu", "cuda"),
    rows=ROWS,
    adapter="accelsk.engines.catboost.adapter:CatBoostAdapter",
    url="https://catboost.ai/docs",
)
