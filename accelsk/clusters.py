"""The user's dask cluster, and a training on it that ends: with a model, or with an error that says what happened.

The libraries train with a ring of workers that talk to each other without dask. When one of them dies, dask knows, and
the others may wait for it for ever; so the workers are watched here as long as a training runs.
"""

from __future__ import annotations

import contextvars
import os
import threading
import time
import uuid
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from accelsk.errors import UnsupportedInput, WorkerDied

__all__ = ["Cluster"]

Result = TypeVar("Result")

#: Seconds between two looks at the workers, and at whether the training has ended.
_PERIOD = 0.5
#: Seconds that a training gets to end by itself after a worker has died: with the library's own error, or its model.
_PATIENCE = 5.0
#: Seconds in which the scheduler notices that a worker is gone, after the library has failed for the same reason.
_NOTICE = 3.0
#: The annotation of the tasks of a training.
_MARK = "accelsk_training"
#: Seconds that workers get to be there again.
_RESTART = 30.0


class Cluster:
    """A dask cluster, by the user's client of it.

    Parameters
    ----------
    client : distributed.Client
        The client.

    Attributes
    ----------
    client : distributed.Client
        The same.
    trained_by : tuple of (int, int)
        How many workers have trained, on how many partitions; told by who trained.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.trained_by = (0, 0)
        self._left: list[str] = []
        self._ring: set[str] | None = None

    @classmethod
    def of_user(cls, what: str) -> Cluster:
        """Return the cluster whose client is the current one.

        Parameters
        ----------
        what : str
            What it is for, for the message.

        Returns
        -------
        Cluster
            Of ``distributed.get_client()``.

        Raises
        ------
        UnsupportedInput
            If there is no client.
        """
        try:
            from distributed import get_client

            return cls(get_client())
        except (ImportError, ValueError) as error:
            raise UnsupportedInput(
                f"{what} is trained by the workers of a dask cluster, and there is no client of one here.",
                hint="`from dask.distributed import Client; client = Client()` starts a cluster of this machine's "
                "cores; Client('tcp://host:8786') is a client of one that there is already.",
            ) from error

    @property
    def address(self) -> str:
        """Where the scheduler is."""
        return str(self.client.scheduler.address)

    def workers(self) -> set[str]:
        """Return the addresses of the workers that there are now.

        Returns
        -------
        set of str
            As dask writes them.
        """
        return set(self.client.nthreads())

    def begin(self) -> None:
        """Say that the library trains from now on: what dask computes before, it computes again where a worker dies."""
        self._ring = self.workers()

    def train(self, work: Callable[[], Result], what: str) -> Result:
        """Do work on the cluster, and watch its workers meanwhile.

        Parameters
        ----------
        work : callable
            It waits for what the workers compute. Called in another thread.
        what : str
            What is trained, for the messages.

        Returns
        -------
        object
            What it returns.

        Raises
        ------
        WorkerDied
            If a worker has died and the work has failed for it, or does not end. It is cancelled, and workers that go
            on waiting for the dead one are restarted.
        """
        self._ring, running = None, _Running(work)
        try:
            while not running.ended(_PERIOD):
                lost = self._lost()
                if lost and not running.ended(_PATIENCE):
                    stuck = self._abandon(running)
                    raise _died(what, lost, stuck, self._left) from None
        except KeyboardInterrupt:
            self._abandon(running)
            raise
        if running.error is None:
            return running.result  # type: ignore[no-any-return]
        if isinstance(running.error, Exception):
            lost = self._lost(within=_NOTICE)
            if lost:
                stuck = self._abandon(running)
                raise _died(what, lost, stuck, self._left) from running.error
        raise running.error

    def _lost(self, within: float = 0.0) -> set[str]:
        """The workers that are gone; where there is none, looked for again until the time is over."""
        before, end = self._ring, time.monotonic() + within
        if before is None:
            return set()
        while True:
            try:
                lost = before - self.workers()
            except (OSError, TimeoutError):  # the scheduler itself
                return before
            if lost or time.monotonic() >= end:
                return lost
            time.sleep(_PERIOD)

    def _abandon(self, running: _Running) -> list[str]:
        """Cancel what the work has submitted, and restart workers that do not stop computing it; return these."""
        from distributed import Future

        try:
            keys, ends = self.client.run_on_scheduler(_keys_of, running.token)
            self.client.cancel([Future(key, self.client) for key in ends])
            running.ended(_PATIENCE)
            stuck = self._computing(keys)
            if stuck:
                stuck = self._restart(stuck)
        except (OSError, TimeoutError, ValueError):  # the scheduler is gone, or the workers cannot be restarted
            return []
        return stuck

    def _restart(self, stuck: list[str]) -> list[str]:
        """End the processes of workers, whose nannies start others, as for any process that ends; return these.

        Not by `Client.restart_workers`: it waits for what cannot be stopped, and a nanny that starts another process at
        the same time may be left without any.
        """
        n_workers, end = len(self.workers()), time.monotonic() + _RESTART
        ended = self.client.run(_end, workers=stuck, on_error="ignore")
        self._left = [worker for worker in stuck if not ended.get(worker, True)]
        stuck = [worker for worker in stuck if worker not in self._left]
        while stuck and time.monotonic() < end:
            time.sleep(_PERIOD)
            there = self.workers()
            if len(there) >= n_workers and not there & set(stuck):
                break
        return stuck

    def _computing(self, keys: list[Any]) -> list[str]:
        """The workers that still compute one of the keys after a moment: dask cannot stop a thread."""
        end = time.monotonic() + _NOTICE
        while True:
            active = self.client.run(_active_keys, on_error="ignore")
            stuck = [worker for worker, computed in active.items() if set(keys) & set(computed)]
            if not stuck or time.monotonic() >= end:
                return stuck
            time.sleep(_PERIOD)


class _Running:
    """Work in a thread of its own, which the main thread can leave."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self.token = uuid.uuid4().hex
        self._done = threading.Event()
        context = contextvars.copy_context()  # the current client is in there
        threading.Thread(target=context.run, args=(self._run, work), name="accelsk-training", daemon=True).start()

    def _run(self, work: Callable[[], Any]) -> None:
        import dask

        try:
            with warnings.catch_warnings(), dask.annotate(**{_MARK: self.token}):
                # So that its tasks are found, and nobody else's are. Those of data frames cannot, nor need be.
                warnings.filterwarnings("ignore", message="Dask annotations")
                self.result = work()
        except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
            self.error = error
        finally:
            self._done.set()

    def ended(self, within: float) -> bool:
        return self._done.wait(within)


def _keys_of(token: str, dask_scheduler: Any) -> tuple[list[Any], list[Any]]:
    """The tasks of a training; and those that nothing depends on, which are the ones to cancel.

    Cancelled with what it depends on, a task makes the scheduler fail (distributed 2026.8: ``assert ts.who_wants``).
    The library lets go of the others when it is told that these are cancelled.
    """
    ours = [task for task in dask_scheduler.tasks.values() if (task.annotations or {}).get(_MARK) == token]
    return [task.key for task in ours], [task.key for task in ours if task.who_wants and not task.dependents]


def _active_keys(dask_worker: Any) -> list[Any]:
    return list(dask_worker.active_threads.values())


def _end(dask_worker: Any) -> bool:
    """End this process in a moment, when the answer is on its way; not where nobody would start another one."""
    if dask_worker.nanny:
        threading.Timer(0.2, os._exit, (1,)).start()
    return bool(dask_worker.nanny)


def _died(what: str, lost: set[str], stuck: list[str], left: list[str]) -> WorkerDied:
    dead = ", ".join(sorted(lost))
    restarted = (
        f" {', '.join(stuck)} waited for it, and {'was' if len(stuck) == 1 else 'were'} restarted: dask computes again "
        "what was kept there."
        if stuck
        else ""
    )
    if left:
        restarted += f" {', '.join(left)} still waits, and has no nanny that would restart it: do that yourself."
    return WorkerDied(
        f"{what} was being trained when {dead} went away, one of the workers of the dask cluster: what was computed is "
        f"lost, and nothing was fitted.{restarted}",
        hint="workers that are killed are mostly out of memory: give them more, or the data more and smaller "
        "partitions; then fit again. The client can be used as before.",
        workers=tuple(sorted(lost)),
        restarted=tuple(stuck),
    )
