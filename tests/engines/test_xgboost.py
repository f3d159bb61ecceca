"""Engine xgboost: the same trees where the bins are the same, its GPUs, and what it takes for missing."""

import json
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("xgboost", reason="xgboost is not installed")

import xgboost
from boosting_data import binned, far
from boosting_libraries import LIBRARIES
from sklearn.base import clone
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from accelsk import AcceleratedEstimator, explain
from accelsk.devices import HOST, Device
from accelsk.engines import get, get_adapter
from accelsk.engines.translate import keywords_of
from accelsk.errors import UnsupportedInput, UnsupportedParameter
from accelsk.testing import parametrize_with_engine_checks

XGBOOST = LIBRARIES["xgboost"]
ADAPTER = get_adapter("xgboost")
ROWS = {row.name: row for row in get("xgboost").rows}


@parametrize_with_engine_checks("xgboost")
def test_xgboost_keeps_the_engine_contract(check):
    check()


def parity(cls, target, rounds, **params):
    X, targets = binned()
    plain = cls(max_leaf_nodes=8, max_iter=rounds, early_stopping=False, **params).fit(X, targets[target])
    return far(plain, XGBOOST.on(plain).fit(X, targets[target]), X)


@pytest.mark.parametrize("rounds", [1, 20])
@pytest.mark.parametrize(
    "cls, target, params",
    [
        (HistGradientBoostingClassifier, "binary", {}),
        (HistGradientBoostingClassifier, "binary", {"min_samples_leaf": 1, "l2_regularization": 2.0}),
        (HistGradientBoostingClassifier, "binary", {"class_weight": "balanced"}),
        (HistGradientBoostingClassifier, "four", {"min_samples_leaf": 1}),
        (HistGradientBoostingClassifier, "four", {"min_samples_leaf": 1, "l2_regularization": 3.0}),
        (HistGradientBoostingRegressor, "number", {}),
        (HistGradientBoostingRegressor, "number", {"l2_regularization": 5.0, "max_depth": 3}),
        (HistGradientBoostingRegressor, "number", {"interaction_cst": [[0, 1], [2, 3]]}),
        (HistGradientBoostingRegressor, "number", {"interaction_cst": "pairwise"}),
        (HistGradientBoostingRegressor, "number", {"interaction_cst": "no_interactions"}),
        (HistGradientBoostingRegressor, "number", {"loss": "absolute_error"}),
        (HistGradientBoostingRegressor, "positive", {"loss": "gamma"}),
    ],
)
def test_the_trees_are_the_same(cls, target, params, rounds):
    assert parity(cls, target, rounds, **params) < 1e-5  # it computes in single precision


def test_what_is_graded_differs():
    """If one of these becomes exact, its grade can go."""
    assert parity(HistGradientBoostingRegressor, "count", 1, loss="poisson") < 1e-6
    assert parity(HistGradientBoostingRegressor, "count", 20, loss="poisson") > 1e-3
    assert parity(HistGradientBoostingClassifier, "four", 20) > 1e-3
    assert parity(HistGradientBoostingRegressor, "number", 1, loss="quantile", quantile=0.8) > 1e-4
    graded = explain(HistGradientBoostingClassifier(), engine="xgboost").grades
    assert graded["min_samples_leaf"].startswith("none: ")
    assert "min_samples_leaf" not in explain(HistGradientBoostingRegressor(), engine="xgboost").grades
    assert "loss" in explain(HistGradientBoostingRegressor(loss="quantile", quantile=0.8), engine="xgboost").grades


def test_missing_values_go_where_scikit_learn_sends_them():
    X, targets = binned()
    X = np.where(np.random.default_rng(1).random(X.shape) < 0.1, np.nan, X)
    plain = HistGradientBoostingRegressor(max_iter=20, max_leaf_nodes=8).fit(X, targets["number"])
    assert far(plain, XGBOOST.on(plain).fit(X, targets["number"]), X) < 1e-5


def test_an_entry_that_is_not_stored_is_zero_unless_zeros_are_missing():
    random = np.random.default_rng(0)
    dense = random.poisson(0.5, (1000, 8)).astype(float)
    y = (dense[:, 0] > 0).astype(int)
    X = sp.csr_array(dense)
    # What XGBoost itself makes of it.
    raw = xgboost.XGBClassifier(n_estimators=5).fit(dense, y)
    assert np.abs(raw.predict_proba(dense) - raw.predict_proba(X)).max() > 0.5
    model = AcceleratedEstimator(xgboost.XGBClassifier(n_estimators=5)).fit(X, y)
    assert model.decision_.conversions == ("sparse to dense (0.064 MB)",)
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(dense))
    np.testing.assert_allclose(model.predict_proba(dense), raw.predict_proba(dense), rtol=1e-6)
    with pytest.raises(UnsupportedInput, match="missing=0") as caught:
        AcceleratedEstimator(xgboost.XGBClassifier(), sparse="error").fit(X, y)
    assert "engine='auto'" not in caught.value.hint, "no other engine computes it"
    # The other meaning, by its own parameter: zeros are missing, stored or not, and nothing is made dense.
    sparse = AcceleratedEstimator(xgboost.XGBClassifier(n_estimators=5, missing=0), sparse="error").fit(X, y)
    assert sparse.decision_.conversions == ()
    np.testing.assert_array_equal(sparse.predict_proba(X), sparse.predict_proba(dense))


def test_the_users_objective_stays(iris):
    mine = xgboost.XGBClassifier(n_estimators=3)
    model = AcceleratedEstimator(mine).fit(*iris)
    assert model.estimator_.objective == "multi:softprob"
    assert mine.objective == xgboost.XGBClassifier().objective
    assert model.get_params()["estimator__objective"] == xgboost.XGBClassifier().objective


def test_labels_that_it_evaluates_itself_on_are_encoded(iris):
    X, y = iris
    words = np.array(["a", "b", "c"])[y]
    model = AcceleratedEstimator(xgboost.XGBClassifier(n_estimators=5, eval_metric="mlogloss"))
    model.fit(X, words, eval_set=[(X, words)], verbose=False)
    assert model.evals_result()["validation_0"]["mlogloss"][-1] < 1
    with pytest.raises(ValueError, match=r"does not have: \['d'\]"):
        model.fit(X, words, eval_set=[(X, np.full(len(X), "d"))], verbose=False)


def test_several_labels_at_once():
    X, targets = binned()
    both = np.column_stack([targets["binary"], targets["four"] > 2])
    model = AcceleratedEstimator(xgboost.XGBClassifier(n_estimators=10)).fit(X, both)
    assert model.predict(X).dtype == both.dtype
    assert model.predict(X).shape == both.shape
    assert (model.predict(X) == both).mean() > 0.85


# -- devices -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked, device",
    [("cuda", Device.parse("cuda")), ("cuda:1", Device.parse("cuda:1")), ("gpu:2", Device.parse("cuda:2"))],
)
def test_its_own_device_is_a_request(asked, device):
    assert ADAPTER.requested({"device": asked}) == device


@pytest.mark.parametrize("asked", ["cpu", None])
def test_the_processor_is_no_request(asked):
    assert ADAPTER.requested({"device": asked}) is None


def test_a_gpu_is_named_with_its_number():
    row = ROWS["XGBClassifier"]
    assert ADAPTER.on_device(row, {"max_depth": 3, "device": "cpu"}, Device.parse("cuda:1")) == {
        "max_depth": 3,
        "device": "cuda:1",
        "fail_on_invalid_gpu_id": True,
    }
    assert ADAPTER.on_device(row, {"device": "cuda:7"}, HOST) == {"device": "cpu"}
    with pytest.raises(UnsupportedParameter, match="tree_method='hist'"):
        ADAPTER.on_device(row, {"tree_method": "exact"}, Device.parse("cuda:0"))


def test_it_says_where_it_has_computed(diabetes):
    model = xgboost.XGBRegressor(n_estimators=2, device="cpu").fit(*diabetes)
    assert ADAPTER.ran_elsewhere(model, HOST) == ""
    assert ADAPTER.ran_elsewhere(model, Device.parse("cuda:0")) == "device='cpu'"


def test_it_takes_the_number_of_threads_of_the_wrapper(diabetes):
    model = AcceleratedEstimator(HistGradientBoostingRegressor(max_iter=3), engine="xgboost", n_jobs=1).fit(*diabetes)
    assert model.estimator_.n_jobs == 1


def test_exact_splits_can_be_asked_for(diabetes):
    plain = GradientBoostingRegressor(random_state=0, n_estimators=20).fit(*diabetes)
    exact = XGBOOST.on(plain, engine_params={"xgboost": {"tree_method": "exact"}}).fit(*diabetes)
    on_bins = XGBOOST.on(plain).fit(*diabetes)
    assert exact.estimator_.tree_method == "exact"
    X = diabetes[0]
    assert far(plain, exact, X) < 1e-2 * np.ptp(diabetes[1])
    assert far(plain, exact, X) < far(plain, on_bins, X)


def test_no_parameter_that_it_does_not_know_is_passed():
    """XGBoost ignores unknown keywords with no more than a warning."""
    known = set(xgboost.XGBClassifier().get_params()) | {"fail_on_invalid_gpu_id"}
    for name, row in ROWS.items():
        if not row.native:
            cls = getattr(__import__("sklearn.ensemble", fromlist=[name]), name)
            params = clone(cls()).get_params(deep=False)
            from accelsk import config

            options = config.resolve({"engine": "xgboost"}, {})
            assert set(keywords_of(row, "xgboost", params, options)[0]) - {"recipe"} <= known, name


def test_what_is_written_down_is_a_model_of_the_processor(iris):
    model = AcceleratedEstimator(xgboost.XGBClassifier(n_estimators=3)).fit(*iris)
    backend = model._backend
    backend.model.set_params(device="cuda:0")  # a build with CUDA cannot read such a model where there is no GPU
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that this build has no CUDA
            again = pickle.loads(ADAPTER.dump(backend, ROWS["XGBClassifier"])).model
        assert again.get_params()["device"] == "cpu"
        assert json.loads(again.get_booster().save_config())["learner"]["generic_param"]["device"] == "cpu"
        assert backend.model.get_params()["device"] == "cuda:0"
    finally:
        backend.model.set_params(device="cpu")
