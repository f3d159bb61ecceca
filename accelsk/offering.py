"""The evaluators that are offered for the fitted model of a wrapper, whoever fitted it."""

from __future__ import annotations

import copy
import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from accelsk.config import Options
from accelsk.costs import Work, cost_of, seconds_for
from accelsk.devices import HOST
from accelsk.engines import get, get_adapter, names, reference, why_missing
from accelsk.engines.adapter import Adapter
from accelsk.engines.spec import Row
from accelsk.engines.translate import keywords_of
from accelsk.errors import NotPortable, UnsupportedParameter
from accelsk.evaluation import Evaluation
from accelsk.evaluators import Offer, offers
from accelsk.evaluators.spec import Evaluate, Precision
from accelsk.hyperparameters import params_of
from accelsk.origin import public_name
from accelsk.preparation import Preparation
from accelsk.reasons import refused
from accelsk.threads import economical, share, threads_for

if TYPE_CHECKING:
    from accelsk.backend import Route

__all__ = ["evaluation_of", "model_of", "prepared"]

#: The largest difference of an exported model from the engine's own with which it counts as the same model: rounding
#: in double precision. Whoever asks the same twice is not to get another answer the second time.
ROUND_OFF = 1e-9

#: What an offer costs that is made at once, but only after the model itself was timed; and what the import of an
#: engine's library costs.
_NEXT_TO_NOTHING, _IMPORT = 1e-6, 0.5

#: How many seconds a model of trees is to have predicted before it is exported, which may take as long.
_PATIENCE = 0.5

#: The methods that are prepared, where a model has them.
_PREPARED = ("predict", "predict_proba", "decision_function", "transform", "score_samples")


def evaluation_of(wrapper: Any, route: Route) -> Evaluation:
    """Return how the methods of a fitted wrapper are computed.

    Parameters
    ----------
    wrapper : Wrapper
        Fitted.
    route : Route
        Who fitted it.

    Returns
    -------
    Evaluation
        The same one until the next fit.
    """
    found: Evaluation | None = wrapper.__dict__.get("_evaluation")
    if found is None:
        backend = wrapper._backend
        noted = wrapper.__dict__.get("_preparation")
        exports = route.row is not None and not route.row.native
        asking = weakref.ref(wrapper)  # else the two would keep each other alive, and the data with them
        at_home = route.device == HOST  # what is on a device is not asked for anything: it would have to come home
        found = Evaluation(
            getattr(backend, "n_features_in_", None) if at_home else None,
            lambda: _offered(asking(), backend, route),
            lambda: getattr(backend, "__dict__", {}).get("_sklearn_output_config"),
            named=at_home and hasattr(backend, "feature_names_in_"),
            preparation=None if noted is None else Preparation(**noted),
            patience=_PATIENCE if exports and hasattr(wrapper._inner, "n_estimators") else 0.0,
            shortcut=_shortcut_of(wrapper, backend, route) if at_home else _none,
        )
        wrapper.__dict__["_evaluation"] = found
    return found


def _none(method: str) -> None:
    """No shortcut."""


def _shortcut_of(wrapper: Any, backend: Any, route: Route) -> Callable[[str], Evaluate | None]:
    """What finds the method of a fitted model that may be called with an array at once."""
    if route.row is not None:
        return route.adapter.shortcuts(backend, route.row).get
    if wrapper._parallel[0] is not None:
        return _none  # what runs in parallel inside is to be told by what

    def itself(method: str) -> Evaluate | None:
        function = getattr(backend, method, None)
        if function is None:
            return None

        def compute(X: Any) -> Any:
            with economical(None):
                return function(X)

        return compute

    return itself


def prepared(wrapper: Any, route: Route, X: Any, batch_sizes: Sequence[int], precision: Precision) -> Preparation:
    """Make the evaluators of a fitted wrapper, measure them, and settle for the fastest.

    Parameters
    ----------
    wrapper : Wrapper
        Fitted.
    route : Route
        Who fitted it.
    X : array-like or None
        Rows to measure with; None for made ones.
    batch_sizes : sequence of int
        How many rows.
    precision : {"float64", "float32"}
        Whether evaluators of single precision may be used.

    Returns
    -------
    Preparation
        What came of it.
    """
    check_precision(precision)
    sizes = [_checked_size(size) for size in batch_sizes]
    for name in ("_evaluation", "_preparation"):
        wrapper.__dict__.pop(name, None)
    evaluation = evaluation_of(wrapper, route)
    n_features = getattr(wrapper._backend, "n_features_in_", None)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, n_features or 1)) if X is None else np.asarray(X, dtype=np.float64)
    batches = [np.ascontiguousarray(rows[rng.integers(0, len(rows), size)]) for size in sizes]
    backend, row, adapter = wrapper._backend, route.row, route.adapter

    def native(method: str, batch: Any) -> Any:
        if row is None:
            return getattr(backend, method)(batch)
        return adapter.home(adapter.call(backend, row, method, (batch,), {}, route.device))

    natives = {name: partial(native, name) for name in _PREPARED if hasattr(backend, name) and hasattr(wrapper, name)}
    return evaluation.prepare(natives, batches, precision)


def check_precision(precision: Any) -> None:
    """Refuse what is no precision.

    Parameters
    ----------
    precision : object
        What was given.

    Raises
    ------
    UnsupportedParameter
        If it is not one that there is.
    """
    if precision not in get_args(Precision):
        raise UnsupportedParameter(
            f"precision={precision!r} is not one of {', '.join(map(repr, get_args(Precision)))}.",
            hint='"float64" keeps the results as they are; "float32" lets evaluators of single precision compute.',
            parameter="precision",
            value=repr(precision),
        )


def _checked_size(size: Any) -> int:
    if not isinstance(size, int | np.integer) or size < 1:
        raise UnsupportedParameter(
            f"batch_sizes has {size!r}, which is not a number of rows.",
            hint="name the batches that are to be predicted fast, batch_sizes=(1, 1000).",
            parameter="batch_sizes",
            value=repr(size),
        )
    return int(size)


def _offered(wrapper: Any, backend: Any, route: Route) -> Iterator[Offer]:
    """The engine's own offers; scikit-learn's model of what another fitted, and the other way round; what is faster."""
    row = route.row
    if route.device != HOST:
        return
    if row is not None:
        yield from route.adapter.evaluators(backend, row)
        if row.native:
            return
    for offer in _of_model(wrapper, route):
        # What an engine returns for single precision is its own. And what its model takes for a call is not known: it
        # is to be timed before something else computes it.
        yield offer if row is None else replace(offer, dtypes=("float64",), build=max(offer.build, _NEXT_TO_NOTHING))


def _exact_for(wrapper: Any, row: Row) -> bool:
    """Whether the export of a fitted wrapper is the same model."""
    if row.export.tolerance <= ROUND_OFF:
        return True
    double = wrapper._decision.facts.get("dtype") == "float64" and row.export.double is not None
    return double and (row.export.double or 0.0) <= ROUND_OFF


def _of_model(wrapper: Any, route: Route) -> Iterator[Offer]:
    """What there is for the model as scikit-learn's own."""
    row, model = route.row, model_of(wrapper, route)
    if model is None:
        return
    trained = wrapper._decision.facts.get("n_samples") or 1
    if row is not None:
        yield from _by(reference().name, model, trained, lambda: model, model)
    yield from offers(model)
    for name in names():
        if name == route.engine or get(name).reference or why_missing(name) is not None:
            continue
        adapter = get_adapter(name)
        yield from adapter.evaluates(model)
        other = get(name).row(public_name(type(model)), HOST)
        if row is None and other is not None and _takes_over(other):
            yield from _by(name, model, trained, partial(_restored, adapter, other, model, wrapper._options()), other)


def _takes_over(row: Row) -> bool:
    """Whether an engine computes the same with a model that it has not fitted."""
    exact = row.fidelity == "exact" and row.export.portable and row.export.tolerance <= ROUND_OFF
    return exact and row.export.restores and not row.native and not row.inputs("predict").needs


def _restored(adapter: Adapter, row: Row, model: Any, options: Options) -> Any:
    """An engine's model, made of scikit-learn's."""
    keywords, refusals = keywords_of(row, adapter.engine.name, params_of(model), options)
    if refusals:
        raise refused(adapter.engine, row, refusals[0]).error()
    backend = adapter.restore(copy.copy(model), row, adapter.on_device(row, keywords, HOST), HOST)
    return _Called(adapter, row, backend)


class _Called:
    """The methods of an engine's model, whose results come home."""

    def __init__(self, adapter: Adapter, row: Row, backend: Any) -> None:
        self._adapter, self._row, self._backend = adapter, row, backend

    def __getattr__(self, method: str) -> Any:
        def call(X: Any) -> Any:
            adapter, row = self._adapter, self._row
            return adapter.home(adapter.call(self._backend, row, method, (X,), {}, HOST))

        return call


def _by(engine: str, model: Any, trained: int, make: Callable[[], Any], able: Any) -> Iterator[Offer]:
    """The same model, computed by an engine, where it is known how long that takes."""
    estimator, params, width = public_name(type(model)), params_of(model), getattr(model, "n_features_in_", 1)
    methods = tuple(
        name
        for name in _PREPARED
        if (name in able.methods if isinstance(able, Row) else hasattr(able, name))
        and cost_of(engine, estimator, name, params) is not None
    )
    if not methods:
        return

    def seconds(method: str, n_rows: int) -> float:
        work = Work(n_rows, width, trained, len(getattr(model, "classes_", "1")))
        cost = cost_of(engine, estimator, method, params, work.c)
        found = seconds_for(engine, estimator, method, params, work)
        # By as much as an estimate errs another library is to be faster, as for a fit.
        return float("inf") if cost is None or found is None else found * (1 + cost.error)

    def made() -> Mapping[str, Evaluate]:
        other = make()
        return {name: partial(_asked, other, name) for name in methods}

    # It is to be weighed against what the fitted model itself takes.
    build = _NEXT_TO_NOTHING if get(engine).imports.partition(".")[0] in sys.modules else _IMPORT
    # The other model looks for NaN itself.
    yield Offer(name=engine, methods=methods, make=made, seconds=seconds, build=build, difference=ROUND_OFF, nan=True)


def _asked(model: Any, method: str, X: Any) -> Any:
    """What a method of a model returns; where there is a share, of one that asks for no more threads."""
    n_jobs = None if share() is None else getattr(model, "n_jobs", None)
    if isinstance(n_jobs, int | np.integer) and n_jobs != 1:
        model = copy.copy(model)
        model.n_jobs = threads_for(int(n_jobs))
    return getattr(model, method)(X)


def model_of(wrapper: Any, route: Route) -> Any:
    """Return scikit-learn's model for what a wrapper has fitted.

    Parameters
    ----------
    wrapper : Wrapper
        Fitted.
    route : Route
        Who fitted it.

    Returns
    -------
    estimator or None
        The backend estimator where scikit-learn fitted it, else what it is exported as; None where that is another
        model, or where it is on a device.
    """
    row = route.row
    if route.device != HOST:
        return None
    if row is None:
        return wrapper._backend
    if row.native or not row.export.portable or not _exact_for(wrapper, row):
        return None
    from accelsk.export import exported

    try:
        return exported(wrapper)
    except NotPortable:
        return None
