"""memory="cache": the prefix that the candidates of a search share is fitted once per fold, in bounded memory."""

import threading

import numpy as np
import pytest
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin, clone
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedPipeline, config_context
from accelsk.memory import _STORE, MemoryCache

FITS = []


class Counting(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Centres, and notes that it was fitted."""

    def __init__(self, shift=0.0):
        self.shift = shift

    def fit(self, X, y=None):
        FITS.append(self.shift)
        self.mean_ = X.mean(axis=0) + self.shift
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.asarray(X - self.mean_)


@pytest.fixture(autouse=True)
def _empty_store():
    FITS.clear()
    _STORE.clear()
    yield
    _STORE.clear()


@pytest.fixture
def data():
    return make_classification(120, 6, random_state=0)


def pipeline(*before, **options):
    options = {"engine": "sklearn", "memory": "cache", **options}
    return AcceleratedPipeline([*before, ("count", Counting()), ("clf", SVC())], **options)


def test_candidates_that_share_a_prefix_fit_it_once_per_fold(data):
    grid = {"clf__C": [0.1, 1, 10], "count__shift": [0.0, 1.0]}
    cached = GridSearchCV(pipeline(("scale", StandardScaler())), grid, cv=5, refit=False).fit(*data)

    assert len(FITS) == 2 * 5  # shifts x folds; 3 times as often without
    plain = GridSearchCV(pipeline(("scale", StandardScaler()), memory=None), grid, cv=5, refit=False).fit(*data)
    assert len(FITS) == 2 * 5 + 2 * 3 * 5
    np.testing.assert_array_equal(cached.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])


def test_threads_of_one_search_share_it(data):
    grid = {"clf__C": [0.1, 1, 10, 100]}
    import joblib

    with joblib.parallel_config(backend="threading"):
        GridSearchCV(pipeline(), grid, cv=3, refit=False, n_jobs=2).fit(*data)

    assert len(FITS) == 3


def test_it_stays_below_its_bytes_and_drops_what_was_used_longest_ago(data):
    X, y = data
    pipe = pipeline().fit(X, y)
    one = _STORE.nbytes
    assert X.nbytes < one < X.nbytes + 20_000
    with config_context(cache_bytes=int(2.5 * one)):
        for shift in (1, 2, 0, 3):  # 0 was in already
            pipe.set_params(count__shift=shift).fit(X, y)
        assert _STORE.nbytes <= 2.5 * one
        assert len(_STORE) == 2
        fits = len(FITS)
        pipe.set_params(count__shift=3).fit(X, y)
        assert len(FITS) == fits
        pipe.set_params(count__shift=1).fit(X, y)
        assert len(FITS) == fits + 1


@pytest.mark.parametrize("size", [0, 1000])
def test_what_is_larger_than_its_bytes_is_computed_each_time(data, size):
    with config_context(cache_bytes=size):
        pipe = pipeline().fit(*data)
        pipe.fit(*data)

    assert (len(FITS), len(_STORE), _STORE.nbytes) == (2, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda pipe, X, y: pipe.fit(X + 1, y),
        lambda pipe, X, y: pipe.fit(X, 1 - y),
        lambda pipe, X, y: pipe.fit(X[:100], y[:100]),
        lambda pipe, X, y: pipe.fit(X.astype(np.float32), y),
        lambda pipe, X, y: pipe.set_params(count__shift=3.0).fit(X, y),
        lambda pipe, X, y: pipe.set_output(transform="pandas").fit(X, y),
        lambda pipe, X, y: pipe.set_params(engine=["sklearn"]).fit(X, y),
    ],
)
def test_another_input_is_another_entry(data, change):
    pipe = pipeline().fit(*data)
    change(pipe, *data)

    assert len(FITS) == 2


def test_a_later_step_that_differs_leaves_the_prefix(data):
    X, y = data
    pipe = AcceleratedPipeline([("count", Counting()), ("pca", PCA(2)), ("clf", SVC())], memory="cache").fit(X, y)
    pipe.set_params(pca__n_components=3).fit(X, y)

    assert len(FITS) == 1
    assert pipe["pca"].components_.shape == (3, 6)


def test_the_configuration_of_scikit_learn_tells_entries_apart(data):
    import sklearn

    pipe = pipeline().fit(*data)
    with sklearn.config_context(transform_output="pandas"):
        pipe.fit(*data)

    assert len(FITS) == 2


def test_pipelines_share_no_hyperparameters(data):
    first = pipeline().fit(*data)
    second = clone(first).fit(*data)
    assert len(FITS) == 1
    first.set_params(count__shift=5.0)

    assert (first["count"].shift, second["count"].shift) == (5.0, 0.0)
    np.testing.assert_array_equal(first.predict(data[0]), second.predict(data[0]))


def test_what_is_shared_cannot_be_written_to(data):
    seen = []

    class Writes(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            self.fitted_ = True
            seen.append(X.flags.writeable)
            return self

        def transform(self, X):
            return X

    AcceleratedPipeline([("count", Counting()), ("own", Writes()), ("clf", SVC())], memory="cache").fit(*data)

    assert seen == [False]


def test_an_input_of_the_user_is_not_made_read_only(data):
    X, y = data
    AcceleratedPipeline([("same", FunctionTransformer()), ("clf", SVC())], memory="cache").fit(X, y)

    assert X.flags.writeable


def test_what_has_no_key_is_computed_each_time(data):
    pipe = pipeline(("own", FunctionTransformer(lambda X: X * 2))).fit(*data)
    pipe.fit(*data)

    assert len(FITS) == 1  # its output has a key of its own
    assert len(_STORE) == 1


class Unpicklable(Counting):
    """Its fitted state has no pickle."""

    def fit(self, X, y=None):
        super().fit(X, y)
        self.lock_ = threading.Lock()
        return self


def test_a_fitted_state_without_a_pickle_is_computed_each_time(data):
    pipe = AcceleratedPipeline([("count", Unpicklable()), ("clf", SVC())], memory="cache").fit(*data)
    pipe.fit(*data)

    assert (len(FITS), len(_STORE)) == (2, 0)


def test_what_is_on_a_device_is_counted_there_and_not_copied(data):
    from accelsk_loopback import library

    library.COPIES.clear()
    steps = [("scale", StandardScaler()), ("pca", PCA(2)), ("clf", SVC())]
    pipe = AcceleratedPipeline(steps, engine="loopback", device="accelerator", memory="cache").fit(*data)
    pipe.set_params(clf__C=2).fit(*data)

    assert len(_STORE) == 2
    assert library.COPIES == {"in": 1}


def test_a_function_that_is_defined_anew_is_another_one(data):
    main = __import__("__main__")
    code = "def doubled(X):\n    return X * {}\n"
    outputs = []
    for factor in (2, 3):
        exec(code.format(factor), vars(main))  # noqa: S102  as a notebook does
        pipe = AcceleratedPipeline([("own", FunctionTransformer(main.doubled)), ("pca", PCA(2))], memory="cache")
        outputs.append(pipe.fit(*data)["pca"].mean_)

    np.testing.assert_allclose(outputs[1], outputs[0] * 1.5)


def test_a_fit_that_fails_leaves_no_entry_and_no_lock(data):
    X, y = data
    broken = np.where(np.arange(120)[:, None] == 3, np.nan, X)
    pipe = AcceleratedPipeline([("pca", PCA(2)), ("clf", SVC())], memory="cache")
    for _ in range(2):
        with pytest.raises(ValueError, match="NaN"):
            pipe.fit(broken, y)

    assert len(_STORE) == 0


def test_two_threads_that_ask_for_the_same_wait_for_one_fit(data):
    pipes = [pipeline() for _ in range(4)]
    threads = [threading.Thread(target=pipe.fit, args=data) for pipe in pipes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(FITS) == 1


def test_it_is_used_by_a_plain_pipeline_too(data):
    pipe = Pipeline([("count", Counting()), ("clf", SVC())], memory=MemoryCache(10**7)).fit(*data)
    pipe.set_params(clf__C=2).fit(*data)

    assert len(FITS) == 1
