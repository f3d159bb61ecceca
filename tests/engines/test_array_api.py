"""Engine array_api: scikit-learn's own code on tensors, with NumPy's arrays going in and coming out."""

import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import joblib
import sklearn
import torch
from array_api_models import IRIS, LABELS, MODELS, TABLE, TARGET, WORDS, answers, name_of
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge, RidgeClassifier
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import LabelEncoder, MinMaxScaler, PolynomialFeatures, StandardScaler
from sklearn.utils import all_estimators, get_tags

import accelsk
from accelsk import AcceleratedEstimator, AcceleratedPipeline, explain, to_sklearn
from accelsk.devices import HOST, Device
from accelsk.engines import get, get_adapter, names, why_missing
from accelsk.engines.array_api.dispatch import dispatching
from accelsk.engines.array_api.namespaces import NAMESPACES, Namespace
from accelsk.errors import (
    DeviceNotAvailable,
    DeviceOutOfMemory,
    EngineFallbackWarning,
    EngineNotAvailable,
    UnsupportedInput,
    UnsupportedParameter,
)
from accelsk.testing import parametrize_with_engine_checks
from accelsk.testing.export_checks import packages_of

if why_missing("array_api") is not None:
    pytest.skip(str(why_missing("array_api")), allow_module_level=True)

ADAPTER = get_adapter("array_api")
ROWS = {row.name: row for row in get("array_api").rows}
every_model = pytest.mark.parametrize("model, X, y", MODELS, ids=[name_of(case) for case in MODELS])


@parametrize_with_engine_checks("array_api")
def test_array_api_keeps_the_engine_contract(check):
    check()


def on(model, **options):
    return AcceleratedEstimator(model, **{"engine": "array_api", "device": "cpu", "fallback": "raise", **options})


def fitted(model, X, y):
    made = clone(model) if not isinstance(model, AcceleratedEstimator) else model
    return made.fit(X) if y is None else made.fit(X, y)


def near(found, expected, rtol=1e-6):
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    if expected.dtype.kind == "f":
        finite = expected[np.isfinite(expected)]
        scale = np.std(finite) or np.max(np.abs(finite), initial=0.0) or 1.0
        np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * scale)
    else:
        np.testing.assert_array_equal(found, expected)


# -- what is computed, and on what ---------------------------------------------------------------------------------


def tensors_in(value):
    if isinstance(value, dict):
        return [tensor for part in value.values() for tensor in tensors_in(part)]
    if isinstance(value, list | tuple):
        return [tensor for part in value for tensor in tensors_in(part)]
    if isinstance(value, BaseEstimator):
        return tensors_in(vars(value))
    return [value] if isinstance(value, torch.Tensor | np.ndarray) else []


@pytest.fixture
def no_way_back(monkeypatch):
    """Tensors that refuse to become arrays of NumPy's without being told to, as those on a GPU do."""

    def refuse(self, *args, **kwargs):
        raise AssertionError("a tensor was taken for an array of NumPy's")

    monkeypatch.setattr(torch.Tensor, "__array__", refuse)


@every_model
def test_everything_is_computed_on_tensors(model, X, y, no_way_back):
    found = fitted(on(model), X, y)
    learnt = tensors_in({k: v for k, v in vars(found._backend.model).items() if k not in model.get_params(deep=False)})

    assert all(isinstance(each, torch.Tensor) for each in learnt)
    answers(found, X, y)


@every_model
def test_the_results_are_those_of_scikit_learn(model, X, y):
    plain, found = fitted(model, X, y), fitted(on(model), X, y)

    assert (found.engine_, found.device_) == ("array_api", "cpu")
    expected = answers(plain, X, y)
    for method, result in answers(found, X, y).items():
        near(result, expected[method], rtol=ROWS[type(model).__name__].tolerance)
        assert isinstance(result, np.ndarray | float), method
        assert np.asarray(result).dtype == np.asarray(expected[method]).dtype, method


@every_model
def test_what_was_learnt_reads_as_in_scikit_learn(model, X, y):
    plain, found = fitted(model, X, y), fitted(on(model), X, y)

    names = [name for name in vars(plain) if name.endswith("_") and not name.startswith("_")]
    assert names or type(model).__name__ in ("Binarizer", "Normalizer")
    for name in names:
        if name in SOLVER_SAYS:
            continue
        expected, value = getattr(plain, name), getattr(found, name)
        assert isinstance(value, np.ndarray) == isinstance(expected, np.ndarray), name
        assert np.asarray(value).dtype == np.asarray(expected).dtype, name
        near(value, expected, rtol=1e-4)


#: What tells of the solver, which is another one, or stops elsewhere.
SOLVER_SAYS = ("solver_", "n_iter_", "lower_bounds_")


@every_model
def test_an_exported_model_is_scikit_learns_and_the_same(model, X, y):
    found = fitted(on(model), X, y)
    plain = to_sklearn(found)

    assert type(plain) is type(model)
    assert repr(plain.get_params()) == repr(model.get_params())
    expected = answers(plain, X, y)
    for method, result in answers(found, X, y).items():
        near(result, expected[method], rtol=1e-9)


@every_model
def test_a_pickle_holds_no_tensor_and_opens_with_tensors(model, X, y):
    found = fitted(on(model), X, y)
    again = pickle.loads(pickle.dumps(found))

    assert "torch" not in packages_of(found)
    assert again.engine_ == "array_api"
    expected = answers(found, X, y)
    for method, result in answers(again, X, y).items():
        near(result, expected[method], rtol=1e-12)


@every_model
def test_single_precision_stays_where_scikit_learn_keeps_it(model, X, y):
    if type(model).__name__ == "LabelEncoder":
        pytest.skip("labels are whole numbers")
    if getattr(model, "kernel", "") == "laplacian" or getattr(model, "means_init", None) is not None:
        with pytest.raises(UnsupportedInput, match="it needs float64 data"):
            fitted(on(model), X.astype(np.float32), y)
        return
    X = X.astype(np.float32)
    plain, found = fitted(model, X, y), fitted(on(model), X, y)

    expected = answers(plain, X, y)
    for method, result in answers(found, X, y).items():
        assert np.asarray(result).dtype == np.asarray(expected[method]).dtype, method


FAR = Device("gpu", "strict", 1)


class Strict(Namespace):
    """Arrays on a device that does not mix with the host's, as a GPU's: scikit-learn's own stand-in for one."""

    name, title = "array_api_strict", "array-api-strict"

    def __init__(self, xp):
        self.xp, self.array = xp, type(xp.asarray(0))

    def devices(self):
        return {FAR: "a stand-in"}

    def holds(self, value):
        return isinstance(value, self.array)

    def put(self, array, device):
        return self.xp.asarray(np.array(array), device=self.xp.Device("device1"))

    def moved(self, value, device):
        return value

    def widened(self, value):
        return self.xp.astype(value, self.xp.float64)

    def fetch(self, value):
        return np.array(self.xp.asarray(value, device=self.xp.Device("CPU_DEVICE")))[()]

    def is_full(self, error):
        return False


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # NumPy's, of a division that is not used
@every_model
def test_nothing_is_left_behind_on_the_host(model, X, y, monkeypatch):
    xp = pytest.importorskip("array_api_strict", reason="array-api-strict is not installed")
    if getattr(model, "alpha_per_target", False):
        pytest.skip("scikit-learn indexes in a way that this library does not know, and PyTorch and CuPy do")
    monkeypatch.setitem(NAMESPACES, Strict.name, Strict(xp))
    found = fitted(on(model, device=str(FAR)), X, y)

    assert found.device_ == str(FAR)
    expected = answers(fitted(model, X, y), X, y)
    for method, result in answers(found, X, y).items():
        near(result, expected[method], rtol=ROWS[type(model).__name__].tolerance)
    again = pickle.loads(pickle.dumps(found))
    assert again.device_ == str(FAR)
    answers(again, X, y)


@every_model
def test_a_model_of_one_precision_answers_data_of_the_other(model, X, y):
    if type(model).__name__ == "LabelEncoder" or ("means_init" in vars(model) and model.means_init is not None):
        pytest.skip("labels are whole numbers, and these means are float64")
    single = X.astype(np.float32)
    kernel = getattr(model, "kernel", "") == "laplacian"
    for of_fit, later in ((X, single), *(() if kernel else ((single, X),))):
        plain, found = fitted(model, of_fit, y), fitted(on(model), of_fit, y)
        expected = answers(plain, later, y)
        for method, result in answers(found, later, y).items():
            assert np.asarray(result).dtype == np.asarray(expected[method]).dtype, (method, later.dtype)


# -- which classes -------------------------------------------------------------------------------------------------

#: Classes that say they support it and have no row, with the reason.
WITHOUT_ROW = {
    "CalibratedClassifierCV": "what it arranges is wrapped inside",
    "FeatureUnion": "what it arranges is wrapped inside",
    "GridSearchCV": "what it arranges is wrapped inside",
    "Pipeline": "what it arranges is wrapped inside",
    "RandomizedSearchCV": "what it arranges is wrapped inside",
}


#: Rows that scikit-learn's documentation lists, and whose class does not say so by its tag.
BEFORE_ITS_TAG = {"MaxAbsScaler", "RidgeClassifier"}


@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
def test_every_class_that_says_it_supports_it_has_a_row():
    supporting = set()
    for name, cls in all_estimators():
        try:
            if get_tags(cls()).array_api_support:
                supporting.add(name)
        except (AttributeError, TypeError):  # needs an estimator
            continue
    # By their defaults, these do not.
    supporting |= {"GaussianMixture"}

    assert supporting - WITHOUT_ROW.keys() == ROWS.keys() - BEFORE_ITS_TAG


@every_model
def test_no_row_is_for_a_class_that_does_not_say_so(model, X, y):
    if isinstance(model, PCA):
        model = clone(model).set_params(power_iteration_normalizer="QR")  # which the row passes
    assert get_tags(model).array_api_support or type(model).__name__ in BEFORE_ITS_TAG


# -- without SCIPY_ARRAY_API, and with it --------------------------------------------------------------------------

_ALL = """
import os, sys, warnings
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("error")
warnings.filterwarnings("ignore", message="n_components > n_samples")
import torch
def refuse(*args, **kwargs):
    raise AssertionError("a tensor was taken for an array of NumPy's")
torch.Tensor.__array__ = refuse
import joblib, sklearn
from array_api_models import MODELS, answers
from accelsk import AcceleratedEstimator
before = dict(os.environ), sklearn.get_config()
results = []
for model, X, y in MODELS:
    fitted = AcceleratedEstimator(model, engine="array_api", device="cpu", fallback="raise")
    fitted.fit(X) if y is None else fitted.fit(X, y)
    results.append(answers(fitted, X, y))
assert before == (dict(os.environ), sklearn.get_config())
print(joblib.hash(results))
"""


@pytest.mark.slow
def test_scipys_own_support_is_not_needed_and_not_in_the_way(request, monkeypatch):
    said = set()
    for variable in (None, "1"):
        monkeypatch.delenv("SCIPY_ARRAY_API", raising=False)
        if variable:
            monkeypatch.setenv("SCIPY_ARRAY_API", variable)
        command = [sys.executable, "-c", _ALL, str(request.path.parent)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)

    assert len(said) == 1


def test_scikit_learns_own_check_stays_as_it_is_for_everybody_else(monkeypatch):
    monkeypatch.delenv("SCIPY_ARRAY_API", raising=False)

    def somebody_else():
        with pytest.raises(RuntimeError, match="SCIPY_ARRAY_API"), sklearn.config_context(array_api_dispatch=True):
            pass
        return sklearn.get_config()["array_api_dispatch"]

    with dispatching(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(somebody_else).result() is False
        assert bool(sklearn.get_config()["array_api_dispatch"])
    assert somebody_else() is False


# -- data, labels, frames ------------------------------------------------------------------------------------------


def test_data_are_what_scikit_learn_takes():
    expected = fitted(Ridge(), TABLE, TARGET).predict(TABLE)
    frame = pd.DataFrame(TABLE, columns=[f"c{n}" for n in range(TABLE.shape[1])])
    for X in (
        TABLE.tolist(),
        TABLE[:, ::-1][:, ::-1],
        np.asfortranarray(TABLE),
        TABLE.astype(">f8"),
        torch.asarray(TABLE),
    ):
        near(fitted(on(Ridge()), X, TARGET).predict(X), expected)
    named = fitted(on(Ridge()), frame, pd.Series(TARGET))
    near(named.predict(frame), expected)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        named.predict(TABLE)
    with pytest.raises(ValueError, match="feature names should match"):
        named.predict(frame.rename(columns={"c0": "other"}))
    with pytest.raises(ValueError, match="X has 3 features, but Ridge is expecting 10 features"):
        fitted(on(Ridge()), TABLE, TARGET).predict(TABLE[:, :3])


def test_whole_numbers_are_computed_with_in_double_precision():
    X = np.arange(60).reshape(20, 3) ** 2 % 17
    for given in (X, X.astype(np.uint16), torch.asarray(X)):
        near(
            fitted(on(StandardScaler()), given, None).transform(given),
            fitted(StandardScaler(), X, None).transform(X),
            1e-12,
        )


def test_what_scikit_learn_refuses_is_refused_in_its_words():
    for X, y in ((TABLE[:3], TARGET[:2]), (np.where(TABLE > 0.1, np.nan, TABLE), TARGET), (TABLE, TARGET + np.inf)):
        with pytest.raises(ValueError, match=r".") as expected:
            Ridge().fit(X, y)
        with pytest.raises(ValueError, match=r".") as found:
            on(Ridge()).fit(X, y)
        assert str(found.value) == str(expected.value)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        on(RidgeClassifier()).fit(IRIS, TARGET[: len(IRIS)] / 7)
    with pytest.raises(ValueError, match=r"not in class_weight"):
        on(LogisticRegression(class_weight={"ant": 1, "dog": 2})).fit(IRIS, WORDS)
    with pytest.raises(NotFittedError):
        on(Ridge()).predict(TABLE)


def test_labels_are_encoded_where_they_are_whole_numbers():
    found = fitted(on(LabelEncoder()), LABELS.astype(np.int16) * 5, None)

    assert found.engine_ == "array_api"
    assert found.classes_.dtype == np.int16
    assert found.inverse_transform([2, 0]).tolist() == [10, 0]
    with pytest.raises(ValueError, match="unseen labels"):
        found.transform([3])
    with pytest.warns(EngineFallbackWarning, match="dtype object"):
        on(LabelEncoder(), fallback="warn").fit(WORDS)


def test_a_fit_goes_on_where_scikit_learn_goes_on():
    for model, X, y in ((LogisticRegression(max_iter=3), IRIS, WORDS), (PoissonRegressor(max_iter=3), TABLE, TARGET)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = fitted(on(clone(model).set_params(warm_start=True)), X, y)
            first = found.score(X, y)
            for _ in range(5):
                found.fit(X, y)
            assert found.score(X, y) > first
            near(found.n_iter_, clone(model).fit(X, y).n_iter_)


def test_a_random_generator_goes_on_from_fit_to_fit():
    model = GaussianMixture(2, init_params="random_from_data", random_state=np.random.RandomState(0))
    plain = clone(model).fit(IRIS)
    found = on(model).fit(IRIS)

    near(found.means_, plain.means_, 1e-6)
    model.set_params(random_state=3)
    near(fitted(on(model), IRIS, None).sample(5)[0], clone(model).fit(IRIS).sample(5)[0])


# -- beside others -------------------------------------------------------------------------------------------------


def test_a_pipeline_keeps_tensors_between_its_steps(monkeypatch):
    placed, space = [], NAMESPACES["torch"]
    put = type(space).put
    monkeypatch.setattr(
        type(space), "put", lambda self, array, device: placed.append(array.shape) or put(self, array, device)
    )
    steps = [("scale", StandardScaler()), ("more", PolynomialFeatures()), ("pca", PCA(5)), ("ridge", Ridge())]
    pipeline = AcceleratedPipeline(steps, engine="array_api", device="cpu", fallback="raise").fit(TABLE, TARGET)

    assert [shape for shape in placed if len(shape) == 2] == [TABLE.shape]
    placed.clear()
    found = pipeline.predict(TABLE)
    assert placed == [TABLE.shape]
    near(found, sklearn.pipeline.Pipeline(steps).fit(TABLE, TARGET).predict(TABLE))


def test_a_pipeline_gives_frames_where_they_are_asked_for():
    frame = pd.DataFrame(TABLE, columns=[f"c{n}" for n in range(TABLE.shape[1])])
    steps = [("scale", StandardScaler()), ("pca", PCA(3))]
    pipeline = AcceleratedPipeline(steps, engine="array_api", device="cpu").set_output(transform="pandas")
    found = pipeline.fit_transform(frame)

    assert list(found.columns) == ["pca0", "pca1", "pca2"]
    with sklearn.config_context(transform_output="pandas"):
        assert list(on(StandardScaler()).fit_transform(frame).columns) == list(frame.columns)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_a_search_runs_in_workers_and_threads(backend):
    search = GridSearchCV(on(LogisticRegression(max_iter=500)), {"estimator__C": [0.1, 1.0, 10.0]}, cv=3, n_jobs=2)
    with joblib.parallel_config(backend):
        found = search.fit(IRIS, WORDS)
    expected = GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0, 10.0]}, cv=3).fit(IRIS, WORDS)

    # A row near the boundary may fall to the other side: solvers stop where the libraries' rounding lets them.
    scores = found.cv_results_["mean_test_score"], expected.cv_results_["mean_test_score"]
    np.testing.assert_allclose(*scores, rtol=0, atol=1.5 / len(IRIS))
    assert found.best_estimator_.engine_ == "array_api"


# -- devices and libraries -----------------------------------------------------------------------------------------


def test_it_is_never_chosen_on_the_host_unless_it_is_named():
    for device in ("auto", "cpu"):
        chosen = explain(PCA(2), IRIS, engine="auto", device=device)
        assert chosen.engine != "array_api"
        (candidate,) = [each for each in chosen.candidates if each.engine == "array_api"]
        assert [reason.kind for reason in candidate.reasons] == ["worth"]


@pytest.mark.parametrize("device", ["cuda:97", "mps:3", "xpu"])
def test_a_device_that_there_is_not_is_an_error(device):
    with pytest.raises(DeviceNotAvailable, match="array_api"):
        on(Ridge(), device=device).fit(TABLE, TARGET)


def test_a_gpu_is_preferred_where_the_engine_is_named_and_no_device_is(monkeypatch):
    gpu = Device("gpu", "cuda", 0)
    monkeypatch.setattr(type(ADAPTER), "devices", lambda self: {gpu: "a GPU", HOST: "a processor"})

    assert explain(Ridge(), TABLE, TARGET, engine="array_api").device == "cuda:0"
    assert explain(Ridge(), TABLE, TARGET, engine="array_api", device="cpu").device == "cpu"
    assert explain(Ridge(), TABLE, TARGET, engine="auto").device == "cpu"


@pytest.mark.skipif("loopback" not in names(), reason="the plug-in accelsk-loopback is not installed")
def test_it_yields_to_a_library_that_is_made_for_the_device(monkeypatch):
    both = Device.parse("loopback:accelerator:0")
    monkeypatch.setattr(type(ADAPTER), "devices", lambda self: {both: "a device", HOST: "a processor"})

    assert explain(Ridge(), TABLE, TARGET, engine="auto", device=str(both)).engine == "loopback"
    assert explain(MinMaxScaler(), TABLE, engine="auto", device=str(both)).engine == "array_api"


def test_the_library_of_arrays_can_be_chosen():
    assert fitted(on(Ridge(), engine_params={"array_api": {"namespace": "torch"}}), TABLE, TARGET).device_ == "cpu"
    with pytest.raises(UnsupportedParameter, match="Did you mean 'torch'"):
        on(Ridge(), engine_params={"array_api": {"namespace": "torhc"}}).fit(TABLE, TARGET)
    with pytest.raises(DeviceNotAvailable, match="by CuPy, which"):
        on(Ridge(), engine_params={"array_api": {"namespace": "cupy"}}).fit(TABLE, TARGET)


def test_either_library_will_do_and_without_both_the_error_says_so(monkeypatch):
    registry = sys.modules["accelsk.engines"]
    monkeypatch.setattr(registry, "importable", lambda module: module == "cupy")
    why_missing.cache_clear()
    try:
        assert why_missing("array_api") is None
        monkeypatch.setattr(registry, "importable", lambda module: False)
        why_missing.cache_clear()
        with pytest.raises(EngineNotAvailable, match="module 'torch' or 'cupy'"):
            on(Ridge()).fit(TABLE, TARGET)
    finally:
        why_missing.cache_clear()


def test_it_needs_a_scikit_learn_that_keeps_to_tensors(monkeypatch):
    from accelsk.engines.array_api import adapter

    monkeypatch.setattr(adapter, "at_least", lambda wanted: False)

    assert "scikit-learn 1.9 or newer" in ADAPTER.problem()


def test_out_of_memory_is_an_error_of_its_own():
    X = np.ones((2000, 1500))
    found = on(PolynomialFeatures(4)).fit(X[:, :3])
    with pytest.raises(DeviceOutOfMemory, match=r"PolynomialFeatures\.fit_transform"):
        on(PolynomialFeatures(3)).fit_transform(X)

    assert found.transform(X[:, :3]).shape == (2000, 35)


def test_a_model_opens_where_there_is_no_library_of_arrays(tmp_path):
    found = fitted(on(MinMaxScaler()), IRIS, None)
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps(found))
    code = (
        "import pickle, sys, warnings\n"
        "from pathlib import Path\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name in ('torch', 'cupy'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    warnings.simplefilter('always')\n"
        "    model = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "warned = [type(each.message).__name__ for each in told]\n"
        "print(model.engine_, warned, model.transform([[5.0, 3.0, 1.0, 0.2]]).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)

    expected = found.transform([[5.0, 3.0, 1.0, 0.2]]).tolist()
    assert done.stdout.strip() == f"sklearn ['EngineFallbackWarning'] {expected}"


# -- a real GPU ----------------------------------------------------------------------------------------------------


def gpus():
    return [device for device in ADAPTER.devices() if device != HOST]


@pytest.fixture(params=["torch", "cupy"])
def library(request):
    """A library of arrays that reaches the first GPU."""
    if not gpus():
        pytest.skip(f"there is no GPU here: {', '.join(map(str, accelsk_devices()))}")
    if gpus()[0] not in NAMESPACES[request.param].devices():
        pytest.skip(f"{NAMESPACES[request.param].title} is not installed, or does not reach {gpus()[0]}")
    return request.param


def accelsk_devices():
    return [info.device for info in accelsk.devices()]


@pytest.mark.gpu
@every_model
def test_a_gpu_gives_the_results_of_scikit_learn(model, X, y, library):
    device, space = gpus()[0], NAMESPACES[library]
    options = {"device": str(device), "engine_params": {"array_api": {"namespace": library}}}
    plain, found = fitted(model, X, y), fitted(on(model, **options), X, y)

    assert found.device_ == str(device)
    learnt = tensors_in({k: v for k, v in vars(found._backend.model).items() if k not in model.get_params(deep=False)})
    assert not [value for value in learnt if isinstance(value, np.ndarray)]
    assert all(where(value) == (device.index or 0) for value in learnt if space.holds(value))
    expected = answers(plain, X, y)
    for method, result in answers(found, X, y).items():
        wanted = expected[method]
        if type(model).__name__ == "LinearDiscriminantAnalysis" and method == "transform":
            result, wanted = np.abs(result), np.abs(wanted)  # its axes have no sign
        near(result, wanted, rtol=max(ROWS[type(model).__name__].tolerance, 0 if space.double(device) else 1e-2))
    again = pickle.loads(pickle.dumps(found))
    assert again.device_ == str(device)
    for method, result in answers(again, X, y).items():
        near(result, answers(found, X, y)[method], rtol=1e-6)


def where(value):
    return getattr(value.device, "index", getattr(value.device, "id", None)) or 0


@pytest.mark.gpu
def test_the_second_gpu_is_used_where_it_is_named(library):
    if len(gpus()) < 2:
        pytest.skip(f"there is one GPU here: {gpus()[0]}")
    options = {"device": str(gpus()[1]), "engine_params": {"array_api": {"namespace": library}}}
    found = fitted(on(Ridge(), **options), TABLE, TARGET)

    assert found.device_ == str(gpus()[1])
    assert where(found._backend.model.coef_) == 1


@pytest.mark.gpu
def test_a_pipeline_stays_on_the_gpu(library):
    steps = [("scale", StandardScaler()), ("pca", PCA(5)), ("ridge", Ridge())]
    options = {"device": str(gpus()[0]), "engine_params": {"array_api": {"namespace": library}}}
    found = AcceleratedPipeline(steps, engine="array_api", fallback="raise", **options).fit(TABLE, TARGET)

    near(found.predict(TABLE), sklearn.pipeline.Pipeline(steps).fit(TABLE, TARGET).predict(TABLE))


@pytest.mark.gpu
def test_a_gpu_without_memory_left_says_so_and_goes_on(library):
    options = {"device": str(gpus()[0]), "engine_params": {"array_api": {"namespace": library}}}
    found = fitted(on(StandardScaler(), **options), TABLE, None)
    with pytest.raises(DeviceOutOfMemory, match=r"PolynomialFeatures\.fit_transform"):
        on(PolynomialFeatures(3), **options).fit_transform(np.ones((2000, 1500)))

    near(found.transform(TABLE), StandardScaler().fit_transform(TABLE))
