"""A wrapper passes for the class that it wraps, to code that looks at the class; its type is its own."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.inspection import partial_dependence
from sklearn.linear_model import LinearRegression, RANSACRegressor, Ridge
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, export_text

from accelsk import AcceleratedEstimator, AcceleratedPipeline
from accelsk.wrapper import Wrapper


@pytest.fixture
def svc():
    return AcceleratedEstimator(SVC(C=3), engine="sklearn")


def test_it_is_an_instance_of_both_and_its_type_is_the_wrapper(svc):
    assert isinstance(svc, SVC)
    assert isinstance(svc, AcceleratedEstimator)
    assert not isinstance(svc, Ridge)
    assert type(svc) is AcceleratedEstimator
    assert (svc.__class__.__name__, svc.__class__.__module__) == ("SVC", "sklearn.svm._classes")
    svc.set_params(estimator=Ridge())
    assert isinstance(svc, Ridge)
    assert not isinstance(svc, SVC)


def test_it_prints_as_what_it_is(svc):
    assert repr(svc) == "AcceleratedEstimator(engine='sklearn', estimator=SVC(C=3))"


@pytest.mark.parametrize(
    "travel",
    [copy.copy, copy.deepcopy, lambda obj: pickle.loads(pickle.dumps(obj)), clone],
    ids=lambda way: way.__name__,
)
def test_it_travels_as_what_it_is(svc, travel, iris):
    again = travel(svc.fit(*iris))

    assert type(again) is AcceleratedEstimator
    assert again.fit(*iris).score(*iris) == svc.score(*iris)


def test_code_that_clones_by_the_class_makes_another_wrapper(svc):
    again = svc.__class__(**svc.get_params(deep=False))

    assert type(again) is AcceleratedEstimator
    assert again.estimator is svc.estimator


def test_code_that_clones_a_step_by_the_class_makes_a_plain_one(iris):
    step = AcceleratedPipeline([("pca", PCA(2))], engine="sklearn").fit(*iris)["pca"]

    assert type(step.__class__(**step.get_params(deep=False))) is PCA


def test_a_format_that_stores_the_class_by_name_is_refused(svc):
    with pytest.raises(TypeError, match=r"AcceleratedEstimator passes for SVC .* store accelsk.to_sklearn"):
        svc.__reduce__()


def test_ransac_knows_a_wrapped_linear_regression():
    X, y = make_regression(60, 3, random_state=0)
    plain = RANSACRegressor(LinearRegression(), random_state=0).fit(X, y)
    wrapped = RANSACRegressor(AcceleratedEstimator(LinearRegression(), engine="sklearn"), random_state=0).fit(X, y)

    np.testing.assert_array_equal(wrapped.predict(X), plain.predict(X))


def test_a_wrapped_tree_is_printed_and_recursed_into(iris):
    tree = AcceleratedEstimator(DecisionTreeClassifier(max_depth=2, random_state=0), engine="sklearn").fit(*iris)
    assert export_text(tree) == export_text(DecisionTreeClassifier(max_depth=2, random_state=0).fit(*iris))

    X, y = make_regression(60, 3, random_state=0)
    plain = GradientBoostingRegressor(n_estimators=5, random_state=0).fit(X, y)
    wrapped = AcceleratedEstimator(clone(plain), engine="sklearn").fit(X, y)
    np.testing.assert_array_equal(
        partial_dependence(wrapped, X, [0], method="recursion")["average"],
        partial_dependence(plain, X, [0], method="recursion")["average"],
    )


def test_private_fitted_attributes_are_there_and_configuration_is_not(iris):
    wrapped = AcceleratedEstimator(PCA(2).set_output(transform="pandas"), engine="sklearn").fit(*iris)

    assert wrapped._fit_svd_solver == "full" or wrapped._fit_svd_solver == "covariance_eigh"
    assert not hasattr(wrapped, "_sklearn_output_config")
    assert not hasattr(wrapped, "_nothing")


class Meta(type):
    """A metaclass that does not go together with that of scikit-learn's classes."""


def test_a_class_with_a_metaclass_is_wrapped_all_the_same(iris):
    class Odd(BaseEstimator, metaclass=Meta):
        def fit(self, X, y=None):
            self.fitted_ = True
            return self

    wrapped = AcceleratedEstimator(Odd()).fit(*iris)

    assert wrapped.fitted_
    assert isinstance(wrapped, Wrapper)


def test_a_random_state_instance_goes_on_drawing_over_refits(iris):
    def forest():
        return RandomForestClassifier(3, random_state=np.random.RandomState(0))

    plain, pipe = forest(), AcceleratedPipeline([("e", forest())], engine="sklearn")
    wrapped = AcceleratedEstimator(forest(), engine="sklearn")
    expected = [plain.fit(*iris).feature_importances_ for _ in range(3)]

    assert not np.array_equal(expected[0], expected[1])
    np.testing.assert_array_equal([wrapped.fit(*iris).feature_importances_ for _ in range(3)], expected)
    np.testing.assert_array_equal([pipe.fit(*iris)["e"].feature_importances_ for _ in range(3)], expected)
