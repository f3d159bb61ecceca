"""Rows for the installed version of scikit-learn: which classes compute on tensors grows from version to version."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version

from packaging.version import Version

from accelsk.engines.spec import Row

__all__ = ["SINCE", "at_least", "since"]

#: The first version that keeps to the device. 1.7 fails on PyTorch's tensors in StandardScaler and others; 1.8 leaves
#: arrays on the host in the ridge models, in discriminant analysis and in naive Bayes.
SINCE = "1.9"


@lru_cache(maxsize=8)
def at_least(wanted: str) -> bool:
    """Say whether scikit-learn is of this version or a later one.

    Parameters
    ----------
    wanted : str
        A version.

    Returns
    -------
    bool
        Release candidates and development versions count as the version they lead to.

    Examples
    --------
    >>> at_least("1.6")
    True
    """
    return Version(version("scikit-learn")).release >= Version(wanted).release


def since(wanted: str, *rows: Row) -> tuple[Row, ...]:
    """Return rows where scikit-learn is of this version or a later one.

    Parameters
    ----------
    wanted : str
        The first version of which the classes compute on tensors.
    *rows : Row
        The rows.

    Returns
    -------
    tuple of Row
        All or none.

    Examples
    --------
    >>> since("99")
    ()
    """
    return rows if at_least(wanted) else ()
