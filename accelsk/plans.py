"""What was decided, with what is needed to carry it out: and remembered, for a search asks the same again and again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from operator import is_
from typing import Any

from accelsk.calibration import factors
from accelsk.decision import Decision
from accelsk.devices import HOST, Device
from accelsk.engines import get, why_missing
from accelsk.engines.spec import Engine, Row
from accelsk.errors import EngineNotAvailable
from accelsk.looks import Question

__all__ = ["Plan", "keep", "recalled"]


@dataclass(frozen=True)
class Plan:
    """A decision with what is needed to carry it out.

    Parameters
    ----------
    decision : Decision
        What is told.
    engine : Engine
        The engine chosen.
    row : Row or None
        Its row; None for the reference engine.
    keywords : mapping
        The translated hyperparameters.
    device : Device
        Where to compute.
    convert : str, default=""
        What X is to be converted to: a sparse format, "dense", or nothing.
    threads : tuple of (int or None, int or None), default=(None, None)
        The most threads of BLAS and of OpenMP.
    params : mapping, default={}
        The hyperparameters of the estimator, as it names them.
    """

    decision: Decision
    engine: Engine
    row: Row | None
    keywords: Mapping[str, Any]
    device: Device
    convert: str = ""
    threads: tuple[int | None, int | None] = (None, None)
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Kept:
    """A plan, and what it was made of besides the question."""

    plan: Plan
    here: tuple[object, ...]
    factors: Mapping[Any, float]
    told: Mapping[str, Any]


_memory: dict[Hashable, _Kept] = {}

_MOST = 1024


def recalled(question: Question, asked: tuple[str, ...]) -> Plan | None:
    """Return the plan for a question that was asked before.

    Parameters
    ----------
    question : Question
        What is asked.
    asked : tuple of str
        The engines that are asked.

    Returns
    -------
    Plan or None
        None where it is to be worked out: the estimator, the options or the facts that were asked for are not the same,
        or an engine has come or gone.
    """
    key = _key(question, asked)
    kept = None if key is None else _memory.get(key)
    if kept is None or kept.factors is not factors():
        return None
    here = _here(asked)
    if here is None or not all(map(is_, here, kept.here)):
        return None
    if any(getattr(question.facts, name) != value for name, value in kept.told.items()):
        return None
    return kept.plan


def keep(plan: Plan, question: Question, asked: tuple[str, ...]) -> None:
    """Remember a plan, where it depends on nothing that `recalled` does not look at.

    Parameters
    ----------
    plan : Plan
        What was decided.
    question : Question
        What was asked.
    asked : tuple of str
        The engines that were asked.
    """
    key = _key(question, asked)
    if key is None or question.facts is None or plan.device != HOST or plan.convert or plan.decision.fell_back:
        return
    told, here = question.facts.told(), _here(asked)
    if told is None or here is None:
        return
    if question.options.engine != "auto" and any(get(name).devices[0] != HOST.kind for name in asked):
        return  # which devices there are may change
    if len(_memory) >= _MOST:
        _memory.clear()
    _memory[key] = _Kept(plan, here, factors(), told)


def _here(asked: tuple[str, ...]) -> tuple[object, ...] | None:
    """The engines, and why they are missing: the very objects until somebody looks again. None for a name of none."""
    try:
        return (*map(get, asked), *map(why_missing, asked))
    except EngineNotAvailable:
        return None


def _key(question: Question, asked: tuple[str, ...]) -> Hashable | None:
    """What of a question can be compared at once; None where it is not to be remembered."""
    facts, options = question.facts, question.options
    if question.key is None or facts is None or options.engine_params or options.device not in (None, HOST):
        return None
    if facts.container != "numpy" or facts.distributed:
        return None  # other containers say more of themselves than is looked at here
    return (
        question.key,
        asked,
        (options.engine, options.device, options.fallback, options.fidelity, options.sparse, options.n_jobs),
        (question.method, question.callbacks, question.threads),
        (facts.n_samples, facts.n_features, facts.dtype, facts.fit_params, facts.has_target),
    )
