"""Tables and plots of a result of `benchmarks.suite`, for the documentation.

Run ``python -m benchmarks.report benchmarks/results/FILE.json [--docs docs]``: it writes ``benchmarks.md`` there, and
the plots into ``benchmarks/`` beside it. Needs matplotlib, which is in the extra ``demo``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from benchmarks import bars
from benchmarks.cases import BATCHES, CASES
from benchmarks.contenders import AUTO, PATCHED, PLAIN, SNAP

__all__ = ["markdown"]

Operation = Mapping[str, Any]

_ROWS = {1: "one row", None: "all rows", **{rows: f"{rows:,} rows" for rows in BATCHES if rows and rows > 1}}

_HOW = """\
Written by `python -m benchmarks.report` from one run of `python -m benchmarks.suite{quickly}` ({minutes:g} minutes,
{count} operations). Every figure is a ratio of times measured in turns in one process: the median of rounds in which
each contender runs once; the first call, which loads libraries, is not among them. Figures of different machines are
not comparable."""

_BARS = """\
What is to be reached, and what was. A bar that is not met is shown with how far it is; in brackets, how many miss it by
more than the spread: with their better quartile, too.
"""

_REGRET = """\
Its time over that of the best other choice, known afterwards: plain scikit-learn, the Extension, every engine by its
name. Operations over 5 ms; the dashed line is the bar for the worst.
"""


def markdown(result: Mapping[str, Any]) -> str:
    """Return the page."""
    operations = result["operations"]
    parts = [
        _introduction(result),
        "## The bars\n",
        _BARS,
        _bars([asdict(verdict) for verdict in bars.judged(result)]),
        "## At a glance\n",
        _means(operations),
        "![How many times as fast accelsk is, by estimator and size](benchmarks/speed-up.png)\n",
        "## One row\n",
        "![Microseconds for one row, by estimator and contender](benchmarks/latency.png)\n",
        '## What the choice of `"auto"` costs\n',
        _REGRET,
        "![Time over that of the best choice](benchmarks/regret.png)\n",
        _regrets(operations),
        "## Share of what this machine can do\n",
        _shares(operations, result["yardsticks"]),
        *_whole(result),
        "## Every operation\n",
        "Times as fast as plain scikit-learn: accelsk, in brackets the Extension. A star: fewer than three rounds.\n",
        *_tables(operations),
        _left_out(result["left_out"]),
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _introduction(result: Mapping[str, Any]) -> str:
    machine, yards = result["machine"], result["yardsticks"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    count = len(result["operations"])
    snap = any(SNAP in each["ratios"] for each in result["operations"])
    return (
        f"# Benchmarks\n\n{_HOW.format(**result, quickly=' --quick' if result['quick'] else '', count=count)}\n\n"
        "Contenders: plain scikit-learn; the class that scikit-learn patched by Intel's Extension would use (\"the "
        f'Extension"){"; Snap ML" if snap else ""}; and accelsk with `engine="auto"`, all at their defaults.\n\n'
        f"Machine: {machine['processor']}, {machine['cores']} cores ({', '.join(machine['instructions'])}), "
        f"{machine['memory'] / 2**30:.0f} GiB; load {machine['load']:g} before and {machine['load_after']:g} after. "
        f"A product of matrices reaches {yards['compute']:.0f} GFLOP/s, a copy {yards['memory']:.0f} GB/s. "
        f"Python {machine['python']}, {versions}.\n"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    lines.extend(f"| {' | '.join(map(str, row))} |" for row in rows)
    return "\n".join(lines) + "\n"


def _bars(verdicts: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for each in verdicts:
        outcome = {True: "met", False: "**not met**", None: "not measured"}[each["met"]]
        worst = "" if each["worst"] is None else f"{each['worst']:.3g}"
        missed = f"{each['missed']} ({each['clearly']}) of {each['count']}" if each["count"] else ""
        where = "; ".join(f"{of}: {figure:.3g}" for of, figure in each["of"][:2])
        name = f"{each['bar']}. {each['limit']}" if each["limit"] and each["met"] is False else each["bar"]
        rows.append((name, f"{'<=' if each['most'] else '>='} {each['least']:g}", outcome, worst, missed, where))
    return _table(("bar", "", "", "worst", "miss it", "the worst two"), rows)


def _means(operations: Sequence[Operation]) -> str:
    """Geometric means over all operations that every one of the contenders has."""
    kinds: dict[str, Callable[[Operation], bool]] = {
        "fit": lambda each: each["operation"] == "fit",
        "prediction of one row": lambda each: each["predicted"] == 1,
        "prediction of 32 or 1,000 rows": lambda each: each["predicted"] in (32, 1000) and each["rows"] > 1000,
        "prediction of all rows": lambda each: each["predicted"] == each["rows"],
        "all": lambda each: True,
    }
    rows = []
    for kind, which in kinds.items():
        both = [each["ratios"] for each in operations if which(each) and PATCHED in each["ratios"]]
        every = [each["ratios"][AUTO]["median"] for each in operations if which(each) and AUTO in each["ratios"]]
        if every:
            means = [
                f"{geometric_mean([each[name]['median'] for each in both]):.2f}" if both else ""
                for name in (PATCHED, AUTO)
            ]
            rows.append((kind, len(both), *means, len(every), f"{geometric_mean(every):.2f}"))
    return "Geometric means of the ratios to plain scikit-learn:\n\n" + _table(
        ("", "where the Extension has a class", "the Extension", "accelsk", "all operations", "accelsk"), rows
    )


def _regrets(operations: Sequence[Operation]) -> str:
    worst = sorted((each for each in operations if each["regret"]), key=lambda each: -each["regret"]["ratio"])[:12]
    return _table(
        ("the worst", "ms", "chosen", "best", "over the best"),
        (
            (
                _named(each),
                f"{1e3 * each['seconds'][AUTO]['median']:.1f}",
                each["engine"],
                each["regret"]["best"],
                f"{each['regret']['ratio']:.2f}",
            )
            for each in worst
        ),
    )


def _named(operation: Operation) -> str:
    what = operation["operation"] + ("" if operation["predicted"] is None else f" of {operation['predicted']:,}")
    return f"{operation['case']}, {operation['rows']:,} x {operation['columns']}, {what}"


def _shares(operations: Sequence[Operation], yardsticks: Mapping[str, float]) -> str:
    units = {"compute": "GFLOP/s", "memory": "GB/s"}
    rows = []
    for each in operations:
        if each["rates"] and (each["predicted"] is None or each["predicted"] == each["rows"]):
            most, unit = yardsticks[each["bound"]], units[each["bound"]]
            rows.append(
                (
                    _named(each),
                    *(
                        f"{each['rates'][name]:.1f} {unit} ({100 * each['rates'][name] / most:.0f} %)"
                        if name in each["rates"]
                        else ""
                        for name in (PLAIN, PATCHED, AUTO)
                    ),
                )
            )
    return (
        "The work that cannot be done without, over the time, and over what a product of matrices (compute) or a copy "
        "(memory) reaches here.\n\n" + _table(("", "scikit-learn", "the Extension", "accelsk"), rows)
    )


def _whole(result: Mapping[str, Any]) -> Iterator[str]:
    if "search" in result:
        search = result["search"]
        yield "## A grid search\n"
        yield (
            f"24 candidates x 5 folds over scaler, PCA and SVC, {search['rows']:,} x {search['columns']}, `n_jobs=2`, "
            f"rounds: {search['repeats']}.\n"
        )
        yield _table(
            ("", "seconds", "times as fast", "best score"),
            (
                (
                    name,
                    f"{timed['seconds']['median']:.1f}",
                    f"{timed['ratio']['median']:.2f} [{timed['ratio']['min']:.2f}-{timed['ratio']['max']:.2f}]",
                    f"{search['best_score'][name]:.4f}",
                )
                for name, timed in search["timed"].items()
            ),
        )
    if result.get("flights"):
        yield "## Flights, end to end\n"
        yield "The models of `accelsk demo`, encoding and scaling included; the month is the test.\n"
        yield _table(
            ("model", "rows", "asked for", "ran", "fit", "prediction", "score, plain", "score"),
            (
                (
                    each["model"],
                    f"{each['train_rows']:,}",
                    each["asked"],
                    each["engine"],
                    f"{each['fit']['pipeline']['median']:.2f}",
                    f"{each['predict']['pipeline']['median']:.2f}",
                    f"{each['score_plain']:.4f}",
                    f"{each['score']:.4f}",
                )
                for each in result["flights"]
            ),
        )
    if result.get("memory"):
        yield "## Memory of a fit\n"
        yield "Its peak above what was there before, the data among it, in a process of its own.\n"
        yield _table(
            ("", "contender", "data, MB", "peak, MB"),
            (
                (
                    f"{each['case']}, {each['rows']:,} x {each['columns']}",
                    each["contender"],
                    f"{each['data']:.0f}",
                    f"{each['peak']:.0f}",
                )
                for each in result["memory"]
            ),
        )
    if "import" in result:
        ratio, seconds = result["import"]["ratio"], result["import"]["seconds"]
        yield "## Import\n"
        yield (
            f"`import accelsk` takes {seconds['import accelsk']['median']:.2f} s, {ratio['median']:.2f} "
            f"[{ratio['min']:.2f}-{ratio['max']:.2f}] times `import sklearn.base`, in fresh processes.\n"
        )


def _tables(operations: Sequence[Operation]) -> Iterator[str]:
    mains = {case.name: case.methods[0] for case in CASES if case.methods}
    yield from _by_size("fit", [each for each in operations if each["operation"] == "fit"])
    for rows in BATCHES:
        yield from _by_size(
            f"Prediction of {_ROWS[rows]} (`predict`, `transform` or `kneighbors`)",
            [
                each
                for each in operations
                if each["operation"] == mains.get(each["case"]) and each["predicted"] == (rows or each["rows"])
            ],
        )
    others = [each for each in operations if each["operation"] not in ("fit", mains.get(each["case"]))]
    yield from _by_size("Further methods, one row", [each for each in others if each["predicted"] == 1])
    yield from _by_size("Further methods, all rows", [each for each in others if each["predicted"] != 1])


def _by_size(title: str, operations: Sequence[Operation]) -> Iterator[str]:
    if not operations:
        return
    sizes = sorted({(each["rows"], each["columns"]) for each in operations})
    cells: dict[str, dict[tuple[int, int], str]] = {}
    for each in operations:
        ratios = each["ratios"]
        if AUTO not in ratios:
            continue
        name = each["case"] if each["operation"] != "predict_proba" else f"{each['case']}, probabilities"
        patched = f" ({ratios[PATCHED]['median']:.2f})" if PATCHED in ratios else ""
        star = "*" if each["repeats"] < 3 else ""
        cells.setdefault(name, {})[each["rows"], each["columns"]] = f"{ratios[AUTO]['median']:.2f}{patched}{star}"
    yield f"### {title[0].upper()}{title[1:]}\n"
    yield _table(
        ("", *(f"{rows:,} x {columns}" for rows, columns in sizes)),
        ((name, *(found.get(size, "") for size in sizes)) for name, found in sorted(cells.items())),
    )


def _left_out(left_out: Sequence[Mapping[str, Any]]) -> str:
    if not left_out:
        return ""
    reasons: dict[str, set[str]] = {}
    for each in left_out:
        what = f"{each['case']} by {each['contender']}" if "contender" in each else each["case"]
        size = f" {each['rows']:,} x {each['columns']}" if "rows" in each else ""
        reasons.setdefault(each["why"], set()).add(f"{what}{size}")
    return "### Left out\n\n" + "\n".join(
        f"- {why}: {'; '.join(sorted(cases))}." for why, cases in sorted(reasons.items())
    )


def main() -> None:
    """Write the page and the plots."""
    from benchmarks import plots  # matplotlib is for them alone

    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__.partition("\n")[0])
    parser.add_argument("result", type=Path)
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="the folder (default: docs)")
    given = parser.parse_args()
    result = json.loads(given.result.read_text())
    (given.docs / "benchmarks.md").write_text(markdown(result))
    folder = given.docs / "benchmarks"
    plots.heat_map(result["operations"], folder / "speed-up.png")
    plots.latency(result["operations"], folder / "latency.png")
    plots.regret(result["operations"], folder / "regret.png")


if __name__ == "__main__":
    main()
