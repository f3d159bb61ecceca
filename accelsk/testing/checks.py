"""Every check of every row of an engine, with pytest and without."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from accelsk.engines import get
from accelsk.engines.spec import Row
from accelsk.testing import data_checks, export_checks, fit_checks, object_checks, table_checks
from accelsk.testing.case import case_of
from accelsk.testing.promise import PROMISES, Promise

__all__ = ["EngineCheck", "engine_checks", "parametrize_with_engine_checks"]

#: Imported for the promises that they register, in this order.
_PAGES = (table_checks, fit_checks, data_checks, object_checks, export_checks)


@dataclass(frozen=True)
class EngineCheck:
    """One promise and the row that it is asked of; call it to examine.

    It returns nothing if the promise is kept, raises `AssertionError` (or what the engine raised) if not, and
    `unittest.SkipTest`, with the reason, where it cannot be examined: the engine is not installed, for instance.

    Parameters
    ----------
    engine : str
        The engine's name.
    row : Row
        The row.
    promise : Promise
        The promise.
    """

    engine: str
    row: Row
    promise: Promise

    @property
    def id(self) -> str:
        """Class and promise: ``Ridge-row_decides_every_parameter``."""
        return f"{self.row.name}-{self.promise.name}"

    @property
    def text(self) -> str:
        """The promise in words."""
        return self.promise.text

    def __call__(self) -> None:
        """Examine."""
        case = case_of(self.engine, self.row.estimator)
        case.need_class()
        if self.promise.needs_engine and self.promise.needs_device:
            case.need_engine()
        elif self.promise.needs_engine:
            case.need_library()
        self.promise.examine(case)

    def __repr__(self) -> str:
        return f"<EngineCheck {self.id} of {self.engine!r}: {self.text}>"


def engine_checks(name: str) -> Iterator[tuple[Row, EngineCheck]]:
    """Yield the checks of an engine, row by row; each is to be called without arguments.

    Parameters
    ----------
    name : str
        The engine's name; its library need not be installed.

    Yields
    ------
    row : Row
        A row of the engine.
    check : EngineCheck
        A check that applies to it.

    Examples
    --------
    >>> from accelsk.testing import engine_checks
    >>> for row, check in engine_checks("sklearn"):  # it has no rows
    ...     check()
    """
    for row in get(name).rows:
        for promise in PROMISES:
            if _applies(promise, name, row):
                yield row, EngineCheck(name, row, promise)


def _applies(promise: Promise, name: str, row: Row) -> bool:
    try:
        case = case_of(name, row.estimator)
        if row.native and promise.needs_engine and "score" not in row.methods:
            return False  # rankers, which need groups: no data here suit them
        return promise.applies(case)
    except Exception:  # noqa: BLE001  a row that cannot even be asked: the table checks say what is wrong with it
        return False


def parametrize_with_engine_checks(
    engine_name: str, expected_failures: Mapping[str, str] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Parametrize a pytest test with the checks of an engine, as argument ``check``.

    Parameters
    ----------
    engine_name : str
        The engine's name.
    expected_failures : mapping of str to str, default=None
        Test id, or a pattern of ids as in `fnmatch`, to the reason why the check fails. Strict: a check that does not
        fail, and a key that fits no check, is an error.

    Returns
    -------
    decorator
        ``pytest.mark.parametrize`` with an id for each check: ``Ridge-row_decides_every_parameter``.

    Raises
    ------
    ValueError
        If an expected failure fits no check, or gives no reason.

    Examples
    --------
    >>> from accelsk.testing import parametrize_with_engine_checks
    >>> @parametrize_with_engine_checks("sklearn")
    ... def test_engine_keeps_the_contract(check):
    ...     check()
    """
    import pytest

    expected = dict(expected_failures or {})
    checks = [check for _, check in engine_checks(engine_name)]
    unknown = [key for key in expected if not any(fnmatch.fnmatchcase(check.id, key) for check in checks)]
    if unknown:
        raise ValueError(
            f"expected_failures names checks that engine {engine_name!r} does not have: {', '.join(unknown)}"
        )
    silent = [key for key, reason in expected.items() if not reason.strip()]
    if silent:
        raise ValueError(f"an expected failure needs a reason: {', '.join(silent)}")
    parameters = []
    for check in checks:
        reasons = [reason for key, reason in expected.items() if fnmatch.fnmatchcase(check.id, key)]
        marks = [pytest.mark.xfail(reason="; ".join(reasons), strict=True)] if reasons else []
        parameters.append(pytest.param(check, id=check.id, marks=marks))
    decorator: Callable[[Callable[..., Any]], Callable[..., Any]] = pytest.mark.parametrize("check", parameters)
    return decorator
