"""The versions that a bug report needs."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import Any

__all__ = ["show_versions", "versions"]


_PACKAGES = (
    "accelsk",
    "scikit-learn",
    "numpy",
    "scipy",
    "joblib",
    "threadpoolctl",
    "pandas",
    "polars",
    "modin",
    "ray",
    "distributed",
    "pyspark",
)


def versions() -> dict[str, Any]:
    """Collect the versions of Python, accelsk, what it requires, and every engine.

    Returns
    -------
    dict
        "python", "platform", "packages" and "engines", each to be printed as it is. Imports no engine.

    Examples
    --------
    >>> sorted(versions())
    ['engines', 'packages', 'platform', 'python']
    """
    from accelsk.engines.overview import overview

    packages = {}
    for name in _PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "python": sys.version.replace("\n", " "),
        "platform": platform.platform(),
        "packages": packages,
        "engines": {info.name: info.version or "not installed" for info in overview()},
    }


def show_versions() -> None:
    """Print the versions that a bug report needs.

    Examples
    --------
    >>> from accelsk import show_versions
    >>> show_versions()  # doctest: +ELLIPSIS
    python: 3...
    """
    found = versions()
    print(f"python: {found['python']}")
    print(f"platform: {found['platform']}")
    for group in ("packages", "engines"):
        print(f"{group}:")
        for name, version in found[group].items():
            print(f"  {name}: {version}")
