"""What this machine can do at most, and how much of it a case has used."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsk.timing import compare

__all__ = ["measured", "work"]


def measured() -> dict[str, float]:
    """GFLOP/s of a product of matrices, and GB/s of a copy, with all threads: the best of some repeats."""
    square = np.random.default_rng(0).normal(size=(2048, 2048))
    source = np.ones(25_000_000)
    target = np.empty_like(source)
    found = compare(
        {"product": lambda: square @ square, "copy": lambda: np.copyto(target, source)}, budget=4.0, repeats=5
    )
    return {
        "compute": 2 * 2048**3 / found["product"].seconds.min / 1e9,
        "memory": 2 * source.nbytes / found["copy"].seconds.min / 1e9,
    }


def work(steps: tuple[str, ...], operation: str, rows: int, columns: int, predicted: int | None, model: Any) -> float:
    """Return the giga-operations, or gigabytes, that an operation cannot do without; 0 where that is not known.

    Sums of products count two per product, symmetric ones half; a scaler reads the data once to fit, and reads and
    writes them to transform.
    """
    name = steps[-1].rpartition(".")[2]
    if operation == "fit":
        if name == "KMeans":
            return 2 * rows * columns * model.n_clusters * int(model.n_iter_) / 1e9
        return {
            "PCA": rows * columns**2,
            "LinearRegression": rows * columns**2,
            "StandardScaler": 8 * rows * columns,
        }.get(name, 0) / 1e9
    assert predicted is not None
    if name == "KMeans" and operation == "predict":
        return 2 * predicted * columns * model.n_clusters / 1e9
    if name == "NearestNeighbors":
        return 2 * predicted * rows * columns / 1e9
    return 16 * predicted * columns / 1e9 if name == "StandardScaler" else 0.0
