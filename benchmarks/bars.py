"""The bars of the benchmark, as data: which operations, compared with what, and the number that is to be reached.

A bar that is not met is shown with how far it is, like the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean
from typing import Any

from benchmarks.cases import CASES
from benchmarks.contenders import AUTO, PATCHED, PLAIN

__all__ = ["BARS", "Bar", "Verdict", "judged", "text"]

Operation = Mapping[str, Any]
Figures = Mapping[str, tuple[float, float]]

#: Below so many seconds a fit is tiny: what deciding costs is seen.
_TINY = 5e-3

#: From this ratio on, it is a win of the Extension.
_WIN = 1.05

_LINEAR = (
    "LinearRegression", "Ridge", "Lasso", "ElasticNet", "LogisticRegression", "LogisticRegression, 5 classes",
    "PCA", "PCA, full", "IncrementalPCA", "StandardScaler", "MinMaxScaler",
    "scaler + LogisticRegression", "scaler + PCA + Ridge",
)  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """What is to be reached.

    Parameters
    ----------
    name : str
        In words.
    least : float
        The number; each figure is to be as high, or with `most` as low.
    figures : callable
        ``figures(result) -> {what it is of: (figure, the quartile on the side of the bar)}``.
    most : bool
        Whether figures are to be at most the number.
    limit : str
        What stands in the way where it is known that it cannot be reached.
    """

    name: str
    least: float
    figures: Callable[[Mapping[str, Any]], Figures]
    most: bool = False
    limit: str = ""


@dataclass(frozen=True)
class Verdict:
    """A bar, and what was found.

    Parameters
    ----------
    bar : str
        Its name.
    least : float
        Its number.
    most : bool
        Whether it is an upper bound.
    met : bool or None
        Whether all figures reach it; None where there is none.
    worst : float or None
        The one that is farthest from it, or nearest to it.
    count, missed, clearly : int
        How many figures there are, how many do not reach it, and how many of these not even with their better quartile.
    of : list
        Those that do not, the worst first, each with its figure; at most 20.
    limit : str
        What stands in the way.
    """

    bar: str
    least: float
    most: bool
    met: bool | None
    worst: float | None
    count: int
    missed: int
    clearly: int
    of: list[tuple[str, float]]
    limit: str = ""


def _named(operation: Operation) -> str:
    predicted = operation["predicted"]
    what = operation["operation"] if predicted is None else f"{operation['operation']} of {predicted:,}"
    return f"{operation['case']}, {operation['rows']:,} x {operation['columns']}, {what}"


def _tiny(operation: Operation) -> bool:
    return bool(operation["operation"] == "fit" and operation["seconds"][PLAIN]["median"] < _TINY)


def _ratios(which: Callable[[Operation], bool], of: str = AUTO) -> Callable[[Mapping[str, Any]], Figures]:
    """How many times as fast as plain scikit-learn accelsk is; where it was not prepared, as it is."""
    return lambda result: {
        _named(operation): _pair(operation["ratios"][of if of in operation["ratios"] else AUTO])
        for operation in result["operations"]
        if AUTO in operation["ratios"] and which(operation)
    }


def _pair(ratio: Mapping[str, float]) -> tuple[float, float]:
    return ratio["median"], ratio["high"]


def _at(case: str, operation: str, rows: int, columns: int) -> Callable[[Operation], bool]:
    return lambda found: (found["case"], found["operation"], found["rows"], found["columns"]) == (
        case, operation, rows, columns,
    )  # fmt: skip


def _one_row(*cases: str) -> Callable[[Operation], bool]:
    mains = {case.name: case.methods[0] for case in CASES if case.methods}
    return lambda found: (
        found["case"] in cases and found["predicted"] == 1 and found["operation"] == mains[found["case"]]
    )


def _wins_kept(result: Mapping[str, Any]) -> Figures:
    cases = {case.name: case for case in CASES}
    return {
        _named(operation): _pair(operation["over_patched"])
        for operation in result["operations"]
        if not cases[operation["case"]].is_worse(operation["columns"])
        and PATCHED in operation["ratios"]
        and operation["ratios"][PATCHED]["median"] >= _WIN
    }


def _means(result: Mapping[str, Any]) -> Figures:
    """The geometric mean of accelsk over scikit-learn's, which is one, and over the Extension's.

    Where this has no class, patched scikit-learn is the plain one.
    """
    every = [each["ratios"] for each in result["operations"] if AUTO in each["ratios"]]
    if not every:
        return {}
    ours = geometric_mean([ratios[AUTO]["median"] for ratios in every])
    theirs = geometric_mean([ratios[PATCHED]["median"] if PATCHED in ratios else 1.0 for ratios in every])
    return {"over scikit-learn": (ours, ours), "over the Extension": (ours / theirs, ours / theirs)}


def _regrets(result: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    return {
        _named(each): (each["regret"]["ratio"], each["regret"]["low"])
        for each in result["operations"]
        if each["regret"]
    }


def _mean_regret(result: Mapping[str, Any]) -> Figures:
    regrets = _regrets(result)
    if not regrets:
        return {}
    mean = geometric_mean([ratio for ratio, _ in regrets.values()])
    return {f"{len(regrets)} operations": (mean, mean)}


def _search(result: Mapping[str, Any]) -> Figures:
    timed = result.get("search", {}).get("timed", {})
    return {name: _pair(each["ratio"]) for name, each in timed.items() if name == AUTO}


def _import(result: Mapping[str, Any]) -> Figures:
    ratio = result.get("import", {}).get("ratio")
    return {"import accelsk": (ratio["median"], ratio["low"])} if ratio else {}


_FOREST = "RandomForestClassifier, 200 trees"

BARS: tuple[Bar, ...] = (
    Bar("no operation slower than plain scikit-learn", 0.95, _ratios(lambda found: not _tiny(found))),
    Bar("no fit under 5 ms much slower than plain scikit-learn", 0.7, _ratios(_tiny)),
    Bar(
        "every win of the Extension kept, over calling it directly (without ExtraTrees, which are worse models, and "
        "its k-d tree, which misses neighbours)",
        0.97,
        _wins_kept,
        limit="In a fit of a few milliseconds, what deciding costs shows; whether normal equations can be trusted is "
        "looked at first, a tenth of a large fit of LinearRegression; neighbours are proven to be scikit-learn's.",
    ),
    Bar("geometric mean over all operations", 1.0, _means),
    Bar(
        "LogisticRegression fit, 20,000 x 50", 3.0, _ratios(_at("LogisticRegression", "fit", 20_000, 50))
    ),
    Bar(
        "GaussianMixture fit, 2,000 x 50", 3.0, _ratios(_at("GaussianMixture", "fit", 2_000, 50)),
        limit="What plain scikit-learn loses by its own threads differs from machine to machine, and from run to run.",
    ),
    Bar("StandardScaler fit, 200,000 x 50", 4.0, _ratios(_at("StandardScaler", "fit", 200_000, 50))),
    Bar("one row: linear models, PCA, scalers and their pipelines", 8.0, _ratios(_one_row(*_LINEAR))),
    Bar("one row: KMeans", 5.0, _ratios(_one_row("KMeans"))),
    Bar("one row: forest of 200 trees, exact", 50.0, _ratios(_one_row(_FOREST), f"{AUTO}, prepared")),
    Bar("one row: forest of 200 trees, float32", 300.0, _ratios(_one_row(_FOREST), f"{AUTO}, prepared float32")),
    Bar(
        "one row: HistGradientBoosting", 20.0,
        _ratios(
            _one_row("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"), f"{AUTO}, prepared"
        ),
    ),
    Bar(
        "one row: XGBoost and LightGBM, over their own scikit-learn API", 5.0,
        _ratios(_one_row("XGBClassifier", "LGBMClassifier"), f"{AUTO}, prepared"),
    ),
    Bar("regret of auto against the best choice, geometric mean", 1.03, _mean_regret, most=True),
    Bar(
        "regret of auto against the best choice, worst", 1.15, _regrets, most=True,
        limit="LinearRegression's is the look at its normal equations; how often a solver iterates, no size tells; "
        "and the first calls of a new batch size are trials.",
    ),
    Bar(
        "GridSearchCV, 24 x 5, scaler + PCA + SVC, two jobs", 3.0, _search,
        limit="Four fifths of it are fits by libsvm, which no engine does faster on one core: most of that are its "
        "iterations, for with the kernel matrix given (5 and 10 columns) it takes as long.",
    ),
    Bar("import accelsk, over import sklearn.base", 1.15, _import, most=True),
)  # fmt: skip


def judged(result: Mapping[str, Any]) -> list[Verdict]:
    """Evaluate every bar."""
    return [_verdict(bar, bar.figures(result)) for bar in BARS]


def _verdict(bar: Bar, figures: Figures) -> Verdict:
    sign = -1 if bar.most else 1
    ordered = sorted(((of, *pair) for of, pair in figures.items()), key=lambda item: sign * item[1])
    missed = [item for item in ordered if sign * item[1] < sign * bar.least]
    return Verdict(
        bar=bar.name,
        least=bar.least,
        most=bar.most,
        met=not missed if figures else None,
        worst=ordered[0][1] if ordered else None,
        count=len(ordered),
        missed=len(missed),
        clearly=sum(sign * better < sign * bar.least for _, _, better in missed),
        of=[(of, figure) for of, figure, _ in missed[:20]],
        limit=bar.limit,
    )


def text(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """Return the verdicts as lines, the worst figures of each below it."""
    lines = []
    for each in verdicts:
        sign = "<=" if each["most"] else ">="
        if each["met"] is None:
            lines.append(f"not measured  {each['bar']}: {sign} {each['least']:g}")
            continue
        missed = f"{each['missed']} of {each['count']} miss it, {each['clearly']} by more than the spread"
        outcome = "met    " if each["met"] else "NOT MET"
        lines.append(f"{outcome}       {each['bar']}: {sign} {each['least']:g}, worst {each['worst']:.3g}; {missed}")
        lines.extend(f"                {figure:8.3g}  {of}" for of, figure in each["of"][:5])
        if each["limit"] and not each["met"]:
            lines.append(f"                {each['limit']}")
    return "\n".join(lines)
