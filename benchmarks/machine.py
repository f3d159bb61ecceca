"""The machine that a result comes from, and what else it was doing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from typing import Any

from threadpoolctl import threadpool_info

from accelsk.machine import instruction_sets, processor_name, total_memory

__all__ = ["described", "load"]

_PACKAGES = (
    "accelsk", "numpy", "scipy", "scikit-learn", "scikit-learn-intelex", "daal", "xgboost", "xgboost-cpu", "lightgbm",
    "catboost", "snapml", "treelite", "onnx", "onnxruntime", "torch", "joblib", "threadpoolctl", "pandas",
)  # fmt: skip


def described() -> dict[str, Any]:
    """Processor, cores, memory, versions, the libraries that keep threads, and the load, as plain data."""
    import scipy.linalg  # noqa: F401  its BLAS is another one than NumPy's
    import sklearn.cluster  # noqa: F401  OpenMP

    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor_name(),
        "instructions": [name for name in instruction_sets() if name.startswith(("AVX", "X86_V", "ASIMD", "SVE"))],
        "cores": os.cpu_count(),
        "memory": total_memory(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
        "threads": [
            {key: pool.get(key) for key in ("user_api", "internal_api", "version", "num_threads", "architecture")}
            for pool in threadpool_info()
        ],
        "load": load(),
    }


def load() -> float:
    """How many processes want a core, this one included; the mean of the last minute."""
    return round(os.getloadavg()[0], 2)
