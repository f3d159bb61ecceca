"""What holds around a call, and must hold where another process computes it: settings of scikit-learn, NumPy, joblib.

Random generators, too: those that the call draws from have moved on when it comes back.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn

from accelsk.threads import limited, share

__all__ = ["Heard", "Surroundings", "drawn_from", "repeat", "states_of", "take_states"]


@dataclass(frozen=True)
class Surroundings:
    """The settings of the caller.

    Parameters
    ----------
    sklearn : mapping
        Its configuration.
    errors : mapping
        What NumPy does about floating-point errors.
    parallel : tuple of (str, int) or None
        The joblib backend and the number of jobs of a `joblib.parallel_config` around the call.
    share : int or None, default=None
        The most threads that may be used.

    Examples
    --------
    >>> with sklearn.config_context(assume_finite=True):
    ...     here = Surroundings.here()
    >>> with here.entered():
    ...     sklearn.get_config()["assume_finite"]
    True
    """

    sklearn: Mapping[str, Any]
    errors: Mapping[str, Any]
    parallel: tuple[str, int] | None
    share: int | None = None

    @classmethod
    def here(cls) -> Surroundings:
        """Return what holds here.

        Returns
        -------
        Surroundings
            Of this thread.
        """
        from joblib.parallel import get_active_backend

        backend, n_jobs = get_active_backend()
        shares = getattr(backend, "supports_sharedmem", False)
        # A cluster's backend is of no use to a process beside this one: the number of jobs is what was meant.
        parallel = None if n_jobs is None else ("threading" if shares else "loky", n_jobs)
        return cls(sklearn.get_config(), dict(np.geterr()), parallel, share())

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Make it hold for a block.

        Yields
        ------
        None
        """
        with ExitStack() as stack:
            stack.enter_context(sklearn.config_context(**self.sklearn))
            stack.enter_context(np.errstate(**self.errors))
            if self.parallel is not None:
                import joblib

                backend, n_jobs = self.parallel
                stack.enter_context(joblib.parallel_config(backend=backend, n_jobs=n_jobs))
            if self.share is not None:
                stack.enter_context(limited(self.share))
            yield


# -- random generators -----------------------------------------------------------------------------------------------


def drawn_from(values: Iterable[Any]) -> list[Any]:
    """Find the generators that a fit may draw from.

    Parameters
    ----------
    values : iterable
        Its hyperparameters.

    Returns
    -------
    list
        NumPy's global generator, and those among the values.
    """
    return [np.random.mtrand._rand, *(each for each in values if isinstance(each, _GENERATORS))]


_GENERATORS = (np.random.RandomState, np.random.Generator)


def states_of(generators: Sequence[Any]) -> list[Any]:
    """Return the states of generators.

    Parameters
    ----------
    generators : sequence
        As from `drawn_from`.

    Returns
    -------
    list
        One for each, for `take_states`.
    """
    return [
        each.get_state(legacy=False) if isinstance(each, np.random.RandomState) else each.bit_generator.state
        for each in generators
    ]


def take_states(generators: Sequence[Any], states: Sequence[Any]) -> None:
    """Set generators to states.

    Parameters
    ----------
    generators : sequence
        As from `drawn_from`.
    states : sequence
        From `states_of`; None for a generator that stays as it is.
    """
    for each, state in zip(generators, states, strict=True):
        if state is None:
            continue
        if isinstance(each, np.random.RandomState):
            each.set_state(state)
        else:
            each.bit_generator.state = state


# -- warnings --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heard:
    """A warning, as it can be given again.

    Parameters
    ----------
    message : Warning
        The warning.
    filename : str
        The file that it points at.
    lineno : int
        The line.
    module : str or None
        The module that this file is.
    """

    message: Warning
    filename: str
    lineno: int
    module: str | None

    @classmethod
    def of(cls, caught: Iterable[warnings.WarningMessage]) -> list[Heard]:
        """Take what `warnings.catch_warnings` recorded.

        Parameters
        ----------
        caught : iterable of WarningMessage
            The record.

        Returns
        -------
        list of Heard
            In the same order.
        """
        caught = list(caught)
        if not caught:
            return []
        wanted = {each.filename for each in caught}
        modules = {
            file: name
            for name, module in list(sys.modules.items())
            if (file := getattr(module, "__dict__", {}).get("__file__")) in wanted
        }
        return [
            cls(
                each.message if isinstance(each.message, Warning) else each.category(each.message),
                each.filename,
                each.lineno,
                modules.get(each.filename),
            )
            for each in caught
        ]


#: Where Python notes which warnings have been shown. It looks into the module that warns, which is not in this process.
_shown: dict[Any, Any] = {}


def repeat(heard: Iterable[Heard]) -> None:
    """Give warnings of another process here, where the filters of this one decide about them.

    Parameters
    ----------
    heard : iterable of Heard
        The warnings.
    """
    for each in heard:
        warnings.warn_explicit(
            each.message, type(each.message), each.filename, each.lineno, module=each.module, registry=_shown
        )
