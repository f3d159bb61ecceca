"""One model on both sides: every way to compute it, timed in repeats that take turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

from sklearn.base import clone

from accelsk.decision import Candidate, Decision
from accelsk.demo.flights import Split
from accelsk.demo.models import Case, Clock
from accelsk.demo.report import Ratio, Result, Timing
from accelsk.engines import names, reference, why_missing
from accelsk.estimator import AcceleratedEstimator
from accelsk.explain import decision_of
from accelsk.origin import public_name

__all__ = ["compare"]

_WARM_UP_ROWS = 400


@dataclass
class _Side:
    """One way to compute a model, and what was measured of it."""

    asked: str
    model: Callable[[], Any]
    decision: Decision | None = None
    seconds: dict[str, list[float]] = field(default_factory=dict)
    score: float = float("nan")

    def note(self, **seconds: float) -> None:
        for phase, value in seconds.items():
            self.seconds.setdefault(phase, []).append(value)


def compare(case: Case, sample: Split, repeats: int, share: float, advance: Callable[[], None]) -> list[Result]:
    """Measure a model: every repeat runs each side once, in turns that change, so that a slow spell hits all alike.

    Parameters
    ----------
    case : Case
        The model.
    sample : Split
        Its flights.
    repeats : int
        At most so many repeats, and at least one.
    share : float
        Seconds that it may take; no repeat is begun that would not fit.
    advance : callable
        Called after every repeat.

    Returns
    -------
    list of Result
        Of accelsk's own choice first, then of the engines that it did not choose.
    """
    started = time.perf_counter()
    truth = getattr(sample, f"{case.target}_train")
    encoded = case.encoding().fit_transform(sample.X_train)
    plain, *others = _sides(case, encoded, truth)
    for side in (plain, *others):
        if side.decision is None or side.decision.engine != reference().name:
            _warm_up(case, side, encoded, truth)
    for repeat in range(repeats):
        before = time.perf_counter()
        for side in (plain, *others) if repeat % 2 == 0 else (*reversed(others), plain):
            _measure(case, side, sample)
        advance()
        now = time.perf_counter()
        if now - started + (now - before) > share:  # another repeat would not fit
            break
    return [_result(case, plain, side, sample, encoded.shape[1]) for side in others]


def _sides(case: Case, X: Any, y: Any) -> list[_Side]:
    """Plain scikit-learn; accelsk's own choice; and every engine that it did not choose but that could do it."""
    chosen = decision_of(case.estimator, X, y, engine="auto")
    sides = [
        _Side(reference().title, partial(clone, case.estimator)),
        _Side("auto", partial(AcceleratedEstimator, case.estimator, engine="auto"), chosen),
    ]
    for name in names(plugins=False):
        if name in (chosen.engine, reference().name) or why_missing(name) is not None:
            continue
        decision = decision_of(case.estimator, X, y, engine=name, fallback="silent")
        if not decision.fell_back:
            sides.append(_Side(name, partial(AcceleratedEstimator, case.estimator, engine=name), decision))
    return sides


def _warm_up(case: Case, side: _Side, X: Any, y: Any) -> None:
    """Import the engine and start its threads: once per process, not once per fit."""
    few = slice(None, None, max(1, len(X) // _WARM_UP_ROWS))
    model = side.model()
    if side.decision is not None:  # "auto" would choose another engine for so little data
        model.set_params(engine=side.decision.engine)
    getattr(model.fit(X[few], y[few]), case.method)(X[few])


def _measure(case: Case, side: _Side, sample: Split) -> None:
    clock = Clock()
    pipeline = case.pipeline(side.model(), clock)
    start = time.perf_counter()
    pipeline.fit(sample.X_train, getattr(sample, f"{case.target}_train"))
    end = time.perf_counter()
    side.note(fit=end - start, fit_step=end - clock.marked)
    start = time.perf_counter()
    output = getattr(pipeline, case.method)(sample.X_test)
    end = time.perf_counter()
    side.note(predict=end - start, predict_step=end - clock.marked)
    side.score = case.scored(pipeline, getattr(sample, f"{case.target}_test"), output)
    if side.decision is not None:
        side.decision = pipeline[-1].decision_


def _result(case: Case, plain: _Side, side: _Side, sample: Split, columns: int) -> Result:
    decision = side.decision
    assert decision is not None
    return Result(
        model=case.name,
        asked=side.asked,
        engine=decision.engine,
        device=decision.device,
        fidelity=decision.fidelity,
        train_rows=len(sample.X_train),
        test_rows=len(sample.X_test),
        columns=columns,
        repeats=len(side.seconds["fit"]),
        method=case.method,
        fit=_timing(plain, side, "fit"),
        predict=_timing(plain, side, "predict"),
        score_name=case.score_name,
        score_plain=plain.score,
        score=side.score,
        why=_why(case, decision),
    )


def _timing(plain: _Side, side: _Side, phase: str) -> Timing:
    step = f"{phase}_step"
    return Timing(
        plain=median(plain.seconds[phase]),
        accelerated=median(side.seconds[phase]),
        pipeline=Ratio.of(plain.seconds[phase], side.seconds[phase]),
        step=Ratio.of(plain.seconds[step], side.seconds[step]),
    )


def _why(case: Case, decision: Decision) -> str:
    """The reason; where scikit-learn was left to do it, also what speaks against each engine that is installed."""
    if decision.engine != reference().name:
        return decision.why
    against = [
        _against(candidate).replace(public_name(type(case.estimator)), case.name)
        for candidate in decision.candidates
        if candidate.reasons and candidate.reasons[0].kind != "missing"
    ]
    return "; ".join(against) or decision.why


def _against(candidate: Candidate) -> str:
    """The first reason, without what the table says beside it."""
    text = candidate.reasons[0].text.removesuffix(f" ({candidate.note})")
    named = f"engine {candidate.engine!r} "
    return f"{candidate.engine} {text.removeprefix(named)}" if text.startswith(named) else f"{candidate.engine}: {text}"
