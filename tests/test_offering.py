"""Fit and predict decided apart: who computes the methods of a model, whoever has fitted it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.svm import SVR

from accelsk import AcceleratedEstimator, looks, offering
from accelsk.costs import Cost
from accelsk.engines import get
from accelsk.errors import UnsupportedParameter


@pytest.fixture
def known(monkeypatch):
    """Seconds per row of predict, by engine: ``known(sklearn=1e-9)``."""

    def set_to(**per_row):
        def cost(engine, estimator, operation, params, classes=2):
            known = engine in per_row and operation == "predict"
            return Cost(terms={"n": per_row[engine]}, error=0.1) if known else None

        monkeypatch.setattr(offering, "cost_of", cost)
        monkeypatch.setattr(offering, "offers", lambda model: iter(()))  # nothing else is to be in the way
        monkeypatch.setattr(
            offering, "seconds_for", lambda engine, estimator, operation, params, work: per_row[engine] * work.n
        )
        monkeypatch.setattr(looks, "_memory", {})

    return set_to


def predicted(model, X, calls=6):
    for _ in range(calls):
        result = model.predict(X)
    return result


def test_what_another_engine_has_fitted_is_predicted_by_scikit_learn_where_that_is_faster(known, diabetes):
    X, y = diabetes
    known(sklearn=1e-12)
    model = AcceleratedEstimator(Ridge(), engine="sklearnex").fit(X, y)
    np.testing.assert_allclose(predicted(model, X), Ridge().fit(X, y).predict(X), rtol=1e-9)
    assert model.engine_ == "sklearnex"
    assert "predict" in model.decision_.operations
    assert "sklearn for 256 to 511 rows" in model.decision_.operations["predict"]
    assert "predict by sklearn" in str(model.decision_)


def test_and_the_other_way_round(known, diabetes):
    X, y = diabetes
    known(loopback=1e-12)
    model = AcceleratedEstimator(Ridge(), engine="sklearn").fit(X, y)
    np.testing.assert_allclose(predicted(model, X), Ridge().fit(X, y).predict(X), rtol=1e-9)
    offers = list(offering._offered(model, model._backend, model._route))
    assert [offer.name for offer in offers] == ["loopback"]
    assert offers[0].seconds("predict", 100) == pytest.approx(1.1e-10)  # by as much as the estimate may err
    np.testing.assert_allclose(offers[0].make()["predict"](X), model.predict(X), rtol=1e-9)


def test_a_library_that_is_not_loaded_is_offered_for_what_its_import_costs(known, diabetes, monkeypatch):
    X, y = diabetes
    known(loopback=1e-12)
    model = AcceleratedEstimator(Ridge(), engine="sklearn").fit(X, y)
    imports = get("loopback").imports
    monkeypatch.setitem(sys.modules, imports, sys)
    (loaded,) = offering._offered(model, model._backend, model._route)
    monkeypatch.delitem(sys.modules, imports)
    (absent,) = offering._offered(model, model._backend, model._route)
    assert loaded.build < 1e-3 < 0.1 < absent.build


def test_where_it_is_not_estimated_to_be_faster_the_model_computes_itself(known, diabetes):
    X, y = diabetes
    known(sklearn=1.0)
    model = AcceleratedEstimator(Ridge(), engine="sklearnex").fit(X, y)
    predicted(model, X)
    assert model.decision_.operations == {}


@pytest.mark.parametrize("dtype, exact", [("float64", True), ("float32", False)])
def test_an_export_that_is_exact_in_double_precision_only_serves_that(known, diabetes, dtype, exact):
    X, y = diabetes
    X = X.astype(dtype)
    known(sklearn=1e-12)
    model = AcceleratedEstimator(SVR(), engine="sklearnex").fit(X, y)
    offers = list(offering._offered(model, model._backend, model._route))
    assert [offer.dtypes for offer in offers] == [("float64",)] * exact


@pytest.mark.parametrize("bad", [{"precision": "float16"}, {"batch_sizes": (0,)}, {"batch_sizes": (1.5,)}])
def test_prepare_names_what_it_does_not_take(diabetes, bad):
    model = AcceleratedEstimator(Ridge()).fit(*diabetes)
    with pytest.raises(UnsupportedParameter, match=next(iter(bad))):
        model.prepare(**bad)
