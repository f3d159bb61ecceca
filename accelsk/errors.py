"""Every exception and warning of accelsk.

All of them survive :mod:`pickle`: a worker process must not hide the cause of a failure behind an exception that
cannot be unpickled. They are therefore built from keyword *parts* that are kept as attributes, and the message is
computed from the parts.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = [
    "AccelskError",
    "AccelskWarning",
    "DeviceNotAvailable",
    "DeviceOutOfMemory",
    "DevicePlacementWarning",
    "EngineFallbackWarning",
    "EngineNotAvailable",
    "FitFailed",
    "FrameWarning",
    "NotPortable",
    "UnsupportedInput",
    "UnsupportedMethod",
    "UnsupportedParameter",
    "UntrustedModel",
    "WorkerDied",
]


def _rebuild(kind: type[_FromParts], parts: dict[str, Any]) -> _FromParts:
    return kind(**parts)


class _FromParts(Exception):
    """An exception that is its parts: keyword arguments kept as attributes, and pickled as such."""

    #: Prefix that starts the second line of the message.
    _hint_prefix = "Hint: "

    def __init__(self, message: str = "", *, hint: str = "", **parts: Any) -> None:
        self.parts: dict[str, Any] = parts
        self.hint = hint
        self._message = message
        for name, value in parts.items():
            setattr(self, name, value)
        super().__init__(str(self))

    def _text(self) -> str:
        return self._message

    def __str__(self) -> str:
        hint = f"\n{self._hint_prefix}{self.hint}" if self.hint else ""
        return f"{self._text()}{hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), {"message": self._message, "hint": self.hint, **self.parts})


class AccelskError(_FromParts):
    """Base class of every exception that accelsk raises.

    Parameters
    ----------
    message : str
        What happened, in one sentence.
    hint : str, default=""
        The way out; shown on a line of its own.
    **parts : dict
        The facts behind the message (engine, parameter, value, ...), kept as attributes.

    Examples
    --------
    >>> import pickle
    >>> from accelsk.errors import AccelskError
    >>> error = AccelskError("It did not work.", hint="try again.", engine="mine")
    >>> print(pickle.loads(pickle.dumps(error)))
    It did not work.
    Hint: try again.
    >>> error.engine
    'mine'
    """


class EngineNotAvailable(AccelskError, ImportError):
    """The engine that was asked for is not installed, too old, or does not import.

    Never papered over by a fallback: a sequence of engine names is the way to say "if it is there".
    """


class DeviceNotAvailable(AccelskError):
    """The device that was asked for is not on this machine, or the engine does not reach it."""


class UnsupportedParameter(AccelskError, ValueError):
    """A hyperparameter has a value that the engine does not support."""


class UnsupportedInput(AccelskError, ValueError):
    """The engine cannot take this data (sparse format, dtype, NaN, target, sample weights, shape)."""


class UnsupportedMethod(AccelskError, AttributeError):
    """The engine's fitted model cannot do what this method of the scikit-learn class does."""


class DeviceOutOfMemory(AccelskError, MemoryError):
    """The device ran out of memory; the estimator is left as it was."""


class FitFailed(AccelskError):
    """Some of several models could not be fitted.

    `failures` has a record for each of them, by name, with its error and the traceback; `fitted` has the others, in the
    container in which they were given.
    """


class NotPortable(AccelskError):
    """The fitted model cannot be turned into a plain scikit-learn object without changing it."""


class UntrustedModel(AccelskError):
    """A file holds types of which it is not known that building them is harmless."""


class WorkerDied(AccelskError):
    """A process that computes ended in the middle of a call.

    Of a device of its own: the call is lost, the models are not, and the next call starts another process; `exit_code`
    is negative for a signal. Of `backend` in `parallel_config`: the call is lost, and the next one finds other workers.
    Of a dask cluster that trains: `workers` are the ones that are gone, and `restarted` those that waited for them.
    """


class AccelskWarning(_FromParts, UserWarning):
    """Base class of every warning of accelsk."""


class EngineFallbackWarning(AccelskWarning):
    """A named engine could not do this fit, and another engine did it."""


class DevicePlacementWarning(AccelskWarning):
    """A computation ran, or a model was opened, on another device than the one it was meant for."""


class FrameWarning(AccelskWarning):
    """The frames that a pipeline was asked to work on are not used: they would be slower, or nothing works on them."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest of the known names in any case, or an empty string.

    Parameters
    ----------
    name : str
        What was written.
    known : iterable of str
        What would have been right.

    Returns
    -------
    str
        A sentence with a leading space, or nothing.

    Examples
    --------
    >>> did_you_mean("enigne", ["engine", "device"])
    " Did you mean 'engine'?"
    """
    by_lower = {one.lower(): one for one in known}
    near = difflib.get_close_matches(str(name).lower(), by_lower, n=1)
    return f" Did you mean {by_lower[near[0]]!r}?" if near else ""
