"""The ways in which the trees of an ensemble are walked down and added up: by NumPy, and by ONNX Runtime.

Both compare in the precision of the model, and so find the same leaves; NumPy adds up in the order of the model, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsk.evaluators import onnx
from accelsk.evaluators.grove import Branches, Grove, added, cost

__all__ = ["Trees", "Walk", "by_onnx", "clear", "walks"]

Array = npt.NDArray[Any]

#: Up to how many trees times rows NumPy walks down together: what is held for a level stays in the cache.
_MANY = 2**14

#: From how many nodes on ONNX Runtime is left out: it keeps 120 bytes of each, and writing them down takes 450.
_LARGE = 2**22


@dataclass(frozen=True, kw_only=True)
class Trees:
    """An ensemble of trees whose leaves are added up.

    Parameters
    ----------
    branches : callable
        Returns the nodes, whose `values` are single numbers.
    n_trees, n_nodes, n_columns : int
        How many: trees, nodes in all of them, columns of X.
    start : callable
        Returns an array of shape (n_outputs,): what is there before the first tree. With several outputs the trees take
        turns.
    dtype : dtype
        The precision in which the model compares.
    adds : dtype, default=float64
        The precision in which it adds up.
    """

    branches: Callable[[], Branches]
    n_trees: int
    n_nodes: int
    n_columns: int
    start: Callable[[], Array]
    dtype: Any
    adds: Any = np.float64


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A way to compute the sums.

    Parameters
    ----------
    name : str
        Who computes.
    make : callable
        Returns a function of a C-contiguous X of the dtype of the trees, which returns an array of shape (n_rows,
        n_outputs), of the dtype in which the model adds up; None for more rows than pay.
    seconds : callable
        By the number of rows.
    build : float
        Seconds.
    difference : float, default=0.0
        As of an `Offer`.
    dtype, adds : dtype, default=float64
        Of X, and of the sums.
    link : {"identity", "exp", "sigmoid", "softmax", ""}, default=""
        What a library's own class makes of the sums, in their precision; empty where that is not known.
    """

    name: str
    make: Callable[[], Callable[[Array], Array | None]]
    seconds: Callable[[int], float]
    build: float
    difference: float = 0.0
    dtype: Any = np.float64
    adds: Any = np.float64
    link: str = ""


def walks(trees: Trees) -> Iterator[Walk]:
    """Return the ways there are.

    Parameters
    ----------
    trees : Trees
        An ensemble.

    Yields
    ------
    Walk
        Nothing is computed yet.
    """
    together, build = cost(trees.n_trees, trees.n_nodes)
    most = max(1, _MANY // trees.n_trees)  # rows
    yield Walk(
        name="numpy",
        make=lambda: _by_numpy(trees, most),
        seconds=lambda n_rows: together(n_rows) if n_rows <= most else float("inf"),
        build=build,
        dtype=trees.dtype,
        adds=trees.adds,
    )
    yield from by_onnx(trees)


def by_onnx(trees: Trees) -> Iterator[Walk]:
    """Return the way by ONNX Runtime.

    Parameters
    ----------
    trees : Trees
        An ensemble.

    Yields
    ------
    Walk
        One, if the library is installed.
    """
    if trees.n_nodes <= _LARGE and onnx.installed():
        yield Walk(
            name="onnxruntime",
            make=lambda: onnx.sums(trees),
            seconds=lambda n_rows: onnx.seconds(trees.n_trees, trees.n_nodes, n_rows),
            build=onnx.build(trees.n_nodes),
            # The order of the summation is its own.
            difference=1e-12 if trees.adds == np.float64 else 1e-6,
            dtype=trees.dtype,
            adds=trees.adds,
        )


def _by_numpy(trees: Trees, most: int) -> Callable[[Array], Array | None]:
    branches = trees.branches()
    grove = Grove(replace(branches, values=branches.values.astype(trees.adds, copy=False)), trees.dtype)
    start = trees.start().astype(trees.adds)

    def sums(X: Array) -> Array | None:
        if len(X) > most:
            return None
        found = grove(X)
        if len(start) > 1:
            return added(found.reshape(-1, len(start), len(X)).swapaxes(1, 2), start)
        return added(found[:, :, None], start)

    return sums


def clear(sums: Array, unit: float = 1e-9) -> bool:
    """Say whether the sums decide by more than the order of a summation could change.

    Parameters
    ----------
    sums : ndarray of shape (n_rows, n_outputs)
        One sum is compared with zero, several with each other.
    unit : float, default=1e-9
        By how much, relative to the largest.

    Returns
    -------
    bool
        For all rows.

    Examples
    --------
    >>> import numpy as np
    >>> clear(np.array([[0.3], [1e-15]])), clear(np.array([[1.0, 0.5, 0.5]]))
    (False, True)
    """
    if sums.shape[1] == 1:
        return bool(np.abs(sums).min() > unit)
    first, second = np.partition(sums, -2, axis=1)[:, -2:].T[::-1]
    return bool(((first - second) > unit * np.maximum(1.0, np.abs(first))).all())
