"""Objects on their way between two processes of this machine: large arrays go by shared memory, the rest by a pipe.

Arrays are taken out of the pickle by its protocol 5, wherever they are inside: in sparse matrices and data frames, too.
They are written once, to memory that has no name in any folder, so that nothing is left behind whoever is killed when;
the other process maps it. What it gets is an ordinary array over pages that are its own as soon as it writes to them.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["LARGE", "Parcel", "pack", "received"]

#: From how many bytes on an array goes by shared memory. Below, the pipe is as fast.
LARGE = 1 << 17

#: Where arrays begin in the shared memory: at multiples of this, as processors like it.
_STEP = 64


@dataclass
class Parcel:
    """A pickled object, with its large arrays beside it.

    Parameters
    ----------
    data : bytes
        The pickle.
    arrays : list of memoryview, default=[]
        What was taken out of it.

    Examples
    --------
    >>> import numpy as np
    >>> parcel = pack({"small": np.ones(3), "large": np.ones(100_000)})
    >>> len(parcel.data) < 1000, [array.nbytes for array in parcel.arrays]
    (True, [800000])
    """

    data: bytes
    arrays: list[Any] = field(default_factory=list)

    def __reduce__(self) -> tuple[Any, ...]:
        # In another parcel: its arrays become arrays of that one.
        return Parcel, (self.data, [pickle.PickleBuffer(array) for array in self.arrays])

    def load(self) -> Any:
        """Make the object again.

        Returns
        -------
        object
            With arrays over the same memory.

        Raises
        ------
        Exception
            Whatever unpickling raises.
        """
        return pickle.loads(self.data, buffers=self.arrays)  # noqa: S301  from a process of our own

    @contextmanager
    def sent(self, connection: Connection) -> Iterator[bool]:
        """Send; the arrays are there for the other side until the block ends.

        Parameters
        ----------
        connection : Connection
            A connection to a process of this machine.

        Yields
        ------
        bool
            Whether there is shared memory, so that the block must not end before the other side has opened it.
        """
        if not self.arrays:
            connection.send_bytes(pickle.dumps((self.data, "", ())))
            yield False
            return
        places = _places(self.arrays)
        with _stored(self.arrays, places) as path:
            layout = tuple(
                (start, array.nbytes, array.readonly) for start, array in zip(places, self.arrays, strict=True)
            )
            connection.send_bytes(pickle.dumps((self.data, path, layout)))
            yield True


def pack(obj: Any) -> Parcel:
    """Pickle an object for another process.

    Parameters
    ----------
    obj : object
        Anything that cloudpickle takes.

    Returns
    -------
    Parcel
        It refers to the arrays of the object, and copies none.

    Raises
    ------
    Exception
        Whatever pickling it raises.
    """
    arrays: list[memoryview] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < LARGE:
            return True  # in the pickle
        arrays.append(raw)
        return False

    file = io.BytesIO()
    _pickler()(file, protocol=5, buffer_callback=keep).dump(obj)
    return Parcel(file.getvalue(), arrays)


def received(message: bytes) -> tuple[Parcel, bool]:
    """Open what `Parcel.sent` sent.

    Parameters
    ----------
    message : bytes
        As it was received.

    Returns
    -------
    parcel : Parcel
        Not yet made an object again, which may raise anything.
    shared : bool
        Whether it came with shared memory: that is open now, and the sender waits for a word.
    """
    data, path, layout = pickle.loads(message)  # noqa: S301  from a process of our own
    if not path:
        return Parcel(data), False
    with Path(path).open("rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    arrays = [view[start : start + length] for start, length, _ in layout]
    fixed = [readonly for *_, readonly in layout]
    return Parcel(data, [each.toreadonly() if no else each for each, no in zip(arrays, fixed, strict=True)]), True


@lru_cache(maxsize=1)
def _pickler() -> Any:
    from cloudpickle import CloudPickler  # as joblib's workers: functions of a script or notebook go along

    class Pickler(CloudPickler):
        """A pickler that gets every large array out of band."""

        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, np.ndarray) and obj.nbytes >= LARGE and not obj.dtype.hasobject:
                if type(obj) is np.memmap:  # only exact arrays go out of band; there it is one like any other
                    obj = obj.view(np.ndarray)
                if type(obj) is np.ndarray and not (obj.flags.c_contiguous or obj.flags.f_contiguous):
                    obj = np.ascontiguousarray(obj)
                if type(obj) is np.ndarray:
                    return obj.__reduce_ex__(5)
            return super().reducer_override(obj)

    return Pickler


def _places(arrays: Sequence[memoryview]) -> list[int]:
    places, end = [], 0
    for array in arrays:
        places.append(end)
        end += -(-array.nbytes // _STEP) * _STEP
    return places


@contextmanager
def _stored(arrays: Sequence[memoryview], places: Sequence[int]) -> Iterator[str]:
    """Write arrays to shared memory, and give the path by which another process opens it."""
    descriptor, path, named = _memory()
    try:
        with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123  it has no path of its own
            for start, array in zip(places, arrays, strict=True):
                file.seek(start)
                rest = array.cast("B")
                while rest.nbytes:  # one call writes 2 GiB at most; where memory is short it raises, and nothing dies
                    rest = rest[file.write(rest) :]
            yield path
    finally:
        if named:
            Path(path).unlink(missing_ok=True)


def _memory() -> tuple[int, str, bool]:
    """Open a file in memory without a name, where the system has such; else one in the folder for temporary files."""
    if hasattr(os, "memfd_create"):
        try:
            descriptor = os.memfd_create("accelsk", os.MFD_CLOEXEC)
        except OSError:
            pass
        else:
            path = f"/proc/{os.getpid()}/fd/{descriptor}"
            if Path(path).exists():
                return descriptor, path, False
            os.close(descriptor)
    descriptor, path = tempfile.mkstemp(prefix="accelsk-")
    return descriptor, path, True
