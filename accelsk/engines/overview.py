"""What is installed and usable here, engine by engine."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass

from accelsk.engines import broken, get, module_of, names, why_missing
from accelsk.tables import Column, Table

__all__ = ["EngineInfo", "EngineTable", "overview"]


@dataclass(frozen=True)
class EngineInfo:
    """The state of one engine in this environment.

    Parameters
    ----------
    name, title : str
        As the engine declares them.
    usable : bool
        Whether ``engine="name"`` works.
    version : str
        Of the library; empty where it is not installed.
    devices : tuple of str
        The kinds of device that the engine can reach in principle.
    classes : int or None
        How many scikit-learn classes it computes; None for scikit-learn itself.
    reason, remedy : str
        Why it is not usable, and what to do; empty where it is.
    """

    name: str
    title: str
    usable: bool
    version: str
    devices: tuple[str, ...]
    classes: int | None
    reason: str = ""
    remedy: str = ""


def overview() -> tuple[EngineInfo, ...]:
    """Collect the state of every engine, broken plug-ins included.

    Returns
    -------
    tuple of EngineInfo
        Built-in engines first.
    """
    found = []
    for name in names():
        engine = get(name)
        missing = why_missing(name)
        found.append(
            EngineInfo(
                name=name,
                title=engine.title,
                usable=missing is None,
                version=_version(module_of(engine)),
                devices=engine.devices,
                classes=None if engine.reference else len({row.estimator for row in engine.rows}),
                reason="" if missing is None else str(missing).splitlines()[0],
                remedy="" if missing is None else missing.hint,
            )
        )
    for name, reason in broken().items():
        found.append(EngineInfo(name, name, False, "", (), None, reason, "update or uninstall that package."))
    return tuple(found)


def _version(module: str) -> str:
    for distribution in importlib.metadata.packages_distributions().get(module, ()):
        return importlib.metadata.version(distribution)
    return ""


class EngineTable(Table[EngineInfo]):
    """The engines of this environment."""

    title = "Engines"
    columns = (
        Column("engine", lambda info: info.name, "bold"),
        Column("library", lambda info: f"{info.title} {info.version}".strip()),
        Column("usable", lambda info: "yes" if info.usable else "no"),
        Column("devices", lambda info: ", ".join(info.devices)),
        Column("classes", lambda info: "all" if info.classes is None and info.usable else str(info.classes or "")),
        Column("why not, and what to do", lambda info: " ".join(part for part in (info.reason, info.remedy) if part)),
    )
