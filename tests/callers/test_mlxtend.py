"""mlxtend's selectors, ensembles and evaluations find with wrapped estimators what they find with plain ones."""

import matplotlib as mpl
import numpy as np
import pytest
from mlxtend.classifier import EnsembleVoteClassifier, StackingCVClassifier
from mlxtend.evaluate import bias_variance_decomp
from mlxtend.feature_selection import ExhaustiveFeatureSelector, SequentialFeatureSelector
from mlxtend.plotting import plot_decision_regions
from mlxtend.regressor import StackingCVRegressor
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate

mpl.use("agg")


def wrap(estimator, engine="sklearn"):
    return AcceleratedEstimator(estimator, engine=engine, fallback="silent")


def steps():
    return [("scale", StandardScaler()), ("clf", KNeighborsClassifier(4))]


@pytest.mark.parametrize(
    "plain, made",
    [
        (KNeighborsClassifier(4), wrap(KNeighborsClassifier(4))),
        (Pipeline(steps()), AcceleratedPipeline(steps(), engine="sklearn")),
    ],
    ids=["estimator", "pipeline"],
)
def test_sequential_selector_selects_the_same_features(iris, plain, made):
    X, y = iris
    options = {"k_features": 2, "scoring": "accuracy", "cv": 3}
    selected = [SequentialFeatureSelector(estimator, **options).fit(X, y) for estimator in (plain, made)]
    assert selected[1].k_feature_idx_ == selected[0].k_feature_idx_
    assert selected[1].k_score_ == selected[0].k_score_
    np.testing.assert_array_equal(selected[1].transform(X), selected[0].transform(X))


def test_exhaustive_selector_selects_the_same_features(iris):
    options = {"min_features": 1, "max_features": 2, "cv": 3, "print_progress": False}
    plain = ExhaustiveFeatureSelector(LogisticRegression(max_iter=500), **options).fit(*iris)
    made = ExhaustiveFeatureSelector(wrap(LogisticRegression(max_iter=500)), **options).fit(*iris)
    assert made.best_idx_ == plain.best_idx_
    assert made.best_score_ == plain.best_score_


def test_selector_in_a_grid_search_finds_the_hyperparameters_of_a_wrapped_estimator(iris):
    def search(estimator):
        selector = SequentialFeatureSelector(estimator, k_features=2, cv=2)
        pipe = Pipeline([("select", selector), ("clf", estimator)])
        return GridSearchCV(pipe, {"select__estimator__n_neighbors": [1, 9]}, cv=2).fit(*iris)

    plain, made = search(KNeighborsClassifier()), search(wrap(KNeighborsClassifier()))
    assert made.best_params_ == plain.best_params_
    np.testing.assert_allclose(
        made.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"], rtol=1e-9, atol=1e-12
    )


def stack(made=lambda estimator: estimator, **options):
    return StackingCVClassifier(
        [made(KNeighborsClassifier(3)), made(GaussianNB())], made(LogisticRegression()), random_state=0, cv=3, **options
    )


@pytest.mark.parametrize("use_probas", [False, True])
def test_stacking_classifier_predicts_the_same(iris, use_probas):
    X, y = iris
    plain = stack(use_probas=use_probas).fit(X, y)
    made = stack(wrap, use_probas=use_probas).fit(X, y)
    np.testing.assert_allclose(made.predict_proba(X), plain.predict_proba(X), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(clone(made).fit(X, y).predict(X), plain.predict(X), rtol=1e-9, atol=1e-12)


def test_accelerate_wraps_the_parts_of_a_stacking_classifier(iris):
    X, y = iris
    made = accelerate(stack(use_probas=True), engine="sklearn")
    assert type(made) is StackingCVClassifier
    assert {type(part) for part in (*made.classifiers, made.meta_classifier)} == {AcceleratedEstimator}
    np.testing.assert_allclose(
        made.fit(X, y).predict_proba(X), stack(use_probas=True).fit(X, y).predict_proba(X), rtol=1e-9, atol=1e-12
    )


def test_stacking_classifier_near_with_sklearnex(iris):
    X, y = iris
    made = stack(lambda estimator: wrap(estimator, ["sklearnex", "sklearn"]), use_probas=True).fit(X, y)
    assert abs(made.score(X, y) - stack(use_probas=True).fit(X, y).score(X, y)) < 0.02


def test_grid_of_a_stacking_classifier_keeps_working(iris):
    # mlxtend names parts by their type, and so do grids that are written for it.
    grid = {"meta_classifier__C": [0.01, 10]}
    plain = GridSearchCV(stack(), grid, cv=2).fit(*iris)
    made = GridSearchCV(stack(wrap), grid, cv=2).fit(*iris)
    np.testing.assert_allclose(
        made.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"], rtol=1e-9, atol=1e-12
    )


def test_stacking_regressor_predicts_the_same(diabetes):
    X, y = diabetes

    def stacked(made):
        return StackingCVRegressor([made(Ridge()), made(LinearRegression())], made(Ridge()), random_state=0, cv=3)

    plain = stacked(lambda estimator: estimator).fit(X, y)
    np.testing.assert_allclose(stacked(wrap).fit(X, y).predict(X), plain.predict(X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_voting_predicts_the_same(iris, voting):
    X, y = iris

    def vote(made):
        return EnsembleVoteClassifier([made(GaussianNB()), made(KNeighborsClassifier())], voting=voting)

    plain = vote(lambda estimator: estimator)
    made = vote(wrap)
    np.testing.assert_allclose(made.fit(X, y).predict(X), plain.fit(X, y).predict(X), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(cross_val_score(made, X, y), cross_val_score(plain, X, y), rtol=1e-9, atol=1e-12)


def test_voting_of_fitted_wrapped_estimators_does_not_refit(iris):
    X, y = iris
    fitted = [wrap(GaussianNB()).fit(X, y), wrap(SVC()).fit(X, y)]
    models = [clf.estimator_ for clf in fitted]
    vote = EnsembleVoteClassifier(fitted, fit_base_estimators=False, use_clones=False, weights=[2, 1]).fit(X, y)
    np.testing.assert_allclose(vote.predict(X), GaussianNB().fit(X, y).predict(X), rtol=1e-9, atol=1e-12)
    assert [clf.estimator_ for clf in fitted] == models


def test_bias_and_variance_are_the_same(diabetes):
    X, y = diabetes
    split = (X[:300], y[:300], X[300:], y[300:])
    options = {"loss": "mse", "num_rounds": 5, "random_seed": 0}
    plain = bias_variance_decomp(DecisionTreeRegressor(random_state=0), *split, **options)
    assert bias_variance_decomp(wrap(DecisionTreeRegressor(random_state=0)), *split, **options) == plain


def test_decision_regions_are_plotted(iris):
    from matplotlib import pyplot as plt

    X, y = iris[0][:, :2], iris[1]
    drawn = []
    for clf in (SVC(), wrap(SVC())):
        figure, axes = plt.subplots()
        plot_decision_regions(X, y, clf.fit(X, y), ax=axes)
        figure.canvas.draw()
        drawn.append(np.asarray(figure.canvas.buffer_rgba()).copy())
        plt.close(figure)
    np.testing.assert_allclose(drawn[1], drawn[0], rtol=1e-9, atol=1e-12)
