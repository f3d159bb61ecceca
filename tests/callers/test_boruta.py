"""Boruta selects the same features with a wrapped forest: it sets and reads plain hyperparameters on it."""

import numpy as np
import pytest
from boruta import BorutaPy
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier

from accelsk import AcceleratedEstimator, accelerate


@pytest.fixture(scope="module")
def informative():
    X = np.random.default_rng(0).normal(size=(150, 6))
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


def boruta(estimator, n_estimators=15):
    return BorutaPy(estimator, n_estimators=n_estimators, max_iter=6, random_state=1)


def wrap(estimator, engine="sklearn"):
    return AcceleratedEstimator(estimator, engine=engine)


@pytest.mark.parametrize("n_estimators", [15, "auto"])
def test_same_features_are_selected(informative, n_estimators):
    X, y = informative
    forest = RandomForestClassifier(max_depth=4)
    plain = boruta(clone(forest), n_estimators).fit(X, y)
    made = boruta(wrap(forest), n_estimators).fit(X, y)
    np.testing.assert_array_equal(made.support_, plain.support_)
    np.testing.assert_array_equal(made.ranking_, plain.ranking_)
    np.testing.assert_array_equal(made.transform(X), plain.transform(X))


def test_hyperparameters_that_boruta_sets_reach_the_wrapped_forest(informative):
    made = boruta(wrap(RandomForestClassifier(max_depth=4))).fit(*informative)
    assert made.estimator.estimator.n_estimators == 15
    assert len(made.estimator.estimators_) == 15


def test_regressor_is_taken(diabetes):
    X, y = diabetes
    plain = boruta(ExtraTreesRegressor(max_depth=3)).fit(X, y)
    made = boruta(wrap(ExtraTreesRegressor(max_depth=3))).fit(X, y)
    np.testing.assert_array_equal(made.ranking_, plain.ranking_)


def test_accelerate_wraps_the_forest_in_boruta(informative):
    plain = boruta(RandomForestClassifier(max_depth=4)).fit(*informative)
    made = accelerate(boruta(RandomForestClassifier(max_depth=4)), engine="sklearn")
    assert type(made) is BorutaPy
    assert type(made.estimator) is AcceleratedEstimator
    np.testing.assert_array_equal(made.fit(*informative).ranking_, plain.ranking_)


def test_informative_features_are_found_with_sklearnex(informative):
    forest = RandomForestClassifier(max_depth=4)
    plain = BorutaPy(clone(forest), n_estimators=30, max_iter=25, random_state=1).fit(*informative)
    made = BorutaPy(wrap(forest, "sklearnex"), n_estimators=30, max_iter=25, random_state=1).fit(*informative)
    assert made.estimator.engine_ == "sklearnex"
    assert plain.support_[:2].all()
    assert made.support_[:2].all()


@pytest.mark.parametrize("engine", ["sklearn", "sklearnex"])
def test_random_state_that_boruta_shares_with_the_forest_moves_on_at_every_fit(informative, engine):
    # Boruta draws its shuffles and the forest its trees from one RandomState.
    shared = [np.random.RandomState(0) for _ in range(2)]
    plain = RandomForestClassifier(3, random_state=shared[0])
    made = wrap(RandomForestClassifier(3, random_state=shared[1]), engine)
    for _ in range(2):
        plain.fit(*informative)
        before = shared[1].get_state()[1:3]
        made.fit(*informative)
        after = shared[1].get_state()[1:3]
        assert after[1] != before[1] or not np.array_equal(after[0], before[0])
        if engine == "sklearn":
            np.testing.assert_array_equal(made.feature_importances_, plain.feature_importances_)
