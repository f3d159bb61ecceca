"""Extension for Scikit-learn (scikit-learn-intelex): oneDAL on x86 processors and, through SYCL, on GPUs."""

from __future__ import annotations

from accelsk.engines.sklearnex.table import ROWS
from accelsk.engines.spec import Engine

__all__ = ["ENGINE"]

ENGINE = Engine(
    name="sklearnex",
    title="Extension for Scikit-learn",
    imports="sklearnex",
    extras=("sklearnex", "sklearnex-gpu"),
    devices=("cpu", "sycl"),
    rows=ROWS,
    adapter="accelsk.engines.sklearnex.adapter:SklearnexAdapter",
    url="https://uxlfoundation.github.io/scikit-learn-intelex",
)
