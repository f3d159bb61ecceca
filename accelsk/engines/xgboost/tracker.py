"""XGBoost's tracker in a process of its own.

The tracker brings the workers of a training together. XGBoost starts it as a thread of dask's scheduler; when a worker
dies and another one is gone before it could be told, an exception that nobody catches ends the process of that thread
(``std::terminate``; seen with XGBoost 3.2): the scheduler, and with a `LocalCluster` the user's own. In a process of
its own nothing is lost with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

__all__ = ["apart"]

_PROGRAM = """
import json, sys
from xgboost.tracker import RabitTracker
tracker = RabitTracker(**json.loads(sys.argv[1]))
tracker.start()
print(json.dumps(tracker.worker_args()), flush=True)
tracker.wait_for()
"""

_lock = threading.RLock()
#: In the scheduler's process: those that run, by training.
_processes: dict[str, subprocess.Popen[str]] = {}


@contextmanager
def apart(client: Any) -> Iterator[None]:
    """Let trainings in the block have their tracker in a process of its own, on the machine of the scheduler.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.

    Yields
    ------
    None
    """
    import xgboost.dask

    token = uuid.uuid4().hex
    with _lock:
        theirs = getattr(xgboost.dask, "_start_tracker", None)
        if theirs is None:  # another version of XGBoost, which starts it otherwise
            yield
            return
        xgboost.dask._start_tracker = partial(_start, token)
        try:
            yield
        finally:
            xgboost.dask._start_tracker = theirs
            with suppress(Exception):  # the scheduler is gone, and what was raised tells why
                client.run_on_scheduler(_stop, token)


def _start(
    token: str, n_workers: int, of_scheduler: str | None, of_user: tuple[str, int] | None, timeout: int | None
) -> dict[str, Any]:
    """Start a tracker for workers to be told of; called on the scheduler."""
    host, port = of_user or (of_scheduler, 0)
    told = {"n_workers": n_workers, "host_ip": host, "port": port, "sortby": "task", "timeout": timeout or 0}
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, json.dumps(told)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _processes[token] = process
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"XGBoost's tracker did not start: {process.communicate()[1][-500:]}")
    found: dict[str, Any] = json.loads(line)
    return found


def _stop(token: str) -> None:
    """End the tracker of a training, if it has not ended itself; called on the scheduler."""
    process = _processes.pop(token, None)
    if process is not None:
        process.kill()
        process.communicate()
