"""Plain scikit-learn, scikit-learn patched by the Extension, Snap ML and accelsk, in turns in one process.

Run ``python -m benchmarks.suite [--quick] [--only NAME] [--json FILE] [--minutes N]``. For every case and size of
`benchmarks.cases`: the fit, and what follows it at 1, 32, 1000 and all rows. Each figure is how many times as fast as
plain scikit-learn in the same round; median and quartiles. The first call, which loads libraries, is not among them.
At the end the bars of `benchmarks.bars` are evaluated. `benchmarks.report` makes tables and plots of the file.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from accelsk.timing import Comparison, Spread, compare
from benchmarks import bars, whole, yardsticks
from benchmarks.cases import BATCHES, CASES, QUICK, QUICK_SIZES, SIZES, Case, Size, available
from benchmarks.contenders import AUTO, PATCHED, PLAIN, Contender, contenders
from benchmarks.machine import described, load
from benchmarks.pacing import Pace

#: What a model is asked for by ``prepare``, and what the tables call it.
PREPARED: Mapping[str, Mapping[str, Any]] = {
    f"{AUTO}, prepared": {},
    f"{AUTO}, prepared float32": {"precision": "float32"},
}

#: The numbers of trees: where prediction of a few rows can be prepared.
_TREES = ("n_estimators", "max_iter")

#: Seconds from which the best choice is asked for.
_REGRET_FROM = 5e-3


@dataclass(frozen=True)
class Effort:
    """How much time an operation may take.

    Parameters
    ----------
    budget, limit : float
        Seconds for the rounds of an operation, and from when on fewer than `repeats` are enough.
    repeats : int
        The rounds.
    longest : float
        A call that is expected to take longer is left out.
    """

    budget: float
    limit: float
    repeats: int
    longest: float


FULL, HASTY = Effort(0.6, 6.0, 5, 12.0), Effort(0.12, 1.5, 3, 2.5)


@dataclass
class Run:
    """One case, size after size.

    Parameters
    ----------
    case : Case
        What is measured.
    effort : Effort
        How long.
    """

    case: Case
    effort: Effort
    pace: Pace = field(default_factory=Pace)
    left_out: list[dict[str, Any]] = field(default_factory=list)

    def at(self, size: Size) -> Iterator[dict[str, Any]]:
        """Measure all operations at a size."""
        X, y = self.case.data_for(size)
        there = contenders(self.case, X, y)
        fitted: dict[str, Any] = {}

        def fit(contender: Contender) -> Callable[[], None]:
            def call() -> None:
                fitted[contender.name] = contender.make().fit(X, y)

            return call

        yield from self.timed(
            "fit", size, None, {name: fit(contender) for name, contender in there.items()}, there, fitted
        )
        for method in self.case.methods:
            for rows in BATCHES if method == self.case.methods[0] else (1, None):
                if rows is not None and rows >= size[0]:
                    continue
                batch = X if rows is None else X[:rows]
                models = {name: model for name, model in fitted.items() if hasattr(model, method)}
                if rows != 1000 and rows is not None:  # what other choices would have given matters where it is long
                    models = {name: model for name, model in models.items() if not name.startswith(f"{AUTO}:")}
                if rows == 1 and method == self.case.methods[0]:
                    models |= self._prepared(fitted)
                yield from self.timed(
                    method, size, len(batch), {name: _call(model, method, batch) for name, model in models.items()},
                    there, models,
                )  # fmt: skip

    def _prepared(self, fitted: Mapping[str, Any]) -> dict[str, Any]:
        """Models whose prediction of one row is prepared, where the object can do that and it is a matter of trees."""
        model = fitted.get(AUTO)
        if self.case.k[0] not in _TREES or not hasattr(model, "prepare"):
            return {}
        found = {}
        for name, how in PREPARED.items():
            try:
                found[name] = copy.deepcopy(model)
                found[name].prepare(batch_sizes=(1,), **how)
            except Exception as error:  # noqa: BLE001  what cannot be prepared is shown, and the rest goes on
                del found[name]
                self.left_out.append({"case": self.case.name, "contender": name, "why": str(error)})
        return found

    def timed(
        self,
        operation: str,
        size: Size,
        predicted: int | None,
        calls: Mapping[str, Callable[[], Any]],
        there: Mapping[str, Contender],
        models: Mapping[str, Any],
    ) -> Iterator[dict[str, Any]]:
        """Time the contenders that are not expected to take too long."""
        rows, columns = predicted or size[0], size[1]
        expected = {name: self.pace.expected(name, operation, rows, columns) for name in calls}
        where = {"case": self.case.name, "rows": size[0], "columns": columns, "operation": operation}
        long = [name for name in calls if expected[name] > self.effort.longest]
        if PLAIN in long or PLAIN not in calls:
            self.left_out.append({**where, "predicted": predicted, "why": "it would take too long"})
            return
        self.left_out.extend({**where, "contender": name, "why": "it would take too long"} for name in long)
        now = {name: call for name, call in calls.items() if name not in long}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = compare(
                now,
                budget=self.effort.budget,
                repeats=self.effort.repeats,
                limit=self.effort.limit,
                warm_up=not self.pace.knows(now) or sum(expected[name] for name in now) < self.effort.limit / 2,
            )
        for name, timed in found.timed.items():
            self.pace.note(name, operation, rows, columns, timed.seconds.median)
        yield {
            **where,
            "predicted": predicted,
            "repeats": found.repeats,
            "seconds": {name: _brief(timed.seconds) for name, timed in found.timed.items()},
            "first": {name: _rounded(found[name].first) for name in (PLAIN, AUTO) if name in found.timed},
            "ratios": {name: _brief(timed.ratio) for name, timed in found.timed.items() if name != PLAIN},
            "over_patched": _over(found, PATCHED),
            "regret": self._regret(size, found, there, models),
            "engine": _engine(models.get(AUTO)),
            "fidelity": {name: there[name].fidelity for name in found.timed if name.startswith(f"{AUTO}:")},
            "bound": self.case.bound,
            "rates": self._rates(operation, size, predicted, found, models),
        }

    def _regret(self, size: Size, found: Comparison, there: Mapping[str, Contender], models: Mapping[str, Any]) -> Any:
        """How much longer auto took than the best of the other choices; None where all are short."""
        if AUTO not in found.timed or found[AUTO].seconds.median < _REGRET_FROM:
            return None
        same = f"{AUTO}:{_engine(models.get(AUTO))}"
        others = {
            name: timed
            for name, timed in found.timed.items()
            if name in there
            and name not in (AUTO, same)
            and there[name].fidelity != "alternative"
            and not (self.case.is_worse(size[1]) and name == PATCHED)
        }
        if not others:
            return None
        best = min(others, key=lambda name: others[name].seconds.median)
        ratio = _over(found, best)
        assert ratio is not None
        return {
            "best": best,
            "ratio": max(1.0, _rounded(1 / ratio["median"])),
            "low": max(1.0, _rounded(1 / ratio["high"])),
        }

    def _rates(
        self, operation: str, size: Size, predicted: int | None, found: Comparison, models: Mapping[str, Any]
    ) -> dict[str, float]:
        """Giga-operations, or gigabytes, per second of each contender, where the work is known."""
        if not self.case.bound or size[0] * size[1] < 100_000:
            return {}
        rates = {
            name: yardsticks.work(self.case.steps, operation, *size, predicted, models[name]) / timed.seconds.median
            for name, timed in found.timed.items()
            if name in (PLAIN, PATCHED, AUTO)
        }
        return {name: _rounded(rate) for name, rate in rates.items() if rate}


def _call(model: Any, method: str, batch: Any) -> Callable[[], Any]:
    bound = getattr(model, method)
    return lambda: bound(batch)


def _over(found: Comparison, other: str) -> dict[str, float] | None:
    """How many times as fast as another contender accelsk was, in the same rounds."""
    if other not in found.timed or AUTO not in found.timed:
        return None
    rounds = zip(found[AUTO].samples, found[other].samples, strict=True)
    return _brief(Spread.of([theirs / max(ours, 1e-9) for ours, theirs in rounds]))


def _brief(spread: Spread) -> dict[str, float]:
    """Median and quartiles, in as many digits as mean something: there are thousands of them in a file."""
    return {"median": _rounded(spread.median), "low": _rounded(spread.low), "high": _rounded(spread.high)}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _engine(model: Any) -> str:
    """What accelsk chose: the engine; of a pipeline, those of its steps."""
    if model is None:
        return ""
    steps = getattr(model, "named_steps", None)
    if steps:
        return ", ".join(dict.fromkeys(str(getattr(step, "engine_", "")) for step in steps.values()))
    return str(getattr(model, "engine_", ""))


def measured(
    cases: list[Case], *, sizes: Callable[[Case], Sequence[Size]], effort: Effort, minutes: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Measure cases, the small sizes of all first, until the time is over."""
    end = time.perf_counter() + 60 * minutes
    runs = [Run(case, effort) for case in cases]
    found: list[dict[str, Any]] = []
    late: list[dict[str, Any]] = []
    for size in SIZES:
        # Neighbours in the list have the same kind of data, which are made once.
        for run in sorted(runs, key=lambda run: run.case.data):
            if size not in sizes(run.case) or not run.case.fits(size):
                continue
            if time.perf_counter() > end:
                late.append({"case": run.case.name, "rows": size[0], "columns": size[1], "why": "the time was over"})
                continue
            for operation in run.at(size):
                found.append(operation)
                print(_line(operation), flush=True)
    return found, [each for run in runs for each in run.left_out] + late


def _line(operation: Mapping[str, Any]) -> str:
    what = operation["operation"] + ("" if operation["predicted"] is None else f"[{operation['predicted']}]")
    plain = operation["seconds"][PLAIN]["median"]
    others = "  ".join(
        f"{name.removeprefix(AUTO + ':')} {ratio['median']:.2f} [{ratio['low']:.2f}-{ratio['high']:.2f}]"
        for name, ratio in sorted(operation["ratios"].items())
    )
    size = f"{operation['rows']}x{operation['columns']}"
    return f"{operation['case']:32} {size:>10} {what:18} {1000 * plain:9.3f} ms x{operation['repeats']:<3} {others}"


def main() -> None:
    """Measure, print, judge, and write the file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suite", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a case of every family, few sizes: five minutes")
    parser.add_argument("--only", action="append", metavar="NAME", help="cases whose name contains it (repeatable)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write what was measured there")
    parser.add_argument("--minutes", type=float, help="in all (default: 45, quick: 5); small sizes come first")
    given = parser.parse_args()
    started = time.perf_counter()
    names = QUICK if given.quick and not given.only else {case.name for case in CASES}
    cases = [
        case
        for case in CASES
        if case.name in names and available(case) and any(part in case.name for part in given.only or ("",))
    ]
    if not cases:
        parser.error(f"no case has {' or '.join(given.only)} in its name")
    if load() > 1:
        print(f"Load {load():g}: other processes want the cores, too. Such a run says little.")
    result: dict[str, Any] = {"machine": described(), "quick": given.quick, "yardsticks": yardsticks.measured()}
    if not given.only:
        for name, value in whole.measured(quick=given.quick):
            result[name] = value
            print(f"{name}: done after {time.perf_counter() - started:.0f} s", flush=True)
    minutes = given.minutes or (5.0 if given.quick else 45.0)
    # A busy machine may have spent most of it: the operations get their part all the same.
    left = max(0.6 * minutes, minutes - (time.perf_counter() - started) / 60)
    result["operations"], result["left_out"] = measured(
        cases,
        sizes=lambda case: QUICK.get(case.name, QUICK_SIZES) if given.quick else SIZES,
        effort=HASTY if given.quick else FULL,
        minutes=left,
    )
    result["machine"]["load_after"] = load()
    result["minutes"] = round((time.perf_counter() - started) / 60, 1)
    result["bars"] = [asdict(verdict) for verdict in bars.judged(result)]
    print(f"\n{bars.text(result['bars'])}\n{result['minutes']} minutes, {len(result['operations'])} operations.")
    if given.json:
        given.json.write_text(json.dumps(result, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
