"""The grid over which the rows of engine ``sklearnex`` are compared with the library, and how to see what it did.

A combination is a class, some hyperparameters and one kind of data. Every hyperparameter value is combined with every kind
of data of its class; where several belong together, `Grid.pairs` has the crossings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp

Data = tuple[Any, Any, dict[str, Any]]


# -- what the library did ---------------------------------------------------------------------------------------------


@contextmanager
def watching() -> Iterator[list[tuple[str, bool, bool]]]:
    """Record every decision that sklearnex takes in this thread: (scope, accelerated, by daal4py's own code).

    The log alone would not do: ``LogisticRegression`` reports to be accelerated whatever its inner code decides.
    """
    from daal4py.sklearn._utils import PatchingConditionsChain as Inner
    from sklearnex._utils import PatchingConditionsChain as Outer

    seen: list[tuple[str, bool, bool]] = []
    thread = threading.current_thread()
    originals = {cls: cls.write_log for cls in (Inner, Outer)}

    def recording(cls: type) -> Callable[..., Any]:
        def write_log(self: Any, *args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is thread:
                seen.append((self.scope_name, bool(self.patching_is_enabled), cls is Inner))
            return originals[cls](self, *args, **kwargs)

        return write_log

    for cls in originals:
        cls.write_log = recording(cls)
    try:
        yield seen
    finally:
        for cls, original in originals.items():
            cls.write_log = original


def ran(name: str, method: str, seen: list[tuple[str, bool, bool]]) -> bool:
    """Whether oneDAL did all of a call that it should do, given what was recorded."""
    scope = {"TSNE": "_tsne", "SVC": method.replace("predict_proba", "_predict_proba")}.get(name, method)
    scope = "fit" if method in ("fit_predict", "fit_transform") and scope == method and name != "PCA" else scope
    own = [
        (on, inner) for where, on, inner in seen if f".{name}.{scope}" in where or where.endswith(f".{name}.{method}")
    ]
    if name.startswith("LogisticRegression"):
        own = [(on, inner) for on, inner in own if inner]
    return bool(own) and all(on for on, _ in own)


# -- data ---------------------------------------------------------------------------------------------------------------


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


def _changed(change: Callable[[np.ndarray], Any], n: int = 60, d: int = 5) -> Callable[[str], Data]:
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


#: By name; each makes X, y and the fit parameters for a task ("classes", "numbers" or "").
KINDS: Mapping[str, Callable[[str], Data]] = {
    "float64": _changed(lambda X: X),
    "float32": _changed(lambda X: X.astype(np.float32)),
    "float16": _changed(lambda X: X.astype(np.float16)),
    "int": _changed(lambda X: np.round(3 * X).astype(int)),
    "bool": _changed(lambda X: X > 0),
    "fortran": _changed(np.asfortranarray),
    "strided": _changed(lambda X: X[:, ::2], d=10),
    "frame": _changed(_frame),
    "list": _changed(lambda X: X.tolist()),
    "csr": _changed(lambda X: sp.csr_matrix(_sparsified(X))),
    "csc": _changed(lambda X: sp.csc_array(_sparsified(X))),
    "nan": _changed(_with_nan),
    "few": _changed(lambda X: X, n=9),
    "many": _changed(lambda X: X, n=600),
    "broad": _changed(lambda X: X, d=20),
    "wide": _changed(lambda X: X, n=20, d=40),
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
_X_KINDS = tuple(name for name, _ in zip(KINDS, range(16), strict=False))
_WEIGHTS = tuple(name for name in KINDS if name.startswith("weights"))
_CLASSES = ("column", "two_columns", "multiclass", "strings", "one_class")
_NUMBERS = ("column", "two_columns")


# -- hyperparameters --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Grid:
    """What is varied for one class.

    Attributes
    ----------
    task : str
        "classes", "numbers" or "" for no target.
    base : dict
        Settings that keep it small.
    values : dict
        For each hyperparameter, the values to try.
    pairs : list of dict
        Settings that only make sense together.
    extra : tuple of str
        Kinds of data besides those of X.
    """

    task: str
    base: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    pairs: tuple[Mapping[str, Any], ...] = ()
    extra: tuple[str, ...] = ()
    more: Mapping[str, Callable[[str], Data]] = field(default_factory=dict)

    def settings(self) -> Iterator[dict[str, Any]]:
        """Every setting of the hyperparameters."""
        yield dict(self.base)
        for name, values in self.values.items():
            for value in values:
                yield {**self.base, name: value}
        for pair in self.pairs:
            yield {**self.base, **pair}

    def kinds(self) -> dict[str, Callable[[str], Data]]:
        """Every kind of data."""
        return {**{name: KINDS[name] for name in (*_X_KINDS, *self.extra)}, **self.more}

    def combinations(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Every hyperparameter setting with every kind of data."""
        for setting in self.settings():
            for kind in self.kinds():
                yield setting, kind


_SEEDS = (None, 0, np.random.RandomState(3))
_BOOL = (True, False)

_TREES: Mapping[str, tuple[Any, ...]] = {
    "max_depth": (2,),
    "min_samples_split": (4, 0.1),
    "min_samples_leaf": (3, 0.05),
    "min_weight_fraction_leaf": (0.1,),
    "max_features": (None, "sqrt", "log2", 2, 0.5),
    "max_leaf_nodes": (5,),
    "min_impurity_decrease": (0.01,),
    "bootstrap": _BOOL,
    "n_jobs": (1, 2, -1),
    "random_state": _SEEDS,
    "verbose": (0,),
    "warm_start": (True,),
    "ccp_alpha": (0.01,),
    "monotonic_cst": ([1, 0, 0, 0, 0],),
    "n_estimators": (1, np.int64(3)),
}
_DRAWS = (
    {"bootstrap": True, "max_samples": 0.5},
    {"bootstrap": True, "max_samples": 8},
    {"bootstrap": True, "max_samples": 30},
    {"bootstrap": True, "max_samples": 1.0},
    {"bootstrap": True, "oob_score": True, "n_estimators": 15},
    {"bootstrap": True, "oob_score": lambda y, predicted: 0.0, "n_estimators": 15},
)
_CLASS_WEIGHTS = tuple(
    {"class_weight": weight, "bootstrap": bootstrap}
    for weight in (None, "balanced", "balanced_subsample", {0: 1, 1: 3})
    for bootstrap in _BOOL
)
_FOREST_CLASSIFIER = Grid(
    "classes",
    {"n_estimators": 3},
    {**_TREES, "criterion": ("gini", "entropy", "log_loss")},
    (*_DRAWS, *_CLASS_WEIGHTS, {"bootstrap": True, "max_samples": 0.5, "class_weight": "balanced"}),
    (*_WEIGHTS[:-1], *_CLASSES),
)
_FOREST_REGRESSOR = Grid(
    "numbers",
    {"n_estimators": 3},
    {**_TREES, "criterion": ("squared_error", "friedman_mse", "absolute_error")},
    _DRAWS,
    (*_WEIGHTS[:-1], *_NUMBERS),
)

_METRICS = (
    "euclidean",
    "l2",
    "minkowski",
    "manhattan",
    "l1",
    "cityblock",
    "chebyshev",
    "cosine",
    "canberra",
    "sqeuclidean",
)
_SEARCHES = tuple(
    {"metric": metric, "algorithm": algorithm}
    for metric in _METRICS
    for algorithm in ("auto", "brute", "kd_tree", "ball_tree")
    if not (algorithm.endswith("tree") and metric in ("cosine", "sqeuclidean"))
    and not (algorithm == "kd_tree" and metric == "canberra")
)
_POWERS = tuple(
    {"p": p, "algorithm": algorithm, "metric": metric}
    for p in (1, 1.5, 2, 3, np.inf)
    for algorithm in ("auto", "brute", "kd_tree", "ball_tree")
    for metric in ("minkowski", "euclidean")
) + ({"p": 0.5, "algorithm": "brute"},)
_NEIGHBORS: Mapping[str, tuple[Any, ...]] = {
    "n_neighbors": (1, 4, 8),
    "leaf_size": (5,),
    "n_jobs": (1, -1),
    "metric": (_METRICS[0], lambda a, b: float(np.abs(a - b).sum())),
    "metric_params": ({},),
}
_VOTES = {**_NEIGHBORS, "weights": ("uniform", "distance", None, lambda d: 1 / (1 + d))}

_MARGIN: Mapping[str, tuple[Any, ...]] = {
    "kernel": ("linear", "rbf", "poly", "sigmoid", lambda A, B: np.asarray(A @ B.T)),
    "degree": (2,),
    "gamma": ("scale", "auto", 0.1),
    "coef0": (0.5,),
    "tol": (1e-4,),
    "shrinking": (False,),
    "cache_size": (50,),
    "verbose": (False,),
    "max_iter": (-1, 500),
}
_SVC = {
    **_MARGIN,
    "class_weight": (None, "balanced", {0: 1, 1: 3}),
    "decision_function_shape": ("ovo", "ovr"),
    "break_ties": (True,),
    "random_state": _SEEDS,
    "probability": (True, False),
}

_LOGISTIC: Mapping[str, tuple[Any, ...]] = {
    "tol": (1e-3,),
    "fit_intercept": _BOOL,
    "intercept_scaling": (2.0,),
    "class_weight": (None, "balanced", {0: 1, 1: 3}),
    "random_state": _SEEDS,
    "solver": ("lbfgs", "newton-cg", "newton-cholesky", "saga"),
    "max_iter": (50,),
    "verbose": (0,),
}
_DESCENT: Mapping[str, tuple[Any, ...]] = {
    "alpha": (0.1, 1.0),
    "fit_intercept": _BOOL,
    "precompute": _BOOL,
    "max_iter": (500,),
    "copy_X": _BOOL,
    "tol": (1e-3,),
    "warm_start": _BOOL,
    "positive": _BOOL,
    "random_state": _SEEDS,
}
_DRAWN = ({"selection": "random", "random_state": 0}, {"selection": "random", "random_state": np.random.RandomState(0)})

_PCA_SHAPES = {
    "tall": _changed(lambda X: X, n=650, d=8),
    "tall_not_ten_times": _changed(lambda X: X, n=520, d=60),
    "more_columns": _changed(lambda X: X, n=30, d=520),
    "one_row": _changed(lambda X: X, n=1),
}

GRIDS: Mapping[str, Grid] = {
    "DBSCAN": Grid(
        "",
        {"eps": 1.5},
        {
            "eps": (0.5,),
            "min_samples": (3, 10),
            "metric": ("euclidean", "manhattan", "cosine", "l2"),
            "algorithm": ("auto", "brute", "kd_tree", "ball_tree"),
            "leaf_size": (10,),
            "p": (1, 2, 3.0),
            "n_jobs": (1, -1),
        },
        (
            {"metric": "minkowski"},
            {"metric": "minkowski", "p": 1},
            {"metric": "minkowski", "p": 2},
            {"metric": "minkowski", "p": 2.0, "algorithm": "brute"},
            {"metric": "minkowski", "p": 2, "algorithm": "kd_tree"},
        ),
        _WEIGHTS,
    ),
    "KMeans": Grid(
        "",
        {"n_clusters": 3, "n_init": 1, "max_iter": 20},
        {
            "n_clusters": (1, 2, 8, 9),
            "init": ("k-means++", "random"),
            "n_init": ("auto", 2),
            "max_iter": (1, 300),
            "tol": (0.0, 1e-2),
            "verbose": (0,),
            "random_state": _SEEDS,
            "copy_x": _BOOL,
            "algorithm": ("lloyd", "elkan"),
        },
        ({"init": lambda X, k, random_state: _dense_rows(X, k)},),
        _WEIGHTS[:-1],
    ),
    "EmpiricalCovariance": Grid("", {}, {"store_precision": _BOOL, "assume_centered": _BOOL}),
    "IncrementalPCA": Grid(
        "",
        {},
        {"n_components": (None, 2), "whiten": _BOOL, "copy": _BOOL, "batch_size": (None, 20)},
        ({"n_components": 3, "batch_size": 30},),
    ),
    "PCA": Grid(
        "",
        {},
        {
            "n_components": (None, 1, 3, 5, 0.8, "mle"),
            "copy": _BOOL,
            "whiten": _BOOL,
            "svd_solver": ("auto", "full", "covariance_eigh", "randomized"),
            "tol": (0.1,),
            "iterated_power": (3,),
            "n_oversamples": (5,),
            "power_iteration_normalizer": ("QR",),
            "random_state": _SEEDS,
        },
        tuple(
            {"svd_solver": solver, "n_components": n}
            for solver in ("auto", "full", "covariance_eigh")
            for n in (2, 7, 0.9, 25, 29, 50)
        )
        + ({"svd_solver": "arpack", "n_components": 3},),
        (),
        _PCA_SHAPES,
    ),
    "DummyRegressor": Grid(
        "numbers",
        {"strategy": "constant", "constant": 2.5},
        {"strategy": ("mean", "median", "constant"), "constant": (0, 2.5, True, np.float64(2.5), [1.5])},
        ({"strategy": "quantile", "quantile": 0.5},),
        (*_WEIGHTS[:-1], *_NUMBERS),
    ),
    "ExtraTreesClassifier": _FOREST_CLASSIFIER,
    "ExtraTreesRegressor": _FOREST_REGRESSOR,
    "RandomForestClassifier": _FOREST_CLASSIFIER,
    "RandomForestRegressor": _FOREST_REGRESSOR,
    "ElasticNet": Grid("numbers", {}, {**_DESCENT, "l1_ratio": (0.1, 1.0)}, _DRAWN, (*_WEIGHTS[:-1], *_NUMBERS)),
    "Lasso": Grid("numbers", {}, _DESCENT, _DRAWN, (*_WEIGHTS[:-1], *_NUMBERS)),
    "LinearRegression": Grid(
        "numbers",
        {},
        {"fit_intercept": _BOOL, "copy_X": _BOOL, "tol": (1e-3,), "n_jobs": (1, -1), "positive": _BOOL},
        (),
        (*_WEIGHTS[:-1], *_NUMBERS),
    ),
    "LogisticRegression": Grid(
        "classes",
        {},
        {**_LOGISTIC, "C": (0.1, np.inf), "warm_start": _BOOL, "l1_ratio": (0.0, 0), "n_jobs": (1,)},
        (
            {"penalty": "l2"},
            {"penalty": "l2", "C": np.inf},
            {"penalty": None},
            {"solver": "liblinear"},
            {"solver": "liblinear", "dual": True},
            {"solver": "saga", "l1_ratio": 0.5},
            {"solver": "saga", "l1_ratio": 1},
        ),
        (*_WEIGHTS[:-1], *_CLASSES),
    ),
    "LogisticRegressionCV": Grid(
        "classes",
        {"Cs": 2, "cv": 2},
        {
            **{name: values for name, values in _LOGISTIC.items() if name not in ("solver", "intercept_scaling")},
            "solver": ("lbfgs", "newton-cholesky"),
            "Cs": ([0.1, 1.0],),
            "cv": (3,),
            "scoring": ("accuracy", "neg_log_loss"),
            "refit": _BOOL,
            "l1_ratios": ((0,), (0.0,)),
            "n_jobs": (1,),
            "use_legacy_attributes": _BOOL,
        },
        ({"penalty": "l2"}, {"solver": "saga", "l1_ratios": (0.5,)}),
        (*_WEIGHTS[:1], "weights_varying", *_CLASSES),
    ),
    "Ridge": Grid(
        "numbers",
        {},
        {
            "alpha": (0.1, 0, np.float64(2.0)),
            "fit_intercept": _BOOL,
            "copy_X": _BOOL,
            "max_iter": (None, 100),
            "tol": (1e-3,),
            "solver": ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga"),
            "random_state": _SEEDS,
        },
        ({"positive": True}, {"positive": True, "solver": "lbfgs"}),
        (*_WEIGHTS[:-1], *_NUMBERS),
    ),
    "TSNE": Grid(
        "",
        {"max_iter": 250, "perplexity": 4},
        {
            "n_components": (3,),
            "perplexity": (3.0,),
            "early_exaggeration": (4.0,),
            "learning_rate": ("auto", 50.0),
            "n_iter_without_progress": (100,),
            "min_grad_norm": (1e-5,),
            "metric": ("euclidean", "manhattan", "cosine"),
            "init": ("pca", "random"),
            "random_state": (0,),
            "method": ("exact",),
            "angle": (0.2, 0.0),
            "n_jobs": (1,),
        },
    ),
    "KNeighborsClassifier": Grid("classes", {}, _VOTES, (*_SEARCHES, *_POWERS), _CLASSES),
    "KNeighborsRegressor": Grid("numbers", {}, _VOTES, (*_SEARCHES, *_POWERS), _NUMBERS),
    "LocalOutlierFactor": Grid(
        "", {"n_neighbors": 4}, {**_NEIGHBORS, "contamination": ("auto", 0.1), "novelty": _BOOL}, (*_SEARCHES, *_POWERS)
    ),
    "NearestNeighbors": Grid("", {}, {**_NEIGHBORS, "radius": (0.5,)}, (*_SEARCHES, *_POWERS)),
    "MaxAbsScaler": Grid("", {}, {"copy": _BOOL, "clip": _BOOL}),
    "NuSVC": Grid("classes", {"nu": 0.3}, {**_SVC, "nu": (0.2,)}, (), (*_WEIGHTS, *_CLASSES)),
    "NuSVR": Grid("numbers", {}, {**_MARGIN, "nu": (0.3,), "C": (0.5,)}, (), (*_WEIGHTS, *_NUMBERS)),
    "SVC": Grid("classes", {}, {**_SVC, "C": (0.5,)}, (), (*_WEIGHTS, *_CLASSES)),
    "SVR": Grid("numbers", {}, {**_MARGIN, "C": (0.5,), "epsilon": (0.2,)}, (), (*_WEIGHTS, *_NUMBERS)),
}


def _dense_rows(X: Any, k: int) -> np.ndarray:
    rows = X[:k]
    return rows.toarray() if sp.issparse(rows) else np.array(rows)
