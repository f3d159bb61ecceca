"""How many threads a computation may use: its share of the cores where several run at once, or fewer that are faster.

A share holds for a thread of Python (a context variable), as the number of OpenMP threads does. The number of BLAS
threads belongs to the process: of several shares that are in force at once the smallest holds, and the number from
before comes back with the end of the last one. Libraries with pools of their own, which neither of the two reaches, are
held by their adapters: by `Adapter.pools` where the number belongs to the process as well, by `threads_for` where each
call is given one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from accelsk.pools import NUMBERS, Pool, loaded, set_number

__all__ = ["Pool", "alone", "economical", "in_force", "limited", "regime", "share", "stepwise", "threads_for"]

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
    return int(_openmp()()) if known is None else known


@lru_cache(maxsize=1)
def _openmp() -> Callable[[], int]:
    """What asks OpenMP: imported once, for a statement that imports again is noticed by a small fit."""
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

    ask: Callable[[], int] = _openmp_effective_n_threads
    return ask


def regime() -> int:
    """Return which of the measured times hold here, see `accelsk.costs.Cost`.

    Returns
    -------
    int
        1 where a computation has a single thread, as in each of several workers; else 0, for as many as there are.

    Examples
    --------
    >>> from accelsk.threads import limited, regime
    >>> with limited(1):
    ...     regime()
    1
    """
    return int((share() or alone()) == 1)


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


def economical(blas: int | None, openmp: int | None = None, pools: Iterable[Pool] = ()) -> AbstractContextManager[Any]:
    """Return the context of one call that is faster on few threads, or of one of which nothing is known.

    A number is only ever lowered: a share, a limit by threadpoolctl and the variables of the environment hold as well.
    Where nothing is to be limited, the call is only counted, see `accelsk.pools`; that costs half a microsecond, and a
    limit some ten.

    Parameters
    ----------
    blas : int or None
        The most threads of BLAS; None for as many as there are. A BLAS that is built on OpenMP, whose number is also
        that of other code, is left as it is.
    openmp : int or None, default=None
        The most threads of OpenMP.
    pools : iterable of Pool, default=()
        Pools of the engine that are held to the same number as BLAS.

    Returns
    -------
    context manager
        For one use.

    Examples
    --------
    >>> from threadpoolctl import threadpool_info
    >>> with economical(blas=1):
    ...     {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    {1}
    """
    return _COUNTED if blas is None and openmp is None else _Economical(blas, openmp, pools)


class _Counted:
    """A call that keeps its threads."""

    __slots__ = ()

    def __enter__(self) -> None:
        NUMBERS.come()

    def __exit__(self, *error: object) -> None:
        NUMBERS.go()


_COUNTED = _Counted()


class _Economical:
    """A class, for a generator costs twice as much, and a small prediction would notice it."""

    __slots__ = ("_blas", "_openmp", "_pools", "_process", "_restore")

    _restore: Sequence[tuple[Pool, int]]
    _process: object

    def __init__(self, blas: int | None, openmp: int | None, pools: Iterable[Pool]) -> None:
        self._blas = blas
        self._openmp = openmp
        self._pools: Sequence[Pool] = () if blas is None else (*loaded().blas, *pools)

    def __enter__(self) -> None:
        self._restore = () if self._openmp is None else _lower(loaded().openmp, self._openmp)
        self._process = NUMBERS.hold(self._pools, self._blas or 0)

    def __exit__(self, *error: object) -> None:
        NUMBERS.release(self._process, self._pools, self._blas or 0)
        for pool, number in self._restore:
            set_number(pool, number)


def _lower(pools: Iterable[Pool], limit: int, *, exactly: bool = False) -> Sequence[tuple[Pool, int]]:
    """Lower the numbers that belong to this thread, or raise them as well; return what to set afterwards."""
    before = [(pool, pool.get_num_threads()) for pool in pools]
    changed = [(pool, number) for pool, number in before if number is not None and (exactly or number > limit)]
    for pool, _ in changed:
        set_number(pool, limit)
    return changed


@contextmanager
def _held_to(limit: int, pools: Iterable[Pool]) -> Iterator[None]:
    everything = loaded()
    held = [*everything.blas, *pools]
    # OpenMP's number belongs to the thread that sets it, so nobody else is in the way.
    before = _lower(everything.openmp, limit, exactly=True)
    process = NUMBERS.hold(held, limit, share=True)
    try:
        yield
    finally:
        NUMBERS.release(process, held, limit, share=True)
        for pool, number in before:
            set_number(pool, number)
