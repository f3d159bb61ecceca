"""Under a share of the cores each engine computes on no more threads than that; its models know nothing of it.

The threads are counted from outside, by a process that asks the kernel which of them run or wait for a core: what the
libraries say of themselves is not looked at. A library that is asked for four threads makes them on two cores as well.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
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


def installed(*names):
    return [
        pytest.param(name, marks=pytest.mark.skipif(bool(why_missing(name)), reason=f"{name} is not installed"))
        for name in names
    ]


ENGINES = {"boosting": tuple(LIBRARIES), "others": ("sklearnex", "array_api", "sklearn")}


# Each model asks for four threads or for none in particular, and is looked at in the main thread and in another one.
@pytest.mark.skipif(not VISIBLE or cpu_count() < 2, reason="threads are counted on Linux, on two cores")
@pytest.mark.parametrize("which", ["few", pytest.param("all", marks=pytest.mark.slow)])
@pytest.mark.parametrize("engines", ENGINES)
@pytest.mark.timeout(300)
def test_no_more_threads_compute_than_the_share_and_without_one_as_many_as_ever(engines, which):
    names = [name for name in ENGINES[engines] if not why_missing(name)]
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), *filter(None, sys.path)])
    # A thread of OpenMP that has nothing to do is not to run for that; and nobody else limits the threads.
    inherited = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment = {**inherited, "PYTHONPATH": path, "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-W", "ignore", str(here / "threads_used.py"), which, *names]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr

    seen = json.loads(done.stdout.splitlines()[-1])
    for _, case, what, share, threads in seen:
        if share is not None:
            assert threads <= share, case
        elif what == "ask":  # also after a fit under a share
            assert threads > 1, case
    fits = {engine for engine, _, what, share, threads in seen if what == "fit" and share is None and threads > 1}
    assert fits == set(names)


# -- what a model remembers ------------------------------------------------------------------------------------------

X, Y = make_classification(300, 8, random_state=0)


def made(engine, kind, asked):
    """Return a model that asks for a number of threads."""
    on = {"engine": engine, "fallback": "raise", "device": "cpu"}
    if kind == "forest":
        return AcceleratedEstimator(RandomForestClassifier(5, random_state=0, n_jobs=asked), **on)
    if kind == "neighbors":
        return AcceleratedEstimator(KNeighborsClassifier(algorithm="brute", n_jobs=asked), **on)
    if kind == "scikit-learn's":
        boosting = HistGradientBoostingClassifier(max_iter=5, early_stopping=False, random_state=0)
        return AcceleratedEstimator(boosting, n_jobs=asked, **on)
    jobs = {} if asked is None else {next(row.jobs for row in get(engine).rows if row.native): asked}
    return AcceleratedEstimator(LIBRARIES[engine].own(rounds=5, random_state=0, **jobs))


def written(model):
    """Return what the library has written down of a fitted model."""
    own = model.estimator_
    if model.engine_ == "xgboost":
        return own.get_params(), own.get_booster().save_config(), bytes(own.get_booster().save_raw())
    if model.engine_ == "lightgbm":
        return own.get_params(), own.booster_.model_to_string(), own.booster_.params
    if model.engine_ == "catboost":  # and when it was fitted, and with how many threads, for the record
        return own.get_params(), own.get_all_params()
    return own.get_params(), [each.n_jobs for each in vars(own).values() if hasattr(each, "n_jobs")]


every_model = pytest.mark.parametrize(
    "engine, kind",
    [
        pytest.param(*engine.values, kind, marks=engine.marks)
        for kinds, engines in ((("own", "scikit-learn's"), LIBRARIES), (("forest", "neighbors"), ("sklearnex",)))
        for kind in kinds
        for engine in installed(*engines)
    ],
)


@every_model
@pytest.mark.parametrize("asked, share", [(None, 1), (4, 2)])
def test_a_model_is_the_one_that_it_is_without_a_share(engine, kind, asked, share):
    alone, beside = (made(engine, kind, asked) for _ in range(2))
    alone.fit(X, Y)
    with limited(share):
        answer = beside.fit(X, Y).predict_proba(X)
        score = beside.score(X, Y)

    assert written(beside) == written(alone)
    np.testing.assert_array_equal(answer, alone.predict_proba(X))
    assert score == alone.score(X, Y)


@every_model
def test_a_call_that_fails_leaves_nothing_behind(engine, kind):
    pools = list(get_adapter(engine).pools())
    model = made(engine, kind, 4).fit(X, Y)
    before = written(model), [pool.get_num_threads() for pool in pools]
    with limited(1):
        with pytest.raises(ValueError, match="features"):
            model.predict(X[:, :3])
        with pytest.raises(ValueError, match="inconsistent"):
            model.fit(X[:100], Y)

    assert (written(model), [pool.get_num_threads() for pool in pools]) == before


@pytest.mark.parametrize("engine", installed("lightgbm"))
def test_the_steps_of_a_staged_prediction_are_held_too(engine, monkeypatch):
    from accelsk.engines.lightgbm.adapter import LightGBMAdapter

    (pool,) = get_adapter(engine).pools()
    numbers, margins = [], LightGBMAdapter.margins

    def margins_with_threads(self, *args):
        numbers.append(pool.get_num_threads())
        return margins(self, *args)

    monkeypatch.setattr(LightGBMAdapter, "margins", margins_with_threads)
    model = made(engine, "scikit-learn's", None).fit(X, Y)
    with limited(2):
        steps = model.staged_predict(X)
        next(steps)
        next(steps)
    next(steps)
    assert numbers == [2, 2, -1]
