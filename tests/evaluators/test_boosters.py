"""Models of the libraries of gradient boosting, asked for few rows without what surrounds a prediction."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from accelsk import AcceleratedEstimator
from accelsk.backend import route_of

catboost = pytest.importorskip("catboost")
lightgbm = pytest.importorskip("lightgbm")
xgboost = pytest.importorskip("xgboost")

PREDICTORS = ("predict", "predict_proba", "decision_function")
QUIET = {"verbosity": -1, "n_jobs": 1}


def made(wrapper):
    """The evaluators of a fitted wrapper by name, made; None for one that cannot be made."""
    route = route_of(wrapper.decision_, type(wrapper.estimator))
    found = {}
    for offer in route.adapter.evaluators(wrapper._backend, route.row):
        try:
            found[offer.name] = offer.make()
        except ValueError:
            found[offer.name] = None
    return found


def native(wrapper, method, X):
    """What the engine's model computes itself."""
    route = route_of(wrapper.decision_, type(wrapper.estimator))
    return route.adapter.call(wrapper._backend, route.row, method, (X,), {}, route.device)


def assert_close(wrapper, X, *, without=()):
    """All evaluators compute what the library does, by single rows and by some at once."""
    found = made(wrapper)
    assert {name for name, each in found.items() if each is None} == set(without)
    assert len(found) > len(without)
    single = np.float32 if "numpy" in found and "one row at a time" not in found else np.float64
    unit = 1e-5 if single == np.float32 else 1e-12
    for name in found.keys() - set(without):
        for method, evaluate in found[name].items():
            theirs = native(wrapper, method, X)
            for step in (1, 3):
                ours = [evaluate(X[at : at + step]) for at in range(0, len(X), step)]
                assert sum(each is None for each in ours) < 3
                ours = np.concatenate(
                    [theirs[at * step : at * step + step] if each is None else each for at, each in enumerate(ours)]
                )
                assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
                if theirs.dtype.kind == "f":
                    np.testing.assert_allclose(ours, theirs, rtol=unit, atol=unit * max(np.std(theirs), 1e-3))
                else:
                    assert np.array_equal(ours, theirs), (name, method)


def holed(X):
    return np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)


LIBRARIES = {
    "xgboost": (xgboost.XGBClassifier, xgboost.XGBRegressor, {}),
    "lightgbm": (lightgbm.LGBMClassifier, lightgbm.LGBMRegressor, QUIET),
    "catboost": (
        catboost.CatBoostClassifier,
        catboost.CatBoostRegressor,
        {"verbose": False, "allow_writing_files": False, "thread_count": 1},
    ),
}


@pytest.fixture(params=LIBRARIES)
def library(request):
    return request.param


@pytest.fixture
def classifier(library):
    return lambda **params: AcceleratedEstimator(LIBRARIES[library][0](**LIBRARIES[library][2], **params))


@pytest.fixture
def regressor(library):
    return lambda **params: AcceleratedEstimator(LIBRARIES[library][1](**LIBRARIES[library][2], **params))


@pytest.mark.parametrize("missing", [False, True], ids=["complete", "missing"])
def test_two_classes(classifier, breast_cancer, missing):
    X, y = breast_cancer
    X = holed(X) if missing else X

    assert_close(classifier(n_estimators=20).fit(X[::2], np.array(["no", "yes"])[y[::2]]), holed(X)[1:200:2])


def test_ten_classes(library, classifier):
    if library == "catboost":
        pytest.skip("of several classes the leaves have several numbers there")
    X, y = load_digits(return_X_y=True)

    assert_close(classifier(n_estimators=5).fit(X[:600], y[:600] * 3 - 4), X[600:700])


@pytest.mark.parametrize(
    "objectives",
    [
        {},
        {"xgboost": "count:poisson", "lightgbm": "poisson", "catboost": "Quantile:alpha=0.3"},
        {"xgboost": "reg:gamma", "lightgbm": "gamma", "catboost": "RMSE"},
        {"xgboost": "reg:absoluteerror", "lightgbm": "regression_l1", "catboost": "MAE"},
    ],
    ids=lambda objectives: objectives.get("lightgbm", "default"),
)
def test_regression(library, regressor, objectives, diabetes):
    X, y = diabetes

    assert_close(
        regressor(n_estimators=20, **({"objective": objectives[library]} if objectives else {})).fit(X, y), X[:100]
    )


def test_the_best_iterations_are_taken(library, classifier, breast_cancer):
    if library == "catboost":
        pytest.skip("it drops the others itself")
    X, y = breast_cancer
    params, fit = (
        {"early_stopping_rounds": 8, "eval_metric": "logloss"},
        {"eval_set": [(X[400:], y[400:])], "verbose": False},
    )
    if library == "lightgbm":
        params = {"callbacks": None}
        fit = {"eval_X": (X[400:],), "eval_y": (y[400:],), "callbacks": [lightgbm.early_stopping(8, verbose=False)]}
        params = {}
    model = classifier(n_estimators=200, learning_rate=0.5, **params).fit(X[:200], y[:200], **fit)
    booster = model.get_booster() if library == "xgboost" else model.booster_
    assert booster.best_iteration < 150

    assert_close(model, X[200:300])


def test_constrained_and_sampled(library, classifier, breast_cancer):
    X, y = breast_cancer
    constrained = (1, *[0] * 29)
    params = {"monotone_constraints": list(constrained)}
    if library != "catboost":
        params = {"monotone_constraints": constrained, "subsample": 0.5, "colsample_bytree": 0.5}

    model = classifier(n_estimators=10, **params)
    assert_close(model.fit(X, y), X[:50])


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingClassifier(max_iter=20, early_stopping=False),
        HistGradientBoostingRegressor(max_iter=20, loss="poisson", early_stopping=False),
        GradientBoostingRegressor(n_estimators=20),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_scikit_learns_classes(library, estimator, diabetes):
    if library == "catboost":
        pytest.skip("see test_symmetric_trees")
    X, y = diabetes
    y = np.digitize(y, [100, 200]) if hasattr(estimator, "predict_proba") else y
    ours = AcceleratedEstimator(estimator, engine=library).fit(X, y)

    assert_close(ours, X[:60] if isinstance(estimator, GradientBoostingRegressor) else holed(X[:60]))


def test_what_is_no_plain_ensemble_is_left_to_the_library(breast_cancer):
    X, y = breast_cancer
    rows = X[:20]
    dart = AcceleratedEstimator(xgboost.XGBClassifier(n_estimators=5, booster="dart")).fit(X, y)
    zeros = AcceleratedEstimator(xgboost.XGBClassifier(n_estimators=5, missing=0.0)).fit(X, y)
    several = AcceleratedEstimator(xgboost.XGBRegressor(n_estimators=5)).fit(X, np.column_stack([y, y]))
    averaged = lightgbm.LGBMClassifier(n_estimators=5, boosting_type="rf", subsample=0.5, subsample_freq=1, **QUIET)
    zero = lightgbm.LGBMClassifier(n_estimators=5, zero_as_missing=True, **QUIET)
    linear = lightgbm.LGBMRegressor(n_estimators=5, linear_tree=True, **QUIET)

    assert made(dart) == made(zeros) == {}
    assert set(made(several).values()) == {None}
    assert set(made(AcceleratedEstimator(averaged).fit(X, y)).values()) == {None}
    # LightGBM's own call knows them.
    assert_close(AcceleratedEstimator(zero).fit(X, y), rows, without=("numpy", "onnxruntime"))
    assert_close(AcceleratedEstimator(linear).fit(X, y), rows, without=("numpy", "onnxruntime"))


def test_symmetric_trees(breast_cancer):
    X, y = breast_cancer
    hist = HistGradientBoostingClassifier(max_iter=20, early_stopping=False)
    assert_close(AcceleratedEstimator(hist, engine="catboost").fit(X, y), holed(X[:100]))

    # Others, and leaves of several numbers, are left to the library; a border of a probability as well.
    quiet = LIBRARIES["catboost"][2]
    grown = AcceleratedEstimator(catboost.CatBoostClassifier(iterations=5, grow_policy="Lossguide", **quiet)).fit(X, y)
    several = AcceleratedEstimator(catboost.CatBoostClassifier(iterations=5, **quiet)).fit(X, np.arange(len(y)) % 3)
    moved = AcceleratedEstimator(catboost.CatBoostClassifier(iterations=5, **quiet)).fit(X, y)
    moved.estimator_.set_probability_threshold(0.9)
    assert set(made(grown).values()) == {None}
    assert made(several) == made(moved) == {}


def test_rows_at_and_beside_the_thresholds(library, regressor, diabetes):
    X, y = diabetes
    model = regressor(n_estimators=20).fit(X, y)
    if library == "xgboost":
        table = model.get_booster().trees_to_dataframe().query("Feature != 'Leaf'")
        columns, values = table["Feature"].str[1:].astype(int).to_numpy(), table["Split"].to_numpy(dtype=np.float32)
    elif library == "catboost":
        borders = model.estimator_.get_borders()
        columns = np.repeat(list(borders), [len(each) for each in borders.values()])
        values = np.concatenate(list(borders.values())).astype(np.float32)
    else:
        table = model.booster_.trees_to_dataframe().dropna(subset="split_feature")
        columns = table["split_feature"].str.removeprefix("Column_").astype(int).to_numpy()
        values = table["threshold"].to_numpy()
    rng = np.random.default_rng(0)
    rows = X[rng.integers(0, len(X), 600)].astype(values.dtype)
    for _ in range(4):
        at, side = rng.integers(0, len(values), 600), rng.choice([-np.inf, np.inf], 600).astype(values.dtype)
        rows[np.arange(600), columns[at]] = np.where(rng.random(600) < 0.4, values[at], np.nextafter(values[at], side))
    rows[::7, ::2] = np.float32(1e-35) * rng.choice([-1, 0, 0.5, 1], (len(rows[::7]), len(rows[0, ::2])))
    theirs = native(model, "predict", rows.astype(np.float64))

    for name, methods in made(model).items():
        ours = np.concatenate([methods["predict"](rows[at : at + 3]) for at in range(0, 600, 3)])
        np.testing.assert_allclose(ours, theirs, rtol=2e-6, err_msg=name)


def test_eight_threads(classifier, breast_cancer):
    X, y = breast_cancer
    model = classifier(n_estimators=30).fit(X, y)
    expected = native(model, "predict_proba", X)
    for name, methods in made(model).items():
        evaluate = methods["predict_proba"]

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda at, ask=evaluate: ask(X[at : at + 1]), range(len(X))))

        np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-6, err_msg=name)


def test_frames_errors_and_pickles(classifier, breast_cancer):
    X, y = breast_cancer
    frame = pd.DataFrame(X, columns=[f"column {at}" for at in range(30)])
    model = classifier(n_estimators=20).fit(frame, y)
    expected = native(model, "predict_proba", frame[:50])
    for at in range(50):
        np.testing.assert_allclose(model.predict_proba(frame[at : at + 1]), expected[at : at + 1], atol=1e-6)
    assert model.decision_.operations
    with pytest.raises(ValueError, match="feature names"):
        model.predict_proba(frame[:1].rename(columns={"column 0": "another"}))
    infinite = frame[:1] * np.inf  # which the libraries take in a frame
    np.testing.assert_allclose(model.predict_proba(infinite), native(model, "predict_proba", infinite), atol=1e-6)

    again = pickle.loads(pickle.dumps(model))

    np.testing.assert_allclose(again.predict_proba(frame[:1]), expected[:1], atol=1e-6)
