"""What a process of its own for a device costs: the same model, called there and here, in one run.

Run ``python benchmarks/device_worker.py [--json FILE]``. It needs the plug-in of the tests, which pretends such a
device: ``pip install -e tests/plugins/accelsk-loopback``. Ridge is used because its ``predict`` costs next to nothing,
so that what is left is the way there and back. Each figure is the median of interleaved pairs of calls, in
milliseconds, with its quartiles; differences of the same run are what to compare.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, shutdown_workers

#: Rows of 10 columns in double precision, and how many pairs of calls are made.
CASES = {"1 row": (1, 500), "1,000 rows (80 kB)": (1_000, 500), "1,250,000 rows (100 MB)": (1_250_000, 15)}


def pairs(there: Callable[[], Any], here: Callable[[], Any], repeats: int) -> dict[str, Any]:
    """Time both in turn: medians in milliseconds, and median and quartiles of the difference."""
    took: dict[Any, list[float]] = {there: [], here: []}
    for repeat in range(repeats + 3):
        for call in (there, here) if repeat % 2 else (here, there):
            start = time.perf_counter()
            call()
            if repeat >= 3:  # the first calls fill caches
                took[call].append((time.perf_counter() - start) * 1000)
    low, more, high = statistics.quantiles([a - b for a, b in zip(took[there], took[here], strict=True)], n=4)
    one, other = statistics.median(took[there]), statistics.median(took[here])
    return {"there_ms": one, "here_ms": other, "more_ms": more, "low_ms": low, "high_ms": high}


def on(estimator: Any, index: int) -> AcceleratedEstimator:
    """Wrap for one of the pretended devices: the first is in this process, the second is not."""
    return AcceleratedEstimator(estimator, engine="loopback", device=f"accelerator:{index}", fallback="raise")


def measured() -> list[dict[str, Any]]:
    """Time every case."""
    rng = np.random.default_rng(0)
    X = rng.random((1_250_000, 10))
    y = X @ np.arange(10.0)
    found: list[dict[str, Any]] = []
    starts = []
    for _ in range(3):
        shutdown_workers()
        start = time.perf_counter()
        on(Ridge(), 1).fit(X[:100], y[:100])
        starts.append((time.perf_counter() - start) * 1000)
    found.append({"call": "the first fit, which starts the process", "there_ms": statistics.median(starts)})
    there, here = on(Ridge(), 1).fit(X, y), on(Ridge(), 0).fit(X, y)
    for name, (rows, repeats) in CASES.items():
        data = X[:rows]
        took = pairs(lambda: there.predict(data), lambda: here.predict(data), repeats)  # noqa: B023
        found.append({"call": f"Ridge.predict, {name}", "bytes": data.nbytes} | took)
    took = pairs(lambda: there.predict(X), X.copy, 15)
    found.append({"call": "Ridge.predict, 100 MB; here: X.copy()", "bytes": X.nbytes} | took)
    took = pairs(lambda: on(Ridge(), 1).fit(X, y), lambda: on(Ridge(), 0).fit(X, y), 9)
    found.append({"call": "Ridge.fit, 1,250,000 rows (100 MB)", "bytes": X.nbytes} | took)
    few, labels = X[:3000], (y[:3000] > y.mean()).astype(int)
    took = pairs(lambda: on(SVC(), 1).fit(few, labels), lambda: on(SVC(), 0).fit(few, labels), 15)
    found.append({"call": "SVC.fit, 3,000 rows", "bytes": few.nbytes} | took)
    return found


def main() -> None:
    """Print a line per case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the figures there")
    given = parser.parse_args()
    os.environ["LOOPBACK_ONE_PER_PROCESS"] = "1"
    load = os.getloadavg()[0]
    found = measured()
    for case in found:
        line = f"{case['call']:42} there {case['there_ms']:9.2f} ms"
        if "here_ms" in case:
            line += f", here {case['here_ms']:8.2f} ms, more {case['more_ms']:+8.2f} ms"
            line += f" [{case['low_ms']:+.2f} to {case['high_ms']:+.2f}]"
        print(line)
    if given.json:
        about = {"cores": os.cpu_count(), "load_before": round(load, 1)}
        given.json.write_text(json.dumps({"machine": about, "cases": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
