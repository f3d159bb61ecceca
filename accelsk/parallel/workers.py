"""The workers of a joblib backend, as many as there is work for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import joblib
from joblib._parallel_backends import LokyBackend

from accelsk.parallel.context import parallel_config

__all__ = ["workers_for"]


@contextmanager
def workers_for(n_tasks: int, backend: Any = None, n_jobs: int | None = None) -> Iterator[int]:
    """Enter a joblib backend for a number of tasks that is known.

    Parameters
    ----------
    n_tasks : int
        How many tasks there are.
    backend : str or joblib backend, default=None
        None is the one of the surrounding configuration.
    n_jobs : int, default=None
        As joblib reads it. None is what the configuration says; where `backend` is given, all cores.

    Yields
    ------
    int
        The ``n_jobs`` for `joblib.Parallel`: no more than there are tasks, so that each gets its share of the cores.

    Examples
    --------
    >>> with workers_for(2, "threading", 8) as n_jobs:
    ...     n_jobs
    2
    """
    with _surrounding(backend, n_jobs):
        yield min(joblib.effective_n_jobs(None), max(n_tasks, 1))


def _surrounding(backend: Any, n_jobs: int | None) -> Any:
    """The configuration in which the tasks run; the one place that says how a backend is made ready."""
    if backend is not None:
        return parallel_config(backend, n_jobs)
    if n_jobs is None:
        return nullcontext()
    if type(joblib.parallel.get_active_backend()[0]) is LokyBackend:  # joblib's own: nobody has chosen one
        return parallel_config(None, n_jobs)
    return joblib.parallel_config(n_jobs=n_jobs)
