"""What was decided is remembered, and worked out again where anything that it was made of is another."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.preprocessing import MinMaxScaler

from accelsk import calibration, config
from accelsk.backend import route_of
from accelsk.engines import get_adapter, refresh
from accelsk.facts import Facts
from accelsk.selection import select

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


def plan(estimator, X=X, y=Y, fit_params=None, method="fit", callbacks=False, **options):
    facts = Facts(X, y, fit_params)
    return select(estimator, facts, config.resolve(options, {}), method, callbacks=callbacks)


@pytest.mark.parametrize("estimator", [Ridge(), MinMaxScaler(), LogisticRegression(C=np.float64(2)), KMeans(3)])
def test_the_same_question_has_the_same_answer_at_once(estimator):
    first = plan(estimator)
    X2, y2 = X + 1, Y[::-1]

    assert plan(type(estimator)(**estimator.get_params()), X2, y2) is first


@pytest.mark.parametrize(
    "change",
    [
        {"estimator": LogisticRegression(C=2)},
        {"estimator": LogisticRegression(C=2.0)},
        {"X": X[:50], "y": Y[:50]},
        {"X": X[:, :2]},
        {"X": X.astype(np.float32)},
        {"y": np.arange(60) % 3},  # the cost depends on the number of classes
        {"fit_params": {"sample_weight": np.ones(60)}},
        {"engine": "sklearn"},
        {"engine": ["sklearn"]},
        {"device": "cpu"},
        {"n_jobs": 1},
        {"fidelity": "exact"},
        {"callbacks": True},
    ],
    ids=str,
)
def test_another_question_is_answered_anew(change):
    asked = {"estimator": LogisticRegression(), **change}

    assert plan(**asked) is not plan(LogisticRegression())


def test_data_are_looked_at_again_where_the_answer_depends_on_them():
    forest, bad = RandomForestClassifier(), X.copy()
    bad[0, 0] = np.nan
    answers = [plan(forest, each, engine=["sklearnex", "sklearn"]) for each in (X, bad, X + 1, bad + 1)]

    assert [each.engine.name for each in answers] == ["sklearnex", "sklearn", "sklearnex", "sklearn"]
    assert answers[0] is not answers[1]


def test_a_plan_that_rests_on_a_measurement_is_not_kept():
    """The normal equations of other data may be worse."""
    options = {"engine": "sklearnex"}
    good = plan(LinearRegression(), **options)
    bad = np.c_[X, X[:, 0]]  # singular
    singular = plan(LinearRegression(), bad, fallback="silent", **options)
    near = rng.normal(size=bad.shape)

    assert good.engine.name == "sklearnex"
    assert singular.engine.name == "sklearn"
    assert plan(LinearRegression(), near, fallback="silent", **options).engine.name == "sklearnex"
    assert plan(LinearRegression(), bad, fallback="silent", **options).engine.name == "sklearn"


def test_engines_that_come_or_go_are_asked_again():
    first = plan(Ridge())
    refresh()

    assert plan(Ridge()) is not first


def test_and_so_is_who_calls_them():
    decision = plan(Ridge()).decision
    first = route_of(decision, Ridge)
    assert route_of(decision, Ridge) is first
    refresh()

    assert route_of(decision, Ridge).adapter is get_adapter("sklearn") is not first.adapter


def test_another_calibration_is_another_answer():
    first = plan(Ridge())
    calibration.forget()

    assert plan(Ridge()) is not first


def test_what_cannot_be_compared_is_not_remembered():
    model = LogisticRegression(class_weight={0: 1.0, 1: 2.0})

    assert plan(model) is not plan(model)
    assert plan(Ridge(), X.tolist()) is not plan(Ridge(), X.tolist())
    assert plan(Ridge(), engine_params={"sklearnex": {}}) is not plan(Ridge(), engine_params={"sklearnex": {}})
