"""What was measured, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelsk.demo.report import Result

__all__ = ["draw"]

_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)


def draw(results: Sequence[Result], path: Path) -> None:
    """Draw the ratios, with their spread, and the scores.

    Parameters
    ----------
    results : sequence of Result
        Those of one model beside each other.
    path : Path
        The PNG file to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 1.8 + 0.45 * len(results)), layout="constrained")
    FigureCanvasAgg(figure)
    speed, score = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    _draw_speed(speed, results)
    _draw_scores(score, results)
    figure.suptitle(
        "nycflights13: accelsk beside plain scikit-learn, same machine, same run\n"
        "(pale: scikit-learn was chosen, so what differs from 1 is noise)",
        fontsize=11,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _draw_speed(axes: Any, results: Sequence[Result]) -> None:
    places = range(len(results))
    for offset, phase, colour in ((-0.2, "fit", "#0072B2"), (0.2, "predict", "#E69F00")):
        ratios = [getattr(result, phase).pipeline for result in results]
        middles = [ratio.median for ratio in ratios]
        spread = [[r.median - r.low for r in ratios], [r.high - r.median for r in ratios]]
        heights = [place + offset for place in places]
        bars = axes.barh(heights, [middle - 1 for middle in middles], 0.36, left=1, color=colour, label=phase)
        axes.errorbar(middles, heights, xerr=spread, fmt="none", ecolor="black", capsize=2, linewidth=1)
        for bar, result in zip(bars, results, strict=True):
            bar.set_alpha(1 if result.accelerated else 0.3)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xticks([tick for tick in _TICKS if low <= tick <= high])
    axes.xaxis.set_major_formatter(lambda value, position: f"{value:g}x")
    axes.minorticks_off()
    axes.grid(axis="x", linewidth=0.3)
    axes.set_xlabel("times as fast, whole pipeline (median; line from min to max)")
    axes.set_yticks(list(places), [f"{r.model}\n{r.asked}: {r.engine} on {r.device}" for r in results], fontsize=8)
    axes.set_ylim(len(results) - 0.4, -0.6)
    legend = axes.legend(loc="lower right")
    for handle in legend.get_patches():  # the first bar may be a pale one
        handle.set_alpha(1)


def _draw_scores(axes: Any, results: Sequence[Result]) -> None:
    differences = [result.score - result.score_plain for result in results]
    axes.axvline(0, color="black", linewidth=1)
    axes.plot(differences, range(len(results)), "o", color="#009E73", markersize=5)
    reach = max(0.01, *(1.3 * abs(difference) for difference in differences))
    axes.set_xlim(-reach, reach)
    axes.grid(axis="x", linewidth=0.3)
    axes.set_xlabel("score minus scikit-learn's")
