"""Engine sklearnex computes the sums of scikit-learn's StandardScaler, and nothing else of it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")

from sklearnex_watching import watching

from accelsk import AcceleratedEstimator, explain
from accelsk.engines.sklearnex import scaler
from accelsk.threads import limited

RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(3, 2, size=(2000, 6))


def on_the_engine(estimator=None):
    return AcceleratedEstimator(estimator or StandardScaler(), engine="sklearnex", fallback="raise")


def assert_alike(ours, theirs, rtol):
    """The same attributes, of the same types, with nearly the same values."""
    assert vars(ours).keys() == vars(theirs).keys()
    for name in ("mean_", "var_", "scale_", "n_samples_seen_"):
        found, expected = getattr(ours, name), getattr(theirs, name)
        assert type(found) is type(expected), name
        if expected is not None:
            assert found.dtype == expected.dtype, name
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=0, err_msg=name)


DATA = {
    "normal": NORMAL,
    "rows of columns": np.asfortranarray(NORMAL),
    "every other column": NORMAL[:, ::2],
    "single precision": NORMAL.astype(np.float32),
    "whole numbers": np.round(NORMAL).astype(int),
    "true and false": NORMAL > 3,
    "one row": NORMAL[:1],
    "wide": RANDOM.normal(size=(20, 300)),
    "skewed": np.exp(2 * NORMAL),
    "far from zero": 1e8 + NORMAL,
    "nearly constant": 1e4 + 1e-6 * NORMAL,
    "constant": np.tile([0.0, 0.1, 1e8 + 0.3, -3e-9, 1.0, 7.0], (2000, 1)),
}


@pytest.mark.parametrize("settings", [{}, {"with_mean": False}, {"with_std": False}], ids=str)
@pytest.mark.parametrize("kind", DATA)
def test_it_is_scikit_learns_to_rounding(kind, settings):
    X = DATA[kind]
    theirs = StandardScaler(**settings).fit(X)
    with watching() as seen:
        ours = on_the_engine(StandardScaler(**settings)).fit(X)

    assert type(ours.estimator_) is StandardScaler
    assert_alike(ours.estimator_, theirs, rtol=1e-12)
    assert kind == "one row" or [accelerated for _, accelerated, _ in seen] == [True] * len(seen) != []
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), rtol=0, atol=1e-9 * max(1, np.abs(X).max()))


@pytest.mark.parametrize("kind", ["normal", "single precision", "whole numbers"])
def test_batches_are_those_of_scikit_learn(kind):
    ours, theirs = on_the_engine(), StandardScaler()
    for batch in np.array_split(DATA[kind], [1, 400, 401, 1500]):
        ours.partial_fit(batch)
        theirs.partial_fit(batch)

    assert ours.engine_ == "sklearnex"
    assert_alike(ours.estimator_, theirs, rtol=1e-12)
    assert_alike(ours.fit(DATA[kind]).estimator_, clone(theirs).fit(DATA[kind]), rtol=1e-12)  # a fit begins anew


def test_what_is_converted_is_converted_in_pieces(monkeypatch):
    monkeypatch.setattr(scaler, "_BLOCK", 1000)
    X = NORMAL.astype(np.float32)
    assert_alike(on_the_engine().fit(X).estimator_, StandardScaler().fit(X), rtol=1e-12)


def test_fit_transform_transforms_as_scikit_learn_does():
    result = on_the_engine().set_output(transform="pandas").fit_transform(NORMAL)
    assert list(result.columns) == [f"x{i}" for i in range(6)]
    np.testing.assert_allclose(result.mean(), 0, atol=1e-12)
    np.testing.assert_allclose(result.std(ddof=0), 1, rtol=1e-12)


def test_what_scikit_learn_computes_otherwise_is_left_to_it():
    with_nan = NORMAL.copy()
    with_nan[3, 1] = np.nan
    weights = {"sample_weight": np.linspace(1, 2, len(NORMAL))}
    plain = StandardScaler()
    for X, given in ((with_nan, {}), (NORMAL, weights), (NORMAL.astype(np.float16), {})):
        decision = explain(plain, X, None, engine="sklearnex", fallback="silent", **given)
        assert (decision.engine, decision.fell_back) == ("sklearn", True)
    assert explain(StandardScaler(with_mean=False, with_std=False), NORMAL, engine="sklearnex").fell_back
    model = AcceleratedEstimator(plain, engine="sklearnex", fallback="silent").fit(with_nan)
    assert_alike(model.estimator_, StandardScaler().fit(with_nan), rtol=0)


def test_auto_takes_it_for_much_data_only():
    assert explain(StandardScaler(), np.zeros((40_000, 50)), engine="auto").engine == "sklearnex"
    assert explain(StandardScaler(), np.zeros((2000, 50)), engine="auto").engine == "sklearn"


def test_scikit_learns_own_scaler_is_left_alone():
    from sklearn.preprocessing import _data

    before = _data._incremental_mean_and_var
    on_the_engine().fit(NORMAL)
    assert _data._incremental_mean_and_var is before
    with watching() as seen:
        StandardScaler().fit(NORMAL)
    assert not seen


def test_it_keeps_to_a_share(monkeypatch):
    import daal4py

    seen, original = [], scaler._moments_of_block

    def moments(X):
        seen.append(daal4py.num_threads())
        return original(X)

    monkeypatch.setattr(scaler, "_moments_of_block", moments)
    with limited(1):
        on_the_engine().fit(NORMAL)
    assert seen == [1]
