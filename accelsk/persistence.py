"""What a pickle of a wrapper holds, and how it is opened where the engine, the device, or their versions are others.

A pickle of a wrapper is a call ``reopen(cls, header, state, fitted)`` of data:

* `header`, JSON: what it is, in words, for ``accelsk inspect`` and for the messages below;
* `state`: the hyperparameters and options of the wrapper;
* `fitted`: None, or a dict of the decision (as nested dicts), of scikit-learn's own fitted ``model`` where the row is
  portable, and of the ``engine``'s own (bytes) where it cannot be made again of that one, or is all that there is.

What changes in a way that an older accelsk would misread gets a new `FORMAT`; files of every format are kept in
``tests/data`` and must open forever. Names that stand in pickles: `reopen`, and the classes of wrappers.
"""

from __future__ import annotations

import importlib.metadata
import json
import pickle
import platform
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import sklearn

import accelsk
from accelsk import forks
from accelsk.backend import route_of
from accelsk.decision import Decision
from accelsk.devices import HOST, Device, devices_of
from accelsk.engines import get, install_command, reference, requirements, why_missing
from accelsk.engines.spec import Row
from accelsk.engines.translate import Refusal, keywords_of
from accelsk.errors import (
    AccelskError,
    AccelskWarning,
    DeviceNotAvailable,
    DevicePlacementWarning,
    EngineFallbackWarning,
    EngineNotAvailable,
    NotPortable,
)
from accelsk.export import exported
from accelsk.origin import home_of, public_name
from accelsk.remote import adapter_on
from accelsk.wrapper import Wrapper, outside

__all__ = ["FORMAT", "reduced", "reopen"]

FORMAT = 1

_FITTED = ("_backend", "_decision", "_takes")


def reduced(wrapper: Wrapper) -> tuple[Any, ...]:
    """Say how a wrapper is pickled.

    Parameters
    ----------
    wrapper : Wrapper
        Fitted or not.

    Returns
    -------
    tuple
        As from ``__reduce__``: a call of `reopen`.
    """
    for device in _devices_of(wrapper):
        forks.refuse_sending(device)
    state = wrapper.__getstate__()
    home = home_of(type(wrapper._inner))
    sealed = [name for name, value in state.items() if value is wrapper._inner] if home is not None else []
    for name in sealed:
        # Opening it imports the engine's library, and where that is missing the error is to say how to get it.
        state[name] = pickle.dumps(state[name], protocol=pickle.HIGHEST_PROTOCOL)
    held = {name: state.pop(name) for name in _FITTED if name in state}
    header = {
        "format": FORMAT,
        "accelsk": accelsk.__version__,
        "estimator": public_name(type(wrapper._inner)),
        "hyperparameters": _changed(wrapper._inner),
        "fitted": bool(held),
        "sealed": dict.fromkeys(sealed, home),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }
    fitted = None
    if held:
        decision: Decision = held["_decision"]
        fitted = {"decision": decision.to_state(), "takes": held["_takes"], **_models(wrapper, header)}
        header |= {
            "engine": decision.engine,
            "device": decision.device,
            "why": decision.why,
            "holds": [word for key, word in (("model", "scikit-learn"), ("engine", "engine")) if key in fitted],
            "portable": "model" in fitted,
            "needs": _versions_of(decision.engine),
            "install": install_command(get(decision.engine)),
        }
    return reopen, (type(wrapper), json.dumps(header), state, fitted)


def _devices_of(wrapper: Wrapper) -> set[Device]:
    """Where it computes, and where it is asked to compute, other than on the host."""
    asked = wrapper._given()["device"]
    known = (wrapper._decision.device,) if "_decision" in vars(wrapper) else ()
    return {Device.parse(text) for text in (*known, asked) if isinstance(text, str) and text not in ("auto", str(HOST))}


def _models(wrapper: Wrapper, header: dict[str, Any]) -> dict[str, Any]:
    """The fitted model: scikit-learn's own; the engine's, where that cannot be made of it; both; or the latter only."""
    route = route_of(wrapper._decision, type(wrapper._inner))
    if route.row is None:
        return {"model": wrapper._backend}
    if route.row.native:
        header["not_portable"] = f"{route.row.name} is a class of {get(route.engine).title} itself."
        return {"engine": route.adapter.dump(wrapper._backend, route.row)}
    models = {}
    try:
        models["model"] = exported(wrapper)
    except NotPortable as error:
        header["not_portable"] = str(error).splitlines()[0]
    if "model" not in models or not route.row.export.restores:
        models["engine"] = route.adapter.dump(wrapper._backend, route.row)
    return models


def reopen(cls: type[Wrapper], header: str, state: Mapping[str, Any], fitted: Mapping[str, Any] | None) -> Wrapper:
    """Open a wrapper. Pickles name this function: it stays.

    Parameters
    ----------
    cls : type
        The class of the wrapper.
    header : str
        JSON: what was pickled, where, with which versions.
    state : mapping
        The hyperparameters and options.
    fitted : mapping or None
        The fitted model.

    Returns
    -------
    Wrapper
        As it was pickled where the engine and the device are there; else with the next best model that computes the
        same, and a warning: the engine's on another device, or scikit-learn's.

    Raises
    ------
    EngineNotAvailable
        If the engine is not here, and its model could not be exported.
    DeviceNotAvailable
        If the engine computes on a device only that is not here, and its model could not be exported.
    AccelskError
        If it was written by a later version of accelsk, in a format that this one does not know.
    """
    known = json.loads(header)
    if known["format"] > FORMAT:
        raise AccelskError(
            f"this {known['estimator']} was pickled by accelsk {known['accelsk']} in format {known['format']}, and "
            f"accelsk {accelsk.__version__} knows formats up to {FORMAT}.",
            hint="pip install --upgrade accelsk",
        )
    wrapper: Wrapper = object.__new__(cls)
    wrapper.__dict__.update(state)
    for name, engine in known.get("sealed", {}).items():
        missing = _why_missing(engine)
        if missing is not None:
            raise EngineNotAvailable(
                f"this {known['estimator'].rpartition('.')[2]} is a class of engine {engine!r}, and only that opens "
                f"it. Here, {str(missing).splitlines()[0]}",
                hint=missing.hint,
                **missing.parts,
            )
        wrapper.__dict__[name] = pickle.loads(state[name])  # noqa: S301  it is a part of a pickle that is being opened
    if fitted is not None:
        decision = Decision.from_state(fitted["decision"])
        backend, decision = _Opening(wrapper, known, fitted, decision).model()
        wrapper.__dict__.update(_backend=backend, _decision=decision, _takes=tuple(fitted["takes"]))
    return wrapper


def _why_missing(engine: str) -> EngineNotAvailable | None:
    try:
        return why_missing(engine)
    except EngineNotAvailable as error:  # a plug-in that is not installed
        return error


class _Unopened:
    """Stands for a model that could not be opened in this process: every use of it says why."""

    def __init__(self, error: AccelskError) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self.__dict__["_error"]


class _Opening:
    """A fitted model that is being opened."""

    def __init__(
        self, wrapper: Wrapper, header: Mapping[str, Any], fitted: Mapping[str, Any], decision: Decision
    ) -> None:
        self.wrapper, self.header, self.fitted, self.decision = wrapper, header, fitted, decision
        self.name = f"{header['estimator'].rpartition('.')[2]}"
        self.by = f"engine {decision.engine!r} fitted this {self.name}"

    def model(self) -> tuple[Any, Decision]:
        """The best model that there is here, and what is to be said of it."""
        engine = self.decision.engine
        if engine == reference().name:
            return self.fitted["model"], self.decision
        missing = _why_missing(engine)
        if missing is not None:
            if "model" in self.fitted:
                return self.plain(f"{self.by}, and is not usable here: {str(missing).splitlines()[0]}")
            raise self.not_here(missing)
        rows = get(engine).rows_of(self.header["estimator"])
        if not rows:
            return self.plain(f"{self.by}, and does not compute it any more")
        device = self.device(rows)
        row = None if device is None else next((row for row in rows if row.runs_on(device)), None)
        if device is None or row is None:
            return self.plain(f"{self.by} on {self.decision.device!r}, which is not here", DevicePlacementWarning)
        return self.on(row, device)

    def on(self, row: Row, device: Device) -> tuple[Any, Decision]:
        """The engine's model on a device."""
        decision, adapter = self.decision, adapter_on(self.decision.engine, device)
        broken = forks.broken_by_fork(device) if device != HOST else None
        if broken is not None:
            # Searches send fitted models along that they do not use. An error here would end the worker without a word,
            # and some libraries hang when they open a model after a fork.
            return _Unopened(broken), decision
        same = self.header["needs"] == _versions_of(decision.engine)
        keywords, refusals = self.keywords(row)
        unmet = self.not_taken(row, refusals)
        if unmet and str(device) != decision.device and "model" in self.fitted:
            text = f"{self.by} on {decision.device!r}, which is not here; on {str(device)!r} it {unmet}"
            return self.plain(text, DevicePlacementWarning)
        try:
            if "engine" not in self.fitted:
                keywords = adapter.on_device(row, keywords, device)
                backend = adapter.restore(self.fitted["model"], row, keywords, device)
            elif same or "model" not in self.fitted:
                backend = adapter.load_dump(self.fitted["engine"], row, device)
            else:
                return self.plain(f"{self.by} with {self.needs}, and another version is installed")
        except Exception as error:
            if "model" not in self.fitted:
                raise
            return self.plain(f"{self.by}, and cannot take it back ({type(error).__name__}: {error})")
        if str(device) != decision.device:
            text = f"{self.by} on {decision.device!r}, which is not here: it is on {str(device)!r} now"
            self.warn(DevicePlacementWarning, text)
            self.wrapper.__dict__["_moved_from"] = decision.device
            decision = replace(decision, device=str(device), why=text)
        self.wrapper.__dict__.setdefault("_params", self.wrapper._inner.get_params(deep=False))
        return backend, decision

    def device(self, rows: Sequence[Row]) -> Device | None:
        """Where the engine is to compute: as saved, on another device of the kind, or on the host; None for nowhere."""
        saved = Device.parse(self.decision.device)
        if saved == HOST and "cpu" in get(self.decision.engine).devices and any(row.runs_on(HOST) for row in rows):
            return HOST  # without asking for others, for which a driver may take its time in every worker process
        there = [device for device in devices_of(self.decision.engine) if any(row.runs_on(device) for row in rows)]
        if saved in there:
            return saved
        alike = [device for device in there if (device.backend, device.kind) == (saved.backend, saved.kind)]
        if alike or HOST in there:
            return alike[0] if alike else HOST
        if "model" in self.fitted:
            return None
        raise DeviceNotAvailable(
            f"{self.by} on {self.decision.device!r}, which is not here, and it cannot be made scikit-learn's own: "
            f"{self.header.get('not_portable')}",
            hint="open it where the device is.",
            engine=self.decision.engine,
            device=self.decision.device,
        )

    def not_taken(self, row: Row, refusals: Sequence[Refusal]) -> str:
        """What may speak against a model where another row holds than that of its fit; empty for nothing.

        The data are not here any more: what the row needs of them is met if it was needed there, too.
        """
        if refusals:
            return f"does not take that {refusals[0].parameter}"
        there = get(self.decision.engine).row(self.header["estimator"], Device.parse(self.decision.device))
        met = set() if there is None else set(there.fit.needs)
        return next((f"needs {need.text}" for need in row.fit.needs if need not in met), "")

    def keywords(self, row: Row) -> tuple[dict[str, Any], tuple[Refusal, ...]]:
        """The translated hyperparameters, and what the row does not take of them."""
        params = self.wrapper._as_fitted().get_params(deep=False)
        return keywords_of(row, self.decision.engine, params, self.wrapper._options())

    def plain(self, text: str, category: type[AccelskWarning] = EngineFallbackWarning) -> tuple[Any, Decision]:
        """scikit-learn's model, with a warning."""
        text = f"{text.rstrip('.')}: scikit-learn computes the same model"
        self.warn(category, text)
        self.wrapper.__dict__.pop("_params", None)
        return self.fitted["model"], replace(
            self.decision, engine=reference().name, device=str(HOST), why=text, fell_back=True
        )

    def warn(self, category: type[AccelskWarning], text: str) -> None:
        warnings.warn(category(f"{text}.", engine=self.decision.engine), stacklevel=outside())

    def not_here(self, missing: EngineNotAvailable) -> EngineNotAvailable:
        """The error for a model that is the engine's alone."""
        return EngineNotAvailable(
            f"{self.by} with {self.needs}, and only that opens it. It could not be made scikit-learn's own: "
            f"{self.header.get('not_portable')} Here, {str(missing).splitlines()[0]}",
            hint=self.header["install"],
            **missing.parts,
        )

    @property
    def needs(self) -> str:
        """The packages that the engine is made of, with the versions at the fit."""
        return " and ".join(f"{package} {version}" for package, version in self.header["needs"].items())


def _changed(estimator: Any) -> dict[str, str]:
    """The hyperparameters that differ from their defaults, as text."""
    given = estimator.get_params(deep=False)
    try:
        default = type(estimator)().get_params(deep=False)
    except TypeError:
        default = {}
    told = {name: repr(value) for name, value in given.items()}
    return {name: text[:200] for name, text in told.items() if name not in default or text != repr(default[name])}


@lru_cache(maxsize=32)
def _versions_of(engine: str) -> Mapping[str, str | None]:
    """The distributions that an engine is made of, and their versions here."""
    from packaging.requirements import Requirement

    found: dict[str, str | None] = {}
    for package in (Requirement(text).name for text in requirements(get(engine))):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found
