"""Which sparse formats each engine takes as they are: per class, device and operation, read off the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accelsk.engines import get, names
from accelsk.engines.spec import Engine, Row
from accelsk.tables import Column, Table

__all__ = ["Sparsity", "SparsityTable", "sparsity"]


@dataclass(frozen=True)
class Sparsity:
    """What an operation of a class on an engine and a kind of device does with a sparse matrix.

    Parameters
    ----------
    engine, estimator, device, operation : str
        The engine's name; the path of the class; a kind of device or a driver; "fit", "predict" for all that follows,
        or a method that differs.
    formats : tuple of str
        The formats that are taken as they are; another one is converted to the first.
    where : str, default=""
        The hyperparameters under which they are taken; empty for all.
    """

    engine: str
    estimator: str
    device: str
    operation: str
    formats: tuple[str, ...]
    where: str = ""


def sparsity(engine: str | None = None) -> SparsityTable:
    """List what engines do with sparse matrices.

    Parameters
    ----------
    engine : str, default=None
        Its name; None for all that have rows.

    Returns
    -------
    SparsityTable
        A sequence of `Sparsity` that prints as a table.

    Examples
    --------
    >>> all(entry.operation for entry in sparsity())
    True
    >>> len(sparsity("sklearn"))  # which takes what each class takes, and has no rows
    0
    """
    asked = names() if engine is None else (engine,)
    return SparsityTable([entry for name in asked for row in get(name).rows for entry in _of(get(name), row)])


def _of(engine: Engine, row: Row) -> Iterator[Sparsity]:
    for device in row.devices or engine.devices:
        for operation in ("fit", "predict", *row.operations):
            inputs = row.inputs(operation)
            where = "" if inputs.sparse_where is None else inputs.sparse_where.text
            yield Sparsity(engine.name, row.estimator, device, operation, inputs.sparse, where)


class SparsityTable(Table[Sparsity]):
    """The sparse formats that are taken as they are."""

    title = "Sparse formats"
    columns = (
        Column("engine", lambda entry: entry.engine, "bold"),
        Column("class", lambda entry: entry.estimator),
        Column("device", lambda entry: entry.device),
        Column("operation", lambda entry: entry.operation),
        Column("formats", lambda entry: ", ".join(entry.formats) or "none"),
        Column("only with", lambda entry: entry.where),
    )
