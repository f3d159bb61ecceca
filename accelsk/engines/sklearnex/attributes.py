"""Fitted attributes that sklearnex leaves out, or sets otherwise than scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

__all__ = ["complete"]

Array = np.ndarray[Any, Any]


def complete(name: str, backend: Any, y: Any) -> None:
    """Bring the fitted attributes to what scikit-learn's class of this name has.

    Parameters
    ----------
    name : str
        The name of the scikit-learn class.
    backend : object
        The fitted estimator; it is changed.
    y : array-like or None
        The target that it was fitted to.
    """
    if name in _COMPLETE:
        _COMPLETE[name](backend, y)


def _dbscan(backend: Any, y: Any) -> None:
    """Indices are intp."""
    backend.labels_ = backend.labels_.astype(np.intp, copy=False)
    backend.core_sample_indices_ = backend.core_sample_indices_.astype(np.intp, copy=False)


def _dummy(backend: Any, y: Any) -> None:
    """The table of oneDAL cannot be pickled; the constant is all that there is to the model."""
    constant = np.reshape(backend.constant_, (1, -1))
    vars(backend).pop("_onedal_estimator", None)
    backend.constant_ = constant


def _float64(*names: str) -> Callable[[Any, Any], None]:
    """What scikit-learn computes in double precision whatever the data; reading also ends a lazy computation."""

    def change(backend: Any, y: Any) -> None:
        for name in names:
            value = getattr(backend, name)
            if getattr(value, "dtype", None) == np.float32:
                setattr(backend, name, value.astype(np.float64))

    return change


def _elastic_net(backend: Any, y: Any) -> None:
    """Keep the dual gaps, which come out wrong without an intercept, and not the training data behind them."""
    if "_X" in vars(backend):
        X, targets = backend._X, backend._y
        del backend._X, backend._y
        if backend.fit_intercept:
            X, targets = X - X.mean(axis=0), targets - targets.mean(axis=0)
        ratio = getattr(backend, "l1_ratio", 1.0)
        coefs = np.reshape(backend.coef_, (targets.shape[1], -1))
        gaps = [
            _dual_gap(X, target, coef, backend.alpha * ratio, backend.alpha * (1 - ratio), positive=backend.positive)
            for target, coef in zip(targets.T, coefs, strict=True)
        ]
        backend.dual_gap_ = gaps[0] if np.ndim(backend.coef_) == 1 else np.array(gaps)
    backend.n_iter_ = np.asarray(backend.n_iter_).astype(int).tolist()
    backend._of_a_column = np.ndim(y) == 2 and np.ndim(backend.coef_) == 1


def _dual_gap(X: Array, y: Array, coef: Array, l1: float, l2: float, *, positive: bool) -> float:
    """The duality gap of one target, per row, as scikit-learn's coordinate descent reports it."""
    n_samples = len(X)
    l1, l2 = l1 * n_samples, l2 * n_samples
    residual = y - X @ coef
    gradient = X.T @ residual - l2 * coef
    steepest = gradient.max() if positive else np.abs(gradient).max()
    const = l1 / steepest if steepest > l1 else 1.0
    gap = residual @ residual * (0.5 * (1 + const**2) if steepest > l1 else 1.0)
    gap += l1 * np.abs(coef).sum() - const * (residual @ y) + 0.5 * l2 * (1 + const**2) * (coef @ coef)
    return float(gap / n_samples)


def _linear(backend: Any, y: Any) -> None:
    """Without an intercept it is one zero, however many targets there are."""
    if not backend.fit_intercept:
        backend._intercept_ = 0.0  # not the property, which would change the engine's own model


def _ridge(backend: Any, y: Any) -> None:
    """What the solver "auto" comes to with dense data; a target column has an intercept of its own shape."""
    _linear(backend, y)
    if backend.fit_intercept and np.ndim(y) == 2:
        backend._intercept_ = np.reshape(backend.intercept_, (-1,))
    backend.solver_ = "cholesky"
    backend.n_iter_ = None


def _svm(backend: Any, y: Any) -> None:
    """Indices are int32, as in libsvm; no trace of probabilities where there are none."""
    backend.support_ = backend.support_.astype(np.int32, copy=False)
    backend._n_support = backend._n_support.astype(np.int32, copy=False)
    if getattr(backend, "_probA", None) is not None:
        backend._probA, backend._probB = np.empty(0), np.empty(0)


_COMPLETE: Mapping[str, Callable[[Any, Any], None]] = {
    "DBSCAN": _dbscan,
    "DummyRegressor": _dummy,
    "ElasticNet": _elastic_net,
    "EmpiricalCovariance": _float64("covariance_", "precision_"),
    "IncrementalPCA": _float64(
        "components_", "explained_variance_", "explained_variance_ratio_", "singular_values_", "mean_", "var_"
    ),
    "Lasso": _elastic_net,
    "LinearRegression": _linear,
    "MaxAbsScaler": lambda backend, y: backend.scale_,  # ends a lazy computation
    "NuSVC": _svm,
    "NuSVR": _svm,
    "Ridge": _ridge,
    "SVC": _svm,
    "SVR": _svm,
}
