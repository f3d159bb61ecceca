"""partial_dependence(): of several features at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from accelsk.parallel.workers import workers_for

__all__ = ["partial_dependence"]


def partial_dependence(
    estimator: Any, X: Any, features: Any, *, n_jobs: int | None = None, backend: Any = None, **params: Any
) -> Any:
    """Compute the partial dependence on one feature, or on several in parallel.

    The numbers are those of `sklearn.inspection.partial_dependence`, which computes them, one call for each feature.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier or regressor; plain, accelerated, a pipeline, ...
    X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        The data.
    features : int, str, tuple, or list of these
        A feature by its number or name, or features that are looked at together as a tuple, ``(0, 1)``. Or a list of
        several such, as `PartialDependenceDisplay.from_estimator` takes it: ``[0, "age", (0, 1)]``. What is in a list
        is looked at apart; `sklearn.inspection.partial_dependence` reads ``[0, 1]`` as ``(0, 1)``.
    n_jobs : int, default=None
        How many features are computed at once, as joblib reads it. None is what the surrounding configuration says,
        else 1; where `backend` is given, all cores. One feature, or tuple, is one task.
    backend : str or joblib backend, default=None
        Where: "loky", "threading", ... None leaves it to the surrounding configuration.
    **params : dict
        The keyword arguments of `sklearn.inspection.partial_dependence`: ``kind``, ``method``, ``grid_resolution``,
        ``percentiles``, ``sample_weight``, ``categorical_features``, ``custom_values``, ... They are for all features.

    Returns
    -------
    Bunch or list of Bunch
        For one feature, or tuple, what scikit-learn returns: ``average`` or ``individual``, or both, and
        ``grid_values``. For a list, a list of these in the same order.

    See Also
    --------
    sklearn.inspection.PartialDependenceDisplay.from_estimator : Plots, from wrapped estimators too; it has an
        ``n_jobs`` of its own.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from accelsk import partial_dependence
    >>> X, y = load_diabetes(return_X_y=True)
    >>> on_bmi, on_both = partial_dependence(Ridge().fit(X, y), X, [2, (2, 8)], grid_resolution=5)
    >>> on_bmi["average"].shape, on_both["average"].shape
    ((1, 5), (1, 5, 5))
    """
    from sklearn import inspection  # and half of scikit-learn with it: not for who imports accelsk

    several = _several(features)
    if several is None:
        with workers_for(1, backend, n_jobs):  # for what may run in parallel inside the estimator
            return inspection.partial_dependence(estimator, X, features, **params)
    with workers_for(len(several), backend, n_jobs) as n_workers:
        call = delayed(inspection.partial_dependence)
        return Parallel(n_jobs=n_workers)(call(estimator, X, feature, **params) for feature in several)


def _several(features: Any) -> list[Any] | None:
    """Return the features of a list, or None where there is one, or one tuple."""
    if isinstance(features, str | tuple) or not isinstance(features, Iterable):
        return None
    several = features.tolist() if hasattr(features, "tolist") else list(features)
    if any(isinstance(each, bool | np.bool_) for each in several):
        raise TypeError(
            f"features={features!r} is a mask, which says what is looked at together: give it as a tuple, or numbers "
            "for features that are looked at apart."
        )
    return [each.item() if isinstance(each, np.generic) else each for each in several]
