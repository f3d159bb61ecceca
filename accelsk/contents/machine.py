"""Pickle's machine, which makes notes instead of objects.

Its operations are carried out on notes (`Name`, `Made`, `Pairs`) and on numbers, strings, lists and tuples. Nothing is
imported or called, and nothing is hashed or compared that the file decides: dicts are lists of pairs here, sets are
lists. Of long strings and of floats nothing is kept.

joblib's files are read too: in them the raw bytes of an array stand behind the pickle of a ``NumpyArrayWrapper``.
"""

from __future__ import annotations

import codecs
import math
import pickle
import pickletools
import warnings
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from accelsk.contents.arrays import is_array, item_size
from accelsk.contents.notes import SOMETHING, Made, Name, Pairs
from accelsk.contents.stream import Stream

__all__ = ["Found", "carry_out"]

#: Bytes of one string, and of all, that are kept; and of one that may be a pickle itself, which is read as well.
_KEPT, _KEPT_IN_ALL, _KEPT_PICKLE = 2**20, 2**28, 2**27
_LONGEST_NAME = 1000
#: Operations that are read: half a minute, and some GiB of memory at the worst.
_OPERATIONS = 20_000_000


@dataclass
class Found:
    """What is found in a file.

    Parameters
    ----------
    reopens : str
        The function whose calls are collected, and which unpickles the bytes under "engine" in its arguments.
    """

    reopens: str
    value: Any = None
    protocol: int = 0
    arrays: int = 0
    more: bool = False
    names: dict[Name, None] = field(default_factory=dict)
    reopened: list[Made] = field(default_factory=list)
    operations: int = _OPERATIONS
    room: int = _KEPT_IN_ALL


def carry_out(stream: Stream, found: Found, *, joblib: bool | None = None) -> Any:
    r"""Run a pickle, and note what it would make.

    Parameters
    ----------
    stream : Stream
        The pickle. Afterwards it stands behind its end.
    found : Found
        Where names, and what else is found, are added.
    joblib : bool or None
        Whether arrays may stand between the operations; None for a pickle within another one.

    Returns
    -------
    object
        The note of the object.

    Examples
    --------
    >>> import io
    >>> data = b"cos\nsystem\n(S'echo never'\ntR."
    >>> found = Found("")
    >>> made = carry_out(Stream(io.BytesIO(data), len(data)), found)
    >>> print(made.maker, made.args)
    os.system ('echo never',)
    """
    return _Machine(stream, found, joblib=joblib).run()


class _Machine:
    """Pickle's machine, on notes."""

    def __init__(self, stream: Stream, found: Found, *, joblib: bool | None = None) -> None:
        self.stream, self.found, self.joblib = stream, found, joblib
        self.protocol = self.frame_end = 0
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Run to the end; return the note of the object."""
        stream, found = self.stream, self.found
        while (code := stream.read(1)) != pickle.STOP:
            found.operations -= 1
            if found.operations < 0:
                raise ValueError(f"more than {_OPERATIONS:,} operations are not read")
            if code not in _OPERATION:
                raise ValueError(f"{code!r} is not an operation of pickle")
            operation, args = _OPERATION[code]
            operation(self, *args)
        if self.frame_end > stream.at:
            raise ValueError("a frame is declared that goes beyond the end of the pickle")
        return self.stack.pop()

    def integer(self, size: int, signed: bool = False) -> int:
        """The next bytes as an integer; the next line, for a size of 0."""
        if size:
            return int.from_bytes(self.stream.read(size), "little", signed=signed)
        return int(self.stream.line() or b"")

    def chunk(self, size: int) -> bytes | None:
        """The next bytes; None where there are too many to keep."""
        head, room = b"", self.found.room
        self.stream.expect(size)
        if size > min(_KEPT, room):
            head = self.stream.read(1)
            size -= 1
            if head != pickle.PROTO or size > min(_KEPT_PICKLE, room):
                self.stream.skip(size)
                return None
        self.found.room -= size
        return head + self.stream.read(size)

    def line(self) -> bytes | None:
        """The next line; None for one that is too long to keep."""
        line = self.stream.line()
        if line is None or len(line) > self.found.room:
            return None
        self.found.room -= len(line)
        return line

    # -- values ------------------------------------------------------------------------------------------------------

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def push_integer(self, size: int, signed: bool = False) -> None:
        self.push(self.integer(size, signed))

    def push_long(self, size: int) -> None:
        data = self.chunk(self.integer(size))
        self.push(SOMETHING if data is None or len(data) > 16 else int.from_bytes(data, "little", signed=True))

    def push_digits(self) -> None:
        line = self.stream.line()
        if line in (b"00", b"01"):
            self.push(line == b"01")
        else:
            self.push(SOMETHING if line is None or len(line) > 40 else int(line.removesuffix(b"L")))

    def push_bytes(self, size: int) -> None:
        data = self.chunk(self.integer(size))
        self.push(SOMETHING if data is None else data)

    def push_text(self, size: int, encoding: str, errors: str) -> None:
        data = self.chunk(self.integer(size)) if size else self.line()
        self.push(SOMETHING if data is None else data.decode(encoding, errors))

    def push_quoted(self) -> None:
        line = self.line()
        if line is not None and (len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"')):
            raise ValueError("a string has no quotes")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a backslash that escapes nothing
            plain = line and codecs.escape_decode(line[1:-1])[0]
        self.push(SOMETHING if plain is None else plain.decode("latin-1"))

    def push_something(self, size: int) -> None:
        if size:
            self.stream.skip(size)
        else:
            self.stream.line()
        self.push(SOMETHING)

    def push_new(self, make: Callable[[], Any]) -> None:
        self.push(make())

    def push_again(self) -> None:
        self.push(self.stack[-1])

    def push_from_memo(self, size: int) -> None:
        self.push(self.memo[self.integer(size)])

    def memoize(self, size: int | None) -> None:
        self.memo[len(self.memo) if size is None else self.integer(size)] = self.stack[-1]

    def start(self) -> None:
        self.protocol = self.integer(1)
        if self.protocol > pickle.HIGHEST_PROTOCOL:
            raise ValueError(f"protocol {self.protocol} is later than this Python knows")
        if self.joblib is not None:
            self.found.protocol = max(self.found.protocol, self.protocol)

    def frame(self) -> None:
        self.frame_end = max(self.frame_end, self.integer(8) + self.stream.at)

    # -- containers --------------------------------------------------------------------------------------------------

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def drop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_mark()

    def collect(self, kind: Callable[[list[Any]], Any]) -> None:
        self.push(kind(self.pop_mark()))

    def collect_some(self, count: int, kind: Callable[[list[Any]], Any]) -> None:
        items = [self.stack.pop() for _ in range(count)][::-1]
        self.push(kind(items))

    def add(self, count: int | None) -> None:
        items = self.pop_mark() if count is None else [self.stack.pop()]
        target = self.stack[-1]
        if isinstance(target, Made | list):
            (target.items if isinstance(target, Made) else target).extend(items)

    def add_pairs(self, count: int | None) -> None:
        items = self.pop_mark() if count is None else [self.stack.pop(), self.stack.pop()][::-1]
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items[1::2])
        elif isinstance(target, Made | Pairs):
            (target.pairs if isinstance(target, Made) else target).items.extend(Pairs(items).items)

    # -- names and calls ---------------------------------------------------------------------------------------------

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str) or len(module) + len(name) > _LONGEST_NAME:
            raise ValueError("a name to import is not a string, or is a very long one")
        if self.protocol < 3:  # as pickle does
            if (module, name) in NAME_MAPPING:
                module, name = NAME_MAPPING[module, name]
            else:
                module = IMPORT_MAPPING.get(module, module)
        found = Name(module, name)
        self.found.names[found] = None
        self.push(found)

    def name_in_lines(self) -> None:
        module, name = self.line(), self.line()
        self.name(module and module.decode(), name and name.decode())

    def name_on_stack(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.name(module, name)

    def extension(self, size: int) -> None:
        self.name("copyreg", f"<extension {self.integer(size)}>")

    def call(self, maker: Any, args: Any) -> None:
        made = Made(maker, args)
        if not isinstance(maker, Name):
            self.found.names[Name("<an object of the file>", "__call__")] = None
        elif str(maker) == self.found.reopens:
            self.found.reopened.append(made)
        self.push(made)

    def reduce(self) -> None:
        args, maker = self.stack.pop(), self.stack.pop()
        self.call(maker, args)

    def reduce_with_keywords(self) -> None:
        keywords = self.stack.pop()
        self.reduce()
        self.stack[-1].items.append(keywords)

    def instance(self) -> None:
        self.name_in_lines()
        maker = self.stack.pop()
        self.call(maker, tuple(self.pop_mark()))

    def instance_on_stack(self) -> None:
        maker, *args = self.pop_mark()
        self.call(maker, tuple(args))

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Made):
            target.states.append(state)
            if self.joblib and is_array(target.cls):
                self.found.arrays += 1
                self.stack[-1] = self.array(target)

    def array(self, wrapper: Made) -> Any:
        """Go on behind the bytes of an array, as joblib does when it reads them."""
        state, shape = wrapper.states[-1], wrapper.state("shape")
        known = isinstance(state, Pairs) and all(isinstance(key, str) for key, _ in state.items)
        if not known or not isinstance(shape, tuple) or not all(type(length) is int for length in shape):
            raise ValueError("an array has no shape")
        if self.frame_end > self.stream.at:  # joblib would go on with the bytes behind the frame
            raise ValueError("an array stands within a frame")
        size = item_size(wrapper.state("dtype"))
        if size is None:
            return carry_out(self.stream, self.found)
        if wrapper.state("numpy_array_alignment_bytes") is not None:
            self.stream.skip(self.integer(1))
        self.stream.skip(math.prod(shape) * size)
        return wrapper


_UTF8 = ("utf-8", "surrogatepass")
_LATIN = ("latin-1", "strict")

#: What to do, and with which arguments; sizes are those of an integer that comes first, 0 for a line of text.
_BY_NAME: Mapping[str, tuple[Any, ...]] = {
    "INT": (_Machine.push_digits,),
    "BININT": (_Machine.push_integer, 4, True),
    "BININT1": (_Machine.push_integer, 1),
    "BININT2": (_Machine.push_integer, 2),
    "LONG": (_Machine.push_digits,),
    "LONG1": (_Machine.push_long, 1),
    "LONG4": (_Machine.push_long, 4),
    "STRING": (_Machine.push_quoted,),
    "BINSTRING": (_Machine.push_text, 4, *_LATIN),
    "SHORT_BINSTRING": (_Machine.push_text, 1, *_LATIN),
    "BINBYTES": (_Machine.push_bytes, 4),
    "SHORT_BINBYTES": (_Machine.push_bytes, 1),
    "BINBYTES8": (_Machine.push_bytes, 8),
    "BYTEARRAY8": (_Machine.push_bytes, 8),
    "NEXT_BUFFER": (_Machine.push, SOMETHING),
    "READONLY_BUFFER": (lambda machine: None,),
    "NONE": (_Machine.push, None),
    "NEWTRUE": (_Machine.push, True),
    "NEWFALSE": (_Machine.push, False),
    "UNICODE": (_Machine.push_text, 0, "raw-unicode-escape", "strict"),
    "SHORT_BINUNICODE": (_Machine.push_text, 1, *_UTF8),
    "BINUNICODE": (_Machine.push_text, 4, *_UTF8),
    "BINUNICODE8": (_Machine.push_text, 8, *_UTF8),
    "FLOAT": (_Machine.push_something, 0),
    "BINFLOAT": (_Machine.push_something, 8),
    "EMPTY_LIST": (_Machine.push_new, list),
    "APPEND": (_Machine.add, 1),
    "APPENDS": (_Machine.add, None),
    "LIST": (_Machine.collect, list),
    "EMPTY_TUPLE": (_Machine.push, ()),
    "TUPLE": (_Machine.collect, tuple),
    "TUPLE1": (_Machine.collect_some, 1, tuple),
    "TUPLE2": (_Machine.collect_some, 2, tuple),
    "TUPLE3": (_Machine.collect_some, 3, tuple),
    "EMPTY_DICT": (_Machine.push_new, lambda: Pairs([])),
    "DICT": (_Machine.collect, Pairs),
    "SETITEM": (_Machine.add_pairs, 1),
    "SETITEMS": (_Machine.add_pairs, None),
    "EMPTY_SET": (_Machine.push_new, list),
    "ADDITEMS": (_Machine.add, None),
    "FROZENSET": (_Machine.collect, list),
    "POP": (_Machine.drop,),
    "DUP": (_Machine.push_again,),
    "MARK": (_Machine.mark,),
    "POP_MARK": (_Machine.pop_mark,),
    "GET": (_Machine.push_from_memo, 0),
    "BINGET": (_Machine.push_from_memo, 1),
    "LONG_BINGET": (_Machine.push_from_memo, 4),
    "PUT": (_Machine.memoize, 0),
    "BINPUT": (_Machine.memoize, 1),
    "LONG_BINPUT": (_Machine.memoize, 4),
    "MEMOIZE": (_Machine.memoize, None),
    "EXT1": (_Machine.extension, 1),
    "EXT2": (_Machine.extension, 2),
    "EXT4": (_Machine.extension, 4),
    "GLOBAL": (_Machine.name_in_lines,),
    "STACK_GLOBAL": (_Machine.name_on_stack,),
    "REDUCE": (_Machine.reduce,),
    "BUILD": (_Machine.build,),
    "INST": (_Machine.instance,),
    "OBJ": (_Machine.instance_on_stack,),
    "NEWOBJ": (_Machine.reduce,),
    "NEWOBJ_EX": (_Machine.reduce_with_keywords,),
    "PROTO": (_Machine.start,),
    "FRAME": (_Machine.frame,),
    "PERSID": (_Machine.push_something, 0),
    "BINPERSID": (_Machine.collect_some, 1, list),
}

_OPERATION: Mapping[bytes, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    known.code.encode("latin-1"): (_BY_NAME[known.name][0], _BY_NAME[known.name][1:])
    for known in pickletools.opcodes
    if known.name in _BY_NAME
}
