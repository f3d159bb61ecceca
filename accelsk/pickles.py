"""What a pickle says, read without doing it: every object that it would make is a note of how it would be made.

The operations of pickle's machine are carried out on notes (`Name`, `Made`, `Pairs`) and on numbers, strings, lists and
tuples. Nothing is imported or called, and no object is hashed or compared that the file decides: its dicts are lists
of pairs here. What a file declares is believed only as far as there are bytes for it; long strings are passed over.

joblib's files are read too: in them the raw bytes of an array stand behind the pickle of a ``NumpyArrayWrapper``.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import math
import pickle
import pickletools
import re
import struct
import warnings
import zlib
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["Damaged", "Made", "Name", "Pairs", "Pickle", "compression_of", "read_pickle"]

#: Bytes of one string, and of all, that are kept; of bytes that look like a pickle more, for they are read as well.
_KEPT, _KEPT_IN_ALL, _KEPT_PICKLE = 2**20, 2**28, 2**27
#: Operations, and bytes after decompression, that are read: seconds to minutes, and some GiB of memory at the worst.
_OPERATIONS, _INFLATED = 20_000_000, 2**33
_CHUNK = 2**20

_COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x5d\x00": "lzma"}
#: The second byte of zlib says how hard it has tried.
_COMPRESSIONS |= {b"\x78" + level: "zlib" for level in (b"\x01", b"\x5e", b"\x9c", b"\xda")}


class Damaged(Exception):
    """The file cannot be read on; what was found until then is its attribute `found`."""

    found: Pickle


@dataclass(frozen=True, slots=True)
class Name:
    """What a file would import, after the renamings of Python 2.

    Parameters
    ----------
    module : str
        The module.
    name : str
        The name in it; with dots, it is looked up in what is found.

    Examples
    --------
    >>> print(Name("os", "system"))
    os.system
    """

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


class Pairs:
    """A dict: its items in the order of the file."""

    __slots__ = ("items",)

    def __init__(self, items: list[Any]) -> None:
        self.items = list(zip(items[::2], items[1::2], strict=False))

    def get(self, key: str) -> Any:
        """Return the last value of a key that is a string; None if there is none.

        Parameters
        ----------
        key : str
            The key.

        Returns
        -------
        object
            The value.
        """
        return next((value for found, value in reversed(self.items) if type(found) is str and found == key), None)


class Made:
    """An object that would be made by a call, and what would be done with it then."""

    __slots__ = ("args", "items", "maker", "pairs", "states")

    def __init__(self, maker: Any, args: Any) -> None:
        self.maker, self.args = maker, args
        self.states: list[Any] = []
        self.items: list[Any] = []
        self.pairs: Pairs | None = None

    @property
    def cls(self) -> Name | None:
        """The class, or the function that makes the object."""
        maker = self.maker
        if isinstance(maker, Name) and str(maker) in _MAKERS and isinstance(self.args, tuple) and self.args:
            maker = self.args[0]
        return maker if isinstance(maker, Name) else None

    def state(self, key: str) -> Any:
        """Return an attribute that the file gives to the object.

        Parameters
        ----------
        key : str
            Its name.

        Returns
        -------
        object
            The value; None if there is none.
        """
        found = (state.get(key) for state in reversed(self.states) if isinstance(state, Pairs))
        return next((value for value in found if value is not None), None)


#: Functions that make an object of the class that they are given first.
_MAKERS = {"copyreg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__"}
_MAKERS |= {f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")}

#: A value of which nothing needs to be known: a real number, a long string, what comes from outside of the file.
_SOMETHING = object()


@dataclass
class Pickle:
    """What was found in a file."""

    value: Any = None
    protocol: int = 0
    arrays: int = 0
    trailing: bool = False
    names: dict[Name, None] = field(default_factory=dict)
    reopened: list[Made] = field(default_factory=list)
    operations: int = _OPERATIONS
    room: int = _KEPT_IN_ALL


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


def read_pickle(path: Path, *, reopens: str) -> Pickle:
    """Read a file of pickle's or joblib's.

    Parameters
    ----------
    path : Path
        The file, compressed or not.
    reopens : str
        The function whose calls are collected, and which unpickles the bytes in its last argument: these are read too.

    Returns
    -------
    Pickle
        What it holds.

    Raises
    ------
    Damaged
        If it cannot be read to its end.
    """
    found = Pickle()
    try:
        _read(path, found, joblib=True)
    except Damaged as damage:
        damage.found = found
        raise
    finally:
        if found.arrays:
            # To pickle.load the bytes of an array are operations like others. Who hides some there, is found.
            with_pickle = Pickle(names=found.names, reopened=found.reopened)
            try:
                _read(path, with_pickle, joblib=False)
            except Damaged:
                pass  # in a file that joblib wrote that is so at the first array
        _read_reopened(found, reopens)
    return found


def _read(path: Path, found: Pickle, *, joblib: bool) -> None:
    source: _Source | None = None
    try:
        with path.open("rb") as file:
            compression = compression_of(file.read(8))
            file.seek(0)
            size = None if compression else path.stat().st_size
            source = _Source(_OPENERS[compression](file) if compression else file, size)
            found.value = _Reader(source, found, joblib=joblib).read()
            found.trailing = source.has_more()
    except _NO_PICKLE as error:
        where = "" if source is None else f"at byte {source.at:,}: "
        raise Damaged(f"{where}{error if str(error) else type(error).__name__}") from error


def _read_reopened(found: Pickle, reopens: str) -> None:
    """Look for names in the pickles that stand, as bytes, in the calls of a function that unpickles them."""
    done = 0
    while done < len(found.reopened):  # there may be more in what is found
        call = found.reopened[done]
        done += 1
        if str(call.maker) != reopens:
            continue
        for data in _inside(call):
            if not isinstance(data, bytes):
                found.names[Name(reopens, "<bytes that were not looked into>")] = None
                continue
            try:
                _Reader(_Source(io.BytesIO(data), len(data)), found, joblib=False, inner=True).read()
            except _NO_PICKLE:
                # An engine may have a format of its own. All that pickle would do until here has been seen.
                continue


def _inside(call: Made) -> list[Any]:
    if not isinstance(call.args, tuple) or len(call.args) != 4 or not isinstance(call.args[3], Pairs | None):
        return [_SOMETHING]
    held = [] if call.args[3] is None else [value for key, value in call.args[3].items if key_is(key, "engine")]
    return [_as_bytes(value) for value in held]


def key_is(key: Any, text: str) -> bool:
    """Tell whether a key may be equal to a string.

    Parameters
    ----------
    key : object
        The key.
    text : str
        The string.

    Returns
    -------
    bool
        False only if it is certain.
    """
    return key == text if isinstance(key, str) else isinstance(key, Made) or key is _SOMETHING


def _as_bytes(value: Any) -> Any:
    """Protocols before 3 have no bytes: they write how to make them of a string."""
    if isinstance(value, Made) and str(value.maker) == "_codecs.encode" and isinstance(value.args, tuple):
        if len(value.args) == 2 and isinstance(value.args[0], str) and value.args[1] in ("latin1", "latin-1"):
            return value.args[0].encode("latin-1", "replace")
    return value


# -- bytes -----------------------------------------------------------------------------------------------------------


class _Inflating(io.RawIOBase):
    """A zlib stream: the only one for which the standard library has no file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._inflate = file, zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = b""
        while not data and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._file.read(io.DEFAULT_BUFFER_SIZE)
            if not packed:
                raise EOFError("it ends within the compressed data")
            data = self._inflate.decompress(packed, len(buffer))
        buffer[: len(data)] = data
        return len(data)


_OPENERS: Mapping[str, Callable[[BinaryIO], Any]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "zlib": lambda file: io.BufferedReader(_Inflating(file)),
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "lzma": lzma.LZMAFile,
}

#: What the bytes of a file can make the code below raise. RecursionError and TypeError are not among them.
_NO_PICKLE = (ValueError, IndexError, KeyError, EOFError, OverflowError, OSError, MemoryError, struct.error)
_NO_PICKLE += (zlib.error, lzma.LZMAError)


class _Source:
    """Bytes, one after the other."""

    def __init__(self, file: Any, size: int | None) -> None:
        self._file, self._size, self.at = file, size, 0

    def expect(self, count: int) -> None:
        """Refuse what cannot be there."""
        left = (_INFLATED if self._size is None else self._size) - self.at
        if 0 <= count <= left:
            return
        if self._size is None and count > 0:
            raise ValueError(f"{count:,} bytes are declared there, and no more than {_INFLATED:,} are decompressed")
        raise ValueError(f"{count:,} bytes are declared there, and {left:,} are left")

    def read(self, count: int) -> bytes:
        """The next bytes."""
        if count > 1:
            self.expect(count)
        data: bytes = self._file.read(count)
        if len(data) != count:
            raise EOFError("it ends there, within the pickle")
        self.at += count
        return data

    def skip(self, count: int) -> None:
        """Go on behind them."""
        self.expect(count)
        if self._size is not None:
            self._file.seek(count, io.SEEK_CUR)
            self.at += count
            return
        while count:
            count -= len(self.read(min(count, _CHUNK)))

    def line(self) -> bytes | None:
        """The next line, without its end; None for a long one."""
        line = data = self._file.readline(_KEPT)
        self.at += len(data)
        while not data.endswith(b"\n"):
            if not data:
                raise EOFError("it ends there, within the pickle")
            data = self._file.readline(_KEPT)
            self.at += len(data)
            self.expect(0)
            line = None
        return None if line is None else line[:-1]

    def has_more(self) -> bool:
        """Whether bytes are left."""
        return bool(self._file.read(1))


# -- the machine -----------------------------------------------------------------------------------------------------

#: Lengths are integers of so many bytes, before the value.
_BYTES = {"SHORT_BINBYTES": 1, "BINBYTES": 4, "BINBYTES8": 8, "BYTEARRAY8": 8}
_TEXTS = {"SHORT_BINUNICODE": 1, "BINUNICODE": 4, "BINUNICODE8": 8, "SHORT_BINSTRING": 1, "BINSTRING": 4}
_INTEGERS = {"BININT": "<i", "BININT1": "<B", "BININT2": "<H"}
_LONGS = {"LONG1": 1, "LONG4": 4}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "NEXT_BUFFER": _SOMETHING}
_EMPTY: Mapping[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": list}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_GETS = {"GET": 0, "BINGET": 1, "LONG_BINGET": 4}
_PUTS = {"PUT": 0, "BINPUT": 1, "LONG_BINPUT": 4}
_EXTENSIONS = {"EXT1": 1, "EXT2": 2, "EXT4": 4}

_WRAPPERS = re.compile(r"(\w+\.)*joblib\.numpy_pickle\.NumpyArrayWrapper")
_DTYPE = re.compile(r"([a-zA-Z])(\d*)")


class _Reader:
    """Pickle's machine, on notes."""

    def __init__(self, source: _Source, found: Pickle, *, joblib: bool, inner: bool = False) -> None:
        self._source, self._found, self._joblib, self._inner = source, found, joblib, inner
        self._protocol = 0
        self._stack: list[Any] = []
        self._stacks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def read(self) -> Any:
        """Run to the end; return the note of the object."""
        source, found = self._source, self._found
        while (code := source.read(1)) != b".":
            found.operations -= 1
            if found.operations < 0:
                raise ValueError(f"the file has more than {_OPERATIONS:,} operations, of which the rest was not read")
            operation = _OPERATIONS_BY_CODE.get(code)
            if operation is None:
                raise ValueError(f"{code!r} is not an operation of pickle")
            operation(self)
        return self._stack.pop()

    def integer(self, size: int, *, signed: bool = False) -> int:
        """The next bytes as an integer; a line for no bytes."""
        if size:
            return int.from_bytes(self._source.read(size), "little", signed=signed)
        return int(self._source.line() or b"")

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def pop(self) -> Any:
        return self._stack.pop()

    def pop_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._stacks.pop()
        return items

    # -- values ------------------------------------------------------------------------------------------------------

    def chunk(self, size: int) -> bytes | None:
        """Bytes; None where there are too many to keep."""
        found = self._found
        most = min(_KEPT, found.room)
        if size > most:
            self._source.expect(size)
            most = min(_KEPT_PICKLE, found.room)
            head = self._source.read(min(size, 1))
            if head != b"\x80" or size > most:
                self._source.skip(size - len(head))
                return None
            size -= 1
        else:
            head = b""
        found.room -= size
        return head + self._source.read(size)

    def text(self, data: bytes | None, encoding: str) -> None:
        self.push(_SOMETHING if data is None else data.decode(encoding, "surrogatepass" if "8" in encoding else "strict"))

    def bytes_of(self, size: int) -> None:
        data = self.chunk(self.integer(size))
        self.push(_SOMETHING if data is None else data)

    def text_of(self, size: int, encoding: str) -> None:
        self.text(self.chunk(self.integer(size)), encoding)

    def long(self, size: int) -> None:
        data = self.chunk(self.integer(size))
        self.push(_SOMETHING if data is None or len(data) > 16 else int.from_bytes(data, "little", signed=True))

    def line_of_digits(self) -> None:
        line = self._source.line()
        known = line is not None and len(line) < 40
        self.push({b"00": False, b"01": True}.get(line or b"", int((line or b"").rstrip(b"L"))) if known else _SOMETHING)

    def quoted(self) -> None:
        line = self._source.line()
        if line is None:
            self.push(_SOMETHING)
        elif len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
            raise ValueError("a string without quotes")
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # a backslash that escapes nothing
                self.text(codecs.escape_decode(line[1:-1])[0], "latin-1")  # type: ignore[attr-defined]

    def something(self, size: int) -> None:
        if size:
            self._source.read(size)
        else:
            self._source.line()
        self.push(_SOMETHING)

    # -- containers --------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        self._stacks.append(self._stack)
        self._stack = []

    def discard(self) -> None:
        if self._stack:
            self.pop()
        else:
            self.pop_mark()

    def tuple_of(self, size: int) -> None:
        items = tuple(self.pop() for _ in range(size))
        self.push(items[::-1])

    def add(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Made):
            target.items.extend(values)
        elif isinstance(target, list):
            target.extend(values)

    def set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Made):
            target.pairs = target.pairs or Pairs([])
            target = target.pairs
        if isinstance(target, Pairs):
            target.items.extend(Pairs(items).items)
        elif isinstance(target, list):
            target.extend(items[1::2])

    # -- names and calls ---------------------------------------------------------------------------------------------

    def name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise ValueError("the name of what is to be imported is not a string, or is a very long one")
        if self._protocol < 3:
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[module, name]
            else:
                module = IMPORT_MAPPING.get(module, module)
        found = Name(module, name)
        self._found.names[found] = None
        self.push(found)

    def names(self) -> None:
        lines = [self._source.line(), self._source.line()]
        self.name(*(None if line is None else line.decode() for line in lines))

    def call(self, maker: Any, args: Any) -> None:
        made = Made(maker, args)
        if isinstance(maker, Name) and len(maker.name) < 100:
            self._found.reopened.append(made) if maker.name == "reopen" else None
        self.push(made)

    def instance(self) -> None:
        self.names()
        maker = self.pop()
        self.call(maker, tuple(self.pop_mark()))

    def instance_of(self) -> None:
        maker, *args = self.pop_mark()
        self.call(maker, tuple(args))

    def new_object(self, with_keywords: bool) -> None:
        keywords = self.pop() if with_keywords else None
        args, maker = self.pop(), self.pop()
        self.call(maker, args)
        if keywords is not None:
            self._stack[-1].items.append(keywords)

    def build(self) -> None:
        state, target = self.pop(), self._stack[-1]
        if isinstance(target, Made):
            target.states.append(state)
            if self._joblib and target.cls is not None and _WRAPPERS.fullmatch(str(target.cls)):
                self._found.arrays += 1
                self._stack[-1] = self.array(target)

    def array(self, wrapper: Made) -> Any:
        """Go on behind the bytes of an array, as joblib does when it reads them."""
        shape, dtype = wrapper.state("shape"), wrapper.state("dtype")
        if not isinstance(shape, tuple) or not all(type(size) is int for size in shape):
            raise ValueError("an array of joblib's without a shape")
        size = _item_size(dtype)
        if size is None:
            return _Reader(self._source, self._found, joblib=False, inner=True).read()
        if wrapper.state("numpy_array_alignment_bytes") is not None:
            self._source.skip(self.integer(1))
        self._source.skip(math.prod(shape) * size)
        return wrapper


def _item_size(dtype: Any) -> int | None:
    """The bytes of an item in an array; None for objects, which are pickled."""
    code = dtype.args[0] if isinstance(dtype, Made) and isinstance(dtype.args, tuple) and dtype.args else None
    found = _DTYPE.fullmatch(code) if isinstance(code, str) and len(code) < 20 else None
    if found is None or not isinstance(dtype, Made) or str(dtype.maker) != "numpy.dtype":
        raise ValueError("an array of joblib's with an unknown type of items")
    state = next((state for state in dtype.states if isinstance(state, tuple)), ())
    flags = state[7] if len(state) > 7 and type(state[7]) is int else 0
    if found[1] == "O" or flags & 1:
        return None
    return int(found[2] or 0) * (4 if found[1] == "U" else 1)


def _operations() -> dict[bytes, Callable[[_Reader], None]]:
    """What to do for each operation, by its code."""
    of: dict[str, Callable[[_Reader], Any]] = {
        "INT": _Reader.line_of_digits,
        "LONG": _Reader.line_of_digits,
        "FLOAT": lambda reader: reader.something(0),
        "BINFLOAT": lambda reader: reader.something(8),
        "PERSID": lambda reader: reader.something(0),
        "BINPERSID": lambda reader: reader.push([reader.pop()]),
        "STRING": _Reader.quoted,
        "UNICODE": lambda reader: reader.text(reader._source.line(), "raw-unicode-escape"),
        "EMPTY_DICT": lambda reader: reader.push(Pairs([])),
        "MARK": _Reader.mark,
        "POP": _Reader.discard,
        "POP_MARK": _Reader.pop_mark,
        "DUP": lambda reader: reader.push(reader._stack[-1]),
        "LIST": lambda reader: reader.push(reader.pop_mark()),
        "TUPLE": lambda reader: reader.push(tuple(reader.pop_mark())),
        "FROZENSET": lambda reader: reader.push(reader.pop_mark()),
        "DICT": lambda reader: reader.push(Pairs(reader.pop_mark())),
        "APPEND": lambda reader: reader.add([reader.pop()]),
        "APPENDS": lambda reader: reader.add(reader.pop_mark()),
        "ADDITEMS": lambda reader: reader.add(reader.pop_mark()),
        "SETITEM": lambda reader: reader.set_items([reader.pop(), reader.pop()][::-1]),
        "SETITEMS": lambda reader: reader.set_items(reader.pop_mark()),
        "MEMOIZE": lambda reader: reader._memo.update({len(reader._memo): reader._stack[-1]}),
        "GLOBAL": _Reader.names,
        "STACK_GLOBAL": lambda reader: reader.name(*[reader.pop(), reader.pop()][::-1]),
        "REDUCE": lambda reader: reader.call(*[reader.pop(), reader.pop()][::-1]),
        "INST": _Reader.instance,
        "OBJ": _Reader.instance_of,
        "NEWOBJ": lambda reader: reader.new_object(False),
        "NEWOBJ_EX": lambda reader: reader.new_object(True),
        "BUILD": _Reader.build,
        "FRAME": lambda reader: reader._source.expect(reader.integer(8)),
        "PROTO": _set_protocol,
        "READONLY_BUFFER": lambda reader: None,
    }
    for name, value in _CONSTANTS.items():
        of[name] = lambda reader, value=value: reader.push(value)
    for name, make in _EMPTY.items():
        of[name] = lambda reader, make=make: reader.push(make())
    for name, form in _INTEGERS.items():
        size = struct.calcsize(form)
        of[name] = lambda reader, size=size, signed=form == "<i": reader.push(reader.integer(size, signed=signed))
    for name, size in _LONGS.items():
        of[name] = lambda reader, size=size: reader.long(size)
    for name, size in _BYTES.items():
        of[name] = lambda reader, size=size: reader.bytes_of(size)
    for name, size in _TEXTS.items():
        encoding = "utf-8" if "UNICODE" in name else "latin-1"
        of[name] = lambda reader, size=size, encoding=encoding: reader.text_of(size, encoding)
    for name, size in _TUPLES.items():
        of[name] = lambda reader, size=size: reader.tuple_of(size)
    for name, size in _GETS.items():
        of[name] = lambda reader, size=size: reader.push(reader._memo[reader.integer(size)])
    for name, size in _PUTS.items():
        of[name] = lambda reader, size=size: reader._memo.update({reader.integer(size): reader._stack[-1]})
    for name, size in _EXTENSIONS.items():
        of[name] = lambda reader, size=size: reader.name("copyreg", f"<extension {reader.integer(size)}>")
    return {operation.code.encode("latin-1"): of[operation.name] for operation in pickletools.opcodes if operation.name in of}


def _set_protocol(reader: _Reader) -> None:
    reader._protocol = reader.integer(1)
    if reader._protocol > pickle.HIGHEST_PROTOCOL:
        raise ValueError(f"it is of protocol {reader._protocol}, which is later than this Python knows")
    if not reader._inner:
        reader._found.protocol = max(reader._found.protocol, reader._protocol)


_OPERATIONS_BY_CODE = _operations()
