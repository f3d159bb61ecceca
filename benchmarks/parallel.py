"""One search on every joblib backend: the same result? on how many threads, with how many bytes, how fast?

Run ``python benchmarks/parallel.py [--repeats N] [--quick] [--json FILE]``. A backend that is not installed is named
with what installs it. Each one is measured in a process of its own, side by side with what it is compared to:

* search: a GridSearchCV over an AcceleratedPipeline, 12 candidates x 3 folds. ``cv_results_`` is compared with that of
  the serial search, and the serial time is divided by the time. Beside accelsk's backends there are scikit-learn's own
  way (joblib's loky), and the backends for clusters of ray, joblib and joblibspark.
* threads: it is looked 50 times a second how many threads of a worker compute (in /proc: Linux only); as many as are
  seen for a tenth of the time count. During the search, and during greedy tasks, which use as many cores as they get:
  by BLAS, by OpenMP and by ``n_jobs=-1``.
* bytes: what `parallel_config` counts; of the other backends for clusters, what they hand to the cluster, pickled.
* empty tasks: the time of one over its time on joblib's loky.
* start: of a local cluster, or of the first workers, until each of them has done a task.
* threads inside: estimators with threads of their own, in parallel on joblib's backends and on accelsk's of the same
  name; joblib's time is divided by accelsk's.

Ratios are medians of the repeats [smallest-largest].
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedPipeline, parallel_config
from accelsk.errors import EngineNotAvailable
from accelsk.parallel.backends import BACKENDS, backend_of

GRID = {"pca__n_components": [10, 20], "clf__C": [0.1, 1, 10], "clf__gamma": [0.01, 0.03]}
CORES = joblib.cpu_count()
#: Backends of others, and whose cluster they run on.
THEIRS = {"ray.util.joblib": "ray", "joblib's dask": "dask", "joblibspark": "spark"}
PLAIN = "joblib's loky"
LOCAL = ("loky", "multiprocessing", "threading")
#: Of a task that would use all cores.
GREEDY = {
    "HistGradientBoosting": HistGradientBoostingClassifier(max_iter=20, random_state=0),
    "RandomForest(n_jobs=-1)": RandomForestClassifier(40, n_jobs=-1, random_state=0),
}


# -- the threads that compute ----------------------------------------------------------------------------------------


#: Threads that look at the others.
LOOKING: set[int] = set()


def look() -> dict[int, tuple[bool, float]]:
    """Return for each thread of this process whether it computes or waits for a core, and its CPU seconds so far."""
    found = {}
    for thread in Path("/proc/self/task").iterdir():
        try:
            state = (thread / "stat").read_text().rpartition(") ")[2][0]
            spent = int((thread / "schedstat").read_text().split()[0]) / 1e9
        except OSError:  # it has ended
            continue
        found[int(thread.name)] = state == "R", spent
    return {thread: seen for thread, seen in found.items() if thread not in LOOKING}


def watched(call: Callable[[], Any]) -> dict[str, float]:
    """Call, and say where and when that was, and how many threads of the process computed at once."""
    seen, ended = [look()], threading.Event()

    def keep_looking() -> None:
        LOOKING.add(threading.get_native_id())
        while not ended.wait(0.02):
            seen.append(look())
        LOOKING.discard(threading.get_native_id())

    looking = threading.Thread(target=keep_looking)
    looking.start()
    start = time.time()
    try:
        call()
    finally:
        end = time.time()
        ended.set()
        looking.join()
    seen.append(look())
    spent: dict[int, float] = {}
    for each in seen[1:]:
        spent |= {thread: seconds - seen[0].get(thread, (False, 0.0))[1] for thread, (_, seconds) in each.items()}
    # Not those that carry messages of the cluster, or wait for others. And what is there for a tenth of the time.
    busy = {thread for thread, seconds in spent.items() if seconds > max(spent.values()) / 4}
    counts = sorted(sum(running for thread, (running, _) in each.items() if thread in busy) for each in seen[1:])
    threads = max(1, counts[int(len(counts) * 0.9)])
    return {"process": os.getpid(), "start": start, "end": end, "threads": threads}


class Watched(AcceleratedPipeline):
    """A pipeline that keeps what was watched of its fit."""

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit, and watch."""
        self.watched_ = watched(lambda: super(Watched, self).fit(X, y, **params))
        return self


def told(fitted: Any, X: Any, y: Any) -> dict[str, float]:
    """Return what was watched, as scores: so it comes back from the worker."""
    return fitted.watched_


def at_once(tasks: list[dict[str, float]]) -> dict[str, int]:
    """Say how many workers there were at the same time, and how many threads of all of them."""
    workers = max(sum(bool(other["start"] <= task["start"] < other["end"]) for other in tasks) for task in tasks)
    # Of the tasks that are alike three of four, for in a short one a message of the cluster is a large part.
    threads = sorted(int(task["threads"]) for task in tasks)[len(tasks) * 3 // 4]
    if len({task["process"] for task in tasks}) > 1:  # else the threads of all workers were counted together
        threads *= workers
    return {"workers": workers, "threads": threads}


def greedy(square: Any, y: Any) -> dict[str, float]:
    """Use all cores that there are, by BLAS, OpenMP and joblib."""

    def compute() -> None:
        for _ in range(3):
            square @ square
        for estimator in GREEDY.values():
            clone(estimator).fit(square[:, :20], y)

    return watched(compute)


def fit(estimator: Any, X: Any, y: Any) -> dict[str, float]:
    """Fit, and watch."""
    return watched(lambda: clone(estimator).fit(X, y))


# -- backends --------------------------------------------------------------------------------------------------------


@contextmanager
def entered(name: str) -> Iterator[Callable[[], dict[str, int]]]:
    """Enter a backend; yields what counts the bytes that it has shipped."""
    if name in BACKENDS:
        with parallel_config(name, n_jobs=CORES) as run:
            yield (lambda: asdict(run.shipped)) if BACKENDS[name].cluster else dict
    elif name == PLAIN:
        with joblib.parallel_config("loky", n_jobs=CORES):
            yield dict
    else:
        with _THEIRS[name]() as count, joblib.parallel_config(THEIRS[name], n_jobs=CORES):
            yield lambda: dict(count)


def counter() -> dict[str, int]:
    """Return what `parallel_config` counts, for the backend of another."""
    return {"tasks": 0, "task_bytes": 0, "objects": 0, "object_bytes": 0}


@contextmanager
def their_ray() -> Iterator[dict[str, int]]:
    """The backend of ray."""
    import ray
    from ray.util.joblib import register_ray
    from ray.util.multiprocessing.pool import Pool

    count, run_batch = counter(), Pool._run_batch

    def counted(self: Any, actor: int, function: Any, batch: Any) -> Any:
        count["tasks"] += 1
        count["task_bytes"] += len(cloudpickle.dumps((function, batch)))
        return run_batch(self, actor, function, batch)

    ray.init("local", num_cpus=CORES, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    register_ray()
    Pool._run_batch = counted
    yield count
    ray.shutdown()


@contextmanager
def their_dask() -> Iterator[dict[str, int]]:
    """The backend for dask that joblib has."""
    from distributed import Client, LocalCluster
    from joblib._dask import DaskDistributedBackend

    count, arguments = counter(), DaskDistributedBackend._to_func_args

    async def counted(self: Any, function: Any) -> Any:
        batch, tasks = await arguments(self, function)
        count["tasks"] += 1
        count["task_bytes"] += len(cloudpickle.dumps((batch, tasks)))
        return batch, tasks

    with (
        LocalCluster(n_workers=CORES, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        scatter = client.scatter

        def scattered(data: Any, **options: Any) -> Any:
            count["objects"] += 1
            count["object_bytes"] += data.nbytes if isinstance(data, np.ndarray) else len(cloudpickle.dumps(data))
            return scatter(data, **options)

        client.scatter = scattered
        DaskDistributedBackend._to_func_args = counted
        yield count


@contextmanager
def their_spark() -> Iterator[dict[str, int]]:
    """The backend of joblibspark."""
    from joblibspark import register_spark
    from joblibspark.backend import SparkDistributedBackend
    from pyspark.sql import SparkSession

    count, apply_async = counter(), SparkDistributedBackend.apply_async

    def counted(self: Any, function: Any, callback: Any = None) -> Any:
        count["tasks"] += 1
        count["task_bytes"] += len(cloudpickle.dumps(function))
        return apply_async(self, function, callback)

    builder = SparkSession.builder.master(f"local[{CORES}]")
    for option in ("spark.ui.enabled", "spark.ui.showConsoleProgress"):
        builder = builder.config(option, "false")
    session = builder.getOrCreate()
    session.sparkContext.pythonExec = sys.executable
    register_spark()
    SparkDistributedBackend.apply_async = counted
    yield count
    session.stop()


_THEIRS = {"ray.util.joblib": their_ray, "joblib's dask": their_dask, "joblibspark": their_spark}


def missing(name: str) -> str:
    """Say what a backend needs that is not here, and how to get it; an empty string if there is nothing."""
    try:
        backend_of(THEIRS.get(name, name) if name != PLAIN else "loky")
    except EngineNotAvailable as error:
        return error.hint
    if name == "joblibspark" and importlib.util.find_spec("joblibspark") is None:
        return "pip install joblibspark"
    return "install Java" if "spark" in name and shutil.which("java") is None else ""


# -- what is measured, in a process for each backend -----------------------------------------------------------------


def timed(call: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def spread(values: list[float]) -> dict[str, float]:
    """Return the median and the limits of the repeats."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def results(found: Any) -> dict[str, list[Any]]:
    """Return what a search has found, without the times."""
    return {name: list(values) for name, values in found.cv_results_.items() if "time" not in name}


def search_on(name: str, rows: int, repeats: int) -> dict[str, Any]:
    """Measure the search, the empty tasks and the threads of a backend."""
    X, y = make_classification(rows, 50, n_informative=20, flip_y=0.1, random_state=0)
    steps = [("scale", StandardScaler()), ("pca", PCA(random_state=0)), ("clf", SVC())]
    search = GridSearchCV(AcceleratedPipeline(steps, engine="sklearn"), GRID, cv=3, refit=False)
    watching = GridSearchCV(Watched(steps, engine="sklearn"), GRID, cv=3, refit=False, scoring=told)

    def serial() -> None:
        with joblib.parallel_config("sequential"):
            search.fit(X, y)

    def empty() -> None:
        joblib.Parallel(batch_size=1)(joblib.delayed(abs)(i) for i in range(100))

    def empty_on_loky() -> None:
        with joblib.parallel_config("loky", n_jobs=CORES):
            empty()

    serial()
    expected = results(search)
    start = time.perf_counter()
    with entered(name) as shipped:
        joblib.Parallel()(joblib.delayed(abs)(i) for i in range(CORES))
        found: dict[str, Any] = {"backend": name, "start_seconds": time.perf_counter() - start}
        before = shipped()
        search.fit(X, y)
        found["equal"] = results(search) == expected
        found["shipped"] = {key: value - before[key] for key, value in shipped().items()}
        seen = watching.fit(X, y).cv_results_
        keys = ("process", "start", "end", "threads")
        splits = [{key: seen[f"split{i}_test_{key}"] for key in keys} for i in range(3)]
        found["search_uses"] = at_once(
            [{key: split[key][j] for key in keys} for split in splits for j in range(len(seen["params"]))]
        )
        square = np.random.default_rng(0).random((1000, 1000))
        target = square[:, 20] > 0.5
        tasks = joblib.Parallel(batch_size=1)(joblib.delayed(greedy)(square, target) for _ in range(2 * CORES))
        found["greedy_uses"] = at_once(tasks)
        pairs = [(timed(serial), timed(lambda: search.fit(X, y))) for _ in range(repeats)]
        empty_on_loky()
        empties = [(timed(empty), timed(empty_on_loky)) for _ in range(repeats)]
    found["serial_seconds"] = statistics.median(one for one, _ in pairs)
    found["times_as_fast"] = spread([one / other for one, other in pairs])
    found["empty_task_ms"] = statistics.median(one for one, _ in empties) * 10
    found["empty_task_over_loky"] = spread([one / other for one, other in empties])
    return found


def inside_on(name: str, rows: int, repeats: int) -> list[dict[str, Any]]:
    """Fit estimators with threads of their own in parallel: on joblib's backend, and on accelsk's of the same name."""
    X, y = make_classification(rows, 50, n_informative=20, random_state=0)
    found = []
    for of, estimator in GREEDY.items():
        tasks = [joblib.delayed(fit)(estimator, X, y)] * (2 * CORES)
        backends = {"joblib": joblib.parallel_config, "accelsk": parallel_config}
        used: dict[str, dict[str, int]] = {}
        took: dict[str, list[float]] = {}
        for repeat in range(repeats + 1):
            for whose, config in backends.items():
                start = time.perf_counter()
                with config(name, n_jobs=CORES):
                    used[whose] = at_once(joblib.Parallel(batch_size=1)(tasks))
                if repeat:  # the first starts the workers
                    took.setdefault(whose, []).append(time.perf_counter() - start)
        ratios = [one / other for one, other in zip(took["joblib"], took["accelsk"], strict=True)]
        found.append({"backend": name, "of": of, **used, "times_as_fast": spread(ratios)})
    return found


def child(what: str, name: str, rows: int, repeats: int) -> Any:
    """Measure in a process of its own; returns what it has found, or why it has not."""
    command = [sys.executable, __file__, "--child", what, name, "--rows", str(rows), "--repeats", str(repeats)]
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    try:
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=True)
    except subprocess.TimeoutExpired:
        return {"backend": name, "error": "no result after 300 s"}
    except subprocess.CalledProcessError as error:
        return {"backend": name, "error": error.stderr.strip().splitlines()[-1]}
    return json.loads(ended.stdout.strip().splitlines()[-1])


# -- what is shown ---------------------------------------------------------------------------------------------------


def ratio(of: dict[str, float]) -> str:
    """Return a median with its limits."""
    return f"{of['median']:.2f} [{of['min']:.2f}-{of['max']:.2f}]"


def uses(of: dict[str, int]) -> str:
    """Return workers x threads of each."""
    return f"{of['workers']} x {of['threads'] / of['workers']:g}"


def called(name: str) -> str:
    """Return what a backend is called in a table."""
    return f"{name} (accelsk)" if name in BACKENDS else name


def made(title: str, *columns: str) -> Table:
    """Make a table of numbers, but for the first column."""
    table = Table(title=f"{title}; {CORES} cores", title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column == columns[0] else "right")
    return table


def show_search(found: list[dict[str, Any]], console: Console) -> None:
    """Print what each backend did with the search, and how fast it is."""
    did = made(
        "12 candidates x 3 folds", "backend", "equal", "workers x threads", "greedy tasks", "kB in tasks", "kB of data"
    )
    fast = made("Time", "backend", "search: times as fast as serial", "empty task / joblib's loky", "start, s")
    for each in found:
        if "error" in each:
            did.add_row(called(each["backend"]), "no", style="red")
            fast.add_row(called(each["backend"]), Text(each["error"]), style="red")
            continue
        sent = each["shipped"]
        did.add_row(
            called(each["backend"]),
            "yes" if each["equal"] else "[red]no",
            uses(each["search_uses"]),
            uses(each["greedy_uses"]),
            f"{sent['task_bytes'] / 1e3:,.0f}" if sent else "",
            f"{sent['object_bytes'] / 1e3:,.0f}" if sent else "",
        )
        ratios = (Text(ratio(each[name])) for name in ("times_as_fast", "empty_task_over_loky"))
        fast.add_row(called(each["backend"]), *ratios, f"{each['start_seconds']:.1f}")
    console.print(did, fast)


def show_inside(found: list[dict[str, Any]], console: Console) -> None:
    """Print a line per backend and estimator."""
    table = made(
        "Estimators with threads of their own: workers x threads", "", "joblib", "accelsk", "times as fast with accelsk"
    )
    for each in found:
        if "error" in each:
            table.add_row(each["backend"], "", "", Text(each["error"]), style="red")
            continue
        label = f"{each['backend']}, {each['of']}"
        table.add_row(label, uses(each["joblib"]), uses(each["accelsk"]), Text(ratio(each["times_as_fast"])))
    console.print(table)


def main() -> None:
    """Measure every backend, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--quick", action="store_true", help="once, with few rows: whether it runs")
    parser.add_argument("--backends", nargs="+", default=[PLAIN, *BACKENDS, *THEIRS], help="only these")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        measure = {"search": search_on, "inside": inside_on}[given.child[0]]
        print(json.dumps(measure(given.child[1], given.rows, given.repeats)))
        return
    rows, repeats = (300, 1) if given.quick else (given.rows, given.repeats)
    console = Console()
    absent = {name: needs for name in given.backends if (needs := missing(name))}
    searches: list[dict[str, Any]] = []
    inside: list[dict[str, Any]] = []
    found = {"cores": CORES, "rows": rows, "loads": [], "search": searches, "inside": inside, "absent": absent}
    cases = [("search", name) for name in given.backends if name not in absent]
    cases += [("inside", name) for name in LOCAL if name in given.backends]
    with console.status("") as status:
        for what, name in cases:
            status.update(f"{what}: {name}")
            found["loads"].append(round(os.getloadavg()[0], 1))
            measured = child(what, name, rows, repeats)
            found[what] += measured if isinstance(measured, list) else [measured]
            if given.json:
                given.json.write_text(json.dumps(found, indent=1) + "\n")
    show_search(searches, console)
    show_inside(inside, console)
    for name, needs in absent.items():
        console.print(f"{name} is not here: {needs}", markup=False)


if __name__ == "__main__":
    main()
