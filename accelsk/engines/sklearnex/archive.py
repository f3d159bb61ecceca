"""What oneDAL writes of a forest of classification trees: the only place where it shows the classes of its leaves.

The archive is little-endian and without padding: a header, then the collections of oneDAL's model, then the number of
columns. Nothing of this is documented, so nothing is taken for granted: whatever is not as expected is an error that
says where, and the caller compares what was read with what the library tells of the same trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Archived", "read_forest"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Archived:
    """One tree. A node's children are neighbours, and come after it.

    Attributes
    ----------
    feature : ndarray of shape (n_nodes,)
        The column that a node splits by; -1 for a leaf.
    left : ndarray of shape (n_nodes,)
        The node of the lower values, the other one being the next; for a leaf, its class.
    threshold : ndarray of shape (n_nodes,)
        What goes left is at most this; of leaves without meaning.
    impurity : ndarray of shape (n_nodes,)
        Gini's.
    n_samples : ndarray of shape (n_nodes,)
        The training rows, as often as they were drawn.
    frequency : ndarray of shape (n_nodes, n_classes)
        Of the classes in the leaves; of other nodes uninitialised memory.
    """

    feature: Array
    left: Array
    threshold: Array
    impurity: Array
    n_samples: Array
    frequency: Array


# Names that oneDAL gives to its kinds of objects.
_FOREST, _COLLECTION, _DICTIONARY, _RECORDS, _DOUBLES, _INTEGERS = 107_000, 4000, 6000, 3000, 1001, 1002
_OUTER, _INNER = 6_010_000_000, 6_030_000_000

_VERSION = np.dtype([("magic", "S4"), ("major", "<i4"), ("minor", "<i4"), ("update", "<i4"), ("build", "V20")])
_COLUMN = np.dtype([("kind", "<i4"), ("measure", "<i4"), ("size", "<u8"), ("categories", "<u8"), ("index", "<i4")])
_OFFSETS = (0, 8, 16, 24, 32)
_NODE = np.dtype(
    {
        "names": ("feature", "left", "threshold", "default", "cover"),
        "formats": ("<i4", "<u8", "<f8", "<i4", "<f8"),
        "offsets": _OFFSETS,
        "itemsize": 40,
    }
)


class _Reader:
    """A position in the bytes."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def array(self, dtype: Any, count: int, what: str) -> Array:
        """The next items, which are copied."""
        kind = np.dtype(dtype)
        left = len(self._data) - self._at
        if not 0 <= count * kind.itemsize <= left:
            raise ValueError(f"archive: expected {count} x {kind.itemsize} bytes of {what} at {self._at}, found {left}")
        found = np.frombuffer(self._data, kind, count, self._at).copy()
        self._at += count * kind.itemsize
        return found

    def number(self, dtype: str, what: str) -> int:
        """The next integer."""
        return int(self.array(dtype, 1, what)[0])

    def expect(self, dtype: str, value: Any, what: str) -> None:
        """Skip what must be there."""
        found = self.array(dtype, 1, what).item()
        if found != value:
            raise ValueError(f"archive: expected {what} {value!r} before {self._at}, found {found!r}")

    def object(self, tag: int, what: str) -> None:
        """Enter an object of a kind."""
        self.expect("<i4", 0, f"the start of {what}")
        self.expect("<i4", tag, f"the kind of {what}")

    def collection(self, size: int, what: str) -> None:
        """Enter a collection of tables."""
        self.object(_COLLECTION, what)
        self.expect("<u8", size, f"the number of {what}")

    def table(self, tag: int, columns: list[str], what: str, *, same: bool = False) -> int:
        """Enter a table with columns of these types; say how many rows it has."""
        self.object(tag, what)
        self.object(_DICTIONARY, f"the columns of {what}")
        self.expect("<i4", 0, f"the columns of {what}")
        self.expect("<u8", len(columns), f"the number of columns of {what}")
        self.expect("<i4", int(same), f"whether the columns of {what} are of one type,")
        found = self.array(_COLUMN, 1 if same else len(columns), f"the columns of {what}")
        expected = [np.dtype(column).itemsize for column in columns[: len(found)]]
        if found["size"].tolist() != expected:
            raise ValueError(f"archive: expected columns of {expected} bytes in {what}, found {found['size'].tolist()}")
        rows = self.number("<u8", f"the rows of {what}")
        self.expect("<i4", 2, f"the allocation of {what}")
        return rows

    def end(self) -> None:
        """Insist that nothing is left."""
        if self._at != len(self._data):
            raise ValueError(f"archive: expected {self._at} bytes, found {len(self._data)}")


def read_forest(data: bytes, n_trees: int, n_classes: int, n_features: int) -> list[Archived]:
    """Read the archive of a fitted forest.

    Parameters
    ----------
    data : bytes
        What oneDAL's model gives for its state.
    n_trees, n_classes, n_features : int
        What it must hold.

    Returns
    -------
    list of Archived
        The trees.

    Raises
    ------
    ValueError
        If anything in it is not as expected.
    """
    reader = _Reader(data)
    reader.expect("S4", b"OAAD", "the outer mark")
    for identity, counts in ((_OUTER, {"trees": n_trees, "classes": n_classes}), (_INNER, {})):
        reader.expect("<u1", 1, "the layout")
        reader.expect("<u8", identity, "the identity")
        for name, count in counts.items():
            reader.expect("<i8", count, f"the number of {name}")
    version = reader.array(_VERSION, 1, "the version")[0]
    if (mark := bytes(version["magic"])) != b"LAAD":
        raise ValueError(f"archive: expected the inner mark b'LAAD', found {mark!r}")
    reader.expect("<i4", _FOREST, "the kind of model")
    reader.collection(n_trees, "trees")
    nodes = [_nodes(reader) for _ in range(n_trees)]
    reader.collection(n_trees, "impurities")
    impurities = [_column(reader, _DOUBLES, "<f8", len(tree), "impurities") for tree in nodes]
    reader.collection(n_trees, "counts")
    counted = [_column(reader, _INTEGERS, "<i4", len(tree), "counts") for tree in nodes]
    reader.collection(n_trees, "frequencies")
    frequencies = [_frequencies(reader, len(tree), n_classes) for tree in nodes]
    reader.expect("<u8", n_features, "the number of columns")
    reader.end()
    return [
        Archived(tree["feature"], tree["left"].astype(np.intp), tree["threshold"], *rest)
        for tree, *rest in zip(nodes, impurities, counted, frequencies, strict=True)
    ]


def _nodes(reader: _Reader) -> Array:
    rows = reader.table(_RECORDS, ["<i4", "<u8", "<f8", "<i4", "<f8"], "a tree")
    reader.expect("<u8", _NODE.itemsize, "the size of a node")
    for offset in _OFFSETS:
        reader.expect("<u8", offset, "the place in a node")
    nodes = reader.array(_NODE, rows, "nodes")
    splits = nodes["feature"] != -1
    left, after = nodes["left"][splits], np.flatnonzero(splits)
    if not rows or (left <= after).any() or (left >= rows - 1).any() or (nodes["feature"] < -1).any():
        raise ValueError(f"archive: expected children after their parents in a tree of {rows} nodes")
    return nodes


def _column(reader: _Reader, tag: int, dtype: str, n_nodes: int, what: str) -> Array:
    rows = reader.table(tag, [dtype], what)
    if rows != n_nodes:
        raise ValueError(f"archive: expected {n_nodes} {what}, found {rows}")
    return reader.array(dtype, rows, what)


def _frequencies(reader: _Reader, n_nodes: int, n_classes: int) -> Array:
    # It says that it has a column for each node, and is written the other way round.
    rows = reader.table(_DOUBLES, ["<f8"] * n_nodes, "frequencies", same=True)
    if rows != n_classes:
        raise ValueError(f"archive: expected frequencies of {n_classes} classes, found {rows}")
    return reader.array("<f8", n_nodes * n_classes, "frequencies").reshape(n_nodes, n_classes)
