"""How much memory a fit takes at most, above what its data take: one contender in a process of its own.

`benchmarks.whole` runs ``python -m benchmarks.memory_peak CASE CONTENDER FOLDER``; the data are in files
there, since making them takes memory, too. Libraries are loaded by a fit of few rows before.
"""

from __future__ import annotations

import resource
import sys
import warnings
from pathlib import Path

import numpy as np
import psutil

from benchmarks.cases import CASES
from benchmarks.contenders import contenders


def main(name: str, contender: str, folder: str) -> None:
    """Print the megabytes."""
    warnings.simplefilter("ignore")
    case = next(case for case in CASES if case.name == name)
    X, y = np.load(Path(folder, "X.npy")), np.load(Path(folder, "y.npy"))
    entrant = contenders(case, X, y)[contender]
    few = slice(None, None, len(X) // 500)
    entrant.make().fit(X[few], y[few])
    before = psutil.Process().memory_info().rss
    entrant.make().fit(X, y)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 1e6)


if __name__ == "__main__":
    main(*sys.argv[1:])
