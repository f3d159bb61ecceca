"""The data that it is measured on: a table or arrays in a file, and which of it is the target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from accelsk.errors import AccelskError

__all__ = ["Samples", "read_samples"]


@dataclass(frozen=True)
class Samples:
    """What is fitted, what is scored, and all of it.

    Parameters
    ----------
    X, y : object
        All rows; `y` is None where there is no target.
    X_train, X_test, y_train, y_test : object
        Three quarters, and the rest.
    target : str
        What the target is called; empty for none.
    """

    X: Any
    y: Any
    X_train: Any
    X_test: Any
    y_train: Any
    y_test: Any
    target: str


def read_samples(
    path: Path, *, target: str | None, supervised: bool, classes: bool, rows: int | None = None, seed: int = 0
) -> Samples:
    """Read the data, and hold a part of it out.

    Parameters
    ----------
    path : Path
        Parquet, feather, CSV; npz with X and y, npy; svmlight.
    target : str or None
        Name or number of the column; None for the last one, or for y of an npz.
    supervised : bool
        Whether a target is needed; without, none is taken unless it is named.
    classes : bool
        Whether the target is of classes, all of which both parts are to have.
    rows : int, default=None
        At most so many, drawn at random.
    seed : int, default=0
        For what is drawn.

    Returns
    -------
    Samples
        Of the file.

    Raises
    ------
    AccelskError
        If it cannot be read, or has no such target.
    """
    if not path.exists():
        raise AccelskError(f"there is no file {str(path)!r}.", path=path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise AccelskError(
            f"{str(path)!r} is of no format that is read here.", hint=f"they are {', '.join(_READERS)}.", path=path
        )
    X, y, name = reader(path, target, supervised)
    if X.shape[0] < 8:
        raise AccelskError(f"{str(path)!r} has {X.shape[0]} rows.", hint="a comparison needs at least 8.", path=path)
    draw = np.random.default_rng(seed)
    if rows is not None and rows < X.shape[0]:
        chosen = np.sort(draw.choice(X.shape[0], rows, replace=False))
        X, y = _rows(X, chosen), None if y is None else y[chosen]
    return Samples(X, y, *_parts(X, y, classes=classes, seed=seed), name)


def _parts(X: Any, y: Any, *, classes: bool, seed: int) -> tuple[Any, Any, Any, Any]:
    if y is None:
        X_train, X_test = train_test_split(X, test_size=0.25, random_state=seed)
        return X_train, X_test, None, None
    alike = y if classes and y.ndim == 1 and np.unique(y, return_counts=True)[1].min() >= 2 else None
    try:
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=alike)
    except ValueError:  # fewer rows than classes
        X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed)
    return X_train, X_test, y_train, y_test


def _rows(X: Any, chosen: Any) -> Any:
    return X.iloc[chosen] if hasattr(X, "iloc") else X[chosen]


_Read = tuple[Any, Any, str]


def _frame(path: Path, target: str | None, supervised: bool) -> _Read:
    """A table of pandas: categories and missing values are as they are in the file."""
    kind = path.suffix.lower().removeprefix(".")
    try:
        import pandas as pd

        read: Mapping[str, Callable[[Path], Any]] = {
            "csv": pd.read_csv,
            "parquet": pd.read_parquet,
            "feather": pd.read_feather,
        }
        table = read[kind](path)
    except ImportError as error:
        wanted = "pandas" if error.name == "pandas" or kind == "csv" else "pyarrow"
        raise AccelskError(
            f"{str(path)!r}: reading {kind} needs {wanted}, which is not installed.",
            hint="pip install pandas pyarrow; or save arrays, as numpy.savez(file, X=X, y=y) does.",
            path=path,
        ) from error
    except Exception as error:
        raise AccelskError(f"{str(path)!r} is not {kind}: {type(error).__name__}: {error}", path=path) from error
    if target is None and not supervised:
        return table, None, ""
    name = table.columns[-1] if target is None else _column(target, list(map(str, table.columns)), table.columns, path)
    return table.drop(columns=[name]), table[name].to_numpy(), str(name)


def _column(target: str, shown: list[str], columns: Any, path: Path) -> Any:
    if target in shown:
        return columns[shown.index(target)]
    raise AccelskError(
        f"--target {target}: {str(path)!r} has no such column.",
        hint=f"it has {', '.join(shown[:20])}{', ...' if len(shown) > 20 else ''}.",
        path=path,
        target=target,
    )


def _archive(path: Path, target: str | None, supervised: bool) -> _Read:
    """Arrays by name: X, and y or the one that is named."""
    with _opened(path) as arrays:
        if "X" not in arrays:
            raise AccelskError(
                f"{str(path)!r} has no array X; it has {', '.join(arrays)}.",
                hint="numpy.savez(file, X=X, y=y)",
                path=path,
            )
        name = target or "y"
        if name not in arrays:
            if target is None and not supervised:
                return arrays["X"], None, ""
            raise AccelskError(
                f"{str(path)!r} has no array {name}: there is no target.",
                hint="--target NAME names another array; numpy.savez(file, X=X, y=y) makes one.",
                path=path,
            )
        wanted = supervised or target is not None
        return arrays["X"], arrays[name] if wanted else None, name if wanted else ""


def _array(path: Path, target: str | None, supervised: bool) -> _Read:
    """One array: the target is a column of it."""
    table = _opened(path)
    if table.ndim != 2:
        raise AccelskError(f"{str(path)!r} has {table.ndim} dimensions, not two.", path=path)
    if target is None and not supervised:
        return table, None, ""
    last = table.shape[1] - 1
    place = last if target is None else _column(target, [str(n) for n in range(last + 1)], range(last + 1), path)
    return np.delete(table, place, axis=1), table[:, place], f"column {place}"


def _opened(path: Path) -> Any:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise AccelskError(f"{str(path)!r} could not be read: {error}", path=path) from error


def _svmlight(path: Path, target: str | None, supervised: bool) -> _Read:
    """Sparse rows, the target first in each line."""
    from sklearn.datasets import load_svmlight_file

    if target is not None:
        raise AccelskError(f"--target {target}: in {str(path)!r} the target stands first in each line.", path=path)
    try:
        X, y = load_svmlight_file(str(path))
    except ValueError as error:
        raise AccelskError(f"{str(path)!r} is not of the format svmlight: {error}", path=path) from error
    return (X, y, "the label") if supervised else (X, None, "")


_READERS: Mapping[str, Callable[[Path, str | None, bool], _Read]] = {
    ".parquet": _frame,
    ".feather": _frame,
    ".csv": _frame,
    ".npz": _archive,
    ".npy": _array,
    ".libsvm": _svmlight,
    ".svmlight": _svmlight,
    ".svm": _svmlight,
}
