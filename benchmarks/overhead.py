"""What wrapping costs: one-row predict and fit, beside the backend estimator itself, in one run.

Run ``python benchmarks/overhead.py [--json FILE]``. Each figure is the median of the differences of interleaved pairs
of calls, with its quartiles, in microseconds on this machine; differences of the same run are what to compare. The
promise: at most 10 us on ``predict`` of one row, 300 us on ``fit`` with a named engine and 600 us with "auto".
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, AcceleratedPipeline
from accelsk.engines import names, why_missing

PREDICTS, FITS = 1000, 300


def difference(ours: Callable[[], Any], theirs: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Median time of `theirs`, and median and quartiles of how much longer `ours` took, in microseconds."""
    base, more = [], []
    for repeat in range(repeats + 20):
        took = {}
        for call in (ours, theirs) if repeat % 2 else (theirs, ours):
            start = time.perf_counter_ns()
            call()
            took[call] = (time.perf_counter_ns() - start) / 1000
        if repeat >= 20:  # the first calls fill caches
            base.append(took[theirs])
            more.append(took[ours] - took[theirs])
    low, median, high = statistics.quantiles(more, n=4)
    return {"backend": statistics.median(base), "more": median, "low": low, "high": high}


def engines() -> list[str]:
    """Return what can be named here, and "auto"."""
    return [*(name for name in names(plugins=False) if why_missing(name) is None), "auto"]


def measured() -> list[dict[str, Any]]:
    """Time every case."""
    X, y = make_regression(200, 10, random_state=0)
    Xc, yc = make_classification(200, 10, random_state=0)
    cases = [
        (Ridge(), X, y),
        (LinearRegression(), X, y),
        (LogisticRegression(), Xc, yc),
        (SVC(), Xc, yc),
        (HistGradientBoostingRegressor(max_iter=10), X, y),
    ]
    found = []
    for estimator, data, target in cases:
        row = np.ascontiguousarray(data[:1])
        for engine in engines():
            options = {"engine": engine, "fallback": "silent"}
            wrapped = AcceleratedEstimator(estimator, **options).fit(data, target)
            backend = wrapped.estimator_
            took = difference(lambda: wrapped.predict(row), lambda: backend.predict(row), PREDICTS)  # noqa: B023
            found.append(
                {"of": type(estimator).__name__, "engine": engine, "ran": wrapped.engine_, "call": "predict"} | took
            )
            if wrapped.engine_ != "sklearn":
                continue  # the fit of another engine is what makes the difference
            took = difference(
                lambda: wrapped.fit(data, target),  # noqa: B023
                lambda: clone(estimator).fit(data, target),  # noqa: B023
                FITS,
            )
            found.append(
                {"of": type(estimator).__name__, "engine": engine, "ran": wrapped.engine_, "call": "fit"} | took
            )
    steps = [("scale", StandardScaler()), ("pca", PCA(5)), ("clf", LogisticRegression())]
    plain = Pipeline(steps).fit(Xc, yc)
    pipe = AcceleratedPipeline([(name, clone(step)) for name, step in steps], engine="sklearn").fit(Xc, yc)
    row = np.ascontiguousarray(Xc[:1])
    for call, ours, theirs, repeats in (
        ("predict", lambda: pipe.predict(row), lambda: plain.predict(row), PREDICTS),
        ("fit", lambda: pipe.fit(Xc, yc), lambda: clone(plain).fit(Xc, yc), FITS),
    ):
        found.append(
            {"of": "Pipeline of 3", "engine": "sklearn", "ran": "sklearn", "call": call}
            | difference(ours, theirs, repeats)
        )
    return found


def main() -> None:
    """Print a line per case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, help="also write the figures there")
    given = parser.parse_args()
    found = measured()
    for case in found:
        print(
            f"{case['of']:30} engine={case['engine']:10} ran {case['ran']:10} {case['call']:8} "
            f"backend {case['backend']:8.1f} us, wrapper {case['more']:+7.1f} us "
            f"[{case['low']:+.1f} to {case['high']:+.1f}]"
        )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
