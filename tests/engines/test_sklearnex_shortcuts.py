"""Engine sklearnex: forests are asked below the library's own estimator, which decides longer than it predicts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, RandomForestRegressor

pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")

from threadpoolctl import threadpool_limits

from accelsk import AcceleratedEstimator

X, y = make_classification(300, 6, n_informative=4, n_classes=3, random_state=0)
NAMED = np.array(["one", "three", "two"])[y]
MODELS = {
    "labels": (RandomForestClassifier(20, random_state=0), y),
    "names": (RandomForestClassifier(20, random_state=0, n_jobs=2), NAMED),
    "extra": (ExtraTreesClassifier(20, random_state=0), NAMED),
    "values": (RandomForestRegressor(20, random_state=0), X[:, 0] + y),
}


def fitted(name, dtype=np.float64):
    model, target = MODELS[name]
    est = AcceleratedEstimator(model, engine="sklearnex").fit(X.astype(dtype), target)
    est.predict(X[:1])
    return est


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("trained", [np.float64, np.float32])
@pytest.mark.parametrize("name", MODELS)
def test_the_shortcut_returns_what_the_library_returns(name, trained, dtype):
    est = fitted(name, trained)
    shortcuts = est._backend.shortcuts()
    assert set(shortcuts) == ({"predict"} if name == "values" else {"predict", "predict_proba"})
    for method, function in shortcuts.items():
        for rows in (X[:1].astype(dtype), X.astype(dtype)):
            expected, found = est._call(method, (rows,), {}), function(rows)
            np.testing.assert_array_equal(found, expected, strict=True)


def test_calls_of_a_fitted_forest_take_it(monkeypatch):
    est = fitted("names")
    expected = est.predict(X)
    assert est._evaluation._waiting  # too early for an export, which takes as long as many predictions

    def refuse(self, X):
        raise AssertionError("the long way")

    monkeypatch.setattr(type(est._backend), "predict", refuse)
    np.testing.assert_array_equal(est.predict(X), expected)
    with pytest.raises(AssertionError, match="the long way"):
        est.predict(X.tolist())


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_what_is_not_finite_is_refused_as_by_the_long_way(bad):
    est, rows = fitted("labels"), X[:2].copy()
    rows[1, 3] = bad
    with pytest.raises(ValueError, match=r"NaN|infinity") as expected:
        est._call("predict", (rows,), {})
    with pytest.raises(type(expected.value)) as found:
        est.predict(rows)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1])
def test_it_uses_as_many_threads_as_the_long_way(n_jobs, monkeypatch):
    import daal4py

    model = RandomForestClassifier(20, random_state=0, n_jobs=n_jobs)
    est = AcceleratedEstimator(model, engine="sklearnex").fit(X, y)
    inside = type(est._backend._onedal_estimator)
    seen, original, before = [], inside.predict, daal4py.num_threads()

    def predict(self, *args, **kwargs):
        seen.append(daal4py.num_threads())
        return original(self, *args, **kwargs)

    monkeypatch.setattr(inside, "predict", predict)
    for ask in (lambda: est._call("predict", (X,), {}), lambda: est._backend.shortcuts()["predict"](X)):
        ask()
        with threadpool_limits(1):
            ask()
    assert seen[2:] == seen[:2]
    assert n_jobs not in (1, 2) or set(seen) == {n_jobs}
    assert daal4py.num_threads() == before
