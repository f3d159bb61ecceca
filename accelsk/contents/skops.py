"""Files of skops: archives with a description in JSON."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accelsk.contents.notes import Name
from accelsk.contents.parts import public_name, word
from accelsk.contents.records import NAME_ANOTHER, SENTENCE, Contents, Plain, by_package, clean
from accelsk.contents.stream import UNREADABLE
from accelsk.errors import AccelskError

__all__ = ["read_skops"]

#: Bytes that are read of the description.
_SCHEMA = 2**26


def read_skops(path: Path) -> Contents:
    """Find out what a file of skops holds.

    Parameters
    ----------
    path : Path
        A zip archive.

    Returns
    -------
    Contents
        Its types, which stand in the description. The rest is not looked at: it is data.

    Raises
    ------
    AccelskError
        If it is another zip archive.
    """
    other = AccelskError(
        f"{clean(path, SENTENCE)!r} is not a pickle: it is a zip archive, and not one of skops'.",
        hint=NAME_ANOTHER,
    )
    try:
        with zipfile.ZipFile(path) as archive, archive.open("schema.json") as file:
            text = file.read(_SCHEMA + 1)
        schema = json.loads(text) if len(text) <= _SCHEMA else None
    except (*UNREADABLE, zipfile.BadZipFile, KeyError, RuntimeError) as error:
        raise other from error
    if not isinstance(schema, dict) or not isinstance(schema.get("__class__"), str):
        raise other
    names: dict[Name, None] = {}
    ahead: list[Any] = [schema]
    while ahead:
        node = ahead.pop()
        if isinstance(node, dict):
            if isinstance(node.get("__class__"), str):
                names[_type_of(node)] = None
            ahead += reversed(node.values())
        elif isinstance(node, list):
            ahead += reversed(node)
    kind = public_name(_type_of(schema))
    version: Any = schema
    for key in ("content", "content", "_sklearn_version", "content"):
        version = version.get(key) if isinstance(version, dict) else None
    return Contents(
        path=clean(path, SENTENCE),
        size=path.stat().st_size,
        format=f"skops {word(schema, '_skops_version') or '?'}",
        object=kind,
        plain=(Plain("", kind, clean(version.strip('"')), 1),) if isinstance(version, str) else (),
        imports=by_package(names),
        notes=("accelsk.load and skops build none of these types that is not trusted.",),
    )


def _type_of(node: Mapping[str, Any]) -> Name:
    module, name = (
        str(found)[:SENTENCE] if isinstance(found := node.get(key), str) else "?" for key in ("__module__", "__class__")
    )
    return Name(module, name)
