"""Data for the gradient boosting libraries: with few values in a column, every library makes the same bins."""

from functools import cache

import numpy as np
from sklearn.datasets import make_classification, make_friedman1

N_VALUES = 40


@cache
def binned():
    """4,000 rows of 8 columns with 40 values each, and the targets of every loss."""
    random = np.random.default_rng(0)
    X = random.integers(0, N_VALUES, (4000, 8)).astype(float)
    signal = X[:, 0] * X[:, 1] / 100 + np.sin(X[:, 2]) + X[:, 3] / 10
    y = signal + 0.3 * random.normal(size=len(X))
    targets = {
        "number": y,
        "binary": (y > np.median(y)).astype(int),
        "four": np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75])),
        "count": random.poisson(np.exp(signal / 10)).astype(float),
        "positive": np.exp(y / 10) + 0.1,
    }
    for array in (X, *targets.values()):
        array.setflags(write=False)
    return X, targets


@cache
def large_classification():
    """12,000 rows; half of them are to be held out."""
    return make_classification(12_000, 20, n_informative=8, random_state=0)


@cache
def large_regression():
    """12,000 rows; half of them are to be held out."""
    return make_friedman1(12_000, noise=1.0, random_state=0)


@cache
def flights():
    """40,000 flights of 2013, a quarter of them later ones: names as categories, what is not known as NaN."""
    from accelsk.demo.flights import CATEGORIES, load, split

    parts = split(load(), rows=40_000)
    dtypes = dict.fromkeys(CATEGORIES, "category")
    return parts.X_train.astype(dtypes), parts.late_train, parts.X_test.astype(dtypes), parts.late_test


def far(plain, accelerated, X):
    """The largest difference of the raw predictions."""
    method = "decision_function" if hasattr(plain, "decision_function") else "predict"
    return float(np.max(np.abs(getattr(plain, method)(X) - getattr(accelerated, method)(X))))
