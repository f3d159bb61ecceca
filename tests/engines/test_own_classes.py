"""The libraries' own classes asked for plain arrays: at once, and with what the long way by scikit-learn returns."""

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from boosting_libraries import every_library
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from accelsk import AcceleratedEstimator, AcceleratedPipeline
from accelsk.backend import route_of
from accelsk.devices import HOST, Device
from accelsk.engines.ownclass import OwnClass
from accelsk.evaluation import Evaluation
from accelsk.offering import evaluation_of
from accelsk.threads import limited

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 4))
#: By name: the kind of estimator, and a target.
TARGETS = {
    "numbers": ("regressor", X[:, 0] + X[:, 1] * X[:, 2]),
    "two classes": ("classifier", (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(np.int32)),
    "three classes": ("classifier", np.digitize(X[:, 0], [-0.5, 0.5]) * 3 - 4),
    "in order": ("classifier", np.digitize(X[:, 0], [-0.5, 0.5])),
    "with a gap": ("classifier", np.array([0, 1, 3])[np.digitize(X[:, 0], [-0.5, 0.5])]),
    "booleans": ("classifier", X[:, 0] > 0),
    "texts": ("classifier", np.array(["no", "yes", "perhaps"])[np.digitize(X[:, 0], [-0.5, 0.5])]),
}
every_target = pytest.mark.parametrize("target", TARGETS)
_fitted = {}


def fitted(library, target):
    """A model of which nothing is computed by evaluators, asked once by each method; fitted once."""
    if (library.engine, target) not in _fitted:
        kind, y = TARGETS[target]
        _fitted[library.engine, target] = pickle.dumps(AcceleratedEstimator(library.own(kind)).fit(X, y))
    model = pickle.loads(_fitted[library.engine, target])
    return settled(model)


def settled(model):
    backend, route = model._backend, route_of(model.decision_, type(model.estimator))
    model._evaluation = Evaluation(
        backend.n_features_in_,
        tuple,
        named=hasattr(backend, "feature_names_in_"),
        shortcut=route.adapter.shortcuts(backend, route.row).get,
    )
    for method in methods(model):
        for n_rows in (1, 5, 40, 300):
            model._evaluation.compute(method, (X[:n_rows],), {}, lambda: None)
    return model


def methods(model):
    return [name for name in ("predict", "predict_proba", "predict_log_proba") if hasattr(model, name)]


def long_way(model, method, rows, **more):
    route = route_of(model.decision_, type(model.estimator))
    return route.adapter.call(model._backend, route.row, method, (rows,), more, HOST)


def outcome(function, *args, **kwargs):
    """What a call returns or raises, and what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  whatever it is
            result = (type(error), str(error).partition("Stack trace")[0])
    return result, {(each.category, str(each.message)) for each in caught}


def assert_same(ours, theirs):
    assert ours[1] == theirs[1]
    ours, theirs = ours[0], theirs[0]
    assert type(ours) is type(theirs), (ours, theirs)
    if isinstance(theirs, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_array_equal(ours, theirs)
    else:
        assert ours == theirs


def holed(rows):
    return np.where(rng.random(rows.shape) < 0.2, np.nan, rows)


@every_library
@every_target
def test_plain_arrays_are_answered_without_validation_and_alike(library, target, monkeypatch):
    model = fitted(library, target)
    assert len(methods(model)) >= 1 + (target != "numbers")
    batches = [
        make(X[:n_rows])
        for n_rows in (1, 5, 40, 300)
        for make in (np.copy, holed, np.float32, lambda rows: np.full_like(rows, np.nan), lambda rows: rows * 1e6)
    ]
    expected = {method: [outcome(long_way, model, method, rows) for rows in batches] for method in methods(model)}

    def validated(*args, **kwargs):
        raise AssertionError("it is validated")

    monkeypatch.setattr(OwnClass, "checked", validated)
    for method, results in expected.items():
        for rows, theirs in zip(batches, results, strict=True):
            assert_same(outcome(getattr(model, method), rows), theirs)
    assert model.decision_.operations == {}


@every_library
@pytest.mark.parametrize("target", ["numbers", "three classes"])
@pytest.mark.parametrize(
    "rows",
    [
        np.where(np.arange(20).reshape(5, 4) == 7, np.inf, X[:5]),
        np.where(np.arange(20).reshape(5, 4) == 7, -np.inf, holed(X[:5])).astype(np.float32),
        X[:5] * 1e200,
        X[:5, :3].copy(),
        np.hstack([X[:5], X[:5]]),
        X[:0],
        X[0],
        X[np.newaxis, :5],
        X[:10:2],
        np.asfortranarray(X[:5]),
        X[:5].astype(np.float16),
        X[:5].astype(X.dtype.newbyteorder()),
        X[:5].astype(int),
        X[:5] > 0,
        X[:5].astype(object),
        X[:5].astype(str),
        X[:5] * 1j,
        X[:5].tolist(),
        pd.DataFrame(X[:5]),
        pd.DataFrame(X[:5], columns=list("abcd")),
        pd.DataFrame(X[:5, :3]),
        None,
        "text",
    ],
    ids=range(23),
)
def test_everything_else_has_the_outcome_of_the_long_way(library, target, rows):
    model = fitted(library, target)
    for method in methods(model):
        expected = outcome(long_way, model, method, rows)
        for _ in range(2):
            assert_same(outcome(getattr(model, method), rows), expected)


@every_library
def test_infinity_is_refused_however_often_and_nothing_is_lost_by_it(library):
    model = fitted(library, "two classes")
    for _ in range(20):
        with pytest.raises(ValueError, match="infinity"):
            model.predict(np.full((5, 4), np.inf))
    assert model._evaluation.answer("predict", X[:5]) is not None


FURTHER = {
    "catboost": [{"prediction_type": "RawFormulaVal"}, {"ntree_end": 2}],
    "lightgbm": [{"raw_score": True}, {"num_iteration": 2}, {"pred_leaf": True}],
    "xgboost": [{"output_margin": True}, {"iteration_range": (0, 2)}],
}


@every_library
def test_further_arguments_count(library):
    model = fitted(library, "two classes")
    for more in FURTHER[library.engine]:
        theirs = model.estimator_.predict(X, **more)
        np.testing.assert_array_equal(model.predict(X, **more), theirs, err_msg=str(more))
        np.testing.assert_array_equal(long_way(model, "predict", X, **more), theirs, err_msg=str(more))
    name = "data" if library.engine == "catboost" else "X"
    assert_same(outcome(model.predict, **{name: X}), outcome(long_way, model, "predict", X))


@every_library
def test_there_is_none_on_a_device(library):
    model = fitted(library, "two classes")
    route = replace(route_of(model.decision_, type(model.estimator)), device=Device("gpu", "cuda", 0))
    del model._evaluation
    elsewhere = evaluation_of(model, route)
    assert elsewhere.compute("predict", (X,), {}, lambda: "the adapter") == "the adapter"
    assert elsewhere.answer("predict", X) is None


@every_library
def test_a_share_of_the_cores_is_the_adapters_affair(library):
    model = fitted(library, "two classes")
    expected = model.predict(X)
    with limited(1):
        assert model._evaluation.answer("predict", X) is None
        np.testing.assert_array_equal(model.predict(X), expected)
    assert model._evaluation.answer("predict", X) is not None


@every_library
def test_hyperparameters_that_are_set_later_are_of_the_next_fit(library):
    model = fitted(library, "two classes")
    expected = model.predict_proba(X)
    model.set_params(**{library.rounds: 1})
    np.testing.assert_array_equal(model.predict_proba(X), expected)
    settled(model.fit(X[:, :3], TARGETS["two classes"][1]))
    assert np.abs(model.predict_proba(X[:, :3].copy()) - expected).max() > 0.01
    with pytest.raises(ValueError, match=r"X has 4 features, but .* is expecting 3"):
        model.predict(X)


@every_library
def test_names_and_one_class_take_the_long_way(library):
    frame = pd.DataFrame(X, columns=list("abcd"))
    named = settled(AcceleratedEstimator(library.own()).fit(frame, TARGETS["two classes"][1]))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        named.predict(X)
    constant = settled(AcceleratedEstimator(library.own()).fit(X, ["only"] * len(X)))
    assert constant._evaluation.answer("predict", X) is None
    assert set(constant.predict(X)) == {"only"}


@every_library
def test_a_subclass_is_asked_itself(library):
    cls = type(library.own("regressor"))

    class Otherwise(cls):
        def predict(self, X, *args, **kwargs):
            return super().predict(X, *args, **kwargs) + 1

    y = TARGETS["numbers"][1]
    model = AcceleratedEstimator(Otherwise(**library.own("regressor").get_params())).fit(X, y)
    plain = library.own("regressor").fit(X, y)
    for _ in range(5):
        np.testing.assert_allclose(model.predict(X), plain.predict(X) + 1, rtol=1e-6)


def test_categories_and_several_labels():
    catboost = pytest.importorskip("catboost")
    quiet = {"iterations": 5, "verbose": False, "allow_writing_files": False}
    colours = np.array(["red", "green", "blue"], dtype=object)[rng.integers(0, 3, len(X))]
    mixed = np.column_stack([X.astype(object), colours])
    model = settled(
        AcceleratedEstimator(catboost.CatBoostClassifier(cat_features=[4], **quiet)).fit(mixed, X[:, 0] > 0)
    )
    assert_same(outcome(model.predict, mixed), outcome(long_way, model, "predict", mixed))
    plain = np.column_stack([X, X[:, 0]])
    assert_same(outcome(model.predict, plain), outcome(long_way, model, "predict", plain))

    xgboost = pytest.importorskip("xgboost")
    several = settled(
        AcceleratedEstimator(xgboost.XGBClassifier(n_estimators=5)).fit(X, (X[:, :3] > 0).astype(np.int8))
    )
    assert several._evaluation.answer("predict", X) is not None
    for method in methods(several):
        assert_same(outcome(getattr(several, method), X), outcome(long_way, several, method, X))


@every_library
def test_in_copies_and_pipelines(library):
    y = TARGETS["two classes"][1]
    model = AcceleratedEstimator(library.own()).fit(X, y)
    expected = long_way(model, "predict_proba", X)
    again = pickle.loads(pickle.dumps(model.prepare(X, batch_sizes=(300,))))
    for _ in range(5):
        np.testing.assert_allclose(again.predict_proba(X), expected, rtol=1e-5, atol=1e-6)
    assert again._evaluation.answer("predict_proba", X) is not None

    pipe = AcceleratedPipeline([*make_pipeline(StandardScaler(), StandardScaler()).steps, ("model", library.own())])
    pipe.steps[1] = ("again", StandardScaler())
    pipe.fit(X, y)
    theirs = make_pipeline(StandardScaler(), library.own()).fit(X, y).predict_proba(X)
    for _ in range(6):
        np.testing.assert_allclose(pipe.predict_proba(X), theirs, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="infinity"):
        pipe.predict_proba(np.full((300, 4), np.inf))


@pytest.mark.parametrize("name, cls", [("lightgbm", "LGBMRegressor"), ("xgboost", "XGBRegressor")])
def test_one_row_is_taken_over_by_an_evaluator_once_that_pays(name, cls):
    module = pytest.importorskip(name)
    quiet = {"verbose": -1} if name == "lightgbm" else {}
    model = AcceleratedEstimator(getattr(module, cls)(n_estimators=20, n_jobs=1, **quiet)).fit(X, TARGETS["numbers"][1])
    row = X[:1].copy()
    for _ in range(600):
        result = model.predict(row)
        if model.decision_.operations:
            break
    assert "for 1 row" in model.decision_.operations["predict"]
    np.testing.assert_allclose(model.predict(row), long_way(model, "predict", row), rtol=1e-5)
    np.testing.assert_allclose(result, long_way(model, "predict", row), rtol=1e-5)
