"""Files of pickle and joblib, read without doing what they say."""

from __future__ import annotations

import importlib.util
import io
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from accelsk.contents.machine import Found, carry_out
from accelsk.contents.notes import SOMETHING, Made, Name, Pairs
from accelsk.contents.stream import UNREADABLE, Stream, opened

__all__ = ["Damaged", "read_pickle"]

#: What a machine that is fed with any bytes can raise.
_UNREADABLE = (*UNREADABLE, LookupError, OverflowError)


class Damaged(Exception):
    """A file that cannot be read to its end.

    Parameters
    ----------
    text : str
        Where and why.
    found : Found
        What was found until there.
    at : int
        The position.
    """

    def __init__(self, text: str, found: Found, at: int) -> None:
        super().__init__(text)
        self.found, self.at = found, at


def read_pickle(path: Path, *, reopens: str) -> Found:
    """Read a file of pickle's or joblib's.

    Parameters
    ----------
    path : Path
        The file, compressed or not.
    reopens : str
        The function whose calls are collected, and which unpickles the bytes under "engine" in its arguments: these
        are read as well.

    Returns
    -------
    Found
        What it holds.

    Raises
    ------
    Damaged
        If it cannot be read to its end.
    """
    found = Found(reopens)
    try:
        _read(path, found, joblib=True)
    finally:
        if found.arrays:
            _read_on_without_joblib(path, found)
        _read_reopened(found)
    return found


def _read(path: Path, found: Found, *, joblib: bool) -> None:
    at = 0
    try:
        with opened(path) as stream:
            try:
                found.value = carry_out(stream, found, joblib=joblib)
                found.more = stream.has_more()
            finally:
                at = stream.at
    except _UNREADABLE as error:
        plain = "it asks for what is not there" if isinstance(error, LookupError) else str(error)
        raise Damaged(plain or "there is not enough memory for it", found, at) from error


def _read_on_without_joblib(path: Path, found: Found) -> None:
    """Look for names where joblib sees the bytes of an array, and pickle.load operations like any other."""
    other = Found(found.reopens, reopened=found.reopened)
    with suppress(Damaged):  # if joblib has written the file, it is no pickle from the first array on
        _read(path, other, joblib=False)
    for name in other.names:
        # Arrays of objects are pickles of their own: what they call by number is another thing here, and soon there
        # is a name that does not exist, where pickle.load would stop.
        top = name.module.partition(".")[0]
        if not top.isidentifier() or (top not in sys.modules and importlib.util.find_spec(top) is None):
            break
        found.names[name] = None


def _read_reopened(found: Found) -> None:
    """Look for names in the pickles that stand, as bytes, in the arguments of the function that unpickles them."""
    for call in found.reopened:  # it may grow meanwhile
        for data in _pickles_in(call):
            try:
                if not isinstance(data, bytes):
                    raise ValueError
                carry_out(Stream(io.BytesIO(data), len(data)), found)
            except _UNREADABLE:
                found.names[Name(found.reopens, "<bytes that cannot be read>")] = None


def _pickles_in(call: Made) -> list[Any]:
    args = call.args[3:] if isinstance(call.args, tuple) else (SOMETHING,)
    held: list[Any] = []
    for arg in args:
        if isinstance(arg, Pairs):
            held += [_as_bytes(value) for key, value in arg.items if _may_be(key, "engine")]
        elif arg is not None:
            held.append(arg)
    return held


def _may_be(key: Any, text: str) -> bool:
    return key == text if isinstance(key, str) else isinstance(key, Made | Name) or key is SOMETHING


def _as_bytes(value: Any) -> Any:
    """Protocols before 3 have no bytes: they say how to make them of a string."""
    if isinstance(value, Made) and str(value.maker) == "_codecs.encode" and isinstance(value.args, tuple):
        text, encoding = (*value.args, None, None)[:2]
        if isinstance(text, str) and isinstance(encoding, str) and encoding in ("latin1", "latin-1"):
            return text.encode("latin-1", "replace")
    return value
