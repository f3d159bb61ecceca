"""pandas beside modin on ray, in the steps of a pipeline that work on frames, and in those that do not.

Run ``python benchmarks/modin_frames.py [--rows N ...] [--repeats N] [--cores N] [--json FILE]``. Each figure is the
time of the steps on a frame of pandas over their time on modin's frame of it, side by side in one run, starting from a
frame of pandas and ending with one, or with an array: median and spread of the repeats, after one that is not counted
(modin starts its workers then). Above 1 modin is faster. Results are compared; they must be equal.

* arrays: a ColumnTransformer by names, of a StandardScaler and an OrdinalEncoder. What scikit-learn does with X.
* columns: a function that adds columns computed of whole columns, dates and words among them.
* rows: a function that pandas calls for every row (``apply``), on a tenth of the rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import modin.pandas as mpd
import numpy as np
import pandas as pd
import ray
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from accelsk.frames import local

NUMBERS = ["a", "b", "c"]


def made(n_rows: int) -> pd.DataFrame:
    """Make a frame of numbers, words and dates."""
    rng = np.random.default_rng(0)
    numbers = {name: rng.normal(size=n_rows) for name in NUMBERS}
    dates = pd.date_range("2020", periods=n_rows, freq="s")
    return pd.DataFrame({**numbers, "word": rng.choice(["one", "two", "three"], n_rows), "date": dates})


def arrays(frame: Any) -> Any:
    """Scale and encode, by the names of the columns."""
    steps = [("numbers", StandardScaler(), NUMBERS), ("words", OrdinalEncoder(), ["word"])]
    return ColumnTransformer(steps).fit_transform(frame)


def columns(frame: Any) -> Any:
    """Add columns that are computed of columns."""
    return frame.assign(
        hour=frame["date"].dt.hour,
        ratio=frame["a"] / (frame["b"].abs() + 1),
        upper=frame["word"].str.upper(),
    ).drop(columns=["date", "word"])


def rows(frame: Any) -> Any:
    """Add a column that is computed row by row."""
    few = frame[NUMBERS].iloc[: max(1, len(frame) // 10)]
    return few.assign(sum=few.apply(lambda row: row["a"] * row["b"] + row["c"], axis=1))


CASES = {"arrays": arrays, "columns": columns, "rows": rows}


def timed(function: Any, frame: Any, *, on_modin: bool) -> tuple[float, Any]:
    """Time one run, the way to modin and back included."""
    start = time.perf_counter()
    result = local(function(mpd.DataFrame(frame) if on_modin else frame))
    return time.perf_counter() - start, result


def measured(sizes: list[int], repeats: int) -> list[dict[str, Any]]:
    """Time every case."""
    found = []
    for n_rows in sizes:
        frame = made(n_rows)
        for name, function in CASES.items():
            ratios = []
            for _ in range(repeats + 1):
                base, expected = timed(function, frame, on_modin=False)
                took, result = timed(function, frame, on_modin=True)
                ratios.append(base / took)
                if isinstance(expected, pd.DataFrame):
                    pd.testing.assert_frame_equal(result, expected)
                else:
                    np.testing.assert_allclose(result, expected)
            del ratios[0]
            spread = {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}
            found.append({"rows": n_rows, "case": name, "pandas_seconds": base, **spread})
            print(
                f"{n_rows:>10,} rows  {name:8} {spread['median']:.2f} [{spread['min']:.2f}-{spread['max']:.2f}] times "
                f"as fast with modin (pandas: {base:.2f} s)",
                flush=True,
            )
    return found


def main() -> None:
    """Print a line per case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 300_000, 3_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    given = parser.parse_args()
    ray.init("local", num_cpus=given.cores, include_dashboard=False, log_to_driver=False)
    warnings.filterwarnings("ignore", "Distributing", UserWarning)
    found = measured(given.rows, given.repeats)
    ray.shutdown()
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
