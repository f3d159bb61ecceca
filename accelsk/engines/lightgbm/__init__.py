"""LightGBM: its own classes, and scikit-learn's gradient boosting, on processors and by OpenCL or CUDA on GPUs."""

from __future__ import annotations

from accelsk.engines.lightgbm.table import ROWS
from accelsk.engines.spec import Engine

__all__ = ["ENGINE"]

ENGINE = Engine(
    name="lightgbm",
    title="LightGBM",
    imports="lightgbm",
    extras=("lightgbm",),
    devices=("cpu", "opencl", "cuda"),
    rows=ROWS,
    adapter="accelsk.engines.lightgbm.adapter:LightGBMAdapter",
    url="https://lightgbm.readthedocs.io",
)
