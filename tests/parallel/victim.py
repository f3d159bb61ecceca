"""Run as a script: a worker is killed, then Ctrl-C is pressed, and what comes of both is printed as JSON."""

import json
import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import psutil
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from accelsk import AcceleratedEstimator, parallel_config
from accelsk.errors import WorkerDied


class Suicidal(ClassifierMixin, BaseEstimator):
    """Kills the process that fits it, where it is told to."""

    def __init__(self, dies=False, flag=None):
        self.dies = dies
        self.flag = flag

    def fit(self, X, y):
        time.sleep(0.1)
        if self.dies and not (self.flag and Path(self.flag).exists()):
            if self.flag:
                Path(self.flag).touch()
            time.sleep(0.8)  # dask does not start a worker again that dies while it starts
            os.kill(os.getpid(), signal.SIGKILL)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


def waiting(_):
    """A task that does not end by itself."""
    time.sleep(100)


def main(backend, flag):
    """Do it, and print what happened."""
    X, y = load_iris(return_X_y=True)
    X = np.tile(X, (100, 1))  # large enough for shared memory
    y = np.tile(y, 100)
    said = {}
    with parallel_config(backend, n_jobs=2):
        if backend != "threading":  # where the worker is this process
            search = GridSearchCV(AcceleratedEstimator(Suicidal()), {"dies": [False, False, True]}, cv=2)
            try:
                search.fit(X, y)
            except WorkerDied as error:
                said["died"] = str(error)
            said["left"] = hasattr(search, "best_estimator_")
        if flag:
            search = GridSearchCV(AcceleratedEstimator(Suicidal(flag=flag)), {"dies": [False, True]}, cv=2).fit(X, y)
            said["finished"] = search.cv_results_["mean_test_score"].tolist()
        threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            joblib.Parallel()(joblib.delayed(waiting)(i) for i in range(6))
        except KeyboardInterrupt:
            said["interrupted"] = True
        said["usable"] = joblib.Parallel()(joblib.delayed(abs)(-i) for i in range(4))
    said["children"] = [child.name() for child in psutil.Process().children() if child.status() == "running"]
    print(json.dumps(said))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of the clusters, which are stopped in the middle of things
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
