"""MAPIE's conformal predictions around wrapped estimators are those around plain ones."""

import numpy as np
import pytest
from mapie.calibration import TopLabelCalibrator
from mapie.classification import CrossConformalClassifier, SplitConformalClassifier
from mapie.regression import (
    ConformalizedQuantileRegressor,
    CrossConformalRegressor,
    JackknifeAfterBootstrapRegressor,
    SplitConformalRegressor,
)
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, QuantileRegressor, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate


def wrap(estimator, engine="sklearn"):
    return AcceleratedEstimator(estimator, engine=engine)


def halves(data):
    X, y = data
    return X[::2], y[::2], X[1::2], y[1::2]


def regressors():
    steps = [("scale", StandardScaler()), ("reg", Ridge())]
    return {
        "wrapped": (Ridge(), wrap(Ridge())),
        "pipeline": (Pipeline(steps), AcceleratedPipeline(steps, engine="sklearn")),
        "pipeline of wrapped": (Pipeline(steps), Pipeline([("scale", StandardScaler()), ("reg", wrap(Ridge()))])),
    }


def same(plain, made):
    for one, other in zip(made, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", list(regressors()))
@pytest.mark.parametrize("prefit", [False, True])
def test_split_conformal_regression(diabetes, kind, prefit):
    X, y, X_new, y_new = halves(diabetes)
    found = []
    for estimator in regressors()[kind]:
        conformal = SplitConformalRegressor(estimator.fit(X, y) if prefit else estimator, prefit=prefit)
        if not prefit:
            conformal.fit(X, y)
        found.append(conformal.conformalize(X_new, y_new).predict_interval(X))
    same(*found)


@pytest.mark.parametrize("kind", list(regressors()))
@pytest.mark.parametrize("regressor", [CrossConformalRegressor, JackknifeAfterBootstrapRegressor])
def test_resampling_conformal_regression(diabetes, kind, regressor):
    X, y, X_new, _ = halves(diabetes)
    options = {"cv": 3} if regressor is CrossConformalRegressor else {"resampling": 30}
    found = [
        regressor(estimator, random_state=0, **options).fit_conformalize(X, y).predict_interval(X_new)
        for estimator in regressors()[kind]
    ]
    same(*found)


@pytest.mark.parametrize(
    "estimator",
    [QuantileRegressor(alpha=0.1), GradientBoostingRegressor(n_estimators=5, loss="quantile", random_state=0)],
    ids=lambda estimator: type(estimator).__name__,
)
def test_conformal_quantiles(diabetes, estimator):
    # The library looks up which of its hyperparameters is the quantile, and sets it on clones.
    X, y, X_new, y_new = halves(diabetes)
    found = [
        ConformalizedQuantileRegressor(each).fit(X, y).conformalize(X_new, y_new).predict_interval(X)
        for each in (estimator, wrap(estimator))
    ]
    same(*found)


def test_conformal_quantiles_of_a_pipeline(diabetes):
    X, y, X_new, y_new = halves(diabetes)
    steps = [("scale", StandardScaler()), ("reg", QuantileRegressor(alpha=0.1))]
    found = [
        ConformalizedQuantileRegressor(each).fit(X, y).conformalize(X_new, y_new).predict_interval(X)
        for each in (Pipeline(steps), AcceleratedPipeline(steps, engine="sklearn"))
    ]
    same(*found)


@pytest.mark.parametrize("prefit", [False, True])
@pytest.mark.parametrize("score", ["lac", "aps", "top_k"])
def test_split_conformal_classification(iris, prefit, score):
    X, y, X_new, y_new = halves(iris)
    found = []
    for estimator in (LogisticRegression(max_iter=500), wrap(LogisticRegression(max_iter=500))):
        conformal = SplitConformalClassifier(
            estimator.fit(X, y) if prefit else estimator, prefit=prefit, conformity_score=score, random_state=0
        )
        if not prefit:
            conformal.fit(X, y)
        found.append(conformal.conformalize(X_new, y_new).predict_set(X))
    same(*found)


def test_cross_conformal_classification(iris):
    X, y, X_new, _ = halves(iris)
    steps = [("scale", StandardScaler()), ("clf", LogisticRegression(max_iter=500))]
    found = [
        CrossConformalClassifier(each, cv=3, random_state=0).fit_conformalize(X, y).predict_set(X_new)
        for each in (Pipeline(steps), AcceleratedPipeline(steps, engine="sklearn"), accelerate(Pipeline(steps)))
    ]
    same(found[0], found[1])
    same(found[0], found[2])


def test_calibration(iris):
    X, y, X_new, y_new = halves(iris)
    found = []
    for estimator in (LogisticRegression(max_iter=500), wrap(LogisticRegression(max_iter=500))):
        calibrator = TopLabelCalibrator(estimator.fit(X, y), cv="prefit")
        found.append((calibrator.fit(X_new, y_new).predict_proba(X),))
    same(*found)


def test_intervals_are_near_with_sklearnex(diabetes):
    X, y, X_new, y_new = halves(diabetes)
    plain, made = (
        SplitConformalRegressor(each, prefit=False).fit(X, y).conformalize(X_new, y_new).predict_interval(X)[1]
        for each in (Ridge(), wrap(Ridge(), "sklearnex"))
    )
    np.testing.assert_allclose(made, plain, rtol=1e-6)
