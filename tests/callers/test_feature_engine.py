"""feature_engine's transformers and selectors work with wrapped estimators and in accelerated pipelines."""

import numpy as np
import pandas as pd
import pytest
from feature_engine.encoding import OneHotEncoder as FeatureEngineOneHotEncoder
from feature_engine.imputation import MeanMedianImputer
from feature_engine.selection import (
    DropCorrelatedFeatures,
    RecursiveFeatureAddition,
    RecursiveFeatureElimination,
    SelectByShuffling,
    SelectBySingleFeaturePerformance,
)
from feature_engine.wrappers import SklearnTransformerWrapper
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate

# The library's own deprecations of pandas 3, with plain estimators too.
pytestmark = [
    pytest.mark.filterwarnings("ignore:For backward compatibility, 'str' dtypes:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in :DeprecationWarning"),
]

COLUMNS = ["age", "bmi", "bp"]


def wrap(estimator, engine="sklearn"):
    return AcceleratedEstimator(estimator, engine=engine)


@pytest.fixture(scope="module")
def frame():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return X, y


@pytest.fixture(scope="module")
def mixed(frame):
    X, y = frame
    X = X[COLUMNS].assign(group=np.where(X["sex"] > 0, "a", "b"))
    X.loc[::7, "bmi"] = np.nan
    return X, (y > y.median()).astype(int)


def steps():
    return [
        ("impute", MeanMedianImputer(variables=COLUMNS)),
        ("encode", FeatureEngineOneHotEncoder(variables=["group"])),
        ("scale", StandardScaler()),
        ("clf", LogisticRegression()),
    ]


def test_pipeline_of_its_transformers_and_a_model_is_accelerated(mixed):
    X, y = mixed
    plain = Pipeline(steps()).fit(X, y)
    made = AcceleratedPipeline(steps(), engine="sklearn").fit(X, y)
    np.testing.assert_array_equal(made.predict_proba(X), plain.predict_proba(X))
    assert isinstance(made.named_steps["impute"], MeanMedianImputer)
    assert made.named_steps["impute"].imputer_dict_ == plain.named_steps["impute"].imputer_dict_
    assert list(made[:-1].get_feature_names_out()) == list(plain[:-1].get_feature_names_out())
    np.testing.assert_array_equal(made.feature_names_in_, plain.feature_names_in_)


def test_frames_leave_the_pipeline_where_they_leave_the_plain_one(mixed):
    X, y = mixed
    plain = Pipeline(steps()).set_output(transform="pandas").fit(X, y)
    made = AcceleratedPipeline(steps(), engine="sklearn").set_output(transform="pandas").fit(X, y)
    pd.testing.assert_frame_equal(made[:-1].transform(X), plain[:-1].transform(X))


def test_pipeline_is_near_with_sklearnex(mixed):
    X, y = mixed
    engine = {"impute": "sklearn", "encode": "sklearn", "scale": "sklearn", "clf": "sklearnex"}
    made = AcceleratedPipeline(steps(), engine=engine).fit(X, y)
    assert made.decision_["clf"].engine == "sklearnex"
    assert abs(made.score(X, y) - Pipeline(steps()).fit(X, y).score(X, y)) < 0.02


def test_grid_over_its_transformers_keeps_working(mixed):
    grid = {"impute__imputation_method": ["mean", "median"], "clf__C": [0.01, 1]}
    plain = GridSearchCV(Pipeline(steps()), grid, cv=3).fit(*mixed)
    made = accelerate(GridSearchCV(Pipeline(steps()), grid, cv=3), engine="sklearn").fit(*mixed)
    assert made.best_params_ == plain.best_params_
    np.testing.assert_array_equal(made.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])


def test_its_transformer_may_be_wrapped(mixed):
    X, _ = mixed
    plain = MeanMedianImputer(variables=COLUMNS).fit(X)
    made = wrap(MeanMedianImputer(variables=COLUMNS)).fit(X)
    pd.testing.assert_frame_equal(made.transform(X), plain.transform(X))
    assert made.imputer_dict_ == plain.imputer_dict_


@pytest.mark.parametrize("engine", ["sklearn", "sklearnex"])
def test_its_wrapper_takes_a_wrapped_scaler(frame, engine):
    X, _ = frame
    plain = SklearnTransformerWrapper(StandardScaler(), variables=COLUMNS)
    made = SklearnTransformerWrapper(
        AcceleratedEstimator(StandardScaler(), engine=engine, fallback="silent"), variables=COLUMNS
    )
    pd.testing.assert_frame_equal(made.fit_transform(X), plain.fit_transform(X))
    pd.testing.assert_frame_equal(clone(made).fit(X).transform(X), plain.transform(X))
    pd.testing.assert_frame_equal(
        made.inverse_transform(made.transform(X)), plain.inverse_transform(plain.transform(X))
    )


@pytest.mark.parametrize(
    "transformer, variables",
    [(OneHotEncoder(sparse_output=False), ["group"]), (PolynomialFeatures(2), ["age", "bp"])],
    ids=["encoder", "creator"],
)
def test_its_wrapper_takes_transformers_that_make_columns(mixed, transformer, variables):
    X, _ = mixed
    plain = SklearnTransformerWrapper(transformer, variables=variables).fit(X)
    made = SklearnTransformerWrapper(wrap(transformer), variables=variables).fit(X)
    pd.testing.assert_frame_equal(made.transform(X), plain.transform(X))
    assert list(made.get_feature_names_out()) == list(plain.get_feature_names_out())


def test_accelerate_wraps_the_transformer_in_its_wrapper(frame):
    X, _ = frame
    plain = SklearnTransformerWrapper(StandardScaler(), variables=COLUMNS)
    made = accelerate(plain, engine="sklearn")
    assert type(made) is SklearnTransformerWrapper
    assert type(made.transformer) is AcceleratedEstimator
    pd.testing.assert_frame_equal(made.fit_transform(X), plain.fit_transform(X))


@pytest.mark.parametrize(
    "selector",
    [RecursiveFeatureElimination, RecursiveFeatureAddition, SelectByShuffling, SelectBySingleFeaturePerformance],
)
@pytest.mark.parametrize(
    "model", [LinearRegression(), RandomForestRegressor(5, max_depth=3, random_state=0)], ids=["linear", "forest"]
)
def test_selectors_drop_the_same_features(frame, selector, model):
    X, y = frame
    seed = {"random_state": 0} if selector is SelectByShuffling else {}
    plain = selector(model, scoring="r2", cv=2, threshold=0.01, **seed).fit(X, y)
    made = selector(wrap(model), scoring="r2", cv=2, threshold=0.01, **seed).fit(X, y)
    assert made.features_to_drop_ == plain.features_to_drop_
    pd.testing.assert_frame_equal(made.transform(X), plain.transform(X))


def test_selector_takes_a_pipeline_step_by_step(frame):
    X, y = frame
    rest = [("select", DropCorrelatedFeatures(threshold=0.8)), ("clf", Ridge())]
    plain = Pipeline(rest).fit(X, y)
    made = AcceleratedPipeline(rest, engine="sklearn").fit(X, y)
    np.testing.assert_array_equal(made.predict(X), plain.predict(X))
    assert made.named_steps["select"].features_to_drop_ == plain.named_steps["select"].features_to_drop_
