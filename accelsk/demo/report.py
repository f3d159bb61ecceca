"""What was measured: results, as a table in the terminal and as plain data."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from accelsk.engines import reference

if TYPE_CHECKING:
    import rich.table

__all__ = ["Ratio", "Result", "Timing", "conclusion", "table"]

#: A ratio nearer to 1 than this is no difference; the second holds for too few repeats to show a spread.
_NOISE, _NOISE_OF_FEW, _FEW = 0.05, 0.5, 3

#: A score nearer to scikit-learn's than this is the same.
_SAME_SCORE = 0.003

_MODEL_WIDTH = 22


@dataclass(frozen=True)
class Ratio:
    """How many times as fast as plain scikit-learn, over the repeats.

    Parameters
    ----------
    median, low, high : float
        Of plain scikit-learn's seconds divided by accelsk's in the same repeat.
    repeats : int
        How many there were.

    Examples
    --------
    >>> str(Ratio.of([2.0, 4.0, 6.0], [1.0, 2.0, 2.0]))
    '2.0x [2.0-3.0]'
    """

    median: float
    low: float
    high: float
    repeats: int

    @classmethod
    def of(cls, plain: Sequence[float], accelerated: Sequence[float]) -> Ratio:
        """Compare two series of seconds, repeat by repeat.

        Parameters
        ----------
        plain : sequence of float
            Plain scikit-learn's.
        accelerated : sequence of float
            Accelsk's.

        Returns
        -------
        Ratio
            Their ratio.
        """
        ratios = [one / other for one, other in zip(plain, accelerated, strict=True)]
        return cls(statistics.median(ratios), min(ratios), max(ratios), len(ratios))

    @property
    def verdict(self) -> str:
        """Say "faster" or "slower" where every repeat says so (few repeats: by far), else "even"."""
        margin = 1 + (_NOISE if self.repeats >= _FEW else _NOISE_OF_FEW)
        if self.low > margin:
            return "faster"
        return "slower" if self.high < 1 / margin else "even"

    def __str__(self) -> str:
        spread = f" [{_times(self.low)}-{_times(self.high)}]" if self.repeats > 1 else " (once)"
        return f"{_times(self.median)}x{spread}"


@dataclass(frozen=True)
class Timing:
    """Seconds of one phase on both sides, medians, and their ratios.

    Parameters
    ----------
    plain, accelerated : float
        Seconds of the whole pipeline.
    pipeline : Ratio
        Of the whole pipeline.
    step : Ratio
        Of the model alone, without the encoding and scaling that scikit-learn does on both sides.
    """

    plain: float
    accelerated: float
    pipeline: Ratio
    step: Ratio


@dataclass(frozen=True)
class Result:
    """One model by accelsk beside the same model by plain scikit-learn.

    Parameters
    ----------
    model : str
        The class.
    asked : str
        The engine asked for: "auto" or a name.
    engine, device, fidelity : str
        What ran, where, and how near it is to scikit-learn.
    train_rows, test_rows, columns : int
        The data after encoding.
    repeats : int
        How often each side ran.
    method : str
        What was timed as the prediction.
    fit, predict : Timing
        The seconds and ratios.
    score_name : str
        What the scores are.
    score_plain, score : float
        The score on the test rows, of plain scikit-learn and of accelsk.
    why : str
        Why this engine ran.
    """

    model: str
    asked: str
    engine: str
    device: str
    fidelity: str
    train_rows: int
    test_rows: int
    columns: int
    repeats: int
    method: str
    fit: Timing
    predict: Timing
    score_name: str
    score_plain: float
    score: float
    why: str

    @property
    def accelerated(self) -> bool:
        """Whether another engine than scikit-learn ran."""
        return self.engine != reference().name

    @property
    def verdict(self) -> str:
        """What it comes to, in words."""
        if not self.accelerated:
            return f"no gain: {reference().title} chosen"
        fit, predict = self.fit.pipeline.verdict, self.predict.pipeline.verdict
        words = fit if fit == predict else f"fit {fit}, predict {predict}"
        return f"{words}, but score lower by {self.score_plain - self.score:.3f}" if self.worse else words

    @property
    def worse(self) -> bool:
        """Whether the score is lower than scikit-learn's by more than another random stream explains."""
        return self.score < self.score_plain - _SAME_SCORE

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data.

        Returns
        -------
        dict
            Nested.
        """
        return {**asdict(self), "verdict": self.verdict}


def table(results: Sequence[Result], *, wide: bool = True) -> rich.table.Table:
    """Return the results as a table.

    Parameters
    ----------
    results : sequence of Result
        Those of one model beside each other.
    wide : bool, default=True
        Whether there is room for the ratios of the model alone.

    Returns
    -------
    rich.table.Table
        Per model a line of plain scikit-learn and one per engine, each with its fit above its prediction.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.HORIZONTALS, padding=(0, 1), pad_edge=False)
    made.add_column("model and data", style="bold", min_width=12, max_width=_MODEL_WIDTH, overflow="fold")
    made.add_column("computed by, and why", min_width=24, overflow="fold")
    made.add_column("", min_width=7)
    made.add_column("seconds", justify="right", no_wrap=True)
    made.add_column("times as fast\n(pipeline)", min_width=8)
    if wide:
        made.add_column("times as fast\n(model alone)", min_width=8)
    made.add_column("score", no_wrap=True)
    for group in _by_model(results):
        first = group[0]
        made.add_row(
            f"{_folded(first.model)}\n{first.train_rows:,} x {first.columns},\n{first.test_rows:,} tested",
            f"plain {reference().title}" + ("" if first.method == "predict" else f"\n(predict is {first.method})"),
            "fit\npredict",
            f"{_seconds(first.fit.plain)}\n{_seconds(first.predict.plain)}",
            *([""] * (1 + wide)),
            f"{first.score_plain:.4f}\n{first.score_name}",
        )
        for result in group:
            made.add_row("", *map(Text.from_markup, _cells(result, wide=wide)), end_section=result is group[-1])
    return made


def _folded(model: str) -> str:
    kind = "Classifier"
    return model if len(model) <= _MODEL_WIDTH or not model.endswith(kind) else f"{model.removesuffix(kind)}\n{kind}"


def _cells(result: Result, *, wide: bool) -> Iterator[str]:
    from rich.markup import escape

    told = f"[{_colour(result)}]{escape(result.verdict)}[/]: {escape(result.why)}"
    fidelity = "" if result.fidelity == "exact" else f", {result.fidelity}"
    yield f"[bold]{result.engine} on {result.device}[/]{fidelity} ({_asked(result)})\n{told}"
    yield "fit\npredict"
    yield f"{_seconds(result.fit.accelerated)}\n{_seconds(result.predict.accelerated)}"
    yield escape(f"{result.fit.pipeline}\n{result.predict.pipeline}")
    if wide:
        yield escape(f"{result.fit.step}\n{result.predict.step}")
    yield f"{result.score:.4f}"


def _asked(result: Result) -> str:
    return "accelsk's choice" if result.asked == "auto" else "accelsk, engine named"


def _colour(result: Result) -> str:
    if not result.accelerated:
        return "dim"
    return "red" if result.worse or "slower" in result.verdict else "green" if "faster" in result.verdict else "yellow"


def conclusion(results: Sequence[Result]) -> str:
    """Return in words where acceleration paid and where it did not.

    Parameters
    ----------
    results : sequence of Result
        All of them.

    Returns
    -------
    str
        One sentence per outcome.
    """
    auto = [result for result in results if result.asked == "auto"]
    used = [result for result in auto if result.accelerated]
    named = [result for result in results if result.asked != "auto"]
    lines = [
        _sentence('engine="auto" used an engine and the fit was faster', (r for r in used if _fit(r) == "faster")),
        _sentence('engine="auto" used an engine and the fit was no faster', (r for r in used if _fit(r) != "faster")),
        _sentence(f'engine="auto" left to {reference().title}', (r for r in auto if not r.accelerated)),
        _sentence("named all the same, an engine was faster", (r for r in named if _fit(r) == "faster")),
        _sentence("named all the same, an engine was slower", (r for r in named if _fit(r) == "slower")),
        _sentence(
            "the prediction of the model alone was slower with an engine",
            (r for r in (*used, *named) if r.predict.step.verdict == "slower"),
        ),
        _sentence("the score was lower with an engine", (r for r in (*used, *named) if r.worse)),
    ]
    return "\n".join(line for line in lines if line)


def _fit(result: Result) -> str:
    return result.fit.pipeline.verdict


def _sentence(what: str, results: Iterable[Result]) -> str:
    models = [f"{result.model} ({result.engine})" if result.accelerated else result.model for result in results]
    return f"{what}: {', '.join(models)}." if models else ""


def _by_model(results: Sequence[Result]) -> Iterator[list[Result]]:
    for _, group in groupby(results, key=lambda result: result.model):
        yield list(group)


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def _times(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1.05 else f"{value:.2f}"
