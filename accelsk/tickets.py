"""How many fits of parallel tasks compute on a device at once: as many as its memory has room for.

The memory is divided into tickets, and a fit takes as many as it is expected to need. A ticket is a lock, so the fits
of all processes of this user are counted, and one that is killed gives its tickets back. Only one fit waits for tickets
of a device, and those that come later wait behind it: so a large one is not passed by small ones for ever, and no two
have half of what they need.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from accelsk import drivers
from accelsk.devices import HOST, Device
from accelsk.engines.adapter import Adapter
from accelsk.locks import Lock
from accelsk.placement import this_worker

__all__ = ["TICKETS", "admitted", "need_of", "tickets_for"]

#: Into how many parts the memory of a device is divided.
TICKETS = 16

# What a fit needs can only be estimated. Most libraries hold X on the device as it was given, a second time as they
# want it (transposed, binned, in another precision), and about as much again twice for what they compute: gradients and
# histograms, distances in chunks, the projections of a solver. Beside it there is what a process needs on a device for
# itself: 0.3 to 0.6 GB for a context of CUDA with the kernels of a library.
_TIMES_X = 4
_PROCESS = 512 * 2**20

#: Seconds between two looks for tickets that came back.
_INTERVAL = 0.02

_log = logging.getLogger("accelsk")


def admitted(adapter: Adapter, device: Device, X: Any) -> AbstractContextManager[None]:
    """Return the context in which a fit may use a device.

    Parameters
    ----------
    adapter : Adapter
        The engine's own.
    device : Device
        Where the fit runs.
    X : array-like
        The data, as the engine gets them.

    Returns
    -------
    context manager
        On entering, it waits for memory. Nothing where no task of `parallel_config` is running, on the host, where the
        memory of the device is not known, and inside a fit that was admitted.
    """
    if device == HOST or this_worker() is None or _inside.get():
        return nullcontext()
    memory = adapter.memory(device)
    return _holding(device, tickets_for(need_of(X), memory)) if memory > 0 else nullcontext()


def need_of(X: Any) -> int:
    """Estimate the memory that a fit needs on a device.

    Parameters
    ----------
    X : array-like
        The data.

    Returns
    -------
    int
        Bytes.

    Examples
    --------
    >>> import numpy as np
    >>> need_of(np.zeros((1_000_000, 100))) / 2**20  # MiB
    3563.7578125
    """
    return _TIMES_X * _nbytes(X) + _PROCESS


def tickets_for(need: int, memory: int) -> int:
    """Say how many tickets a fit takes.

    Parameters
    ----------
    need : int
        The memory that it needs.
    memory : int
        The memory of the device.

    Returns
    -------
    int
        All of them for whatever needs more than there is: it computes alone.

    Examples
    --------
    >>> tickets_for(1, 16), tickets_for(9, 16), tickets_for(40, 16), tickets_for(1, 2**40)
    (1, 9, 16, 1)
    """
    return max(1, min(TICKETS, math.ceil(TICKETS * need / memory)))


def _nbytes(X: Any) -> int:
    if hasattr(X, "indptr"):
        return int(X.data.nbytes + X.indices.nbytes + X.indptr.nbytes)
    if hasattr(X, "nnz"):
        return 16 * int(X.nnz)
    nbytes = getattr(X, "nbytes", None)  # an attribute of arrays; no frame has one
    return int(nbytes) if isinstance(nbytes, int) else 8 * math.prod(getattr(X, "shape", ()) or (0,))


#: Whether this thread is in a fit that has tickets: one inside it would wait for them for ever.
_inside: ContextVar[bool] = ContextVar("accelsk_admitted", default=False)


@contextmanager
def _holding(device: Device, count: int) -> Iterator[None]:
    name = drivers.identity(device)
    taken: list[Lock] = []
    token = _inside.set(True)
    try:
        try:
            _take(taken, count, name, device)
        except OSError as error:  # no place for files: there is no telling what others do, and a fit is not to fail
            _log.info("fits on device %s are not bounded by its memory: %s", device, error)
        yield
    finally:
        _inside.reset(token)
        for ticket in taken:
            ticket.free()


def _take(taken: list[Lock], count: int, name: str, device: Device) -> None:
    first = Lock(f"first in line for {name}")
    try:
        if not first.take():
            _say(device)
            first.take(wait=True)
        while True:
            for number in range(TICKETS):
                ticket = Lock(f"memory of {name}, {number}")
                if len(taken) < count and ticket.take():
                    taken.append(ticket)
            if len(taken) == count:
                return
            _say(device)
            time.sleep(_INTERVAL)
    finally:
        first.free()


def _say(device: Device) -> None:
    if device not in _said:
        _said.add(device)
        _log.info("a fit waits for memory of device %s, on which others compute (this is said once)", device)


_said: set[Device] = set()
