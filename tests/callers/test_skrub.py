"""skrub's table pipelines work with wrapped estimators, and its transformers in accelerated pipelines."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skrub import ApplyToCols, MinHashEncoder, SelectCols, TableVectorizer, selectors, tabular_pipeline

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    n = 150
    X = pd.DataFrame(
        {
            "size": random.normal(size=n),
            "weight": np.where(random.random(n) < 0.1, np.nan, random.normal(size=n)),
            "colour": random.choice(["red", "green", "blue"], n),
            "name": [f"item {number} of {random.integers(50)}" for number in range(n)],
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, n), unit="D"),
        }
    )
    return X, ((X["size"] + (X["colour"] == "red")) > 0.3).astype(int)


def wrap(estimator, engine="sklearn"):
    return AcceleratedEstimator(estimator, engine=engine, fallback="silent")


def tabular(estimator):
    # Its default StringEncoder has no seed: two fits of the plain pipeline differ.
    pipe = tabular_pipeline(estimator)
    return pipe.set_params(tablevectorizer__high_cardinality__random_state=0)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=500),
        RandomForestClassifier(5, random_state=0),
        HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype"),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_tabular_pipeline_arranges_a_wrapped_estimator_as_the_plain_one(table, estimator):
    X, y = table
    plain, made = tabular(estimator), tabular(wrap(estimator))
    assert [type(step) for _, step in made.steps[:-1]] == [type(step) for _, step in plain.steps[:-1]]
    assert repr(made[0]) == repr(plain[0])
    plain.fit(X, y)
    made.fit(X, y)
    np.testing.assert_array_equal(made.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(clone(made).fit(X, y).predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(made)).predict_proba(X), plain.predict_proba(X))


def test_tabular_pipeline_takes_an_accelerated_pipeline(table):
    X, y = table
    steps = [("scale", StandardScaler()), ("clf", LogisticRegression())]
    plain = tabular(Pipeline(steps)).fit(X, y)
    made = tabular(AcceleratedPipeline(steps, engine="sklearn")).fit(X, y)
    np.testing.assert_array_equal(made.predict_proba(X), plain.predict_proba(X))


def test_accelerate_of_a_tabular_pipeline(table):
    X, y = table
    plain = tabular(LogisticRegression()).fit(X, y)
    made = accelerate(tabular(LogisticRegression()), engine="sklearn").fit(X, y)
    assert type(made) is AcceleratedPipeline
    np.testing.assert_array_equal(made.predict_proba(X), plain.predict_proba(X))
    assert list(made[:-1].get_feature_names_out()) == list(plain[:-1].get_feature_names_out())


def steps():
    return [("table", TableVectorizer(high_cardinality=MinHashEncoder(n_components=4))), *list(tabular_steps())]


def tabular_steps():
    return tabular_pipeline(LogisticRegression(max_iter=500)).steps[1:]


def test_table_vectorizer_is_a_step_of_an_accelerated_pipeline(table):
    X, y = table
    plain = Pipeline(steps()).fit(X, y)
    made = AcceleratedPipeline(steps(), engine="sklearn").fit(X, y)
    np.testing.assert_array_equal(made.predict_proba(X), plain.predict_proba(X))
    fitted = made.named_steps["table"]
    assert isinstance(fitted, TableVectorizer)
    assert fitted.all_outputs_ == plain.named_steps["table"].all_outputs_
    assert list(fitted.transformers_) == list(plain.named_steps["table"].transformers_)
    np.testing.assert_array_equal(cross_val_score(made, X, y, cv=3), cross_val_score(plain, X, y, cv=3))


def test_pipeline_is_near_with_sklearnex(table):
    X, y = table
    plain = Pipeline(steps()).fit(X, y)
    made = AcceleratedPipeline(steps(), engine=["sklearnex", "sklearn"], fallback="silent").fit(X, y)
    assert made.decision_["logisticregression"].engine == "sklearnex"
    assert abs(made.score(X, y) - plain.score(X, y)) < 0.03


def test_grid_over_the_table_vectorizer_keeps_working(table):
    grid = {"table__cardinality_threshold": [2, 40], "logisticregression__C": [0.01, 1]}
    plain = GridSearchCV(Pipeline(steps()), grid, cv=2).fit(*table)
    made = accelerate(GridSearchCV(Pipeline(steps()), grid, cv=2), engine="sklearn").fit(*table)
    np.testing.assert_array_equal(made.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])


def test_table_vectorizer_takes_a_wrapped_transformer(table):
    X, y = table
    plain = TableVectorizer(numeric=StandardScaler(), high_cardinality="drop")
    made = TableVectorizer(numeric=wrap(StandardScaler()), high_cardinality="drop")
    pd.testing.assert_frame_equal(made.fit_transform(X, y), plain.fit_transform(X, y))
    pd.testing.assert_frame_equal(made.transform(X), plain.transform(X))


@pytest.mark.parametrize("engine", ["sklearn", "sklearnex"])
def test_wrapped_scaler_is_applied_to_columns(table, engine):
    X, _ = table
    plain = ApplyToCols(StandardScaler(), cols=selectors.numeric())
    made = ApplyToCols(wrap(StandardScaler(), engine), cols=selectors.numeric())
    pd.testing.assert_frame_equal(made.fit_transform(X), plain.fit_transform(X))


def test_columns_are_selected_before_a_wrapped_estimator(table):
    X, y = table
    plain = make_pipeline(SelectCols(["size"]), LogisticRegression()).fit(X, y)
    made = make_pipeline(SelectCols(["size"]), wrap(LogisticRegression())).fit(X, y)
    np.testing.assert_array_equal(made.predict_proba(X), plain.predict_proba(X))


def test_data_plan_applies_a_wrapped_estimator(table):
    import skrub

    X, y = table

    def learned(estimator):
        features = skrub.X(X).skb.apply(TableVectorizer(high_cardinality="drop"))
        plan = features.skb.apply(estimator, y=skrub.y(y))
        learner = plan.skb.make_learner().fit({"X": X, "y": y})
        return learner.predict({"X": X})

    estimator = HistGradientBoostingClassifier(max_iter=5)
    np.testing.assert_array_equal(learned(wrap(estimator)), learned(estimator))
