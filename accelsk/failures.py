"""Exceptions of another process: they arrive as they are, whatever their class, with their traceback as the cause."""

from __future__ import annotations

import builtins
import pickle
import traceback
from dataclasses import dataclass

from accelsk.errors import AccelskError

__all__ = ["Failure"]


@dataclass(frozen=True)
class Failure:
    """An exception in a form that goes to another process in any case.

    Parameters
    ----------
    pickled : bytes
        The exception; empty if it cannot be pickled, or be read again.
    text : str
        Its traceback.
    kinds : tuple of str
        The built-in classes that it is of, the nearest first.
    said : str
        Its class and message.

    Examples
    --------
    >>> Failure.of(ValueError("no")).error()
    ValueError('no')
    """

    pickled: bytes
    text: str
    kinds: tuple[str, ...]
    said: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Take an exception down.

        Parameters
        ----------
        error : BaseException
            As it was caught.

        Returns
        -------
        Failure
            Can be pickled.
        """
        import cloudpickle

        text = "".join(traceback.format_exception(error))
        kinds = tuple(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")
        said = f"{type(error).__module__}.{type(error).__qualname__}: {error}"
        try:
            pickled = cloudpickle.dumps(error)
            pickle.loads(pickled)  # noqa: S301  many can be pickled that cannot be read
        except Exception:  # noqa: BLE001  whatever their methods raise
            pickled = b""
        return cls(pickled, text, kinds, said)

    def error(self) -> BaseException:
        """Make the exception again.

        Returns
        -------
        BaseException
            The same; or, where that cannot be had, one of the nearest built-in class, which callers catch it by.
        """
        made = self._as_it_was() or self._alike()
        made.__cause__ = _There(self.text)
        return made

    def _as_it_was(self) -> BaseException | None:
        try:
            made = pickle.loads(self.pickled)  # noqa: S301  from a process of our own
        except Exception:  # noqa: BLE001  nothing was pickled, or the class cannot be imported here
            return None
        return made if isinstance(made, BaseException) else None

    def _alike(self) -> BaseException:
        for kind in self.kinds:
            try:
                made = getattr(builtins, kind)(self.said)
            except TypeError:  # UnicodeError and its like are more than a message
                continue
            if isinstance(made, Exception):
                return made
        return AccelskError(self.said)


class _There(Exception):
    """A traceback of another process."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'
