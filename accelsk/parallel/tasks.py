"""What runs in a worker, and with how many threads: its share of the cores, and no more in what it nests."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import joblib
from joblib._parallel_backends import SequentialBackend, ThreadingBackend

from accelsk import threads
from accelsk.frames import is_modin, local

__all__ = ["Nested", "Sharing", "Task", "nested"]

#: Of which the user's own setting is heeded, as joblib does.
_VARIABLE = "OMP_NUM_THREADS"


@dataclass(frozen=True, slots=True)
class Task:
    """A call that keeps to its share of the cores.

    Parameters
    ----------
    function : callable
        What is called.
    share : int
        The most threads that it may use, those of nested parallelism included.
    """

    function: Callable[..., Any]
    share: int

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function with these arguments."""
        with threads.limited(self.share), joblib.parallel_config(backend=nested(self.share), n_jobs=self.share):
            return self.function(*args, **kwargs)


class Sharing:
    """A joblib backend of which the tasks share the cores; to be inherited from before the backend's own class.

    Its share is handed to a task when it is submitted: a worker may be used by others, too, and with other shares.
    """

    #: Threads of each task; None for as many as there are cores for each.
    inner_n_jobs: int | None = None
    _share: int | None = None

    def _cores(self) -> int:
        """The cores that all tasks together may use."""
        return threads.share() or int(joblib.cpu_count())

    def start_call(self) -> None:
        # Forget the share of the last call.
        self._share = None
        self._frames: dict[int, tuple[Any, Any]] = {}
        super().start_call()  # type: ignore[misc]

    def shared(self, batch: Any) -> Any:
        """Give the calls of a batch their share.

        Parameters
        ----------
        batch : BatchedCalls
            As joblib has made it; it is changed.

        Returns
        -------
        BatchedCalls
            The batch.
        """
        if self._share is None:
            self._share = self.inner_n_jobs or self._share_of(self._at_once())
        batch.items = [
            (Task(function, self._share), *self._sendable(args, kwargs)) for function, args, kwargs in batch.items
        ]
        return batch

    def _sendable(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """Frames of modin become frames of pandas: a worker would start a cluster of its own to open them."""
        if getattr(self, "uses_threads", False) or not any(map(is_modin, (*args, *kwargs.values()))):
            return args, kwargs
        return tuple(map(self._local, args)), {name: self._local(value) for name, value in kwargs.items()}

    def _local(self, value: Any) -> Any:
        if not is_modin(value):
            return value
        # One frame for all tasks, so that it is seen to be the same.
        if id(value) not in self._frames:
            self._frames[id(value)] = value, local(value)
        return self._frames[id(value)][1]

    def _share_of(self, workers: int) -> int:
        share = max(1, self._cores() // workers)
        wanted = os.environ.get(_VARIABLE, "")
        return min(share, int(wanted)) if wanted.isdecimal() and int(wanted) else share

    def _at_once(self) -> int:
        """How many tasks will run at the same time: the workers, or fewer where there are fewer tasks.

        Asked at the first task, when joblib has made batches for all workers out of as many tasks as it could get. How
        many tasks there are in all nobody knows: they come from a generator.
        """
        parallel: Any = self.parallel  # type: ignore[attr-defined]
        workers: int = parallel._cached_effective_n_jobs
        first: int = parallel._ready_batches.qsize() + 1
        return max(1, min(workers, first))

    def submit(self, func: Any, callback: Any = None) -> Any:
        # Hand a batch of tasks to a worker; joblib calls it.
        return super().submit(self.shared(func), callback)  # type: ignore[misc]

    def apply_async(self, func: Any, callback: Any = None) -> Any:
        # Do the same for joblib before its version 1.5.
        return super().apply_async(self.shared(func), callback)  # type: ignore[misc]


class Nested(Sharing, ThreadingBackend):
    """Threads for what a task does in parallel, at most as many as its share.

    Parameters
    ----------
    cores : int
        The share.
    """

    def __init__(self, cores: int) -> None:
        super().__init__(nesting_level=1)
        self._of = cores

    def _cores(self) -> int:
        return self._of

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        # Return how many threads there will be, whatever was asked for.
        asked: int = super().effective_n_jobs(n_jobs)
        return min(asked, self._of)

    def __reduce__(self) -> tuple[Any, ...]:
        return Nested, (self._of,)


def nested(share: int) -> Any:
    """Return the backend for what a task does in parallel.

    Parameters
    ----------
    share : int
        The most threads that it may use.

    Returns
    -------
    joblib backend
        Threads; none for a share of 1.
    """
    return SequentialBackend(nesting_level=1) if share == 1 else Nested(share)
