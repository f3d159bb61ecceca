"""The bytes of a file, decompressed where that is needed; no more of them are asked for than there can be."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["UNREADABLE", "Stream", "compression_of", "opened"]

#: Bytes that are decompressed at most, and those of a line that are kept.
_INFLATED, _LINE = 2**33, 2**20
_CHUNK = 2**20

_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x5d\x00": "lzma"}
# The second byte of zlib says how hard it has tried.
_COMPRESSIONS |= {b"\x78" + level: "zlib" for level in (b"\x01", b"\x5e", b"\x9c", b"\xda")}

#: What reading can raise, whatever the bytes are.
UNREADABLE = (OSError, EOFError, ValueError, MemoryError, zlib.error, lzma.LZMAError)


def compression_of(head: bytes) -> str:
    """Return how a file is compressed that starts so.

    Parameters
    ----------
    head : bytes
        Its first bytes.

    Returns
    -------
    str
        "gzip", "zlib", "bz2", "xz", "lzma"; empty for none of them.

    Examples
    --------
    >>> import gzip
    >>> compression_of(gzip.compress(b"")[:8])
    'gzip'
    """
    return next((name for mark, name in _COMPRESSIONS.items() if head.startswith(mark)), "")


class Stream:
    """Bytes, one after the other.

    Parameters
    ----------
    file : binary file
        Where they are.
    size : int or None
        How many there are; None if that is not known, because they are decompressed as they are read.

    Examples
    --------
    >>> import io
    >>> stream = Stream(io.BytesIO(b"some bytes"), 10)
    >>> stream.read(4)
    b'some'
    >>> stream.read(2**60)
    Traceback (most recent call last):
        ...
    ValueError: 1,152,921,504,606,846,976 bytes are declared there, and 6 are left
    """

    def __init__(self, file: Any, size: int | None) -> None:
        self._file, self._size, self.at = file, size, 0

    def expect(self, count: int) -> None:
        """Refuse a length that cannot be.

        Parameters
        ----------
        count : int
            Bytes that are declared to come.
        """
        left = (_INFLATED if self._size is None else self._size) - self.at
        if 0 <= count <= left:
            return
        if self._size is not None or count < 0:
            raise ValueError(f"{count:,} bytes are declared there, and {left:,} are left")
        raise ValueError(f"more than {_INFLATED:,} bytes would have to be decompressed")

    def read(self, count: int) -> bytes:
        """Return the next bytes.

        Parameters
        ----------
        count : int
            How many.

        Returns
        -------
        bytes
            Exactly so many.
        """
        self.expect(count)
        data: bytes = self._file.read(count)
        if len(data) != count:
            raise EOFError("it ends there, in the middle")
        self.at += count
        return data

    def skip(self, count: int) -> None:
        """Pass over the next bytes.

        Parameters
        ----------
        count : int
            How many.
        """
        self.expect(count)
        if self._size is not None:
            self._file.seek(count, io.SEEK_CUR)
            self.at += count
            return
        while count:
            count -= len(self.read(min(count, _CHUNK)))

    def line(self) -> bytes | None:
        """Return the next line.

        Returns
        -------
        bytes or None
            Without its end; None for one of more than a MiB.
        """
        part = self._part_of_line()
        if part.endswith(b"\n"):
            return part[:-1]
        while not part.endswith(b"\n"):
            part = self._part_of_line()
        return None

    def _part_of_line(self) -> bytes:
        self.expect(1)
        part: bytes = self._file.readline(_LINE)
        if not part:
            raise EOFError("it ends there, in the middle")
        self.at += len(part)
        return part

    def has_more(self) -> bool:
        """Whether bytes are left."""
        try:
            return bool(self._file.read(1))
        except UNREADABLE:  # a checksum behind what was read is not our business
            return True


class _Inflating(io.RawIOBase):
    """A zlib stream: the only kind for which the standard library has no file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._inflate = file, zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b""
        while not data and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._file.read(io.DEFAULT_BUFFER_SIZE)
            if not packed:
                raise EOFError("it ends there, in the middle")
            data = self._inflate.decompress(packed, len(buffer))
        buffer[: len(data)] = data
        return len(data)


_OPENERS: Mapping[str, Callable[[BinaryIO], Any]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "zlib": _Inflating,
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "lzma": lzma.LZMAFile,
}


@contextmanager
def opened(path: Path) -> Iterator[Stream]:
    """Open a file, and decompress it if it starts so.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    Stream
        Its bytes.
    """
    with path.open("rb") as file:
        compression = compression_of(file.peek(8)[:8])
        if compression:
            yield Stream(io.BufferedReader(_OPENERS[compression](file), 2**16), None)
        else:
            yield Stream(file, path.stat().st_size)
