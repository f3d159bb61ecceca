"""Time of ``import accelsk`` next to ``import sklearn.base``: fresh processes, interleaved, ratio of each pair.

Run ``python benchmarks/import_time.py [repeats]``. The promise is a ratio of at most 1.15: importing accelsk imports no
engine's library, no rich, no psutil.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(statement: str) -> float:
    """Wall time of a fresh interpreter that executes one statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main(repeats: int = 15) -> None:
    """Print the median and the spread of the ratio."""
    ratios = []
    for statement in ("import sklearn.base", "import accelsk"):  # warm the page cache
        seconds(statement)
    for repeat in range(repeats):
        order = ("import sklearn.base", "import accelsk")
        took = {statement: seconds(statement) for statement in (order if repeat % 2 else order[::-1])}
        ratios.append(took["import accelsk"] / took["import sklearn.base"])
    print(
        f"import accelsk / import sklearn.base: {statistics.median(ratios):.3f} [{min(ratios):.3f}-{max(ratios):.3f}]"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
