"""What the cost model of ``engine="auto"`` is made from: seconds of every engine by size, as many as fit in the time.

Run ``python -m benchmarks.sweep FILE [--minutes 12] [--only NAME ...] [--one-thread]`` on an idle machine. For every
case, size and operation: plain scikit-learn, the same with one BLAS thread, and every engine that has a row, by its
name. Each record has what the time depends on; the file has a record per line, after a line that describes the machine.
The cases get equal shares of the time; what one does not need goes to the others. Sizes grow until the share is used up
or a call would take longer than four seconds. With ``--one-thread`` everything is held to one, as in a worker that
has one core to itself.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from threadpoolctl import ThreadpoolController

from accelsk.threads import limited, regime
from accelsk.timing import compare
from accelsk.wrapper import Wrapper
from benchmarks.cases import CASES, Case, Size, available, data
from benchmarks.contenders import AUTO, PLAIN, contenders, is_reference
from benchmarks.machine import described, load
from benchmarks.pacing import Pace

#: Rows and columns, each with another mixture: what grows with which is to be told apart.
_SIZES: tuple[Size, ...] = (
    (200, 10),
    (200, 100),
    (1_000, 10),
    (1_000, 50),
    (2_000, 5),
    (2_000, 200),
    (4_000, 10),
    (4_000, 100),
    (16_000, 30),
    (16_000, 100),
    (64_000, 10),
    (64_000, 50),
    (200_000, 20),
)

#: The sizes at which other numbers of trees, clusters, classes, ... are measured, too.
_SIZES_OF_OTHER_K: tuple[Size, ...] = ((1_000, 50), (16_000, 30))

#: Rows that are predicted at once; None is all that were fitted.
_BATCHES: tuple[int | None, ...] = (1, 100, None)

#: Seconds: a call that would take longer is left out; one that takes longer than the second gets no warm-up and one
#: round; the rounds of one operation take at most the third.
_LONGEST, _LONG, _ROUNDS = 4.0, 0.7, 1.5

_ONE_THREAD = f"{PLAIN}, 1 thread"


@dataclass
class Sweep:
    """The measurement of one case."""

    case: Case
    until: float
    pace: Pace = field(default_factory=Pace)

    def records(self) -> Iterator[dict[str, Any]]:
        """Measure size after size."""
        usual = self.case.k[1]
        for size in _SIZES:
            several = self.case.other_k if size in _SIZES_OF_OTHER_K else ()
            for k in (usual, *several):
                if not self.case.fits(size) or (self.pace.begun and time.perf_counter() > self.until):
                    continue
                yield from self.at(size, k)

    def at(self, size: Size, k: int) -> Iterator[dict[str, Any]]:
        X, y = self.case.data_for(size, k)
        makes: dict[str, Callable[[], Any]] = {}
        for name, contender in contenders(self.case, X, y, k).items():
            if name == PLAIN:
                makes[PLAIN] = contender.make
                if not regime():
                    makes[_ONE_THREAD] = contender.make
            elif name.startswith(f"{AUTO}:") and not is_reference(name):
                makes[name] = contender.make
        fitted: dict[str, Any] = {}

        def fit(name: str) -> Callable[[], None]:
            def call() -> None:
                fitted[name] = makes[name]().fit(X, y)

            return call

        yield from self.timed("fit", size, k, None, {name: fit(name) for name in makes})
        if _ONE_THREAD in fitted:
            fitted[_ONE_THREAD] = fitted[PLAIN]
        for method in self.case.methods[:1]:
            for rows in _BATCHES:
                if rows is not None and rows >= size[0]:
                    continue
                batch = X if rows is None else X[:rows]
                # The engines' own models: what evaluators make of them is not what an engine costs.
                own = {n: model.estimator_ if isinstance(model, Wrapper) else model for n, model in fitted.items()}
                calls = {
                    name: (lambda model=model, batch=batch, method=method: getattr(model, method)(batch))
                    for name, model in own.items()
                }
                yield from self.timed(method, size, k, len(batch), calls)

    def timed(
        self, operation: str, size: Size, k: int, predicted: int | None, calls: dict[str, Callable[[], Any]]
    ) -> Iterator[dict[str, Any]]:
        """Time what is not expected to take too long."""
        rows, columns = predicted or size[0], size[1]
        expected = {name: self.pace.expected(name, operation, rows, columns) for name in calls}
        now = {name: call for name, call in calls.items() if expected[name] <= _LONGEST}
        if not now:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = compare(
                {name: _with_one_blas_thread(call) if name == _ONE_THREAD else call for name, call in now.items()},
                budget=0.02,
                repeats=3,
                limit=_ROUNDS,
                warm_up=not self.pace.knows(now) or max(expected[name] for name in now) < _LONG,
            )
        for name, timed in found.timed.items():
            self.pace.note(name, operation, rows, columns, timed.seconds.median)
            kind = self.case.k[0]
            yield {
                "case": self.case.name,
                "estimator": list(self.case.steps),
                "params": dict(self.case.params),
                "data": self.case.data,
                "operation": operation,
                "rows": size[0],
                "columns": size[1],
                "k": k if kind else None,
                "k_is": kind,
                "classes": (k if kind == "classes" else 2) if self.case.data == "classes" else None,
                "predicted": predicted,
                "engine": PLAIN if name == _ONE_THREAD else name.removeprefix(f"{AUTO}:"),
                "threads": 1 if name == _ONE_THREAD else None,
                "share": regime(),
                "seconds": timed.seconds.median,
                "low": timed.seconds.min,
                "high": timed.seconds.max,
                "repeats": found.repeats,
                "loops": timed.loops,
            }


_CONTROLLER: list[ThreadpoolController] = []


def _with_one_blas_thread(call: Callable[[], Any]) -> Callable[[], Any]:
    """The call with one BLAS thread; OpenMP keeps its threads."""
    if not _CONTROLLER:
        import sklearn.cluster  # noqa: F401  so that all libraries are known to it

        _CONTROLLER.append(ThreadpoolController())
    (controller,) = _CONTROLLER

    def limited() -> Any:
        with controller.limit(limits=1, user_api="blas"):
            return call()

    return limited


def _overhead() -> float:
    """What a fit through accelsk takes longer than one of the class itself: it is in the times of every engine."""
    case = next(case for case in CASES if case.name == "Ridge")
    X, y = data("numbers", 200, 10)
    there = contenders(case, X, y)
    (ours,) = (contender for name, contender in there.items() if is_reference(name))
    found = compare(
        {"plain": lambda: there[PLAIN].make().fit(X, y), "wrapped": lambda: ours.make().fit(X, y)}, budget=1.0
    )
    return found["wrapped"].seconds.median - found["plain"].seconds.median


def swept(cases: Sequence[Case], minutes: float) -> Iterator[dict[str, Any]]:
    """Measure cases within a time, in this order."""
    end = time.perf_counter() + 60 * minutes
    for done, case in enumerate(cases):
        now = time.perf_counter()
        yield from Sweep(case, now + (end - now) / (len(cases) - done)).records()


def main() -> None:
    """Write a line per record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--only", action="append", metavar="NAME", help="cases whose name contains it (repeatable)")
    parser.add_argument("--one-thread", action="store_true", help="hold every library to one thread")
    given = parser.parse_args()
    cases = [
        case
        # Those with the largest limits are the fastest, and leave of their shares to the others.
        for case in sorted(CASES, key=lambda case: -min(case.cells, 200 * case.rows))
        if available(case) and (not given.only or any(part in case.name for part in given.only))
    ]
    started = time.perf_counter()
    if given.one_thread:
        import sklearn.cluster  # noqa: F401  what is loaded now is held to it
    with given.file.open("w") as lines, limited(1) if given.one_thread else nullcontext():
        lines.write(json.dumps({**described(), "seconds_of_the_wrapper": _overhead()}) + "\n")
        count, last = 0, ""
        for record in swept(cases, given.minutes):
            if record["case"] != last:
                last = record["case"]
                print(
                    f"{time.perf_counter() - started:6.0f} s, {count:5} records, load {load():4.1f}: {last}", flush=True
                )
            lines.write(json.dumps(record) + "\n")
            lines.flush()
            count += 1
    print(f"{time.perf_counter() - started:6.0f} s, {count:5} records in {given.file}")


if __name__ == "__main__":
    main()
