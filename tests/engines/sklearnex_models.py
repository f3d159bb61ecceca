"""Fitted models of every row of engine ``sklearnex``, for the tests of what becomes of them outside of the engine."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.preprocessing import scale
from sklearn.utils import shuffle
from sklearnex_cases import ADAPTER, ENGINE, ROWS, SINCE_1_8, plain
from sklearnex_grid import GRIDS

from accelsk import convert
from accelsk.devices import HOST
from accelsk.engines.translate import merge_engine_params, translate


@lru_cache
def _real(name: str) -> tuple[Any, Any]:
    """Real data, shuffled; the columns are scaled."""
    if name == "two":
        X, y = load_breast_cancer(return_X_y=True)
    elif name == "three":
        X, y = load_wine(return_X_y=True)
        y = np.array(["barolo", "grignolino", "barbera"], dtype=object)[y]
    elif name == "ten":
        X, y = (part[:450] for part in load_digits(return_X_y=True))
    else:
        X, y = load_diabetes(return_X_y=True)
    return shuffle(scale(X) if name != "ten" else X / 16, y, random_state=0)


def data(words: str) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
    """Training and held-out data, and fit parameters: the name of a data set and what is changed in it."""
    name, *changes = words.split()
    X, y = _real(name)
    n = len(X) * 2 // 3
    fit_params: dict[str, Any] = {}
    for change in changes:
        if change == "float32":
            X = X.astype(np.float32)
        elif change in ("csr", "csc"):
            X = getattr(sp, f"{change}_matrix")(np.where(X > 0, X, 0))
        elif change == "frame":
            X = __import__("pandas").DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
        elif change == "targets":
            y = np.column_stack([y, np.sqrt(y)])
        elif change == "column":
            y = y.reshape(-1, 1)
        elif change == "weights":
            fit_params["sample_weight"] = np.random.default_rng(0).uniform(0.2, 3, n)
        elif change == "narrow":
            X = X[:, :4]
    rows = X.iloc if hasattr(X, "iloc") else X.tocsr() if sp.issparse(X) else X
    train, test = rows[:n], rows[n:]
    if "csc" in changes:
        train, test = train.tocsc(), test.tocsc()
    return train, y[:n], test, y[n:], fit_params


@dataclass(frozen=True)
class Case:
    """A row, its hyperparameters and the data."""

    name: str
    data: str
    settings: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        return "-".join([self.name, self.data.replace(" ", "-"), *(f"{key}={value}" for key, value in self.settings)])

    def plain(self) -> Any:
        """The unfitted scikit-learn estimator."""
        return plain(self.name, **{"n_estimators": 8, **_SMALL.get(self.name, {}), **dict(self.settings)})


_SMALL = {
    "DBSCAN": {"eps": 4.0},
    "KMeans": {"n_clusters": 4, "n_init": 1, "random_state": 0},
    "ElasticNet": {"alpha": 0.5},
    "Lasso": {"alpha": 0.5},
    **{name: {"random_state": 0} for name in ROWS if "Forest" in name or "Extra" in name},
}


def keywords_of(case: Case) -> dict[str, Any]:
    row = ROWS[case.name]
    keywords, refusals = translate(row, case.plain().get_params(deep=False))
    assert not refusals, refusals
    merge_engine_params(row, ENGINE.name, {}, keywords)
    return keywords


def fit(case: Case) -> Any:
    """The backend estimator, fitted as accelsk does it."""
    row = ROWS[case.name]
    X, y, _, _, fit_params = data(case.data)
    backend = ADAPTER.build(row, keywords_of(case))
    X = convert.sparse_as(X, "csr") if sp.issparse(X) and X.format != "csr" else X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", DataConversionWarning)
        warnings.filterwarnings("ignore", "Some inputs do not have OOB scores")
        warnings.filterwarnings("ignore", "Function stable_cumsum is deprecated")  # in sklearnex, with scikit-learn 1.9
        ADAPTER.fit(backend, row, "fit", (X,) if GRIDS[case.name].task == "" else (X, y), fit_params, HOST)
    return backend


def _cases() -> list[Case]:
    cases = []
    for name in sorted(ROWS):
        task = GRIDS[name].task
        base = "two" if task != "numbers" else "numbers"
        cases += [Case(name, base), Case(name, f"{base} float32"), Case(name, f"{base} frame")]
        if task == "classes":
            cases += [Case(name, "three"), Case(name, "ten"), Case(name, "ten float32")]
        for kind, settings in _MORE.get(name, ()):
            cases.append(Case(name, kind, tuple(settings.items())))
    return cases


_MARGIN = [
    ("csr", {}),
    ("csc", {"kernel": "linear"}),
    ("csr", {"kernel": "poly", "degree": 2, "coef0": 0.5}),
    ("float32 csr", {}),
    ("weights", {"gamma": "auto"}),
    ("", {"kernel": "linear"}),
    ("", {"kernel": "poly", "gamma": 0.05, "coef0": 1.0}),
]
_CLASS_MARGIN = [
    *((f"{base} {kind}", settings) for base in ("two", "three", "ten") for kind, settings in _MARGIN),
    ("three", {"decision_function_shape": "ovr", "break_ties": True}),
    ("three weights", {"class_weight": {"barolo": 2.0, "barbera": 0.5}}),
    ("two", {"class_weight": "balanced", "decision_function_shape": "ovr"}),
]
_NUMBER_MARGIN = [(f"numbers {kind}", settings) for kind, settings in _MARGIN]
_LINEAR = [("numbers targets", {}), ("numbers column", {}), ("numbers targets", {"fit_intercept": False})]
_DESCENT = [*_LINEAR, ("numbers", {"positive": True}), ("numbers", {"warm_start": True, "selection": "random"})]
_TREES = [
    {"max_depth": 2},
    {"min_samples_leaf": 5},
    {"max_leaf_nodes": 6},
    {"bootstrap": True, "max_samples": 0.4},
    {"bootstrap": False, "max_features": 0.5},
    {"min_impurity_decrease": 1e6},
    {"bootstrap": True, "oob_score": True, "n_estimators": 40},
]
_CLASS_TREES = [
    *((base, settings) for base in ("two", "three", "ten", "ten float32") for settings in _TREES),
    ("two", {"class_weight": {0: 2.0, 1: 2.0}, "max_depth": 3}),
]
_NUMBER_TREES = [
    *(("numbers", settings) for settings in _TREES),
    ("numbers weights", {"bootstrap": False, "max_depth": 4}),
]
_LOGISTIC = [("two", {"fit_intercept": False}), ("three", {"fit_intercept": False, "tol": 1e-3})]
_NEAR = [
    ("two", {"metric": "manhattan"}),
    ("two narrow", {"p": 3, "n_neighbors": 9}),  # it computes powers, slowly
    ("two", {"metric": "l2", "n_neighbors": 3}),
    ("two", {"metric": "euclidean", "algorithm": "auto"}),
    ("two", {"algorithm": "ball_tree"}),
]
_NEAR_VOTES = [*_NEAR, ("two", {"weights": "distance"}), ("two narrow", {"weights": "distance", "n_neighbors": 2})]
_MORE: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "KMeans": [("two csr", {}), ("ten csr", {}), ("two", {"algorithm": "elkan"}), ("ten float32 csr", {})],
    "DBSCAN": [("two weights", {})],
    "PCA": [
        ("two", {"n_components": 3}),
        ("two", {"n_components": 0.8, "whiten": True}),
        ("two", {"n_components": "mle", "svd_solver": "full"}),
        ("two float32", {"n_components": 5, "whiten": True}),
    ],
    "IncrementalPCA": [("two", {"n_components": 3, "whiten": True}), ("two", {"batch_size": 50})],
    "EmpiricalCovariance": [("two", {"assume_centered": True}), ("two", {"store_precision": False})],
    "LinearRegression": _LINEAR,
    "Ridge": [*_LINEAR, ("numbers targets float32", {"alpha": 0.1})],
    "ElasticNet": _DESCENT,
    "Lasso": _DESCENT,
    "LogisticRegression": [*_LOGISTIC, ("two", {"warm_start": True}), ("ten", {"C": 0.1})],
    "LogisticRegressionCV": [
        ("two", {"refit": False}),
        *([("two", {"use_legacy_attributes": True})] if SINCE_1_8 else []),
    ],
    "StandardScaler": [("two", {"with_mean": False}), ("two", {"with_std": False}), ("ten", {}), ("ten float32", {})],
    "KNeighborsClassifier": _NEAR_VOTES,
    "KNeighborsRegressor": [
        *((kind.replace("two", "numbers"), settings) for kind, settings in _NEAR_VOTES[1:3]),
        ("numbers", {"weights": "distance"}),
        ("numbers column", {}),
    ],
    "NearestNeighbors": _NEAR,
    "LocalOutlierFactor": [*_NEAR, ("two", {"novelty": False}), ("two", {"contamination": 0.1})],
    "SVC": _CLASS_MARGIN,
    "NuSVC": _CLASS_MARGIN,
    "SVR": _NUMBER_MARGIN,
    "NuSVR": _NUMBER_MARGIN,
    "RandomForestClassifier": [*_CLASS_TREES],
    "ExtraTreesClassifier": [*_CLASS_TREES],
    "RandomForestRegressor": _NUMBER_TREES,
    "ExtraTreesRegressor": _NUMBER_TREES,
}
CASES = _cases()


def outputs(case: Case, call: Any, cls: Any, X: Any, y: Any) -> dict[str, Any]:
    """What every method of the row gives, where scikit-learn's class has it."""
    row, found = ROWS[case.name], {}
    for method in (*row.methods, *row.inherited):
        if method.startswith(("fit", "partial_fit", "path", "sparsify", "densify")) or not hasattr(cls, method):
            continue
        args: tuple[Any, ...] = (X,)
        if method == "score":
            args = (X, y)
        elif method.startswith("get_"):
            args = ()
        elif method == "error_norm":
            args = (np.eye(X.shape[1]),)
        elif method == "inverse_transform":
            args = (np.asarray(found["transform"]),)
        elif method.startswith("radius"):
            args = (X, 4.0)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "divide by zero encountered in log", RuntimeWarning)
            # sklearnex searches radii with a model that it fits again without names, and outliers in arrays.
            warnings.filterwarnings("ignore", "X (has feature names|does not have valid feature names), but")
            found[method] = call(method, *args)
    return found
