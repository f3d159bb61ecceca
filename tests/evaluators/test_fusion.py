"""Consecutive steps of a fitted pipeline are one product, and never a stale one."""

import copy
import pickle
import threading

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler

from accelsk import AcceleratedPipeline, to_sklearn
from accelsk.evaluators.affine import fused, operations_of


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 6)) * [1, 10, 100, 1, 1, 1] + 50
    return X, (X[:, 0] > 50)


def made(X, y, *steps):
    plain = make_pipeline(*steps)  # for its names
    return AcceleratedPipeline(plain.steps, engine="sklearn").fit(X, y)


def unfitted():
    return StandardScaler(), PCA(3), LogisticRegression()


def fast(pipe, method, X):
    """The result, if it was not the steps that computed it."""
    result = getattr(pipe, method)(X)
    assert pipe._evaluation.answer(method, pipe.steps, X) is not None
    return result


def test_scalers_projections_and_a_linear_model_are_one_product(data):
    X, y = data
    pipe = made(X, y, MinMaxScaler(), StandardScaler(), PCA(3), LogisticRegression())
    plain = to_sklearn(pipe)

    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        np.testing.assert_allclose(fast(pipe, method, X), getattr(plain, method)(X), rtol=1e-10, atol=1e-12)
    (part,) = pipe._evaluation._state.plans["predict"].parts
    assert part.names == ("minmaxscaler", "standardscaler", "pca", "logisticregression")
    told = pipe.decision_["pca"].operations["transform"]
    assert told == "numpy, one product for 'minmaxscaler', 'standardscaler', 'pca', 'logisticregression'"


def test_what_is_left_of_large_numbers_close_together_is_kept():
    rng = np.random.default_rng(0)
    X = 1e9 + rng.normal(size=(50, 3))
    pipe = made(X, X[:, 0] - 1e9, StandardScaler(), Ridge(1e-3))

    np.testing.assert_allclose(fast(pipe, "predict", X), to_sklearn(pipe).predict(X), rtol=1e-10)


def test_only_the_steps_that_can_are_fused(data):
    X, y = data
    pipe = made(X, y, StandardScaler(), MaxAbsScaler(), Normalizer(), PCA(3), KMeans(3, n_init=1))
    pipe.predict(X[:1])

    np.testing.assert_array_equal(fast(pipe, "predict", X[:1]), to_sklearn(pipe).predict(X[:1]))
    parts = pipe._evaluation._state.plans["predict"].parts
    assert [type(part).__name__ for part in parts] == ["_Fused", "_Alone", "_Alone", "_Alone"]


def test_a_product_that_would_be_more_work_is_not_made():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(100, 2)), rng.normal(size=(2, 50))
    X = rng.normal(size=(10, 100))
    svd = TruncatedSVD(2).fit(X)
    operations, _ = operations_of(svd)
    operations = [type(operations[0])("multiply", first), type(operations[0])("multiply", second)]

    compute = fused(operations)

    np.testing.assert_allclose(compute(X), X @ first @ second)
    assert "stages" in compute.__code__.co_freevars


@pytest.mark.parametrize("scaler", [StandardScaler(), RobustScaler(), MinMaxScaler((1, 2)), MaxAbsScaler()], ids=repr)
def test_scalers_alone_are_fused_too(data, scaler):
    X, y = data
    pipe = made(X, y, scaler, PCA(whiten=True), scaler.__class__())

    np.testing.assert_allclose(fast(pipe, "transform", X), to_sklearn(pipe).transform(X), rtol=1e-9, atol=1e-9)


def test_a_step_that_was_fitted_again_or_exchanged_counts_at_once(data):
    X, y = data
    pipe = made(X, y, StandardScaler(), PCA(2), Ridge())
    before = fast(pipe, "predict", X)

    pipe.named_steps["ridge"].estimator_.coef_ = -pipe.named_steps["ridge"].estimator_.coef_
    np.testing.assert_allclose(fast(pipe, "predict", X), to_sklearn(pipe).predict(X))
    assert not np.allclose(pipe.predict(X), before)

    pipe.named_steps["standardscaler"].fit(X * 2)
    np.testing.assert_allclose(fast(pipe, "predict", X), to_sklearn(pipe).predict(X))

    other = made(X, -y.astype(float), StandardScaler(), PCA(2), Ridge())
    pipe.steps[2] = other.steps[2]
    np.testing.assert_allclose(fast(pipe, "predict", X), to_sklearn(pipe).predict(X))

    pipe.set_params(pca="passthrough", ridge=Ridge(), standardscaler=StandardScaler()).fit(X, y)
    np.testing.assert_allclose(fast(pipe, "predict", X), to_sklearn(pipe).predict(X))


def test_a_failed_fit_leaves_the_fast_path_as_it_was(data):
    X, y = data
    pipe = made(X, y, StandardScaler(), Ridge())
    before = fast(pipe, "predict", X)

    with pytest.raises(ValueError, match="infinity"):
        pipe.fit(np.full_like(X, np.inf), y)

    np.testing.assert_array_equal(fast(pipe, "predict", X), before)


def test_methods_come_and_go_with_the_last_step(data):
    X, y = data
    pipe = made(X, y, StandardScaler(), LogisticRegression())
    pipe.predict_proba(X)
    pipe.steps[1] = ("logisticregression", made(X, y, PCA(2), Ridge()).steps[1][1])

    assert not hasattr(pipe, "predict_proba")
    assert hasattr(pipe, "predict")


@pytest.mark.filterwarnings("ignore:X has feature names")  # plain steps would say so, too
def test_frames_are_made_where_they_are_asked_for(data):
    X, y = data
    pipe = made(X, y, StandardScaler(), PCA(2))
    assert type(fast(pipe, "transform", X)) is np.ndarray

    with sklearn.config_context(transform_output="pandas"):
        assert type(pipe.transform(X)) is pd.DataFrame
    assert type(pipe.transform(X)) is np.ndarray
    pipe.set_output(transform="pandas")
    assert type(pipe.transform(X)) is pd.DataFrame
    pipe.set_output(transform="default")
    assert type(pipe.transform(X)) is np.ndarray


def test_copies_and_pickles_have_none_and_make_their_own(data):
    X, y = data
    pipe = made(X, y, StandardScaler(), Ridge())
    before = fast(pipe, "predict", X)

    for made_again in (copy.copy(pipe), copy.deepcopy(pipe), pickle.loads(pickle.dumps(pipe))):
        assert "_evaluation" not in vars(made_again)
        np.testing.assert_allclose(fast(made_again, "predict", X), before)
    assert b"Fusion" not in pickle.dumps(pipe)


def test_pipelines_are_prepared_step_by_step(data):
    X, y = data
    pipe = made(X, y, StandardScaler(), KMeans(3, n_init=1)).prepare(X, batch_sizes=(2,))

    assert pipe.named_steps["kmeans"].decision_.operations.keys() >= {"predict"}
    assert pipe._evaluation.answer("predict", pipe.steps, X[:2]) is not None


def test_eight_threads_predict_while_another_fits_again(data):
    X, y = data
    pipe = made(X, y, *unfitted())
    both = [to_sklearn(pipe).predict_proba(X), to_sklearn(made(X, ~y, *unfitted())).predict_proba(X)]
    start, wrong = threading.Barrier(9), []

    def predict(seed):
        rng = np.random.default_rng(seed)
        start.wait()
        for _ in range(60):
            rows = rng.integers(0, len(X), rng.integers(1, 40))
            found = pipe.predict_proba(X[rows])
            if not any(np.allclose(found, expected[rows]) for expected in both):
                wrong.append(rows)

    def fit():
        start.wait()
        for number in range(10):
            pipe.fit(X, y if number % 2 else ~y)

    threads = [threading.Thread(target=predict, args=(seed,)) for seed in range(8)] + [threading.Thread(target=fit)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong
    np.testing.assert_allclose(fast(pipe, "predict_proba", X), both[0])
