"""The engine "sklearn" is scikit-learn itself: every estimator, on the host, as it is."""

import importlib
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import SVC
from threadpoolctl import threadpool_info, threadpool_limits

from accelsk import AcceleratedEstimator, explain, fit_many
from accelsk.engines import get, names, reference, why_missing
from accelsk.engines.sklearn.threads import CROWDED
from accelsk.errors import DeviceNotAvailable
from accelsk.testing import engine_checks
from accelsk.threads import limited


def test_it_is_the_one_reference_engine():
    assert [name for name in names() if get(name).reference] == ["sklearn"]
    assert reference() is get("sklearn")


def test_it_is_always_there():
    assert why_missing("sklearn") is None


def test_it_has_no_rows_and_so_no_checks():
    assert list(engine_checks("sklearn")) == []


def test_its_result_is_scikit_learns_to_the_last_bit(iris):
    X, y = iris
    ours = AcceleratedEstimator(RandomForestClassifier(random_state=0), engine="sklearn").fit(X, y)
    theirs = RandomForestClassifier(random_state=0).fit(X, y)

    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))


@pytest.mark.parametrize("means", [KMeans, MiniBatchKMeans, BisectingKMeans])
def test_k_means_remembers_no_share(iris, means):
    X, _ = iris
    alone, beside = (AcceleratedEstimator(means(3, random_state=0), engine="sklearn") for _ in range(2))
    alone.fit(X)
    with limited(1):
        labels = beside.fit(X).predict(X)
        np.testing.assert_array_equal(alone.predict(X), labels)

    assert beside.estimator_._n_threads == alone.estimator_._n_threads


def test_nor_that_of_a_worker(iris):
    means = KMeans(3, random_state=0)
    with threadpool_limits(3, user_api="openmp"):  # workers have fewer
        alone = clone(means).fit(iris[0])
        sent = fit_many([AcceleratedEstimator(means, engine="sklearn")] * 2, *iris, n_jobs=2, backend="loky")

    assert {model.estimator_._n_threads for model in sent} == {alone._n_threads}


def test_the_backend_estimator_is_of_the_users_class_and_not_his_object(iris):
    estimator = SVC(C=3)
    model = AcceleratedEstimator(estimator, engine="sklearn").fit(*iris)

    assert type(model.estimator_) is SVC
    assert model.estimator_ is not estimator
    assert not hasattr(estimator, "support_")


def test_it_takes_classes_of_other_packages(iris):
    class Constant(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    assert AcceleratedEstimator(Constant(), engine="sklearn").fit(*iris).score(*iris) == pytest.approx(1 / 3)


def test_it_reaches_the_host_alone(iris):
    with pytest.raises(DeviceNotAvailable, match="it reaches: cpu"):
        AcceleratedEstimator(Ridge(), engine="sklearn", device="gpu").fit(*iris)


def test_warm_start_goes_on_from_the_last_fit(iris):
    model = AcceleratedEstimator(RandomForestClassifier(5, warm_start=True, random_state=0), engine="sklearn").fit(
        *iris
    )
    first = model.estimators_[0]
    model.set_params(n_estimators=8).fit(*iris)

    assert len(model.estimators_) == 8
    np.testing.assert_array_equal(model.estimators_[0].tree_.threshold, first.tree_.threshold)


# -- one thread, where that is faster --


def of_size(n_samples, n_features):
    return make_classification(n_samples, n_features, n_informative=5, random_state=0)


def watched(monkeypatch, module, name):
    """The numbers of threads with which a function of scikit-learn is called."""
    seen, original = [], getattr(module, name)

    def watching(*args, **kwargs):
        seen.append({info["user_api"]: info["num_threads"] for info in threadpool_info()})
        return original(*args, **kwargs)

    monkeypatch.setattr(module, name, watching)
    return seen


@pytest.fixture
def two_threads():
    """Whatever the environment says."""
    with threadpool_limits(2):
        yield


@pytest.mark.usefixtures("two_threads")
def test_a_fit_has_one_thread_of_blas_where_that_is_faster(monkeypatch):
    from sklearn.linear_model import _logistic

    seen = watched(monkeypatch, _logistic, "_logistic_regression_path")
    model = AcceleratedEstimator(LogisticRegression(), engine="sklearn").fit(*of_size(1000, 20))
    clone(model).fit(*of_size(100, 20))
    LogisticRegression().fit(*of_size(1000, 20))

    assert seen == [{"blas": 1, "openmp": 2}, {"blas": 2, "openmp": 2}, {"blas": 2, "openmp": 2}]
    assert model.decision_.threads == "at most 1 thread of BLAS, measured to be faster at this size"
    assert "Threads: at most 1 thread of BLAS" in str(model.decision_)


@pytest.mark.usefixtures("two_threads")
def test_and_one_of_openmp(monkeypatch):
    from sklearn.ensemble._hist_gradient_boosting.grower import TreeGrower

    seen = watched(monkeypatch, TreeGrower, "grow")
    X, y = of_size(200, 10)
    model = AcceleratedEstimator(HistGradientBoostingClassifier(max_iter=1), engine="sklearn").fit(X, y)
    clone(model).fit(*of_size(600, 10))

    assert seen == [{"blas": 2, "openmp": 1}, {"blas": 2, "openmp": 2}]
    assert "OpenMP" in model.decision_.threads


def test_what_is_told_before_the_fit_is_what_holds_in_it():
    X, y = of_size(1000, 20)
    assert explain(LogisticRegression(), X, y, engine="sklearn").threads
    assert not explain(LogisticRegression(), engine="sklearn").threads  # nothing is known of the size
    assert not explain(LogisticRegression(solver="liblinear"), X, y, engine="sklearn").threads
    assert not explain(LogisticRegression(), sp.csr_array(X), y, engine="sklearn").threads
    assert not explain(Ridge(), X, y, engine="sklearn").threads


def test_predictions_keep_their_threads(two_threads, monkeypatch):
    from sklearn.linear_model._base import LinearClassifierMixin

    seen = watched(monkeypatch, LinearClassifierMixin, "decision_function")
    X, y = of_size(1000, 20)
    AcceleratedEstimator(LogisticRegression(), engine="sklearn").fit(X, y).predict(X.tolist())  # the long way

    assert seen == [{"blas": 2, "openmp": 2}]


# Sums are made in another order: the last digits of a product may differ, and what is made of it.
@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("name", sorted(CROWDED))
def test_the_result_is_that_of_all_threads_to_rounding(name):
    module, _, cls = name.rpartition(".")
    estimator = getattr(importlib.import_module(module), cls)()
    several = {"n_components": 3, "max_iter": 1000, "tol": 1e-6, "random_state": 0, "Cs": 2, "cv": 2}
    if "Hist" in name:
        several["max_iter"] = 2
    estimator.set_params(**{key: several[key] for key in several.keys() & estimator.get_params()})
    (region, *_) = CROWDED[name]
    columns = 20
    X, labels = of_size(max(region.least, 1000) // columns, columns)
    y = np.exp(X[:, 0]) if "Regressor" in name else labels
    X[labels == 1] += 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", (FutureWarning, ConvergenceWarning))
        ours = AcceleratedEstimator(estimator, engine="sklearn").fit(X, y)
        theirs = clone(estimator).fit(X, y)

    assert ours.decision_.threads
    for attribute in ("coef_", "means_", "covariances_", "components_"):
        if hasattr(theirs, attribute):
            found, expected = getattr(ours, attribute), getattr(theirs, attribute)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    for method in ("predict", "predict_proba"):
        if hasattr(theirs, method):
            np.testing.assert_allclose(getattr(ours, method)(X), getattr(theirs, method)(X), rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", sorted(CROWDED))
def test_a_region_names_hyperparameters_that_there_are(name):
    module, _, cls = name.rpartition(".")
    params = getattr(importlib.import_module(module), cls)().get_params()
    for region in CROWDED[name]:
        assert region.params.keys() <= params.keys()
        assert region.least < region.most
