"""dask-ml's searches and wrappers find with wrapped estimators and pipelines what they find with plain ones."""

import dask.array as da
import numpy as np
import pytest
from dask_ml.model_selection import GridSearchCV, RandomizedSearchCV
from dask_ml.wrappers import Incremental, ParallelPostFit
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate


def wrap(estimator, engine="sklearn"):
    return AcceleratedEstimator(estimator, engine=engine)


def steps():
    return [("scale", StandardScaler()), ("clf", SVC())]


@pytest.fixture
def chunked(iris):
    order = np.random.default_rng(0).permutation(len(iris[0]))
    return da.from_array(iris[0][order], chunks=(50, 4)), da.from_array(iris[1][order], chunks=50)


def same_search(plain, made):
    assert made.best_params_ == plain.best_params_
    np.testing.assert_array_equal(made.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])


@pytest.mark.parametrize("scheduler", ["sync", "threading"])
def test_grid_search_over_a_wrapped_estimator(iris, scheduler):
    grid = {"C": [0.01, 1], "kernel": ["rbf", "linear"]}
    plain = GridSearchCV(SVC(), grid, cv=3, scheduler=scheduler).fit(*iris)
    made = GridSearchCV(wrap(SVC()), grid, cv=3, scheduler=scheduler).fit(*iris)
    same_search(plain, made)
    np.testing.assert_array_equal(made.predict(iris[0]), plain.predict(iris[0]))
    assert made.best_estimator_.engine_ == "sklearn"


@pytest.mark.parametrize("cache_cv", [True, False])
def test_grid_search_over_an_accelerated_pipeline(iris, cache_cv):
    grid = {"clf__C": [0.01, 1], "scale__with_mean": [True, False]}
    plain = GridSearchCV(Pipeline(steps()), grid, cv=3, scheduler="sync", cache_cv=cache_cv).fit(*iris)
    made = GridSearchCV(
        AcceleratedPipeline(steps(), engine="sklearn"), grid, cv=3, scheduler="sync", cache_cv=cache_cv
    ).fit(*iris)
    same_search(plain, made)
    np.testing.assert_array_equal(made.predict(iris[0]), plain.predict(iris[0]))


def test_best_estimator_of_a_search_is_still_the_accelerated_pipeline(iris):
    pipe = AcceleratedPipeline(steps(), engine={"clf": "sklearnex"})
    made = GridSearchCV(pipe, {"clf__C": [0.1, 1]}, cv=3, scheduler="sync").fit(*iris)
    assert type(made.best_estimator_) is AcceleratedPipeline
    assert made.best_estimator_.decision_["clf"].engine == "sklearnex"
    plain = GridSearchCV(Pipeline(steps()), {"clf__C": [0.1, 1]}, cv=3, scheduler="sync").fit(*iris)
    assert abs(made.best_score_ - plain.best_score_) < 0.02


def test_pipeline_of_wrapped_estimators_is_searched(iris):
    grid = {"clf__C": [0.01, 1], "scale__with_mean": [True, False]}
    wrapped = Pipeline([(name, wrap(step)) for name, step in steps()])
    plain = GridSearchCV(Pipeline(steps()), grid, cv=3, scheduler="sync").fit(*iris)
    same_search(plain, GridSearchCV(wrapped, grid, cv=3, scheduler="sync").fit(*iris))


def test_accelerate_wraps_the_estimator_in_the_search(iris):
    search = GridSearchCV(SVC(), {"C": [0.01, 1]}, cv=3, scheduler="sync")
    made = accelerate(search, engine="sklearn")
    assert type(made) is GridSearchCV
    assert type(made.estimator) is AcceleratedEstimator
    same_search(search.fit(*iris), made.fit(*iris))


def test_randomized_search_over_a_wrapped_estimator(iris):
    options = {"n_iter": 3, "cv": 3, "random_state": 0, "scheduler": "sync"}
    grid = {"C": np.logspace(-3, 1, 20)}
    same_search(
        RandomizedSearchCV(SVC(), grid, **options).fit(*iris),
        RandomizedSearchCV(wrap(SVC()), grid, **options).fit(*iris),
    )


@pytest.mark.parametrize("estimator", [SGDClassifier(random_state=0), GaussianNB()], ids=["sgd", "bayes"])
def test_wrapped_estimator_is_fitted_chunk_by_chunk(chunked, estimator):
    X, y = chunked
    options = {"scoring": "accuracy", "shuffle_blocks": False}
    plain = Incremental(estimator, **options).fit(X, y, classes=[0, 1, 2])
    made = Incremental(wrap(estimator), **options).fit(X, y, classes=[0, 1, 2])
    np.testing.assert_array_equal(made.predict(X).compute(), plain.predict(X).compute())
    assert made.score(X, y) == plain.score(X, y)


@pytest.mark.parametrize("engine", ["sklearn", "sklearnex"])
def test_wrapped_estimator_predicts_chunk_by_chunk(iris, chunked, engine):
    X, _ = chunked
    plain = ParallelPostFit(SVC()).fit(*iris)
    made = ParallelPostFit(wrap(SVC(), engine)).fit(*iris)
    np.testing.assert_array_equal(made.predict(X).compute(), plain.predict(X).compute())


def test_accelerated_pipeline_predicts_chunk_by_chunk(iris, chunked):
    X, _ = chunked
    plain = ParallelPostFit(Pipeline(steps())).fit(*iris)
    made = ParallelPostFit(AcceleratedPipeline(steps(), engine="sklearn")).fit(*iris)
    np.testing.assert_array_equal(made.predict(X).compute(), plain.predict(X).compute())
