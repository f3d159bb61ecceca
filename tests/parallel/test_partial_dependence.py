"""The partial dependence on several features, computed in parallel, is what scikit-learn computes one by one."""

import os

import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from packaging.version import Version
from sklearn import inspection
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from accelsk import AcceleratedEstimator, AcceleratedPipeline
from accelsk.parallel.dependence import partial_dependence

BACKENDS = pytest.mark.parametrize("backend", ["loky", "threading"])
FEATURES = [0, 2, (0, 2), 8]


def assert_same(ours, theirs):
    """All that scikit-learn returns: to rounding, for what predicts may change between two calls."""
    assert type(ours) is type(theirs)
    assert set(ours) == set(theirs)
    for name in theirs:
        if name == "grid_values":
            assert len(ours[name]) == len(theirs[name])
            for mine, yours in zip(ours[name], theirs[name], strict=True):
                np.testing.assert_array_equal(mine, yours)
        else:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-11)


@pytest.fixture(scope="module")
def regression():
    return load_diabetes(return_X_y=True)


def models():
    return [
        Ridge(),
        GradientBoostingRegressor(n_estimators=5, random_state=0),  # by recursion
        AcceleratedEstimator(SVR(), engine="sklearn"),
        AcceleratedEstimator(RandomForestRegressor(5, random_state=0), engine="sklearn"),
        AcceleratedPipeline([("scale", StandardScaler()), ("ridge", Ridge())], engine="sklearn"),
    ]


@BACKENDS
@pytest.mark.parametrize("model", models(), ids=lambda model: str(model).replace("\n", "")[:60])
def test_a_list_of_features_is_computed_in_parallel(regression, model, backend):
    X, y = regression
    fitted = model.fit(X, y)

    found = partial_dependence(fitted, X, FEATURES, n_jobs=2, backend=backend, grid_resolution=6)

    assert isinstance(found, list)
    assert len(found) == len(FEATURES)
    for feature, ours in zip(FEATURES, found, strict=True):
        assert_same(ours, inspection.partial_dependence(fitted, X, feature, grid_resolution=6))


class Telling(RegressorMixin, BaseEstimator):
    """Predicts the process that predicts."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.full(len(X), float(os.getpid()))


def test_other_processes_compute_it_where_that_is_asked_for(regression):
    fitted = Telling().fit(*regression)
    here = partial_dependence(fitted, regression[0], [0, 1], grid_resolution=3)
    there = partial_dependence(fitted, regression[0], [0, 1], grid_resolution=3, n_jobs=2, backend="loky")
    with parallel_config("loky", n_jobs=2):
        surrounded = partial_dependence(fitted, regression[0], [0, 1], grid_resolution=3)

    assert {each["average"].max() for each in here} == {os.getpid()}
    assert os.getpid() not in {each["average"].max() for each in (*there, *surrounded)}


@BACKENDS
def test_an_engine_of_its_own_computes_the_same(regression, backend):
    pytest.importorskip("lightgbm")
    from sklearn.ensemble import HistGradientBoostingRegressor

    X, y = regression
    fitted = AcceleratedEstimator(HistGradientBoostingRegressor(max_iter=5), engine="lightgbm").fit(X, y)
    options = {"grid_resolution": 5, "method": "brute"}

    found = partial_dependence(fitted, X, [2, 8], n_jobs=2, backend=backend, **options)

    for feature, ours in zip([2, 8], found, strict=True):
        assert_same(ours, inspection.partial_dependence(fitted, X, feature, **options))


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "both"},
        {"kind": "individual", "percentiles": (0.2, 0.8)},
        {"sample_weight": np.linspace(0, 1, 150)},
        {"response_method": "decision_function"},
        {"categorical_features": [1]},
        {"categorical_features": [False, True, False, False]},
        pytest.param(
            {"custom_values": {0: [5.0, 6.0, 7.0]}},
            marks=pytest.mark.skipif(Version(sklearn.__version__) < Version("1.7"), reason="new in scikit-learn 1.7"),
        ),
    ],
    ids="-".join,
)
def test_it_takes_the_arguments_of_scikit_learn(iris, options):
    X, y = iris
    fitted = AcceleratedEstimator(LogisticRegression(max_iter=500), engine="sklearn").fit(X, y)

    found = partial_dependence(fitted, X, [0, 1, (1, 0)], n_jobs=2, backend="threading", grid_resolution=4, **options)

    for feature, ours in zip([0, 1, (1, 0)], found, strict=True):
        assert_same(ours, inspection.partial_dependence(fitted, X, feature, grid_resolution=4, **options))


def test_features_have_names_where_columns_have(regression):
    pandas = pytest.importorskip("pandas")
    X, y = regression
    frame = pandas.DataFrame(X, columns=[f"column {number}" for number in range(X.shape[1])])
    fitted = AcceleratedEstimator(Ridge(), engine="sklearn").fit(frame, y)
    features = ["column 0", ("column 2", "column 3"), 4]

    found = partial_dependence(fitted, frame, features, n_jobs=2, backend="loky", grid_resolution=4)

    for feature, ours in zip(features, found, strict=True):
        assert_same(ours, inspection.partial_dependence(fitted, frame, feature, grid_resolution=4))
    (named,) = partial_dependence(fitted, frame, frame.columns[:1], grid_resolution=4)
    assert_same(named, found[0])


@pytest.mark.parametrize("feature", [2, (0, 2), (2,)])
def test_one_feature_gives_what_scikit_learn_returns(regression, feature):
    X, y = regression
    fitted = Ridge().fit(X, y)
    expected = inspection.partial_dependence(fitted, X, feature, grid_resolution=5)
    assert_same(partial_dependence(fitted, X, feature, n_jobs=2, grid_resolution=5), expected)


def test_what_is_in_a_list_is_looked_at_apart(regression):
    X, y = regression
    fitted = Ridge().fit(X, y)
    apart = partial_dependence(fitted, X, [0, 2], grid_resolution=5)
    again = partial_dependence(fitted, X, np.array([0, 2]), grid_resolution=5)

    for ours, numbers in zip(apart, again, strict=True):
        assert ours["average"].shape == (1, 5)
        assert_same(ours, numbers)
    assert partial_dependence(fitted, X, (0, 2), grid_resolution=5)["average"].shape == (1, 5, 5)
    assert partial_dependence(fitted, X, []) == []


def test_a_mask_does_not_say_whether_they_are_looked_at_together(regression):
    X, y = regression
    mask = [True, *[False] * 9]
    fitted = Ridge().fit(X, y)
    with pytest.raises(TypeError, match="mask"):
        partial_dependence(fitted, X, mask)
    expected = inspection.partial_dependence(fitted, X, mask, grid_resolution=5)
    assert_same(partial_dependence(fitted, X, tuple(mask), grid_resolution=5), expected)


@pytest.mark.parametrize("features", [0, [0, 2]])
def test_errors_are_scikit_learns_own(regression, features):
    X, y = regression
    with pytest.raises(NotFittedError):
        partial_dependence(Ridge(), X, features, n_jobs=2, backend="threading")
    with pytest.raises(ValueError, match="must be in"):
        partial_dependence(Ridge().fit(X, y), X, [0, 10], n_jobs=2, backend="threading")
    with pytest.raises(ValueError, match="'kind' parameter"):
        partial_dependence(Ridge().fit(X, y), X, features, n_jobs=2, backend="threading", kind="none")


@pytest.mark.parametrize(
    "model",
    [
        AcceleratedEstimator(RandomForestClassifier(5, random_state=0), engine="sklearn"),
        AcceleratedPipeline([("scale", StandardScaler()), ("clf", LogisticRegression())], engine="sklearn"),
        make_pipeline(StandardScaler(), AcceleratedEstimator(LogisticRegression(), engine="sklearn")),
    ],
    ids=["estimator", "pipeline", "inside"],
)
def test_scikit_learns_plot_computes_accelerated_models_in_parallel(model):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    X, y = load_iris(return_X_y=True)
    fitted = model.fit(X, y)
    options = {"target": 1, "grid_resolution": 5, "kind": "average"}
    try:
        display = inspection.PartialDependenceDisplay.from_estimator(fitted, X, [0, (0, 2)], n_jobs=2, **options)
    finally:
        plt.close("all")

    for feature, ours in zip([0, (0, 2)], display.pd_results, strict=True):
        expected = inspection.partial_dependence(fitted, X, feature, grid_resolution=5)
        assert_same(ours, expected)
