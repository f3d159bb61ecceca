"""The engine "sklearn" is scikit-learn itself: every estimator, on the host, as it is."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from accelsk import AcceleratedEstimator, fit_many
from accelsk.engines import get, names, reference, why_missing
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
