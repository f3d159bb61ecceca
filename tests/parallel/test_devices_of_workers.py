"""Several devices under a search: each worker has one, and its memory bounds the number of fits on it."""

import importlib.util
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

import joblib
import numpy as np
import pytest
import scipy.sparse as sp

from accelsk import parallel_config, placement, tickets
from accelsk.devices import Device
from accelsk.engines import get_adapter
from accelsk.engines.adapter import Adapter
from tests.parallel.conftest import is_here

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")
SCRIPT = Path(__file__).with_name("places.py")


def gpus(number):
    """Devices that nobody else knows of."""
    backend = f"made_up_{uuid.uuid4().hex}"
    return [Device("gpu", backend, index) for index in range(number)]


# -- a place for each worker -------------------------------------------------------------------------------------------


def place(devices, folder, workers):
    """Choose a device when so many workers are about to; say who has, which one, and why."""
    worker = f"{os.getpid()}-{threading.get_ident()}"
    chosen = placement.choose(devices)
    Path(folder, worker).touch()
    deadline = time.monotonic() + 60
    while len(list(Path(folder).iterdir())) < workers and time.monotonic() < deadline:
        time.sleep(0.02)
    assert placement.choose(devices)[0] == chosen[0]  # within a task it stays
    return worker, *chosen


def placed(backend, devices, folder, workers, tasks):
    folder.mkdir()
    with parallel_config(backend, n_jobs=workers):
        return joblib.Parallel(batch_size=1)([joblib.delayed(place)(devices, folder, workers)] * tasks)


def of_workers(found):
    """The device of each worker, of which it has only one."""
    pairs = {(worker, device) for worker, device, *_ in found}
    chosen = dict(pairs)
    assert len(chosen) == len(pairs)
    return chosen


@pytest.mark.parametrize("backend, workers, each", [("loky", 3, [1, 2]), ("threading", 2, [1, 1])])
def test_workers_share_the_devices_evenly_and_each_keeps_its_own(backend, workers, each, tmp_path):
    devices = gpus(2)
    found = placed(backend, devices, tmp_path / "one", workers, 4 * workers)
    chosen = of_workers(found)
    assert len(chosen) == workers
    assert sorted(Counter(chosen.values()).values()) == each
    assert {why for _, _, why in found} >= {"worker 1 on it, of 1 on 2 devices", "worker 1 on it, of 2 on 2 devices"}
    if backend == "loky":  # the same processes
        assert of_workers(placed(backend, devices, tmp_path / "two", workers, 9)) == chosen


def test_outside_a_task_it_is_the_first_and_nothing_is_claimed(tmp_path):
    devices = gpus(2)
    assert placement.choose(devices) == (devices[0], "")
    with joblib.parallel_config("loky", n_jobs=2):  # joblib's own, as before
        found = joblib.Parallel()([joblib.delayed(placement.choose)(devices)] * 2)
    assert found == [(devices[0], "")] * 2
    assert placed("threading", devices, tmp_path / "after", 1, 2)[0][1] == devices[0]


def in_parallel(devices):
    """A task that does something in parallel itself."""
    mine = placement.choose(devices)[0]
    inside = joblib.Parallel(n_jobs=2)([joblib.delayed(choose_there)(devices)] * 4)
    return mine, inside, threading.get_ident()


def choose_there(devices):
    time.sleep(0.05)
    return placement.choose(devices)[0], threading.get_ident()


def test_what_a_task_does_in_parallel_stays_on_its_device():
    devices = gpus(2)
    with parallel_config("loky", n_jobs=2, inner_n_jobs=2):
        found = joblib.Parallel(batch_size=1)([joblib.delayed(in_parallel)(devices)] * 4)
    assert {device for mine, inside, _ in found for device, _ in inside if device != mine} == set()
    assert all(thread not in {there for _, there in inside} for _, inside, thread in found)


CROWD = """
import json, multiprocessing, sys
from accelsk.devices import Device
from accelsk.placement import choose, working

devices = [Device("gpu", sys.argv[1], index) for index in range(2)]
context = multiprocessing.get_context("fork")

def serve(pipe):
    while True:
        pipe.recv()
        with working():
            pipe.send(choose(devices)[0].index)

class Worker:
    def __init__(self):
        self.pipe, there = context.Pipe()
        self.process = context.Process(target=serve, args=(there,), daemon=True)
        self.process.start()

    def where(self):
        self.pipe.send("a task begins")
        return self.pipe.recv()

    def kill(self):
        self.process.kill()
        self.process.join()

first, second, third, fourth = workers = [Worker() for _ in range(4)]
told = {"four": [worker.where() for worker in workers]}
second.kill()
newcomer = Worker()
told["in the place of the second"] = newcomer.where()
told["the others"] = [worker.where() for worker in (first, third, fourth)]
newcomer.kill()
fourth.kill()
told["the two that are left"] = [[worker.where() for worker in (first, third)] for _ in range(2)]
print(json.dumps(told))
"""


@forks
def test_whoever_started_the_workers_they_share_the_devices_and_the_killed_leave_their_place():
    command = [sys.executable, "-c", CROWD, f"made_up_{uuid.uuid4().hex}"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout)
    assert told["four"] == [0, 1, 0, 1]
    assert told["in the place of the second"] == 1
    assert told["the others"] == [0, 0, 1]
    # Where a device has two less, a worker moves there when its next task begins; one, and not both.
    assert told["the two that are left"] == [[1, 0], [1, 0]]


def test_where_there_is_no_place_for_files_it_is_the_first_device(monkeypatch):
    def fail():
        raise PermissionError("read-only")

    monkeypatch.setattr("accelsk.locks.folder", fail)
    devices = gpus(2)
    with placement.working():
        chosen, why = placement.choose(devices)
    assert (chosen, why) == (devices[0], "the first of 2, for workers cannot agree here (read-only)")


# -- the memory of a device --------------------------------------------------------------------------------------------


class Sized(Adapter):
    """An adapter of devices of so many bytes."""

    def __init__(self, nbytes):
        super().__init__(get_adapter("sklearn").engine)
        self.nbytes = nbytes

    def memory(self, device):
        return self.nbytes


def use(nbytes, device, X, stay=0.1):
    """Use the device for a while, and say when."""
    with tickets.admitted(Sized(nbytes), device, X):
        start = time.time()
        time.sleep(stay)
        return start, time.time()


def most_at_once(times):
    return max(sum(start <= moment < end for start, end in times) for moment, _ in times)


SMALL = np.zeros(10)
PART = tickets.need_of(SMALL)


def test_the_need_is_some_times_that_of_the_data_and_what_a_process_needs_itself():
    bare = tickets.need_of(np.zeros(0))
    dense = np.zeros((1000, 10), dtype=np.float32)
    assert tickets.need_of(dense) - bare == 4 * dense.nbytes
    sparse = sp.csr_array(np.eye(100))
    assert tickets.need_of(sparse) - bare == 4 * (100 * 8 + 100 * 4 + 101 * 4)
    assert tickets.need_of(sparse.tocoo()) - bare == 4 * 100 * 16
    pandas = pytest.importorskip("pandas")
    assert tickets.need_of(pandas.DataFrame(dense)) - bare == 4 * dense.size * 8


@pytest.mark.parametrize(
    "need, memory, count", [(0, 100, 1), (50, 100, 8), (51, 100, 9), (100, 100, 16), (1000, 100, 16), (1, 10**9, 1)]
)
def test_a_fit_takes_its_part_of_the_tickets(need, memory, count):
    assert tickets.tickets_for(need, memory) == count


@pytest.mark.parametrize("backend, room", [("loky", 2), ("threading", 1)])
def test_no_more_fits_at_once_than_there_is_room_for(backend, room):
    (device,) = gpus(1)
    with parallel_config(backend, n_jobs=4):
        times = joblib.Parallel(batch_size=1)([joblib.delayed(use)(room * PART, device, SMALL, 0.2)] * 8)
    assert most_at_once(times) == room


MANY = """
import json, multiprocessing, random, sys, time
from types import SimpleNamespace
from accelsk import placement, tickets
from accelsk.devices import Device

device, memory = Device("gpu", sys.argv[1], 0), 16 * 2**30
adapter = SimpleNamespace(memory=lambda device: memory)

def work(number):
    draw, used = random.Random(number), []
    for _ in range(8):
        X = SimpleNamespace(nbytes=draw.choice([2**20, 2**29, 2**30, 2**31, 2**34]))
        with placement.working(), tickets.admitted(adapter, device, X):
            start = time.monotonic()
            time.sleep(0.002)
            used.append((start, time.monotonic(), tickets.tickets_for(tickets.need_of(X), memory)))
    return used

with multiprocessing.get_context("fork").Pool(20) as pool:
    print(json.dumps([each for used in pool.map(work, range(20), chunksize=1) for each in used]))
"""


@forks
def test_many_processes_with_small_and_large_fits_all_get_their_turn():
    command = [sys.executable, "-c", MANY, gpus(1)[0].backend]
    used = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=200).stdout)
    assert len(used) == 20 * 8
    assert {count for _, _, count in used} == {1, 3, 5, 9, 16}
    for moment, _, _ in used:
        assert sum(count for start, end, count in used if start <= moment < end) <= tickets.TICKETS


def test_devices_do_not_wait_for_each_other_and_one_of_unknown_memory_for_nobody():
    one, other = gpus(2)
    with placement.working(), tickets.admitted(Sized(PART), one, SMALL), parallel_config("threading", n_jobs=2):
        joblib.Parallel()([joblib.delayed(use)(PART, other, SMALL), joblib.delayed(use)(0, one, SMALL)] * 2)


def test_outside_a_task_nothing_is_waited_for():
    (device,) = gpus(1)
    with placement.working(), tickets.admitted(Sized(PART), device, SMALL):
        in_thread = []
        thread = threading.Thread(target=lambda: in_thread.append(use(PART, device, SMALL)))
        thread.start()
        thread.join(20)
        assert in_thread


def test_a_fit_within_a_fit_waits_for_nobody():
    (device,) = gpus(1)
    with placement.working(), tickets.admitted(Sized(PART), device, SMALL):
        use(PART, device, SMALL)


def test_waiting_is_said_once_and_ends_when_there_is_room(caplog):
    (device,) = gpus(1)
    with caplog.at_level(logging.INFO, "accelsk"), parallel_config("threading", n_jobs=3):
        joblib.Parallel()([joblib.delayed(use)(PART, device, SMALL)] * 6)
    assert [record.getMessage() for record in caplog.records if str(device) in record.getMessage()] == [
        f"a fit waits for memory of device {device}, on which others compute (this is said once)"
    ]


HOLDER = """
import logging, sys, time
from types import SimpleNamespace
from accelsk import placement, tickets
from accelsk.devices import Device
logging.basicConfig(stream=sys.stdout, level="INFO", format="%(message)s")
all_of_it = SimpleNamespace(memory=lambda device: 1)
with placement.working():
    try:
        with tickets.admitted(all_of_it, Device("gpu", sys.argv[1], 0), None):
            print("in", flush=True)
            time.sleep(100)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_one_that_is_killed_gives_its_tickets_back_and_one_that_waits_can_be_interrupted():
    (device,) = gpus(1)
    command, holders = [sys.executable, "-c", HOLDER, device.backend], []
    try:
        for said in ("in", f"a fit waits for memory of device {device}"):
            holders.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            assert holders[-1].stdout.readline().startswith(said)
        holders[1].send_signal(signal.SIGINT)
        assert holders[1].stdout.readline() == "interrupted\n"
        holders[0].kill()
        holders[0].wait()
        with placement.working():
            start, end = use(PART, device, SMALL)
        assert end > start
    finally:
        for holder in holders:
            holder.kill()
            holder.communicate()


# -- for real: LightGBM on two OpenCL devices, which are processors ----------------------------------------------------


def has_lightgbm_and_opencl():
    if importlib.util.find_spec("lightgbm") is None:
        return False
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OCL_ICD_VENDORS")  # tests/conftest.py hides the drivers from this process
        return any(device.backend == "opencl" for device in get_adapter("lightgbm").devices())


opencl = pytest.mark.skipif(
    not has_lightgbm_and_opencl(), reason="needs LightGBM, and an OpenCL driver: .ci/opencl installs PoCL"
)
in_turn = pytest.mark.xdist_group("opencl")  # kernels are compiled at the first fit, for half a minute
slow = pytest.mark.slow


@pytest.fixture
def run(tmp_path):
    """Run a program of the script, with two devices, where nobody else has workers: in a temporary folder of its own.

    One with a short name, or ray could not make its sockets there.
    """
    temporary = tempfile.mkdtemp(prefix="")

    def run(program, backend, workers, device, **environment):
        inherited = {name: value for name, value in os.environ.items() if name != "OCL_ICD_VENDORS"}
        done = subprocess.run(
            [sys.executable, SCRIPT, program, backend, str(workers), device, tmp_path],
            check=False,
            capture_output=True,
            text=True,
            timeout=400,
            env={
                **inherited,
                "ACCELSK_OPENCL_CPU_AS_GPU": "1",
                "POCL_DEVICES": "pthread pthread",
                "LOKY_MAX_CPU_COUNT": "4",
                "TMPDIR": temporary,
                **environment,
            },
        )
        assert done.returncode == 0, done.stderr[-3000:]
        *_, line = (line for line in done.stdout.splitlines() if line.startswith("JSON "))
        return json.loads(line.removeprefix("JSON "))

    yield run
    shutil.rmtree(temporary, ignore_errors=True)


@opencl
@in_turn
@pytest.mark.parametrize(
    "backend, workers, device",
    [
        ("threading", 2, "gpu"),
        ("loky", 2, "gpu"),
        pytest.param("loky", 3, "device_type", marks=slow),
        pytest.param("ray", 2, "gpu", marks=slow),
        pytest.param("dask", 2, "gpu", marks=slow),
        pytest.param("spark", 2, "gpu", marks=slow),
    ],
)
def test_fits_at_the_same_time_run_on_different_devices(run, backend, workers, device):
    if not is_here(backend):
        pytest.skip(f"what backend {backend!r} needs is not installed")
    found = run("together", backend, workers, device)
    in_tasks, in_search = (of_workers(each.values() for each in found[part]) for part in ("tasks", "search"))
    assert len(in_tasks) == workers
    assert set(in_tasks.values()) == {"opencl:gpu:0", "opencl:gpu:1"}
    assert set(in_search.values()) <= set(in_tasks.values())
    if backend == "loky":  # the same processes
        assert in_search.items() <= in_tasks.items()
    for each in found["tasks"] + found["search"]:
        assert each["told"].startswith(f" Device {each['device']}: worker ")
        assert each["told"].endswith(" on 2 devices.")
    assert (found["refitted"]["device"], found["refitted"]["told"]) == ("opencl:gpu:0", "")  # in this process


@opencl
@in_turn
def test_a_device_that_was_asked_for_by_its_number_is_that_of_all_workers(run):
    found = run("bounded", "threading", 2, "gpu:1", POCL_MEMORY_LIMIT="1")
    assert {each["device"] for each in found["tasks"]} == {"opencl:gpu:1"}
    assert {each["told"] for each in found["tasks"]} == {""}  # there was no choice
    # And of its gigabyte each fit takes more than half.
    assert len(found["stays"]) == 2 * 2
    assert most_at_once(found["stays"]) == 1


@opencl
@in_turn
def test_forked_workers_refuse_devices_and_the_backend_stays_usable(run):
    found = run("refused", "multiprocessing", 2, "gpu")
    assert found.pop("usable") == [0, 1, 2, 3]
    assert found.keys() == {"in the task", "on the way"}
    for error in found.values():
        assert "cannot be used in a process that was forked" in error
        assert "use backend='loky', or threads" in error
