"""Notes of what a pickle would make, and of how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["SOMETHING", "Made", "Name", "Pairs"]

#: A value of which nothing is known: a float, a long string, what comes from outside of the file.
SOMETHING = object()

#: Functions that make an object of the class that they are given first.
_MAKERS = {"copyreg._reconstructor", "copyreg.__newobj__", "copyreg.__newobj_ex__"}
_MAKERS |= {f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")}


@dataclass(frozen=True, slots=True)
class Name:
    """What a file would import, under the name of Python 3.

    Parameters
    ----------
    module : str
        The module.
    name : str
        The name in it; with dots, a name in what is found.

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
    """A dict: its items in the order of the file.

    Parameters
    ----------
    items : sequence
        Keys and values in turn.
    """

    __slots__ = ("items",)

    def __init__(self, items: list[Any]) -> None:
        self.items = list(zip(items[::2], items[1::2], strict=False))

    def get(self, key: str) -> Any:
        """Return the value of a key.

        Parameters
        ----------
        key : str
            The key.

        Returns
        -------
        object
            The last one that the file gives; None if there is none.
        """
        return next((value for found, value in reversed(self.items) if isinstance(found, str) and found == key), None)


class Made:
    """An object that a call would make, and what would be done with it then.

    Parameters
    ----------
    maker : object
        What is called: in sound files a `Name`.
    args : object
        The arguments: in sound files a tuple.
    """

    __slots__ = ("args", "items", "maker", "pairs", "states")

    def __init__(self, maker: Any, args: Any) -> None:
        self.maker, self.args = maker, args
        self.states: list[Any] = []
        self.items: list[Any] = []
        self.pairs = Pairs([])

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
