"""What a saved model holds, found out without loading it: nothing of the file is run."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from pickle import PROTO

from accelsk.contents.machine import Found
from accelsk.contents.parts import REOPEN, kind_of, walk
from accelsk.contents.pickles import Damaged, read_pickle
from accelsk.contents.records import NAME_ANOTHER, SENTENCE, Contents, Part, Plain, by_package, clean
from accelsk.contents.skops import read_skops
from accelsk.contents.stream import compression_of
from accelsk.contents.trust import is_harmless
from accelsk.errors import AccelskError

__all__ = ["Contents", "Part", "Plain", "read_contents"]


#: How files start that hold models, or are mistaken for one, and are no pickles.
_KINDS = {
    b"PK\x03\x04": "a zip archive",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "an array of NumPy",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"ZF0x": "written by joblib before 0.10",
    b"{": "JSON",
    b"<": "XML",
    b"\x08": "perhaps ONNX",
}


def read_contents(path: str | os.PathLike[str]) -> Contents:
    """Find out what a file holds, without running anything of it.

    Parameters
    ----------
    path : str or path-like
        A file that pickle, joblib, cloudpickle or skops wrote.

    Returns
    -------
    Contents
        What it holds, and what code it would run.

    Raises
    ------
    AccelskError
        If it is none of these, or cannot be read to its end.

    Examples
    --------
    >>> import pathlib, pickle, tempfile
    >>> from sklearn.svm import SVC
    >>> from accelsk import AcceleratedEstimator
    >>> path = pathlib.Path(tempfile.mkdtemp(), "model.pkl")
    >>> _ = path.write_bytes(pickle.dumps(AcceleratedEstimator(SVC(C=10))))
    >>> part = read_contents(path).parts[0]
    >>> part.estimator, part.hyperparameters, part.fitted
    ('sklearn.svm.SVC', {'C': '10'}, False)
    """
    path = Path(path)
    try:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist"
            raise AccelskError(f"{clean(path, SENTENCE)!r} {what}.", hint=NAME_ANOTHER)
        with path.open("rb") as file:
            head = file.read(8)
        if head.startswith(b"PK\x03\x04"):
            return read_skops(path)
        found = read_pickle(path, reopens=REOPEN)
    except Damaged as damage:
        raise _error_of(path, head, damage) from damage
    except (OSError, ValueError) as error:
        raise AccelskError(f"{clean(path, SENTENCE)!r} cannot be read: {error}.", hint=NAME_ANOTHER) from error
    return _contents(path, head, found)


# -- files of pickle and joblib --------------------------------------------------------------------------------------


def _contents(path: Path, head: bytes, found: Found) -> Contents:
    plain: dict[tuple[str, str], str] = {}
    count: Counter[tuple[str, str]] = Counter()
    parts = []
    for part in walk(found.value):
        if isinstance(part, Part):
            parts.append(part)
        else:
            key = (part.estimator, part.version)
            plain.setdefault(key, part.path)
            count[key] += 1
    compression = compression_of(head)
    kind = (
        f"joblib, pickle protocol {found.protocol}"
        if found.arrays
        else f"pickle, protocol {found.protocol or '0 or 1'}"
    )
    return Contents(
        path=clean(path, SENTENCE),
        size=path.stat().st_size,
        format=f"{kind}, compressed with {compression}" if compression else kind,
        object=kind_of(found.value),
        parts=tuple(parts),
        plain=tuple(Plain(path, *key, count[key]) for key, path in plain.items()),
        imports=by_package(found.names),
        other_code=_other_code(found),
        notes=("More bytes follow, which loading does not read; perhaps another pickle.",) if found.more else (),
    )


def _error_of(path: Path, head: bytes, damage: Damaged) -> AccelskError:
    shown, compression, other = clean(path, SENTENCE), compression_of(head), _other_code(damage.found)
    if not damage.found.names and (damage.at < 2 or not (compression or head.startswith(PROTO))):
        known = next(
            (kind for start, kind in _KINDS.items() if head.startswith(start)), f"a file that starts with {head!r}"
        )
        what = f"compressed with {compression}, and there is no pickle in it: {damage}" if compression else known
        return AccelskError(f"{shown!r} is not a pickle: it is {what if head else 'empty'}.", hint=NAME_ANOTHER)
    runs = f" Loading it runs code from {', '.join(other)}, before it fails." if other else ""
    return AccelskError(
        f"{shown!r} cannot be read to its end. At byte {damage.at:,}: {damage}.{runs}",
        hint="it is cut off, damaged, too large to look into, or made to deceive. Get it again from who wrote it.",
        other_code=other,
    )


def _other_code(found: Found) -> tuple[str, ...]:
    return tuple(clean(name) for name in found.names if not is_harmless(name.module, name.name))
