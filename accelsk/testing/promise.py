"""What a check is: a function of a case whose docstring states the promise, and the cases it applies to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from accelsk.testing.case import Case

__all__ = ["PROMISES", "Promise", "promise", "raised"]

Applies = Callable[[Case], bool]
Raised = TypeVar("Raised", bound=Exception)


@dataclass(frozen=True)
class Promise:
    """A promise that every row keeps.

    Parameters
    ----------
    name : str
        Reads on from the class's name: "repeats_itself".
    text : str
        The promise.
    examine : callable
        ``examine(case)``; raises `AssertionError`, or `unittest.SkipTest` with the reason.
    applies : callable
        ``applies(case) -> bool``, from the declaration and scikit-learn's class alone.
    needs_engine : bool
        Whether the library must be there; what only reads tables is examined everywhere.
    needs_device : bool
        Whether it must find a device; what only makes its estimators is examined wherever it is installed.
    """

    name: str
    text: str
    examine: Callable[[Case], None]
    applies: Applies
    needs_engine: bool
    needs_device: bool


#: In the order of their definition.
PROMISES: list[Promise] = []


def promise(
    applies: Applies = lambda case: True, *, needs_engine: bool = True, needs_device: bool = True
) -> Callable[[Callable[[Case], None]], Callable[[Case], None]]:
    """Register a check: a private function, whose name without its underscore and whose docstring are what is told.

    Parameters
    ----------
    applies : callable
        Which cases it applies to; all by default.
    needs_engine : bool, default=True
        Whether the library must be there.
    needs_device : bool, default=True
        Whether it must find a device that it can compute on.

    Returns
    -------
    callable
        A decorator.
    """

    def register(examine: Callable[[Case], None]) -> Callable[[Case], None]:
        text = " ".join((examine.__doc__ or "").split())
        PROMISES.append(Promise(examine.__name__.lstrip("_"), text, examine, applies, needs_engine, needs_device))
        return examine

    return register


def raised(kinds: type[Raised] | tuple[type[Raised], ...], otherwise: str, call: Callable[[], Any]) -> Raised:
    """Return the error of a call that must fail.

    Parameters
    ----------
    kinds : type or tuple of type
        The kinds of error it must be; another one is passed on.
    otherwise : str
        What is wrong if there is none.
    call : callable
        Called without arguments.

    Returns
    -------
    Exception
        The error.
    """
    try:
        call()
    except kinds as error:
        return error
    raise AssertionError(otherwise)
