"""How many threads a computation may use where several run at once: its share of the cores.

A share holds for a thread of Python (a context variable), as the number of OpenMP threads does. The number of BLAS
threads belongs to the process: of several shares that are in force at once the smallest holds, and the number from
before comes back with the end of the last one. Libraries with pools of their own, which neither of the two reaches, are
given the share by their adapters (`threads_for`).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["in_force", "limited", "share", "threads_for"]

_share: ContextVar[int | None] = ContextVar("accelsk_share", default=None)


def share() -> int | None:
    """Return the most threads that a computation may use here.

    Returns
    -------
    int or None
        None where nothing was said, and a library decides for itself.

    Examples
    --------
    >>> from accelsk.threads import limited, share
    >>> with limited(2):
    ...     share()
    2
    """
    return _share.get()


def threads_for(n_jobs: int | None) -> int | None:
    """Return the number of threads that a library is to be given.

    Parameters
    ----------
    n_jobs : int or None
        What the estimator asks for, as joblib reads it: None and 0 for what the library likes, -1 for all cores.

    Returns
    -------
    int or None
        `n_jobs` where no share is in force; else what was asked for, at most the share.

    Examples
    --------
    >>> from accelsk.threads import limited, threads_for
    >>> threads_for(-1)
    -1
    >>> with limited(2):
    ...     threads_for(None), threads_for(8), threads_for(1)
    (2, 2, 1)
    """
    limit = share()
    if limit is None:
        return n_jobs
    if not n_jobs:
        return limit
    if n_jobs < 0:
        from joblib import cpu_count

        n_jobs = max(1, int(cpu_count()) + 1 + n_jobs)
    return min(n_jobs, limit)


@contextmanager
def limited(n_threads: int) -> Iterator[None]:
    """Let what runs in the block, in this thread, use at most so many threads.

    Parameters
    ----------
    n_threads : int
        The share; inside a block with a smaller one, that one holds.

    Yields
    ------
    None
    """
    outer = share()
    token = _share.set(n_threads if outer is None else min(n_threads, outer))
    try:
        with in_force():
            yield
    finally:
        _share.reset(token)


def in_force() -> AbstractContextManager[Any]:
    """Return the context that holds OpenMP and BLAS to the share, libraries included that were loaded just now.

    Returns
    -------
    context manager
        Does nothing where there is no share.
    """
    limit = share()
    return nullcontext() if limit is None else _held_to(limit)


@contextmanager
def _held_to(limit: int) -> Iterator[None]:
    controller = _loaded()
    # OpenMP's number belongs to the thread that sets it, so nobody else is in the way.
    with controller.select(user_api="openmp").limit(limits=limit), _blas.held_to(limit, controller):
        yield


def _loaded() -> ThreadpoolController:
    """The thread pools of the libraries that are loaded: looked for again once Python has loaded more modules."""
    modules = len(sys.modules)
    found, of = _looked.get("pools", (None, -1))
    if of != modules:
        found = ThreadpoolController()
        _looked["pools"] = found, modules
    assert found is not None
    return found


_looked: dict[str, tuple[ThreadpoolController | None, int]] = {}


class _BLAS:
    """The BLAS libraries of the process, and who holds them to how many threads."""

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):  # not on Windows
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        """Forget the holders: in a forked child there is none, and nobody would release the lock."""
        self._lock = threading.Lock()
        self._limits: list[int] = []
        self._before: dict[str, tuple[Any, int]] = {}

    @contextmanager
    def held_to(self, limit: int, controller: ThreadpoolController) -> Iterator[None]:
        libraries = controller.select(user_api="blas").lib_controllers
        with self._lock:
            for library in libraries:
                self._before.setdefault(library.filepath, (library, library.get_num_threads()))
            self._limits.append(limit)
            self._set()
        try:
            yield
        finally:
            with self._lock:
                self._limits.remove(limit)
                self._set()

    def _set(self) -> None:
        for library, before in self._before.values():
            # Since its version 3.8 threadpoolctl lets one thread set the number of OpenBLAS and ignores all others: it
            # keeps no account of who still needs a limit. Here is one, so whoever comes last may set it.
            set_number = getattr(library, "_real_set_num_threads", library.set_num_threads)
            set_number(min(self._limits, default=before))
        if not self._limits:
            self._before.clear()


_blas = _BLAS()
