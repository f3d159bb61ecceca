"""Facts and what the engines declare in, a decision out. Pure: it imports no engine's library and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from accelsk.calibration import origin
from accelsk.config import Options
from accelsk.decision import Candidate, Decision, Reason
from accelsk.devices import HOST
from accelsk.engines import get, get_adapter, names, reference
from accelsk.engines.spec import Row
from accelsk.errors import AccelskError
from accelsk.facts import Facts
from accelsk.hyperparameters import params_of
from accelsk.looks import Look, Question, look_at
from accelsk.origin import home_of, public_name
from accelsk.plans import Plan, keep, recalled
from accelsk.reasons import no_device_at_all, nobody_trains, short
from accelsk.worth import shown

__all__ = ["select"]


def select(
    estimator: Any, facts: Facts | None, options: Options, method: str = "fit", *, callbacks: bool = False
) -> Plan:
    """Choose the engine for a fit.

    Parameters
    ----------
    estimator : estimator
        The scikit-learn estimator with its hyperparameters.
    facts : Facts or None
        What is known of the data; None to decide from the hyperparameters alone.
    options : Options
        What was asked for.
    method : str, default="fit"
        The fitting method that is to be called.
    callbacks : bool, default=False
        Whether scikit-learn's callbacks (1.9 and later) are attached: only scikit-learn itself calls them.

    Returns
    -------
    Plan
        The choice.

    Raises
    ------
    EngineNotAvailable
        If a named engine is not installed.
    DeviceNotAvailable
        If no engine that may be used reaches the device.
    UnsupportedParameter, UnsupportedInput
        If a named engine cannot do this fit and ``fallback="raise"``.
    """
    for name in options.engine_params:
        get(name)  # a typo is an error, whatever is chosen
    home = home_of(type(estimator))
    asked_for = options
    if facts is not None and facts.distributed:
        options = replace(options, fallback="raise")  # the reference engine would need all rows on one machine
    if home is not None:
        # A class of the engine's own: nobody else computes it, so neither a choice nor a fallback is possible.
        options = replace(options, engine=home, fallback="raise")
    named = _named(options)
    asked = names() if named is None else named
    question = Question(
        estimator, facts, options, method, callbacks or bool(getattr(estimator, "_skl_callbacks", None))
    )
    known = recalled(question, asked)
    if known is not None:
        return known
    looks = [look_at(name, question, densify=False) for name in asked]
    chosen = _choose(looks, options, facts)
    if chosen is None and named is not None and facts is not None and facts.sparse and options.sparse == "auto":
        # No engine that was named takes the matrix as it is: only now is a dense copy worth considering.
        looks = [look_at(name, question, densify=True) for name in asked]
        chosen = _choose(looks, options, facts)
    if chosen is None and home is not None and all(reason.kind == "invalid" for reason in looks[0].reasons):
        chosen = looks[0]  # its own error is the answer
    fell_back = chosen is None
    if chosen is None and facts is not None and facts.distributed:
        raise _not_on_a_cluster(looks, estimator)
    if chosen is None:
        _refuse(looks, options)
        chosen = Look(reference(), device=HOST)
        looks.append(chosen)
    plan = _plan(chosen, looks, estimator, facts, asked_for, fell_back=fell_back, native=home is not None)
    plan = replace(_economical(plan, estimator, method, facts), params=question.params)
    keep(plan, question, asked)
    return plan


def _named(options: Options) -> tuple[str, ...] | None:
    if options.engine == "auto":
        return None
    return (options.engine,) if isinstance(options.engine, str) else options.engine


def _grades(row: Row | None, estimator: Any) -> Mapping[str, str]:
    """The hyperparameters that mean something else to the engine than to scikit-learn, and what."""
    if row is None or not row.graded:
        return {}
    params = params_of(estimator)
    graded = {name: rule.graded(params) for name, rule in row.params.items() if name in params}
    return {name: f"{grade}: {row.params[name].why}" for name, grade in graded.items() if grade != "exact"}


def _choose(looks: list[Look], options: Options, facts: Facts | None) -> Look | None:
    able = [look for look in looks if look.able]
    if not able:
        return None
    if options.engine != "auto":
        return able[0]
    plain = next((look.seconds for look in able if look.engine.reference), None)
    best = max(able, key=lambda look: (_ratio(look, plain), not look.engine.yields))
    if facts is None and best.row is not None and best.row.worth is not None and best.row.worth.needs:
        # What it is worth depends on the data, and there are none: scikit-learn is what can be promised.
        needs = " and ".join(need.text for need in best.row.worth.needs)
        best.reasons.append(
            Reason("worth", f"measured to be faster with {needs}, which the data decide", "pass X and y")
        )
        return _choose(looks, options, facts)
    return best


def _ratio(look: Look, plain: float | None) -> float:
    """How many times as fast as the reference engine, by what is known."""
    if look.seconds is not None and plain is not None:
        return plain / look.seconds
    return look.row.worth.ratio if look.row is not None and look.row.worth is not None else 1.0


def _refuse(looks: list[Look], options: Options) -> None:
    """Raise what a fallback must never hide; return where it may happen."""
    if options.engine == "auto":
        # Scikit-learn can do everything on the host, so it is the device that no engine reaches, or not with this fit.
        reached = [look for look in looks if look.device is not None]
        if not reached:
            raise no_device_at_all(options.device)
        if options.fallback == "raise":
            raise reached[0].reasons[0].error(engine=reached[0].engine.name)
        return
    there = [look for look in looks if not any(reason.kind in ("missing", "device") for reason in look.reasons)]
    if not there:
        raise _missing(looks)
    if options.fallback == "raise" and not any(reason.kind == "invalid" for reason in there[0].reasons):
        raise there[0].reasons[0].error(engine=there[0].engine.name)


def _not_on_a_cluster(looks: list[Look], estimator: Any) -> AccelskError:
    """The error for dask collections that no engine that may be used trains on."""
    there = [look for look in looks if not any(reason.kind == "missing" for reason in look.reasons)]
    if not there:
        return _missing(looks)
    for look in there:
        if look.row is not None and look.reasons[0].kind != "fidelity":
            return look.reasons[0].error(engine=look.engine.name)
    return nobody_trains(short(estimator), public_name(type(estimator)), [look.engine for look in there])


def _missing(looks: list[Look]) -> AccelskError:
    first = looks[0]
    if len(looks) == 1:
        return first.reasons[0].error(engine=first.engine.name)
    kind = "missing" if any(look.reasons[0].kind == "missing" for look in looks) else "device"
    each = "; ".join(look.reasons[0].text for look in looks)
    return Reason(
        kind,  # type: ignore[arg-type]
        f"none of the engines {', '.join(repr(look.engine.name) for look in looks)} can be used here: {each}",
        f"{looks[0].reasons[0].hint}, or add {reference().name!r} as the last choice",
    ).error(engine=tuple(look.engine.name for look in looks))


def _plan(
    chosen: Look,
    looks: list[Look],
    estimator: Any,
    facts: Facts | None,
    options: Options,
    *,
    fell_back: bool,
    native: bool,
) -> Plan:
    assert chosen.device is not None
    reasons = {id(look): tuple(look.reasons) for look in looks}
    for look in looks:
        if look is not chosen and look.able:
            reasons[id(look)] = (Reason("order", f"engine {chosen.engine.name!r} was preferred"),)
    candidates = tuple(
        look.candidate
        or Candidate(
            engine=look.engine.name,
            chosen=look is chosen,
            device="" if look.device is None else str(look.device),
            fidelity="exact" if look.engine.reference else "" if look.row is None else look.row.fidelity,
            reasons=reasons[id(look)],
            note="" if look.row is None else look.row.note,
            grades=_grades(look.row, estimator),
        )
        for look in looks
    )
    decision = Decision(
        estimator=short(estimator),
        engine=chosen.engine.name,
        device=str(chosen.device),
        fidelity="exact" if chosen.row is None else chosen.row.fidelity,
        why=_NATIVE.format(chosen.engine.title) if native else _why(chosen, looks, options, fell_back=fell_back),
        fell_back=fell_back,
        requested={
            "engine": options.engine,
            "device": "auto" if options.device is None else str(options.device),
            "fallback": options.fallback,
            "fidelity": options.fidelity,
            "sparse": options.sparse,
        },
        candidates=candidates,
        facts={} if facts is None else facts.summary(),
        conversions=chosen.check.conversions,
        placed=chosen.placed,
    )
    return Plan(decision, chosen.engine, chosen.row, chosen.keywords, chosen.device, chosen.check.convert)


def _economical(plan: Plan, estimator: Any, method: str, facts: Facts | None) -> Plan:
    """The same plan, with the threads to which it is limited where fewer are faster."""
    if facts is None or facts.sparse or facts.n_samples is None or facts.n_features is None or plan.device != HOST:
        return plan
    threads = get_adapter(plan.engine.name).threads(estimator, method, facts.n_samples, facts.n_features)
    limits = [
        f"{most} {'thread' if most == 1 else 'threads'} of {of}"
        for most, of in zip(threads, ("BLAS", "OpenMP"), strict=True)
        if most is not None
    ]
    if not limits:
        return plan
    told = f"at most {' and '.join(limits)}, measured to be faster at this size"
    return replace(plan, threads=threads, decision=replace(plan.decision, threads=told))


_NATIVE = "it is a class of {} itself, which computes it whatever engine is asked for"


def _why(chosen: Look, looks: list[Look], options: Options, *, fell_back: bool) -> str:
    if fell_back:
        first = next((look for look in looks if look.device is not None and look is not chosen), looks[0])
        return f"fallback: {first.reasons[0].text}"
    if options.engine != "auto":
        position = looks.index(chosen)
        if position == 0:
            return "asked for by name"
        return f"choice {position + 1} of {len(looks)} that were named; the ones before it cannot do this"
    plain = next((look.seconds for look in looks if look.engine.reference), None)
    if chosen.row is not None and chosen.seconds is not None and plain is not None:
        return (
            f"estimated to take {shown(chosen.seconds)} where {reference().title} itself takes {shown(plain)} "
            f"({origin()})"
        )
    if chosen.row is not None and chosen.row.worth is not None and options.device is None:
        worth = chosen.row.worth
        return f"measured to be about {worth.ratio:g} times as fast as {reference().title} here ({worth.seen})"
    if options.device is not None and chosen.device != HOST:
        return f"it reaches the device {options.device}"
    return "no other engine was measured to be faster here"
