"""Trees of scikit-learn, asked at once: the bits of the model itself, whatever the rows are."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy.sparse import csr_matrix
from sklearn.base import is_classifier
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeRegressor

from accelsk import AcceleratedEstimator
from accelsk.evaluators import offers

DIGITS = load_digits(return_X_y=True)

CLASSIFIERS = [
    RandomForestClassifier(20, random_state=0),
    RandomForestClassifier(20, class_weight="balanced", max_depth=4, random_state=0),
    ExtraTreesClassifier(20, random_state=0),
    DecisionTreeClassifier(random_state=0),
    GradientBoostingClassifier(n_estimators=5, random_state=0),
    HistGradientBoostingClassifier(max_iter=4, random_state=0),
]
BINARY = [
    RandomForestClassifier(1, random_state=0),
    GradientBoostingClassifier(n_estimators=20, random_state=0),
    GradientBoostingClassifier(n_estimators=20, loss="exponential", init="zero", random_state=0),
    HistGradientBoostingClassifier(max_iter=20, random_state=0),
]
REGRESSORS = [
    RandomForestRegressor(20, random_state=0),
    ExtraTreesRegressor(20, max_depth=4, criterion="absolute_error", random_state=0),
    DecisionTreeRegressor(random_state=0),
    ExtraTreeRegressor(random_state=0),
    GradientBoostingRegressor(n_estimators=20, random_state=0),
    GradientBoostingRegressor(n_estimators=20, loss="huber", init="zero", random_state=0),
    HistGradientBoostingRegressor(max_iter=20, random_state=0),
    HistGradientBoostingRegressor(max_iter=20, loss="poisson", random_state=0),
    HistGradientBoostingRegressor(max_iter=20, loss="gamma", random_state=0),
    HistGradientBoostingRegressor(max_iter=20, loss="quantile", quantile=0.8, random_state=0),
]
LABELLED = "abcdefghij"


def name_of(model):
    return f"{type(model).__name__}-{getattr(model, 'loss', getattr(model, 'max_depth', ''))}"


def assert_same(model, X, sizes=(1, 2, 3, 12, 13, 200)):
    """Every method of every offer answers as the model does: values, dtype, shape and layout."""
    exact, *others = offers(model)
    made = exact.make()
    assert (exact.name, exact.difference, set(made)) == (exact.name, 0.0, set(exact.methods))
    for other in others:
        assert_close(other, model, X[:300])
    answered = set()
    for method, evaluate in made.items():
        for size in sizes:
            for rows in (X[:size], X[:size].astype(np.float32)):
                theirs, ours = getattr(model, method)(rows), evaluate(rows)
                if ours is not None:
                    answered.add(size)
                    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
                    assert np.array_equal(theirs, ours), (method, size, np.abs(theirs - ours).max())
    assert answered == set(sizes)


def assert_close(offer, model, X):
    """An offer of another order of summation, for all rows: the same labels, and numbers up to round-off."""
    for method, evaluate in offer.make().items():
        theirs, ours = getattr(model, method)(X), evaluate(X)
        if method == "predict" and is_classifier(model):
            assert ours is None or (ours.dtype == theirs.dtype and np.array_equal(ours, theirs))
        else:
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12 * max(1.0, np.std(theirs)))


@pytest.mark.parametrize("model", CLASSIFIERS, ids=name_of)
def test_ten_classes(model):
    X, y = DIGITS
    model.fit(X[::2], np.array(list(LABELLED))[y[::2]])

    assert_same(model, np.random.default_rng(0).permutation(X[1::2]))


@pytest.mark.parametrize("model", BINARY, ids=name_of)
def test_two_classes(model, breast_cancer):
    X, y = breast_cancer
    model.fit(X[::2], y[::2] * 7)

    assert_same(model, np.ascontiguousarray(X[1::2]))


@pytest.mark.parametrize("model", REGRESSORS, ids=name_of)
def test_regression(model, diabetes):
    X, y = diabetes
    model.fit(X[::2], y[::2])

    assert_same(model, np.ascontiguousarray(X[1::2]))


@pytest.mark.parametrize("contamination", ["auto", 0.1])
def test_isolation_forest(contamination, breast_cancer):
    X = breast_cancer[0]
    model = IsolationForest(n_estimators=30, contamination=contamination, random_state=0).fit(X)
    X = X.astype(np.float32)
    X[::3, 4], X[1::5, 2], X[1::7, 3] = np.nan, np.inf, -np.inf
    evaluate = next(offers(model)).make()["score_samples"]

    assert np.array_equal(evaluate(X), model.score_samples(X))
    assert np.array_equal(evaluate(X[1:2]), model.score_samples(X[1:2]))
    X[~np.isfinite(X)] = np.nan
    assert_same(model, X)


def thresholds(model):
    """(column, threshold) of every split."""
    if hasattr(model, "_predictors"):
        nodes = np.concatenate([tree.nodes for iteration in model._predictors for tree in iteration])
        nodes = nodes[nodes["is_leaf"] == 0]
        return nodes["feature_idx"], nodes["num_threshold"]
    trees = [each.tree_ for each in np.ravel(model.estimators_)]
    columns, values = (np.concatenate([getattr(tree, name) for tree in trees]) for name in ("feature", "threshold"))
    return columns[columns >= 0], values[columns >= 0]


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(10, random_state=0),
        GradientBoostingRegressor(n_estimators=20, random_state=0),
        HistGradientBoostingRegressor(max_iter=20, random_state=0),
    ],
    ids=name_of,
)
def test_rows_at_and_beside_the_thresholds(model, diabetes):
    X, y = diabetes
    model.fit(X, y)
    columns, values = thresholds(model)
    rng = np.random.default_rng(0)
    rows = X[rng.integers(0, len(X), 1000)].copy()
    for _ in range(5):  # of half the columns: all splits that are met are close calls
        at = rng.integers(0, len(values), 1000)
        beside = values[at]
        kind = rng.integers(0, 5, 1000)
        beside = np.where(kind == 1, np.nextafter(beside, np.inf), beside)
        beside = np.where(kind == 2, np.nextafter(beside, -np.inf), beside)
        single = beside.astype(np.float32)
        beside = np.where(kind == 3, np.nextafter(single, np.float32(np.inf)), beside)
        beside = np.where(kind == 4, single, beside)
        rows[np.arange(1000), columns[at]] = beside
    evaluate = next(offers(model)).make()["predict"]

    expected = model.predict(rows)
    for size in (1, 10):  # a single row is walked another way
        found = np.concatenate([evaluate(rows[start : start + size]) for start in range(0, 1000, size)])
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("trained", [False, True], ids=["without", "with"])
@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(10, random_state=0),
        DecisionTreeClassifier(random_state=0),
        HistGradientBoostingClassifier(max_iter=20, random_state=0),
    ],
    ids=name_of,
)
def test_missing_values(model, trained, breast_cancer):
    X, y = breast_cancer
    holes = np.random.default_rng(0).random(X.shape) < 0.2
    holed = np.where(holes, np.nan, X)
    model.fit(holed if trained else X, y)

    assert_same(model, holed)


def test_a_model_that_takes_no_missing_values_is_left_to_refuse_them(breast_cancer):
    X, y = breast_cancer
    model = GradientBoostingClassifier(n_estimators=3).fit(X, y)
    offer = next(offers(model))
    evaluate = offer.make()["predict"]

    assert not offer.nan
    assert evaluate(np.full((1, 30), 1e39)) is None


@pytest.mark.parametrize(
    "model",
    [RandomForestClassifier(5, random_state=0), GradientBoostingClassifier(n_estimators=5, random_state=0)],
    ids=name_of,
)
def test_refused_values_get_the_error_of_the_model(model, breast_cancer):
    X, y = breast_cancer
    plain = model.fit(X, y)
    ours = AcceleratedEstimator(model, engine="sklearn").fit(X, y)
    for _ in range(10):
        ours.predict(X[:3])
    assert ours.decision_.operations == {"predict": "numpy for 2 to 3 rows"}

    for value in (np.inf, -np.inf, 1e39, np.nan):
        bad = X[:3].copy()
        bad[1, 2] = value
        assert answer(ours, bad) == answer(plain, bad)
    for bad in (X[:3, :5], X[:3, 0], X[:3].astype(object), X[:3].astype(str), X[:3].tolist(), csr_matrix(X[:3])):
        assert answer(ours, bad) == answer(plain, bad)


def answer(model, X):
    """What it predicts, or the error; and what was warned of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = model.predict(X).tolist()
        except (TypeError, ValueError) as error:
            found = f"{type(error).__name__}: {error}"
    return found, [str(each.message) for each in told]


def test_frames_profit(breast_cancer):
    X, y = breast_cancer
    frame = pd.DataFrame(X, columns=[f"column {i}" for i in range(30)])
    plain = RandomForestClassifier(10, random_state=0).fit(frame, y)
    ours = AcceleratedEstimator(RandomForestClassifier(10, random_state=0), engine="sklearn").fit(frame, y)
    asked = []
    ours.predict_proba(frame[:2])
    evaluation = ours.__dict__["_evaluation"]
    for _ in range(20):
        assert np.array_equal(ours.predict_proba(frame[:2]), plain.predict_proba(frame[:2]))
        asked.append(evaluation.described())

    assert asked[-1] == {"predict_proba": "numpy for 2 to 3 rows"}
    with pytest.raises(ValueError, match="feature names"):
        ours.predict_proba(frame[:2].rename(columns={"column 0": "another"}))


def test_a_forest_on_several_threads_is_asked_itself(breast_cancer):
    X, y = breast_cancer
    many = np.tile(X, (10, 1))
    model = RandomForestClassifier(10, n_jobs=2, random_state=0).fit(X, y)
    offer = next(offers(model))
    evaluate = offer.make()["predict"]

    assert evaluate(many) is None
    assert offer.seconds("predict", len(many)) == float("inf")
    assert np.array_equal(evaluate(X[:1]), model.predict(X[:1]))

    model = RandomForestClassifier(10, random_state=0).fit(X, y)
    evaluate = next(offers(model)).make()["predict"]
    assert np.array_equal(evaluate(many), model.predict(many))
    with parallel_config("threading", n_jobs=2):
        assert evaluate(many) is None


def test_boosting_is_asked_itself_for_many_rows(breast_cancer):
    X, y = breast_cancer
    model = HistGradientBoostingClassifier(max_iter=40).fit(X, y)
    offer = next(offers(model))

    assert offer.make()["predict"](X) is None
    assert offer.seconds("predict", len(X)) == float("inf")


def test_other_trees_are_seen(breast_cancer):
    X, y = breast_cancer
    for model in (
        RandomForestClassifier(5),
        GradientBoostingClassifier(n_estimators=5),
        IsolationForest(n_estimators=5),
    ):
        model.fit(X, y)
        evaluate = next(offers(model)).make()["predict"]
        model.estimators_ = model.estimators_[:2]

        assert evaluate(X[:1]) is None


def test_large_numbers_warn_of_nothing(breast_cancer):
    X, y = breast_cancer
    model = RandomForestClassifier(5).fit(X, y)
    rows = np.full((3, 30), 1e30)

    assert np.array_equal(next(offers(model)).make()["predict"](rows), model.predict(rows))


def test_eight_threads(breast_cancer):
    X, y = breast_cancer
    for model in (RandomForestClassifier(30), HistGradientBoostingClassifier(max_iter=30)):
        model.fit(X, y)
        expected = model.predict_proba(X)
        for size in (1, 3):
            evaluate = next(offers(model)).make()["predict_proba"]

            with ThreadPoolExecutor(8) as pool:
                asked = range(0, 500, size)
                found = list(pool.map(lambda at, n=size, ask=evaluate: ask(X[at : at + n]), asked))

            assert np.array_equal(np.concatenate(found), expected[: size * len(found)])


def test_there_is_no_offer_for_what_is_computed_otherwise(diabetes, breast_cancer):
    X, y = diabetes
    frame = pd.DataFrame({"number": X[:, 0], "kind": pd.Categorical(np.where(X[:, 1] > 0, "a", "b"))})
    left = [
        RandomForestRegressor(3).fit(X, np.column_stack([y, y])),
        DecisionTreeRegressor().fit(X, np.column_stack([y, y])),
        IsolationForest(n_estimators=3, max_features=2).fit(X),
        GradientBoostingRegressor(n_estimators=3, init=LinearRegression()).fit(X, y),
        HistGradientBoostingRegressor(max_iter=3, categorical_features="from_dtype").fit(frame, y),
    ]

    assert [list(offers(model)) for model in left] == [[]] * len(left)


def test_ties_of_a_forest_are_decided_as_by_the_model(breast_cancer):
    X, y = breast_cancer
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 30))
    for model, answers in ((RandomForestClassifier(2), True), (RandomForestClassifier(4, max_depth=3), False)):
        model.fit(X, y)
        proba = model.predict_proba(rows)
        assert (proba[:, 0] == proba[:, 1]).any() or not answers
        for offer in offers(model):
            found = offer.make()["predict"](rows)

            assert found is not None or (offer.difference and not answers)
            assert found is None or np.array_equal(found, model.predict(rows))
