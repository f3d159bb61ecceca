"""scikit-learn's StandardScaler with oneDAL's sums. Imports sklearnex: only the adapter imports this.

The estimator is scikit-learn's, and so is all of its code but one function, which computes the mean and the variance of
a batch: `StandardScaler.partial_fit` is called as a copy that looks that function up here. scikit-learn makes three
passes over the data and a temporary copy; oneDAL makes one pass, on all cores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any, Literal

import numpy as np
from sklearn import config_context
from sklearn.base import _fit_context
from sklearn.preprocessing import _data
from sklearn.utils.extmath import _incremental_mean_and_var as original
from sklearnex.basic_statistics import BasicStatistics

from accelsk.engines.sklearnex.moved import moved

__all__ = ["fit"]

Array = np.ndarray[Any, Any]

#: How many numbers are converted at a time, where they are not rows of doubles already.
_BLOCK = 2_000_000

#: From this distance from zero on, in standard deviations, a column is computed by scikit-learn: oneDAL loses as many
#: digits of its variance as the distance has, and scikit-learn, which goes over the data twice, none.
_FAR = 1e4


def fit(backend: Any, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Fit a `sklearn.preprocessing.StandardScaler`.

    Parameters
    ----------
    backend : StandardScaler
        It is fitted.
    method : str
        ``fit``, ``partial_fit`` or ``fit_transform``.
    args, kwargs : sequence, mapping
        Its arguments. X is dense and finite.

    Returns
    -------
    object
        What the method returns.
    """
    if method != "partial_fit":
        backend._reset()
    # Whether X is finite has been looked at to choose this engine: a second time would take as long as the sums.
    with config_context(assume_finite=True):
        _partial_fit()(backend, *args, **kwargs)
    return backend.transform(args[0] if args else kwargs["X"]) if method == "fit_transform" else backend


@lru_cache(maxsize=1)
def _partial_fit() -> Any:
    copied = ModuleType(_data.__name__)
    copied.__dict__.update({**vars(_data), "_incremental_mean_and_var": _updated})
    method = moved(_data.StandardScaler.partial_fit.__wrapped__, copied)
    return _fit_context(prefer_skip_nested_validation=True)(method)


def _updated(
    X: Array, last_mean: Any, last_variance: Any, last_sample_count: Array, sample_weight: None = None
) -> tuple[Array, Array | None, Array]:
    """What scikit-learn's function of this signature returns; the formulas are its own, of Chan, Golub and LeVeque."""
    # The type of the count differs between the versions of scikit-learn.
    count = original(X[:1], last_mean, None, last_sample_count)[2] + (len(X) - 1)
    mean, variation = _moments(X)
    far = mean**2 * len(X) > _FAR**2 * variation
    if far.any():
        zeros = np.zeros(np.count_nonzero(far), dtype=np.int64)
        order: Literal["F", "C"] = "F" if X.flags.f_contiguous else "C"  # sums are rounded in the order of the memory
        mean[far], variance, _ = original(np.array(X[:, far], order=order), 0.0, 0.0, zeros)
        variation[far] = variance * len(X)
    last_sum, new_sum = last_mean * last_sample_count, mean * len(X)
    updated_mean = (last_sum + new_sum) / count
    if last_variance is None:
        return updated_mean, None, count
    seen = last_sample_count > 0
    if seen.any():
        ratio = np.where(seen, last_sample_count, 1) / len(X)
        between = ratio / count * (last_sum / ratio - new_sum) ** 2
        variation += np.where(seen, last_variance * last_sample_count + between, 0)
    return updated_mean, variation / count, count


def _moments(X: Array) -> tuple[Array, Array]:
    """The means of the columns, and the sums of the squares of the distances to them."""
    if X.dtype == np.float64 and X.flags.c_contiguous:
        return _moments_of_block(X)
    step = max(_BLOCK // X.shape[1], 1)
    mean, variation, n = np.zeros(X.shape[1]), np.zeros(X.shape[1]), 0
    for start in range(0, len(X), step):
        # Single precision is summed in double, as scikit-learn does.
        block = np.ascontiguousarray(X[start : start + step], dtype=np.float64)
        block_mean, block_variation = _moments_of_block(block)
        total = n + len(block)
        difference = block_mean - mean
        mean += difference * (len(block) / total)
        variation += block_variation + difference**2 * (n * len(block) / total)
        n = total
    return mean, variation


def _moments_of_block(X: Array) -> tuple[Array, Array]:
    if len(X) == 1:  # its variance would be divided by zero
        return X[0].copy(), np.zeros(X.shape[1])
    statistics = BasicStatistics(["mean", "variance"]).fit(X)
    return np.asarray(statistics.mean_), np.asarray(statistics.variance_) * (len(X) - 1)
