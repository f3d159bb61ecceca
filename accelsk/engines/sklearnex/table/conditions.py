"""Conditions that several rows share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from accelsk.engines.rules import Refused, Rule, adjusted
from accelsk.engines.spec import Need, Row
from accelsk.facts import Facts

__all__ = ["EVERYWHERE", "HOST_ONLY", "N_JOBS", "ONE_OUTPUT", "PERF", "SPARSE", "always", "on_gpu", "rows_at_least"]

#: The formats that scikit-learn's own methods take at prediction.
SPARSE = ("csr", "csc", "coo")

#: Processors: the host, and SYCL devices that are one, where oneDAL runs the same code. Rows without code for GPUs, or
#: with other conditions there, which then have a second row: sklearnex would fall back without a word.
HOST_ONLY = ("cpu",)

#: Rows with the same conditions on a GPU.
EVERYWHERE = ("cpu", "gpu")

#: What sklearnex adds to classes that have no ``n_jobs`` in scikit-learn; None is all cores.
N_JOBS: Mapping[str, Any] = {"n_jobs": None}

#: Where the regions of `Worth` were measured: two cores, both libraries with their defaults.
PERF = "perf study 2026-11, sections 1.2 and 1.3"

ONE_OUTPUT = Need("a single target column", lambda facts, params: facts.n_outputs <= 1)


def on_gpu(row: Row, note: str = "", **changes: Any) -> Row:
    """Return the row of a class for GPUs.

    Parameters
    ----------
    row : Row
        That for processors.
    note : str, default=""
        What a user should know of GPUs, besides the note of that row.
    **changes : dict
        The fields that differ, besides `Row.devices` and `Row.worth`, which was measured on processors.

    Returns
    -------
    Row
        The second row.
    """
    text = " ".join(filter(None, (row.note, note)))
    return replace(row, devices=("gpu",), worth=None, note=text, **changes)


def always(value: str, of: tuple[str, ...], why: str) -> Rule:
    """Return the rule of a parameter for which the engine has one value only, with which the result is the same.

    Parameters
    ----------
    value : str
        What is passed.
    of : tuple of str
        The values that scikit-learn's result does not depend on; another one is refused.
    why : str
        For the documentation.

    Returns
    -------
    Rule
        An `adjusted`.
    """

    def change(given: Any) -> str:
        if not isinstance(given, str) or given not in of:
            raise Refused(f"one of {', '.join(map(repr, of))}, which are all computed as {value!r}")
        return value

    return adjusted(change, f"always {value!r}, for {', '.join(map(repr, of))}: {why}")


def size(facts: Facts) -> tuple[int, int]:
    """Return rows and columns of X; zeros where X is not a matrix, which scikit-learn will refuse.

    Parameters
    ----------
    facts : Facts
        What is known of the data.

    Returns
    -------
    tuple of int
        Rows and columns.
    """
    return facts.n_samples or 0, facts.n_features or 0


def rows_at_least(n: int) -> Need:
    """Return the need for a minimum of rows.

    Parameters
    ----------
    n : int
        How many.

    Returns
    -------
    Need
        The condition, in words.
    """
    return Need(f"{n:,} rows or more", lambda facts, params: size(facts)[0] >= n)
