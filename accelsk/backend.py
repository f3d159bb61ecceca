"""The backend estimator: built, fitted and called as a plan says."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin, is_classifier, is_regressor

from accelsk import convert, forks
from accelsk.batches import is_finite
from accelsk.blocks import holds_collections
from accelsk.config import Options
from accelsk.decision import Decision
from accelsk.devices import HOST, Device
from accelsk.engines import get, get_adapter
from accelsk.engines.adapter import Adapter
from accelsk.engines.spec import Row
from accelsk.errors import UnsupportedInput, UnsupportedMethod
from accelsk.facts import Facts
from accelsk.offering import evaluation_of
from accelsk.origin import public_name
from accelsk.plans import Plan
from accelsk.reasons import unusable
from accelsk.remembered import as_alone, within_share
from accelsk.remote import adapter_on, taken_along
from accelsk.residence import Resident
from accelsk.selection import select
from accelsk.threads import economical, in_force, stepwise
from accelsk.tickets import admitted

__all__ = ["Route", "carry_out", "compute", "parallel", "route_of"]

#: Attributes that scikit-learn puts on an estimator besides its hyperparameters, and that the backend estimator needs.
_CONFIGURATION = ("_sklearn_output_config", "_metadata_request")
_CALLBACKS = ("_skl_callbacks", "_parent_callback_ctx")

#: The methods of which the result is the next step's X.
_TRANSFORMING = ("transform", "inverse_transform")


def parallel(backend: str | None, n_jobs: int | None) -> AbstractContextManager[Any]:
    """Return the context for what runs in parallel inside a call.

    Parameters
    ----------
    backend : str or None
        A backend; None changes nothing.
    n_jobs : int or None
        The number of jobs that whoever asks for none gets.

    Returns
    -------
    context manager
        `parallel_config`, or nothing.
    """
    if backend is None:
        return nullcontext()
    from accelsk.parallel.context import parallel_config  # its neighbours import this module

    return parallel_config(backend, n_jobs)


def carry_out(
    wrapper: Any,
    method: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Options,
    previous: tuple[Decision, Any] | None,
) -> tuple[Any, Plan, Any]:
    """Decide, build, fit.

    Parameters
    ----------
    wrapper : Wrapper
        Who asks; it is not changed.
    method : str
        The fitting method.
    args, kwargs : sequence, mapping
        Its arguments.
    options : Options
        What was asked for.
    previous : tuple of (Decision, object) or None
        The fit that ``partial_fit`` or ``warm_start`` goes on from.

    Returns
    -------
    backend : object
        The fitted backend estimator.
    plan : Plan
        What was decided.
    result : object
        What the method returned.
    """
    estimator = wrapper._inner
    named = arguments(type(estimator), method, args, kwargs)
    resident = _X(args, kwargs)
    X = named.pop("X", None)
    data = X.data if isinstance(X, Resident) else X
    if holds_collections((data, *named.values())):
        return _on_a_cluster(wrapper, method, {"X": data, **named}, options, stays=isinstance(X, Resident))
    facts = Facts(X.data if isinstance(X, Resident) else X, named.pop("y", None), named)
    if previous is not None and method == "partial_fit":
        # Later batches go where the first one went: another engine could not go on from its state.
        options = _same_engine(options, previous[0])
    plan = select(estimator, facts, options, method, callbacks=bool(wrapper.__dict__.get("_skl_callbacks")))
    facts.release()
    if plan.decision.fell_back and options.fallback == "warn" and not plan.decision.invalid:
        wrapper._tell(plan.decision)
    backend = _backend(wrapper, plan, options, previous)
    for name in _CALLBACKS:
        if name in wrapper.__dict__:
            setattr(backend, name, wrapper.__dict__[name])
    stays = isinstance(resident, Resident)
    if stays:
        args, kwargs = _with_X(args, kwargs, resident.at(plan.engine.name, plan.device))
    try:
        result = _run_fit(backend, plan, method, args, kwargs)
        as_alone(backend)
    finally:
        backend.__dict__.pop("_parent_callback_ctx", None)
    if result is not backend:
        result = _returned(result, plan.row, plan.engine.name, plan.device, stays=stays and method == "fit_transform")
    return backend, plan, result


def _on_a_cluster(
    wrapper: Any, method: str, named: dict[str, Any], options: Options, *, stays: bool
) -> tuple[Any, Plan, Any]:
    """The same for dask collections. Dask is there: the data are its."""
    from accelsk import blockwise, distribution

    X = named["X"]
    if distribution.is_stateless(wrapper._inner) and method in ("fit", "fit_transform"):
        here = distribution.stand_in(named)
        backend, plan, _ = carry_out(wrapper, "fit", (), here, options, None)
    else:
        plan = distribution.decided(
            wrapper._inner, method, named, options, callbacks=bool(wrapper.__dict__.get("_skl_callbacks"))
        )
        backend = _backend(wrapper, plan, options, None)
        plan = distribution.trained(backend, plan, named)
    if method == "fit":
        return backend, plan, backend
    made = object.__new__(type(wrapper))
    made.__dict__.update(wrapper.__dict__)
    made._adopt(backend, plan)
    result = blockwise.called(made, method.removeprefix("fit_"), (X,), {})
    return backend, plan, Resident(result) if stays else result


def _returned(result: Any, row: Row | None, engine: str, device: Device, *, stays: bool) -> Any:
    """Bring a result home, or let it stay where the next step of the pipeline may want it."""
    if row is None:
        return Resident(result) if stays else result
    return Resident(result, engine, device) if stays else adapter_on(engine, device).home(result)


def _same_engine(options: Options, decision: Decision) -> Options:
    return replace(options, engine=decision.engine, device=Device.parse(decision.device), fallback="raise")


def _backend(wrapper: Any, plan: Plan, options: Options, previous: tuple[Decision, Any] | None) -> Any:
    """Make the backend estimator: a fresh one, or for a continued fit a copy of the last one, brought up to date."""
    if plan.row is None:
        fresh = wrapper._fresh()
        if options.n_jobs is not None and "n_jobs" in fresh.get_params(deep=False):
            fresh.set_params(n_jobs=options.n_jobs)
        if previous is None or previous[0].engine != plan.decision.engine or type(previous[1]) is not type(fresh):
            return fresh
        going_on = within_share(copy.deepcopy(previous[1]))
        return going_on.set_params(**fresh.get_params(deep=False))
    adapter = adapter_on(plan.engine.name, plan.device)
    if previous is not None and route_of(previous[0], type(wrapper._inner)).row is plan.row:
        going_on = copy.deepcopy(previous[1])
        going_on = taken_along(going_on, plan.row, Device.parse(previous[0].device), adapter, plan.device)
        adapter.update(going_on, plan.row, adapter.on_device(plan.row, plan.keywords, plan.device))
        adapter.introduce(going_on, plan.row, wrapper._inner)
        return going_on
    if not adapter.validates and not plan.row.native and hasattr(wrapper._inner, "_parameter_constraints"):
        wrapper._inner._validate_params()  # classes of other packages have no constraints
    try:
        backend = adapter.build(plan.row, adapter.on_device(plan.row, plan.keywords, plan.device))
    except ImportError as error:
        raise unusable(error, plan.engine) from error
    estimator = wrapper._inner
    for name in _CONFIGURATION:
        if name in vars(estimator):
            setattr(backend, name, copy.copy(getattr(estimator, name)))
    adapter.introduce(backend, plan.row, estimator)
    return backend


def _run_fit(backend: Any, plan: Plan, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    if plan.row is None:
        with in_force(), economical(*plan.threads):
            return getattr(backend, method)(*args, **kwargs)
    adapter = adapter_on(plan.engine.name, plan.device)
    if plan.device != HOST and adapter.environment(plan.device) is None:
        forks.start(plan.device)
    if plan.convert:
        args, kwargs = _with_X(args, kwargs, _converted(_X(args, kwargs), plan.convert))
    # Engines know arrays and frames, not every object that scikit-learn would make one of.
    args = tuple(convert.as_array(value) for value in args)
    kwargs = {name: convert.as_array(value) for name, value in kwargs.items()}
    with admitted(adapter, plan.device, _X(args, kwargs)), in_force(adapter.pools), economical(*plan.threads):
        return adapter.fit(backend, plan.row, method, args, kwargs, plan.device)


def compute(wrapper: Any, backend: Any, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a method of a fitted backend estimator.

    Parameters
    ----------
    wrapper : Wrapper
        Who asks.
    backend : object
        Its fitted backend estimator.
    method : str
        The method.
    args, kwargs : sequence, mapping
        Its arguments.

    Returns
    -------
    object
        What the method returns.

    Raises
    ------
    UnsupportedMethod
        If the engine's fitted model would give wrong results there.
    UnsupportedInput
        If the engine's fitted model cannot take these data.
    """
    route = wrapper.__dict__.get("_route") or route_of(wrapper._decision, type(wrapper._inner))
    if method == "score" and route.device == HOST:
        mixin = _scoring(type(wrapper._inner))
        if mixin is not None and evaluation_of(wrapper, route).offered("predict"):
            return mixin.score(wrapper, *args, **kwargs)  # of predictions, whoever computes them
    X = args[0] if args else kwargs.get("X")
    stays = isinstance(X, Resident)
    if isinstance(X, Resident):
        X = X.at(route.engine, route.device)
        args, kwargs = _with_X(args, kwargs, X)
    backend = within_share(backend)
    evaluation = evaluation_of(wrapper, route)
    if route.row is None:
        with in_force(), economical(None):
            result = evaluation.compute(method, args, kwargs, lambda: getattr(backend, method)(*args, **kwargs))
        return Resident(result) if stays and method in _TRANSFORMING else result
    wanted = _wanted(wrapper._takes, route, method, X, wrapper.__dict__.get("_params", {}))
    with in_force(route.adapter.pools), economical(None):
        if wanted is None and route.device == HOST:
            row, adapter = route.row, route.adapter
            result = evaluation.compute(
                method, args, kwargs, lambda: adapter.call(backend, row, method, args, kwargs, HOST)
            )
        elif wanted is None:
            result = route.adapter.call(backend, route.row, method, args, kwargs, route.device)
        else:
            result = _on_converted(wrapper, route, backend, method, args, kwargs, wanted)
    if stays and method in _TRANSFORMING:
        return Resident(result, route.engine, route.device)
    return stepwise(route.adapter.home(result), route.adapter.pools)


def _scoring(cls: Any) -> Any:
    """The class of scikit-learn that defines a score by predictions, where a class has that one and not its own."""
    return next((each for each in (ClassifierMixin, RegressorMixin) if getattr(cls, "score", None) is each.score), None)


@dataclass(frozen=True, slots=True)
class Route:
    """Where the methods of a fitted model go: looked up once at the fit, for a small prediction would notice it."""

    engine: str
    row: Row | None
    adapter: Adapter
    device: Device


def route_of(decision: Decision, cls: type) -> Route:
    """Look up where the methods of a fitted model go.

    Parameters
    ----------
    decision : Decision
        Of its fit.
    cls : type
        The wrapped class.

    Returns
    -------
    Route
        The engine's adapter, its row and the device.
    """
    key = (cls, decision.engine, decision.device)
    known = _routes.get(key)
    if known is not None and known.adapter is get_adapter(decision.engine):  # until somebody looks again what there is
        return known
    engine = get(decision.engine)
    name, device = public_name(cls), Device.parse(decision.device)
    row = None if engine.reference else engine.row(name, device) or engine.row(name)
    route = Route(engine.name, row, adapter_on(engine.name, device), device)
    if device == HOST:  # elsewhere it may be computed in another process
        if len(_routes) >= _MOST:
            _routes.clear()
        _routes[key] = route
    return route


_routes: dict[tuple[type, str, str], Route] = {}
_MOST = 1024


def _on_converted(
    wrapper: Any, route: Route, backend: Any, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], wanted: str
) -> Any:
    adapter, row, device = route.adapter, route.row, route.device
    assert row is not None
    X = _X(args, kwargs)
    if wanted != "dense":
        return adapter.call(backend, row, method, *_with_X(args, kwargs, _converted(X, wanted)), device)
    if method != "score":
        return convert.in_dense_chunks(
            X, lambda rows: adapter.home(adapter.call(backend, row, method, *_with_X(args, kwargs, rows), device))
        )
    # Predictions are made in bounded chunks, scores are not.
    if is_classifier(wrapper):
        return ClassifierMixin.score(wrapper, *args, **kwargs)
    if is_regressor(wrapper):
        return RegressorMixin.score(wrapper, *args, **kwargs)
    return adapter.call(backend, row, "score", *_with_X(args, kwargs, convert.dense(X)), device)


def _wanted(takes: tuple[bool, bool], route: Route, method: str, X: Any, params: Mapping[str, Any]) -> str | None:
    """What X must become for this method of the fitted model: a sparse format, "dense", or None for as it is."""
    row = route.row
    assert row is not None
    if method in row.refused:
        raise UnsupportedMethod(
            f"{row.name}.{method} is not to be had from the model that engine {route.engine!r} fitted: "
            f"{row.refused[method]}.",
            hint="fit with the reference engine if this method is needed.",
            engine=route.engine,
            estimator=row.name,
            method=method,
        )
    inputs = row.inputs(method)
    takes_sparse, takes_nan = takes
    if X is None:
        return None
    if hasattr(X, "tocsr"):
        formats = inputs.sparse
        if inputs.sparse_where is not None:
            formats = inputs.formats(params)
        if X.format in formats or not takes_sparse:
            return None
        return formats[0] if formats else "dense"
    if takes_nan and not inputs.nan and method != "inverse_transform" and _holds_nan(X):
        raise UnsupportedInput(
            f"engine {route.engine!r} cannot run {row.name}.{method} on data with NaN or infinity, and it fitted this "
            "model.",
            hint="impute them, or fit with the reference engine.",
            engine=route.engine,
            estimator=row.name,
        )
    return None


def _holds_nan(X: Any) -> bool:
    if type(X) is np.ndarray and X.dtype.kind == "f" and X.flags.c_contiguous and is_finite(X):
        return False  # known at once
    return Facts(X).has_nan


def _converted(X: Any, wanted: str) -> Any:
    return convert.dense(X) if wanted == "dense" else convert.sparse_as(X, wanted)


def _X(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    return args[0] if args else kwargs.get("X")


def _with_X(args: Sequence[Any], kwargs: Mapping[str, Any], X: Any) -> tuple[Sequence[Any], Mapping[str, Any]]:
    return ((X, *args[1:]), kwargs) if args else (args, {**kwargs, "X": X})


def arguments(cls: type, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Name the positional arguments of a call.

    Parameters
    ----------
    cls : type
        The wrapped class.
    method : str
        Its method.
    args, kwargs : sequence, mapping
        The arguments of the call.

    Returns
    -------
    dict
        By parameter name; what does not fit the signature is left to the method's own error.
    """
    names = _parameter_names(cls, method)
    return {**dict(zip(names, args, strict=False)), **kwargs}


@lru_cache(maxsize=1024)
def _parameter_names(cls: type, method: str) -> tuple[str, ...]:
    try:
        names = tuple(inspect.signature(getattr(cls, method)).parameters)[1:]
    except (AttributeError, TypeError, ValueError):
        return ("X", "y")
    # A few classes name their first argument otherwise (raw_documents, K): to choosing an engine it is X all the same.
    return ("X", *names[1:]) if names else ()
