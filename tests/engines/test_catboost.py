"""Engine catboost: its own classes behave, and its options for GPUs are the ones that it takes."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("catboost", reason="catboost is not installed")

import catboost
from boosting_data import binned, far
from boosting_libraries import LIBRARIES
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from accelsk import AcceleratedEstimator, explain
from accelsk.devices import HOST, Device
from accelsk.engines import get, get_adapter
from accelsk.errors import UnsupportedParameter
from accelsk.testing import parametrize_with_engine_checks

CATBOOST = LIBRARIES["catboost"]
ADAPTER = get_adapter("catboost")
ROWS = {row.name: row for row in get("catboost").rows}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Plain CatBoost writes a folder into the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@parametrize_with_engine_checks("catboost")
def test_catboost_keeps_the_engine_contract(check):
    check()


@pytest.mark.parametrize("rounds", [1, 20])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"l2_regularization": 5.0, "max_depth": 3},
        {"max_leaf_nodes": None, "max_depth": 4, "min_samples_leaf": 1},
        {"learning_rate": 0.3},
    ],
    ids=str,
)
def test_for_the_squared_error_the_trees_are_the_same(rounds, params):
    X, targets = binned()
    params = {"max_leaf_nodes": 8, "max_iter": rounds, "early_stopping": False, **params}
    plain = HistGradientBoostingRegressor(**params).fit(X, targets["number"])
    assert far(plain, CATBOOST.on(plain).fit(X, targets["number"]), X) < 1e-6


def test_it_is_silent_and_leaves_no_files_unless_asked(elsewhere, iris, capfd):
    for estimator in (catboost.CatBoostClassifier(iterations=3), HistGradientBoostingRegressor(max_iter=3)):
        AcceleratedEstimator(estimator, engine="catboost").fit(*iris)
    assert capfd.readouterr().out == ""
    assert list(elsewhere.iterdir()) == []
    AcceleratedEstimator(catboost.CatBoostClassifier(iterations=3, verbose=1, train_dir="told")).fit(*iris)
    assert "learn:" in capfd.readouterr().out
    assert (elsewhere / "told").is_dir()


def test_a_fitted_one_takes_new_hyperparameters(iris):
    model = AcceleratedEstimator(catboost.CatBoostClassifier(iterations=3), n_jobs=1).fit(*iris)
    with pytest.raises(catboost.CatBoostError):
        model.estimator_.set_params(iterations=4)
    model.set_params(iterations=4, random_state=3).fit(*iris)
    assert model.estimator_.tree_count_ == 4
    assert model.estimator_.get_params()["random_state"] == 3
    assert model.estimator_.get_params()["thread_count"] == 1


def test_its_own_columns_of_categories(iris):
    X, y = iris
    words = np.column_stack([X.astype(object), np.array(["x", "y"])[np.arange(150) % 2]])
    model = AcceleratedEstimator(catboost.CatBoostClassifier(iterations=5, cat_features=[4])).fit(words, y)
    assert model.score(words, y) > 0.9
    with pytest.raises(ValueError, match="could not convert"):
        AcceleratedEstimator(catboost.CatBoostClassifier(iterations=5)).fit(words, y)


def test_parameters_that_name_labels_name_those_of_the_user(iris):
    X, y = iris
    own = catboost.CatBoostClassifier
    for labels in (["10", "9", "100"], [1.0, 2.0, 4.0]):
        named = np.array(labels)[y]
        weighted = AcceleratedEstimator(own(iterations=5, class_weights={labels[1]: 50, labels[0]: 1, labels[2]: 1}))
        plain = AcceleratedEstimator(own(iterations=5))
        column = np.flatnonzero(np.unique(named) == labels[1])[0]
        grown = weighted.fit(X, named).predict_proba(X)[:, column] - plain.fit(X, named).predict_proba(X)[:, column]
        assert grown[y != 1].mean() > 0.05
        with pytest.raises(ValueError, match=r"class_weights has labels that the fit does not have: \[0\]"):
            AcceleratedEstimator(own(class_weights={0: 1})).fit(X, named)
    ordered = AcceleratedEstimator(own(iterations=20, class_names=["c", "b", "a"])).fit(X, np.array(list("abc"))[y])
    assert ordered.classes_.tolist() == ["c", "b", "a"]
    assert (ordered.classes_[ordered.predict_proba(X).argmax(axis=1)] == ordered.predict(X)).all()


def test_its_other_methods_take_sparse_arrays(iris):
    X, y = iris
    sparse = sp.csr_array(X)
    model = AcceleratedEstimator(catboost.CatBoostClassifier(iterations=5)).fit(X, y)
    np.testing.assert_array_equal(model.calc_leaf_indexes(sparse), model.calc_leaf_indexes(X))
    assert len(list(model.staged_predict_proba(sparse))) == 5


def test_a_pool_has_labels_of_its_own(iris):
    X, y = iris
    pool = catboost.Pool(X, y)
    assert AcceleratedEstimator(catboost.CatBoostClassifier(iterations=5)).fit(X, y, eval_set=pool).get_evals_result()
    with pytest.raises(ValueError, match="pass X and y as a tuple"):
        AcceleratedEstimator(catboost.CatBoostClassifier(iterations=5)).fit(X, y > 1, eval_set=pool)


def test_noise_is_graded(iris):
    for cls in (HistGradientBoostingClassifier, GradientBoostingClassifier):
        assert "noise" in explain(cls(), *iris, engine="catboost").grades["random_state"]


def test_data_that_it_refuses_are_a_value_error(diabetes):
    with pytest.raises(ValueError, match=r"constant|ignored"):
        AcceleratedEstimator(catboost.CatBoostRegressor(iterations=3)).fit(np.ones((10, 2)), np.arange(10.0))


# -- devices -----------------------------------------------------------------------------------------------------------


def test_its_own_device_is_a_request():
    assert ADAPTER.requested({}) is None
    assert ADAPTER.requested({"task_type": "CPU", "devices": "1"}) is None
    assert ADAPTER.requested({"task_type": "GPU"}) == Device("gpu", "cuda", None)
    assert ADAPTER.requested({"task_type": "GPU", "devices": "1:2"}) == Device("gpu", "cuda", 1)


def test_one_gpu_is_named_and_never_all():
    row, quiet = ROWS["CatBoostClassifier"], {"verbose": False, "allow_writing_files": False}
    place = lambda keywords, device: ADAPTER.on_device(row, keywords, Device.parse(device))  # noqa: E731
    assert place({"depth": 3}, "cuda:0") == {"depth": 3, **quiet, "task_type": "GPU", "devices": "0"}
    assert place({"devices": "0-3"}, "cuda:1") == {**quiet, "task_type": "GPU", "devices": "1"}
    assert place({"devices": "1:2"}, "cuda:1") == {**quiet, "task_type": "GPU", "devices": "1:2"}
    assert place({"task_type": "GPU", "devices": "0"}, "cpu") == {**quiet, "task_type": "CPU"}


def test_what_it_has_on_processors_only_is_refused_on_a_gpu():
    for name, params in {"HistGradientBoostingRegressor": {"rsm": 0.5}}.items():
        with pytest.raises(UnsupportedParameter, match="max_features") as caught:
            ADAPTER.on_device(ROWS[name], params, Device.parse("cuda:0"))
        assert "device='cpu'" in caught.value.hint


def test_it_says_where_it_has_computed(diabetes):
    model = catboost.CatBoostRegressor(iterations=2, verbose=False).fit(*diabetes)
    assert ADAPTER.ran_elsewhere(model, HOST) == ""
    assert ADAPTER.ran_elsewhere(model, Device.parse("cuda:0")) == "task_type='CPU'"


GPU = """
import sys, warnings
import numpy as np
from catboost import CatBoostClassifier, CatBoostRegressor
from sklearn.ensemble import *
from accelsk import drivers
from accelsk.devices import Device
from accelsk.engines import get_adapter
from accelsk import AcceleratedEstimator
from accelsk.engines.catboost import adapter
# There is no GPU: the driver is said to have one, and CatBoost checks its options before it starts CUDA.
drivers.cuda = lambda: {Device("gpu", "cuda", 0): "none"}
random = np.random.default_rng(0)
X = random.normal(size=(300, 4))
try:
    AcceleratedEstimator(eval(sys.argv[1]), engine="catboost", device="gpu", fallback="raise").fit(X, eval(sys.argv[2]))
except Exception as error:
    print(type(error).__name__, str(error).replace("\\n", " "))
"""


@pytest.mark.parametrize(
    "estimator, y, said",
    [
        ("CatBoostClassifier(iterations=2, verbose=False)", "X[:, 0] > 0", "DeviceNotAvailable"),
        ("HistGradientBoostingClassifier(max_iter=2)", "X[:, 0] > 0", "DeviceNotAvailable"),
        ("HistGradientBoostingClassifier(early_stopping=True)", "np.digitize(X[:, 0], [-1, 1])", "DeviceNotAvailable"),
        ("HistGradientBoostingRegressor(max_leaf_nodes=None)", "X[:, 0]", "DeviceNotAvailable"),
        ("HistGradientBoostingRegressor(loss='quantile', quantile=.8)", "X[:, 0]", "DeviceNotAvailable"),
        ("HistGradientBoostingRegressor(loss='poisson')", "X[:, 0] ** 2", "DeviceNotAvailable"),
        ("HistGradientBoostingRegressor(loss='absolute_error')", "X[:, 0]", "DeviceNotAvailable"),
        ("GradientBoostingRegressor(subsample=.5)", "X[:, 0]", "DeviceNotAvailable"),
        ("GradientBoostingClassifier()", "X[:, 0] > 0", "DeviceNotAvailable"),
        ("GradientBoostingClassifier(max_features='sqrt')", "X[:, 0] > 0", "UnsupportedParameter"),
        ("HistGradientBoostingClassifier(max_features=.5)", "X[:, 0] > 0", "UnsupportedParameter"),
        # The proof that options are checked: one that CatBoost has on processors only.
        ("CatBoostRegressor(iterations=2, verbose=False, rsm=.5)", "X[:, 0]", "ValueError"),
    ],
)
def test_its_options_for_gpus_are_taken_up_to_the_start_of_cuda(estimator, y, said, elsewhere):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(GPU), estimator, y],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=elsewhere,
    )
    told = done.stdout.splitlines()[-1] if done.stdout else done.stderr
    if not told.startswith(said) and "CUDA" not in told:
        pytest.fail(told)
    assert told.startswith(said), told
    if said == "DeviceNotAvailable":
        assert "could not start CUDA on 'cuda:0'" in told
    assert list(elsewhere.iterdir()) == []


def test_importances_are_those_of_predictions(diabetes):
    model = CATBOOST.on(GradientBoostingRegressor(n_estimators=10)).fit(*diabetes)
    assert model.feature_importances_.argmax() in (2, 8)  # body mass index, and the serum measurement


def test_of_polars_it_takes_texts_that_are_named_and_no_categories(iris):
    pl = pytest.importorskip("polars")
    X, y = iris
    frame = pl.DataFrame({"number": X[:, 0], "word": np.where(X[:, 2] > 3, "long", "short")})
    estimator = catboost.CatBoostClassifier(iterations=3)
    model = AcceleratedEstimator(estimator).fit(frame, y, cat_features=["word"])
    assert model.score(frame, y) > 0.6
    numbers = AcceleratedEstimator(estimator).fit(frame.with_columns(word=pl.lit(1.0)), y)
    with pytest.raises(ValueError, match="cannot read these columns of polars: word"):
        numbers.predict(data=frame)
    for refused in (frame, frame.with_columns(pl.col("word").cast(pl.Categorical))):
        with pytest.raises(ValueError, match="cannot read these columns of polars: word"):
            AcceleratedEstimator(estimator).fit(refused, y, cat_features=None if refused is frame else [1])
