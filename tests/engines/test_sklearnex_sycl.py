"""Engine sklearnex on SYCL devices, for real: Intel's OpenCL driver for the processor, and PoCL. See .ci/test-sycl."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")

from sklearnex_cases import ADAPTER, GPU_ROWS, ROWS, every_row, plain
from sklearnex_data import KINDS
from sklearnex_grid import GRIDS

from accelsk import AcceleratedEstimator, AcceleratedPipeline, config_context, devices, doctor, to_sklearn
from accelsk.devices import HOST, Device
from accelsk.engines.sklearnex import sycl
from accelsk.engines.translate import translate
from accelsk.errors import DeviceNotAvailable, DevicePlacementWarning
from accelsk.testing.agreement import assert_agrees

INTEL, POCL = (Device("cpu", "opencl", index) for index in range(2))
FOUND = sycl.found()
#: Whether dpctl makes the queues.
WITH_DPCTL = bool(__import__("importlib.util").util.find_spec("dpctl"))

pytestmark = pytest.mark.skipif(
    INTEL not in FOUND, reason="no SYCL device here: " + "; ".join(found for _, _, found, _ in ADAPTER.examine())
)
needs_pocl = pytest.mark.skipif(POCL not in FOUND, reason="no second SYCL device: .ci/opencl installs PoCL")
every_device = pytest.mark.parametrize("device", [INTEL, pytest.param(POCL, marks=needs_pocl)], ids=str)


def on(name, device, **params):
    """An estimator on a device, which must not fall back."""
    return AcceleratedEstimator(plain(name, **params), engine="sklearnex", device=str(device), fallback="raise")


def fitted(model, name, kind="float64"):
    X, y, _ = KINDS[kind](GRIDS[name].task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", DevicePlacementWarning)
        return model.fit(*((X,) if y is None else (X, y))), X


def answers(model, X):
    """What a fitted model has to say."""
    methods = [each for each in ("predict", "transform", "decision_function", "predict_proba") if hasattr(model, each)]
    if hasattr(model, "kneighbors"):
        return [model.kneighbors(X)[0]]
    if not methods:
        return [getattr(model, each) for each in ("labels_", "embedding_", "covariance_") if hasattr(model, each)]
    with np.errstate(divide="ignore"):
        return [getattr(model, each)(X) for each in methods if each not in ROWS[type(model.estimator).__name__].refused]


def assert_same(found, expected):
    assert len(found) == len(expected) > 0
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-12)


def in_another_process(code, *arguments, **environment):
    """Run code in a process of its own; return the lines that it prints."""
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    told = {**os.environ, **environment}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=told)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


# -- which there are ---------------------------------------------------------------------------------------------------


def test_the_devices_are_listed_with_the_engine_that_reaches_them():
    listed = {info.device: info for info in devices()}
    assert listed[INTEL].engines == ("sklearnex",)
    assert listed[HOST].engines[0] != ""
    assert not [device for device in listed if device.kind == "accelerator" and device.backend == "opencl"]
    assert ("dpctl would tell" not in listed[INTEL].description) == WITH_DPCTL


@needs_pocl
@pytest.mark.skipif(not WITH_DPCTL, reason="names are told by dpctl")
def test_the_second_device_is_that_of_the_second_driver():
    names = in_another_process(
        "import dpctl; [print(d.filter_string, d.sycl_platform.name) for d in dpctl.get_devices()]"
    )
    assert names[0].startswith("opencl:cpu:0 Intel")
    assert names[1] == "opencl:cpu:1 Portable Computing Language"


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has loaded stands in /proc")
def test_listing_them_starts_no_driver_and_imports_nothing_of_the_library():
    code = """
        import sys
        from pathlib import Path
        import accelsk
        maps = lambda: Path("/proc/self/maps").read_text()
        print("opencl:cpu:0" in str(accelsk.devices()), {"onedal", "dpctl", "sklearnex"} & set(sys.modules))
        print("libintelocl" in maps(), "libpocl" in maps())
    """
    assert in_another_process(code) == ["True set()", "False False"]


def test_doctor_tells_of_them():
    told = {name: (status, found) for name, status, found, *_ in doctor._devices("sklearnex")}
    assert told["sklearnex: SYCL"][0] == "ok"
    assert "opencl:cpu:0" in told["sklearnex: SYCL"][1]
    assert told["sklearnex: SYCL GPU"][0] == "missing"


def test_doctor_tells_how_to_reach_the_processor_where_no_driver_is_registered(monkeypatch, tmp_path):
    lost = tmp_path / "intel-cpu.icd"
    lost.write_text("/opt/anaconda1anaconda2anaconda3/lib/libintelocl.so\n")
    monkeypatch.setenv("OCL_ICD_VENDORS", str(tmp_path))
    told = {name: (status, remedy) for name, status, _, remedy in ADAPTER.examine()}
    assert told["SYCL CPU"][0] == "missing"
    assert (
        "libintelocl.so into a file with the ending .icd in a folder that OCL_ICD_VENDORS names" in told["SYCL CPU"][1]
    )
    (_, first, *_), (name, status, found, remedy) = doctor._opencl()
    assert (first, name, status) == ("missing", "OpenCL intel-cpu", "missing")
    assert "which is not there" in found
    assert remedy


# -- every class -------------------------------------------------------------------------------------------------------


@every_device
@every_row
def test_every_class_computes_there_what_it_computes_on_the_host(name, device):
    if name == "DummyRegressor" and device == POCL:
        pytest.skip("PoCL has no shared memory, which oneDAL asks for to hold a constant")
    settings = {"perplexity": 5, "random_state": 0, "n_clusters": 3}
    model, X = fitted(on(name, device, **settings), name)
    host, _ = fitted(on(name, HOST, **settings), name)
    assert (model.engine_, model.device_) == ("sklearnex", str(device))
    assert_same(answers(model, X), answers(host, X))


@needs_pocl
def test_an_index_means_the_device_of_this_index():
    """Only PoCL lacks shared memory: so it was the second that was asked, and it is left behind afterwards."""
    fitted(on("DummyRegressor", INTEL), "DummyRegressor")
    with pytest.raises(RuntimeError, match="does not support shared USM"):
        fitted(on("DummyRegressor", POCL), "DummyRegressor")
    assert fitted(on("DummyRegressor", "cpu"), "DummyRegressor")[0].device_ == "cpu"


@pytest.mark.parametrize(
    "asked, place", [("opencl:cpu", INTEL), ("opencl:cpu:0", INTEL), ("OpenCL:CPU:0", INTEL), ("cpu:0", HOST)]
)
def test_a_filter_selector_is_a_device(asked, place):
    assert fitted(on("PCA", asked), "PCA")[0].device_ == str(place)


@needs_pocl
@pytest.mark.parametrize("asked", ["cpu:1", "opencl:cpu:1"])
def test_an_index_is_enough_where_only_one_driver_counts_that_far(asked):
    assert fitted(on("PCA", asked), "PCA")[0].device_ == "opencl:cpu:1"


def test_auto_stays_on_the_host(breast_cancer):
    assert AcceleratedEstimator(plain("SVC"), engine="sklearnex").fit(*breast_cancer).device_ == "cpu"


# -- where they are not ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "device", ["gpu", "gpu:1", "level_zero:gpu:0", "cuda:gpu", "hip:gpu", "accelerator", "opencl:cpu:97"]
)
def test_a_device_that_is_not_there_is_one_error_that_names_what_there_is(device, iris):
    with pytest.raises(DeviceNotAvailable, match="it reaches: cpu, opencl:cpu:0") as caught:
        AcceleratedEstimator(plain("PCA"), engine="sklearnex", device=device).fit(iris[0])
    assert "opencl:cpu:0" in caught.value.available


@pytest.mark.parametrize("device", ["gpu", "level_zero:gpu:0", "cuda:gpu:0", "opencl:cpu:97", "bogus:gpu"])
def test_so_it_is_where_the_library_itself_finds_out(device, iris):
    """At fit and at predict: the library was not asked before, and says it in its own words."""
    row, X = ROWS["KNeighborsClassifier"], iris[0]
    keywords, _ = translate(row, plain(row.name).get_params(deep=False))
    backend = ADAPTER.build(row, keywords)
    with pytest.raises(DeviceNotAvailable, match=r"in this process; it reaches: cpu, opencl:cpu:0"):
        ADAPTER.fit(backend, row, "fit", iris, {}, Device.parse(device))
    ADAPTER.fit(backend, row, "fit", iris, {}, HOST)
    with pytest.raises(DeviceNotAvailable, match=r"in this process; it reaches: cpu, opencl:cpu:0"):
        ADAPTER.call(backend, row, "predict", (X,), {}, Device.parse(device))
    assert ADAPTER.call(backend, row, "predict", (X,), {}, HOST).shape == (150,)


def test_what_falls_back_without_a_word_is_an_error(iris):
    """The row refuses it; here the library is asked all the same."""
    row = ROWS["PCA"]
    keywords, _ = translate(row, plain("PCA").get_params(deep=False))
    backend = ADAPTER.build(row, {**keywords, "svd_solver": "randomized"})
    with pytest.raises(DeviceNotAvailable, match=r"did not compute PCA\.fit.*scikit-learn computed it \(Only 'cov"):
        ADAPTER.fit(backend, row, "fit", (iris[0],), {}, INTEL)
    ADAPTER.fit(backend, row, "fit", (iris[0],), {}, HOST)


# -- other threads and processes ---------------------------------------------------------------------------------------


def told_by(model, X, y):
    """Fit in a worker; tell where it ran."""
    made = clone(model).fit(X, y)
    return os.getpid(), made.device_, made.decision_function(X)


@every_device
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_compute_on_the_device(device, backend, breast_cancer):
    model = on("SVC", device)
    expected = on("SVC", HOST).fit(*breast_cancer).decision_function(breast_cancer[0])
    told = Parallel(n_jobs=2, backend=backend)(delayed(told_by)(model, *breast_cancer) for _ in range(4))
    assert {place for _, place, _ in told} == {str(device)}
    assert (os.getpid() in {process for process, *_ in told}) == (backend == "threading")
    for *_, margins in told:
        np.testing.assert_allclose(margins, expected, rtol=1e-9)


@every_device
def test_a_block_with_a_device_reaches_the_workers(device, breast_cancer):
    model = AcceleratedEstimator(plain("SVC"))
    with config_context(engine="sklearnex", device=str(device), fallback="raise"):
        sent = clone(model)
        told = Parallel(n_jobs=2, backend="loky")(delayed(told_by)(sent, *breast_cancer) for _ in range(2))
    assert {place for _, place, _ in told} == {str(device)}


def told_without(data, X, y):
    """Open models in a worker that has no driver; tell what it says."""
    drivers = os.environ["OCL_ICD_VENDORS"]
    os.environ["OCL_ICD_VENDORS"] = "/nonexistent"
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model, unfitted = pickle.loads(data)
        unfitted.fit(X, y)
    except DeviceNotAvailable as error:
        return model.device_, [type(each.message).__name__ for each in caught], model.predict(X), error
    finally:
        os.environ["OCL_ICD_VENDORS"] = drivers
    return None


def test_a_worker_without_the_device_says_so(breast_cancer):
    model = on("SVC", INTEL).fit(*breast_cancer)
    data = pickle.dumps((model, clone(model)))
    (told,) = Parallel(n_jobs=2, backend="loky")([delayed(told_without)(data, *breast_cancer)])
    device, caught, labels, error = told
    assert (device, caught) == ("cpu", ["DevicePlacementWarning"])
    np.testing.assert_array_equal(labels, model.predict(breast_cancer[0]))
    assert error.available == "cpu"


def test_forked_processes_compute_on_the_host_and_on_nothing_else(tmp_path):
    code = """
        import multiprocessing
        from sklearn.datasets import load_iris
        from sklearn.decomposition import PCA
        from accelsk import AcceleratedEstimator
        from accelsk.errors import DeviceNotAvailable
        X = load_iris().data

        def fit(device):
            try:
                return AcceleratedEstimator(PCA(), engine="sklearnex", device=device).fit(X).device_
            except DeviceNotAvailable as error:
                return str(error).splitlines()[0]

        if __name__ == "__main__":
            print(fit("cpu"))
            with multiprocessing.get_context("fork").Pool(1) as pool:
                print(pool.apply(fit, ("cpu",)))
                print(pool.apply(fit, ("opencl:cpu:0",)))
            print(fit("opencl:cpu:0"))
    """
    script = tmp_path / "forking.py"
    script.write_text(textwrap.dedent(code))
    first, second, third, last = in_another_process(
        f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    assert (first, second, last) == ("cpu", "cpu", "opencl:cpu:0")
    assert "cannot be used in a process that was forked" in third


# -- pickles, searches, pipelines --------------------------------------------------------------------------------------


OPENED = ("SVC", "PCA", "RandomForestClassifier", "KNeighborsClassifier", "LogisticRegression")


def test_models_open_where_the_device_is_not(breast_cancer, tmp_path):
    X, y = breast_cancer
    expected = {}
    for name in OPENED:
        model = on(name, INTEL, random_state=0, n_estimators=10).fit(X, y)
        again = pickle.loads(pickle.dumps(model))
        assert again.device_ == "opencl:cpu:0"
        assert_same(answers(again, X), answers(model, X))
        assert type(to_sklearn(model)) is type(model.estimator)
        (tmp_path / name).write_bytes(pickle.dumps(model))
        expected[name] = (model.predict if name != "PCA" else model.transform)(X).ravel()[:100]
    np.save(tmp_path / "data.npy", X)
    code = """
        import pickle, sys, warnings
        import numpy as np
        warnings.simplefilter("ignore")
        X = np.load(sys.argv[1] + "/data.npy")
        for name in sys.argv[2:]:
            with open(sys.argv[1] + "/" + name, "rb") as file:
                model = pickle.load(file)
            print(model.engine_, model.device_)
            print(*(model.predict if name != "PCA" else model.transform)(X).ravel()[:100])
    """
    lines = in_another_process(code, str(tmp_path), *OPENED, OCL_ICD_VENDORS="/nonexistent")
    assert lines[::2] == ["sklearnex cpu"] * len(OPENED)
    for name, numbers in zip(OPENED, lines[1::2], strict=True):
        found = [float(number) for number in numbers.split()]
        np.testing.assert_allclose(found, expected[name], rtol=1e-6, atol=1e-9)


@needs_pocl
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_device_is_a_hyperparameter_of_a_search(breast_cancer, n_jobs):
    grid = {"device": ["cpu", "opencl:cpu:0", "opencl:cpu:1"], "estimator__C": [0.1, 1.0]}
    model = AcceleratedEstimator(plain("SVC"), engine="sklearnex", fallback="raise")
    search = GridSearchCV(model, grid, cv=3, n_jobs=n_jobs, error_score="raise").fit(*breast_cancer)
    scores = search.cv_results_["mean_test_score"].reshape(3, 2)
    np.testing.assert_allclose(scores, scores[[0, 0, 0]])
    assert search.best_estimator_.device_ == search.best_params_["device"]


@needs_pocl
def test_every_step_of_a_pipeline_has_its_device(breast_cancer):
    steps = [("scale", plain("MaxAbsScaler")), ("pca", plain("PCA", n_components=5)), ("clf", plain("SVC"))]
    places = {"pca": "opencl:cpu:0", "clf": "opencl:cpu:1"}
    made = AcceleratedPipeline(steps, engine="sklearnex", device=places, fallback="raise").fit(*breast_cancer)
    assert [made.named_steps[name].device_ for name in places] == list(places.values())
    host = AcceleratedPipeline(steps, engine="sklearnex", fallback="raise").fit(*breast_cancer)
    np.testing.assert_array_equal(made.predict(breast_cancer[0]), host.predict(breast_cancer[0]))


# -- a processor that says that it is a GPU ----------------------------------------------------------------------------

# All of the library's code for GPUs that is in Python runs then, with the kernels of the host. Two have none.
WITHOUT_KERNEL = {"KNeighborsRegressor": "k-NN regression task", "LogisticRegression": "LogisticRegression"}


@pytest.fixture
def gpu(monkeypatch):
    """The device that is asked for as a GPU: Intel's driver for the processor."""
    if WITH_DPCTL:
        pytest.skip("the queues of dpctl cannot be told to lie")
    import onedal

    device = Device("gpu", "opencl", 0)
    made = onedal._dpc_backend.SyclDevice
    monkeypatch.setattr(made, "is_gpu", property(lambda self: True))
    monkeypatch.setattr(made, "is_cpu", property(lambda self: False))
    monkeypatch.setattr(sycl, "found", lambda: {device: "a processor that says that it is a GPU"})
    monkeypatch.setattr(sycl, "selector", lambda device: str(INTEL))
    return device


@pytest.mark.parametrize("name", sorted(set(GPU_ROWS) - set(WITHOUT_KERNEL)))
def test_the_row_for_gpus_gives_scikit_learns_results(name, gpu, breast_cancer, diabetes):
    X, y = diabetes if GRIDS[name].task == "numbers" else breast_cancer
    settings = {"random_state": 0, "n_clusters": 3, "n_estimators": 50}
    half, other = slice(None, None, 2), slice(1, None, 2)
    data = (X[half],) if GRIDS[name].task == "" else (X[half], y[half])
    model, expected = on(name, "gpu", **settings).fit(*data), plain(name, **settings).fit(*data)
    assert model.device_ == str(gpu)
    row = GPU_ROWS[name]
    scored = (y[other],) if GRIDS[name].task else ()
    assert_agrees(row, expected, model, X[other], *scored)
    for method in row.methods:
        if not method.startswith(("fit", "partial_fit")):
            getattr(model, method)(X[other], *(scored if method == "score" else ()))
    again = pickle.loads(pickle.dumps(model))
    assert again.device_ == str(gpu)
    assert_same(answers(again, X), answers(model, X))
    assert type(to_sklearn(model)) is type(model.estimator)


@pytest.mark.parametrize("name", sorted(WITHOUT_KERNEL))
def test_where_only_gpus_have_a_kernel_it_is_asked_for(name, gpu, breast_cancer):
    with pytest.raises(RuntimeError, match=f"{WITHOUT_KERNEL[name]} is not implemented for CPU"):
        on(name, "gpu").fit(*breast_cancer)


@pytest.mark.parametrize("fall_back", [False, True])
def test_what_the_row_for_gpus_refuses_is_not_computed_elsewhere_without_a_word(fall_back, gpu, breast_cancer):
    import sklearnex

    row = GPU_ROWS["SVC"]
    keywords, _ = translate(row, plain("SVC").get_params(deep=False))
    backend = ADAPTER.build(row, {**keywords, "kernel": "poly"})
    with (
        sklearnex.config_context(allow_fallback_to_host=fall_back),
        pytest.raises(DeviceNotAvailable, match=r"scikit-learn computed it \(Kernel is \"poly\" while"),
    ):
        ADAPTER.fit(backend, row, "fit", breast_cancer, {}, gpu)


def test_a_model_of_a_gpu_that_the_host_does_not_take_is_scikit_learns_there(gpu, breast_cancer, monkeypatch):
    X, _ = breast_cancer
    near = on("NearestNeighbors", "gpu", algorithm="kd_tree").fit(X)
    data, expected = pickle.dumps(near), near.kneighbors(X)[0]
    monkeypatch.undo()
    with pytest.warns(DevicePlacementWarning, match="on 'cpu' it needs a brute force search.*scikit-learn computes"):
        moved = pickle.loads(data)
    assert moved.engine_ == "sklearn"
    np.testing.assert_allclose(moved.kneighbors(X)[0], expected, atol=1e-6)
