"""The grid over which the rows of engine ``sklearnex`` are compared with the library.

A combination is a class, some hyperparameters and one kind of data. Every hyperparameter value is combined with every
kind of data of its class; where several belong together, `Grid.pairs` has the crossings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearnex_data import CLASSES, KINDS, NUMBERS, WEIGHTS, X_KINDS, Data, changed


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
        return {**{name: KINDS[name] for name in (*X_KINDS, *self.extra)}, **self.more}

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
    (*WEIGHTS[:-1], *CLASSES),
)
_FOREST_REGRESSOR = Grid(
    "numbers",
    {"n_estimators": 3},
    {**_TREES, "criterion": ("squared_error", "friedman_mse", "absolute_error")},
    _DRAWS,
    (*WEIGHTS[:-1], *NUMBERS),
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
_POWERS = (
    {"p": 0.5, "algorithm": "brute"},
    *(
        {"p": p, "algorithm": algorithm, "metric": metric}
        for p in (1, 1.5, 2, 3, np.inf)
        for algorithm in ("auto", "brute", "kd_tree", "ball_tree")
        for metric in ("minkowski", "euclidean")
    ),
)
_NEIGHBORS: Mapping[str, tuple[Any, ...]] = {
    "n_neighbors": (1, 4, 8),
    "leaf_size": (5,),
    "n_jobs": (1, -1),
    "metric": (_METRICS[0], lambda a, b: float(np.abs(a - b).sum())),
    "metric_params": ({},),
}
_VOTES = {**_NEIGHBORS, "weights": ("uniform", "distance", None, lambda d: 1 / (1 + d))}

_MARGIN: Mapping[str, tuple[Any, ...]] = {
    "kernel": ("linear", "rbf", "poly", "sigmoid", lambda a, b: np.asarray(a @ b.T)),
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
    "tall": changed(lambda X: X, n=650, d=8),
    "tall_not_ten_times": changed(lambda X: X, n=520, d=60),
    "more_columns": changed(lambda X: X, n=30, d=520),
    "one_row": changed(lambda X: X, n=1),
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
        WEIGHTS,
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
        WEIGHTS[:-1],
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
        (
            {"svd_solver": "arpack", "n_components": 3},
            *(
                {"svd_solver": solver, "n_components": n}
                for solver in ("auto", "full", "covariance_eigh")
                for n in (2, 7, 0.9, 25, 29, 50)
            ),
        ),
        (),
        _PCA_SHAPES,
    ),
    "DummyRegressor": Grid(
        "numbers",
        {"strategy": "constant", "constant": 2.5},
        {"strategy": ("mean", "median", "constant"), "constant": (0, 2.5, True, np.float64(2.5), [1.5])},
        ({"strategy": "quantile", "quantile": 0.5},),
        (*WEIGHTS[:-1], *NUMBERS),
    ),
    "ExtraTreesClassifier": _FOREST_CLASSIFIER,
    "ExtraTreesRegressor": _FOREST_REGRESSOR,
    "RandomForestClassifier": _FOREST_CLASSIFIER,
    "RandomForestRegressor": _FOREST_REGRESSOR,
    "ElasticNet": Grid("numbers", {}, {**_DESCENT, "l1_ratio": (0.1, 1.0)}, _DRAWN, (*WEIGHTS[:-1], *NUMBERS)),
    "Lasso": Grid("numbers", {}, _DESCENT, _DRAWN, (*WEIGHTS[:-1], *NUMBERS)),
    "LinearRegression": Grid(
        "numbers",
        {},
        {"fit_intercept": _BOOL, "copy_X": _BOOL, "tol": (1e-3,), "n_jobs": (1, -1), "positive": _BOOL},
        (),
        (*WEIGHTS[:-1], *NUMBERS),
    ),
    "LogisticRegression": Grid(
        "classes",
        {"max_iter": 20},
        {**_LOGISTIC, "C": (0.1, np.inf), "warm_start": _BOOL, "l1_ratio": (0.0, 0), "n_jobs": (1,)},
        (
            {"penalty": "l2"},
            {"penalty": "l2", "C": np.inf},
            {"penalty": None},
            {"solver": "liblinear"},
            {"solver": "liblinear", "dual": True},
            {"solver": "saga", "l1_ratio": 0.5, "max_iter": 5},
            {"solver": "saga", "l1_ratio": 1, "max_iter": 5},
        ),
        (*WEIGHTS[:-1], *CLASSES),
    ),
    "LogisticRegressionCV": Grid(
        "classes",
        {"Cs": 2, "cv": 2, "max_iter": 10},
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
        ({"penalty": "l2"}, {"solver": "saga", "l1_ratios": (0.5,), "max_iter": 5}),
        (*WEIGHTS[:1], "weights_varying", *CLASSES),
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
        (*WEIGHTS[:-1], *NUMBERS),
    ),
    "TSNE": Grid(
        "",
        {"max_iter": 500, "perplexity": 4},
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
    "KNeighborsClassifier": Grid("classes", {}, _VOTES, (*_SEARCHES, *_POWERS), CLASSES),
    "KNeighborsRegressor": Grid("numbers", {}, _VOTES, (*_SEARCHES, *_POWERS), NUMBERS),
    "LocalOutlierFactor": Grid(
        "", {"n_neighbors": 4}, {**_NEIGHBORS, "contamination": ("auto", 0.1), "novelty": _BOOL}, (*_SEARCHES, *_POWERS)
    ),
    "NearestNeighbors": Grid("", {}, {**_NEIGHBORS, "radius": (0.5,)}, (*_SEARCHES, *_POWERS)),
    "MaxAbsScaler": Grid("", {}, {"copy": _BOOL, "clip": _BOOL}),
    "NuSVC": Grid("classes", {"nu": 0.3}, {**_SVC, "nu": (0.2,)}, (), (*WEIGHTS, *CLASSES)),
    "NuSVR": Grid("numbers", {}, {**_MARGIN, "nu": (0.3,), "C": (0.5,)}, (), (*WEIGHTS, *NUMBERS)),
    "StandardScaler": Grid(
        "",
        {},
        {"copy": _BOOL, "with_mean": _BOOL, "with_std": _BOOL},
        ({"with_mean": False, "with_std": False},),
        WEIGHTS,
    ),
    "SVC": Grid("classes", {}, {**_SVC, "C": (0.5,)}, (), (*WEIGHTS, *CLASSES)),
    "SVR": Grid("numbers", {}, {**_MARGIN, "C": (0.5,), "epsilon": (0.2,)}, (), (*WEIGHTS, *NUMBERS)),
}

#: What counts on a GPU and not on a processor.
_ON_GPU: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "LogisticRegression": tuple(
        {"solver": "newton-cg", **more}
        for more in (
            {},
            {"C": np.inf},
            {"C": 0.1, "penalty": "l2"},
            {"penalty": None},
            {"dual": True},
            {"intercept_scaling": 2.0},
            {"class_weight": "balanced"},
            {"warm_start": True},
            {"fit_intercept": False},
        )
    ),
    **{
        name: tuple({"metric": metric, "algorithm": "brute", "n_neighbors": 8} for metric in _METRICS)
        for name in ("KNeighborsClassifier", "KNeighborsRegressor", "LocalOutlierFactor", "NearestNeighbors")
    },
}


def on_gpu(name: str) -> Grid:
    """The grid of a class for GPUs."""
    grid = GRIDS[name]
    return replace(grid, pairs=(*grid.pairs, *_ON_GPU.get(name, ())))


def _dense_rows(X: Any, k: int) -> np.ndarray:
    rows = X[:k]
    return rows.toarray() if sp.issparse(rows) else np.array(rows)
