"""What the benchmark measures, as data: estimators with their parameters, kinds of data, sizes, operations.

``python -m benchmarks.suite`` and ``python -m benchmarks.sweep`` read it; a further case is a line here.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sklearn.pipeline import Pipeline

from accelsk.workloads import made

__all__ = ["BATCHES", "CASES", "QUICK", "QUICK_SIZES", "SIZES", "Case", "Size", "available", "data"]

#: Rows and columns of the data to fit, small ones first: where time runs out it is the largest that are left out.
Size = tuple[int, int]
SIZES: tuple[Size, ...] = (
    (200, 10),
    (200, 50),
    (2_000, 10),
    (2_000, 50),
    (2_000, 200),
    (20_000, 10),
    (20_000, 50),
    (20_000, 200),
    (200_000, 10),
    (200_000, 50),
)

#: How many rows are predicted at once; None is all that were fitted.
BATCHES: tuple[int | None, ...] = (1, 32, 1000, None)


@dataclass(frozen=True)
class Case:
    """One estimator.

    Parameters
    ----------
    name : str
        What the tables call it.
    steps : tuple of str
        The class, or the classes of a pipeline, with their modules.
    params : mapping of str to object
        Hyperparameters that are not at their defaults; of a pipeline with the name of the step.
    data : str
        The kind of data, a key of `data`.
    k : tuple of str and int
        The number that makes it more or less work beside rows and columns: of classes, trees, clusters, neighbours,
        components. ``("", 1)`` for none.
    other_k : tuple of int
        Further numbers, for the sweep.
    methods : tuple of str
        What is computed after the fit, the main one first: that one at every batch size, the others at 1 and all.
    rows : int
        The fit gets at most so many: what it costs grows faster than they do.
    cells : int
        And at most so many numbers.
    bound : str
        "compute" or "memory" where the work is known, for the share of what this machine can do at most.
    worse : str
        Why what the Extension computes is another model, not only a faster one; its times are shown and not asked for.
    worse_columns : int
        Up to how many columns that is so.
    """

    name: str
    steps: tuple[str, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    data: str = "numbers"
    k: tuple[str, int] = ("", 1)
    other_k: tuple[int, ...] = ()
    methods: tuple[str, ...] = ("predict",)
    rows: int = 200_000
    cells: int = 10_000_000
    bound: str = ""
    worse: str = ""
    worse_columns: int = 1_000_000

    def is_worse(self, columns: int) -> bool:
        """Whether the Extension computes another model of data with so many columns."""
        return bool(self.worse) and columns <= self.worse_columns

    def make(self, k: int | None = None) -> Any:
        """Return the estimator, not fitted."""
        name, usual = self.k
        params = dict(self.params)
        if name and name != "classes":
            params[name] = usual if k is None else k
        made = [_class(path)() for path in self.steps]
        if len(made) == 1:
            return made[0].set_params(**params)
        return Pipeline([(type(step).__name__.lower(), step) for step in made]).set_params(**params)

    def data_for(self, size: Size, k: int | None = None) -> tuple[Any, Any]:
        """Return X and y."""
        name, usual = self.k
        return data(self.data, *size, (k or usual) if name == "classes" else 2)

    def fits(self, size: Size) -> bool:
        """Whether it is measured at this size."""
        rows, columns = size
        wanted = dict(self.params).get("n_components") or (self.k[1] if self.k[0].endswith("n_components") else 0)
        return rows <= self.rows and rows * columns <= self.cells and wanted <= min(size)


def _class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def available(case: Case) -> bool:
    """Whether all of its classes are installed."""
    try:
        case.make()
    except ImportError:
        return False
    return True


#: Data of a kind, of which the last two are kept.
data = lru_cache(maxsize=2)(made)


_PROBA = ("predict", "predict_proba")
_OTHER_TREES = "its ExtraTrees draw other thresholds: R2 lower by 0.06, accuracy by 1.4 points"
_MISSES = "its k-d tree, which it takes up to 15 columns, misses neighbours: of 2 of 50 rows of iris"

CASES: tuple[Case, ...] = (
    # Linear models
    Case("LinearRegression", ("sklearn.linear_model.LinearRegression",), bound="compute"),
    Case("Ridge", ("sklearn.linear_model.Ridge",)),
    Case("Lasso", ("sklearn.linear_model.Lasso",)),
    Case("ElasticNet", ("sklearn.linear_model.ElasticNet",)),
    Case(
        "LogisticRegression", ("sklearn.linear_model.LogisticRegression",),
        data="classes", k=("classes", 2), methods=_PROBA,
    ),
    Case(
        "LogisticRegression, 5 classes", ("sklearn.linear_model.LogisticRegression",),
        data="classes", k=("classes", 5), other_k=(10,), methods=_PROBA, cells=4_000_000,
    ),
    # Decomposition, clusters, mixtures
    Case(
        "PCA", ("sklearn.decomposition.PCA",),
        data="low rank", k=("n_components", 5), other_k=(10,), methods=("transform",), bound="compute",
    ),
    Case(
        "PCA, full", ("sklearn.decomposition.PCA",), {"svd_solver": "full"},
        data="low rank", k=("n_components", 5), methods=("transform",),
    ),
    Case(
        "IncrementalPCA", ("sklearn.decomposition.IncrementalPCA",),
        data="low rank", k=("n_components", 5), methods=("transform",), cells=4_000_000,
    ),
    Case(
        "KMeans", ("sklearn.cluster.KMeans",), {"random_state": 0},
        data="blobs", k=("n_clusters", 8), other_k=(32,), methods=("predict", "transform"), bound="compute",
    ),
    Case("DBSCAN", ("sklearn.cluster.DBSCAN",), {"eps": 0.6}, data="blobs", methods=(), rows=20_000, cells=200_000),
    Case(
        "GaussianMixture", ("sklearn.mixture.GaussianMixture",), {"random_state": 0},
        data="blobs", k=("n_components", 5), other_k=(20,), methods=_PROBA, rows=20_000, cells=1_000_000,
    ),
    Case("EmpiricalCovariance", ("sklearn.covariance.EmpiricalCovariance",), data="low rank", methods=()),
    Case("TSNE", ("sklearn.manifold.TSNE",), {"random_state": 0}, data="blobs", methods=(), rows=1_000),
    # Neighbours
    Case(
        "KNeighborsClassifier, brute", ("sklearn.neighbors.KNeighborsClassifier",), {"algorithm": "brute"},
        data="classes", k=("n_neighbors", 5), methods=_PROBA, rows=20_000,
    ),
    Case(
        "KNeighborsClassifier, kd_tree", ("sklearn.neighbors.KNeighborsClassifier",), {"algorithm": "kd_tree"},
        data="classes", k=("n_neighbors", 5), rows=20_000, cells=200_000, worse=_MISSES,
    ),
    Case(
        "KNeighborsRegressor", ("sklearn.neighbors.KNeighborsRegressor",),
        k=("n_neighbors", 5), other_k=(20,), rows=20_000, cells=1_000_000, worse=_MISSES, worse_columns=15,
    ),
    Case(
        "NearestNeighbors, brute", ("sklearn.neighbors.NearestNeighbors",), {"algorithm": "brute"},
        data="blobs", k=("n_neighbors", 5), methods=("kneighbors",), rows=20_000, bound="compute",
    ),
    Case(
        "LocalOutlierFactor", ("sklearn.neighbors.LocalOutlierFactor",),
        data="blobs", k=("n_neighbors", 20), methods=(), rows=20_000, cells=200_000, worse=_MISSES, worse_columns=15,
    ),
    # Support vector machines
    Case("SVC", ("sklearn.svm.SVC",), data="classes", k=("classes", 2), other_k=(5,), rows=10_000, cells=500_000),
    Case(
        "SVC, linear", ("sklearn.svm.SVC",), {"kernel": "linear", "C": 0.1},
        data="classes", k=("classes", 2), rows=2_000, cells=100_000,
    ),
    Case("NuSVC", ("sklearn.svm.NuSVC",), data="classes", k=("classes", 2), rows=2_000, cells=400_000),
    Case("SVR", ("sklearn.svm.SVR",), rows=2_000, cells=400_000),
    # Forests and boosting
    Case(
        "RandomForestClassifier", ("sklearn.ensemble.RandomForestClassifier",), {"random_state": 0},
        data="classes", k=("n_estimators", 100), other_k=(20,), methods=_PROBA, rows=20_000, cells=200_000,
    ),
    Case(
        "RandomForestClassifier, 200 trees", ("sklearn.ensemble.RandomForestClassifier",), {"random_state": 0},
        data="classes", k=("n_estimators", 200), methods=_PROBA, rows=2_000, cells=100_000,
    ),
    Case(
        "RandomForestRegressor", ("sklearn.ensemble.RandomForestRegressor",), {"random_state": 0},
        k=("n_estimators", 100), other_k=(20,), rows=20_000, cells=100_000,
    ),
    Case(
        "ExtraTreesClassifier", ("sklearn.ensemble.ExtraTreesClassifier",), {"random_state": 0},
        data="classes", k=("n_estimators", 100), rows=20_000, cells=200_000, worse=_OTHER_TREES,
    ),
    Case(
        "HistGradientBoostingClassifier", ("sklearn.ensemble.HistGradientBoostingClassifier",),
        {"early_stopping": False, "random_state": 0},
        data="classes", k=("max_iter", 100), other_k=(20,), methods=_PROBA, cells=4_000_000,
    ),
    Case(
        "HistGradientBoostingRegressor", ("sklearn.ensemble.HistGradientBoostingRegressor",),
        {"early_stopping": False, "random_state": 0},
        k=("max_iter", 100), other_k=(20,), cells=4_000_000,
    ),
    Case(
        "XGBClassifier", ("xgboost.XGBClassifier",), {"random_state": 0},
        data="classes", k=("n_estimators", 100), methods=_PROBA, cells=4_000_000,
    ),
    Case(
        "LGBMClassifier", ("lightgbm.LGBMClassifier",), {"random_state": 0, "verbose": -1},
        data="classes", k=("n_estimators", 100), methods=_PROBA, cells=4_000_000,
    ),
    # What is fitted in one pass
    Case("StandardScaler", ("sklearn.preprocessing.StandardScaler",), methods=("transform",), bound="memory"),
    Case("MinMaxScaler", ("sklearn.preprocessing.MinMaxScaler",), methods=("transform",)),
    Case("GaussianNB", ("sklearn.naive_bayes.GaussianNB",), data="classes", k=("classes", 2), methods=_PROBA),
    Case(
        "LinearDiscriminantAnalysis", ("sklearn.discriminant_analysis.LinearDiscriminantAnalysis",),
        data="classes", k=("classes", 2), other_k=(5,), methods=_PROBA, cells=4_000_000,
    ),
    Case(
        "MLPClassifier", ("sklearn.neural_network.MLPClassifier",),
        {"hidden_layer_sizes": (32,), "max_iter": 5, "random_state": 0},
        data="classes", k=("classes", 2), methods=_PROBA, rows=20_000, cells=1_000_000,
    ),
    # Pipelines
    Case(
        "scaler + LogisticRegression",
        ("sklearn.preprocessing.StandardScaler", "sklearn.linear_model.LogisticRegression"),
        data="classes", k=("classes", 2), methods=_PROBA,
    ),
    Case(
        "scaler + PCA + Ridge",
        ("sklearn.preprocessing.StandardScaler", "sklearn.decomposition.PCA", "sklearn.linear_model.Ridge"),
        {"pca__random_state": 0}, k=("pca__n_components", 5),
    ),
    Case(
        "scaler + PCA + SVC",
        ("sklearn.preprocessing.StandardScaler", "sklearn.decomposition.PCA", "sklearn.svm.SVC"),
        {"pca__random_state": 0}, data="classes", k=("pca__n_components", 5), rows=2_000, cells=400_000,
    ),
)  # fmt: skip

#: What the quick run takes: a case of every family, and two or three sizes.
QUICK_SIZES: tuple[Size, ...] = ((200, 10), (2_000, 50), (20_000, 50), (200_000, 50))
QUICK: Mapping[str, tuple[Size, ...]] = {
    "LinearRegression": QUICK_SIZES,
    "LogisticRegression": QUICK_SIZES[:3],
    "PCA": QUICK_SIZES[:3],
    "KMeans": QUICK_SIZES[:3],
    "GaussianMixture": ((2_000, 50),),
    "NearestNeighbors, brute": QUICK_SIZES[:2],
    "SVC": QUICK_SIZES[:2],
    "RandomForestClassifier": QUICK_SIZES[:1],
    "RandomForestClassifier, 200 trees": ((2_000, 50),),
    "HistGradientBoostingClassifier": QUICK_SIZES[:2],
    "XGBClassifier": ((2_000, 50),),
    "LGBMClassifier": ((2_000, 50),),
    "StandardScaler": QUICK_SIZES,
    "GaussianNB": QUICK_SIZES[:3],
    "scaler + LogisticRegression": QUICK_SIZES[:2],
    "scaler + PCA + Ridge": QUICK_SIZES[:3],
}
