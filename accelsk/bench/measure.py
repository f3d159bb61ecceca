"""Every way to compute an estimator here, in turns: how long, how well, or why not."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.base import clone

from accelsk.bench.samples import Samples
from accelsk.decision import Decision
from accelsk.engines import get, names, reference, why_missing
from accelsk.errors import AccelskError
from accelsk.explain import explain
from accelsk.timing import Comparison, compare
from accelsk.wrapping import accelerate

__all__ = ["Contender", "Measured", "measured"]

#: Rows that the first fit of each gets, which loads libraries and starts threads.
_WARM_UP_ROWS = 300

#: Rows predicted at once; None for all.
_BATCHES = (1, 32, 1000, None)

#: The method that is timed after the fit: the first of these that there is.
_METHODS = ("predict", "transform", "kneighbors", "score_samples")

#: What a fitted object is asked to prepare for single rows, where it can.
_PREPARED: Mapping[str, Mapping[str, Any]] = {"prepared": {}, "prepared, float32": {"precision": "float32"}}


@dataclass(frozen=True)
class Contender:
    """One way to compute it.

    Parameters
    ----------
    name : str
        What the table calls it.
    engine : str
        What is asked for; empty for the plain estimator.
    make : callable
        Makes it, not fitted.
    ran : str, default=""
        What computed it: an engine; of an object of several parts, one for each.
    fidelity : str, default="exact"
        The least near to scikit-learn of what ran.
    reason : str, default=""
        Why it does not take part.
    score : float or None, default=None
        On the rows that were held out.
    """

    name: str
    engine: str
    make: Callable[[], Any]
    ran: str = ""
    fidelity: str = "exact"
    reason: str = ""
    score: float | None = None


@dataclass(frozen=True)
class Measured:
    """What was found.

    Parameters
    ----------
    estimator : estimator
        The plain one.
    method : str
        What was timed after the fit; empty for none.
    contenders : tuple of Contender
        The plain estimator first; those that take no part have a reason.
    operations : mapping of str to Comparison
        ``"fit"`` and the numbers of rows predicted.
    """

    estimator: Any
    method: str
    contenders: tuple[Contender, ...]
    operations: Mapping[str, Comparison] = field(default_factory=dict)


def measured(
    estimator: Any,
    samples: Samples,
    *,
    engines: Sequence[str] = (),
    seconds: float = 2.0,
    tell: Callable[[str], None] = lambda _: None,
) -> Measured:
    """Measure an estimator on data.

    Parameters
    ----------
    estimator : estimator
        Plain, not fitted.
    samples : Samples
        The data.
    engines : sequence of str, default=()
        Names, and "auto"; none for all that are usable here, and "auto".
    seconds : float, default=2.0
        For the rounds of each operation; a long one gets one round.
    tell : callable, default=does nothing
        Called with what is being done.

    Returns
    -------
    Measured
        Times, scores and reasons.

    Raises
    ------
    AccelskError
        If the plain estimator cannot be fitted to these data; what an engine cannot do is a reason.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit tells of the same in every round
        entered = list(_entered(estimator, samples, engines))
        taking_part = []
        for place, contender in enumerate(entered):
            if not contender.reason:
                tell(f"first fit of few rows: {contender.name}")
                entered[place] = _warmed(contender, samples)
                taking_part += [] if entered[place].reason else [place]
        fitted: dict[str, Any] = {}
        tell("fit")
        calls = {entered[place].name: _fit(entered[place], samples, fitted) for place in taking_part}
        try:
            operations = {"fit": compare(calls, budget=seconds, repeats=3, limit=seconds, warm_up=False)}
        except Exception as error:
            raise _cannot(estimator, error) from error
        for place in taking_part:
            entered[place] = _scored(entered[place], fitted[entered[place].name], samples)
        method = next((name for name in _METHODS if hasattr(fitted[entered[0].name], name)), "")
        for batch in _batches(samples.X) if method else ():
            rows = batch.shape[0]
            tell(f"{method} of {rows:,} rows")
            models = {**fitted, **(_prepared(fitted) if rows == 1 else {})}
            operations[str(rows)] = compare(
                {name: _call(model, method, batch) for name, model in models.items()},
                budget=seconds, repeats=3, limit=seconds,
            )  # fmt: skip
    return Measured(estimator, method, tuple(entered), operations)


# -- who takes part --------------------------------------------------------------------------------------------------


def _entered(estimator: Any, samples: Samples, engines: Sequence[str]) -> Iterator[Contender]:
    home = type(estimator).__module__.partition(".")[0]
    title = reference().title if home == reference().imports else type(estimator).__name__
    yield Contender(f"plain {title}", "", lambda: clone(estimator), ran=home)
    for engine in engines or ("auto", *(name for name in names() if why_missing(name) is None)):
        yield _contender(estimator, samples, engine)


def _contender(estimator: Any, samples: Samples, engine: str) -> Contender:
    fidelity = None if engine == "auto" else "alternative"  # a name asks for what "auto" would not take
    made = Contender(
        f'engine="{engine}"',
        engine,
        lambda: accelerate(estimator, engine=engine, fallback="silent", fidelity=fidelity),
    )
    if engine != "auto":
        get(engine)  # an unknown one is an error
        missing = why_missing(engine)
        if missing is not None:
            return replace(made, reason=str(missing).replace("\nHint: ", " "))
    try:
        told = explain(
            estimator, samples.X_train, samples.y_train, engine=engine, fallback="silent", fidelity=fidelity
        )  # fmt: skip
    except AccelskError as error:
        return replace(made, reason=str(error).partition("\n")[0])
    decisions = [told] if isinstance(told, Decision) else list(told.values())
    if engine != "auto" and not any(decision.engine == engine for decision in decisions):
        return replace(made, reason=_reason(decisions, engine))
    return made


def _reason(decisions: Sequence[Decision], engine: str) -> str:
    """Why no part runs on it: of the last part that has a reason, since that is the model."""
    for decision in reversed(decisions):
        for candidate in decision.candidates:
            if candidate.engine == engine and candidate.reasons:
                return candidate.reasons[0].text
    return f"{decisions[-1].why}" if decisions else "no part of it is computed by an engine"


def _warmed(contender: Contender, samples: Samples) -> Contender:
    """Fit it to few rows, so that its libraries are there; what fails then takes no part."""
    few = slice(None, None, max(1, samples.X_train.shape[0] // _WARM_UP_ROWS))
    X = samples.X_train.iloc[few] if hasattr(samples.X_train, "iloc") else samples.X_train[few]
    y = None if samples.y_train is None else samples.y_train[few]
    try:
        _fitted(contender.make(), X, y)
    except Exception as error:
        if not contender.engine:
            raise _cannot(contender.make(), error) from error
        return replace(contender, reason=f"{type(error).__name__}: {error}".partition("\n")[0])
    return contender


def _cannot(estimator: Any, error: Exception) -> AccelskError:
    return AccelskError(
        f"{type(estimator).__name__} cannot be fitted to these data: {type(error).__name__}: {error}",
        hint="this is the plain estimator, without accelsk: does the script prepare the data before?",
    )


# -- what is timed ---------------------------------------------------------------------------------------------------


def _fitted(model: Any, X: Any, y: Any) -> Any:
    return model.fit(X) if y is None else model.fit(X, y)


def _fit(contender: Contender, samples: Samples, fitted: dict[str, Any]) -> Callable[[], None]:
    def call() -> None:
        fitted[contender.name] = _fitted(contender.make(), samples.X_train, samples.y_train)

    return call


def _call(model: Any, method: str, batch: Any) -> Callable[[], Any]:
    bound = getattr(model, method)
    return lambda: bound(batch)


def _batches(X: Any) -> Iterator[Any]:
    for rows in _BATCHES:
        if rows is None or rows < X.shape[0]:
            yield X if rows is None else X.iloc[:rows] if hasattr(X, "iloc") else X[:rows]


def _prepared(fitted: Mapping[str, Any]) -> dict[str, Any]:
    """Models that are prepared for single rows, where the object can be."""
    found = {}
    for name, model in fitted.items():
        if 'engine="auto"' not in name or not hasattr(model, "prepare"):
            continue
        for how, options in _PREPARED.items():
            ready = copy.deepcopy(model)
            try:
                ready.prepare(batch_sizes=(1,), **options)
            except AccelskError:  # no faster way is known for this model
                continue
            found[f"{name}, {how}"] = ready
    return found


def _scored(contender: Contender, model: Any, samples: Samples) -> Contender:
    """Note what has run, and how good it is on the rows held out."""
    score = None
    if hasattr(model, "score"):
        try:
            score = float(model.score(samples.X_test, *(() if samples.y_test is None else (samples.y_test,))))
        except (TypeError, ValueError):  # some score only what they were fitted to
            score = None
    decisions = list(_decisions(model))
    if not decisions:
        return replace(contender, score=score)
    return replace(
        contender,
        score=score,
        ran=", ".join(dict.fromkeys(decision.engine for decision in decisions)),
        fidelity=max((decision.fidelity for decision in decisions), key=_NEARNESS.index),
    )


_NEARNESS = ("exact", "statistical", "alternative")


def _decisions(model: Any) -> Iterator[Decision]:
    from accelsk.parts import fitted_parts

    for _, part in fitted_parts(model):
        yield part.decision_
