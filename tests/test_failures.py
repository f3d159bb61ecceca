"""Exceptions of another process arrive as they are."""

import pickle

import pytest

from accelsk.errors import AccelskError, DeviceOutOfMemory
from accelsk.failures import Failure


def arrived(error):
    """An exception after its way through two pickles."""
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001  any may come
        return pickle.loads(pickle.dumps(Failure.of(caught))).error()


def test_our_own_errors_keep_their_parts():
    error = arrived(DeviceOutOfMemory("too large.", hint="less.", engine="mine", device="cuda:1"))

    assert type(error) is DeviceOutOfMemory
    assert (error.engine, error.device, error.hint) == ("mine", "cuda:1", "less.")
    assert "in arrived" in str(error.__cause__)


def test_a_class_of_this_function_goes_along():
    class Mine(KeyError):
        pass

    assert repr(arrived(Mine("x"))) == "Mine('x')"


class Picky(MemoryError):
    """An error that can be pickled, and not read."""

    def __init__(self, one, two):
        super().__init__(f"{one} {two}")


@pytest.mark.parametrize(
    "error, kind",
    [
        (Picky("a", "b"), MemoryError),
        (type("Locked", (UnicodeDecodeError,), {"__reduce__": None})("utf-8", b"", 0, 1, "no"), UnicodeError),
        (type("Odd", (BaseException,), {"__reduce__": None})("a"), AccelskError),
    ],
)
def test_what_cannot_be_pickled_comes_as_the_nearest_builtin_class(error, kind):
    found = arrived(error)

    assert type(found) is kind
    assert type(error).__name__ in str(found)


def test_an_interrupt_of_that_process_is_an_interrupt_here():
    assert isinstance(arrived(KeyboardInterrupt()), KeyboardInterrupt)
