"""Tasks on dask: on the workers of a Client, or on local ones."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from accelsk.parallel.cluster import Cluster, DataLost, run
from accelsk.parallel.local import died

__all__ = ["DaskCluster"]

#: Seconds to wait for a worker, between two looks for one, and between two looks while there is one.
_PATIENCE, _INTERVAL, _LOOK = 60, 0.1, 5


class DaskCluster(Cluster):
    """The workers of a client: a given one, that of this process, one for an address, or a local one.

    Parameters
    ----------
    n_jobs : int or None
        Workers of a local one.
    client : distributed.Client, default=None
        The client.
    address : str, default=None
        Of a scheduler.
    task_options : mapping, default=None
        How each task is submitted: ``{"resources": {"GPU": 1}}``, ``{"retries": 2}``, ...
    **options : dict
        For `distributed.LocalCluster`.
    """

    name = "dask"

    def __init__(
        self,
        n_jobs: int | None,
        *,
        client: Any = None,
        address: str | None = None,
        task_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(n_jobs)
        self._client = client
        self._address = address
        self._options = options
        self._task_options = dict(task_options or {})
        self._ours: list[Any] = []
        self._lock = threading.Lock()
        self._waiting = threading.Lock()
        self._running: set[Any] = set()

    def start(self) -> None:
        """Use the client that there is, or make one."""
        from distributed import Client, LocalCluster, get_client

        if self._client is not None:
            return
        if self._address is None:
            try:
                self._client = get_client()
                return
            except ValueError:  # there is none
                options = {
                    "n_workers": self.local_workers(),
                    "threads_per_worker": 1,
                    "dashboard_address": ":0",  # any free port
                    **self._options,
                }
                environment = dict(os.environ)
                self._ours.append(LocalCluster(**options))
                _restore(environment)
        self._client = Client(self._address or self._ours[0], set_as_default=False)
        self._ours.insert(0, self._client)

    def stop(self) -> None:
        """Close what was made here."""
        ours, self._ours = self._ours, []
        for one in ours:
            one.close()
        if ours:
            self._client = None

    def workers(self) -> int:
        # Return how many tasks can run at once.
        self._wait()
        threads: int = sum(self._client.ncores().values())
        return max(1, threads)

    def cores(self) -> int:
        # Return how many cores the workers have together: the threads that they were given.
        from joblib import cpu_count

        return int(cpu_count()) if len(self._ours) == 2 else self.workers()

    def _wait(self) -> None:
        """Wait for a worker, if there is none: they may be about to start, or to start again."""
        # Not `Client.wait_for_workers`: it waited for ever for workers of a LocalCluster that were there again.
        with self._waiting:
            deadline = time.monotonic() + _PATIENCE
            revival = deadline - _PATIENCE * 3 / 4
            while not self._client.ncores():
                if time.monotonic() > deadline:
                    raise died(None, self.name, f"there has been no worker for {_PATIENCE} s")
                if len(self._ours) == 2 and time.monotonic() > revival:
                    # A local worker that dies while it starts is given up.
                    revival = deadline
                    self.stop()
                    self.start()
                time.sleep(_INTERVAL)

    def put(self, value: Any) -> Any:
        # Scatter data: to one worker, from where the others fetch them.
        self._wait()
        try:
            return self._client.scatter(value, hash=False)
        except OSError as error:  # also that of a connection that is closed, and of the time that is out
            raise DataLost(str(error)) from error

    def call(self, payload: bytes, references: Sequence[Any], cores: int) -> bytes:
        # Let a worker run a payload; dask gives it to another one if the worker is lost, a few times.
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        future = self._client.submit(_run, payload, *references, pure=False, **self._task_options)
        with self._lock:
            self._running.add(future)
        try:
            while True:
                with suppress(TimeoutError):
                    result: bytes = future.result(timeout=_LOOK)
                    return result
                self._wait()  # or nobody would notice that the last worker has gone
        except FutureCancelledError as error:
            raise DataLost(str(error)) from error
        except KilledWorker as error:
            raise died(None, self.name, str(error).strip().splitlines()[0]) from error
        finally:
            with self._lock:
                self._running.discard(future)

    def cancel(self) -> None:
        # What a worker has begun it ends, and is not free before. Workers that nobody else uses are killed, and others
        # are started when they are needed. (`Client.restart` waited for ever where some of them were starting.)
        with self._lock:
            running, self._running = list(self._running), set()
        if len(self._ours) == 2 and running:
            for nanny in self._ours[1].workers.values():
                nanny.auto_restart = False
                if nanny.pid is not None:
                    with suppress(ProcessLookupError):
                        os.kill(nanny.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
            self.close()
        else:
            self._client.cancel(running, force=True)


def _restore(environment: Mapping[str, str]) -> None:
    """Take back what dask has written into this process: it wants one thread in its workers, and sets it here."""
    for name in set(os.environ) - set(environment):
        if name.endswith("_NUM_THREADS"):
            del os.environ[name]
    os.environ.update({name: value for name, value in environment.items() if os.environ.get(name) != value})


def _run(payload: bytes, *values: Any) -> bytes:
    return run(payload, values)
