"""What is more than one estimator: the flights end to end, a grid search, the import, and the memory of a fit."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import accelerate
from accelsk.demo import DemoNotAvailable, flights
from accelsk.demo.measure import compare as compare_flights
from accelsk.demo.models import CASES as FLIGHT_CASES
from accelsk.timing import Spread, compare
from benchmarks.cases import CASES, Size
from benchmarks.contenders import AUTO, PATCHED, PLAIN, contenders
from benchmarks.import_time import seconds

__all__ = ["measured"]

#: 24 candidates x 5 folds.
GRID = {"pca__n_components": [5, 10], "svc__C": [0.1, 1.0, 10.0, 100.0], "svc__gamma": [0.01, 0.03, 0.1]}

#: Whose memory is measured, and at which size.
MEMORY: tuple[tuple[str, Size], ...] = (
    ("LinearRegression", (200_000, 50)),
    ("LogisticRegression", (200_000, 50)),
    ("PCA", (200_000, 50)),
    ("KMeans", (200_000, 50)),
    ("StandardScaler", (200_000, 50)),
    ("HistGradientBoostingClassifier", (20_000, 50)),
    ("RandomForestClassifier", (20_000, 10)),
)


def measured(*, quick: bool) -> Iterator[tuple[str, Any]]:
    """Measure each, and name it; the quick run has a smaller search, and neither flights nor memory."""
    yield "import", import_time(3 if quick else 9)
    yield "search", search(800 if quick else 2_500, repeats=1 if quick else 3)
    if not quick:
        yield "memory", list(memory())
        yield "flights", list(on_flights(seconds_per_model=12.0))


def import_time(repeats: int) -> dict[str, Any]:
    """``import accelsk`` over ``import sklearn.base``, in fresh processes."""
    statements = ("import sklearn.base", "import accelsk")
    for statement in statements:  # the page cache
        seconds(statement)
    took: dict[str, list[float]] = {statement: [] for statement in statements}
    for repeat in range(repeats):
        for statement in statements if repeat % 2 else statements[::-1]:
            took[statement].append(seconds(statement))
    plain, ours = took.values()
    return {
        "seconds": {statement: asdict(Spread.of(values)) for statement, values in took.items()},
        "ratio": asdict(Spread.of([mine / theirs for mine, theirs in zip(ours, plain, strict=True)])),
    }


def search(rows: int, repeats: int) -> dict[str, Any]:
    """A grid over scaler, PCA and SVC with two jobs: plain, patched, accelsk, and accelsk with shared prefixes."""
    X, y = make_classification(rows, 30, n_informative=10, random_state=0)
    plain = Pipeline([("scaler", StandardScaler()), ("pca", PCA(random_state=0)), ("svc", SVC())])
    searches = {
        PLAIN: GridSearchCV(plain, GRID, cv=5, n_jobs=2),
        AUTO: accelerate(GridSearchCV(plain, GRID, cv=5, n_jobs=2), engine="auto"),
        f'{AUTO}, memory="cache"': accelerate(GridSearchCV(plain, GRID, cv=5, n_jobs=2), engine="auto").set_params(
            estimator__memory="cache"
        ),
    }
    scores: dict[str, float] = {}

    def run(name: str) -> Callable[[], None]:
        def call() -> None:
            scores[name] = float(searches[name].fit(X, y).best_score_)

        return call

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The first round starts the workers, and has them load their libraries.
        found = compare({name: run(name) for name in searches}, budget=0, repeats=repeats)
    return {"rows": rows, "columns": 30, "best_score": scores, **found.to_dict()}


def on_flights(seconds_per_model: float) -> Iterator[dict[str, Any]]:
    """The models of ``accelsk demo`` on the flights of 2013, encoding and scaling included."""
    try:
        table = flights.load()
    except DemoNotAvailable:
        return
    for case in FLIGHT_CASES:
        sample = flights.split(table, case.rows)
        for result in compare_flights(case, sample, 5, seconds_per_model, lambda: None):
            yield result.to_dict()


def memory() -> Iterator[dict[str, Any]]:
    """The peak of a fit in a fresh process, above the data, in megabytes."""
    for name, size in MEMORY:
        case = next(case for case in CASES if case.name == name)
        X, y = case.data_for(size)
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder, "X.npy"), X)
            np.save(Path(folder, "y.npy"), y)
            for contender in contenders(case, X, y):
                if contender not in (PLAIN, PATCHED, AUTO):
                    continue
                command = [sys.executable, "-m", "benchmarks.memory_peak", name, contender, folder]
                told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                yield {
                    "case": name, "rows": size[0], "columns": size[1], "data": X.nbytes / 1e6,
                    "contender": contender, "peak": float(told.split()[-1]),
                }  # fmt: skip
