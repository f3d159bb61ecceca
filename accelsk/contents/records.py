"""What was found in a file, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from accelsk.contents.notes import Name
from accelsk.tables import Column, Table, render

if TYPE_CHECKING:
    import rich.console

__all__ = ["NAME_ANOTHER", "SENTENCE", "Contents", "Part", "Plain", "by_package", "clean"]

#: Characters of a sentence that are shown.
SENTENCE = 1000
#: The way out where a file is none of these.
NAME_ANOTHER = "name a file that pickle, joblib, cloudpickle or skops wrote."
#: Names that are listed for people.
_LISTED = 30
_OTHER = "other code"


def clean(text: object, most: int = 200) -> str:
    r"""Return text of a file in a form that a terminal only shows: nothing that moves a cursor, not too much of it.

    Parameters
    ----------
    text : object
        Anything; of what is no string, what `str` makes of it.
    most : int, default=200
        Characters that are shown; of more, the first and the last ones.

    Returns
    -------
    str
        Printable characters.

    Examples
    --------
    >>> clean("a" + chr(27) + "[2J")
    'a\\x1b[2J'
    """
    text = str(text)
    if len(text) > most:
        text = f"{text[: most // 2]}[...]{text[-most // 2 :]}"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


@dataclass(frozen=True)
class Part:
    """One wrapped estimator in a file.

    Parameters
    ----------
    path : str
        Where it is, from the object that was saved; empty for that object.
    estimator : str
        The class, as you import it.
    hyperparameters : mapping
        Those that differ from their defaults, as they are written in Python.
    fitted : bool
        Whether it was fitted.
    engine, device, why : str
        What fitted it, where, and the reason; empty if it was not fitted.
    accelsk : str
        The version of accelsk that wrote it.
    format : int or None
        The number of the format that it wrote.
    versions : mapping
        The versions of what else was there.
    portable : bool
        Whether it opens where the engine is missing, as scikit-learn's model.
    not_portable : str
        Why it does not.
    holds : tuple of str
        Whose models it holds: "scikit-learn", "engine".
    install : str
        How to install the engine.
    note : str
        What has to be known of it besides.
    """

    path: str
    estimator: str = "?"
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    fitted: bool = False
    engine: str = ""
    device: str = ""
    why: str = ""
    accelsk: str = "?"
    format: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    portable: bool = False
    not_portable: str = ""
    holds: tuple[str, ...] = ()
    install: str = ""
    note: str = ""

    @property
    def call(self) -> str:
        """The estimator as it is made in Python."""
        return f"{self.estimator}({', '.join(f'{name}={value}' for name, value in self.hyperparameters.items())})"

    @property
    def written_by(self) -> list[str]:
        """What wrote it, each with its version."""
        number = "" if self.format is None else f" (format {self.format})"
        return [f"accelsk {self.accelsk}{number}", *(f"{name} {version}" for name, version in self.versions.items())]

    @property
    def opens(self) -> str:
        """Where it opens, in words."""
        if self.note:
            return self.note
        if not self.fitted:
            return "not fitted"
        if self.portable:
            return "portable: as scikit-learn's where the engine is missing"
        return f"only with the engine: {self.not_portable or 'no reason is given'}"


@dataclass(frozen=True)
class Plain:
    """Estimators of scikit-learn of one class in a file, outside of wrapped ones.

    Parameters
    ----------
    path : str
        Where the first is.
    estimator : str
        The class.
    version : str
        The version of scikit-learn that wrote them.
    count : int
        How many there are.
    """

    path: str
    estimator: str
    version: str
    count: int


_MODELS = {
    ("scikit-learn",): "scikit-learn's model",
    ("engine",): "the engine's model",
    ("scikit-learn", "engine"): "scikit-learn's model and the engine's",
}


class PartTable(Table[Part]):
    """The wrapped estimators."""

    columns = (
        Column("part", lambda part: part.path or "(all)", "bold"),
        Column("estimator", lambda part: part.call),
        Column("engine", lambda part: f"{part.engine} on {part.device}" if part.engine else "", "green"),
        Column("holds", lambda part: _MODELS.get(part.holds, ", ".join(part.holds))),
        Column("opens", lambda part: part.opens),
    )


class PlainTable(Table[Plain]):
    """The estimators of scikit-learn."""

    columns = (
        Column("part", lambda plain: plain.path or "(all)", "bold"),
        Column("estimator", lambda plain: plain.estimator + (f", {plain.count} of them" if plain.count > 1 else "")),
        Column("written by", lambda plain: f"scikit-learn {plain.version}"),
    )


class FactTable(Table[tuple[str, str]]):
    """What holds for the file."""

    columns = (
        Column("file", lambda fact: fact[0], "bold"),
        Column("", lambda fact: fact[1], lambda fact: "bold red" if fact[0] == _OTHER else ""),
    )


@dataclass(frozen=True)
class Contents:
    """What a file holds; prints as tables.

    Parameters
    ----------
    path : str
        The file.
    size : int
        Its bytes.
    format : str
        The kind of file.
    object : str
        The class of the object that was saved.
    parts : tuple of Part
        The wrapped estimators in it.
    plain : tuple of Plain
        The estimators of scikit-learn in it.
    imports : mapping
        What loading imports: names by package.
    other_code : tuple of str
        Those of them that are not known to be harmless. Loading the file imports them, and may call them.
    notes : tuple of str
        What has to be known besides.
    """

    path: str
    size: int
    format: str
    object: str
    parts: tuple[Part, ...] = ()
    plain: tuple[Plain, ...] = ()
    imports: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    other_code: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data.

        Returns
        -------
        dict
            What `json` can write.
        """
        return asdict(self)

    def __rich__(self) -> rich.console.RenderableType:
        from rich.console import Group
        from rich.text import Text

        facts = {
            "path": self.path,
            "size": f"{self.size:,} bytes",
            "format": self.format,
            "object": self.object,
            "written by": _listed({each: None for part in self.parts for each in part.written_by}),
            "imports": _listed(f"{package} ({len(names)})" for package, names in self.imports.items()),
            _OTHER: f"loading runs code from: {_listed(self.other_code)}" if self.other_code else "",
            "note": " ".join(self.notes),
        }
        shown: list[Any] = [FactTable([fact for fact in facts.items() if fact[1]])]
        for table in (PartTable(self.parts), PlainTable(self.plain)):
            if table:
                shown += [Text(), table]
        return Group(*shown)

    def __str__(self) -> str:
        return render(self)


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = f", and {len(known) - _LISTED:,} more, see --json" if len(known) > _LISTED else ""
    return ", ".join(known[:_LISTED]) + more


def by_package(names: Iterable[Name]) -> dict[str, tuple[str, ...]]:
    """Sort names.

    Parameters
    ----------
    names : iterable of Name
        What a file would import.

    Returns
    -------
    dict
        The names, by the package that they are in.
    """
    packages: dict[str, list[str]] = {}
    for name in names:
        packages.setdefault(clean(name.module.partition(".")[0]), []).append(clean(name))
    return {package: tuple(found) for package, found in sorted(packages.items())}
