"""The backends there are: what each needs, and how to install it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accelsk.errors import EngineNotAvailable, UnsupportedParameter, did_you_mean

__all__ = ["BACKENDS", "Kind", "backend_of"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of backend.

    Parameters
    ----------
    made_by : str
        The class, ``"module:name"``: of a joblib backend, or of a `Cluster`.
    summary : str
        What its workers are.
    imports : str, default=""
        The module that must be installed.
    extra : str, default=""
        The extra of accelsk that installs it.
    cluster : bool, default=False
        Whether its workers may be on other machines.
    """

    made_by: str
    summary: str
    imports: str = ""
    extra: str = ""
    cluster: bool = False

    def load(self) -> Any:
        """Import the class.

        Returns
        -------
        type
            Of a joblib backend, or of a `Cluster`.
        """
        module, _, name = self.made_by.partition(":")
        return getattr(importlib.import_module(module), name)


BACKENDS: Mapping[str, Kind] = {
    "loky": Kind("accelsk.parallel.local:Loky", "processes of this machine, kept for the next call"),
    "multiprocessing": Kind("accelsk.parallel.local:Multiprocessing", "processes of this machine, forked at each call"),
    "threading": Kind("accelsk.parallel.local:Threading", "threads of this process"),
    "ray": Kind("accelsk.parallel.on_ray:RayCluster", "tasks of ray", "ray", "ray", cluster=True),
    "dask": Kind("accelsk.parallel.on_dask:DaskCluster", "workers of dask", "distributed", "dask", cluster=True),
    "spark": Kind("accelsk.parallel.on_spark:SparkCluster", "executors of Spark", "pyspark", "spark", cluster=True),
}


def backend_of(name: str) -> Kind:
    """Look up a backend.

    Parameters
    ----------
    name : str
        Its name.

    Returns
    -------
    Kind
        One that is installed.

    Raises
    ------
    UnsupportedParameter
        If there is none of this name.
    EngineNotAvailable
        If the package that it needs is not installed.
    """
    kind = BACKENDS.get(name)
    if kind is None:
        raise UnsupportedParameter(
            f"backend={name!r} is not one of {', '.join(map(repr, BACKENDS))}.{did_you_mean(name, BACKENDS)}",
            hint="choose one of them, or a backend that was registered with joblib.",
            parameter="backend",
            value=repr(name),
        )
    if kind.imports and importlib.util.find_spec(kind.imports) is None:
        raise EngineNotAvailable(
            f"backend={name!r} needs the package {kind.imports!r}, which is not installed.",
            hint=f'pip install "accelsk[{kind.extra}]"',
            parameter="backend",
            value=repr(name),
            package=kind.imports,
        )
    return kind
