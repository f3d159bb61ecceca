"""Whether an engine is worth its while for one fit: by what the times of both are estimated to be, or by its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from accelsk.costs import Cost, Work, costs_of
from accelsk.decision import Reason
from accelsk.engines import reference
from accelsk.engines.spec import Row
from accelsk.facts import Facts

__all__ = ["Estimate", "against", "estimate_of", "operation_of", "shown"]

#: What another engine must be estimated to save of the reference engine's time, and at least as much as the estimates
#: err: of two that are as fast the one that needs no translation is to be preferred.
_MARGIN = 0.05

_FITTING = ("fit_transform", "fit_predict", "partial_fit")


def operation_of(method: str) -> str:
    """Return the operation whose cost stands for a fitting method.

    Parameters
    ----------
    method : str
        The method.

    Returns
    -------
    str
        ``"fit"`` for all that fit.
    """
    return "fit" if method in _FITTING else method


class Estimate(NamedTuple):
    """How long a fit is estimated to take.

    Parameters
    ----------
    seconds : float
        The time.
    error : float
        The median relative error of such estimates.
    """

    seconds: float
    error: float


def estimate_of(costs: tuple[Cost, ...], params: Mapping[str, Any], facts: Facts | None) -> Estimate | None:
    """Estimate how long a fit would take.

    Parameters
    ----------
    costs : tuple of Cost
        What is known of it.
    params : mapping
        The hyperparameters.
    facts : Facts or None
        What is known of the data.

    Returns
    -------
    Estimate or None
        On the machine of the measurements; None where nothing like it was measured: other hyperparameters, sparse data.
    """
    if not costs or facts is None or not facts.tabular or facts.sparse or facts.empty:
        return None
    n, d = facts.n_samples or 1, facts.n_features or 1
    classes = facts.n_classes if any(cost.classes for cost in costs) else 1
    cost = next((each for each in costs if each.counts(classes)), None)
    return None if cost is None else Estimate(cost.seconds(Work(n, d, n, classes), params), cost.error)


def against(
    engine: str, row: Row, facts: Facts | None, params: Mapping[str, Any], mine: Estimate | None, plain: Estimate | None
) -> list[Reason]:
    """Collect what speaks against an engine where scikit-learn computes, too.

    Parameters
    ----------
    engine : str
        The name of the engine.
    row : Row
        Its row.
    facts : Facts or None
        What is known of the data.
    params : mapping
        The hyperparameters.
    mine, plain : Estimate or None
        How long the engine and the reference engine are estimated to take.

    Returns
    -------
    list of Reason
        Empty where it is worth it.
    """
    title = reference().title
    if mine is not None and plain is not None:
        if mine.seconds < (1 - max(_MARGIN, mine.error, plain.error)) * plain.seconds:
            return []
        text = f"estimated to take {shown(mine.seconds)} where {title} itself takes {shown(plain.seconds)}"
        return [Reason("worth", text, "name it to use it")]
    if facts is None and row.worth is None and row.estimator in costs_of(engine):
        return [Reason("worth", "faster at some sizes only, which the data decide", "pass X and y")]
    if row.worth is None:
        return [Reason("worth", f"not measured to be faster than {title} for {row.name}", "name it to use it")]
    if facts is None:
        return []
    return [
        Reason("worth", f"measured to be faster only with {need.text}", "name it to use it")
        for need in row.worth.needs
        if not need.test(facts, params)
    ]


def shown(seconds: float) -> str:
    """Write a time in a unit that suits it.

    Parameters
    ----------
    seconds : float
        The time.

    Returns
    -------
    str
        With two digits that count.

    Examples
    --------
    >>> shown(12.34), shown(0.0123), shown(4.5e-05)
    ('12 s', '12 ms', '45 us')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.2g} {unit}" if seconds < 10 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds / 1e-6:.0f} us"
