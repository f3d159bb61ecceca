"""A few rows in the place of all rows of a dask collection, in which every category occurs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsk.blocks import example_of, is_frame

if TYPE_CHECKING:
    from accelsk.partitions import Partitions

__all__ = ["rows_with_categories"]

Array = np.ndarray[Any, Any]


def rows_with_categories(stem: Any, X: Any, partitions: Partitions) -> Any:
    """Make a few rows on this machine, of the type that the partitions have.

    Parameters
    ----------
    stem : estimator
        A gradient boosting estimator of scikit-learn, not fitted: it says which columns hold categories.
    X : dask collection
        The data.
    partitions : Partitions
        The same; of columns that hold categories they are looked at.

    Returns
    -------
    array or data frame
        Each category occurs in it; all other values mean nothing.
    """
    rows = example_of(X)
    if not hasattr(stem, "_preprocess_X"):
        return rows
    stem._preprocess_X(rows, reset=True)
    columns = [] if stem.is_categorical_ is None else np.flatnonzero(stem.is_categorical_).tolist()
    if not columns:
        return rows
    found = partitions.each(_distinct, columns)
    joined = [_joined([each[position] for each in found]) for position in range(len(columns))]
    n_rows = max(2, *map(len, joined))
    if not is_frame(X):
        rows = np.zeros((n_rows, X.shape[1]), dtype=rows.dtype)
        for column, values in zip(columns, joined, strict=True):
            rows[:, column] = np.resize(values, n_rows)
        return rows
    import pandas as pd

    rows = rows.iloc[np.arange(n_rows) % len(rows)].reset_index(drop=True)
    for column, values in zip(columns, joined, strict=True):
        dtype, cycled = rows.dtypes.iloc[column], np.resize(values, n_rows)
        is_category = isinstance(dtype, pd.CategoricalDtype)
        made = pd.Series(pd.Categorical(cycled)) if is_category else pd.Series(cycled).astype(dtype)
        rows.isetitem(column, made)
    return rows


def _distinct(part: Mapping[str, Any], columns: list[int]) -> list[Array]:
    """The distinct values of columns of a partition."""
    X = part["X"]
    if hasattr(X, "iloc"):
        return [X.iloc[:, column].drop_duplicates().to_numpy(dtype=object) for column in columns]
    return [_joined([X[:, column]]) for column in columns]


def _joined(arrays: list[Array]) -> Array:
    values = np.concatenate(arrays)
    if values.dtype != object:
        return np.unique(values)
    distinct = dict.fromkeys("nan" if value != value else value for value in values.tolist())
    return np.array([np.nan if value == "nan" else value for value in distinct], dtype=object)
