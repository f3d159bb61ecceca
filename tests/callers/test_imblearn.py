"""imbalanced-learn's pipelines and ensembles work with wrapped estimators, and find what they find with plain ones."""

import pickle

import numpy as np
import pytest
from imblearn.ensemble import BalancedBaggingClassifier
from imblearn.metrics import geometric_mean_score
from imblearn.over_sampling import SMOTE, SMOTENC
from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.under_sampling import InstanceHardnessThreshold, RandomUnderSampler
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate, explain


@pytest.fixture(scope="module")
def skewed():
    return make_classification(n_samples=300, n_features=6, weights=[0.9, 0.1], class_sep=0.8, random_state=0)


def wrap(estimator, engine="sklearn"):
    return AcceleratedEstimator(estimator, engine=engine)


def plain_pipeline():
    return Pipeline([("scale", StandardScaler()), ("smote", SMOTE(random_state=0)), ("clf", SVC())])


def test_accelerate_keeps_the_pipeline_and_its_sampler_and_wraps_its_estimators():
    made = accelerate(plain_pipeline(), engine="sklearn")
    assert type(made) is Pipeline
    assert type(made.named_steps["smote"]) is SMOTE
    assert type(made.named_steps["scale"]) is AcceleratedEstimator
    assert type(made.named_steps["clf"]) is AcceleratedEstimator


def test_explain_leaves_the_sampler_out(skewed):
    assert set(explain(plain_pipeline(), *skewed, engine="sklearn")) == {"scale", "clf"}


def test_accelerated_pipeline_predicts_as_the_plain_one(skewed):
    X, y = skewed
    plain = plain_pipeline().fit(X, y)
    made = accelerate(plain_pipeline(), engine="sklearn").fit(X, y)
    np.testing.assert_allclose(made.predict(X), plain.predict(X), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(made.decision_function(X), plain.decision_function(X), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(made.classes_, plain.classes_)
    assert made.n_features_in_ == plain.n_features_in_
    np.testing.assert_allclose(clone(made).fit(X, y).predict(X), plain.predict(X), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(made)).predict(X), plain.predict(X), rtol=1e-9, atol=1e-12)


def test_grid_of_the_plain_pipeline_searches_the_accelerated_one(skewed):
    X, y = skewed
    grid = {"clf__C": [0.1, 10], "smote__k_neighbors": [3, 5], "scale__with_mean": [True, False]}
    search = GridSearchCV(plain_pipeline(), grid, cv=3, scoring="balanced_accuracy")
    plain = clone(search).fit(X, y)
    made = accelerate(search, engine="sklearn").fit(X, y)
    assert type(made) is GridSearchCV
    assert type(made.best_estimator_) is Pipeline
    assert made.best_params_ == plain.best_params_
    np.testing.assert_allclose(
        made.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"], rtol=1e-9, atol=1e-12
    )


def test_grid_may_replace_steps(skewed):
    X, y = skewed
    grid = {"clf": [SVC(), LogisticRegression()], "smote": [SMOTE(random_state=0), RandomUnderSampler(random_state=0)]}
    plain = GridSearchCV(plain_pipeline(), grid, cv=3).fit(X, y)
    made = accelerate(GridSearchCV(plain_pipeline(), grid, cv=3), engine="sklearn").fit(X, y)
    np.testing.assert_allclose(
        made.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"], rtol=1e-9, atol=1e-12
    )


def test_sklearnex_computes_the_estimators_of_the_pipeline(skewed):
    X, y = skewed
    plain = plain_pipeline().fit(X, y)
    made = accelerate(plain_pipeline(), engine="sklearnex", fallback="silent").fit(X, y)
    assert made.named_steps["clf"].engine_ == "sklearnex"
    assert abs(made.score(X, y) - plain.score(X, y)) < 0.02


def test_make_pipeline_takes_wrapped_estimators(skewed):
    X, y = skewed
    plain = make_pipeline(StandardScaler(), RandomUnderSampler(random_state=0), LogisticRegression()).fit(X, y)
    made = make_pipeline(wrap(StandardScaler()), RandomUnderSampler(random_state=0), wrap(LogisticRegression()))
    np.testing.assert_allclose(made.fit(X, y).predict_proba(X), plain.predict_proba(X), rtol=1e-9, atol=1e-12)


def test_accelerated_pipeline_is_the_last_step_of_one_with_a_sampler(skewed):
    X, y = skewed
    steps = [("scale", StandardScaler()), ("clf", LogisticRegression())]
    plain = Pipeline([("smote", SMOTE(random_state=0)), ("rest", Pipeline(steps))]).fit(X, y)
    rest = AcceleratedPipeline(steps, engine="sklearn")
    made = Pipeline([("smote", SMOTE(random_state=0)), ("rest", rest)])
    np.testing.assert_allclose(made.fit(X, y).predict_proba(X), plain.predict_proba(X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("replacement", [False, True])
def test_balanced_bagging_of_a_wrapped_estimator(skewed, replacement):
    X, y = skewed
    options = {"n_estimators": 5, "random_state": 0, "replacement": replacement}
    plain = BalancedBaggingClassifier(DecisionTreeClassifier(max_depth=3), **options).fit(X, y)
    made = BalancedBaggingClassifier(wrap(DecisionTreeClassifier(max_depth=3)), **options).fit(X, y)
    np.testing.assert_allclose(made.predict_proba(X), plain.predict_proba(X), rtol=1e-9, atol=1e-12)
    through = accelerate(BalancedBaggingClassifier(DecisionTreeClassifier(max_depth=3), **options), engine="sklearn")
    np.testing.assert_allclose(through.fit(X, y).predict_proba(X), plain.predict_proba(X), rtol=1e-9, atol=1e-12)


def test_samplers_take_wrapped_neighbours(skewed):
    X, y = skewed
    plain = SMOTE(random_state=0, k_neighbors=NearestNeighbors(n_neighbors=4)).fit_resample(X, y)
    made = SMOTE(random_state=0, k_neighbors=wrap(NearestNeighbors(n_neighbors=4))).fit_resample(X, y)
    np.testing.assert_array_equal(made[0], plain[0])
    np.testing.assert_array_equal(made[1], plain[1])


def test_samplers_take_a_wrapped_classifier(skewed):
    X, y = skewed
    plain = InstanceHardnessThreshold(estimator=LogisticRegression(), random_state=0).fit_resample(X, y)
    made = InstanceHardnessThreshold(estimator=wrap(LogisticRegression()), random_state=0).fit_resample(X, y)
    np.testing.assert_array_equal(made[0], plain[0])


def test_sampler_with_categories_stands_before_a_wrapped_classifier(skewed):
    X, y = skewed
    X = np.c_[X, np.arange(len(X)) % 3]
    steps = [("smote", SMOTENC([6], random_state=0)), ("clf", KNeighborsClassifier())]
    plain = Pipeline(steps).fit(X, y)
    made = accelerate(Pipeline(steps), engine="sklearn").fit(X, y)
    np.testing.assert_allclose(made.predict_proba(X), plain.predict_proba(X), rtol=1e-9, atol=1e-12)


def test_scorer_made_of_a_metric_scores_a_wrapped_estimator(skewed):
    X, y = skewed
    scorer = make_scorer(geometric_mean_score)
    plain = LogisticRegression().fit(X, y)
    assert scorer(wrap(LogisticRegression()).fit(X, y), X, y) == scorer(plain, X, y)
