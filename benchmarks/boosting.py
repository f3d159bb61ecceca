"""HistGradientBoostingClassifier by scikit-learn and by each gradient boosting library, at equal settings.

Run ``python benchmarks/boosting.py [--json FILE] [--device gpu]``. 100 iterations, no early stopping, all other
hyperparameters at scikit-learn's defaults, translated by accelsk; on the flights of 2013 (categories from the dtype,
numbers that are missing) and on 200,000 x 28 made numbers. Each figure is scikit-learn's time over the library's, of
one fit or of one prediction of the held-out rows, side by side in one run: median and spread of the repeats. On a
device the transfers are part of the time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score

from accelsk import AcceleratedEstimator
from accelsk.demo.flights import CATEGORIES, load, split
from accelsk.engines import get, names, reference, why_missing

CLASS = "sklearn.ensemble.HistGradientBoostingClassifier"


def flights() -> tuple[Any, Any, Any, Any]:
    """The flights, from January to September to learn from."""
    parts = split(load())
    X, X_new = (frame.astype(dict.fromkeys(CATEGORIES, "category")) for frame in (parts.X_train, parts.X_test))
    return X, parts.late_train, X_new, parts.late_test


def numbers() -> tuple[Any, Any, Any, Any]:
    """200,000 rows of 28 columns to learn from, and half as many held out."""
    X, y = make_classification(300_000, 28, n_informative=14, flip_y=0.1, random_state=0)
    return X[:200_000], y[:200_000], X[200_000:], y[200_000:]


def engines() -> list[str]:
    """scikit-learn first, and what is installed besides."""
    others = [name for name in names(plugins=False) if get(name).row(CLASS) and why_missing(name) is None]
    return [reference().name, *others]


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what was returned."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def measured(
    data: Callable[[], tuple[Any, Any, Any, Any]], repeats: int, device: str | None
) -> Iterator[dict[str, Any]]:
    """Time every engine, in turns."""
    X, y, X_new, y_new = data()
    seconds: dict[str, dict[str, list[float]]] = {name: {"fit": [], "predict": []} for name in engines()}
    scores, places = {}, {}
    for repeat in range(repeats + 1):
        for name, times in seconds.items():
            estimator = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0)
            there = None if name == reference().name else device
            model = AcceleratedEstimator(estimator, engine=name, device=there, fallback="raise")
            fit, _ = timed(lambda model=model: model.fit(X, y))
            predict, proba = timed(lambda model=model: model.predict_proba(X_new)[:, 1])
            if repeat:  # the first round loads libraries and builds kernels
                times["fit"].append(fit)
                times["predict"].append(predict)
            scores[name] = {"roc_auc": roc_auc_score(y_new, proba), "log_loss": log_loss(y_new, proba)}
            places[name] = model.device_
    plain = seconds[reference().name]
    for name, times in seconds.items():
        ratios = {
            what: [base / took for base, took in zip(plain[what], values, strict=True)]
            for what, values in times.items()
        }
        yield {
            "data": data.__name__,
            "rows": len(X),
            "columns": X.shape[1],
            "engine": name,
            "device": places[name],
            **scores[name],
            **{what: [statistics.median(each), min(each), max(each)] for what, each in ratios.items()},
        }


def main() -> None:
    """Print a line per engine and data set."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", help="for the engines that reach it; scikit-learn stays on the processor")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--numbers-only", action="store_true", help="without the flights, which need the extra `demo`")
    given = parser.parse_args()
    found = []
    for data in (numbers,) if given.numbers_only else (flights, numbers):
        for case in measured(data, given.repeats, given.device):
            found.append(case)
            fit, predict = (
                f"{case[what][0]:.2f} [{case[what][1]:.2f}-{case[what][2]:.2f}]" for what in ("fit", "predict")
            )
            print(
                f"{case['data']:8} {case['engine']:9} {case['device']:8} fit {fit:17} predict {predict:17} "
                f"ROC AUC {case['roc_auc']:.4f} log loss {case['log_loss']:.4f}",
                flush=True,
            )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
