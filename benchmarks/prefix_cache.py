"""A search that shares the prefix of its pipelines: no cache, joblib.Memory on disk, and memory="cache".

Run ``python benchmarks/prefix_cache.py [--json FILE]``. 24 candidates x 5 folds over StandardScaler, PCA and SVC, all
in scikit-learn, one process. Each figure is the time of the plain search over the time of the search with the cache,
side by side in one run: median and spread of the repeats. Scores are compared; they must be equal.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
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
from accelsk.memory import _STORE

GRID = {"pca__n_components": [5, 10], "clf__C": [0.1, 1, 10, 100], "clf__gamma": [0.01, 0.03, 0.1]}
SHAPES = ((800, 30), (2000, 300))


def search(pipe: Any, X: Any, y: Any) -> tuple[float, Any]:
    """Time one search; return its scores too."""
    start = time.perf_counter()
    found = GridSearchCV(pipe, GRID, cv=5, refit=False).fit(X, y)
    return time.perf_counter() - start, found.cv_results_["mean_test_score"]


def measured(repeats: int) -> list[dict[str, Any]]:
    """Time every case."""
    found = []
    for n_samples, n_features in SHAPES:
        X, y = make_classification(n_samples, n_features, n_informative=10, random_state=0)
        # A seed: without one a randomized solver draws once for a cached fit, and once per fit otherwise.
        plain = Pipeline([("scale", StandardScaler()), ("pca", PCA(random_state=0)), ("clf", SVC())])
        ratios: dict[str, list[float]] = {"accelerate": [], "joblib.Memory": [], 'memory="cache"': []}
        held = 0
        for _ in range(repeats):
            base, scores = search(plain, X, y)
            for name, values in ratios.items():
                folder = tempfile.mkdtemp()
                _STORE.clear()
                memory = {"accelerate": None, "joblib.Memory": folder, 'memory="cache"': "cache"}[name]
                took, others = search(accelerate(plain, engine="sklearn").set_params(memory=memory), X, y)
                np.testing.assert_array_equal(scores, others)
                values.append(base / took)
                held = max(held, _STORE.nbytes)
                shutil.rmtree(folder)
        for name, values in ratios.items():
            spread = {"median": statistics.median(values), "min": min(values), "max": max(values)}
            found.append({"rows": n_samples, "columns": n_features, "cache": name, "held_bytes": held, **spread})
    return found


def main() -> None:
    """Print a line per case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    given = parser.parse_args()
    found = measured(given.repeats)
    for case in found:
        held = f", {case['held_bytes'] / 1e6:.0f} MB held" if case["cache"] == 'memory="cache"' else ""
        print(
            f"{case['rows']} x {case['columns']:5} {case['cache']:15} "
            f"{case['median']:.2f} [{case['min']:.2f}-{case['max']:.2f}] times as fast{held}"
        )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
