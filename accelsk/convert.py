"""The only place that copies data: between sparse formats, and from sparse to dense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["as_array", "dense", "in_dense_chunks", "sparse_as", "sparse_matrix"]

#: Bytes of one dense chunk: large enough that the engine's own cost per call does not show, small next to any memory.
CHUNK_BYTES = 64 * 2**20


def as_array(data: Any) -> Any:
    """Make an array of an object that only knows how to become one.

    Parameters
    ----------
    data : object
        Anything.

    Returns
    -------
    object
        An array where `data` has ``__array__`` and no shape of its own; else `data` itself.

    Examples
    --------
    >>> as_array("a word")
    'a word'
    """
    return np.asarray(data) if hasattr(data, "__array__") and not hasattr(data, "shape") else data


def sparse_as(X: Any, format: str) -> Any:  # noqa: A002  the word that SciPy uses
    """Convert a sparse matrix or array to another format.

    Parameters
    ----------
    X : sparse matrix or array
        The data.
    format : str
        "csr", "csc", ...

    Returns
    -------
    sparse matrix or array
        X itself where it is in that format already.

    Examples
    --------
    >>> sparse_as(sp.eye(2, format="csc"), "csr").format
    'csr'
    """
    return X.asformat(format)


def sparse_matrix(X: Any) -> Any:
    """Make what older libraries know of a sparse X: SciPy's matrix class, and indices of 32 bits.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    object
        A `csr_matrix` or `csc_matrix` with indices of type int32 for a sparse array or matrix in such a format; it
        shares the values with X. Anything else is returned as it is.

    Examples
    --------
    >>> type(sparse_matrix(sp.csc_array(np.eye(2)))).__name__
    'csc_matrix'
    """
    matrix = {"csr": sp.csr_matrix, "csc": sp.csc_matrix}.get(X.format) if sp.issparse(X) else None
    if matrix is None or (isinstance(X, matrix) and X.indices.dtype == X.indptr.dtype == np.int32):
        return X
    return matrix((X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32)), shape=X.shape)


def dense(X: Any) -> np.ndarray[Any, Any]:
    """Make a dense copy of a sparse matrix or array.

    Parameters
    ----------
    X : sparse matrix or array
        The data.

    Returns
    -------
    ndarray
        Of the same dtype, in C order.

    Examples
    --------
    >>> dense(sp.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return np.ascontiguousarray(X.toarray())


def in_dense_chunks(X: Any, compute: Callable[[np.ndarray[Any, Any]], Any]) -> Any:
    """Apply a row-wise computation to a sparse X, a bounded number of dense rows at a time.

    Parameters
    ----------
    X : sparse matrix or array
        The data; empty ones are given to `compute` as they are.
    compute : callable
        ``compute(dense_rows)``; its result has as many rows.

    Returns
    -------
    ndarray, sparse, data frame, or a tuple or list of such
        The results of the chunks, joined.

    Examples
    --------
    >>> in_dense_chunks(sp.eye(3, format="csr"), lambda rows: rows.sum(axis=1)).tolist()
    [1.0, 1.0, 1.0]
    """
    rows = sparse_as(X, "csr")
    size = max(1, CHUNK_BYTES // max(1, rows.shape[1] * rows.dtype.itemsize))
    return _join([compute(dense(rows[chunk])) for chunk in _chunks(rows.shape[0], size)])


def _chunks(n: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, n)) for start in range(0, max(n, 1), size))


def _join(parts: list[Any]) -> Any:
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, tuple | list):
        return type(first)(_join(list(same)) for same in zip(*parts, strict=True))
    if sp.issparse(first):
        return sp.vstack(parts, format=first.format)
    if hasattr(first, "iloc"):
        import pandas as pd

        return pd.concat(parts, ignore_index=True)
    if type(first).__module__.partition(".")[0] == "polars":
        import polars as pl

        return pl.concat(parts)
    return np.concatenate(parts)
