"""Every row of the engines for GPUs beside plain scikit-learn on all cores of the same machine.

Run ``python benchmarks/gpu_engines.py [--engines cuml ...] [--device gpu] [--only Ridge ...] [--scale 0.1]``. accelsk
need not be installed: ``PYTHONPATH`` at a source tree is enough. The cases are made of the engines' tables: the
class's defaults where the row takes them, on made data that suit the class. Times are those of a user: data go to the
device and results come back within them; the first, small fit, which loads libraries and kernels, is not counted. Each
figure is the median of the repeats, in turns with scikit-learn's (``n_jobs=-1`` where a class has it). The result file
is written after every class, so that what was measured is there if the machine goes away.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import SkipTest

import numpy as np
import sklearn
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.datasets import make_blobs, make_classification, make_regression
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import minmax_scale, scale

import accelsk
from accelsk import AcceleratedEstimator
from accelsk.engines import get, get_adapter, names, why_missing
from accelsk.testing.case import Case, case_of

#: Unless the command line says otherwise.
COLUMNS = 32

#: Rows of classes whose work, or memory, grows with the square of them in one of the libraries.
ROWS = {
    "AgglomerativeClustering": 10_000,
    "DBSCAN": 20_000,
    "HDBSCAN": 20_000,
    "KNeighborsClassifier": 50_000,
    "KNeighborsRegressor": 50_000,
    "KBinsDiscretizer": 50_000,
    "KernelDensity": 10_000,
    "KernelRidge": 5_000,
    "LinearSVC": 50_000,
    "LinearSVR": 20_000,
    "NearestNeighbors": 50_000,
    "PowerTransformer": 50_000,
    "RandomForestClassifier": 100_000,
    "RandomForestRegressor": 50_000,
    "SVC": 10_000,
    "SVR": 10_000,
    "SpectralClustering": 4_000,
    "SpectralEmbedding": 4_000,
    "TSNE": 5_000,
    "UMAP": 10_000,
}
MOST_ROWS = 200_000

#: Where the default does not suit the data: a number of columns that would grow with the rows.
SETTINGS = {name: {"n_components": 8} for name in ("GaussianRandomProjection", "SparseRandomProjection")}

#: What is asked of a fitted model: the first of these that the class has.
SECOND = ("predict", "transform", "kneighbors", "score_samples", "score")

#: What has taken scikit-learn longer than this is not repeated.
LONG = 5.0


class Skipped(Exception):
    """Raised for a class that no data here suit; says why."""


def made(case: Case, **params: Any) -> Any:
    """An unfitted estimator of scikit-learn's, also of a class that the checks have no data for."""
    params = {**SETTINGS.get(case.row.name, {}), **params}
    try:
        return case.plain(**params)
    except SkipTest:
        return case.cls(**{**case.translatable, **params})


def data(case: Case, rows: int, columns: int = COLUMNS) -> tuple[Any, Any, Any, Any]:
    """Made data that suit a class, a fifth of them held out."""
    estimator, tags, name = made(case), case.tags, case.row.name
    if not tags.input_tags.two_d_array:
        raise Skipped("it takes no table of numbers")
    if is_classifier(estimator):
        X, y = make_classification(rows, columns, n_informative=16, flip_y=0.1, random_state=0)
    elif is_regressor(estimator):
        X, y = make_regression(rows, columns, n_informative=16, noise=10, random_state=0)
        y = np.abs(scale(y)) + 0.1 if tags.target_tags.positive_only else 5 * scale(y)
    else:
        X, y = make_blobs(rows, columns, centers=8, cluster_std=4.0, random_state=0)
    X = minmax_scale(X) if tags.input_tags.positive_only else scale(X)
    if tags.input_tags.categorical or name == "CategoricalNB":
        X = X.argsort(axis=0).argsort(axis=0) * 9.0 // len(X)  # nine categories, each as often as the others
    if name in ("SimpleImputer", "MissingIndicator"):
        X[np.random.default_rng(0).random(X.shape) < 0.05] = np.nan
    if name == "KernelCenterer":
        X = X[: min(rows, 4_000)]
        X, y = X @ X.T, None
        return X, y, X, y
    if tags.target_tags.required and not (is_classifier(estimator) or is_regressor(estimator)):
        y = y % 2  # transformers with a target: of two classes
    if not tags.target_tags.single_output:
        y = np.column_stack([y, y[::-1]])
    held_out = len(X) // 5
    return X[held_out:], y[held_out:], X[:held_out], y[:held_out]


def fitted(estimator: Any, X: Any, y: Any, case: Case) -> Any:
    """Fit; with a target where the class takes one."""
    supervised = is_classifier(case.cls()) or is_regressor(case.cls()) or case.tags.target_tags.required
    return estimator.fit(X, y) if supervised else estimator.fit(X)


def second(model: Any, X: Any, y: Any) -> tuple[str, Any]:
    """What a fitted model is asked, and its answer."""
    for name in SECOND:
        if hasattr(model, name):
            return name, getattr(model, name)(X, y) if name == "score" else getattr(model, name)(X)
    return "", None


def quality(case: Case, plain: Any, there: Any, X: Any, y: Any) -> dict[str, Any]:
    """How well each of two fitted models does, or how far they are from each other."""
    estimator = case.cls()
    if is_classifier(estimator) or is_regressor(estimator):
        return {"what": "score", "plain": float(plain.score(X, y)), "engine": float(there.score(X, y))}
    if is_clusterer(estimator):
        found = [m.predict(X) if hasattr(m, "predict") else m.labels_[: len(X)] for m in (plain, there)]
        return {"what": "adjusted Rand index between them", "engine": float(adjusted_rand_score(*found))}
    if is_outlier_detector(estimator) and hasattr(plain, "predict"):
        return {"what": "share of equal labels", "engine": float(np.mean(plain.predict(X) == there.predict(X)))}
    if hasattr(plain, "transform"):
        wanted, got = (_dense(m.transform(X)) for m in (plain, there))
        if wanted.shape == got.shape and wanted.size:
            difference = np.nanmax(np.abs(np.abs(wanted) - np.abs(got))) / (np.nanstd(wanted) or 1.0)
            return {"what": "largest difference but for signs, in standard deviations", "engine": float(difference)}
    return {"what": ""}


def _dense(values: Any) -> Any:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values, dtype=np.float64)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what was returned."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def measured(case: Case, device: str, rows: int, columns: int, repeats: int) -> dict[str, Any]:
    """Time one row beside scikit-learn."""
    X, y, X_new, y_new = data(case, rows, columns)
    plain_params = {"n_jobs": -1} if "n_jobs" in case.defaults else {}

    def here() -> Any:
        return made(case, **plain_params)

    def there() -> Any:
        return AcceleratedEstimator(made(case), engine=case.engine.name, device=device, fallback="raise")

    small = fitted(there(), X[:1_000], None if y is None else y[:1_000], case) if y is not None else there().fit(X)
    second(small, X_new[:100] if y is not None else X_new, None if y_new is None else y_new[:100])
    times: dict[str, list[float]] = {f"{what} {who}": [] for what in ("fit", "second") for who in ("plain", "engine")}
    models: dict[str, Any] = {}
    asked = ""
    for _ in range(repeats):
        for who, make in (("plain", here), ("engine", there)):
            if who == "plain" and sum(times["fit plain"] + times["second plain"]) > LONG:
                continue
            seconds, models[who] = timed(lambda make=make: fitted(make(), X, y, case))
            times[f"fit {who}"].append(seconds)
            seconds, (asked, _answer) = timed(lambda who=who: second(models[who], X_new, y_new))
            times[f"second {who}"].append(seconds)
    median = {name: statistics.median(values) for name, values in times.items()}
    return {
        "rows": len(X),
        "rows_asked": len(X_new),
        "columns": X.shape[1],
        "device": models["engine"].device_,
        "asked": asked,
        "seconds": times,
        "fit_ratio": median["fit plain"] / median["fit engine"],
        "second_ratio": median["second plain"] / median["second engine"] if asked else None,
        "quality": quality(case, models["plain"], models["engine"], X_new, y_new),
    }


def cases(engines: list[str], only: list[str]) -> Iterator[Case]:
    """The rows that can be measured here."""
    for name in engines:
        missing = why_missing(name)
        if missing is not None:
            print(f"{name}: {str(missing).splitlines()[0]}", flush=True)
            continue
        for row in get(name).rows:
            if not only or row.name in only:
                yield case_of(name, row.estimator)


def machine(engines: list[str]) -> dict[str, Any]:
    """Where it was measured."""
    from accelsk.machine import processor_name

    there = {name: get_adapter(name).devices() for name in engines if why_missing(name) is None}
    return {
        "date": str(dt.date.today()),
        "processor": processor_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "devices": {name: {str(device): text for device, text in found.items()} for name, found in there.items()},
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "accelsk": accelsk.__version__,
    }


def line(found: dict[str, Any]) -> str:
    """One class of the table."""
    head = f"{found['engine']:9} {found['estimator'].rpartition('.')[2]:26}"
    if "error" in found or "skipped" in found:
        return f"{head} {found.get('skipped') or found['error'].splitlines()[-1][:110]}"
    median = {name: statistics.median(values) if values else float("nan") for name, values in found["seconds"].items()}
    asked, ratio = found["asked"] or "-", found["second_ratio"]
    quality = found["quality"]
    told = "/".join(f"{quality[who]:.4g}" for who in ("plain", "engine") if who in quality)
    shown = [head, f"{found['rows']:7}"]
    for what, word, part in (("fit", "fit", found["fit_ratio"]), ("second", asked, ratio)):
        shown.append(f"{word:13} {median[f'{what} plain']:8.3f} /{median[f'{what} engine']:8.3f} = {part or 0:7.2f} ")
    return " ".join((*shown, told))


def main() -> None:
    """Measure, write, and print the table last."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engines", nargs="+", default=["cuml", "array_api"])
    parser.add_argument("--device", default="gpu")
    parser.add_argument("--only", nargs="+", default=[], help="names of classes")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--columns", type=int, default=COLUMNS)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of rows")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no class is begun after that")
    default = Path(__file__).parent / "results" / f"{dt.date.today():%Y-%m}-gpu-engines.json"
    parser.add_argument("--json", type=Path, default=default, help="where the figures are written")
    given = parser.parse_args()
    known = [name for name in given.engines if name in names()]
    results: list[dict[str, Any]] = []
    start = time.perf_counter()
    for case in cases(known, given.only):
        found: dict[str, Any] = {"engine": case.engine.name, "estimator": case.row.estimator}
        if time.perf_counter() - start > given.seconds:
            found["skipped"] = "the time was used up"
        else:
            rows = max(500, int(ROWS.get(case.row.name, MOST_ROWS) * given.scale))
            try:
                case.need_class()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found |= {"hyperparameters": repr(made(case))}
                    found |= measured(case, given.device, rows, given.columns, given.repeats)
            except (Skipped, SkipTest) as why:
                found["skipped"] = str(why)
            except Exception:  # noqa: BLE001  one class that fails is a finding, and the others go on
                found["error"] = traceback.format_exc().strip()
        results.append(found)
        print(line(found), flush=True)
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps({"machine": machine(known), "results": results}, indent=1) + "\n")
    failed = [found for found in results if "error" in found]
    print(f"\n{given.json}: {len(results)} classes, {len(failed)} failed")
    print(
        "engine    class                         rows seconds of scikit-learn / of the engine = ratio; quality of both"
    )
    for found in results:
        print(line(found))


if __name__ == "__main__":
    main()
