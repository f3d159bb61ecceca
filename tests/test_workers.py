"""A device of which a library knows one per process gets a process of its own: started, kept, ended, and mourned."""

import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

from accelsk import AcceleratedEstimator, shutdown_workers, workers
from accelsk.errors import AccelskError, DeviceNotAvailable, WorkerDied

pytest.importorskip("accelsk_loopback", reason="python -m pip install -e tests/plugins/accelsk-loopback")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no process of its own on Windows")


@pytest.fixture(autouse=True)
def _one_device_per_process(monkeypatch):
    monkeypatch.setenv("LOOPBACK_ONE_PER_PROCESS", "1")


def on(device=1, trouble=None, **params):
    given = {"engine_params": {"loopback": {"trouble": trouble}}} if trouble else {}
    return AcceleratedEstimator(
        Ridge(**params), engine="loopback", device=f"accelerator:{device}", fallback="raise", **given
    )


def gone(pid, seconds=10):
    """Wait until a process is gone."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def script(code, **environment):
    """Start a script that computes on device 1."""
    head = """
    import os, pickle, signal, sys, time
    import numpy as np
    from sklearn.linear_model import Ridge
    from accelsk import AcceleratedEstimator
    X = np.random.RandomState(0).rand(60, 3)
    y = X[:, 0]
    def on(trouble=None):
        given = {"engine_params": {"loopback": {"trouble": trouble}}} if trouble else {}
        return AcceleratedEstimator(Ridge(), engine="loopback", device="accelerator:1", **given)
    """
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(head) + textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


# -- started, kept, ended --------------------------------------------------------------------------------------------


def test_the_library_is_imported_with_its_environment_there(diabetes):
    model = on().fit(*diabetes)

    # The library reads the variable at its import, and knows its device as the first one then.
    assert (model.ran_on_, model.device_) == ("device 1", "loopback:accelerator:1")
    assert model.ran_in_ != os.getpid()
    assert "LOOPBACK_VISIBLE" not in os.environ


def test_the_first_device_stays_in_this_process(diabetes):
    model = on(0).fit(*diabetes)

    assert (model.ran_on_, model.ran_in_) == ("device 0", os.getpid())


def test_one_process_serves_call_after_call(diabetes):
    X, y = diabetes
    first, second = on().fit(X, y), on(alpha=2).fit(X, y)
    first.predict(X)

    assert first.ran_in_ == first.answered_in_ == second.ran_in_


def test_every_device_has_a_process_of_its_own(diabetes, monkeypatch):
    monkeypatch.setenv("LOOPBACK_DEVICES", "3")
    one, two = on(1).fit(*diabetes), on(2).fit(*diabetes)

    assert (one.ran_on_, two.ran_on_) == ("device 1", "device 2")
    assert one.ran_in_ != two.ran_in_


def test_processes_are_ended_when_asked_and_models_stay_usable(diabetes):
    X, y = diabetes
    model = on().fit(X, y)
    before, expected = model.ran_in_, model.predict(X)
    shutdown_workers()

    assert gone(before)
    np.testing.assert_array_equal(model.predict(X), expected)
    assert model.answered_in_ != before


def test_a_process_that_ended_between_two_calls_is_replaced(diabetes):
    X, y = diabetes
    model = on().fit(X, y)
    before, expected = model.ran_in_, model.predict(X)
    os.kill(before, signal.SIGKILL)
    process = workers.worker_of("loopback", *_called()).process
    while process.alive:  # its other threads end a little later
        time.sleep(0.01)

    np.testing.assert_array_equal(model.predict(X), expected)


def test_a_model_that_nobody_holds_is_dropped_at_the_next_call():
    X = np.random.RandomState(0).rand(100_000, 50)
    wide = AcceleratedEstimator(Ridge(), engine="loopback", device="accelerator:1").fit(X, X[:, 0])
    process = workers.worker_of("loopback", *_called()).process
    gc.collect()
    waiting = set(process.dropped)
    del wide
    gc.collect()
    (token,) = set(process.dropped) - waiting
    kept = on().fit(X[:20], X[:20, 0])

    assert token not in process.dropped
    assert kept.ran_in_ == process.pid


def _called():
    from accelsk.devices import Device

    return Device.parse("loopback:accelerator:1"), {"LOOPBACK_VISIBLE": "1"}


def test_nothing_is_left_open(diabetes):
    X, y = np.random.RandomState(0).rand(50_000, 10), np.ones(50_000)
    model = on().fit(X, y)
    model.predict(X)
    before = psutil.Process().num_fds(), psutil.Process(model.ran_in_).num_fds()
    for _ in range(3):
        model.predict(X)
        on().fit(X, y)

    here, there = psutil.Process().num_fds(), psutil.Process(model.ran_in_).num_fds()
    assert here <= before[0]  # fewer, where what another test has left is collected meanwhile
    assert there == before[1]


def test_threads_take_turns(diabetes):
    X, y = diabetes

    def work(number):
        model = on(alpha=number + 1).fit(X, y)
        return model.coef_, model.predict(X)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(work, range(12)))
    for number, (coef, predicted) in enumerate(found):
        plain = Ridge(alpha=number + 1).fit(X, y)
        np.testing.assert_allclose(coef, plain.coef_)
        np.testing.assert_allclose(predicted, plain.predict(X))


def test_an_argument_may_ask_the_same_process_while_it_is_pickled(diabetes):
    X, y = diabetes
    shutdown_workers()
    inner = on().fit(X, y)

    class Asking(np.ndarray):
        def __reduce__(self):
            return np.asarray, (np.asarray(self) + 0 * inner.predict(X)[0],)

    done = threading.Event()

    def work():
        inner.estimator_.predict(X.view(Asking))
        done.set()

    threading.Thread(target=work, daemon=True).start()
    assert done.wait(60)


# -- in other processes ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_search_in_joblibs_processes(diabetes):
    search = GridSearchCV(on(), {"alpha": [0.01, 1.0, 100.0]}, n_jobs=2, cv=2, error_score="raise").fit(*diabetes)
    plain = GridSearchCV(Ridge(), {"alpha": [0.01, 1.0, 100.0]}, cv=2).fit(*diabetes)

    assert search.best_params_ == plain.best_params_
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])
    assert search.best_estimator_.ran_on_ == "device 1"


def _in_a_fork(model, X, queue):
    try:
        model.predict(X)
    except AccelskError as error:
        queue.put(error)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_a_forked_worker_of_multiprocessing_is_refused_as_for_every_device(diabetes):
    X, y = diabetes
    model = on().fit(X, y)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_in_a_fork, args=(model, X, queue))
    child.start()

    assert isinstance(queue.get(), DeviceNotAvailable)
    child.join(10)
    model.predict(X)  # and here nothing has happened
    assert model.answered_in_ == model.ran_in_


@pytest.mark.slow
def test_a_forked_child_neither_uses_nor_ends_the_process_of_its_parent():
    child = script("""
    model = on().fit(X, y)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        model.predict(X)
        print("child", model.answered_in_ != model.ran_in_, flush=True)
        sys.exit()
    os.waitpid(pid, 0)
    model.predict(X)
    print("parent", model.answered_in_ == model.ran_in_)
    """)
    out, err = child.communicate(timeout=60)

    assert (out.split("\n"), err) == (["child True", "parent True", ""], "")


@pytest.mark.slow
def test_a_daemonic_process_may_have_one():
    # dask's workers are daemonic: multiprocessing refuses children to those.
    code = """
    import multiprocessing
    import test_workers
    if __name__ == "__main__":
        context = multiprocessing.get_context("spawn")
        queue = context.SimpleQueue()
        child = context.Process(target=test_workers.in_a_daemon, args=(queue,), daemon=True)
        child.start()
        print(queue.get())
    """
    child = script(code, PYTHONPATH=str(Path(__file__).parent))

    assert child.communicate(timeout=90)[0] == "device 1\n"


def in_a_daemon(queue):
    X = np.eye(20)
    queue.put(on().fit(X, X[:, 0]).ran_on_)


# -- its death -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble, code, way", [("killed in fit", -9, "memory runs out"), ("exit in fit", 3, "doctor")])
def test_death_in_a_fit_is_a_clear_error_and_the_next_fit_is_fine(diabetes, trouble, code, way):
    model = on(trouble=trouble)
    with pytest.raises(
        WorkerDied, match=r"engine 'loopback' computes on device 'loopback:accelerator:1' died"
    ) as caught:
        model.fit(*diabetes)

    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.engine, again.device, again.exit_code) == ("loopback", "loopback:accelerator:1", code)
    assert way in again.hint
    assert not model.__sklearn_is_fitted__()
    assert on().fit(*diabetes).ran_in_ != again.pid


def test_death_in_a_prediction_loses_no_model(diabetes):
    X, y = diabetes
    other, model = on().fit(X, y), on(trouble="killed in predict").fit(X, y)
    with pytest.raises(WorkerDied):
        model.predict(X)

    np.testing.assert_allclose(other.predict(X), Ridge().fit(X, y).predict(X))
    np.testing.assert_allclose(model.coef_, other.coef_)
    assert other.answered_in_ != other.ran_in_


def test_a_process_may_be_killed_from_outside_in_the_middle_of_a_call(diabetes):
    X, y = diabetes
    pid = on().fit(X, y).ran_in_
    timer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
    timer.start()
    with pytest.raises(WorkerDied, match="SIGKILL"):
        on(trouble="stuck in fit").fit(X, y)

    assert on().fit(X, y).ran_in_ != pid


def _files():
    folders = [Path(folder) for folder in ("/dev/shm", tempfile.gettempdir()) if Path(folder).is_dir()]
    return {path for folder in folders for path in folder.iterdir() if "accelsk" in path.name}


def test_no_file_is_left_behind_whoever_is_killed():
    X = np.random.RandomState(0).rand(50_000, 10)
    before = _files()
    on().fit(X, X[:, 0]).predict(X)
    with pytest.raises(WorkerDied):
        on(trouble="killed in fit").fit(X, X[:, 0])

    assert _files() == before


@pytest.mark.parametrize("when", ["busy", pytest.param("idle", marks=pytest.mark.slow)])
def test_it_ends_when_its_parent_is_killed(when):
    child = script(f"""
    print(on().fit(X, y).ran_in_, flush=True)
    {"time.sleep(600)" if when == "idle" else 'on("stuck in fit").fit(X, y)'}
    """)
    pid = int(child.stdout.readline())
    time.sleep(0.5)
    assert psutil.pid_exists(pid)
    child.kill()
    child.communicate()

    assert gone(pid)


def test_an_interrupt_leaves_no_orphan_and_the_next_call_is_fine():
    child = script("""
    model = on().fit(X, y)
    print(model.ran_in_, flush=True)
    try:
        on("stuck in fit").fit(X, y)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    model.predict(X)
    print(model.answered_in_, flush=True)
    """)
    pid = int(child.stdout.readline())
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    said, other = out.split()

    assert (said, err) == ("interrupted", "")
    assert int(other) != pid
    assert gone(pid)
    assert gone(int(other))


def test_a_script_ends_quickly_and_without_a_word():
    child = script("""
    import psutil
    model = on().fit(X, y)
    model.predict(X)
    print(model.ran_in_, time.time(), flush=True)
    """)
    out, err = child.communicate(timeout=60)
    ended = time.time()
    pid, last = out.split()

    assert (child.returncode, err) == (0, "")
    assert ended - float(last) < 3
    assert gone(int(pid), 0.2)


@pytest.mark.slow
def test_a_script_ends_though_a_thread_is_in_a_call():
    child = script("""
    import threading
    print(on().fit(X, y).ran_in_, flush=True)
    threading.Thread(target=lambda: on("stuck in fit").fit(X, y), daemon=True).start()
    time.sleep(0.5)
    """)
    out, _ = child.communicate(timeout=30)

    assert child.returncode == 0
    assert gone(int(out))
