"""Each backend computes the same search to the same result, with no more threads than cores, and gets X once."""

import importlib.util
import os
import threading

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, AcceleratedPipeline, parallel_config, threads
from accelsk.errors import EngineNotAvailable, UnsupportedParameter
from accelsk.parallel.backends import BACKENDS as BACKENDS_OF
from tests.parallel.conftest import BACKENDS, busy_threads, parametrized

X, y = load_breast_cancer(return_X_y=True)


def search():
    pipeline = AcceleratedPipeline([("scale", StandardScaler()), ("pca", PCA(5)), ("clf", SVC())], engine="sklearn")
    return GridSearchCV(pipeline, {"clf__C": [0.1, 1, 10], "pca__n_components": [3, 5]}, cv=3)


def told(fitted):
    """What a search has found, without the times."""
    return {name: value for name, value in fitted.cv_results_.items() if "time" not in name}


@pytest.fixture(scope="module")
def serial():
    return told(search().fit(X, y))


@parametrized(*BACKENDS)
def test_the_same_search_finds_the_same(backend, serial):
    with parallel_config(backend, n_jobs=2):
        found = told(search().fit(X, y))
    assert found.keys() == serial.keys()
    for name in found:
        assert np.array_equal(found[name], serial[name]), name


def look_and_multiply(_):
    """How many threads this task may use, and how many compute in it."""
    square = np.random.default_rng(0).random((1200, 1200))
    before = busy_threads()
    for _ in range(4):
        square @ square
    HistGradientBoostingClassifier(max_iter=20).fit(square[:, :20], square[:, 20] > 0.5)
    RandomForestClassifier(20, n_jobs=-1).fit(square[:, :20], square[:, 20] > 0.5)
    used = {thread: seconds - before.get(thread, 0) for thread, seconds in busy_threads().items()}
    if threading.get_native_id() != os.getpid():
        used.pop(str(os.getpid()))  # the main thread talks to the cluster where it does not compute
    return os.getpid(), threads.share(), sum(seconds > max(used.values()) / 5 for seconds in used.values())


@parametrized("loky", "multiprocessing", "ray", "dask", "spark")
def test_workers_compute_with_their_share_of_the_threads(backend):
    with parallel_config(backend, n_jobs=2):
        seen = joblib.Parallel()(joblib.delayed(look_and_multiply)(i) for i in range(4))
    assert all(pid != os.getpid() for pid, _, _ in seen)
    assert {(share, computing) for _, share, computing in seen} == {(1, 1)}


@parametrized(*BACKENDS, slow=["spark"])
def test_fewer_tasks_than_cores_get_more_threads(backend, monkeypatch):
    with parallel_config(backend, n_jobs=2):
        (share,) = joblib.Parallel()([joblib.delayed(threads.share)()])
    assert share == (1 if backend == "multiprocessing" else 2)  # which forks, see Multiprocessing


@parametrized(*BACKENDS, slow=["spark"])
def test_inner_n_jobs_is_heeded(backend):
    with parallel_config(backend, n_jobs=2, inner_n_jobs=3):
        shares = joblib.Parallel()(joblib.delayed(threads.share)() for _ in range(4))
    assert shares == [3] * 4


def nested(_):
    """The number of workers that a forest in a task would get."""
    return joblib.effective_n_jobs(-1), joblib.effective_n_jobs(None), joblib.effective_n_jobs(16)


@parametrized(*BACKENDS, slow=["spark"])
def test_what_a_task_does_in_parallel_keeps_to_its_share(backend):
    with parallel_config(backend, n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(nested)(i) for i in range(3)) == [(1, 1, 1)] * 3
    with parallel_config(backend, n_jobs=2, inner_n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(nested)(i) for i in range(3)) == [(2, 2, 2)] * 3


def in_a_task(backend):
    """A task that asks for workers of its own."""
    with parallel_config(backend, n_jobs=8):
        return joblib.effective_n_jobs(-1), type(joblib.parallel.get_active_backend()[0]).__name__


def shares_in_a_task(inner_n_jobs):
    """The shares of tasks of a task that asks for more threads for them than it has."""
    with parallel_config("loky", n_jobs=2, inner_n_jobs=inner_n_jobs):
        return joblib.Parallel()(joblib.delayed(threads.share)() for _ in range(2))


def test_a_task_cannot_give_its_own_tasks_more_threads_than_it_has():
    with parallel_config("threading", n_jobs=2, inner_n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(shares_in_a_task)(8) for _ in range(2)) == [[1, 1]] * 2


def test_an_option_that_a_backend_does_not_have_is_named():
    with pytest.raises(UnsupportedParameter, match="client is no option of backend 'loky'"):
        parallel_config("loky", client=None).__enter__()
    with parallel_config("threading", n_jobs=2, verbose=0):  # joblib's
        pass


def test_a_task_that_asks_for_workers_gets_threads_of_its_share():
    with parallel_config("loky", n_jobs=2, inner_n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(in_a_task)(name) for name in ("loky", "ray")) == [(2, "Nested")] * 2


@parametrized("ray", "dask", "spark")
def test_data_go_to_a_cluster_once(backend):
    large = np.tile(X, (5, 1))
    with parallel_config(backend, n_jobs=2) as config:
        cross_val_score(SVC(), large, np.tile(y, 5), cv=4, n_jobs=2)
        shipped = config.shipped
    arrays = [large.nbytes, y.nbytes * 5]
    assert shipped.tasks == 4
    # X, y, and the indices of four splits; nothing of it in the tasks themselves.
    assert shipped.objects == 2 + 4
    assert sum(arrays) <= shipped.object_bytes <= sum(arrays) + 4 * large.shape[0] * 8
    assert shipped.task_bytes < 4 * 25_000


@parametrized("ray", "dask", "spark", slow=["spark"])
def test_data_that_were_changed_in_place_are_sent_again(backend):
    numbers = np.zeros(10_000)
    with parallel_config(backend, n_jobs=2):
        assert joblib.Parallel()(joblib.delayed(np.sum)(numbers) for _ in range(3)) == [0] * 3
        numbers += 1
        assert joblib.Parallel()(joblib.delayed(np.sum)(numbers) for _ in range(3)) == [10_000] * 3


@parametrized(*BACKENDS, slow=["spark"])
def test_it_is_a_keyword_of_estimators(backend):
    forest = RandomForestClassifier(10, random_state=0, n_jobs=2)
    there = AcceleratedEstimator(forest, engine="sklearn", backend=backend).fit(X, y)
    assert np.array_equal(there.predict_proba(X), forest.fit(X, y).predict_proba(X))


class Spy(ClassifierMixin, BaseEstimator):
    """Says what its fit would run on."""

    def fit(self, X, y):
        backend, n_jobs = joblib.parallel.get_active_backend()
        self.seen_ = type(backend).__module__, getattr(backend, "_cluster", backend).__class__.__name__, n_jobs
        self.classes_ = np.unique(y)
        return self


@pytest.mark.parametrize("name", BACKENDS)
def test_the_keyword_enters_that_backend(name):
    expected = BACKENDS_OF[name].made_by.partition(":")[2]
    module, seen, n_jobs = AcceleratedEstimator(Spy(), backend=name, n_jobs=3).fit(X, y).seen_
    assert module.startswith("accelsk.parallel.")
    assert (seen, n_jobs) == (expected, 3)


def fail(_):
    raise ZeroDivisionError("in the worker")


@parametrized(*BACKENDS)
def test_the_exception_of_a_task_arrives(backend):
    with parallel_config(backend, n_jobs=2), pytest.raises(ZeroDivisionError, match="in the worker"):
        joblib.Parallel()(joblib.delayed(fail)(i) for i in range(4))


@parametrized("ray", "dask", "spark", slow=["spark"])
def test_what_was_there_before_is_left_there(backend):
    with parallel_config(backend, n_jobs=2):
        joblib.Parallel()(joblib.delayed(abs)(i) for i in range(4))
    if backend == "ray":
        import ray

        assert ray.is_initialized()
    elif backend == "dask":
        from distributed import default_client

        assert default_client().submit(abs, -1).result() == 1
    else:
        from pyspark.sql import SparkSession

        assert SparkSession.getActiveSession().range(3).count() == 3


def test_more_cores_are_divided_among_few_tasks(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    with parallel_config("threading", n_jobs=8):
        assert joblib.Parallel()(joblib.delayed(threads.share)() for _ in range(3)) == [2] * 3
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as joblib heeds it
    with parallel_config("threading", n_jobs=8):
        assert joblib.Parallel()(joblib.delayed(threads.share)() for _ in range(3)) == [1] * 3


@parametrized("loky", "threading", "ray")
def test_frames_of_modin_go_to_workers_as_frames_of_pandas(backend, request):
    request.getfixturevalue("running_ray")
    frames = pytest.importorskip("modin.pandas")
    frame = frames.DataFrame(X[:, :5], columns=list("abcde"))
    search = GridSearchCV(AcceleratedEstimator(SVC()), {"C": [1, 10]}, cv=3)
    with parallel_config(backend, n_jobs=2) as run:
        scores = search.fit(frame, frames.Series(y)).cv_results_["mean_test_score"]
    assert np.array_equal(scores, search.fit(X[:, :5], y).cv_results_["mean_test_score"])
    if backend == "ray":
        assert run.shipped.objects == 1  # X; y and the splits are small


@parametrized("ray", "dask")
def test_tasks_ask_for_what_they_need(backend):
    # There is no GPU here, so a task that asked for one would wait for ever: it asks for none, and gets it.
    options = {"num_gpus": 0} if backend == "ray" else {"retries": 1, "priority": 3}
    with parallel_config(backend, n_jobs=2, task_options=options):
        assert joblib.Parallel()(joblib.delayed(abs)(i) for i in (-1, 2)) == [1, 2]
    wrong = {"no_such_option": 1}
    with (
        parallel_config(backend, n_jobs=2, task_options=wrong),
        pytest.raises((TypeError, ValueError), match="no_such"),
    ):
        joblib.Parallel()(joblib.delayed(abs)(i) for i in (-1, 2))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("lokky",), "backend='lokky' is not one of .* Did you mean 'loky'"),
        (("loky", 0), "n_jobs=0 of backend 'loky' is not a number of workers"),
        (("loky", 1.5), "n_jobs=1.5 of backend 'loky' is not a number of workers"),
        (("loky", 2, -1), "inner_n_jobs=-1 of backend 'loky' is not a number of threads"),
        (("loky", 2, "all"), "inner_n_jobs='all' of backend 'loky' is not a number of threads"),
    ],
)
def test_what_is_no_backend_and_no_number_is_named(arguments, message):
    before = joblib.parallel.get_active_backend()
    with pytest.raises(UnsupportedParameter, match=message), parallel_config(*arguments):
        pass
    assert type(joblib.parallel.get_active_backend()[0]) is type(before[0])


@pytest.mark.parametrize("name, extra", [("ray", "ray"), ("dask", "dask"), ("spark", "spark")])
def test_what_is_not_installed_says_how_to_install_it(name, extra, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineNotAvailable) as caught, parallel_config(name):
        pass
    assert f"backend='{name}' needs the package" in str(caught.value)
    assert caught.value.hint == f'pip install "accelsk[{extra}]"'


def test_a_backend_that_was_registered_with_joblib_is_entered_as_it_is():
    class Mine(joblib.parallel.ThreadingBackend):
        pass

    joblib.register_parallel_backend("mine", Mine)
    try:
        with parallel_config("mine", n_jobs=2):
            assert type(joblib.parallel.get_active_backend()[0]) is Mine
    finally:
        del joblib.parallel.BACKENDS["mine"]
