"""Fit and ask the models of one engine under shares, and print how many threads each has used. Run as a program."""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import nullcontext

import numpy as np
from boosting_libraries import LIBRARIES
from running_threads import Onlooker
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier

from accelsk import AcceleratedEstimator
from accelsk.engines import get
from accelsk.threads import limited

#: The share, the number that the estimator asks for, and the thread of the caller.
CASES = (
    (None, None, "main"),
    (1, None, "main"),
    (None, 4, "main"),
    (1, 4, "main"),
    (2, 4, "main"),
    (1, 4, "other"),
)

#: On a busy machine a thread that got no core is not told from one that slept, and one that has handed its work on to
#: another is still awake: what is not as expected is looked at again. What is wrong stays wrong.
TRIES = 4

#: Threads that have computed wait for more, awake, before they sleep.
PAUSE = 0.1


def data(engine):
    """Return as many rows as take the libraries some hundredths of a second."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80_000 if engine == "array_api" else 8_000, 20))
    return X, (X[:, 0] + rng.normal(size=len(X)) > 0).astype(int)


def models(engine, n_jobs):
    """Return the models of an engine by name, and how often their data are to be repeated for a prediction."""
    on = {"engine": engine, "fallback": "raise", "device": "cpu"}
    boosting = HistGradientBoostingClassifier(max_iter=30, early_stopping=False)
    if engine in LIBRARIES:
        jobs = next(row.jobs for row in get(engine).rows if row.native)
        own = LIBRARIES[engine].own(rounds=30, **({} if n_jobs is None else {jobs: n_jobs}))
        return {
            "own": (AcceleratedEstimator(own, **on), 20),
            "scikit-learn's": (AcceleratedEstimator(boosting, n_jobs=n_jobs, **on), 20),
        }
    means = KMeans(20, n_init=1, max_iter=20, random_state=0)
    if engine == "sklearn":
        return {
            "boosting": (AcceleratedEstimator(boosting, **on), 4),
            "means": (AcceleratedEstimator(means, **on), 20),
        }
    if engine == "array_api":
        return {
            "PCA": (AcceleratedEstimator(PCA(10, svd_solver="full"), **on), 4),
            "Ridge": (AcceleratedEstimator(Ridge(solver="svd"), **on), 4),
        }
    return {
        "forest": (AcceleratedEstimator(RandomForestClassifier(20, random_state=0, n_jobs=n_jobs), **on), 12),
        "means": (AcceleratedEstimator(means, **on), 20),
        "neighbors": (AcceleratedEstimator(KNeighborsClassifier(algorithm="brute", n_jobs=n_jobs), **on), 1),
    }


def most(onlooker, function, share):
    """Return the threads that a function uses; where there is no share, those that it ever uses."""
    for _ in range(TRIES):
        time.sleep(PAUSE)
        with onlooker.watching() as running:
            function()
        found = running.ever if share is None else running.most
        if found > 1 if share is None else found <= share:
            break
    return found


def used(onlooker, model, X, y, times, share):
    """Return the threads of a fit, of a prediction under the same share, and of one afterwards, where there is none."""
    repeated = np.tile(X, (times, 1))
    ask = model.predict if hasattr(model, "predict") else model.transform
    with nullcontext() if share is None else limited(share):
        fit = most(onlooker, lambda: model.fit(X, y), share)
        prediction = most(onlooker, lambda: ask(repeated), share)
    return fit, prediction, most(onlooker, lambda: ask(repeated), None)


def in_thread(function, *args):
    """Call a function in another thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function(*args)))
    thread.start()
    thread.join()
    return found[0]


def main(engine):
    """Print what was seen."""
    X, y = data(engine)
    seen = []
    with Onlooker() as onlooker:
        for share, asked, where in CASES:
            for name, (model, times) in models(engine, asked).items():
                args = (onlooker, model.fit(X[:500], y[:500]), X, y, times, share)  # and the library is loaded
                found = used(*args) if where == "main" else in_thread(used, *args)
                seen.append((name, share, asked, where, *found))
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1])
