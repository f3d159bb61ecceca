"""Engine lightgbm: its own classes keep scikit-learn's word, and scikit-learn's classes keep their meaning on it."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

pytest.importorskip("lightgbm", reason="lightgbm is not installed")

import lightgbm
from boosting_data import binned, far

from accelsk import AcceleratedEstimator, explain
from accelsk.devices import Device
from accelsk.engines import get_adapter
from accelsk.errors import DeviceNotAvailable
from accelsk.testing import parametrize_with_engine_checks

HIST = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
OWN = (lightgbm.LGBMClassifier, lightgbm.LGBMRegressor)


def on_lightgbm(estimator, **options):
    return AcceleratedEstimator(clone(estimator), engine="lightgbm", fallback="raise", **options)


@parametrize_with_engine_checks("lightgbm")
def test_lightgbm_keeps_the_engine_contract(check):
    check()


# -- scikit-learn's classes: the same trees where the bins are the same ------------------------------------------------


def parity(cls, target, rounds, **params):
    X, targets = binned()
    plain = cls(max_leaf_nodes=8, max_iter=rounds, early_stopping=False, **params).fit(X, targets[target])
    return far(plain, on_lightgbm(plain).fit(X, targets[target]), X)


@pytest.mark.parametrize("rounds", [1, 20])
@pytest.mark.parametrize(
    "target, params",
    [
        ("binary", {}),
        ("binary", {"min_samples_leaf": 1, "l2_regularization": 2.0}),
        ("binary", {"class_weight": "balanced"}),
        ("binary", {"interaction_cst": [[0, 1], [2, 3]]}),
        ("four", {"min_samples_leaf": 1}),
        ("four", {"min_samples_leaf": 1, "l2_regularization": 3.0}),
    ],
)
def test_classifiers_grow_the_same_trees(target, params, rounds):
    assert parity(HistGradientBoostingClassifier, target, rounds, **params) < 1e-7


@pytest.mark.parametrize("rounds", [1, 20])
@pytest.mark.parametrize(
    "target, params",
    [
        ("number", {"loss": "squared_error"}),
        ("number", {"loss": "squared_error", "l2_regularization": 5.0, "max_depth": 3}),
        ("number", {"loss": "squared_error", "interaction_cst": "pairwise"}),
        ("number", {"loss": "squared_error", "interaction_cst": "no_interactions"}),
        ("number", {"loss": "absolute_error"}),
        ("number", {"loss": "quantile", "quantile": 0.8}),
        ("count", {"loss": "poisson"}),
        ("positive", {"loss": "gamma"}),
    ],
)
def test_regressors_grow_the_same_trees(target, params, rounds):
    assert parity(HistGradientBoostingRegressor, target, rounds, **params) < 5e-6


def test_many_rows_in_a_leaf_of_several_classes_are_only_estimated():
    # The reason for the grade of min_samples_leaf; if this becomes exact, the grade can go.
    assert parity(HistGradientBoostingClassifier, "four", 1) < 1e-7
    assert parity(HistGradientBoostingClassifier, "four", 20) > 1e-3
    assert "min_samples_leaf" in explain(HistGradientBoostingClassifier(), engine="lightgbm").grades
    assert "min_samples_leaf" not in explain(HistGradientBoostingRegressor(), engine="lightgbm").grades


@pytest.mark.parametrize("cls, target", [(HIST[0], "binary"), (HIST[1], "number")])
def test_missing_values_go_where_scikit_learn_sends_them(cls, target):
    X, targets = binned()
    X = np.where(np.random.default_rng(1).random(X.shape) < 0.1, np.nan, X)
    plain = cls(max_iter=20, max_leaf_nodes=8).fit(X, targets[target])
    assert far(plain, on_lightgbm(plain).fit(X, targets[target]), X) < 1e-6


@pytest.mark.parametrize("cls", HIST)
def test_weights_count_as_in_scikit_learn(cls):
    X, targets = binned()
    y, weights = targets["binary"], np.random.default_rng(2).uniform(0.5, 2, len(X))
    plain = cls(max_iter=20, min_samples_leaf=1, max_leaf_nodes=8).fit(X, y, weights)
    assert far(plain, on_lightgbm(plain).fit(X, y, sample_weight=weights), X) < 1e-6


@pytest.mark.parametrize("cls, target", [(HIST[0], "binary"), (HIST[0], "four"), (HIST[1], "number")])
def test_early_stopping_watches_the_same_rows(cls, target):
    X, targets = binned()
    plain = cls(early_stopping=True, max_iter=300, tol=1e-3, random_state=3, min_samples_leaf=1).fit(X, targets[target])
    found = on_lightgbm(plain).fit(X, targets[target])
    assert found.do_early_stopping_ is True
    assert 10 < found.n_iter_ < 300
    assert found.n_iter_ == pytest.approx(plain.n_iter_, rel=0.15)
    # The trees are the same, and so are the losses after each iteration, on scikit-learn's own split and scale.
    np.testing.assert_allclose(found.validation_score_[:20], plain.validation_score_[1:21], rtol=0.02)
    assert len(list(found.staged_predict(X[:2]))) == found.n_iter_, "a tree was dropped"


def test_early_stopping_on_what_is_passed_and_on_the_training_data():
    X, targets = binned()
    y = targets["number"]
    estimator = HistGradientBoostingRegressor(early_stopping=True, max_iter=200, tol=1e-2)
    found = on_lightgbm(estimator.set_params(validation_fraction=None)).fit(X, y)
    assert len(found.train_score_) == found.n_iter_ < 200
    if "X_val" in HistGradientBoostingRegressor.fit.__code__.co_varnames:  # scikit-learn 1.7
        found = on_lightgbm(estimator).fit(X[:3000], y[:3000], X_val=X[3000:], y_val=y[3000:])
        plain = clone(estimator).fit(X[:3000], y[:3000], X_val=X[3000:], y_val=y[3000:])
        assert found.n_iter_ == pytest.approx(plain.n_iter_, abs=1)


def test_gradient_boosting_stops_early():
    X, targets = binned()
    plain = GradientBoostingRegressor(n_estimators=500, n_iter_no_change=5, random_state=0).fit(X, targets["number"])
    found = on_lightgbm(plain).fit(X, targets["number"])
    assert found.n_estimators_ == pytest.approx(plain.n_estimators_, rel=0.2)
    np.testing.assert_allclose(found.feature_importances_, plain.feature_importances_, atol=0.05)
    assert found.feature_importances_.sum() == pytest.approx(1)
    with pytest.raises(AttributeError, match="estimators_"):
        found.estimators_  # noqa: B018
    assert len(found.estimator_.booster_.dump_model()["tree_info"]) == found.n_estimators_


# -- its own classes ---------------------------------------------------------------------------------------------------


def test_what_lightgbm_evaluates_itself_on_reaches_it(iris):
    X, y = iris
    words = np.array(["a", "b", "c"])[y]
    model = AcceleratedEstimator(lightgbm.LGBMClassifier(verbose=-1, n_estimators=50))
    model.fit(X, words, eval_X=X, eval_y=words, callbacks=[lightgbm.early_stopping(3, verbose=False)])
    assert "multi_logloss" in model.evals_result_["valid_0"]
    plain = lightgbm.LGBMClassifier(verbose=-1, n_estimators=50)  # which does not encode the words of eval_y
    plain.fit(X, y, eval_X=X, eval_y=y, callbacks=[lightgbm.early_stopping(3, verbose=False)])
    assert model.best_iteration_ == plain.best_iteration_
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("cls, params", [(HIST[1], {"max_leaf_nodes": None}), (GradientBoostingRegressor, {})])
def test_trees_without_a_bound_take_no_more_leaves_than_there_are(cls, params):
    # LightGBM reserves a histogram for every leaf that it is told: gigabytes for all that it allows.
    X, targets = binned()
    X, y = X[:500], targets["number"][:500]
    plain = cls(max_depth=None, min_samples_leaf=3, **params)
    plain.set_params(**{"max_iter" if cls is HIST[1] else "n_estimators": 5}).fit(X, y)
    found = on_lightgbm(plain).fit(X, y)
    assert found.estimator_.get_params()["num_leaves"] <= 500
    assert far(plain, found, X) < 1e-6
    deep = on_lightgbm(HIST[1](max_leaf_nodes=None, max_depth=3, max_iter=5)).fit(X, y)
    assert deep.estimator_.get_params()["num_leaves"] == 8
    wide = np.tile(targets["number"][:500, None], 80) + np.random.default_rng(0).normal(size=(500, 80))
    one = on_lightgbm(HIST[1](max_leaf_nodes=None, min_samples_leaf=1, max_iter=2)).fit(np.tile(wide, 8), y)
    assert one.estimator_.get_params().get("histogram_pool_size") == 1024


# -- devices -----------------------------------------------------------------------------------------------------------


def test_device_parameters_of_its_own_are_a_request(iris):
    adapter = get_adapter("lightgbm")
    assert adapter.requested({"device_type": "cpu"}) is None
    assert adapter.requested({}) is None
    assert adapter.requested({"device": "cuda", "gpu_device_id": 1}) == Device("gpu", "cuda", 1)
    for asked in ({"device_type": "cuda"}, {"device": "cuda"}, {"device": "gpu", "gpu_platform_id": 9}):
        with pytest.raises(DeviceNotAvailable, match="reaches: cpu"):
            AcceleratedEstimator(lightgbm.LGBMClassifier(**asked)).fit(*iris)
    # The option comes before it, and an alias does not survive it.
    model = AcceleratedEstimator(lightgbm.LGBMClassifier(device="gpu", verbose=-1), device="cpu").fit(*iris)
    assert (model.device_, model.estimator_.get_params().get("device")) == ("cpu", None)


# -- a real OpenCL device, in processes of their own: a process that has started OpenCL must not be forked -------------

SET_UP = """
import json, pickle, sys, warnings
import numpy as np
import scipy.sparse as sp
import lightgbm
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, HistGradientBoostingRegressor
from accelsk import AcceleratedEstimator, devices
warnings.simplefilter("error")
X, y = load_breast_cancer(return_X_y=True)
own = lightgbm.LGBMClassifier(n_estimators=10, verbose=-1, gpu_use_dp=True)
def told(**facts):
    print("JSON", json.dumps(facts))
"""


def run(code, *args, **environment):
    done = subprocess.run(
        [sys.executable, "-c", SET_UP + textwrap.dedent(code), *map(str, args)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**WITH_OPENCL, "OMP_NUM_THREADS": "1", **environment},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    *_, line = (line for line in done.stdout.splitlines() if line.startswith("JSON "))
    return json.loads(line.removeprefix("JSON ")), done.stdout


#: tests/conftest.py hides the drivers from this process.
WITH_OPENCL = {name: value for name, value in os.environ.items() if name != "OCL_ICD_VENDORS"}


def has_opencl():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OCL_ICD_VENDORS")
        return any(device.backend == "opencl" for device in get_adapter("lightgbm").devices())


needs_opencl = pytest.mark.skipif(not has_opencl(), reason="no OpenCL driver is installed: .ci/opencl installs PoCL")
TWO = {"POCL_DEVICES": "pthread pthread", "ACCELSK_OPENCL_CPU_AS_GPU": "1"}


@needs_opencl
@pytest.mark.xdist_group("opencl")
def test_on_opencl_the_results_are_those_of_the_processor():
    found, _ = run(
        """
        thin = np.where(X < np.median(X, axis=0), 0.0, X)
        codes = np.column_stack([np.digitize(X[:, 0], np.quantile(X[:, 0], np.arange(0.1, 1, 0.1))), X[:, 1:4]])
        cases = {
            "own": (own, X),
            "sparse": (own, sp.csr_array(thin)),
            "hist": (HistGradientBoostingClassifier(max_iter=10), X),
            "gradient, sparse": (GradientBoostingClassifier(n_estimators=10), sp.csr_matrix(thin)),
            "categories": (HistGradientBoostingClassifier(max_iter=10, categorical_features=[0]), codes),
            "missing": (HistGradientBoostingClassifier(max_iter=10), np.where(X > 1000, np.nan, X)),
        }
        differences, places = {}, set()
        for name, (estimator, data) in cases.items():
            here, there = (
                AcceleratedEstimator(estimator, engine="lightgbm", device=device, fallback="raise").fit(data, y)
                for device in ("cpu", "opencl:cpu")
            )
            places.add((here.device_, there.device_, there.estimator_.get_params()["device_type"]))
            differences[name] = float(np.abs(here.predict_proba(data) - there.predict_proba(data)).max())
        told(differences=differences, places=sorted(places))
        """
    )
    assert found["places"] == [["cpu", "opencl:cpu:0", "gpu"]]
    # Groups of categories are chosen by sums that a GPU adds in another order.
    assert found["differences"].pop("categories") < 0.05
    assert max(found["differences"].values()) < 1e-3, found["differences"]


@needs_opencl
@pytest.mark.xdist_group("opencl")
def test_of_two_devices_the_one_that_was_asked_for_computes():
    found, output = run(
        """
        places = {}
        for asked in ("gpu", "gpu:1", "opencl:gpu:1"):
            print("asked for", asked)
            model = AcceleratedEstimator(lightgbm.LGBMClassifier(n_estimators=2, verbose=1), device=asked).fit(X, y)
            places[asked] = model.device_
        try:
            AcceleratedEstimator(own, device="gpu:7").fit(X, y)
        except Exception as error:
            told(places=places, error=type(error).__name__, message=str(error))
        """,
        **TWO,
    )
    assert found["places"] == {"gpu": "opencl:gpu:0", "gpu:1": "opencl:gpu:1", "opencl:gpu:1": "opencl:gpu:1"}
    assert found["error"] == "DeviceNotAvailable"
    assert "cpu, opencl:gpu:0, opencl:gpu:1" in found["message"]
    # What LightGBM itself says of it.
    said = [part.count("Using requested OpenCL platform 0 device 1") for part in output.split("asked for ")[1:]]
    assert said == [0, 1, 1]


@needs_opencl
@pytest.mark.xdist_group("opencl")
def test_a_cpu_is_no_gpu_and_without_a_driver_there_is_nothing():
    code = """
        try:
            AcceleratedEstimator(own, device="gpu").fit(X, y)
        except Exception as error:
            told(error=type(error).__name__, message=str(error), devices=[str(each.device) for each in devices()])
        """
    found, _ = run(code)
    assert found["error"] == "DeviceNotAvailable"
    assert "opencl:cpu:0" in found["devices"]
    found, _ = run(code, OCL_ICD_VENDORS="/nonexistent")
    assert found["error"] == "DeviceNotAvailable"
    assert not [device for device in found["devices"] if device.startswith("opencl")]


@needs_opencl
@pytest.mark.xdist_group("opencl")
def test_a_search_runs_there_in_loky_and_is_refused_in_forked_processes():
    found, _ = run(
        """
        import joblib
        from sklearn.model_selection import GridSearchCV
        model = AcceleratedEstimator(own, device="opencl:cpu").fit(X, y)
        grid = GridSearchCV(model, {"num_leaves": [7, 15]}, cv=2, n_jobs=2, error_score="raise")
        found = grid.fit(X, y).best_estimator_.device_
        with joblib.parallel_config("multiprocessing"):
            try:
                grid.fit(X, y)
            except Exception as error:
                told(device=found, error=type(error).__name__, message=str(error))
        """
    )
    assert found["device"] == "opencl:cpu:0"
    assert found["error"] == "DeviceNotAvailable"
    assert "forked" in found["message"]
    assert "loky" in found["message"]


@needs_opencl
@pytest.mark.xdist_group("opencl")
@pytest.mark.parametrize("estimator", ["own", "HistGradientBoostingClassifier(max_iter=5)"])
def test_a_model_that_was_fitted_there_opens_where_there_is_none(estimator, tmp_path):
    file = tmp_path / "model.pickle"
    run(
        f"""
        model = AcceleratedEstimator({estimator}, engine="lightgbm", device="opencl:cpu").fit(X, y)
        with open(sys.argv[1], "wb") as file:
            pickle.dump((model, model.predict_proba(X)), file)
        told()
        """,
        file,
    )
    found, _ = run(
        """
        with warnings.catch_warnings(record=True) as caught, open(sys.argv[1], "rb") as file:
            warnings.simplefilter("always")
            model, expected = pickle.load(file)
            opened = [type(warning.message).__name__ for warning in caught]
            device, same = model.device_, bool(np.array_equal(model.predict_proba(X), expected))
            caught.clear()
            model.fit(X, y)
            told(
                opened=opened, device=device, same=same, asked=model.device, refitted=model.device_,
                again=[str(warning.message) for warning in caught],
                near=float(np.abs(model.predict_proba(X) - expected).max()),
            )
        """,
        file,
        OCL_ICD_VENDORS="/nonexistent",
    )
    assert found["opened"] == ["DevicePlacementWarning"]
    assert (found["device"], found["refitted"], found["asked"]) == ("cpu", "cpu", "opencl:cpu")
    assert found["same"]
    assert len(found["again"]) == 1
    assert "opencl:cpu:0" in found["again"][0]
    assert found["near"] < 1e-3
