"""What speaks against an engine, in words: each with the parameter, the value, what there is, and the way out."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from accelsk.decision import Reason
from accelsk.devices import Device, devices_of, discover
from accelsk.engines import get, names, reference
from accelsk.engines.spec import Engine, Row
from accelsk.engines.translate import Refusal
from accelsk.errors import AccelskError, EngineNotAvailable, UnsupportedInput
from accelsk.hyperparameters import is_plain

__all__ = [
    "no_cluster_device",
    "no_device",
    "no_device_at_all",
    "no_row",
    "nobody_trains",
    "refused",
    "short",
    "untrained",
    "unusable",
    "way_out",
]


@lru_cache(maxsize=4096)
def _no_row(engine: str, cls: str, hint: str) -> Reason:
    return Reason("row", f"engine {engine!r} does not compute {cls}", hint, {"estimator": cls.rpartition(".")[2]})


def no_row(engine: Engine, cls: str) -> Reason:
    """Say that an engine has no row for a class.

    Parameters
    ----------
    engine : Engine
        The engine.
    cls : str
        Public path of the class.

    Returns
    -------
    Reason
        Of kind "row".
    """
    return _no_row(engine.name, cls, way_out(engine))


def no_device(engine: Engine, rows: Sequence[Row], request: Device | None) -> Reason:
    """Say that an engine does not reach a device.

    Parameters
    ----------
    engine : Engine
        The engine.
    rows : sequence of Row
        Its rows for the class, which may run on fewer devices than the engine reaches.
    request : Device or None
        What was asked for.

    Returns
    -------
    Reason
        Of kind "device"; names what there is.
    """
    reached = [device for device in devices_of(engine.name) if not rows or any(row.runs_on(device) for row in rows)]
    there = ", ".join(map(str, reached)) or "none"
    narrowed = bool(rows) and all(row.devices is not None for row in rows)
    what = f"engine {engine.name!r}" + (f" with {rows[0].name}" if narrowed else "")
    if narrowed and request is not None and not any(row.runs_on(request) for row in rows):
        kinds = " or ".join(kind for row in rows for kind in row.devices or ())
        there += f" (it computes {rows[0].name} on {kinds} only)"
    wanted = "device" if request is None else f"device {str(request)!r}"
    return Reason(
        "device",
        f"{what} reaches no {wanted} here; it reaches: {there}",
        'accelsk.devices() lists what there is; device="auto" takes what the engine prefers.',
        {"device": None if request is None else str(request), "available": there},
    )


def no_device_at_all(request: Device | None) -> AccelskError:
    """Say that no engine reaches a device.

    Parameters
    ----------
    request : Device or None
        What was asked for.

    Returns
    -------
    DeviceNotAvailable
        Names what there is.
    """
    there = "; ".join(f"{info.device} ({', '.join(info.engines)})" for info in discover())
    return Reason(
        "device",
        f"no engine that is installed reaches device {str(request)!r}; there is: {there}",
        'accelsk.engines() shows which engine needs what for it; device="auto" takes what there is.',
        {"device": str(request), "available": there},
    ).error()


def untrained(engine: Engine, cls: str) -> Reason:
    """Say that an engine does not train a class on dask collections.

    Parameters
    ----------
    engine : Engine
        The engine.
    cls : str
        Public path of the class.

    Returns
    -------
    Reason
        Of kind "input".
    """
    name = cls.rpartition(".")[2]
    return Reason(
        "input",
        f"engine {engine.name!r} does not train {name} on dask collections",
        _WAYS_OUT,
        {"estimator": name},
    )


_WAYS_OUT = (
    "X.compute() brings the data to this machine, where they fit into its memory; a model that was fitted to a sample "
    "predicts a dask collection lazily and blockwise, as do dask-ml's ParallelPostFit and Incremental around plain "
    "estimators"
)


def nobody_trains(estimator: str, cls: str, engines: Sequence[Engine]) -> AccelskError:
    """Say that none of some engines trains a class on dask collections, and which do.

    Parameters
    ----------
    estimator : str
        The estimator in short.
    cls : str
        Public path of its class.
    engines : sequence of Engine
        Those that were asked.

    Returns
    -------
    UnsupportedInput
        Names the ways out.
    """
    able = [name for name in names() if any(row.distributed for row in get(name).rows_of(cls))]
    here = [engine.name for engine in engines if engine.name not in able]
    named = " or ".join(f"engine={name!r}" for name in able)
    far = (
        f", and the engines that do ({', '.join(map(repr, able))}) are chosen only by name: their results are not "
        "within the fidelity that was asked for"
        if any(engine.name in able for engine in engines)
        else ""
    )
    asked = (
        f"engine {here[0]!r} does not train" if len(here) == 1 else f"engines {', '.join(map(repr, here))} do not train"
    )
    return UnsupportedInput(
        f"X is a dask collection, and {asked} {estimator} on one{far}.",
        hint=f"{f'{named} trains on the workers of the cluster; ' if named else ''}{_WAYS_OUT}.",
        estimator=cls.rpartition(".")[2],
        engine=tuple(engine.name for engine in engines),
    )


def no_cluster_device(engine: Engine, row: Row, request: str, kinds: Sequence[str]) -> Reason:
    """Say that the workers of a cluster do not compute on a device.

    Parameters
    ----------
    engine : Engine
        The engine.
    row : Row
        Its row.
    request : str
        What was asked for.
    kinds : sequence of str
        The kinds of device that they compute on.

    Returns
    -------
    Reason
        Of kind "device".
    """
    return Reason(
        "device",
        f"engine {engine.name!r} does not train {row.name} on device {request!r} of the workers of a dask cluster; "
        f"it supports {' and '.join(map(repr, kinds))} there",
        "a GPU is each worker's own, and is asked for without a number" if "gpu" in kinds else "train on processors",
        {"estimator": row.name, "device": request},
    )


def refused(engine: Engine, row: Row, refusal: Refusal) -> Reason:
    """Say that an engine does not support the value of a hyperparameter.

    Parameters
    ----------
    engine : Engine
        The engine.
    row : Row
        Its row.
    refusal : Refusal
        What the rules said.

    Returns
    -------
    Reason
        Of kind "parameter".
    """
    value = _short_value(refusal.value)
    judged = ((refusal.parameter, refusal.value), *refusal.others)
    call = ", ".join(f"{name}={_short_value(its_value)}" for name, its_value in judged)
    return Reason(
        "parameter",
        f"engine {engine.name!r} cannot run {row.name}({call}); it supports {refusal.supported}",
        way_out(engine, f"drop {' and '.join(name for name, _ in judged)}, "),
        {
            "estimator": row.name,
            "parameter": refusal.parameter,
            "value": refusal.value if isinstance(refusal.value, str | int | float | bool | None) else value,
            "supported": refusal.supported,
        },
    )


def way_out(engine: Engine, first: str = "") -> str:
    """Return the hint that always helps.

    Parameters
    ----------
    engine : Engine
        The engine that cannot do it.
    first : str, default=""
        What else would help, ending in ", ".

    Returns
    -------
    str
        A sentence.
    """
    return f"{first}use engine='auto', or list a second choice: engine={[engine.name, reference().name]}."


def short(estimator: Any) -> str:
    """Return the class with the hyperparameters that differ from their defaults, on one line.

    Parameters
    ----------
    estimator : estimator
        The estimator.

    Returns
    -------
    str
        Its `repr`; the name of the class where that fails.
    """
    try:
        cls: Any = type(estimator)
        held, defaults = vars(estimator), _defaults(cls)
        changed = [(name, held[name]) for name, default in defaults if held[name] is not default]
        if all(is_plain(value) for _, value in changed):
            # A decision is made at every fit: this costs a tenth of what scikit-learn's repr does, and says the same.
            own = dict(defaults)
            shown = ", ".join(f"{name}={value!r}" for name, value in changed if repr(value) != repr(own[name]))
            return f"{cls.__name__}({shown})"
        from sklearn import config_context

        with config_context(print_changed_only=True):
            return " ".join(repr(estimator).split())
    except Exception:  # noqa: BLE001  a repr that fails must not make a fit fail
        return type(estimator).__name__


@lru_cache(maxsize=1024)
def _defaults(cls: Any) -> tuple[tuple[str, Any], ...]:
    """The constructor's parameters and defaults, in the order in which scikit-learn prints them."""
    parameters = inspect.signature(cls).parameters
    return tuple((name, parameters[name].default) for name in sorted(parameters))


def _short_value(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def unusable(error: ImportError, engine: Engine) -> EngineNotAvailable:
    """Return the error for an engine that is installed but does not import.

    Parameters
    ----------
    error : ImportError
        What its import raised.
    engine : Engine
        The engine.

    Returns
    -------
    EngineNotAvailable
        With the cause in its words.
    """
    return EngineNotAvailable(
        f"engine {engine.name!r} is installed but cannot be imported: {error}.",
        hint="`accelsk doctor` checks the installation; reinstalling the library often helps.",
        engine=engine.name,
    )
