"""Which of several devices a worker computes on: the one that the fewest workers of this machine have."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from accelsk import drivers
from accelsk.devices import Device
from accelsk.locks import Lock, held

__all__ = ["Worker", "choose", "this_worker", "working"]


class Worker:
    """A thread that runs tasks one after the other, with what they do in parallel themselves.

    It has a place on each device that it computes on, which is a lock: so the workers of all processes of this user on
    this machine know how many there are on each, and one that was killed leaves none behind.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._places: dict[str, Lock] = {}
        self._looked: set[str] = set()
        self._text: dict[str, str] = {}

    def begin(self) -> None:
        """Take note that a task begins: only now may the worker move to another device."""
        self._looked.clear()

    def choose(self, devices: Sequence[Device]) -> tuple[Device, str]:
        """Choose a device; the same one again, unless another has meanwhile two workers less.

        Parameters
        ----------
        devices : sequence of Device
            The candidates.

        Returns
        -------
        device : Device
            One of them.
        why : str
            How it came to it.
        """
        named = {drivers.identity(device): device for device in devices}
        with self._guard:
            mine = next((name for name, lock in self._places.items() if name in named and lock.taken), None)
            if mine is None or mine not in self._looked:
                try:
                    mine = self._settled(tuple(named), mine)
                except OSError as error:  # no place for files: no worker knows of the others
                    return devices[0], f"the first of {len(devices)}, for workers cannot agree here ({error})"
                self._looked.add(mine)
            return named[mine], self._text[mine]

    def _settled(self, names: Sequence[str], mine: str | None) -> str:
        deciding = Lock("placing")
        deciding.take(wait=True)
        try:
            counts = {name: held(_place(name)) for name in names}
            fewest = min(names, key=counts.__getitem__)
            if mine is not None and counts[mine] - counts[fewest] < 2:
                return mine
            if mine is not None:
                self._places.pop(mine).free()
                counts[mine] -= 1
            self._places[fewest] = lock = _free_place(fewest)
        finally:
            deciding.free()
        number = int(lock.name.removeprefix(_place(fewest))) + 1
        total = sum(counts.values()) + 1
        self._text[fewest] = f"worker {number} on it, of {total} on {len(names)} devices"
        return fewest


def _place(name: str) -> str:
    return f"place on {name}, "


def _free_place(name: str) -> Lock:
    number = 0
    while not (lock := Lock(f"{_place(name)}{number}")).take():
        number += 1
    return lock


def choose(devices: Sequence[Device]) -> tuple[Device, str]:
    """Choose one of several devices that a fit could be computed on.

    Parameters
    ----------
    devices : sequence of Device
        In the order of the engine.

    Returns
    -------
    device : Device
        That of this worker; the first one where no task of `parallel_config` is running.
    why : str
        How it came to it; empty where there was nothing to choose.

    Examples
    --------
    >>> gpus = Device.parse("cuda:0"), Device.parse("cuda:1")
    >>> choose(gpus)
    (Device(kind='gpu', backend='cuda', index=0), '')
    """
    worker = this_worker()
    return (devices[0], "") if worker is None or len(devices) == 1 else worker.choose(devices)


def this_worker() -> Worker | None:
    """Return the worker that the running task belongs to.

    Returns
    -------
    Worker or None
        None where no task is running.

    Examples
    --------
    >>> this_worker() is None
    True
    """
    return _worker.get()


@contextmanager
def working(worker: Worker | None = None) -> Iterator[Worker]:
    """Run a task in this block.

    Parameters
    ----------
    worker : Worker, default=None
        Who does, if it is part of a task of theirs; None is whose task this is part of, or else this thread.

    Yields
    ------
    Worker
        Who does.
    """
    worker = worker or this_worker()
    if worker is None:
        worker = _of_thread()
        worker.begin()
    token = _worker.set(worker)
    try:
        yield worker
    finally:
        _worker.reset(token)


_worker: ContextVar[Worker | None] = ContextVar("accelsk_worker", default=None)

#: The worker of each thread, which ends with it.
_threads = threading.local()


def _of_thread() -> Worker:
    if not hasattr(_threads, "worker"):
        _threads.worker = Worker()
    worker: Worker = _threads.worker
    return worker
