"""What a backend asks of a cluster, and how a task goes to one of its workers."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from accelsk.failures import Failure
from accelsk.parallel.shelf import Shelf, opened

__all__ = ["Cluster", "DataLost", "run"]


class DataLost(Exception):
    """The data of a call were on a worker that has ended; they have to be handed in again."""


class Cluster(ABC):
    """Workers that may be on other machines: what a backend asks of them.

    It is opened when it is first needed, and closed at the end of the block. What was there before is left as it was.

    Parameters
    ----------
    n_jobs : int or None
        How many workers a local one is started with; None, or negative, for as many as there are cores.
    """

    #: As users name it.
    name: str

    def __init__(self, n_jobs: int | None) -> None:
        self.n_jobs = n_jobs
        self.shelf = Shelf(self.put)
        self._opening = threading.Lock()
        self._open = False

    def opened(self) -> Cluster:
        """Connect, or start, unless that was done.

        Returns
        -------
        Cluster
            This one.
        """
        with self._opening:
            if not self._open:
                self.start()
                self._open = True
        return self

    def close(self) -> None:
        """Let go of the data, and shut down what was started here."""
        with self._opening:
            self.shelf.clear()
            if self._open:
                self._open = False
                self.stop()

    def local_workers(self) -> int:
        """Return how many workers a local cluster gets.

        Returns
        -------
        int
            As joblib reads n_jobs.
        """
        from joblib import cpu_count

        cores = int(cpu_count())
        if self.n_jobs is None:
            return cores
        return max(1, cores + 1 + self.n_jobs) if self.n_jobs < 0 else self.n_jobs

    @abstractmethod
    def start(self) -> None:
        """Connect to what there is, or start workers on this machine."""

    @abstractmethod
    def stop(self) -> None:
        """Shut down what `start` has started."""

    @abstractmethod
    def workers(self) -> int:
        """Return how many tasks can run at once."""

    @abstractmethod
    def cores(self) -> int:
        """Return how many cores the workers have together."""

    @abstractmethod
    def put(self, value: Any) -> Any:
        """Hand data to the cluster.

        Parameters
        ----------
        value : object
            An array or a frame.

        Returns
        -------
        object
            The reference by which `call` gives them to a task.
        """

    @abstractmethod
    def call(self, payload: bytes, references: Sequence[Any], cores: int) -> bytes:
        """Let a worker `run` a payload on the data of these references; wait for it.

        Parameters
        ----------
        payload : bytes
            A task.
        references : sequence
            To its data.
        cores : int
            How many it is to have.

        Returns
        -------
        bytes
            What `run` returns.

        Raises
        ------
        WorkerDied
            If the worker, or its machine, has ended, and no other one could do it.
        DataLost
            If data have gone with a worker.
        """

    @abstractmethod
    def cancel(self) -> None:
        """End the calls that are running; nobody waits for them any more."""


def run(payload: bytes, values: Sequence[Any]) -> bytes:
    """Run a task; this is called in a worker.

    Parameters
    ----------
    payload : bytes
        The task, as `Shelf.packed` has made it.
    values : sequence
        Its data.

    Returns
    -------
    bytes
        The pickled result, or the `Failure` in its place.
    """
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps(opened(payload, values)()))
    except Exception as error:  # noqa: BLE001  whatever a task raises is raised where it is waited for
        return bytes(cloudpickle.dumps(Failure.of(error)))
