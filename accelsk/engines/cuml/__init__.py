"""RAPIDS cuML: scikit-learn's estimators on NVIDIA's GPUs."""

from __future__ import annotations

from accelsk.engines.cuml.table import ROWS
from accelsk.engines.spec import Engine

__all__ = ["ENGINE"]

ENGINE = Engine(
    name="cuml",
    title="RAPIDS cuML",
    imports="cuml",
    extras=("cuml-cu13", "cuml-cu12"),
    devices=("cuda",),
    rows=ROWS,
    adapter="accelsk.engines.cuml.adapter:CumlAdapter",
    url="https://docs.rapids.ai/api/cuml/stable",
)
