"""Clusters on this machine, one of each kind for all the tests of a process, with two workers."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

BACKENDS = ("loky", "multiprocessing", "threading", "ray", "dask", "spark")


def parametrized_alone(*names, slow=()):
    """A test for each backend that starts its own cluster."""
    marks = {name: [pytest.mark.slow] for name in slow}
    here = [pytest.param(name, marks=marks.get(name, [])) for name in names if is_here(name)]
    return pytest.mark.parametrize("backend", here)


def is_here(name):
    """Whether what a backend needs is installed."""
    needs = {"ray": "ray", "dask": "distributed", "spark": "pyspark"}.get(name)
    there = needs is None or importlib.util.find_spec(needs) is not None
    return there and (name != "spark" or shutil.which("java") is not None)


def parametrized(*names, slow=()):
    """A test for each backend, in one process of pytest-xdist for each cluster: starting one takes seconds."""
    marks = {name: [pytest.mark.xdist_group(name)] if name in ("ray", "dask", "spark") else [] for name in names}
    for name in slow:
        marks[name].append(pytest.mark.slow)
    return pytest.mark.parametrize("backend", [pytest.param(name, marks=marks[name]) for name in names], indirect=True)


@pytest.fixture(scope="session")
def _dask():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster),
    ):
        yield


@pytest.fixture(scope="session")
def _spark():
    if not is_here("spark"):
        pytest.skip("Spark needs pyspark and Java")
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name in ("spark.ui.enabled", "spark.ui.showConsoleProgress"):
        builder = builder.config(name, "false")
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    session.sparkContext.pythonExec = sys.executable
    yield
    session.stop()


@pytest.fixture
def backend(request, monkeypatch):
    """The name of a backend of which the cluster is there."""
    if request.param in ("ray", "dask", "spark"):
        request.getfixturevalue("running_ray" if request.param == "ray" else f"_{request.param}")
    # After it: starting dask's local workers sets it in this process.
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # with which the tests themselves are run
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    return request.param


def busy_threads():
    """The CPU seconds of each thread of this process so far, by its number."""
    ticks = os.sysconf("SC_CLK_TCK")
    found = {}
    for task in Path("/proc/self/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        found[task.name] = (int(fields[11]) + int(fields[12])) / ticks
    return found
