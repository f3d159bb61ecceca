"""Fit and ask the models of engines under shares, and print how many threads each has used. Run as a program."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
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

#: What is done with each model, under which share, in which thread. Where it is asked without a share its last fit
#: was under one, and the other way round.
STEPS = {
    "few": (("fit", None, "main"), ("ask", 1, "other"), ("fit", 1, "main"), ("ask", None, "main")),
    "all": (
        *(("fit", None, "main"), ("ask", None, "main"), ("ask", 1, "main")),
        *(("fit", 1, "main"), ("ask", 1, "main"), ("ask", None, "main")),
        *(("fit", 1, "other"), ("ask", 1, "other"), ("ask", None, "main")),
        *(("fit", 2, "main"), ("ask", 2, "main"), ("ask", None, "main")),
    ),
}

#: On a busy machine a thread that got no core is not told from one that slept, and one that has handed its work on to
#: another is still awake: what is not as expected is looked at again, more often where it is a second thread that was
#: not seen. What is wrong stays wrong.
TRIES, TRIES_WITHOUT = 4, 10

#: Threads that have computed wait for more, awake, before they sleep.
PAUSE = 0.05


def data(engine):
    """Return as many rows as take the libraries some hundredths of a second."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000 if engine == "array_api" else 8_000, 20))
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
            "Ridge": (AcceleratedEstimator(Ridge(solver="svd"), **on), 12),
        }
    return {
        "forest": (AcceleratedEstimator(RandomForestClassifier(20, random_state=0, n_jobs=n_jobs), **on), 12),
        "means": (AcceleratedEstimator(means, **on), 20),
        "neighbors": (AcceleratedEstimator(KNeighborsClassifier(algorithm="brute", n_jobs=n_jobs), **on), 1),
    }


def asking(engine, which):
    """Return the models, with the number of threads that each asks for: one of the two, or one after the other."""
    asked = {n_jobs: models(engine, n_jobs) for n_jobs in (4, None)}
    for place, name in enumerate(asked[4]):
        for n_jobs in (4, None) if which == "all" else ((4, None)[place % 2],):
            yield name, n_jobs, *asked[n_jobs][name]


def most(onlooker, function, share):
    """Return the threads that a function uses; where there is no share, those that it ever uses."""
    for _ in range(TRIES_WITHOUT if share is None else TRIES):
        time.sleep(PAUSE)
        with onlooker.watching() as running, nullcontext() if share is None else limited(share):
            function()
        found = running.ever if share is None else running.most
        if found > 1 if share is None else found <= share:
            break
    return found


def in_thread(function, *args):
    """Call a function in another thread."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(function, *args).result()


def main(which, *engines):
    """Print what was seen."""
    seen = []
    with Onlooker() as onlooker:
        for engine in engines:
            X, y = data(engine)
            for name, n_jobs, model, times in asking(engine, which):
                repeated = np.tile(X, (times, 1))
                ask = model.predict if hasattr(model, "predict") else model.transform
                does = {"fit": lambda: model.fit(X, y), "ask": lambda: ask(repeated)}  # noqa: B023
                for what, share, where in STEPS[which]:
                    args = (onlooker, does[what], share)
                    found = most(*args) if where == "main" else in_thread(most, *args)
                    case = f"{engine}: {what} {name}, {n_jobs} asked for, in the {where} thread"
                    seen.append((engine, case, what, share, found))
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
