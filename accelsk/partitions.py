"""The rows of dask collections as partitions: those of X, y and whatever else belongs to a row kept together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsk.blocks import is_collection, is_frame, parts_of
from accelsk.clusters import Cluster
from accelsk.errors import UnsupportedInput

__all__ = ["Partitions", "Prepared", "cut_as"]

Part = Mapping[str, Any]


class Partitions:
    """The partitions of X with what goes along with them, none of them computed.

    Parameters
    ----------
    cluster : Cluster
        Where they are computed.
    X : dask collection
        The data; its partitions are the measure.
    along : mapping of str to (dask collection or array-like)
        What has as many rows: y, sample weights. An array that is here is cut like X.

    loose : tuple of str, default=()
        What has as many partitions, and not as many rows.

    Raises
    ------
    UnsupportedInput
        If they cannot be cut at the same rows without computing.
    """

    def __init__(self, cluster: Cluster, X: Any, along: Mapping[str, Any], loose: tuple[str, ...] = ()) -> None:
        self.cluster = cluster
        columns = {"X": parts_of(X), **_cut(X, along, loose)}
        rows = zip(*columns.values(), strict=True)
        self._parts = [dict(zip(columns, each, strict=True)) for each in rows]

    def each(self, function: Callable[..., Any], *args: Any, among: tuple[str, ...] = ("X",)) -> list[Any]:
        """Compute something of every partition, and bring it here.

        Parameters
        ----------
        function : callable
            ``function(part, *args)``, where ``part["X"]`` are the rows of a partition.
        *args : object
            Sent to the workers.
        among : tuple of str, default=("X",)
            What is looked at: nothing else is computed.

        Returns
        -------
        list
            One result for each partition.
        """
        return list(self.cluster.client.gather(self._futures(function, *args, among=among)))

    def prepared(self, function: Callable[..., Any], *args: Any) -> Prepared:
        """Compute what a library trains on, and leave it with the workers.

        Parameters
        ----------
        function : callable
            ``function(part, *args)``; it returns a dict of arrays or frames of as many rows.
        *args : object
            Sent to the workers.

        Returns
        -------
        Prepared
            Without partitions that have no rows.

        Raises
        ------
        ValueError
            If there are no rows at all.
        """
        from distributed import wait

        client = self.cluster.client
        futures = self._futures(function, *args)
        wait(futures)
        shapes = client.gather(client.map(_shape, futures, pure=False))  # raises what a worker has raised
        kept = [(future, shape) for future, shape in zip(futures, shapes, strict=True) if shape.n_rows]
        if not kept:
            raise ValueError("Found array with 0 sample(s) in the dask collection while a minimum of 2 is required.")
        return Prepared(self.cluster, [future for future, _ in kept], [shape for _, shape in kept])

    def _futures(self, function: Callable[..., Any], *args: Any, among: tuple[str, ...] | None = None) -> list[Any]:
        from dask import delayed

        parts = [{name: each[name] for name in among or each if name in each} for each in self._parts]
        sent = [delayed(value, traverse=False) for value in args]
        tasks = [delayed(function, pure=False)(part, *sent) for part in parts]
        return list(self.cluster.client.compute(tasks, optimize_graph=False))


@dataclass(frozen=True)
class _Shape:
    """What is known here of a partition that a worker holds."""

    n_rows: int
    kinds: Mapping[str, Any]


class Prepared:
    """Partitions that the workers hold.

    Parameters
    ----------
    cluster : Cluster
        Whose workers.
    futures : list of Future
        A dict each.
    shapes : list
        What is known of each.
    """

    def __init__(self, cluster: Cluster, futures: list[Any], shapes: list[_Shape]) -> None:
        self.cluster, self._futures, self._shapes = cluster, futures, shapes

    @property
    def names(self) -> tuple[str, ...]:
        """What a partition holds."""
        return tuple(self._shapes[0].kinds)

    def __len__(self) -> int:
        return len(self._futures)

    def workers(self) -> set[str]:
        """Return the workers that hold one.

        Returns
        -------
        set of str
            Their addresses.
        """
        return {worker for holders in self.cluster.client.who_has(self._futures).values() for worker in holders}

    def collection(self, name: str) -> Any:
        """Return a dask collection of what the partitions hold under a name.

        Parameters
        ----------
        name : str
            One of `names`.

        Returns
        -------
        dask collection
            An array with known chunks, or a data frame or series.
        """
        from dask import delayed

        pieces = [delayed(_item, pure=True)(future, name) for future in self._futures]
        empty = self._shapes[0].kinds[name]
        if hasattr(empty, "iloc"):
            import dask.dataframe as dd

            return dd.from_delayed(pieces, meta=empty, verify_meta=False)
        import dask.array as da

        return da.concatenate(
            [
                da.from_delayed(piece, shape=(shape.n_rows, *empty.shape[1:]), dtype=empty.dtype, meta=empty)
                for piece, shape in zip(pieces, self._shapes, strict=True)
            ],
            allow_unknown_chunksizes=True,
        )

    def here(self, name: str) -> Iterator[Any]:
        """Bring what the partitions hold under a name to this machine, one after the other.

        Parameters
        ----------
        name : str
            One of `names`.

        Yields
        ------
        array or frame
            Of one partition.
        """
        for future in self._futures:
            yield self.cluster.client.submit(_item, future, name).result()


def _item(part: Part, name: str) -> Any:
    return part[name]


def _shape(part: Part) -> _Shape:
    return _Shape(int(next(iter(part.values())).shape[0]), {name: value[:0] for name, value in part.items()})


def _cut(X: Any, along: Mapping[str, Any], loose: tuple[str, ...]) -> dict[str, list[Any]]:
    return {name: cut_as(X, name, value, loose=name in loose) for name, value in along.items()}


def cut_as(X: Any, name: str, value: Any, *, loose: bool = False) -> list[Any]:
    """Return the parts of something that belongs to the rows of X, cut at the same rows.

    Parameters
    ----------
    X : dask collection
        The data.
    name : str
        What `value` is called, for the messages.
    value : dask collection or array-like
        What has as many rows.
    loose : bool, default=False
        Whether it has as many partitions, and not as many rows.

    Returns
    -------
    list of Delayed
        As many as X has.

    Raises
    ------
    UnsupportedInput
        If that cannot be done without computing.
    ValueError
        If it is known to have another number of rows.
    """
    known = not is_frame(X) and not np.isnan(np.asarray(X.chunks[0], dtype=float)).any()
    if not is_collection(value):
        if not known:
            raise UnsupportedInput(
                f"{name} is a {type(value).__name__} of this machine, and where the partitions of X begin is not known "
                "here.",
                hint=f"pass {name} as a dask collection with the partitions of X; X.to_dask_array(lengths=True) knows "
                "where they begin.",
                parameter=name,
            )
        import dask.array as da

        value = da.from_array(np.asarray(value), chunks=-1)
    if known and not loose and not is_frame(value) and not np.isnan(np.asarray(value.chunks[0], dtype=float)).any():
        if value.shape[0] != X.shape[0]:
            raise ValueError(
                f"Found input variables with inconsistent numbers of samples: [{X.shape[0]}, {value.shape[0]}]"
            )
        value = value.rechunk({0: X.chunks[0]})
    parts = parts_of(value)
    n = len(parts_of(X))
    if len(parts) != n:
        raise UnsupportedInput(
            f"X has {n} partitions and {name} has {len(parts)}, so that their rows cannot be brought together.",
            hint=f"give {name} the partitions of X: take it of the same data frame, or rechunk it to X.chunks[0].",
            parameter=name,
        )
    return parts
