"""SHAP explains wrapped models, and steps of accelerated pipelines, as it explains plain ones."""

import warnings

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from accelsk import AcceleratedEstimator, AcceleratedPipeline, to_sklearn

with warnings.catch_warnings():  # its own, on import: colour maps of matplotlib
    warnings.simplefilter("ignore", PendingDeprecationWarning)
    import shap

FORMS = ["wrapped", "step"]


def fitted(form, estimator, X, y, engine="sklearn"):
    if form == "wrapped":
        return AcceleratedEstimator(estimator, engine=engine).fit(X, y)
    pipe = AcceleratedPipeline([("scale", StandardScaler()), ("clf", estimator)], engine={"clf": engine})
    return pipe.fit(X, y).named_steps["clf"]


def expected(form, estimator, X, y):
    if form == "wrapped":
        return estimator.fit(X, y)
    return Pipeline([("scale", StandardScaler()), ("clf", estimator)]).fit(X, y).named_steps["clf"]


@pytest.fixture
def binary(iris):
    X, y = iris
    return X[50:], y[50:] - 1


TREES = [
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(5, random_state=0),
    ExtraTreesRegressor(5, random_state=0),
    GradientBoostingClassifier(n_estimators=5, random_state=0),
    HistGradientBoostingClassifier(max_iter=5),
    HistGradientBoostingRegressor(max_iter=5),
    IsolationForest(n_estimators=5, random_state=0),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("estimator", TREES, ids=lambda estimator: type(estimator).__name__)
def test_tree_explainer(binary, form, estimator):
    X, y = binary
    plain = shap.TreeExplainer(expected(form, estimator, X, y))
    made = shap.TreeExplainer(fitted(form, estimator, X, y))
    np.testing.assert_allclose(made.shap_values(X[::10]), plain.shap_values(X[::10]), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(made.expected_value, plain.expected_value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("estimator", [Ridge(), LogisticRegression()], ids=["ridge", "logistic"])
def test_linear_explainer(binary, form, estimator):
    X, y = binary
    plain = shap.LinearExplainer(expected(form, estimator, X, y), X)
    made = shap.LinearExplainer(fitted(form, estimator, X, y), X)
    np.testing.assert_allclose(made.shap_values(X[::10]), plain.shap_values(X[::10]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(), RandomForestClassifier(5, random_state=0)],
    ids=lambda estimator: type(estimator).__name__,
)
def test_explainer_chooses_the_algorithm_of_the_plain_model(binary, form, estimator):
    X, y = binary
    plain = shap.Explainer(expected(form, estimator, X, y), X)
    made = shap.Explainer(fitted(form, estimator, X, y), X)
    assert type(made) is type(plain)
    np.testing.assert_allclose(made(X[::10]).values, plain(X[::10]).values, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_explainer_of_a_prediction_method(binary, form):
    X, y = binary
    estimator = SVC()
    plain = shap.Explainer(expected(form, estimator, X, y).decision_function, X[:20], seed=0)
    made = shap.Explainer(fitted(form, estimator, X, y).decision_function, X[:20], seed=0)
    np.testing.assert_allclose(made(X[::20]).values, plain(X[::20]).values, rtol=1e-9, atol=1e-12)


def test_explainer_of_a_whole_pipeline(binary):
    X, y = binary
    steps = [("scale", StandardScaler()), ("clf", LogisticRegression())]
    plain = shap.Explainer(Pipeline(steps).fit(X, y).predict_proba, X[:20], seed=0)
    made = shap.Explainer(AcceleratedPipeline(steps, engine="sklearn").fit(X, y).predict_proba, X[:20], seed=0)
    np.testing.assert_allclose(made(X[::20]).values, plain(X[::20]).values, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "estimator, explainer",
    [
        (RandomForestClassifier(10, random_state=0), lambda model, X: shap.TreeExplainer(model)),
        (LogisticRegression(), shap.LinearExplainer),
    ],
    ids=["forest", "linear"],
)
def test_values_of_a_model_of_sklearnex_add_up_to_its_prediction(binary, form, estimator, explainer):
    X, y = binary
    model = fitted(form, estimator, X, y, engine="sklearnex")
    assert model.engine_ == "sklearnex"
    seen = explainer(model, X)(X)
    output = model.predict_proba(X) if seen.values.ndim == 3 else model.decision_function(X)
    np.testing.assert_allclose(seen.values.sum(axis=1) + seen.base_values, output, atol=1e-5)


def test_a_forest_of_an_engine_is_explained_once_it_is_exported(binary):
    """Its leaves are impure: the contributions add up to the probabilities only if the class frequencies are there."""
    pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")
    X, y = binary
    forest = RandomForestClassifier(10, max_depth=2, random_state=0)
    made = AcceleratedEstimator(forest, engine="sklearnex", fallback="raise").fit(X, y)
    explained = shap.TreeExplainer(to_sklearn(made))(X)
    totals = explained.values.sum(axis=1) + explained.base_values
    np.testing.assert_allclose(totals, made.predict_proba(X), atol=1e-6)
