"""Run as a script: fits on OpenCL devices in the workers of a backend; where they ran is printed as JSON."""

import json
import os
import sys
import threading
import time
import warnings
from pathlib import Path

import joblib
from lightgbm import LGBMClassifier
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from accelsk import AcceleratedEstimator, parallel_config
from accelsk.errors import DeviceNotAvailable

X, y = load_iris(return_X_y=True)
MODEL = {"n_estimators": 2, "min_child_samples": 1, "verbose": -1, "gpu_use_dp": True}


def asked_for(device):
    """An estimator that asks for a device: by accelsk's option, or by LightGBM's."""
    if device == "device_type":
        return AcceleratedEstimator(LGBMClassifier(device_type="gpu", **MODEL), engine="lightgbm")
    return AcceleratedEstimator(LGBMClassifier(**MODEL), engine="lightgbm", device=device)


def worker():
    """The name of this one, for a file."""
    return f"{os.getpid()}-{threading.get_ident()}"


def where(model):
    """Which worker has fitted it, where, and what is told of that after the reason for the engine."""
    told = str(model.decision_).splitlines()[0].partition("whatever engine is asked for.")[2]
    return {"worker": worker(), "device": model.device_, "told": told}


class Meet:
    """In the middle of a fit, waits for all workers: they fit at the same time, or none of them ends."""

    def __init__(self, folder, workers):
        self.folder = Path(folder)
        self.workers = workers

    def __call__(self, env):
        self.folder.joinpath(worker()).touch()
        deadline = time.monotonic() + 200
        while len(list(self.folder.iterdir())) < self.workers:
            if time.monotonic() > deadline:
                raise TimeoutError("the other workers do not fit")
            time.sleep(0.02)


class Stay:
    """Stays in a fit for a while, and writes down when that was."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def __call__(self, env):
        start = time.time()
        time.sleep(0.4)
        self.folder.joinpath(f"{worker()}-{start}").write_text(f"{start} {time.time()}")


class Recorded:
    """A scorer that writes down where the models were fitted."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def __call__(self, model, X, y):
        self.folder.joinpath(f"{worker()}-{time.time_ns()}").write_text(json.dumps(where(model)))
        return model.score(X, y)


def fit(device, callback):
    """Fit a model, which calls back at each of its iterations."""
    return where(asked_for(device).fit(X, y, callbacks=[callback]))


def together(backend, workers, device, folder):
    """Fits that all run at once, and a search in the same workers."""
    met, scored = folder / "met", folder / "scored"
    met.mkdir()
    scored.mkdir()
    with parallel_config(backend, n_jobs=workers):
        tasks = joblib.Parallel(batch_size=1)([joblib.delayed(fit)(device, Meet(met, workers))] * (2 * workers))
        search = GridSearchCV(asked_for(device), {"num_leaves": [3, 4]}, cv=2, scoring=Recorded(scored)).fit(X, y)
    return {
        "tasks": tasks,
        "search": [json.loads(path.read_text()) for path in scored.iterdir()],
        "refitted": where(search.best_estimator_),
    }


def bounded(backend, workers, device, folder):
    """Fits that have no room beside each other."""
    stayed = folder / "stayed"
    stayed.mkdir()
    with parallel_config(backend, n_jobs=workers):
        tasks = joblib.Parallel(batch_size=1)([joblib.delayed(fit)(device, Stay(stayed))] * workers)
    return {"tasks": tasks, "stays": [list(map(float, path.read_text().split())) for path in stayed.iterdir()]}


def refused(backend, workers, device, folder):
    """Fits in forked processes, of estimators that were not fitted before, and of a search that sends one."""
    found = {}
    with parallel_config(backend, n_jobs=workers):
        for name, call in {
            "in the task": lambda: joblib.Parallel()([joblib.delayed(fit)(device, print)] * workers),
            "on the way": lambda: GridSearchCV(asked_for(device), {"num_leaves": [3, 4]}, cv=2).fit(X, y),
        }.items():
            try:
                call()
            except DeviceNotAvailable as error:
                found[name] = str(error)
        found["usable"] = joblib.Parallel()(joblib.delayed(abs)(-i) for i in range(4))
    return found


if __name__ == "__main__":
    warnings.simplefilter("error", category=UserWarning)
    program, backend, workers, device, folder = sys.argv[1:]
    print("JSON", json.dumps(globals()[program](backend, int(workers), device, Path(folder))))
