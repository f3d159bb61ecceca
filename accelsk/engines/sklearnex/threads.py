"""How many threads a call into oneDAL uses, whatever thread it is made from.

sklearnex sets the thread count of oneTBB, a global of the process, around each call, but only on the main thread: on
any other one (joblib's "threading", web servers, Ray actors) it ignores ``n_jobs``, warns, and takes every core. It
does so because two threads that set and restore a global get in each other's way. Here all calls go through one lock
instead, and the count is set under it by the library's own rules. The lock costs nothing: oneDAL holds the global
interpreter lock while it computes, so two calls never ran at the same time anyway. It also keeps apart what changes
while it computes: the models of nearest neighbours in ``predict``, the module that solves logistic regressions.

A share of the cores (`accelsk.threads`) holds whatever ``n_jobs`` says, which to the library comes before every limit
of its surroundings, and on the main thread as well. For the time of the call the estimator is told a smaller number:
the library, and scikit-learn's code that it inherits, read it there.

The warning is dropped at its source, for calls from here only: a filter of the `warnings` module would be global, and
unsafe in threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import Any

import numpy as np

from accelsk.threads import share, threads_for

__all__ = ["in_turn", "one_call"]


class _Turn(threading.local):
    """Whether the current thread is inside a call."""

    inside = False


class _Lock:
    """The one lock, and how it survives a fork."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        """Make a new one: a forked child has no other thread that would release the one it inherits."""
        self.held = threading.RLock()


_turn = _Turn()
_lock = _Lock()


def one_call(backend: Any) -> AbstractContextManager[Any]:
    """Return the context of a call: the lock, with oneTBB set to the threads that ``backend.n_jobs`` asks for.

    Parameters
    ----------
    backend : object
        The engine's estimator that is about to compute.

    Returns
    -------
    context manager
        Entered once it is this thread's turn.
    """
    on_main = threading.current_thread() is threading.main_thread()
    if _turn.inside or (on_main and share() is None):
        return _lock.held  # sklearnex sets and restores the count by itself
    return in_turn(backend)


@contextmanager
def in_turn(backend: Any) -> Iterator[None]:
    """Return the same context for what is called below the library's own estimator, where nobody sets the count.

    Parameters
    ----------
    backend : object
        The engine's estimator, which is asked for its ``n_jobs``.

    Yields
    ------
    None
        Once it is this thread's turn.
    """
    with _lock.held, _told(backend) as n_jobs:
        _turn.inside = True
        try:
            with _threads(n_jobs):
                yield
        finally:
            _turn.inside = False


@contextmanager
def _told(backend: Any) -> Iterator[Any]:
    """Let an estimator ask for no more than the share, and afterwards for what it has asked for before."""
    n_jobs = getattr(backend, "n_jobs", None)
    if share() is None or not isinstance(n_jobs, int | np.integer | None):  # it is the library that refuses it
        yield n_jobs
        return
    held = threads_for(None if n_jobs is None else int(n_jobs))
    if not hasattr(backend, "n_jobs"):
        yield held
        return
    backend.n_jobs = held
    try:
        yield held
    finally:
        backend.n_jobs = n_jobs
        inside = vars(backend).get("_onedal_estimator")
        if hasattr(inside, "n_jobs"):  # a copy of the number, that nobody reads again
            inside.n_jobs = n_jobs


@contextmanager
def _threads(n_jobs: int | None) -> Iterator[None]:
    """Set the threads of oneTBB as the library does on the main thread."""
    import daal4py
    from daal4py.sklearn import _n_jobs_support as support

    _drop_warning()
    cores = _cores()
    limit = support.get_suggested_n_threads(cores)  # of joblib or threadpoolctl around this call
    if not n_jobs:
        n_jobs = limit
    elif n_jobs < 0:
        n_jobs = max(1, (limit or cores) + n_jobs + 1)
    before = daal4py.num_threads()
    if n_jobs is None or n_jobs == before:
        yield
        return
    daal4py.daalinit(n_jobs)
    try:
        yield
    finally:
        daal4py.daalinit(before)


@lru_cache(maxsize=1)
def _cores() -> int:
    """Asked once: to find out takes as long as a small prediction."""
    from joblib import cpu_count

    return int(cpu_count())


@lru_cache(maxsize=1)
def _drop_warning() -> None:
    """Let the module that would warn of an ignored ``n_jobs`` say nothing where it is not ignored."""
    from daal4py.sklearn import _n_jobs_support as support

    warn: Callable[..., None] = support.warn

    def warn_unless_set(message: Any, *args: Any, **kwargs: Any) -> None:
        if not _turn.inside:
            warn(message, *args, **kwargs)

    support.warn = warn_unless_set
