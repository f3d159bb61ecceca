"""The fits of several models: what each has come to, as it comes back."""

from __future__ import annotations

import os
import time
import uuid
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from joblib.parallel import get_active_backend
from sklearn.utils.parallel import Parallel, delayed

from accelsk.failures import Failure
from accelsk.parts import fitted_parts
from accelsk.surroundings import Heard

__all__ = ["Outcome", "fits", "in_a_line"]


@dataclass(frozen=True)
class Outcome:
    """What a fit has come to, in a form that goes to another process in any case.

    Parameters
    ----------
    number : int
        Which model it is.
    model : estimator or None
        The fitted model.
    failure : Failure or None
        Why there is none.
    seconds : float, default=None
        How long the fit took; None where that is not known.
    heard : sequence of Heard, default=()
        The warnings of another process.
    """

    number: int
    model: Any
    failure: Failure | None
    seconds: float | None = None
    heard: Sequence[Heard] = ()

    def text(self) -> str:
        """Say what fitted the model and where, or what went wrong.

        Returns
        -------
        str
            One line; "plain" for a model without a wrapped estimator.
        """
        if self.failure is not None:
            return f"failed: {in_a_line(self.failure.error())}"
        ran: dict[str, dict[str, None]] = {}
        for _, part in fitted_parts(self.model):
            ran.setdefault(part.device_, {})[part.engine_] = None
        return ", ".join(f"{'+'.join(engines)} on {device}" for device, engines in ran.items()) or "plain"


def in_a_line(error: BaseException) -> str:
    """Return the class of an error and the first line of what it says.

    Parameters
    ----------
    error : BaseException
        The error.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> in_a_line(ValueError("No."))
    'ValueError: No.'
    """
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def fits(
    models: Sequence[Any], X: Any, y: Any, params: Mapping[str, Any], n_workers: int
) -> closing[Generator[Outcome]]:
    """Fit models with the joblib backend of the surrounding configuration.

    Parameters
    ----------
    models : sequence of estimators
        They are fitted themselves where the backend does not copy them.
    X, y : object
        The data; y may be None.
    params : mapping
        Further arguments of each ``fit``.
    n_workers : int
        How many fits run at once.

    Returns
    -------
    context manager
        An iterator of `Outcome`, one for each model, as they end. Leaving the block abandons the others.
    """
    # The arrays by themselves, rather than in a dict: so the backends see that the tasks have them in common.
    common = (X, y, tuple(params), *params.values())
    return closing(_outcomes(models, common, n_workers))


def _outcomes(models: Sequence[Any], common: tuple[Any, ...], n_workers: int) -> Generator[Outcome]:
    waiting = dict(enumerate(models))
    try:
        for outcome in _run(list(waiting.items()), common, n_workers):
            del waiting[outcome.number]
            yield outcome
        return
    except Exception as error:  # noqa: BLE001  not of a fit: a worker has died, a model cannot be sent or fetched
        if len(waiting) == 1:
            (number,) = waiting
            yield Outcome(number, None, Failure.of(error))
            return
    # It is not known whose fault it was, and the others are not to be lost: each of them by itself.
    for number, model in waiting.items():
        try:
            yield from _run([(number, model)], common, n_workers)
        except Exception as error:  # noqa: BLE001
            yield Outcome(number, None, Failure.of(error))


def _run(models: Sequence[tuple[int, Any]], common: tuple[Any, ...], n_workers: int) -> Generator[Outcome]:
    streams = get_active_backend()[0].supports_return_generator  # multiprocessing and its children do not
    parallel = Parallel(n_jobs=n_workers, batch_size=1, return_as="generator_unordered" if streams else "list")
    here = _process()
    results = parallel(delayed(_fit_one)(here, number, model, *common) for number, model in models)
    try:
        yield from results
    except GeneratorExit:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the fits under way are not waited for
            if streams:
                results.close()
        raise


#: Of this process, and of those that are forked from it.
_ORIGIN = uuid.uuid4().hex


def _process() -> tuple[str, int]:
    return _ORIGIN, os.getpid()


def _fit_one(
    caller: tuple[str, int], number: int, model: Any, X: Any, y: Any, names: Sequence[str], *values: Any
) -> Outcome:
    """Fit one model, here or in a worker.

    Warnings of another process are recorded; in this one they reach the user by themselves, and recording is not
    possible in several threads at once.
    """
    params = dict(zip(names, values, strict=True))
    if caller == _process():
        return _timed(number, model, X, y, params)
    with warnings.catch_warnings(record=True) as caught:
        outcome = _timed(number, model, X, y, params)
    return replace(outcome, heard=Heard.of(caught))


def _timed(number: int, model: Any, X: Any, y: Any, params: Mapping[str, Any]) -> Outcome:
    start = time.perf_counter()
    failure = None
    try:
        model.fit(X, **params) if y is None else model.fit(X, y, **params)
    except Exception as error:  # noqa: BLE001  one failure does not lose the others
        failure = Failure.of(error)
    return Outcome(number, model if failure is None else None, failure, time.perf_counter() - start)
