"""The plots of the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("agg")

import matplotlib.pyplot as plt

from benchmarks.cases import CASES
from benchmarks.contenders import AUTO, PATCHED, PLAIN

__all__ = ["heat_map", "latency", "regret"]

_ORDER = [case.name for case in CASES]
_MAIN = {case.name: case.methods[0] for case in CASES if case.methods}
_COLOURS = {PLAIN: "#555555", PATCHED: "#1f77b4", AUTO: "#d62728"}
_MORE_COLOURS = ("#ff9896", "#c49c94", "#9467bd")


def heat_map(operations: Sequence[Mapping[str, Any]], file: Path) -> None:
    """How many times as fast accelsk is as plain scikit-learn: fit, one row, all rows; estimator by size."""
    panels: tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...] = (
        ("fit", lambda each: each["operation"] == "fit"),
        ("one row", lambda each: _is_main(each) and each["predicted"] == 1),
        ("all rows", lambda each: _is_main(each) and each["predicted"] == each["rows"]),
    )
    names = [name for name in _ORDER if any(each["case"] == name for each in operations)]
    sizes = sorted({(each["rows"], each["columns"]) for each in operations})
    figure, axes = plt.subplots(1, 3, figsize=(15, 1.6 + 0.27 * len(names)), sharey=True, layout="constrained")
    for axis, (title, which) in zip(axes, panels, strict=True):
        grid = np.full((len(names), len(sizes)), np.nan)
        for each in operations:
            if which(each) and AUTO in each["ratios"]:
                place = names.index(each["case"]), sizes.index((each["rows"], each["columns"]))
                grid[place] = each["ratios"][AUTO]["median"]
        image = axis.imshow(np.log2(grid), cmap="RdBu", vmin=-3, vmax=3, aspect="auto")
        for row, column in zip(*np.nonzero(np.isfinite(grid)), strict=True):
            value = grid[row, column]
            dark = abs(np.log2(value)) > 2
            axis.text(
                column, row, _times(value), ha="center", va="center", fontsize=6.5, color="white" if dark else "black"
            )
        axis.set_title(title, fontsize=10)
        axis.set_xticks(range(len(sizes)), [f"{_short(rows)} x {columns}" for rows, columns in sizes], rotation=60)
        axis.set_yticks(range(len(names)), names)
        axis.tick_params(labelsize=7.5, length=0)
    bar = figure.colorbar(image, ax=axes, shrink=0.6, ticks=range(-3, 4))
    bar.ax.set_yticklabels(["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    figure.suptitle('times as fast as plain scikit-learn: accelsk, engine="auto"', fontsize=11)
    _save(figure, file)


def latency(operations: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Microseconds of the prediction of one row, of every contender, at the largest size up to 2,000 rows."""
    latest: dict[str, Mapping[str, Any]] = {}
    for each in operations:
        if _is_main(each) and each["predicted"] == 1 and each["rows"] <= 2_000:
            latest[each["case"]] = each
    names = [name for name in _ORDER if name in latest]
    figure, axis = plt.subplots(figsize=(9, 1.2 + 0.24 * len(names)), layout="constrained")
    shown = [
        name for name in dict.fromkeys(name for each in latest.values() for name in each["seconds"]) if ":" not in name
    ]
    more = iter(_MORE_COLOURS)
    for contender in shown:
        there = [(row, latest[name]["seconds"][contender]) for row, name in enumerate(names)
                 if contender in latest[name]["seconds"]]  # fmt: skip
        axis.plot(
            [1e6 * seconds["median"] for _, seconds in there], [row for row, _ in there], "o",
            color=_COLOURS.get(contender) or next(more), label=contender, markersize=4.5,
        )  # fmt: skip
    axis.set_xscale("log")
    axis.set_yticks(range(len(names)), names, fontsize=7.5)
    axis.invert_yaxis()
    axis.grid(axis="x", alpha=0.3)
    axis.set_xlabel("microseconds for one row", fontsize=9)
    axis.legend(fontsize=8)
    _save(figure, file)


def regret(operations: Sequence[Mapping[str, Any]], file: Path) -> None:
    """What a choice of ``"auto"`` costs beside the best one known afterwards, for operations over 5 ms."""
    figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
    for kind, marker in (("fit", "o"), ("prediction", "x")):
        there = [
            each for each in operations if each["regret"] and (each["operation"] == "fit") == (kind == "fit")
        ]  # fmt: skip
        axis.plot(
            [1e3 * each["seconds"][AUTO]["median"] for each in there],
            [each["regret"]["ratio"] for each in there],
            marker, markersize=4, alpha=0.6, label=kind,
        )  # fmt: skip
    axis.axhline(1.15, color="grey", linestyle="--", linewidth=1)
    if any(each["regret"] for each in operations):  # an axis without numbers has no logarithms
        axis.set_xscale("log")
        axis.set_yscale("log", base=2)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_xlabel("milliseconds of the operation", fontsize=9)
    axis.set_ylabel("over the best choice", fontsize=9)
    axis.legend(fontsize=8)
    _save(figure, file)


def _is_main(operation: Mapping[str, Any]) -> bool:
    return operation["operation"] == _MAIN.get(operation["case"])


def _times(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 1.95 else f"{value:.2f}"


def _short(rows: int) -> str:
    return f"{rows // 1000}k" if rows >= 1000 else str(rows)


def _save(figure: Any, file: Path) -> None:
    # A palette of 128 colours: a third of the size.
    from PIL import Image

    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110, metadata={"Software": None})
    plt.close(figure)
    with Image.open(file) as image:
        small = image.convert("RGB").quantize(128)
    small.save(file, optimize=True)
