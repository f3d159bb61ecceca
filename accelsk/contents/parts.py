"""The estimators in what was saved, and where they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from accelsk.contents.notes import SOMETHING, Made, Name, Pairs
from accelsk.contents.records import SENTENCE, Part, Plain, clean

__all__ = ["REOPEN", "kind_of", "public_name", "walk", "word"]

#: What a pickle of a wrapper calls.
REOPEN = "accelsk.persistence.reopen"
#: What stands for arrays, in pickles and in joblib's files.
_ARRAYS = ("_frombuffer", "NumpyArrayWrapper")
#: Steps of a way that are shown.
_STEPS = 20

#: Where something is: the way to what holds it, and the last step: a form and what stands in it.
Way = tuple[Any, str, Any] | None


def walk(root: Any) -> Iterator[Part | Plain]:
    """Find the estimators in an object, in the order of the file.

    Parameters
    ----------
    root : object
        What `read_pickle` found.

    Yields
    ------
    Part or Plain
        Each of them.
    """
    # No recursion: a file may be nested deeper than Python's stack is.
    seen: set[int] = set()
    ahead: list[tuple[Any, Way, bool]] = [(root, None, False)]
    while ahead:
        value, way, wrapped = ahead.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Made) and str(value.maker) == REOPEN:
            header, state, fitted = (
                (*value.args, None, None, None, None)[1:4] if isinstance(value.args, tuple) else (None,) * 3
            )
            yield _part(_text_of(way), header)
            wrapped = True  # what it holds of scikit-learn is the part itself
            model = fitted.get("model") if isinstance(fitted, Pairs) else None
            held = [model] if model is not None else [each for _, each in _pairs(state)]
            inside = [(each, way) for each in held]
        else:
            if isinstance(value, Made) and not wrapped and isinstance(version := value.state("_sklearn_version"), str):
                yield Plain(_text_of(way), kind_of(value), clean(version), 1)
            inside = list(_inside(value, way))
        ahead += [
            (each, place, wrapped) for each, place in reversed(inside) if isinstance(each, Made | Pairs | list | tuple)
        ]


def _inside(value: Any, way: Way) -> Iterator[tuple[Any, Way]]:
    if isinstance(value, Made):
        yield from ((each, way) for each in (value.maker, value.args, *value.states) if not isinstance(each, Pairs))
        for name, each in (pair for state in value.states for pair in _pairs(state)):
            # The steps of a pipeline are known by their own names.
            yield each, way if isinstance(name, str) and name == "steps" else (way, ".{}", name)
        yield from _inside(value.pairs, way)
        yield from _inside(value.items, way)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            named = isinstance(each, tuple) and len(each) > 1 and isinstance(each[0], str)
            yield each, (way, ".{}", each[0]) if named else (way, "[{}]", index)
    elif isinstance(value, tuple):
        yield from ((each, way) for each in value)
    else:
        yield from ((each, (way, "[{!r}]", key)) for key, each in _pairs(value))


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    return value.items if isinstance(value, Pairs) else []


def _text_of(way: Way) -> str:
    steps: list[str] = []
    while way is not None and len(steps) < _STEPS:
        way, form, step = way
        steps.append(clean(form.format(step if isinstance(step, str | int) else "?")))
    return ("" if way is None else "[...]") + "".join(reversed(steps)).removeprefix(".")


# -- headers ---------------------------------------------------------------------------------------------------------


def _part(path: str, header: Any) -> Part:
    try:
        known = json.loads(header) if isinstance(header, str) else None
    except (ValueError, RecursionError):
        known = None
    if not isinstance(known, dict):
        return Part(path, note="its header cannot be read")
    from accelsk.persistence import FORMAT

    number = known.get("format") if type(known.get("format")) is int else None
    holds = known.get("holds")
    newer = number is not None and number > FORMAT
    return Part(
        path=path,
        estimator=word(known, "estimator") or "?",
        hyperparameters=_words(known, "hyperparameters"),
        fitted=known.get("fitted") is True,
        engine=word(known, "engine"),
        device=word(known, "device"),
        why=word(known, "why"),
        accelsk=word(known, "accelsk") or "?",
        format=number,
        versions={**_words(known, "versions"), **_words(known, "needs")},
        portable=known.get("portable") is True,
        not_portable=word(known, "not_portable").partition(" Hint: ")[0],
        holds=tuple(clean(whose) for whose in holds if isinstance(whose, str)) if isinstance(holds, list) else (),
        install=word(known, "install"),
        note=f"only with a later accelsk: this one knows formats up to {FORMAT}" if newer else "",
    )


def word(known: Mapping[str, Any], key: str) -> str:
    """Return a string of a header.

    Parameters
    ----------
    known : mapping
        The header.
    key : str
        The key.

    Returns
    -------
    str
        In a form to be shown; empty if there is none.
    """
    found = known.get(key)
    return clean(" ".join(found.split()), SENTENCE) if isinstance(found, str) else ""


def _words(known: Mapping[str, Any], key: str) -> dict[str, str]:
    found = known.get(key)
    return {clean(name): word(found, name) for name in found if word(found, name)} if isinstance(found, dict) else {}


def kind_of(value: Any) -> str:
    """Say what an object is.

    Parameters
    ----------
    value : object
        What `read_pickle` found.

    Returns
    -------
    str
        Its class, or a few words.
    """
    if isinstance(value, Made):
        cls = (
            value.args[0] if str(value.maker) == REOPEN and isinstance(value.args, tuple) and value.args else value.cls
        )
        if not isinstance(cls, Name):
            return "what an object of the file makes"
        return "numpy.ndarray" if cls.name in _ARRAYS else public_name(cls)
    if isinstance(value, Name):
        return f"the name {clean(value)}"
    if isinstance(value, Pairs):
        return f"a dict of {len(value.items):,}"
    if isinstance(value, list | tuple):
        return f"a {'list or set' if isinstance(value, list) else 'tuple'} of {len(value):,}"
    return "a plain value" if value is SOMETHING else f"of type {type(value).__name__}"


def public_name(name: Name) -> str:
    """Return the name of a class as it is imported: modules of scikit-learn with an underscore are its own affair.

    Parameters
    ----------
    name : Name
        As it stands in the file.

    Returns
    -------
    str
        Without such modules.
    """
    modules = name.module.split(".")
    while modules[0] == "sklearn" and modules[-1].startswith("_"):
        modules.pop()
    return clean(Name(".".join(modules), name.name))
