"""XGBoost: its own classes, and scikit-learn's gradient boosting, on processors and by CUDA on GPUs."""

from __future__ import annotations

from accelsk.engines.spec import Engine
from accelsk.engines.xgboost.table import ROWS

__all__ = ["ENGINE"]

ENGINE = Engine(
    name="xgboost",
    title="XGBoost",
    imports="xgboost",
    extras=("xgboost", "xgboost-cpu"),
    devices=("cpu", "cuda"),
    rows=ROWS,
    adapter="accelsk.engines.xgboost.adapter:XGBoostAdapter",
    url="https://xgboost.readthedocs.io",
)
