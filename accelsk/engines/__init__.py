"""Which engines there are: a folder here is a built-in engine, an entry point of group ``accelsk.engines`` a plug-in.

Listing them imports none of the libraries. A module in this package (not a folder) is machinery.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from accelsk.engines.spec import Engine
from accelsk.errors import AccelskWarning, EngineNotAvailable, did_you_mean

if TYPE_CHECKING:
    from accelsk.engines.adapter import Adapter
    from accelsk.engines.overview import EngineTable

__all__ = ["broken", "engines", "get", "get_adapter", "names", "reference", "refresh", "why_missing"]

#: The entry-point group under which a package registers its engines.
GROUP = "accelsk.engines"


@lru_cache(maxsize=1)
def _builtin() -> tuple[str, ...]:
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg))


@lru_cache(maxsize=1)
def _plugins() -> tuple[dict[str, Engine], dict[str, str]]:
    """Load the plug-ins; a broken one is reported under its package's name, and the rest work."""
    loaded: dict[str, Engine] = {}
    failed: dict[str, str] = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        package = point.dist.name if point.dist is not None else point.value
        try:
            engine = point.load()
            problem = _problem_of_plugin(engine, point.name, loaded)
        except Exception as error:  # noqa: BLE001  whatever a plug-in raises must not take the others down
            problem = f"{type(error).__name__}: {error}"
        if problem:
            failed[point.name if point.name not in loaded else f"{point.name} ({package})"] = (
                f"the plug-in package {package!r} could not be loaded: {problem}"
            )
            warnings.warn(
                AccelskWarning(
                    f"engine {point.name!r} is left out: plug-in package {package!r} could not be loaded: {problem}",
                    hint=f"update or uninstall {package!r}.",
                    engine=point.name,
                    package=package,
                ),
                stacklevel=2,
            )
        else:
            loaded[point.name] = engine
    return loaded, failed


def _problem_of_plugin(engine: object, name: str, loaded: dict[str, Engine]) -> str:
    if not isinstance(engine, Engine):
        return f"its entry point is a {type(engine).__name__}, not an accelsk.engines.spec.Engine"
    if engine.name != name:
        return f"its entry point is named {name!r}, but its engine {engine.name!r}"
    if engine.reference:
        return "only scikit-learn itself is the reference engine"
    if name in _builtin():
        return f"accelsk has an engine of the name {name!r}, which wins"
    if name in loaded:
        return f"another package registered the name {name!r} first"
    return ""


def refresh() -> None:
    """Forget what is installed, so that the next question looks again; for notebooks after a ``pip install``."""
    for cached in (_builtin, _plugins, get, get_adapter, why_missing, reference):
        cached.cache_clear()
    importlib.invalidate_caches()


def names(*, plugins: bool = True) -> tuple[str, ...]:
    """Return the names of all engines, built-in first.

    Parameters
    ----------
    plugins : bool, default=True
        Whether the engines of other packages are among them.

    Returns
    -------
    tuple of str
        Whether they are installed or not; broken plug-ins are left out.

    Examples
    --------
    >>> from accelsk.engines import names
    >>> "sklearn" in names()
    True
    """
    return (*_builtin(), *_plugins()[0]) if plugins else _builtin()


def broken() -> dict[str, str]:
    """Return the plug-ins that could not be loaded, with the reason.

    Returns
    -------
    dict of str to str
        Entry-point name to reason.

    Examples
    --------
    >>> from accelsk.engines import broken
    >>> broken()
    {}
    """
    return dict(_plugins()[1])


@lru_cache(maxsize=64)
def get(name: str) -> Engine:
    """Return an engine by its name.

    Parameters
    ----------
    name : str
        As in ``engine="name"``.

    Returns
    -------
    Engine
        What it declares; its library need not be installed.

    Raises
    ------
    EngineNotAvailable
        If there is no engine of that name.

    Examples
    --------
    >>> from accelsk.engines import get
    >>> get("sklearn").title
    'scikit-learn'
    """
    if name in _builtin():
        engine: Engine = importlib.import_module(f"{__name__}.{name}").ENGINE
        return engine
    plugins, failed = _plugins()
    if name in plugins:
        return plugins[name]
    if name in failed:
        raise EngineNotAvailable(
            f"engine {name!r} is not available: {failed[name]}.",
            hint="update or uninstall that package.",
            engine=name,
        )
    raise EngineNotAvailable(
        f"there is no engine {name!r}.{did_you_mean(name, names())}",
        hint=f"the engines are {', '.join(names())}; a plug-in package adds its own.",
        engine=name,
    )


@lru_cache(maxsize=64)
def get_adapter(name: str) -> Adapter:
    """Return the adapter of an engine; this may import the engine's adapter module, not its library.

    Parameters
    ----------
    name : str
        The engine's name.

    Returns
    -------
    Adapter
        One per process.
    """
    engine = get(name)
    module, _, cls = engine.adapter.partition(":")
    made: Adapter = getattr(importlib.import_module(module), cls)(engine)
    return made


@lru_cache(maxsize=1)
def reference() -> Engine:
    """Return the engine that takes every estimator: scikit-learn itself.

    Returns
    -------
    Engine
        The one built-in engine that declares ``reference=True``.
    """
    return next(engine for engine in map(get, _builtin()) if engine.reference)


@lru_cache(maxsize=64)
def why_missing(name: str) -> EngineNotAvailable | None:
    """Say why an engine cannot be used in this environment, without importing its library.

    Parameters
    ----------
    name : str
        The engine's name.

    Returns
    -------
    EngineNotAvailable or None
        The error that asking for the engine would raise; None where it is usable.

    Examples
    --------
    >>> from accelsk.engines import why_missing
    >>> why_missing("sklearn") is None
    True
    """
    engine = get(name)
    if engine.reference:
        return None
    install = install_command(engine)
    found: dict[str, str | None] = {}
    for requirement in requirements(engine):
        from packaging.requirements import Requirement

        wanted = Requirement(requirement)
        try:
            found[requirement] = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            found[requirement] = None
        version = found[requirement]
        if version is not None and not wanted.specifier.contains(version, prereleases=True):
            return EngineNotAvailable(
                f"engine {name!r} needs {wanted.name}{wanted.specifier}, and {version} is installed.",
                hint=install,
                engine=name,
                package=wanted.name,
                installed=version,
                needed=str(wanted.specifier),
            )
    if not importable(module_of(engine)):
        modules = " or ".join(map(repr, (engine.imports, *engine.alternatives)))
        return EngineNotAvailable(
            f"engine {name!r} is not available: {engine.title} (module {modules}) is not installed.",
            hint=install,
            engine=name,
            package=engine.imports,
        )
    try:
        problem = get_adapter(name).problem()
    except Exception as error:  # noqa: BLE001  an engine whose own code is broken must not take the others down
        problem = f"its adapter does not work ({type(error).__name__}: {error})."
    return EngineNotAvailable(f"engine {name!r} is not usable here: {problem}", engine=name) if problem else None


def requirements(engine: Engine) -> tuple[str, ...]:
    """Return what an engine requires, read from accelsk's own metadata or declared by the plug-in.

    Parameters
    ----------
    engine : Engine
        The engine.

    Returns
    -------
    tuple of str
        Requirement strings. An engine with several extras (one per CUDA version) requires one of them: those of the
        extra whose distributions are installed, else of the first.
    """
    if not engine.extras:
        return engine.requires
    from packaging.requirements import Requirement

    try:
        declared = [Requirement(text) for text in importlib.metadata.requires("accelsk") or ()]
    except importlib.metadata.PackageNotFoundError:  # a source tree on the path, not installed: nothing to compare
        return ()
    by_extra = {
        extra: tuple(
            f"{requirement.name}{requirement.specifier}"
            for requirement in declared
            if requirement.marker is not None
            and requirement.marker.evaluate({"extra": extra})
            and not requirement.marker.evaluate({"extra": ""})
        )
        for extra in engine.extras
    }
    for needed in by_extra.values():
        if needed and all(_installed(Requirement(text).name) for text in needed):
            return needed
    return next(iter(by_extra.values()))


def module_of(engine: Engine) -> str:
    """Return the module by which an engine's library is imported here.

    Parameters
    ----------
    engine : Engine
        The engine.

    Returns
    -------
    str
        The first that is there of `Engine.imports` and `Engine.alternatives`; the former where none is.

    Examples
    --------
    >>> module_of(get("sklearn"))
    'sklearn'
    """
    modules = (engine.imports, *engine.alternatives)
    return next((module for module in modules if importable(module)), engine.imports)


def importable(module: str) -> bool:
    """Say whether a module is there, without importing it.

    Parameters
    ----------
    module : str
        Its name; with dots, the packages above it are imported.

    Returns
    -------
    bool
        Whether Python would find it.

    Examples
    --------
    >>> importable("json"), importable("no_such_package.module")
    (True, False)
    """
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # the package above it is not there; or is blocked
        return False


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def install_command(engine: Engine) -> str:
    """Return the command that installs an engine.

    Parameters
    ----------
    engine : Engine
        The engine.

    Returns
    -------
    str
        With pip; empty for what needs no installation.
    """
    wanted = [f'"accelsk[{extra}]"' for extra in engine.extras]
    words = " or ".join(wanted) or " ".join(f'"{requirement}"' for requirement in engine.requires)
    return f"pip install {words}" if words else ""


def engines() -> EngineTable:
    """List the engines: version, devices, classes, and for each that is not usable the reason and the remedy.

    Returns
    -------
    EngineTable
        A sequence of `~accelsk.engines.overview.EngineInfo` that prints as a table (text, rich, HTML).

    Examples
    --------
    >>> from accelsk import engines
    >>> "scikit-learn" in str(engines())
    True
    """
    from accelsk.engines.overview import EngineTable, overview

    return EngineTable(overview())
