"""How many threads a computation may use where several run at once: its share of the cores.

A share holds for a thread of Python (a context variable), as the number of OpenMP threads does. The number of BLAS
threads belongs to the process: of several shares that are in force at once the smallest holds, and the number from
before comes back with the end of the last one. Libraries with pools of their own, which neither of the two reaches, are
held by their adapters: by `Adapter.pools` where the number belongs to the process as well, by `threads_for` where each
call is given one.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Protocol

from threadpoolctl import ThreadpoolController

__all__ = ["Pool", "alone", "in_force", "limited", "share", "stepwise", "threads_for"]


class Pool(Protocol):
    """A number of threads that belongs to the process, as the controllers of threadpoolctl have it."""

    @property
    def filepath(self) -> str:
        """What tells it from others: the path of its library."""

    def get_num_threads(self) -> int | None:
        """Return the number.

        Returns
        -------
        int or None
            Whatever `set_num_threads` takes.
        """

    def set_num_threads(self, num_threads: int | None) -> Any:
        """Set the number.

        Parameters
        ----------
        num_threads : int or None
            A positive one, or what `get_num_threads` has returned.
        """


_share: ContextVar[int | None] = ContextVar("accelsk_share", default=None)
_alone: ContextVar[int | None] = ContextVar("accelsk_alone", default=None)


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


def alone() -> int:
    """Return the number of OpenMP threads that scikit-learn would use here without a share.

    Returns
    -------
    int
        In a worker, that of the process that has sent the task: joblib sets the worker's own to the share.
    """
    known = _alone.get()
    if known is not None:
        return known
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

    return int(_openmp_effective_n_threads())


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
def limited(n_threads: int, without: int | None = None) -> Iterator[None]:
    """Let what runs in the block, in this thread, use at most so many threads.

    Parameters
    ----------
    n_threads : int
        The share; inside a block with a smaller one, that one holds.
    without : int, default=None
        What `alone` is to return in the block; None for what it returns outside.

    Yields
    ------
    None
    """
    outer = share()
    before = _alone.set(without or alone())
    token = _share.set(n_threads if outer is None else min(n_threads, outer))
    try:
        with in_force():
            yield
    finally:
        _share.reset(token)
        _alone.reset(before)


def in_force(pools: Callable[[], Iterable[Pool]] = tuple) -> AbstractContextManager[Any]:
    """Return the context that holds OpenMP and BLAS to the share, libraries included that were loaded just now.

    Parameters
    ----------
    pools : callable, default=tuple
        Returns what else is to be held, such as `Adapter.pools`. Called only where there is a share.

    Returns
    -------
    context manager
        Does nothing where there is no share.
    """
    limit = share()
    return nullcontext() if limit is None else _held_to(limit, pools())


def stepwise(result: Any, pools: Callable[[], Iterable[Pool]] = tuple) -> Any:
    """Hold the steps of a generator to the share: they are taken after the call that made it.

    Parameters
    ----------
    result : object
        What a call has returned.
    pools : callable, default=tuple
        As for `in_force`.

    Returns
    -------
    object
        The same object, where it is no generator, or where there is no share.
    """
    if share() is None or not inspect.isgenerator(result):
        return result
    return _steps(result, pools)


def _steps(values: Iterator[Any], pools: Callable[[], Iterable[Pool]]) -> Iterator[Any]:
    while True:
        with in_force(pools):
            try:
                value = next(values)
            except StopIteration:
                return
        yield value


@contextmanager
def _held_to(limit: int, pools: Iterable[Pool]) -> Iterator[None]:
    controller = _loaded()
    blas: list[Pool] = controller.select(user_api="blas").lib_controllers
    # OpenMP's number belongs to the thread that sets it, so nobody else is in the way.
    with controller.select(user_api="openmp").limit(limits=limit), _process.held_to(limit, [*blas, *pools]):
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


class _Process:
    """The numbers of threads that belong to the process, and who holds them to how many."""

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):  # not on Windows
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        """Forget the holders: in a forked child there is none, and nobody would release the lock."""
        self._lock = threading.Lock()
        self._limits: list[int] = []
        self._before: dict[str, tuple[Pool, int | None]] = {}

    @contextmanager
    def held_to(self, limit: int, pools: Iterable[Pool]) -> Iterator[None]:
        with self._lock:
            for pool in pools:
                self._before.setdefault(pool.filepath, (pool, pool.get_num_threads()))
            self._limits.append(limit)
            self._set()
        try:
            yield
        finally:
            with self._lock:
                self._limits.remove(limit)
                self._set()

    def _set(self) -> None:
        for pool, before in self._before.values():
            # Since its version 3.8 threadpoolctl lets one thread set the number of OpenBLAS and ignores all others: it
            # keeps no account of who still needs a limit. Here is one, so whoever comes last may set it.
            set_number = getattr(pool, "_real_set_num_threads", pool.set_num_threads)
            set_number(min(self._limits) if self._limits else before)
        if not self._limits:
            self._before.clear()


_process = _Process()
