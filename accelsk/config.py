"""Defaults of the options, for a process or for a block of code. ``ACCELSK_*`` variables are read here only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from accelsk.devices import Device
from accelsk.engines.spec import FIDELITIES
from accelsk.errors import UnsupportedParameter, did_you_mean

__all__ = ["Options", "config_context", "get_config", "resolve", "resolve_cache_bytes", "set_config", "snapshot"]

#: What holds where nobody says anything else.
_BUILT_IN: dict[str, Any] = {
    "engine": "auto",
    "device": "auto",
    "fallback": "warn",
    "fidelity": "statistical",
    "sparse": "auto",
    "cache_bytes": 512 * 2**20,
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "fallback": ("warn", "raise", "silent"),
    "fidelity": FIDELITIES,
    "sparse": ("auto", "densify", "error"),
}
_VARIABLES = tuple(f"ACCELSK_{name.upper()}" for name in _BUILT_IN)
#: The same as the environment keeps them.
_ENCODED = tuple(map(getattr(os.environ, "encodekey", str), _VARIABLES))
_process: dict[str, Any] = {}
# Immutable on purpose: a context variable must be replaced, never mutated.
_block: ContextVar[Mapping[str, Any]] = ContextVar("accelsk_config", default={})  # noqa: B039


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one call, resolved and validated.

    Parameters
    ----------
    engine : str or tuple of str
        "auto", a name, or names in order of preference.
    device : Device or None
        What was asked for; None for "auto".
    fallback, fidelity, sparse : str
        As in `~accelsk.AcceleratedEstimator`.
    engine_params : mapping
        Engine name to keyword arguments.
    n_jobs : int or None
        Cores inside the object.
    """

    engine: str | tuple[str, ...]
    device: Device | None
    fallback: str
    fidelity: str
    sparse: str
    engine_params: Mapping[str, Mapping[str, Any]]
    n_jobs: int | None


def get_config() -> dict[str, Any]:
    """Return the defaults that hold here.

    Returns
    -------
    dict
        The options "engine", "device", "fallback", "fidelity", "sparse" and "cache_bytes": those of the innermost
        `config_context`, else of `set_config`, else of the environment (``ACCELSK_ENGINE``, ``ACCELSK_DEVICE``,
        ``ACCELSK_FALLBACK``, ...), else the built-in ones.

    Examples
    --------
    >>> from accelsk import get_config
    >>> get_config()["engine"]
    'auto'
    """
    return {**_BUILT_IN, **_environment(), **_process, **_block.get()}


def set_config(
    *,
    engine: str | Sequence[str] | None = None,
    device: str | None = None,
    fallback: str | None = None,
    fidelity: str | None = None,
    sparse: str | None = None,
    cache_bytes: int | None = None,
) -> None:
    """Set defaults for this process.

    Parameters
    ----------
    engine, device, fallback, fidelity, sparse : default=None
        As in `AcceleratedEstimator`; None leaves the present default.
    cache_bytes : int, default=None
        How many bytes ``AcceleratedPipeline(memory="cache")`` may keep, in each process; None leaves the present
        default.

    Raises
    ------
    UnsupportedParameter
        If a value is not one that the option takes; nothing is changed then.

    See Also
    --------
    config_context : The same for a block of code.

    Examples
    --------
    >>> from accelsk import get_config, set_config
    >>> set_config(fallback="raise")
    >>> get_config()["fallback"]
    'raise'
    >>> set_config(fallback="warn")
    """
    given = {"engine": engine, "device": device, "fallback": fallback, "fidelity": fidelity, "sparse": sparse}
    _process.update(_given(**given, cache_bytes=cache_bytes))


@contextmanager
def config_context(
    *,
    engine: str | Sequence[str] | None = None,
    device: str | None = None,
    fallback: str | None = None,
    fidelity: str | None = None,
    sparse: str | None = None,
    cache_bytes: int | None = None,
) -> Iterator[None]:
    """Set defaults for a block of code.

    The block is the current context (thread or task) only. Estimators that are cloned or pickled inside the block keep
    its options, so a search that sends clones to joblib workers computes there what it would compute here.

    Parameters
    ----------
    engine, device, fallback, fidelity, sparse : default=None
        As in `AcceleratedEstimator`; None leaves the present default.
    cache_bytes : int, default=None
        How many bytes ``AcceleratedPipeline(memory="cache")`` may keep, in each process; None leaves the present
        default.

    Yields
    ------
    None

    Raises
    ------
    UnsupportedParameter
        If a value is not one that the option takes.

    See Also
    --------
    set_config : The same for the process.

    Examples
    --------
    >>> from accelsk import config_context, get_config
    >>> with config_context(engine="sklearn"):
    ...     get_config()["engine"]
    'sklearn'
    >>> get_config()["engine"]
    'auto'
    """
    given = {"engine": engine, "device": device, "fallback": fallback, "fidelity": fidelity, "sparse": sparse}
    token = _block.set({**_block.get(), **_given(**given, cache_bytes=cache_bytes)})
    try:
        yield
    finally:
        _block.reset(token)


def snapshot() -> Mapping[str, Any]:
    """Return the options of the innermost block, for an object that leaves it.

    Returns
    -------
    mapping
        Empty outside every `config_context`.
    """
    return _block.get()


def resolve(given: Mapping[str, Any], carried: Mapping[str, Any]) -> Options:
    """Work out the options of one call.

    Parameters
    ----------
    given : mapping
        The options of the object; those that are None are taken from the configuration. Also "engine_params", "n_jobs".
    carried : mapping
        The block that the object was cloned or pickled in: it counts less than a block around the call, and more than
        the defaults of the process.

    Returns
    -------
    Options
        Validated.

    Raises
    ------
    UnsupportedParameter
        If a value is not one that the option takes.
    """
    own = tuple(map(given.get, _BUILT_IN))
    layers = (tuple(_process.items()), tuple(carried.items()), tuple(_block.get().items()))
    try:
        options = _resolved(_variables(), own, *layers)
    except TypeError:  # a list of engines, say
        options = _resolved.__wrapped__(_variables(), own, *layers)
    engine_params, n_jobs = given.get("engine_params"), given.get("n_jobs")
    if not engine_params and n_jobs is None:
        return options
    engine_params = engine_params or {}
    if not isinstance(engine_params, Mapping) or not all(isinstance(v, Mapping) for v in engine_params.values()):
        raise UnsupportedParameter(
            f"engine_params={engine_params!r} is not a mapping of engine names to mappings.",
            hint='write engine_params={"engine name": {"parameter": value}}.',
            parameter="engine_params",
            value=repr(engine_params),
        )
    return replace(options, engine_params=engine_params, n_jobs=n_jobs)


@lru_cache(maxsize=256)
def _resolved(variables: tuple[Any, ...], own: tuple[Any, ...], *layers: tuple[tuple[str, Any], ...]) -> Options:
    """The same for the options that a fit shares with many others: its own, the process, what is carried, the block."""
    process, carried, block = map(dict, layers)
    given = _given(**dict(zip(_BUILT_IN, own, strict=True)))
    chosen = {**_BUILT_IN, **_environment(), **process, **carried, **block, **given}
    device = None if chosen["device"] == "auto" else Device.parse(chosen["device"])
    return Options(chosen["engine"], device, chosen["fallback"], chosen["fidelity"], chosen["sparse"], {}, None)


def _variables() -> tuple[Any, ...]:
    """What tells whether the environment is another one."""
    # `os.environ` raises an exception for each variable that is not set, and catches it: at every fit that is noticed.
    held = getattr(os.environ, "_data", None)
    return tuple(map(os.environ.get, _VARIABLES)) if held is None else tuple(map(held.get, _ENCODED))


def resolve_cache_bytes(carried: Mapping[str, Any]) -> int:
    """Work out how many bytes a pipeline may keep in its cache.

    Parameters
    ----------
    carried : mapping
        As in `resolve`.

    Returns
    -------
    int
        Bytes, in each process.
    """
    size: int = _layers(carried)["cache_bytes"]
    return size


def _layers(carried: Mapping[str, Any]) -> dict[str, Any]:
    return {**_BUILT_IN, **_environment(), **_process, **carried, **_block.get()}


def check_environment() -> dict[str, tuple[str, str]]:
    """Check every ``ACCELSK_*`` variable that is set, for ``accelsk doctor``.

    Returns
    -------
    dict
        Variable to value and problem: the problem is empty where the value is understood, and the value is left out
        where the variable is not one of ours.

    Examples
    --------
    >>> all(variable.startswith("ACCELSK_") for variable in check_environment())
    True
    """
    options = dict(zip(_VARIABLES, _BUILT_IN, strict=True))
    checked = {}
    for variable, value in sorted(os.environ.items()):
        if variable in options:
            problem = ""
            try:
                _given(**_read(options[variable]))
            except UnsupportedParameter as error:
                problem = str(error).splitlines()[0]
            checked[variable] = (value, problem)
        elif variable == _CPU_AS_GPU:
            problem = "" if value.strip() in _SWITCH else f"{variable}={value!r} is neither 0 nor 1; it counts as 0."
            checked[variable] = (value, problem)
        elif variable == _CACHE_DIR:
            checked[variable] = (value, "")
        elif variable.startswith("ACCELSK_"):
            known = (*options, _CPU_AS_GPU, _CACHE_DIR)
            checked[variable] = ("", f"no such variable is read.{did_you_mean(variable, known)}")
    return checked


_CPU_AS_GPU = "ACCELSK_OPENCL_CPU_AS_GPU"
_CACHE_DIR = "ACCELSK_CACHE_DIR"
_SWITCH = {"": False, "0": False, "1": True}


def counts_cpu_as_gpu() -> bool:
    """Say whether an OpenCL device that is a CPU counts as a GPU (``ACCELSK_OPENCL_CPU_AS_GPU=1``).

    Returns
    -------
    bool
        False unless it was asked for: it is there so that the code for GPUs can be tested without one.

    Examples
    --------
    >>> counts_cpu_as_gpu()
    False
    """
    return _SWITCH.get(os.environ.get(_CPU_AS_GPU, "").strip(), False)


def cache_folder() -> Path:
    """Return the folder for what was measured on this machine.

    Returns
    -------
    Path
        ``ACCELSK_CACHE_DIR``, else the user's folder for caches, as the operating system has it. It may not be there.

    Examples
    --------
    >>> cache_folder().is_absolute()
    True
    """
    given = os.environ.get(_CACHE_DIR, "").strip()
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("accelsk", appauthor=False)


def _environment() -> dict[str, Any]:
    found = {name: value for option in _BUILT_IN for name, value in _read(option).items()}
    return _given(**found) if found else found


def _read(option: str) -> dict[str, Any]:
    value = os.environ.get(f"ACCELSK_{option.upper()}", "").strip()
    if not value:
        return {}
    return {option: tuple(part.strip() for part in value.split(",") if part.strip()) if "," in value else value}


def _given(**options: Any) -> dict[str, Any]:
    """Validate the options that are not None."""
    checked: dict[str, Any] = {}
    for name, value in options.items():
        if value is None:
            continue
        if name == "engine":
            checked[name] = _engine(value)
        elif name == "device":
            checked[name] = _device(value)
        elif name == "cache_bytes":
            checked[name] = _cache_bytes(value)
        elif value in _CHOICES[name]:
            checked[name] = value
        else:
            raise UnsupportedParameter(
                f"{name}={value!r} is not one of {', '.join(map(repr, _CHOICES[name]))}."
                f"{did_you_mean(value, _CHOICES[name])}",
                hint=f"choose one of them, or leave {name}=None for the configured default.",
                parameter=name,
                value=value if isinstance(value, str) else repr(value),
            )
    return checked


def _device(value: Any) -> str:
    if isinstance(value, str) and value != "auto":
        Device.parse(value)
    elif not isinstance(value, str | Device):
        raise UnsupportedParameter(
            f"device={value!r} is not a string.",
            hint='write for instance "cpu", "gpu:1" or "auto".',
            parameter="device",
            value=repr(value),
        )
    return str(value)


def _cache_bytes(value: Any) -> int:
    try:
        size = int(value)  # a variable of the environment is a string
        if size == float(value) and size >= 0:
            return size
    except (TypeError, ValueError):
        pass
    raise UnsupportedParameter(
        f"cache_bytes={value!r} is not a number of bytes.",
        hint="write a whole number that is not negative, such as 2**30; 0 keeps nothing.",
        parameter="cache_bytes",
        value=repr(value),
    )


def _engine(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, Sequence) and value and all(isinstance(name, str) and name != "auto" for name in value):
        return tuple(value)
    raise UnsupportedParameter(
        f'engine={value!r} is neither "auto", nor an engine name, nor a sequence of engine names.',
        hint="accelsk.engines() lists the names.",
        parameter="engine",
        value=value if isinstance(value, str) else repr(value),
    )
