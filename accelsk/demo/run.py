"""Plain scikit-learn and accelsk side by side in one run, in repeats that take turns."""

from __future__ import annotations

import json as jsonlib
import os
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from accelsk.demo import require
from accelsk.engines import get, names, reference, why_missing

if TYPE_CHECKING:
    from rich.console import Console

    from accelsk.demo.report import Result

__all__ = ["add_arguments", "main", "run"]

#: Seconds that all models may take together; what is left decides how often each is repeated.
_BUDGET = 210.0

#: A machine on which the same work takes so many times as long is not quiet.
_BUSY = 1.3

_QUICK_ROWS = 12_000
_FEWEST_ROWS = 1_000

#: Columns of text from which the table is complete, and those of a pipe, which has no width.
_WIDE = 110
_PIPED_WIDTH = 140


def run(
    *,
    rows: int | None = None,
    repeats: int = 5,
    output: Path | str | None = Path("accelsk-demo.png"),
    console: Console | None = None,
    json: bool = False,
) -> list[Result]:
    """Run the comparison, print it and draw it.

    Parameters
    ----------
    rows : int, default=None
        At most so many flights per model; None is what two cores do in a few minutes.
    repeats : int, default=5
        At most so many repeats per model; fewer where a model takes its share of the time before.
    output : Path or str, default="accelsk-demo.png"
        Where the plot goes; None draws none.
    console : rich.console.Console, default=None
        Where to print; None is the terminal.
    json : bool, default=False
        Print JSON instead of the table.

    Returns
    -------
    list of Result
        One per model and engine, the order of the table.

    Raises
    ------
    DemoNotAvailable
        If the extra is not installed.
    """
    require()
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from accelsk.demo import flights, plot, report
    from accelsk.demo.measure import compare
    from accelsk.demo.models import CASES

    if console is None:
        console = Console()
        if not console.is_terminal:
            console.width = _PIPED_WIDTH
    shown = console if console.is_terminal and not json else Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    )
    results: list[Result] = []
    started = time.perf_counter()
    with bar:
        task = bar.add_task("reading and joining the flights", total=len(CASES) * repeats)
        table = flights.load()
        for done, case in enumerate(CASES):
            sample = flights.split(table, _fewer(case.rows, rows))
            share = (_BUDGET - (time.perf_counter() - started)) / (len(CASES) - done)
            bar.update(task, completed=done * repeats, description=f"{case.name}, {len(sample.X_train):,} flights")
            results += compare(case, sample, repeats, share, lambda: bar.advance(task))
        bar.update(task, completed=len(CASES) * repeats)
    if output is not None:
        plot.draw(results, Path(output))
    if json:
        console.print_json(jsonlib.dumps(_document(results, output, time.perf_counter() - started)))
    else:
        console.print(report.table(results, wide=console.width >= _WIDE))
        console.print(report.conclusion(results), highlight=False, markup=False)
        small_print = _small_print(results, len(table), time.perf_counter() - started)
        console.print(f"\n{small_print}", highlight=False, markup=False)
        if output is not None:
            console.print(f"Plot: {output}", highlight=False, soft_wrap=True)
    return results


def _fewer(own: int | None, asked: int | None) -> int | None:
    return min((count for count in (own, asked) if count is not None), default=None)


def _document(results: Sequence[Result], output: Path | str | None, seconds: float) -> dict[str, Any]:
    return {
        "results": [result.to_dict() for result in results],
        "plot": None if output is None else str(output),
        "cores": os.cpu_count(),
        "seconds": round(seconds, 1),
    }


def _small_print(results: Sequence[Result], flights: int, seconds: float) -> str:
    counts = sorted({result.repeats for result in results})
    times = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    absent = [f"{get(name).title}" for name in names(plugins=False) if why_missing(name) is not None]
    plain = reference().title
    lines = (
        f"{flights:,} flights of 2013 that arrived; learnt from January to September, tested on October to December.",
        f"Times as fast: {plain}'s seconds by accelsk's in the same repeat; median [min-max] of {times} repeats.",
        f"Pipeline: with the encoding and scaling, which {plain} does on both sides. Model alone: without.",
        "Late is more than 15 minutes after the scheduled arrival; regressions predict the minutes.",
        f"Both sides have the same {os.cpu_count()} cores. Importing an engine is not counted.",
        _noise(results),
        f"Not installed here: {', '.join(absent)}." if absent else "",
        f"All of it took {seconds:.0f} s.",
    )
    return "\n".join(line for line in lines if line)


def _noise(results: Sequence[Result]) -> str:
    """Where scikit-learn was chosen it ran against itself: that ratio is the noise of this run."""
    itself = [result.fit.pipeline for result in results if not result.accelerated]
    if not itself:
        return ""
    worst = max(max(ratio.high, 1 / ratio.low) for ratio in itself)
    told = f"Noise: the same fit by {reference().title} on both sides differed by up to {worst:.2f}x in this run."
    if worst > _BUSY:
        told += (
            " Something else was using this machine: no smaller ratio means anything; run it again when it is quiet."
        )
    return told


def add_arguments(parser: ArgumentParser) -> None:
    """Give a parser the options of the demonstration.

    Parameters
    ----------
    parser : ArgumentParser
        Of ``accelsk demo``.
    """
    parser.add_argument("--rows", type=_count, metavar="N", help="at most N flights per model")
    parser.add_argument("--quick", action="store_true", help=f"{_QUICK_ROWS:,} flights, one repeat: some seconds")
    parser.add_argument("--output", type=Path, default=Path("accelsk-demo.png"), metavar="FILE", help="the plot (PNG)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < _FEWEST_ROWS:
        raise ArgumentTypeError(f"a whole number from {_FEWEST_ROWS:,} is needed, not {text!r}")
    return int(text)


def main(namespace: Namespace) -> int:
    """Run the demonstration with the options of `add_arguments`.

    Parameters
    ----------
    namespace : Namespace
        What the parser made.

    Returns
    -------
    int
        The exit status.
    """
    rows = namespace.rows or (_QUICK_ROWS if namespace.quick else None)
    run(rows=rows, repeats=1 if namespace.quick else 5, output=namespace.output, json=namespace.json)
    return 0
