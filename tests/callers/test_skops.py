"""skops keeps the model that the reference engine fitted; of a wrapper it keeps what it can load, or refuses."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skops import card
from skops import io as sio

from accelsk import AcceleratedEstimator, AcceleratedPipeline, to_sklearn


def loaded(dumped):
    return sio.loads(dumped, trusted=sio.get_untrusted_types(data=dumped))


@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(max_iter=500), SVC(), RandomForestClassifier(5, random_state=0)],
    ids=lambda estimator: type(estimator).__name__,
)
def test_backend_estimator_is_kept_without_trusting_anything_more(iris, estimator, tmp_path):
    X, y = iris
    made = AcceleratedEstimator(estimator, engine="sklearn").fit(X, y)
    plain = sio.dumps(estimator.fit(X, y))
    assert sio.get_untrusted_types(data=sio.dumps(made.estimator_)) == sio.get_untrusted_types(data=plain)
    sio.dump(made.estimator_, tmp_path / "model.skops")
    kept = sio.load(tmp_path / "model.skops", trusted=sio.get_untrusted_types(data=plain))
    assert type(kept) is type(estimator)
    np.testing.assert_array_equal(kept.predict(X), made.predict(X))
    np.testing.assert_array_equal(kept.predict(X), estimator.predict(X))


def wrappers(X, y):
    wrapped = AcceleratedEstimator(LogisticRegression(max_iter=500), engine="sklearn")
    steps = [("scale", StandardScaler()), ("clf", SVC())]
    return {
        "fitted": wrapped.fit(X, y),
        "unfitted": AcceleratedEstimator(SVC(), engine="sklearn"),
        "accelerated pipeline": AcceleratedPipeline(steps, engine="sklearn").fit(X, y),
        "pipeline of wrapped": Pipeline([("scale", StandardScaler()), ("clf", wrapped)]).fit(X, y),
    }


@pytest.mark.parametrize("kind", ["fitted", "unfitted", "accelerated pipeline", "pipeline of wrapped"])
def test_wrapper_that_is_dumped_can_be_loaded(iris, kind):
    X, y = iris
    made = wrappers(X, y)[kind]
    try:
        dumped = sio.dumps(made)
    except Exception as error:  # noqa: BLE001  a refusal is good; a file that nobody can load is not
        assert "accelsk" in str(error) or "Accelerated" in str(error)  # noqa: PT017
        return
    kept = loaded(dumped)
    assert type(kept) is type(made)
    assert repr(kept) == repr(made)
    if kind != "unfitted":
        np.testing.assert_array_equal(kept.predict(X), made.predict(X))


def test_card_of_the_backend_estimator_is_that_of_the_plain_one(iris):
    X, y = iris
    clf = LogisticRegression(max_iter=500)
    made = AcceleratedEstimator(clf, engine="sklearn").fit(X, y)
    assert _table(made.estimator_) == _table(clf.fit(X, y))


def test_card_of_a_wrapper_shows_its_hyperparameters(iris):
    X, y = iris
    made = AcceleratedEstimator(LogisticRegression(C=3, max_iter=500), engine="sklearn").fit(X, y)
    table = _table(made)
    assert "estimator__C" in table
    assert "engine" in table


def test_card_of_an_accelerated_pipeline_shows_its_hyperparameters(iris):
    X, y = iris
    steps = [("scale", StandardScaler()), ("clf", SVC(C=3))]
    made = _table(AcceleratedPipeline(steps, engine="sklearn").fit(X, y))
    plain = _table(Pipeline(steps).fit(X, y))
    rows = [line for line in plain.splitlines() if line.startswith(("| clf__", "| scale__"))]
    assert rows
    for row in rows:
        assert [cell.strip() for cell in row.split("|")] in [
            [cell.strip() for cell in line.split("|")] for line in made.splitlines()
        ]


def _table(model):
    return card.Card(model).select("Model description/Training Procedure/Hyperparameters").format()


@pytest.mark.parametrize("kind", ["fitted", "accelerated pipeline", "pipeline of wrapped"])
def test_what_is_exported_is_kept_without_trusting_anything(iris, kind):
    X, y = iris
    made = wrappers(X, y)[kind]
    dumped = sio.dumps(to_sklearn(made))
    assert sio.get_untrusted_types(data=dumped) == []
    np.testing.assert_array_equal(sio.loads(dumped).predict(X), made.predict(X))
