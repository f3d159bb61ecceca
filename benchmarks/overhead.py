"""What the wrapper costs: one-row predict and fit, beside the backend estimator itself, in one run.

Run ``python benchmarks/overhead.py``. Each figure is the median of the differences of interleaved pairs of calls, in
microseconds on this machine; differences of the same run are what to compare.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_regression
from sklearn.linear_model import Ridge

from accelsk import AcceleratedEstimator


def difference(ours: Callable[[], Any], theirs: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Median time of `theirs`, and median of how much longer `ours` took, in microseconds."""
    base, more = [], []
    for repeat in range(repeats):
        took = {}
        for call in (ours, theirs) if repeat % 2 else (theirs, ours):
            start = time.perf_counter_ns()
            call()
            took[call] = (time.perf_counter_ns() - start) / 1000
        base.append(took[theirs])
        more.append(took[ours] - took[theirs])
    return statistics.median(base), statistics.median(more)


def main() -> None:
    """Print a line per operation."""
    X, y = make_regression(200, 10, random_state=0)
    row = np.ascontiguousarray(X[:1])
    ridge = Ridge()
    for engine in ("sklearn", "auto"):
        wrapped = AcceleratedEstimator(ridge, engine=engine).fit(X, y)
        base, more = difference(lambda: wrapped.predict(row), lambda: wrapped.estimator_.predict(row), 1000)  # noqa: B023
        print(f"{engine:8} predict of one row: {base:7.1f} us, wrapper {more:+7.1f} us")
        base, more = difference(lambda: wrapped.fit(X, y), lambda: clone(ridge).fit(X, y), 300)  # noqa: B023
        print(f"{engine:8} fit 200 x 10:       {base:7.1f} us, wrapper {more:+7.1f} us")


if __name__ == "__main__":
    main()
