"""Batches of rows: what is asked of one before it is computed at once, and how their sizes are told."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import get_config

__all__ = ["in_words", "is_finite", "length", "returns_arrays", "squares"]


#: OpenBLAS shares out products of more than 10,000 numbers.
_AT_ONCE = 10_000


def squares(X: npt.NDArray[Any]) -> float:
    """Return the sum of the squares of all elements.

    Parameters
    ----------
    X : array
        C-contiguous, of floating-point numbers.

    Returns
    -------
    float
        By the product with itself, for which NumPy does not look whether it was to warn of something. BLAS makes it of
        as many numbers at a time as it does not share out to threads: those would spin while the model computes.

    Examples
    --------
    >>> squares(np.ones((3, 2))), squares(np.full((10_000, 2), 2.0))
    (6.0, 80000.0)
    """
    if X.size <= _AT_ONCE:
        return float(np.vdot(X, X))
    flat = X.reshape(-1)
    parts = (flat[start : start + _AT_ONCE] for start in range(0, flat.size, _AT_ONCE))
    return sum(float(np.vdot(part, part)) for part in parts)


def is_finite(X: npt.NDArray[Any]) -> bool:
    """Say whether all elements are finite, and none is so large that the long way may have a look at it.

    Parameters
    ----------
    X : array
        C-contiguous, of floating-point numbers.

    Returns
    -------
    bool
        By the sum of their squares.

    Examples
    --------
    >>> is_finite(np.ones((1, 2))), is_finite(np.array([[np.nan]])), is_finite(np.r_[np.ones(20_000), np.inf])
    (True, False, False)
    """
    return isfinite(squares(X))


def returns_arrays(own: Mapping[str, Any] | None) -> bool:
    """Say whether ``transform`` returns plain arrays.

    Parameters
    ----------
    own : mapping or None
        The model's ``_sklearn_output_config``.

    Returns
    -------
    bool
        By that, and by scikit-learn's configuration.
    """
    told = None if own is None else own.get("transform")
    return bool((told or get_config()["transform_output"]) == "default")


def length(X: Any) -> int:
    """Return the number of rows of whatever has rows.

    Parameters
    ----------
    X : object
        An array, a frame, a list.

    Returns
    -------
    int
        0 for what is not known to have any.

    Examples
    --------
    >>> length([[1, 2], [3, 4]]), length(np.ones((3, 2))), length("text")
    (2, 3, 0)
    """
    shape = getattr(X, "shape", None)
    if shape is not None:
        return shape[0] if len(shape) == 2 and isinstance(shape[0], int) else 0
    return len(X) if isinstance(X, list | tuple) else 0


def in_words(sizes: list[int]) -> str:
    """Tell numbers of rows.

    Parameters
    ----------
    sizes : list of int
        Their bit lengths, in order.

    Returns
    -------
    str
        Runs of them as one.

    Examples
    --------
    >>> in_words([1]), in_words([1, 2, 3, 11])
    ('1 row', '1 to 7 and 1024 to 2047 rows')
    """
    runs: list[list[int]] = []
    for size in sizes:
        if runs and size == runs[-1][1] + 1:
            runs[-1][1] = size
        else:
            runs.append([size, size])
    ends = [(2 ** (first - 1), 2**last - 1) for first, last in runs]
    told = " and ".join(str(low) if low == high else f"{low} to {high}" for low, high in ends)
    return f"{told} row{'' if told == '1' else 's'}"
