"""What this machine takes for what the costs say, measured once and kept per user: it refines `engine="auto"`.

The costs that come with accelsk are of one machine. What decides is not how fast that was, but how its engines compare,
and that differs: by the instruction sets, the cores, the versions. So each class that several engines compute is timed
again at two sizes, and the estimates of each engine are multiplied by what they were wrong by.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from accelsk.config import cache_folder
from accelsk.machine import processor_name
from accelsk.tables import Column, Table

__all__ = ["Calibration", "Refined", "calibrate", "calibration_file", "factor", "fingerprint", "origin", "stored"]

FORMAT = 1


@dataclass(frozen=True)
class Refined:
    """What was measured of one operation of one class on one engine.

    Parameters
    ----------
    engine, estimator, operation : str
        What.
    factor : float
        What the estimates are to be multiplied by: the geometric mean of measured over estimated.
    points : int
        How many sizes were measured.
    """

    engine: str
    estimator: str
    operation: str
    factor: float
    points: int


class Calibration(Table[Refined]):
    """All that was measured; prints as a table.

    Parameters
    ----------
    refined : iterable of Refined
        The rows.
    """

    title = "accelsk calibrate"
    columns = (
        Column("class", lambda row: row.estimator.rpartition(".")[2], "bold"),
        Column("operation", lambda row: row.operation),
        Column("engine", lambda row: row.engine),
        Column("measured / estimated", lambda row: f"{row.factor:.2f}"),
    )


def calibration_file() -> Path:
    """Return where the calibration of this user and machine is kept.

    Returns
    -------
    Path
        In the folder for caches of the operating system, or in the one that the variable ``ACCELSK_CACHE`` names.
    """
    return cache_folder() / "calibration.json"


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Return what a calibration depends on: processor, cores, Python, and the versions of all engines.

    Returns
    -------
    str
        The same for the same machine and installation.
    """
    from packaging.requirements import Requirement

    from accelsk.engines import get, names, requirements

    versions = {}
    for name in names():
        for text in requirements(get(name)):
            package = Requirement(text).name
            try:
                versions[package] = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                continue
    parts = (
        FORMAT,
        processor_name(),
        os.cpu_count(),
        platform.machine(),
        sys.version_info[:2],
        sorted(versions.items()),
    )
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def stored() -> Mapping[str, Any]:
    """Return the calibration that is kept.

    Returns
    -------
    mapping
        "when", "fingerprint", "factors", and "stale": why it does not hold here, empty if it does; empty if there is
        none.
    """
    try:
        read = json.loads(calibration_file().read_text(encoding="utf-8"))
        kept = {"when": str(read["when"]), "fingerprint": read["fingerprint"], "factors": list(read["factors"])}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return {"when": "", "fingerprint": "", "factors": [], "stale": f"it cannot be read ({error})"}
    other = kept["fingerprint"] != fingerprint()
    return {**kept, "stale": "it was measured on another machine, or with other versions" if other else ""}


@lru_cache(maxsize=1)
def factors() -> Mapping[tuple[str, str, str], float]:
    """Return what estimates are multiplied by on this machine.

    Returns
    -------
    mapping
        By engine, class and operation; the same object until `forget`. Empty where nothing was calibrated.
    """
    kept = stored()
    if not kept or kept["stale"]:
        return {}
    rows = (Refined(**each) for each in kept["factors"])
    return {(row.engine, row.estimator, row.operation): row.factor for row in rows}


def factor(engine: str, estimator: str, operation: str) -> float:
    """Return what an estimate is to be multiplied by on this machine.

    Parameters
    ----------
    engine, estimator, operation : str
        What is estimated.

    Returns
    -------
    float
        1.0 where nothing was calibrated.
    """
    return factors().get((engine, estimator, operation), 1.0)


def origin() -> str:
    """Say where the estimates are from.

    Returns
    -------
    str
        The calibration of this machine, or the measurements that come with accelsk.
    """
    return f"calibrated here on {stored()['when'][:10]}" if factors() else "measured on another machine"


def forget() -> None:
    """Drop what is remembered of the file; it is read again."""
    factors.cache_clear()
    fingerprint.cache_clear()


@dataclass
class _Case:
    """One class with its costs on the engines that are usable here."""

    estimator: str
    params: Mapping[str, Any]
    data: str
    engines: list[str] = field(default_factory=list)


def calibrate(
    *, seconds: float = 110.0, progress: bool = True, only: Callable[[str], bool] | None = None
) -> Calibration:
    """Measure this machine, so that ``engine="auto"`` knows where its engines pay.

    Parameters
    ----------
    seconds : float, default=110.0
        About how long it may take. What there is no time for keeps the estimates that come with accelsk.
    progress : bool, default=True
        Whether a bar shows how far it is.
    only : callable, default=None
        Says of the public path of a class whether to measure it; None for all.

    Returns
    -------
    Calibration
        What was measured. It is kept for this user and machine, and holds from now on in this process and in those that
        start later; processors, cores, or versions that change make it stale, and it is ignored then.

    See Also
    --------
    explain : Shows the estimates.

    Examples
    --------
    >>> from accelsk import calibrate
    >>> calibrate(seconds=2, progress=False, only=lambda name: name.endswith("Ridge"))  # doctest: +SKIP
    """
    cases = [case for case in _cases() if only is None or only(case.estimator)]
    end = time.perf_counter() + seconds
    found: dict[tuple[str, str, str], list[float]] = {}
    for done, case in enumerate(_followed(cases, show=progress)):
        left = max(0.0, end - time.perf_counter())
        for key, ratio in _measured(case, left / (len(cases) - done)):
            found.setdefault(key, []).append(math.log(ratio))
    refined = [Refined(*key, round(math.exp(sum(logs) / len(logs)), 3), len(logs)) for key, logs in found.items()]
    _keep(refined)
    return Calibration(refined)


def _followed(cases: list[_Case], *, show: bool) -> Iterator[_Case]:
    if not show:
        yield from cases
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task("calibrating", total=len(cases))
        for case in cases:
            bar.update(task, description=case.estimator.rpartition(".")[2])
            yield case
            bar.advance(task)


def _cases() -> list[_Case]:
    """What is measured: every class of which several engines here say what it costs."""
    from accelsk.costs import costs_of
    from accelsk.engines import names, why_missing

    found: dict[tuple[str, str], _Case] = {}
    for name in names():
        if why_missing(name) is not None:
            continue
        for estimator, operations in costs_of(name).items():
            for cost in operations.get("fit", ()):
                params = cost.case.get("params", {})
                key = (estimator, json.dumps(params, sort_keys=True))
                case = found.setdefault(key, _Case(estimator, params, cost.case.get("data", "")))
                case.engines.append(name)
    return [case for case in found.values() if len(case.engines) > 1]


def _measured(case: _Case, seconds: float) -> Iterator[tuple[tuple[str, str, str], float]]:
    """Times over estimates, for the fits and predictions of one class by its engines."""
    from accelsk.costs import Work, cost_of
    from accelsk.engines.classes import class_at
    from accelsk.estimator import AcceleratedEstimator
    from accelsk.timing import compare
    from accelsk.workloads import made

    for n, d in _SIZES:
        X, y = made(case.data, n, d)
        work = Work(n, d, n, 2)
        plain = class_at(case.estimator)(**case.params)
        params = plain.get_params(deep=False)
        costs = {name: cost_of(name, case.estimator, "fit", params) for name in case.engines}
        estimates = {name: cost.seconds(work, params) for name, cost in costs.items() if cost is not None}
        if len(estimates) < 2 or sum(estimates.values()) * 4 > seconds / len(_SIZES):
            continue  # too long for its share of the time
        models = {name: AcceleratedEstimator(plain, engine=name, fallback="raise") for name in estimates}
        calls = {name: partial(model.fit, X, y) for name, model in models.items()}
        timed = compare(calls, budget=seconds / len(_SIZES) * 0.6, repeats=3)
        for name, estimate in estimates.items():
            yield (name, case.estimator, "fit"), timed[name].seconds.median / estimate
        yield from _computed(case, models, X, work, params, seconds / len(_SIZES) * 0.2)


def _computed(
    case: _Case, models: Mapping[str, Any], X: Any, work: Any, params: Mapping[str, Any], budget: float
) -> Iterator[tuple[tuple[str, str, str], float]]:
    """The same for what is asked of the fitted models; of the engines' own, whatever else computes the same faster."""
    from accelsk.costs import cost_of
    from accelsk.timing import compare

    for operation in ("predict", "transform", "kneighbors"):
        costs = {name: cost_of(name, case.estimator, operation, params) for name in models}
        if len(models) < 2 or None in costs.values():
            continue
        calls = {name: partial(getattr(model.estimator_, operation), X) for name, model in models.items()}
        for name, timed in compare(calls, budget=budget, repeats=3).timed.items():
            cost = costs[name]
            assert cost is not None
            yield (name, case.estimator, operation), timed.seconds.median / cost.seconds(work, params)


#: Rows and columns at which is measured: small, and large enough for threads.
_SIZES = ((500, 20), (5000, 20))


def _keep(refined: list[Refined]) -> None:
    """Write the file as a whole: whoever reads it meanwhile sees the old one or the new one."""
    file = calibration_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    data = {
        "format": FORMAT,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "fingerprint": fingerprint(),
        "factors": [asdict(each) for each in refined],
    }
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(data, indent=1), encoding="utf-8")
    draft.replace(file)
    forget()
