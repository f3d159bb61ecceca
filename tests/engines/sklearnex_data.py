"""The kinds of data of the grid: dtypes, layouts, formats, shapes, weights, targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

Data = tuple[Any, Any, dict[str, Any]]


def _matrix(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def _labels(X: np.ndarray, n_classes: int) -> np.ndarray:
    score = X[:, 0] + 0.3 * np.random.default_rng(1).normal(size=len(X))
    return np.digitize(score, np.quantile(score, np.linspace(0, 1, n_classes + 1)[1:-1]))


def _plain(X: np.ndarray, task: str) -> Data:
    if task == "classes":
        return X, _labels(X, 2), {}
    if task == "numbers":
        return X, X @ np.linspace(1, 2, X.shape[1]) + 0.1 * np.random.default_rng(2).normal(size=len(X)), {}
    return X, None, {}


def _weighted(weights: Callable[[int], Any]) -> Callable[[str], Data]:
    def make(task: str) -> Data:
        X, y, _ = _plain(_matrix(60, 5), task)
        return X, y, {"sample_weight": weights(len(X))}

    return make


def changed(change: Callable[[np.ndarray], Any], n: int = 60, d: int = 5) -> Callable[[str], Data]:
    def make(task: str) -> Data:
        X, y, fit_params = _plain(_matrix(n, d), task)
        return change(X), y, fit_params

    return make


def _target(change: Callable[[np.ndarray, np.ndarray], Any]) -> Callable[[str], Data]:
    def make(task: str) -> Data:
        X, y, fit_params = _plain(_matrix(60, 5), task)
        return X, change(X, y), fit_params

    return make


def _frame(X: np.ndarray) -> Any:
    pd = __import__("pandas")
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])


def _with_nan(X: np.ndarray) -> np.ndarray:
    X = X.copy()
    X[3, 1] = np.nan
    return X


def _sparsified(X: np.ndarray) -> np.ndarray:
    return np.where(np.abs(X) > 0.5, X, 0)


#: By name; each makes X, y and the fit parameters for a task ("classes", "numbers" or "" without a target).
KINDS: Mapping[str, Callable[[str], Data]] = {
    "float64": changed(lambda X: X),
    "float32": changed(lambda X: X.astype(np.float32)),
    "float16": changed(lambda X: X.astype(np.float16)),
    "int": changed(lambda X: np.round(3 * X).astype(int)),
    "bool": changed(lambda X: X > 0),
    "fortran": changed(np.asfortranarray),
    "strided": changed(lambda X: X[:, ::2], d=10),
    "frame": changed(_frame),
    "list": changed(lambda X: X.tolist()),
    "csr": changed(lambda X: sp.csr_matrix(_sparsified(X))),
    "csc": changed(lambda X: sp.csc_array(_sparsified(X))),
    "nan": changed(_with_nan),
    "few": changed(lambda X: X, n=9),
    "many": changed(lambda X: X, n=600),
    "broad": changed(lambda X: X, d=20),
    "wide": changed(lambda X: X, n=20, d=40),
    "weights_one": _weighted(np.ones),
    "weights_two": _weighted(lambda n: np.full(n, 2.0)),
    "weights_varying": _weighted(lambda n: np.linspace(0.5, 2, n)),
    "weights_some_zero": _weighted(lambda n: np.tile([1.0, 0.0, 2.0], n // 3)),
    "weights_negative": _weighted(lambda n: np.where(np.arange(n) == 4, -1.0, 1.0)),
    "column": _target(lambda X, y: y.reshape(-1, 1)),
    "two_columns": _target(lambda X, y: np.column_stack([y, y[::-1]])),
    "multiclass": _target(lambda X, y: _labels(X, 4)),
    "strings": _target(lambda X, y: np.array(["no", "yes"])[y]),
    "one_class": _target(lambda X, y: np.zeros(len(X), dtype=int)),
}
X_KINDS = tuple(name for name, _ in zip(KINDS, range(16), strict=False))
WEIGHTS = tuple(name for name in KINDS if name.startswith("weights"))
CLASSES = ("column", "two_columns", "multiclass", "strings", "one_class")
NUMBERS = ("column", "two_columns")
