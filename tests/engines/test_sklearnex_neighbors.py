"""Neighbours that oneDAL finds for a model of scikit-learn: the model's own, in its order, or the model is asked."""

import functools
import time
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, LocalOutlierFactor, NearestNeighbors

from accelsk import AcceleratedEstimator, explain

pytest.importorskip("sklearnex")

from accelsk.engines.sklearnex import neighbors

rng = np.random.default_rng(0)
ALGORITHMS = ("brute", "kd_tree", "ball_tree")


def normal(n, d):
    return rng.normal(size=(n, d))


def duplicates(n, d):
    X = normal(n, d)
    X[rng.integers(0, n, n // 50)] = X[rng.integers(0, n, n // 50)]
    return X


def heavy_tails(n, d):
    return rng.standard_cauchy(size=(n, d))


def beside_zero(n, d):
    return 10 + normal(n, d)


def far_off(n, d):
    return 1e6 + normal(n, d)


def clusters(n, d):
    return 1e3 * np.eye(5, d)[rng.integers(0, 5, n)] + normal(n, d) / 10


KINDS = (normal, duplicates, heavy_tails, beside_zero, far_off, clusters)


def made(model):
    (offer,) = neighbors.offers(model)
    return offer.make()


def asked(evaluate, X):
    """What an evaluator answers, or answers once it has found out that single precision does not do."""
    found = evaluate(X)
    return evaluate(X) if found is None else found


def queries(X, new):
    """Of all kinds: new rows, rows of the fit, and rows that are almost ones of the fit."""
    return np.concatenate([new, X[:300], X[300:400] + 1e-3])


@pytest.fixture
def unasked(monkeypatch):
    """Fail where a model of scikit-learn is asked for more than a few of its rows."""

    def refuse(self, X=None, *args, **kwargs):
        raise AssertionError("the model itself was asked")

    for cls in (NearestNeighbors, KNeighborsClassifier, KNeighborsRegressor):
        monkeypatch.setattr(cls, "kneighbors", refuse)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("columns", [3, 12, 40])
def test_the_neighbours_are_the_models_own(kind, algorithm, columns):
    X, new = np.split(kind(2400, columns), [1500])
    model = NearestNeighbors(n_neighbors=4, algorithm=algorithm).fit(X)
    rows = queries(X, new)
    found = asked(made(model)["kneighbors"], rows)
    distances, indices = model.kneighbors(rows)
    if found is None:
        assert algorithm == "brute"
        assert kind in (far_off, clusters)  # whose distances scikit-learn itself does not know to the last digits
        return
    np.testing.assert_array_equal(found[1], indices)
    assert [each.dtype for each in found] == [distances.dtype, indices.dtype]
    own = algorithm == "brute"  # then scikit-learn's distance of a row to itself is rounding
    np.testing.assert_allclose(found[0], distances, rtol=1e-9, atol=1e-7 * np.abs(rows).max() if own else 0)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_votes_and_means_are_the_models_own(kind, algorithm, weights):
    X, new = np.split(kind(2400, 9), [1500])
    labels = np.array(["a", "bb", "c"])[np.digitize(X[:, 0] - np.median(X[:, 0]), [-0.4, 0.4])]
    rows, answered = queries(X, new), 0
    for model, y in (
        (KNeighborsClassifier(n_neighbors=4), labels),
        (KNeighborsRegressor(), X[:, 0] + X[:, 1]),
        (KNeighborsRegressor(), X[:, :2].copy()),
    ):
        model.set_params(algorithm=algorithm, weights=weights).fit(X, y)
        evaluators = made(model)
        for method in sorted({"predict", "predict_proba"} & set(evaluators)):
            found, expected = asked(evaluators[method], rows), getattr(model, method)(rows)
            if found is None:
                assert algorithm == "brute"
                assert kind in (far_off, clusters)
                continue
            answered += 1
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
            if found.dtype.kind == "U":
                np.testing.assert_array_equal(found, expected)
            else:
                np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-7)
    assert answered or kind in (far_off, clusters)


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_model_is_not_asked_where_nothing_is_in_doubt(algorithm):
    X = normal(1500, 12)
    for model in (NearestNeighbors(algorithm=algorithm), KNeighborsRegressor(algorithm=algorithm)):
        model.fit(X, X[:, 0])
        for evaluate in made(model).values():
            assert evaluate(normal(500, 12)) is not None
            assert evaluate(X[:500].copy()) is not None


def test_an_outlier_costs_the_other_rows_nothing():
    X = normal(1500, 12)
    X[0] = 1e5
    model = NearestNeighbors().fit(X)
    rows = normal(500, 12)
    search = neighbors.Search(model)
    _, _, proven = search.find(rows, ordered=True)
    assert proven.mean() > 0.9
    assert search.index.rows.dtype == np.float32


def test_double_precision_is_searched_where_single_precision_does_not_do():
    X = clusters(1500, 12)
    model = NearestNeighbors(algorithm="kd_tree").fit(X)
    search = neighbors.Search(model)
    _, _, proven = search.find(X, ordered=True)
    assert not proven.all()
    assert search.index.rows.dtype == np.float64
    _, _, proven = search.find(X, ordered=True)
    assert proven.all()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_full_of_ties_is_left_to_the_model_for_good(algorithm):
    X = rng.integers(0, 4, (1500, 4)).astype(float)
    model = NearestNeighbors(algorithm=algorithm).fit(X)
    assert made(model)["kneighbors"](X) is None
    search = neighbors.Search(model)
    _, _, proven = search.find(X, ordered=True)
    assert proven.mean() < 0.5
    assert search.index is None
    assert search.find(X, ordered=True) is None


@pytest.mark.parametrize("n_rows", [300, 2500, 6000])
def test_the_order_of_ties_is_that_of_the_whole_batch(n_rows):
    X = duplicates(4000, 12)
    model = NearestNeighbors(algorithm="brute").fit(X)
    rows = X[rng.integers(0, len(X), n_rows)] + normal(n_rows, 12) / 10
    distances, indices = model.kneighbors(rows)
    assert (np.diff(distances, axis=1) == 0).any()
    found = made(model)["kneighbors"](rows)
    np.testing.assert_array_equal(found[1], indices)


def test_a_library_that_errs_more_than_it_may_is_asked_no_more(monkeypatch):
    X = normal(1500, 12)
    search = neighbors.Search(NearestNeighbors().fit(X))
    backend, find = search.index.backend, search.index.backend.kneighbors
    monkeypatch.setattr(backend, "kneighbors", lambda *args: (find(*args)[0] * 1.001, find(*args)[1]))
    assert search.find(X, ordered=True) is None
    assert search.index is None


def test_a_neighbour_that_was_missed_is_noticed_by_its_distance(monkeypatch):
    X = normal(1500, 12)
    search = neighbors.Search(NearestNeighbors().fit(X))
    find = search.index.backend.kneighbors

    def twice(rows, most):
        distances, indices = find(rows, most)
        indices[:, 1] = indices[:, 0]
        distances[:, 1] = distances[:, 0]
        return distances, indices

    monkeypatch.setattr(search.index.backend, "kneighbors", twice)
    _, _, proven = search.find(normal(100, 12), ordered=True)
    assert not proven.any()


def test_what_is_not_served():
    X, y = normal(100, 3), rng.integers(0, 2, 100)
    for model in (
        NearestNeighbors(metric="manhattan"),
        NearestNeighbors(metric="minkowski", p=3),
        NearestNeighbors(metric="minkowski", metric_params={"w": np.ones(3)}, algorithm="brute"),
        LocalOutlierFactor(novelty=True),
    ):
        assert list(neighbors.offers(model.fit(X))) == []
    assert list(neighbors.offers(NearestNeighbors().fit(X.astype(np.float32)))) == []
    assert list(neighbors.offers(type("Mine", (NearestNeighbors,), {})().fit(X))) == []
    (offer,) = neighbors.offers(KNeighborsClassifier().fit(X, np.column_stack([y, y])))
    assert offer.methods == ("kneighbors",)
    with pytest.raises(ValueError, match="large"):
        made(NearestNeighbors().fit(X * 1e20))


def test_what_changes_after_the_fit_counts():
    X, new = normal(1500, 8), normal(600, 8)
    model = KNeighborsRegressor().fit(X, X[:, 0])
    predict = made(model)["predict"]
    for change in ({"n_neighbors": 9}, {"weights": "distance"}):
        model.set_params(**change)
        np.testing.assert_allclose(predict(new), model.predict(new), rtol=1e-9)
    model.set_params(weights=lambda distances: distances)
    assert predict(new) is None
    model.set_params(weights="uniform", n_neighbors=2000)
    assert predict(new) is None  # and scikit-learn says why
    model.set_params(n_neighbors=5).fit(X[:1000], X[:1000, 0])
    assert predict(new) is None


def slow(cls, method):
    """A model's method that takes its time, so that what else there is pays whatever else the machine does."""
    own = getattr(cls, method)

    @functools.wraps(own)  # a signature is remembered, and is to be the model's after this test
    def slowed(self, *args, **kwargs):
        if "_fit_method" in vars(self) and "kneighbors" not in vars(self):
            time.sleep(0.1)
        return own(self, *args, **kwargs)

    return slowed


@pytest.mark.parametrize("cls", [NearestNeighbors, KNeighborsClassifier, KNeighborsRegressor])
@pytest.mark.parametrize("algorithm", ["auto", "brute"])
def test_a_bulk_query_is_handed_over_and_a_row_is_not(cls, algorithm, monkeypatch):
    X, new = np.split(normal(4000, 20), [3000])
    y = (X[:, 0] > 0) + (X[:, 1] > 1)
    method = "kneighbors" if cls is NearestNeighbors else "predict"
    plain = cls(algorithm=algorithm).fit(X, y)
    expected = getattr(plain, method)(new)
    model = AcceleratedEstimator(clone(plain)).fit(X, y)
    assert model.engine_ == "sklearn"
    monkeypatch.setattr(cls, method, slow(cls, method))
    for _ in range(6):
        found = getattr(model, method)(new)
        getattr(model, method)(new[:1])
    assert model.decision_.operations == {method: "sklearnex for 512 to 1023 rows"}
    for ours, theirs in zip(found, expected, strict=True) if method == "kneighbors" else [(found, expected)]:
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_a_frame_is_handed_over_too(monkeypatch):
    X, new = np.split(normal(4000, 20), [3000])
    names = [f"column {i}" for i in range(20)]
    frame = pd.DataFrame(new, columns=names)
    model = AcceleratedEstimator(KNeighborsRegressor()).fit(pd.DataFrame(X, columns=names), X[:, 0])
    expected = KNeighborsRegressor().fit(X, X[:, 0]).predict(new)
    monkeypatch.setattr(KNeighborsRegressor, "predict", slow(KNeighborsRegressor, "predict"))
    for _ in range(6):
        np.testing.assert_allclose(model.predict(frame), expected, rtol=1e-9)
    assert model.decision_.operations == {"predict": "sklearnex for 512 to 1023 rows"}
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename(columns={"column 0": "other"}))


def weird(new):
    """The rows in every form in which somebody may pass them, and what is no such rows."""
    yield from (new, new.tolist(), np.asfortranarray(new), new[::2], new.astype(np.float32), new.astype(int))
    yield from (pd.DataFrame(new), scipy.sparse.csr_array(new), new[:, :5], new[0], new[:0], "text", None)
    for value in (np.nan, np.inf, 1e200, 1e18):
        yield np.where(np.eye(*new.shape) > 0, value, new)


def outcome(function, *args):
    """What comes of a call: its result, or what it raises, and what it warns of."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            found = function(*args)
        except Exception as error:  # noqa: BLE001  whatever it is
            found = error
    return found, [str(each.message) for each in warned]


@pytest.mark.parametrize("cls", [NearestNeighbors, KNeighborsClassifier, KNeighborsRegressor])
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame], ids=["array", "frame"])
def test_whatever_is_asked_the_outcome_is_the_models(cls, container, monkeypatch):
    X, new = np.split(normal(1020, 20), [1000])
    fitted, y = container(X), (X[:, 0] > 0) + (X[:, 1] > 1)
    fitted = fitted.rename(columns=str) if container is pd.DataFrame else fitted
    method = "kneighbors" if cls is NearestNeighbors else "predict"
    plain, model = cls().fit(fitted, y), AcceleratedEstimator(cls()).fit(fitted, y)
    monkeypatch.setattr(neighbors, "_LEAST", 0)
    monkeypatch.setattr(cls, method, slow(cls, method))
    batch = container(new)
    batch = batch.rename(columns=str) if container is pd.DataFrame else batch
    for _ in range(6):
        getattr(model, method)(batch)
    assert model.decision_.operations == {method: "sklearnex for 16 to 31 rows"}
    for rows in weird(new):
        expected, warned = outcome(getattr(plain, method), rows)
        found, also = outcome(getattr(model, method), rows)
        assert type(found) is type(expected)
        assert also == warned
        if isinstance(expected, Exception):
            assert str(found) == str(expected)
            continue
        for ours, theirs in zip(found, expected, strict=True) if method == "kneighbors" else [(found, expected)]:
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_a_query_full_of_ties_stays_with_the_model():
    X = rng.integers(0, 4, (3000, 5)).astype(float)
    plain = NearestNeighbors(algorithm="brute").fit(X)
    model = AcceleratedEstimator(NearestNeighbors(algorithm="brute")).fit(X)
    for _ in range(16):
        for ours, theirs in zip(model.kneighbors(X), plain.kneighbors(X), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert model.decision_.operations == {}


@pytest.mark.parametrize(
    "dtype, params, engine",
    [
        (np.float64, {}, "sklearn"),
        (np.float64, {"algorithm": "brute"}, "sklearn"),
        (np.float64, {"algorithm": "brute", "metric": "chebyshev"}, "sklearn"),
        (np.float64, {"algorithm": "brute", "metric": "manhattan"}, "sklearnex"),
        (np.float64, {"algorithm": "brute", "p": 1}, "sklearnex"),
        (np.float32, {}, "sklearnex"),
    ],
)
def test_auto_fits_with_scikit_learn_but_where_nothing_can_be_handed_over(dtype, params, engine):
    X = normal(12_000, 20).astype(dtype)
    assert explain(KNeighborsRegressor(**params), X, X[:, 0]).engine == engine
    assert explain(KNeighborsRegressor(**params), X[:5000], X[:5000, 0]).engine == "sklearn"
    assert explain(KNeighborsRegressor(**params), X, X[:, 0], engine="sklearnex").engine == "sklearnex"
