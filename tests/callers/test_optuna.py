"""optuna's studies and its search tune wrapped estimators and pipelines as they tune plain ones."""

import pickle

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna_integration.sklearn import OptunaSearchCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate

# optuna's own, whatever it tunes.
pytestmark = [
    pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental:optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore:`optuna.terminator` module has been deprecated:FutureWarning"),
]


@pytest.fixture(autouse=True)
def _quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def steps():
    return [("scale", StandardScaler()), ("clf", SVC())]


def tuned(pipe, iris, trials=4):
    def objective(trial):
        pipe.set_params(
            clf__C=trial.suggest_float("C", 0.01, 10, log=True),
            clf__kernel=trial.suggest_categorical("kernel", ["rbf", "linear"]),
            scale__with_mean=trial.suggest_categorical("with_mean", [True, False]),
        )
        return cross_val_score(pipe, *iris, cv=3).mean()

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=trials)
    return [(trial.params, trial.value) for trial in study.trials]


def test_objective_that_sets_parameters_of_a_pipeline_has_the_same_trials(iris):
    assert tuned(AcceleratedPipeline(steps(), engine="sklearn"), iris) == tuned(Pipeline(steps()), iris)


def test_objective_may_set_them_on_a_pipeline_that_is_fitted(iris):
    fitted = AcceleratedPipeline(steps(), engine="sklearn").fit(*iris)
    assert tuned(fitted, iris) == tuned(Pipeline(steps()).fit(*iris), iris)


def test_objective_may_choose_the_engine(iris):
    def objective(trial):
        clf = AcceleratedEstimator(SVC(), engine=trial.suggest_categorical("engine", ["sklearn", "sklearnex"]))
        return cross_val_score(clf.set_params(C=trial.suggest_float("C", 0.1, 10)), *iris, cv=3).mean()

    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.GridSampler({"engine": ["sklearn", "sklearnex"], "C": [1.0]})
    )
    study.optimize(objective)
    first, second = (trial.value for trial in study.trials)
    assert abs(first - second) < 0.02


def test_trials_run_in_threads(iris):
    study = optuna.create_study(direction="maximize")

    def objective(trial):
        pipe = accelerate(Pipeline(steps()), engine="sklearn").set_params(clf__C=trial.suggest_float("C", 0.1, 10))
        return cross_val_score(pipe, *iris, cv=3).mean()

    study.optimize(objective, n_trials=4, n_jobs=2)
    assert all(trial.value > 0.9 for trial in study.trials)


def search(estimator, distributions, n_jobs=None):
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    return OptunaSearchCV(estimator, distributions, cv=3, n_trials=4, study=study, random_state=0, n_jobs=n_jobs)


GRID = {"clf__C": FloatDistribution(0.01, 10, log=True), "clf__kernel": CategoricalDistribution(["rbf", "linear"])}


@pytest.mark.parametrize("engine", ["sklearn", "sklearnex"])
def test_search_over_an_accelerated_pipeline(iris, engine):
    X, y = iris
    plain = search(Pipeline(steps()), GRID).fit(X, y)
    made = search(AcceleratedPipeline(steps(), engine={"clf": engine}), GRID).fit(X, y)
    if engine == "sklearn":
        assert made.best_params_ == plain.best_params_
        assert made.best_score_ == plain.best_score_
        np.testing.assert_array_equal(made.predict(X), plain.predict(X))
    assert abs(made.best_score_ - plain.best_score_) < 0.02
    assert made.best_estimator_.decision_["clf"].engine == engine
    np.testing.assert_array_equal(made.classes_, plain.classes_)
    loaded = pickle.loads(pickle.dumps(made.best_estimator_))
    np.testing.assert_array_equal(loaded.predict(X), made.predict(X))


@pytest.mark.parametrize("prefix", ["", "estimator__"])
def test_search_over_a_wrapped_estimator_by_plain_and_by_prefixed_names(iris, prefix):
    X, y = iris
    plain = search(LogisticRegression(max_iter=300), {"C": FloatDistribution(0.01, 10, log=True)}).fit(X, y)
    wrapped = AcceleratedEstimator(LogisticRegression(max_iter=300), engine="sklearn")
    made = search(wrapped, {f"{prefix}C": FloatDistribution(0.01, 10, log=True)}).fit(X, y)
    assert made.best_params_[f"{prefix}C"] == plain.best_params_["C"]
    assert made.best_score_ == plain.best_score_
    np.testing.assert_array_equal(made.predict_proba(X), plain.predict_proba(X))


def test_accelerate_wraps_the_estimator_in_the_search(iris):
    plain = search(Pipeline(steps()), GRID)
    made = accelerate(search(Pipeline(steps()), GRID), engine="sklearn")
    assert type(made) is OptunaSearchCV
    assert type(made.estimator) is AcceleratedPipeline
    assert made.fit(*iris).best_params_ == plain.fit(*iris).best_params_
