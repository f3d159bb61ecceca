"""A killed worker and a Ctrl-C end in an error, and leave no process, no shared memory, and a program that goes on."""

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

from tests.parallel.conftest import BACKENDS, is_here, parametrized_alone

VICTIM, NODE_GONE = (Path(__file__).with_name(name) for name in ("victim.py", "node_gone.py"))
MARK = "ACCELSK_TEST_MARK"


def marked(mark):
    """The processes that descend from the one that was started with this mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def shared_memory():
    folder = Path("/dev/shm")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.fixture
def run(monkeypatch):
    """Run a script; say what it printed, and which processes and shared memory it has left behind."""

    def run(script, *arguments):
        mark = uuid.uuid4().hex
        environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
        process = subprocess.Popen(
            [sys.executable, str(script), *arguments],
            env={**environment, MARK: mark, "LOKY_MAX_CPU_COUNT": "2"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        out, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors
        deadline = time.monotonic() + 15
        while (left := marked(mark)) and time.monotonic() < deadline:
            time.sleep(0.2)
        names = [" ".join(orphan.cmdline()) for orphan in left if orphan.is_running()]
        for orphan in left:
            orphan.kill()
        memory = {name for name in shared_memory() if f"-{process.pid}-" in name or f"_{process.pid}_" in name}
        return json.loads(out.strip().splitlines()[-1]), names, memory

    return run


@parametrized_alone(*BACKENDS, slow=["dask", "ray", "spark"])
@pytest.mark.timeout(300)
def test_a_killed_worker_and_an_interrupt_are_survived(run, tmp_path, backend):
    # ray and dask give a task to another worker, a few times.
    again = [str(tmp_path / "flag")] if backend in ("ray", "dask") else []
    said, processes, memory = run(VICTIM, backend, *again)
    if backend != "threading":
        assert f"a worker of backend '{backend}' has ended in the middle of a task" in said["died"]
        assert not said["left"]
    if again:
        assert said["finished"] == [1 / 3, 1 / 3]
    assert said["interrupted"]
    assert said["usable"] == [0, 1, 2, 3]
    assert not processes
    assert not memory


@pytest.mark.slow
@pytest.mark.skipif(not is_here("ray"), reason="ray is not installed")
@pytest.mark.timeout(300)
def test_what_ran_on_a_node_of_ray_that_goes_runs_on_another(run):
    said, processes, memory = run(NODE_GONE)
    assert (said["before"], said["after"]) == (2, 1)
    assert said["numbers"] == list(range(6))
    assert not said["connected"]  # by the block, which had connected
    assert not processes
    assert not memory
