"""A pickle opens where the engine, the device, or their versions are others; what cannot be said so."""

import copy
import importlib.metadata
import io
import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate, persistence, to_sklearn
from accelsk.decision import Decision
from accelsk.errors import AccelskError, DevicePlacementWarning, EngineFallbackWarning

OPENING = Path(__file__).with_name("portability") / "opening.py"
PORTABLE = {
    "svc": SVC(C=3),
    "logistic": LogisticRegression(C=2, max_iter=500),
    "neighbors": KNeighborsClassifier(3),
    "pca": PCA(2),
    "incremental": IncrementalPCA(2),
    "forest": RandomForestClassifier(5, random_state=0),
}
TRAPPED = HistGradientBoostingRegressor(max_iter=3)

DUMPS = {
    "pickle": (pickle.dumps, pickle.loads),
    "pickle, protocol 2": (lambda obj: pickle.dumps(obj, 2), pickle.loads),
    "cloudpickle": (cloudpickle.dumps, cloudpickle.loads),
    "joblib": (lambda obj: _joblib(obj, 0), lambda data: joblib.load(io.BytesIO(data))),
    "joblib, compressed": (lambda obj: _joblib(obj, 3), lambda data: joblib.load(io.BytesIO(data))),
}


def _joblib(obj, compress):
    file = io.BytesIO()
    joblib.dump(obj, file, compress=compress)
    return file.getvalue()


def on(estimator, device="cpu"):
    return AcceleratedEstimator(estimator, engine="loopback", device=device, fallback="raise")


@pytest.fixture(scope="module")
def files(iris, tmp_path_factory):
    """Pickles of all kinds, the data, and the answers of the models that were pickled."""
    X, y = iris
    folder = tmp_path_factory.mktemp("models")
    models = {f"{name} on {device}": on(each, device) for name, each in PORTABLE.items() for device in _devices(name)}
    models["trapped"] = on(TRAPPED)
    models["only on the device"] = on(DBSCAN(), "accelerator")
    models["pipeline"] = AcceleratedPipeline([("pca", PCA(2)), ("clf", SVC())], engine="loopback", device="accelerator")
    models["search"] = accelerate(GridSearchCV(LogisticRegression(max_iter=500), {}, cv=3), engine="loopback")
    models["plain"] = AcceleratedEstimator(Ridge(), engine="sklearn")
    for name, model in models.items():
        (folder / name).write_bytes(pickle.dumps(model.fit(X, y)))
    (folder / "unfitted").write_bytes(pickle.dumps(on(SVC(C=3), "accelerator")))
    np.save(folder / "data.npy", X)
    return folder, models


def _devices(name):
    return ("cpu",) if name == "forest" else ("cpu", "accelerator")


def opened(files, names, blocked="", distributions="", **environment):
    """Open files in a process of its own."""
    folder, _ = files
    command = [sys.executable, str(OPENING), blocked, distributions]
    done = subprocess.run(
        [*command, *(str(folder / name) for name in names)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return dict(zip(names, map(json.loads, done.stdout.splitlines()), strict=True))


def assert_answers(told, model, X):
    """It answers as the model that was pickled."""
    assert "error" not in told, told["traceback"]
    assert told["answers"]
    for method, values in told["answers"].items():
        expected = getattr(model, method)(X) if not method.endswith("_") else getattr(model, method)
        expected = expected[0] if method == "kneighbors" else expected
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-12)


# -- the table of the design, cell by cell ---------------------------------------------------------------------------


def test_as_saved_where_engine_and_device_are_there(files, iris):
    names = [name for name in files[1] if name != "search"]
    for name, told in opened(files, names).items():
        model = files[1][name]
        assert "error" not in told, told["traceback"]
        assert told["warnings"] == []
        if name != "pipeline":
            assert (told["engine"], told["device"]) == (model.engine_, model.device_)
        assert_answers(told, model, iris[0])


def test_on_the_cpu_where_the_device_is_not(files, iris):
    names = [f"{name} on accelerator" for name in PORTABLE if name != "forest"]
    for name, told in opened(files, names, LOOPBACK_DEVICES="0").items():
        assert_answers(told, files[1][name], iris[0])
        assert (told["engine"], told["device"]) == ("loopback", "cpu")
        ((category, text, place),) = told["warnings"]
        assert category == "DevicePlacementWarning"
        assert "'loopback:accelerator:0'" in text
        assert Path(place).name == OPENING.name, "the warning is on the line that opens the file"


def test_another_device_of_the_kind_is_taken_before_the_cpu(iris, monkeypatch):
    data = pickle.dumps(on(SVC(), "accelerator:1").fit(*iris))

    monkeypatch.setenv("LOOPBACK_DEVICES", "1")
    with pytest.warns(DevicePlacementWarning, match=r"on 'loopback:accelerator:1', which is not here: it is on"):
        again = pickle.loads(data)

    assert again.device_ == "loopback:accelerator:0"


def test_scikit_learns_where_the_engine_needs_a_device_that_is_not_there(files, iris):
    told = opened(files, ["only on the device"], LOOPBACK_DEVICES="0")["only on the device"]

    assert told["engine"] == "sklearn"
    assert [category for category, *_ in told["warnings"]] == ["DevicePlacementWarning"]


BLOCKED = {"blocked": "accelsk_loopback", "distributions": "accelsk-loopback"}


def test_scikit_learns_where_the_engine_is_not(files, iris):
    names = [name for name in files[1] if name not in ("trapped", "plain")]
    for name, told in opened(files, names, **BLOCKED).items():
        assert "accelsk_loopback" not in told["imported"]
        assert {category for category, *_ in told["warnings"]} == {"EngineFallbackWarning"}
        assert "engine 'loopback' fitted this" in told["warnings"][0][1]
        assert_answers(told, files[1][name], iris[0])
        if name not in ("pipeline", "search"):
            assert (told["engine"], told["device"]) == ("sklearn", "cpu")


def test_what_is_the_engines_alone_names_package_version_and_remedy(files):
    told = opened(files, ["trapped"], **BLOCKED)["trapped"]

    assert told["error"] == "EngineNotAvailable"
    assert "accelsk-loopback 0.1" in told["text"]
    assert "another algorithm" in told["text"]
    assert "Hint: " in told["text"]


def test_the_reference_needs_no_engine(files, iris):
    told = opened(files, ["plain"], **BLOCKED)["plain"]

    assert_answers(told, files[1]["plain"], iris[0])
    assert told["warnings"] == []


def test_what_is_not_fitted_opens_anywhere(files):
    told = opened(files, ["unfitted"], **BLOCKED)["unfitted"]

    assert told["warnings"] == []
    assert (told["class"], told["engine"]) == ("AcceleratedEstimator", None)


def test_without_accelsk_there_is_a_clear_error_and_the_export_is_the_road(files, iris):
    folder, models = files
    (folder / "exported").write_bytes(pickle.dumps(to_sklearn(models["pipeline"])))

    told = opened(files, ["pipeline", "svc on cpu", "exported"], blocked="accelsk,accelsk_loopback")

    for name in ("pipeline", "svc on cpu"):
        assert told[name]["error"] == "ModuleNotFoundError"
        assert "No module named 'accelsk" in told[name]["text"]
    assert told["exported"]["class"] == "Pipeline"
    assert told["exported"]["warnings"] == []
    assert not {"accelsk", "accelsk_loopback"} & set(told["exported"]["imported"])
    assert_answers(told["exported"], models["pipeline"], iris[0])


# -- versions --------------------------------------------------------------------------------------------------------


def _with_header(data, **changes):
    """The pickle as another version would have written it."""

    class Rewriting(pickle.Unpickler):
        def find_class(self, module, name):
            return (lambda *args: args) if name == "reopen" else super().find_class(module, name)

    cls, header, state, fitted = Rewriting(io.BytesIO(data)).load()
    return cls, json.dumps({**json.loads(header), **changes}), state, fitted


def test_another_version_of_the_engine_makes_its_model_again(iris):
    """Where the engine's model is made of scikit-learn's, its version does not matter."""
    parts = _with_header(pickle.dumps(on(SVC()).fit(*iris)), needs={"accelsk-loopback": "0.0.1"})

    again = persistence.reopen(*parts)

    assert again.engine_ == "loopback"


def test_another_version_of_the_engine_does_not_read_what_only_the_old_one_could(iris):
    X, y = iris
    model = on(RandomForestClassifier(5, random_state=0)).fit(X, y)
    parts = _with_header(pickle.dumps(model), needs={"accelsk-loopback": "0.0.1"})

    with pytest.warns(EngineFallbackWarning, match="accelsk-loopback 0.0.1, and another version is installed"):
        again = persistence.reopen(*parts)

    assert again.engine_ == "sklearn"
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_a_later_format_says_so(iris):
    parts = _with_header(pickle.dumps(on(SVC()).fit(*iris)), format=99, accelsk="9.0")

    with pytest.raises(AccelskError, match=r"by accelsk 9\.0 in format 99") as caught:
        persistence.reopen(*parts)
    assert "upgrade accelsk" in caught.value.hint


def test_a_decision_of_a_later_version_is_read_without_what_is_new(iris):
    decision = on(SVC()).fit(*iris).decision_
    state = {**decision.to_state(), "new": 1}
    state["candidates"] = [{**each, "newer": 2} for each in state["candidates"]]

    assert Decision.from_state(state) == decision
    assert str(Decision.from_state(state)) == str(decision)


# -- every way to write one down -------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", DUMPS)
@pytest.mark.parametrize("name", PORTABLE)
def test_every_way_of_writing_it_down_keeps_the_model(iris, way, name):
    X, y = iris
    dumps, loads = DUMPS[way]
    model = on(clone(PORTABLE[name])).fit(X, y)

    again = loads(dumps(model))

    assert type(again) is AcceleratedEstimator
    assert type(again.estimator_) is type(model.estimator_)
    assert str(again.decision_) == str(model.decision_)
    method = "predict" if hasattr(model, "predict") else "transform"
    # The order of an array in memory is not pickled, and with it the last bit of a product can change.
    np.testing.assert_allclose(getattr(again, method)(X), getattr(model, method)(X), rtol=1e-12, atol=1e-14)
    assert repr(again.get_params()) == repr(model.get_params())


@pytest.mark.parametrize("way", DUMPS)
def test_every_way_of_writing_it_down_keeps_what_is_not_fitted(way):
    dumps, loads = DUMPS[way]
    for unfitted in (on(SVC(C=3)), AcceleratedPipeline([("clf", SVC())], engine="loopback")):
        again = loads(dumps(unfitted))
        assert repr(again) == repr(unfitted)
        assert not hasattr(again, "classes_")


def test_a_model_that_was_opened_elsewhere_can_be_written_down_again(files, iris, monkeypatch):
    X, y = iris
    data = (files[0] / "forest on cpu").read_bytes()
    parts = _with_header(data, needs={"accelsk-loopback": "0.0.1"})
    with pytest.warns(EngineFallbackWarning):
        opened_here = persistence.reopen(*parts)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = pickle.loads(pickle.dumps(opened_here))

    assert again.engine_ == "sklearn"
    assert "another version" in again.decision_.why
    np.testing.assert_array_equal(again.predict(X), opened_here.predict(X))
    assert again.fit(X, y).engine_ == "loopback", "a new fit is the engine's again"


def test_a_pickle_goes_on_learning(iris):
    X, _ = iris
    straight = on(IncrementalPCA(2))
    broken = on(IncrementalPCA(2))
    straight.partial_fit(X[:70])
    broken = pickle.loads(pickle.dumps(broken.partial_fit(X[:70])))

    np.testing.assert_array_equal(straight.partial_fit(X[70:]).components_, broken.partial_fit(X[70:]).components_)


def test_a_subclass_keeps_its_class(iris):
    class Mine(AcceleratedEstimator):
        pass

    model = cloudpickle.loads(cloudpickle.dumps(Mine(SVC(), engine="loopback").fit(*iris)))

    assert type(model).__name__ == "Mine"


# -- what it holds, and how much of it -------------------------------------------------------------------------------


def header_of(model):
    return json.loads(pickle.loads(pickle.dumps(model.__reduce_ex__(4)[1][1])))


def test_the_header_says_what_it_is(iris):
    header = header_of(on(SVC(C=3)).fit(*iris))

    assert header["estimator"] == "sklearn.svm.SVC"
    assert header["hyperparameters"] == {"C": "3"}
    assert (header["engine"], header["device"], header["fitted"]) == ("loopback", "cpu", True)
    assert (header["portable"], header["holds"]) == (True, ["scikit-learn"])
    assert header["versions"].keys() == {"python", "scikit-learn", "numpy"}
    assert header["needs"] == {"accelsk-loopback": importlib.metadata.version("accelsk-loopback")}
    both = header_of(on(RandomForestClassifier(3)).fit(*iris))
    assert both["holds"] == ["scikit-learn", "engine"]
    alone = header_of(on(clone(TRAPPED)).fit(*iris))
    assert (alone["portable"], alone["holds"]) == (False, ["engine"])
    assert "another algorithm" in alone["not_portable"]


def test_it_is_data_not_code(iris):
    """Every global in it is a class or function of accelsk, scikit-learn or NumPy, that is called with data."""
    from accelsk.testing.export_checks import packages_of

    for name, estimator in PORTABLE.items():
        if name not in ("forest", "incremental"):  # which hold the engine's own bytes, too
            model = on(clone(estimator)).fit(*iris)
            assert packages_of(model) <= {"accelsk", "sklearn", "numpy", "_codecs", "builtins"}, name


@pytest.mark.parametrize("name", ["svc", "neighbors", "logistic"])
def test_it_is_hardly_larger_than_scikit_learns(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 60))
    y = (X[:, 0] + rng.normal(size=2000) > 0).astype(int)
    if name == "logistic":
        X, y = rng.normal(size=(300, 5000)), rng.integers(0, 3, 300)
    model = on(clone(PORTABLE[name])).fit(X, y)

    assert len(pickle.dumps(model)) <= 1.1 * len(pickle.dumps(to_sklearn(model)))


def test_copies_share_no_state(iris):
    X, y = iris
    pipe = AcceleratedPipeline([("scale", StandardScaler()), ("clf", SVC())], engine="loopback").fit(X, y)
    before = pipe.predict(X)

    copy.deepcopy(pipe).set_params(clf__C=0.001).fit(X[:60], y[:60])

    np.testing.assert_array_equal(pipe.predict(X), before)


def test_the_engines_own_parameters_are_those_of_the_fit(iris):
    model = AcceleratedEstimator(SVC(C=3), engine="loopback", engine_params={"loopback": {"cache_mb": 50}}).fit(*iris)

    again = pickle.loads(pickle.dumps(model.set_params(C=9)))

    assert again.estimator_.params == model.estimator_.params
    assert (again.estimator_.params["cache_mb"], again.estimator_.params["cost"]) == (50, 3)
    assert again.get_params()["estimator__C"] == 9


def test_the_users_hyperparameters_reach_the_next_fit(iris):
    model = pickle.loads(pickle.dumps(on(SVC(C=3)).fit(*iris)))

    assert model.set_params(C=9).fit(*iris).estimator_.params["cost"] == 9


def test_it_opens_in_a_worker_process(iris):
    X, y = iris
    model = on(SVC(C=3), "accelerator").fit(X, y)

    with joblib.parallel_config("loky", n_jobs=2):
        answers = joblib.Parallel()(joblib.delayed(model.predict)(X[part::2]) for part in range(2))

    for part, answer in enumerate(answers):
        np.testing.assert_array_equal(answer, model.predict(X[part::2]))
