"""scikit-learn's array API: its own code, on tensors of PyTorch or arrays of CuPy instead of NumPy's."""

from __future__ import annotations

from accelsk.engines.array_api.table import ROWS
from accelsk.engines.spec import Engine

__all__ = ["ENGINE"]

ENGINE = Engine(
    name="array_api",
    title="scikit-learn's array API",
    imports="torch",
    alternatives=("cupy",),
    extras=("torch", "cupy-cuda12", "cupy-cuda13"),
    devices=("gpu", "cpu"),
    rows=ROWS,
    adapter="accelsk.engines.array_api.adapter:ArrayAPIAdapter",
    yields=True,  # libraries made for a device have code of their own for it
    url="https://scikit-learn.org/stable/modules/array_api.html",
)
