"""Conditions that several rows share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.spec import Need
from accelsk.facts import Facts

__all__ = ["HOST_ONLY", "N_JOBS", "ONE_OUTPUT", "PERF", "SPARSE", "rows_at_least"]

#: The formats that scikit-learn's own methods take at prediction.
SPARSE = ("csr", "csc", "coo")

#: Rows without GPU code, or whose conditions on a GPU are narrower than on the CPU. sklearnex would fall back silently.
HOST_ONLY = ("cpu",)

#: What sklearnex adds to classes that have no ``n_jobs`` in scikit-learn; None is all cores.
N_JOBS: Mapping[str, Any] = {"n_jobs": None}

#: Where the regions of `Worth` were measured: two cores, both libraries with their defaults.
PERF = "perf study 2026-11, sections 1.2 and 1.3"

ONE_OUTPUT = Need("a single target column", lambda facts, params: facts.n_outputs <= 1)


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
