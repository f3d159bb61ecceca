"""What was measured of a user's own work: a table, what to set, and the same as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from accelsk.bench.measure import Contender, Measured
from accelsk.engines import reference
from accelsk.tables import Column, Table
from accelsk.timing import Comparison, Timed

__all__ = ["ContenderTable", "RefusedTable", "advice", "plain_data", "refused", "table"]

#: A ratio nearer to one than this is no difference; the second holds for too few rounds to show a spread.
_NOISE, _NOISE_OF_FEW, _FEW = 1.05, 1.5, 3

#: A score that is lower than the plain estimator's by more than this is a worse model.
_SAME_SCORE = 0.003


class ContenderTable(Table[Contender]):
    """The ways to compute it: a line for each, a column for each operation."""


class RefusedTable(Table[Contender]):
    """The engines that take no part."""

    columns = (
        Column("not measured", lambda contender: contender.name, "bold"),
        Column("why", lambda contender: contender.reason),
    )


def table(found: Measured) -> ContenderTable:
    """Return the table of those that were measured.

    Parameters
    ----------
    found : Measured
        What was found.

    Returns
    -------
    ContenderTable
        Milliseconds, median and quartiles; how many times as fast as the plain estimator; score.
    """
    made = ContenderTable(_lines(found))
    first = found.contenders[0]
    columns = [
        Column("computed by", lambda contender: contender.name, "bold"),
        Column("ran", lambda contender: contender.ran),
        Column("fidelity", lambda contender: contender.fidelity if contender.ran else ""),
    ]
    for operation, comparison in found.operations.items():
        title = "fit, ms" if operation == "fit" else f"{found.method} {int(operation):,}, ms"
        columns.append(Column(title, _cell(comparison), _style(comparison)))
    columns.append(Column("score", lambda contender: _score(contender, first), _score_style(first)))
    made.columns = tuple(columns)  # type: ignore[misc]
    return made


def _lines(found: Measured) -> list[Contender]:
    """Those that were measured; what was prepared for single rows has a line of its own."""
    lines = [contender for contender in found.contenders if not contender.reason]
    known = {contender.name: contender for contender in lines}
    for comparison in found.operations.values():
        for name in comparison.timed:
            if name not in known:
                known[name] = replace(known[name.partition(", ")[0]], name=name)
                lines.append(known[name])
    return lines


def _cell(comparison: Comparison) -> Any:
    def cell(contender: Contender) -> str:
        timed = comparison.timed.get(contender.name)
        if timed is None:
            return ""
        seconds = timed.seconds
        spread = f" [{_ms(seconds.low)}-{_ms(seconds.high)}]" if comparison.repeats > 1 else " (once)"
        ratio = "" if _is_first(comparison, timed) else f" {timed.ratio.median:.2f}x"
        return f"{_ms(seconds.median)}{spread}{ratio}"

    return cell


def _style(comparison: Comparison) -> Any:
    def style(contender: Contender) -> str:
        timed = comparison.timed.get(contender.name)
        if timed is None or _is_first(comparison, timed):
            return ""
        margin = _margin(comparison)
        return "green" if timed.ratio.low > margin else "red" if timed.ratio.high < 1 / margin else ""

    return style


def _margin(comparison: Comparison) -> float:
    return _NOISE if comparison.repeats >= _FEW else _NOISE_OF_FEW


def _is_first(comparison: Comparison, timed: Timed) -> bool:
    return timed is next(iter(comparison.timed.values()))


def _ms(seconds: float) -> str:
    value = 1000 * seconds
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _score(contender: Contender, first: Contender) -> str:
    if contender.score is None:
        return ""
    lower = f" (lower by {first.score - contender.score:.3f})" if first.score and _is_worse(contender, first) else ""
    return f"{contender.score:.4f}{lower}"


def _score_style(first: Contender) -> Any:
    return lambda contender: "red" if _is_worse(contender, first) else ""


def _is_worse(contender: Contender, first: Contender) -> bool:
    if contender.score is None or first.score is None:
        return False
    return contender.score < first.score - _SAME_SCORE * max(1.0, abs(first.score))


def advice(found: Measured) -> list[str]:
    """Say what to set: for the fit, for single rows, and for many.

    Parameters
    ----------
    found : Measured
        What was found.

    Returns
    -------
    list of str
        Lines; the code of each is what to write.
    """
    lines = [_about(found, operation, comparison) for operation, comparison in _shown(found)]
    worse = [
        contender.name
        for contender in found.contenders
        if not contender.reason and _is_worse(contender, found.contenders[0])
    ]
    if worse:
        lines.append(f"Left out of this, since the score is lower: {', '.join(worse)}.")
    return lines


def _shown(found: Measured) -> Iterator[tuple[str, Comparison]]:
    sizes = [operation for operation in found.operations if operation != "fit"]
    for operation in dict.fromkeys(("fit", *sizes[:1], *sizes[-1:])):
        yield operation, found.operations[operation]


def _about(found: Measured, operation: str, comparison: Comparison) -> str:
    first = found.contenders[0]
    allowed = {
        contender.name: contender
        for contender in _lines(found)
        if contender.name in comparison.timed and not _is_worse(contender, first)
    }
    shortest = min(allowed, key=lambda name: comparison[name].seconds.median)
    best = next(name for name in _preferred(allowed, shortest) if _is_as_good(comparison, name, shortest, allowed))
    what = "fit" if operation == "fit" else f"{found.method} of {int(operation):,} row{'s' if operation != '1' else ''}"
    ratio = comparison[best].ratio
    if best == first.name or ratio.low < _margin(comparison):
        return f"{what}: nothing was clearly faster than the estimator as it is."
    return f"{what}: {ratio.median:.2f} times as fast with {_code(allowed[best])}"


def _preferred(allowed: Mapping[str, Contender], shortest: str) -> list[str]:
    """What needs no engine's name first, then what needs no preparation, then the shortest."""
    auto = 'engine="auto"'
    return [*sorted(name for name in allowed if name.startswith(auto)), shortest]


def _is_as_good(comparison: Comparison, name: str, shortest: str, allowed: Mapping[str, Contender]) -> bool:
    same = allowed[name].ran == allowed[shortest].ran and "prepared" not in shortest
    return same or comparison[name].seconds.median <= _NOISE * comparison[shortest].seconds.median


def _code(contender: Contender) -> str:
    base, _, how = contender.name.partition(", ")
    engine = base.removeprefix('engine="').removesuffix('"')
    fidelity = ', fidelity="alternative"' if contender.fidelity == "alternative" else ""
    code = f'accelsk.accelerate(estimator, engine="{engine}"{fidelity})'
    if not how:
        return code
    precision = ', precision="float32"' if "float32" in how else ""
    return f"{code}, and model.prepare(batch_sizes=(1,){precision}) after the fit"


def plain_data(found: Measured) -> dict[str, Any]:
    """Return what was found as plain data.

    Parameters
    ----------
    found : Measured
        What was found.

    Returns
    -------
    dict
        For JSON.
    """
    return {
        "estimator": repr(found.estimator),
        "method": found.method,
        "reference": reference().name,
        "contenders": [
            {
                "name": contender.name,
                "engine": contender.engine or None,
                "ran": contender.ran,
                "fidelity": contender.fidelity,
                "score": contender.score,
                "reason": contender.reason,
            }
            for contender in found.contenders
        ],
        "operations": {operation: comparison.to_dict() for operation, comparison in found.operations.items()},
        "advice": advice(found),
    }


def refused(found: Measured) -> Sequence[Contender]:
    """Return the engines that take no part.

    Parameters
    ----------
    found : Measured
        What was found.

    Returns
    -------
    sequence of Contender
        Each with its reason.
    """
    return [contender for contender in found.contenders if contender.reason]
