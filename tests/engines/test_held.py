"""A library whose arrays are its own: what is read of a model, and what it returns, is scikit-learn's, on the host."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.exceptions import DataConversionWarning
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

from accelsk import AcceleratedEstimator, AcceleratedPipeline, shutdown_workers, to_sklearn
from accelsk.engines import refresh
from accelsk.errors import EngineFallbackWarning

#: Arrays of this library know nothing of NumPy; it computes in single precision, and knows labels 0, 1, ... only.
LIBRARY = """
import os
import numpy as np
from accelsk.devices import Device
from accelsk.engines.holding import HoldingAdapter, Intake

class Far:
    def __init__(self, values):
        self.values = np.asarray(values)
        self.shape, self.ndim, self.dtype = self.values.shape, self.values.ndim, self.values.dtype

def near(X):
    return X.values if isinstance(X, Far) else np.asarray(X, dtype=np.float32)

class Base:
    def __init__(self, **params):
        self.params = params
    def set_params(self, **params):
        self.params.update(params)

SEEN = []

class Scaler(Base):
    def fit(self, X):
        SEEN.append(type(X).__name__)
        self.mean_, self.std = Far(near(X).mean(axis=0)), Far(near(X).std(axis=0))
    def transform(self, X):
        SEEN.append(type(X).__name__)
        return Far((near(X) - self.mean_.values) / self.std.values)

class Bayes(Base):
    def fit(self, X, y, sample_weight=None):
        SEEN.append(type(X).__name__)
        assert y.dtype.kind == "i" and y.min() == 0
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        self.theta_ = Far([np.average(near(X)[y == k], axis=0, weights=weights[y == k]) for k in range(y.max() + 1)])
    def partial_fit(self, X, y, classes=None):
        self.seen = getattr(self, "seen", []) + [(near(X), y)]
        X, y = (np.concatenate(part) for part in zip(*self.seen))
        self.theta_ = Far([X[y == k].mean(axis=0) if (y == k).any() else np.zeros(X.shape[1]) for k in classes])
    def predict_proba(self, X):
        near_to = -((near(X)[:, None] - self.theta_.values) ** 2).sum(axis=2)
        near_to -= np.logaddexp.reduce(near_to, axis=1, keepdims=True)
        return Far(np.exp(near_to).astype(np.float32))
    def predict(self, X):
        SEEN.append(type(X).__name__)
        return Far(self.predict_proba(X).values.argmax(axis=1).astype(np.int32))

class Groups(Base):
    def fit(self, X):
        self.cluster_centers_ = Far(near(X)[: self.params["n_clusters"]])
        self.labels_ = self.predict(X)
    def predict(self, X):
        near_to = ((near(X)[:, None] - self.cluster_centers_.values) ** 2).sum(axis=2)
        return Far(near_to.argmin(axis=1))

class MineAdapter(HoldingAdapter):
    def devices(self):
        return {**super().devices(), Device("accelerator", "mine", 1): "in a process of its own"}
    def environment(self, device):
        return {"MINE_APART": "1"} if device.index else None
    def inside(self, device):
        return device
    def before(self, held, row, X, y):
        generator = held.stem.get_params().get("random_state")
        if isinstance(generator, np.random.RandomState):
            held.notes["drawn"] = int(generator.randint(1000))
    def problem(self):
        return os.environ.get("MINE_PROBLEM", "")
    def resident(self, data):
        return isinstance(data, Far)
    def fetch(self, value):
        return value.values if isinstance(value, Far) else value
    def attributes(self, held, row, read):
        found = super().attributes(held, row, read)
        if row.name == "StandardScaler":
            found = {"mean_": read("mean_").astype(np.float64), "scale_": read("std").astype(np.float64),
                     "n_samples_seen_": 1}
        if row.name == "KMeans":
            found |= {"n_iter_": read.params["max_iter"], "inertia_": held.notes.get("drawn")}
        if row.name == "GaussianNB":
            n = len(read.labels)
            found |= {"var_": np.ones_like(read("theta_")), "class_prior_": np.full(n, 1 / n)}
        return found
"""

ENGINE = """Engine(
name="mine", title="Mine", imports="mine_lib", devices=("cpu", "accelerator"), adapter="mine_lib:MineAdapter", rows=(
    Row(estimator="sklearn.preprocessing.StandardScaler", backend="mine_lib.Scaler", fit=Inputs(),
        params={"copy": ignored("never writes"), "with_mean": only(True), "with_std": only(True)},
        methods=("transform",), inherited=("inverse_transform",), export=Export(restores=False)),
    Row(estimator="sklearn.naive_bayes.GaussianNB", backend="mine_lib.Bayes",
        fit=Inputs(sample_weight=True, fit_params=("classes",)),
        params={"priors": only(None), "var_smoothing": ignored("all variances are one")}, fidelity="alternative",
        methods=("predict", "predict_proba", "partial_fit"), export=Export(restores=False)),
    Row(estimator="sklearn.cluster.KMeans", backend="mine_lib.Groups", fit=Inputs(), fidelity="alternative",
        params={"n_clusters": same, **{name: ignored("it does not iterate") for name in
        ("init", "n_init", "max_iter", "tol", "verbose", "random_state", "copy_x", "algorithm")}},
        methods=("predict",)),
))"""


@pytest.fixture
def mine(install_plugin):
    """The engine, and what its library was given."""
    install_plugin("mine", module=LIBRARY, engine=ENGINE)
    import mine_lib

    mine_lib.SEEN.clear()
    return mine_lib


def wrapped(estimator):
    """An estimator on the library."""
    return AcceleratedEstimator(estimator, engine="mine", fallback="raise")


@pytest.fixture
def flowers(iris):
    """The iris data with words for labels."""
    X, y = iris
    return X, np.array(["setosa", "versicolor", "virginica"])[y]


def test_labels_are_those_of_the_user(mine, flowers):
    X, y = flowers
    fitted = wrapped(GaussianNB()).fit(X, y)
    assert fitted.predict(X).dtype == y.dtype
    assert fitted.classes_.tolist() == ["setosa", "versicolor", "virginica"]
    assert fitted.score(X, y) > 0.9


def test_floats_are_as_precise_as_scikit_learns(mine, flowers):
    X, y = flowers
    assert wrapped(GaussianNB()).fit(X, y).predict_proba(X).dtype == np.float64
    single = wrapped(GaussianNB()).fit(X.astype(np.float32), y)
    assert single.predict_proba(X.astype(np.float32)).dtype == np.float32


def test_attributes_are_numpys(mine, flowers):
    X, y = flowers
    fitted = wrapped(GaussianNB()).fit(X, y)
    assert type(fitted.theta_) is np.ndarray
    assert "theta_" in dir(fitted)
    assert not hasattr(fitted, "coef_")
    assert fitted.n_features_in_ == 4
    assert not hasattr(fitted, "feature_names_in_")
    assert type(fitted.estimator_).__name__ == "Bayes"


def test_an_unfitted_model_has_no_fitted_attributes(mine):
    assert not hasattr(wrapped(GaussianNB()), "theta_")


@pytest.mark.parametrize(
    "X, message",
    [
        ([[np.nan, 1.0], [0.0, 1.0]], "Input X contains NaN"),
        ([1.0, 2.0], "Expected 2D array, got 1D array instead"),
        (np.empty((0, 2)), r"Found array with 0 sample\(s\)"),
    ],
)
def test_data_are_refused_in_scikit_learns_words(mine, X, message):
    with pytest.raises(ValueError, match=message):
        wrapped(GaussianNB()).fit(X, [0, 1][: len(X)])


def test_columns_are_counted_and_named(mine, flowers):
    X, y = flowers
    frame = pd.DataFrame(X, columns=list("abcd"))
    fitted = wrapped(GaussianNB()).fit(frame, y)
    assert fitted.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(frame[["a", "b", "c"]])
    with pytest.warns(UserWarning, match="X does not have valid feature names, but GaussianNB was fitted with"):
        fitted.predict(X)


def test_columns_without_names_are_counted(mine, flowers):
    X, y = flowers
    with pytest.raises(ValueError, match="GaussianNB is expecting 4 features as input"):
        wrapped(GaussianNB()).fit(X, y).predict(X[:, :3])


def test_hyperparameters_are_validated_by_scikit_learn(mine, iris):
    with pytest.raises(ValueError, match="The 'var_smoothing' parameter of GaussianNB must be"):
        wrapped(GaussianNB(var_smoothing=-1)).fit(*iris)


def test_a_column_of_labels_is_one_dimension_with_a_warning(mine, flowers):
    X, y = flowers
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        fitted = wrapped(GaussianNB()).fit(X, y.reshape(-1, 1))
    assert fitted.predict(X).shape == y.shape


def test_weights_are_checked_and_passed_on(mine, flowers):
    X, y = flowers
    weighted = wrapped(GaussianNB()).fit(X, y, sample_weight=np.arange(len(y)) + 1.0)
    assert not np.allclose(weighted.theta_, wrapped(GaussianNB()).fit(X, y).theta_)
    with pytest.raises(ValueError, match=r"sample_weight.shape"):
        wrapped(GaussianNB()).fit(X, y, sample_weight=np.ones(3))


def test_whole_numbers_become_double_precision(mine):
    X = np.arange(12).reshape(6, 2)
    assert wrapped(StandardScaler()).fit(X).transform(X).dtype == np.float32  # the library's, as it is
    assert mine.SEEN == ["ndarray", "ndarray"]


def test_set_output_names_the_columns(mine, flowers):
    X, _ = flowers
    scaler = wrapped(StandardScaler()).set_output(transform="pandas")
    result = scaler.fit_transform(pd.DataFrame(X, columns=list("abcd"), index=np.arange(len(X)) + 7))
    assert list(result.columns) == list("abcd")
    assert result.index[0] == 7
    assert scaler.get_feature_names_out().tolist() == list("abcd")


def test_what_the_library_has_not_is_computed_by_scikit_learn(mine, flowers):
    X, _ = flowers
    scaler = wrapped(StandardScaler()).fit(X)
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(X)), X, rtol=1e-5)


def test_a_clusterer_gives_its_labels_back(mine, iris):
    X, _ = iris
    clusters = wrapped(KMeans(n_clusters=3))
    labels = clusters.fit_predict(X)
    assert np.array_equal(labels, clusters.labels_)
    assert clusters.predict(X).dtype == clusters.labels_.dtype


def test_arrays_stay_there_between_two_steps(mine, flowers):
    X, y = flowers
    pipeline = AcceleratedPipeline([("scale", StandardScaler()), ("bayes", GaussianNB())], engine="mine")
    assert pipeline.fit(X, y).predict(X.astype(np.float32)).dtype == y.dtype  # doubles need no engine
    assert mine.SEEN == ["ndarray", "ndarray", "Far", "ndarray", "Far"]


def test_it_is_exported_copied_and_pickled(mine, flowers):
    X, y = flowers
    fitted = wrapped(GaussianNB(var_smoothing=0.5)).fit(X, y)
    plain = to_sklearn(fitted)
    assert type(plain) is GaussianNB
    assert plain.var_smoothing == 0.5
    np.testing.assert_allclose(plain.predict_proba(X), fitted.predict_proba(X), atol=0.2)
    for again in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert again.engine_ == "mine"
        assert np.array_equal(again.predict(X), fitted.predict(X))


def test_where_the_library_finds_no_device_the_exported_model_opens(mine, flowers, monkeypatch):
    X, y = flowers
    fitted = wrapped(GaussianNB()).fit(X, y)
    data = pickle.dumps(fitted)
    monkeypatch.setenv("MINE_PROBLEM", "there is no such device here.")
    refresh()
    with pytest.warns(EngineFallbackWarning, match="there is no such device here: scikit-learn computes the same"):
        opened = pickle.loads(data)
    assert opened.engine_ == "sklearn"
    assert np.array_equal(opened.predict(X), to_sklearn(fitted).predict(X))


def test_a_later_batch_goes_on_with_the_state_of_the_first(mine, flowers):
    X, y = flowers
    batches = wrapped(GaussianNB())
    batches.partial_fit(X[:50], y[:50], classes=np.unique(y))  # all of one class
    before = batches.estimator_
    batches.partial_fit(X[50:], y[50:])
    assert batches.estimator_ is not before  # a failed batch would have left it as it was
    np.testing.assert_allclose(batches.theta_, wrapped(GaussianNB()).fit(X, y).theta_, rtol=1e-6)
    assert np.array_equal(batches.predict(X), wrapped(GaussianNB()).fit(X, y).predict(X))
    with pytest.raises(ValueError, match=r"rose.* do not exist in the initial classes"):
        batches.partial_fit(X[:1], ["rose"])


# -- in a process of its own -------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("mine")
def test_hyperparameters_and_generators_of_the_user_go_along_to_another_process(iris):
    X, _ = iris
    for device in ("accelerator:1", "cpu"):
        generator = np.random.RandomState(3)
        model = AcceleratedEstimator(KMeans(3, max_iter=7, random_state=generator), engine="mine", device=device)
        try:
            drawn = [model.fit(X).inertia_, model.fit(X).inertia_]
        finally:
            shutdown_workers()
        assert model.n_iter_ == 7
        assert drawn == np.random.RandomState(3).randint(1000, size=2).tolist()
        assert generator.randint(1000) == np.random.RandomState(3).randint(1000, size=3)[2]
