"""Predict for a large table in worker processes: ``python batch.py MODEL ROWS.npy ANSWERS.npy --jobs 4``."""

import argparse
from itertools import pairwise

import joblib
import numpy as np


def predict(model, rows, start, stop, chunk):
    """What one worker does: open the model once, and go through its part of the rows in chunks."""
    model = joblib.load(model)
    X = np.load(rows, mmap_mode="r")  # no worker reads more of the file than its part
    return [model.predict(X[at : min(at + chunk, stop)]) for at in range(start, stop, chunk)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="written by joblib.dump")
    parser.add_argument("rows", help="a .npy file")
    parser.add_argument("answers", help="a .npy file, which is written")
    parser.add_argument("--jobs", type=int, default=joblib.cpu_count())
    parser.add_argument("--chunk", type=int, default=10_000, help="rows at a time: what bounds the memory")
    given = parser.parse_args()

    n = len(np.load(given.rows, mmap_mode="r"))
    bounds = np.linspace(0, n, min(given.jobs, n) + 1, dtype=int).tolist()
    # One task for each worker; and one thread in each, for all cores have a worker already.
    with joblib.parallel_config("loky", n_jobs=given.jobs, inner_max_num_threads=1):
        parts = joblib.Parallel()(
            joblib.delayed(predict)(given.model, given.rows, start, stop, given.chunk)
            for start, stop in pairwise(bounds)
        )
    np.save(given.answers, np.concatenate([answer for part in parts for answer in part]))


if __name__ == "__main__":
    main()
