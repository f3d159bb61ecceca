"""Made data on which computations are timed: by the benchmarks, and by `accelsk.calibrate` on the user's machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["KINDS", "made"]

#: What there is: labels to be learnt, numbers to be learnt, clusters, and columns of which eight explain the others.
KINDS = ("classes", "numbers", "blobs", "low rank")


def made(kind: str, rows: int, columns: int, classes: int = 2) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Make data.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    rows, columns : int
        The shape of X.
    classes : int, default=2
        The number of labels, for "classes".

    Returns
    -------
    X : ndarray of shape (rows, columns), float64
        C-contiguous.
    y : ndarray of shape (rows,)
        The target; labels of clusters for "blobs".

    Examples
    --------
    >>> X, y = made("classes", 100, 5)
    >>> X.shape, set(y.tolist())
    ((100, 5), {0, 1})
    """
    from sklearn.datasets import make_blobs, make_classification, make_regression

    draw = np.random.default_rng(0)
    informative = min(columns, 10)
    if kind == "classes":
        X, y = make_classification(
            rows, columns, n_informative=informative, n_redundant=0, n_classes=classes, flip_y=0.05, random_state=0
        )
    elif kind == "numbers":
        X, y = make_regression(rows, columns, n_informative=informative, noise=10.0, random_state=0)
    elif kind == "blobs":
        X, y = make_blobs(rows, columns, centers=10, random_state=0)
        X /= np.sqrt(2 * columns)  # within a blob a distance is about 1, whatever the columns
    elif kind == "low rank":
        X = draw.normal(size=(rows, 8)) @ draw.normal(size=(8, columns)) + 0.1 * draw.normal(size=(rows, columns))
        y = X[:, 0]
    else:
        raise ValueError(f"kind={kind!r} is not one of {', '.join(map(repr, KINDS))}")
    return np.ascontiguousarray(X), y
