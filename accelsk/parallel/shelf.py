"""Data that go to a cluster once: large arrays and frames, wherever in a task they are, are replaced by a reference."""

from __future__ import annotations

import io
import pickle
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cloudpickle

__all__ = ["Shelf", "Shipped", "opened", "size_of"]

#: Bytes from which on a reference is worth it.
LARGE = 2**14


@dataclass(slots=True)
class Shipped:
    """What has gone to the workers.

    Parameters
    ----------
    tasks : int, default=0
        Batches of tasks.
    task_bytes : int, default=0
        Their size, pickled, without the data that they refer to.
    objects : int, default=0
        Arrays and frames.
    object_bytes : int, default=0
        Their size in memory.
    """

    tasks: int = 0
    task_bytes: int = 0
    objects: int = 0
    object_bytes: int = 0


class Shelf:
    """Where the data of tasks are kept, each object once for as long as somebody has it.

    Parameters
    ----------
    put : callable
        Takes an object, hands it to the cluster, and returns the reference by which a task gets it.
    """

    def __init__(self, put: Callable[[Any], Any]) -> None:
        self._put = put
        self._lock = threading.RLock()
        self._kept: dict[int, tuple[weakref.ref[Any], Any]] = {}
        self.shipped = Shipped()

    def packed(self, task: Any) -> tuple[bytes, list[Any]]:
        """Pickle a task.

        Parameters
        ----------
        task : object
            Anything that cloudpickle takes.

        Returns
        -------
        payload : bytes
            For `opened`.
        references : list
            To the large data in it.
        """
        references: list[Any] = []
        buffer = io.BytesIO()
        _Pickler(buffer, self._reference, references).dump(task)
        payload = buffer.getvalue()
        with self._lock:
            self.shipped.tasks += 1
            self.shipped.task_bytes += len(payload)
        return payload, references

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._kept.clear()

    def _reference(self, value: Any) -> Any:
        with self._lock:  # two tasks that are packed at once must not both hand in X
            of, reference = self._kept.get(id(value), (None, None))
            if of is None or of() is not value:
                number = id(value)
                reference = self._put(value)
                self._kept[number] = weakref.ref(value, lambda _: self._forget(number)), reference
                self.shipped.objects += 1
                self.shipped.object_bytes += size_of(value)
            return reference

    def _forget(self, number: int) -> None:
        # Without the lock: this runs wherever the last reference goes, in a thread that may hold it.
        of, _ = self._kept.get(number, (None, None))
        if of is not None and of() is None:
            self._kept.pop(number, None)


class _Pickler(cloudpickle.Pickler):
    def __init__(self, buffer: io.BytesIO, reference: Callable[[Any], Any], references: list[Any]) -> None:
        super().__init__(buffer)
        self._reference = reference
        self._references = references
        self._numbers: dict[int, int] = {}

    def persistent_id(self, obj: Any) -> int | None:
        """Say under which number a large object is handed on beside the payload."""
        if size_of(obj) < LARGE:
            return None
        if id(obj) not in self._numbers:
            self._numbers[id(obj)] = len(self._references)
            self._references.append(self._reference(obj))
        return self._numbers[id(obj)]


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, values: Sequence[Any]) -> None:
        super().__init__(buffer)
        self._values = values

    def persistent_load(self, pid: int) -> Any:
        """Return the object of a number."""
        return self._values[pid]


def opened(payload: bytes, values: Sequence[Any]) -> Any:
    """Unpickle a task in a worker.

    Parameters
    ----------
    payload : bytes
        Made by `Shelf.packed`.
    values : sequence
        The objects of its references.

    Returns
    -------
    object
        The task.
    """
    return _Unpickler(io.BytesIO(payload), values).load()


def size_of(value: Any) -> int:
    """Return the size of an array, a sparse matrix or a frame.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    int
        Bytes in memory; 0 for what is none of these, or is not to be kept apart from what refers to it.

    Examples
    --------
    >>> import numpy as np
    >>> size_of(np.zeros(1000)), size_of("text")
    (8000, 0)
    """
    cls = type(value)
    if cls.__module__ in ("builtins", "collections"):
        return 0
    if cls.__module__ == "numpy":
        # Scalars have a size, too; subclasses, which may be more than their numbers, are of other modules or names.
        return int(getattr(value, "nbytes", 0)) if cls.__name__ in ("ndarray", "memmap") else 0
    if hasattr(cls, "tocsr"):
        return sum(int(part.nbytes) for part in vars(value).values() if type(part).__module__ == "numpy" and part.ndim)
    if cls.__module__.startswith("polars.") and hasattr(cls, "estimated_size"):
        return int(value.estimated_size())
    if cls.__module__.startswith("pandas.") and hasattr(cls, "memory_usage"):
        usage = value.memory_usage(deep=False)
        return int(getattr(usage, "sum", lambda: usage)())
    return 0
