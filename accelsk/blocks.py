"""Dask collections as data: recognised without importing dask, looked at without computing what nobody asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp

from accelsk.facts import Facts, common_dtype

__all__ = ["CollectionFacts", "example_of", "facts_of", "holds_collections", "is_collection", "is_frame", "parts_of"]

_PACKAGES = ("dask.array", "dask.dataframe", "dask_expr")


def is_collection(data: Any) -> bool:
    """Say whether data are a dask array, data frame or series. Dask is not imported for it.

    Parameters
    ----------
    data : object
        Anything.

    Returns
    -------
    bool
        False for what is not, ``dask.delayed`` included.

    Examples
    --------
    >>> is_collection([1.0])
    False
    """
    kind: Any = type(data)
    return _is_collection(kind)


@lru_cache(maxsize=1024)
def _is_collection(kind: Any) -> bool:
    return hasattr(kind, "__dask_graph__") and any(each.__module__.startswith(_PACKAGES) for each in kind.__mro__)


def holds_collections(values: Iterable[Any]) -> bool:
    """Say whether one of the arguments of a call is a dask collection.

    Parameters
    ----------
    values : iterable
        The arguments.

    Returns
    -------
    bool
        Whether there is one.
    """
    return any(map(is_collection, values))


def is_frame(collection: Any) -> bool:
    """Say whether a dask collection is of data frames or series, rather than of arrays.

    Parameters
    ----------
    collection : dask collection
        The data.

    Returns
    -------
    bool
        Whether it has pandas' kind of columns.
    """
    return not hasattr(collection, "chunks")


def example_of(collection: Any, n_rows: int = 2) -> Any:
    """Make a few rows on this machine of the type, dtypes and columns that the blocks of a collection have.

    Parameters
    ----------
    collection : dask collection
        The data.
    n_rows : int, default=2
        How many rows; always 2 for data frames.

    Returns
    -------
    array, sparse matrix, data frame or series
        Values that mean nothing; nothing is computed.
    """
    if is_frame(collection):
        from dask.dataframe.utils import meta_nonempty

        return meta_nonempty(collection._meta)
    meta = collection._meta
    shape = (n_rows, *map(int, collection.shape[1:]))
    if sp.issparse(meta):
        return type(meta)(shape, dtype=meta.dtype)
    return np.zeros(shape, dtype=meta.dtype)


class CollectionFacts(Facts):
    """What is known of dask collections: by their description, or from the cluster once a rule asks for it.

    Parameters
    ----------
    X : dask collection
        The data.
    y : dask collection or array-like, default=None
        The target.
    fit_params : mapping, default=None
        The keyword arguments of ``fit``.
    """

    distributed = True

    def __init__(self, X: Any, y: Any = None, fit_params: Mapping[str, Any] | None = None) -> None:
        given = {name: value for name, value in (fit_params or {}).items() if value is not None}
        self.fit_params = tuple(given)
        self._sample_weight, self._y, self._X = given.get("sample_weight"), y, X
        self.container = "dask"
        meta = X._meta
        self.sparse = meta.format if sp.issparse(meta) else None
        columns = X.shape[1] if len(X.shape) == 2 else None
        self.n_features = int(columns) if isinstance(columns, int | np.integer) else None
        self.dtype = common_dtype(meta)

    @property
    def tabular(self) -> bool:
        """Whether X has columns, and their number is known."""
        return self.n_features is not None

    @property
    def empty(self) -> bool:
        """Whether X is known to have no rows or no columns."""
        return self.n_features == 0 or self._rows == 0

    @property
    def _rows(self) -> int | None:
        """The rows, where they are known without computing."""
        rows = self._X.shape[0] if self._X is not None else None
        return int(rows) if isinstance(rows, int | np.integer) else None

    @cached_property
    def n_samples(self) -> int:  # type: ignore[override]
        """The rows of X: computed where dask does not know them."""
        import dask

        known = self._rows
        return sum(dask.compute(*map(dask.delayed(_rows), parts_of(self._X)))) if known is None else known

    @cached_property
    def has_nan(self) -> bool:
        """Whether X holds NaN or infinity (one pass over X)."""
        import dask

        return any(dask.compute(*map(dask.delayed(_holds_nan), parts_of(self._X))))

    def gram_condition(self, *, centred: bool) -> float:
        """Say nothing of the normal equations of data that nobody has in one place.

        Parameters
        ----------
        centred : bool
            Not looked at.

        Returns
        -------
        float
            Infinity.
        """
        return float("inf")

    @cached_property
    def n_outputs(self) -> int:
        """The columns of y; 0 without one."""
        if self._y is None:
            return 0
        shape = self._y.shape if hasattr(self._y, "shape") else np.shape(self._y)
        return int(shape[1]) if len(shape) == 2 else 1

    @cached_property
    def _classes(self) -> np.ndarray[Any, Any]:
        y = self._y
        if is_collection(y):
            y = y.unique().compute() if is_frame(y) else _unique(y)
        return np.unique(np.asarray(y))

    @cached_property
    def target_type(self) -> str:
        """What scikit-learn says of the distinct values of y (one pass over y)."""
        from sklearn.utils.multiclass import type_of_target

        return "unknown" if self._y is None else str(type_of_target(self._classes))

    @cached_property
    def target_range(self) -> float:
        """The largest target less the smallest (one pass over y)."""
        classes = self._classes
        return float(classes[-1] - classes[0]) if classes.dtype.kind in "fiu" and classes.size else float("inf")

    @cached_property
    def weights(self) -> Literal["none", "constant", "varying", "invalid"]:
        """Whether there are sample weights; they are not looked at."""
        return "none" if self._sample_weight is None else "varying"

    def _over_weights(self, reduce: Any) -> float:
        if self._sample_weight is None:
            return 1.0
        found = reduce(self._sample_weight)
        return float(found.compute() if hasattr(found, "compute") else found)

    def summary(self) -> dict[str, Any]:
        """Return what is known without computing, as plain data.

        Returns
        -------
        dict
            Shape, dtype, container and sparse format.
        """
        return {
            "n_samples": self._rows,
            "n_features": self.n_features,
            "dtype": self.dtype,
            "container": self.container,
            "sparse": self.sparse,
        }


def parts_of(collection: Any) -> list[Any]:
    """Return the blocks of rows of a collection, each a Delayed.

    Parameters
    ----------
    collection : dask collection
        An array is brought into blocks that have all columns.

    Returns
    -------
    list of Delayed
        In the order of the rows.
    """
    if is_frame(collection):
        return list(collection.to_delayed())
    if collection.ndim > 1 and collection.numblocks[1] > 1:
        collection = collection.rechunk({1: -1})
    return list(collection.to_delayed().ravel())


def facts_of(X: Any, y: Any = None, fit_params: Mapping[str, Any] | None = None) -> Facts:
    """Return what is known of the data of a fit, wherever they are.

    Parameters
    ----------
    X, y, fit_params : object
        As in `Facts`.

    Returns
    -------
    Facts
        `CollectionFacts` for dask collections.

    Examples
    --------
    >>> facts_of([[1.0], [2.0]]).n_samples
    2
    """
    kind = CollectionFacts if is_collection(X) else Facts
    return kind(X, y, fit_params)


def _unique(y: Any) -> Any:
    import dask.array as da

    return da.unique(y).compute()


def _holds_nan(block: Any) -> bool:
    return Facts(block).has_nan


def _rows(block: Any) -> int:
    return int(block.shape[0])  # sparse matrices have no length
