"""Under a share of the cores each engine computes on no more threads than that; its models know nothing of it.

The threads are counted from outside, by a process that asks the kernel which of them run or wait for a core: what the
libraries say of themselves is not looked at. A library that is asked for four threads makes them on two cores as well.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from boosting_libraries import LIBRARIES
from joblib import cpu_count
from running_threads import VISIBLE
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from accelsk import AcceleratedEstimator
from accelsk.engines import get, get_adapter, why_missing
from accelsk.threads import limited

counting = pytest.mark.skipif(not VISIBLE or cpu_count() < 2, reason="threads are counted on Linux, on two cores")

#: A thread of the pool that has made the table of a prediction waits for more, not asleep, while the next pool computes.
SPINNING = {"catboost": 1}

#: These fits are multithreaded, and long enough to see it.
SEEN_FITTING = ("own", "scikit-learn's", "forest", "boosting")


def installed(*names):
    return [
        pytest.param(name, marks=pytest.mark.skipif(bool(why_missing(name)), reason=f"{name} is not installed"))
        for name in names
    ]


@pytest.fixture(scope="module")
def used():
    """Return a function that has the models of an engine fitted and asked in a fresh process, once."""
    found = {}

    def used(engine):
        if engine not in found:
            here = Path(__file__).parent
            path = os.pathsep.join([str(here), *filter(None, sys.path)])
            # A thread of OpenMP that has nothing to do is not to run for that.
            environment = {**os.environ, "PYTHONPATH": path, "OMP_WAIT_POLICY": "PASSIVE"}
            command = [sys.executable, "-W", "ignore", str(here / "threads_used.py"), engine]
            done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
            found[engine] = json.loads(done.stdout.splitlines()[-1])
        return found[engine]

    return used


every_engine = pytest.mark.parametrize(
    "engine", installed("xgboost", "lightgbm", "catboost", "sklearnex", "array_api", "sklearn")
)


@counting
@every_engine
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("threads of engines")
def test_no_more_threads_compute_than_the_share(used, engine):
    spinning = SPINNING.get(engine, 0)
    for name, share, asked, where, fit, prediction, _ in used(engine):
        case = f"{name}, {asked} asked for, in the {where} thread"
        if share is not None:
            assert fit <= share, case
            assert prediction <= share + (spinning if share > 1 else 0), case


@counting
@every_engine
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("threads of engines")
def test_where_there_is_no_share_a_model_takes_what_it_would(used, engine):
    for name, share, asked, where, fit, prediction, afterwards in used(engine):
        case = f"{name}, {asked} asked for, in the {where} thread, after a share of {share}"
        assert afterwards > 1, case
        if share is None:
            assert prediction > 1, case
            assert fit > 1 or name not in SEEN_FITTING, case


# -- what a model remembers ------------------------------------------------------------------------------------------


def written(engine, model):
    """Return what the library has written into a fitted model."""
    own = model.estimator_
    if engine == "xgboost":
        return own.get_booster().save_config(), bytes(own.get_booster().save_raw())
    if engine == "lightgbm":
        return own.booster_.model_to_string(), own.booster_.params
    if engine == "catboost":
        return own.get_all_params(), own.get_params(), own.__getstate__().keys()
    return pickle.dumps(own)


def boosters():
    for engine, library in LIBRARIES.items():
        for n_jobs in (None, 4):
            jobs = {"catboost": "thread_count"}.get(engine, "n_jobs")
            own = {jobs: n_jobs} if n_jobs else {}
            for kind in ("own", "scikit-learn's"):
                yield pytest.param(
                    engine,
                    lambda library=library, own=own: AcceleratedEstimator(library.own(rounds=5, random_state=0, **own))
                    if kind == "own"
                    else library.on(HistGradientBoostingClassifier(max_iter=5, random_state=0), n_jobs=n_jobs),
                    id=f"{engine}-{kind}-{n_jobs}",
                    marks=pytest.mark.skipif(bool(why_missing(engine)), reason=f"{engine} is not installed"),
                )
