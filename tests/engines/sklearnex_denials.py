"""What sklearnex would run and a row refuses, with the reason; `Denial.holds` says whether it is still one.

A test runs every `holds`: when sklearnex mends what is wrong, it fails, and the row can be widened.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearn
from packaging.version import Version

_FORESTS = ("ExtraTreesClassifier", "ExtraTreesRegressor", "RandomForestClassifier", "RandomForestRegressor")
_SVM = ("NuSVC", "NuSVR", "SVC", "SVR")
_WIDE = ("wide", "more_columns")

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 5))
y = (X[:, 0] + 0.3 * rng.normal(size=60) > 0).astype(int)
target = X @ np.arange(1.0, 6.0) + 0.1 * rng.normal(size=60)


def both(
    module: str, name: str, *, preview: bool = False, fit: Mapping[str, Any] | None = None, **params: Any
) -> Callable[..., Any]:
    """Fit scikit-learn's class and sklearnex's to the same data; return the pair."""
    import importlib

    plain = getattr(importlib.import_module(f"sklearn.{module}"), name)(**params)
    other = getattr(importlib.import_module(f"sklearnex.{'preview.' if preview else ''}{module}"), name)(**params)

    def fitted(*data: Any) -> tuple[Any, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return plain.fit(*data, **(fit or {})), other.fit(*data, **(fit or {}))

    return fitted


@dataclass(frozen=True)
class Denial:
    """A refusal of what the library would run.

    Attributes
    ----------
    name : str
        For the test.
    rows : tuple of str
        The classes; empty for all.
    covers : callable
        ``covers(setting, kind) -> bool``: the combinations of the grid that it explains.
    reason : str
        What is wrong.
    holds : callable
        Whether it is still wrong.
    """

    name: str
    rows: tuple[str, ...]
    covers: Callable[[Mapping[str, Any], str], bool]
    reason: str
    holds: Callable[[], bool]


def _inertia_ignores_weights() -> bool:
    plain, other = both(
        "cluster", "KMeans", n_clusters=3, init=X[:3], n_init=1, fit={"sample_weight": np.full(60, 2.0)}
    )(X)
    return abs(plain.inertia_ / other.inertia_ - 2) < 1e-6


def _weights_break_predict() -> bool:
    from sklearnex.cluster import KMeans

    fitted = KMeans(n_clusters=3, n_init=1).fit(X, sample_weight=np.linspace(1, 2, 60))
    try:
        fitted.predict(X)
    except AttributeError:
        return True
    return False


def _probabilities_differ() -> bool:
    plain, other = both("svm", "SVC", probability=True, random_state=0)(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(np.abs(plain.predict_proba(X) - other.predict_proba(X)).max()) > 0.02


def _sigmoid_differs() -> bool:
    labels = np.digitize(X[:, 0], np.quantile(X[:, 0], [0.25, 0.5, 0.75]))
    plain, other = both("svm", "SVC", kernel="sigmoid", C=10)(X, labels)
    return bool((plain.predict(X) != other.predict(X)).any())


def _boolean_covariance() -> bool:
    plain, other = both("covariance", "EmpiricalCovariance", preview=True, assume_centered=True)(X > 0)
    return float(np.abs(plain.covariance_ - other.covariance_).max()) > 0.1


def _least_norm_differs() -> bool:
    wide = np.random.default_rng(1).normal(size=(20, 40))
    plain, other = both("linear_model", "LinearRegression")(wide, wide[:, 0])
    return float(np.abs(plain.coef_ - other.coef_).max()) > 1e-3


def _dependent_columns_differ() -> bool:
    one_hot = np.eye(4)[np.arange(60) % 4]  # its columns add up to the intercept's
    plain, other = both("linear_model", "LinearRegression")(one_hot, target)
    return float(np.abs(plain.coef_ - other.coef_).max()) > 0.1


def _scales_break_predictions() -> bool:
    if Version(sklearn.__version__) < Version("1.9"):
        return True  # there, nothing but rounding is dropped, and dependent columns are the reason
    scaled = X * [1, 1e3, 1e6, 1e-3, 1]
    plain, other = both("linear_model", "LinearRegression")(scaled, target)
    return float(np.abs(plain.predict(scaled) - other.predict(scaled)).max()) > 1e-3


def _least_norm_ridge_differs() -> bool:
    wide = np.random.default_rng(1).normal(size=(20, 40))
    plain, other = both("linear_model", "Ridge", alpha=0)(wide, wide[:, 0])
    return float(np.abs(plain.coef_ - other.coef_).max()) > 1e-3


def _noise_variance_differs() -> bool:
    wide = np.random.default_rng(1).normal(size=(20, 40))
    plain, other = both("decomposition", "PCA", svd_solver="covariance_eigh", n_components=2)(wide)
    return abs(plain.noise_variance_ / other.noise_variance_ - 1) > 0.1


def _nan_is_refused() -> bool:
    from sklearn.dummy import DummyRegressor as Plain
    from sklearnex.dummy import DummyRegressor

    holed = np.where(np.arange(5) == 1, np.nan, X)
    Plain(strategy="constant", constant=1.0).fit(holed, target)
    try:
        DummyRegressor(strategy="constant", constant=1.0).fit(holed, target)
    except ValueError:
        return True
    return False


def _callable_score_is_ignored() -> bool:
    def score(y_true: Any, y_pred: Any) -> float:
        return -7.0

    plain, other = both("ensemble", "RandomForestRegressor", n_estimators=30, oob_score=score)(X, target)
    return plain.oob_score_ == -7.0 != other.oob_score_


def _metric_weights_are_ignored() -> bool:
    heavy = {"w": np.array([1.0, 1, 1, 1, 100])}
    plain, other = both("neighbors", "NearestNeighbors", algorithm="brute", metric_params=heavy)(X)
    return float(np.abs(plain.kneighbors(X)[0] - other.kneighbors(X)[0]).max()) > 0.1


def _metric_weights_are_ignored_in_dbscan() -> bool:
    heavy = {"w": np.array([1.0, 1, 1, 1, 100])}
    plain, other = both("cluster", "DBSCAN", eps=1.5, metric="minkowski", p=2, metric_params=heavy)(X)
    return bool((plain.labels_ != other.labels_).any())


def _generator_is_refused() -> bool:
    from sklearnex.preview.linear_model import Lasso

    try:
        Lasso(random_state=np.random.RandomState(0), selection="random").fit(X, target)
    except Exception:  # noqa: BLE001  whatever it is: it does not work
        return True
    return False


def _full_solver_fails() -> bool:
    from sklearnex.preview.decomposition import IncrementalPCA

    try:
        IncrementalPCA(svd_solver="full").fit(X)
    except RuntimeError:
        return True
    return False


def _array_of_alphas_breaks_predict() -> bool:
    from sklearnex.linear_model import Ridge

    fitted = Ridge(alpha=np.array([1.0, 2.0])).fit(X, np.column_stack([target, target]))
    try:
        fitted.predict(X)
    except RuntimeError:
        return True
    return False


def _half_precision_differs() -> bool:
    half = X.astype(np.float16)
    plain, other = both("linear_model", "LinearRegression")(half, target)
    return plain.coef_.dtype != other.coef_.dtype


def _weights_are_not_repetitions() -> bool:
    from sklearnex.ensemble import ExtraTreesRegressor

    times = np.arange(60) % 3
    once = ExtraTreesRegressor(random_state=0).fit(X, target, sample_weight=times)
    repeated = ExtraTreesRegressor(random_state=0).fit(np.repeat(X, times, axis=0), np.repeat(target, times))
    return float(np.abs(once.predict(X) - repeated.predict(X)).max()) > 0.1


def _exaggeration_is_cut_short() -> bool:
    from sklearn.manifold import trustworthiness

    from accelsk.demo.flights import NUMBERS, load

    points = load()[list(NUMBERS)].dropna().sample(600, random_state=0)
    points = ((points - points.mean()) / points.std()).to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain, other = both("manifold", "TSNE", max_iter=250, random_state=0)(points)
    return trustworthiness(points, plain.embedding_) - trustworthiness(points, other.embedding_) > 0.1


def _tree_misses_neighbours() -> bool:
    points = np.random.RandomState(0).randn(3000, 3)
    plain, other = both("neighbors", "NearestNeighbors", algorithm="kd_tree")(points[:2000])
    return float(np.abs(plain.kneighbors(points[2000:])[0] - other.kneighbors(points[2000:])[0]).max()) > 0.01


def _rows_of_zeros_have_no_neighbours() -> bool:
    points = np.where(np.arange(60)[:, None] == 3, 0.0, X)
    plain, other = both("neighbors", "NearestNeighbors", metric="cosine", algorithm="brute")(points)
    distances = [model.kneighbors(points)[0][3] for model in (plain, other)]
    return float(np.abs(distances[0] - distances[1]).max()) > 0.9


def never(setting: Mapping[str, Any], kind: str) -> bool:
    """Not in the grid: the row is narrower than what is varied there, or the library itself falls back."""
    return False


DENIALS = (
    Denial(
        "sample weights of extremely randomized trees",
        ("ExtraTreesClassifier", "ExtraTreesRegressor"),
        lambda setting, kind: kind.startswith("weights"),
        "a weight of 2 is not the same as the row twice, and of 0 not the same as no row, as scikit-learn has it",
        _weights_are_not_repetitions,
    ),
    Denial(
        "few steps of TSNE",
        ("TSNE",),
        lambda setting, kind: setting.get("max_iter") is not None and setting["max_iter"] < 500,
        "the early exaggeration stops before its time, and the embedding is far behind (trustworthiness)",
        _exaggeration_is_cut_short,
    ),
    Denial(
        "tree search",
        ("KNeighborsClassifier", "KNeighborsRegressor", "LocalOutlierFactor", "NearestNeighbors"),
        lambda setting, kind: setting.get("algorithm", "auto") != "brute",
        "oneDAL's k-d tree misses neighbours: distances are wrong, by far more than round-off, for some rows",
        _tree_misses_neighbours,
    ),
    Denial(
        "cosine distances",
        ("KNeighborsClassifier", "KNeighborsRegressor", "LocalOutlierFactor", "NearestNeighbors"),
        lambda setting, kind: setting.get("metric") == "cosine",
        "a row of zeros gets no neighbours, and for their indices what was in memory",
        _rows_of_zeros_have_no_neighbours,
    ),
    Denial(
        "half precision",
        (),
        lambda setting, kind: kind == "float16",
        "what scikit-learn makes of float16 differs from class to class, and sklearnex makes float64 of it",
        _half_precision_differs,
    ),
    Denial(
        "equal weights in KMeans",
        ("KMeans",),
        lambda setting, kind: kind == "weights_two",
        "inertia_ is not multiplied by the weight",
        _inertia_ignores_weights,
    ),
    Denial("weights in KMeans", ("KMeans",), never, "predict fails after a fit with weights", _weights_break_predict),
    Denial(
        "probability=True",
        ("SVC", "NuSVC"),
        lambda setting, kind: setting.get("probability") is True,
        "the probabilities come from another method",
        _probabilities_differ,
    ),
    Denial(
        "the sigmoid kernel",
        _SVM,
        lambda setting, kind: setting.get("kernel") == "sigmoid",
        "the problem is not convex, and the solvers end in different places",
        _sigmoid_differs,
    ),
    Denial(
        "booleans in EmpiricalCovariance",
        ("EmpiricalCovariance",),
        lambda setting, kind: kind == "bool",
        "scikit-learn multiplies booleans as booleans",
        _boolean_covariance,
    ),
    Denial(
        "more columns than rows in LinearRegression",
        ("LinearRegression",),
        lambda setting, kind: kind in _WIDE,
        "another of the many solutions is chosen, and predicts other values for new rows",
        _least_norm_differs,
    ),
    Denial(
        "columns of very different scale in LinearRegression",
        ("LinearRegression",),
        never,
        "scikit-learn 1.9 drops the directions with a singular value below tol of the largest, oneDAL does not",
        _scales_break_predictions,
    ),
    Denial(
        "dependent columns in LinearRegression",
        ("LinearRegression",),
        lambda setting, kind: kind in _WIDE,
        "the normal equations are singular, and other coefficients are found",
        _dependent_columns_differ,
    ),
    Denial(
        "alpha=0 and more columns than rows in Ridge",
        ("Ridge",),
        lambda setting, kind: kind in _WIDE and setting.get("alpha") == 0,
        "as for LinearRegression",
        _least_norm_ridge_differs,
    ),
    Denial(
        "covariance_eigh and more columns than rows in PCA",
        ("PCA",),
        lambda setting, kind: kind in _WIDE and setting.get("svd_solver") == "covariance_eigh",
        "noise_variance_, and with it score and get_precision, differ",
        _noise_variance_differs,
    ),
    Denial(
        "NaN in DummyRegressor",
        ("DummyRegressor",),
        lambda setting, kind: kind == "nan",
        "it is refused, while scikit-learn does not look at X",
        _nan_is_refused,
    ),
    Denial(
        "a callable oob_score",
        _FORESTS,
        lambda setting, kind: callable(setting.get("oob_score")),
        "accuracy or R2 is computed instead",
        _callable_score_is_ignored,
    ),
    Denial(
        "metric_params of neighbours", ("NearestNeighbors",), never, "they are not read", _metric_weights_are_ignored
    ),
    Denial("metric_params of DBSCAN", ("DBSCAN",), never, "they are not read", _metric_weights_are_ignored_in_dbscan),
    Denial(
        "a generator as random_state",
        ("ElasticNet", "Lasso"),
        lambda setting, kind: isinstance(setting.get("random_state"), np.random.RandomState),
        "it is replaced by a seed: sklearnex fails",
        _generator_is_refused,
    ),
    Denial("the full solver", ("IncrementalPCA",), never, "svd_solver='full' fails", _full_solver_fails),
    Denial("an array of alphas", ("Ridge",), never, "predict fails", _array_of_alphas_breaks_predict),
)

#: On a GPU. Whether these hold cannot be run without one.
GPU_DENIALS = (
    Denial(
        "C=inf on a GPU",
        ("LogisticRegression",),
        lambda setting, kind: setting.get("C") == np.inf,
        "there is no penalty then: nobody has seen whether the Newton method of oneDAL can do without one",
        lambda: True,
    ),
    Denial(
        "weights in forests on a GPU",
        _FORESTS,
        lambda setting, kind: kind.startswith("weights") or setting.get("class_weight") is not None,
        "the documentation of the library says that there are none on a GPU, and it passes them on all the same",
        lambda: True,
    ),
    Denial(
        "distances for means of targets on a GPU",
        ("KNeighborsRegressor",),
        lambda setting, kind: (
            setting.get("metric", "minkowski") not in ("euclidean", "l2")
            and (setting.get("metric", "minkowski") != "minkowski" or setting.get("p", 2) != 2)
        ),
        "the documentation of the library says Euclidean distances, and it takes the others all the same",
        lambda: True,
    ),
)
