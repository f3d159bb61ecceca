"""Engine sklearnex on a GPU: its rows against what the library would compute there, which needs no GPU to ask."""

from __future__ import annotations

import inspect
import logging
import threading
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import get_tags
from threadpoolctl import threadpool_limits

pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")

from sklearnex_cases import ADAPTER, ENGINE, GPU_ROWS, ROWS, every_gpu_row, load, plain
from sklearnex_data import KINDS
from sklearnex_denials import DENIALS, GPU_DENIALS
from sklearnex_grid import GRIDS, on_gpu

from accelsk import AcceleratedEstimator, convert, explain
from accelsk.capability import examine_inputs
from accelsk.devices import HOST, Device
from accelsk.engines.sklearnex import sycl
from accelsk.engines.sparsity import sparsity
from accelsk.engines.translate import check_total, merge_engine_params, translate
from accelsk.errors import DeviceNotAvailable, UnsupportedParameter
from accelsk.facts import Facts

GPU = Device("gpu", "level_zero", 0)
ON_HOST_ONLY = {
    "ElasticNet",
    "Lasso",
    "LogisticRegressionCV",
    "NuSVC",
    "NuSVR",
    "SVR",
    "StandardScaler",
    "TSNE",
}

# -- the rows --


def test_every_class_has_a_row_for_gpus_or_is_known_to_have_no_code_for_them():
    assert set(GPU_ROWS) == set(ROWS) - ON_HOST_ONLY
    assert all(ENGINE.row(ROWS[name].estimator, GPU) is None for name in ON_HOST_ONLY)


@pytest.mark.parametrize("name", ["NuSVC", "NuSVR", "SVR"])
def test_what_has_no_row_for_gpus_is_not_computed_there(name):
    X, y, _ = KINDS["float64"](GRIDS[name].task)
    backend = load(ROWS[name].backend)(**dict(GRIDS[name].base))
    assert not backend._onedal_gpu_supported("fit", X, y, None).get_status()


@every_gpu_row
def test_a_row_decides_every_parameter(name):
    assert check_total(GPU_ROWS[name], load(GPU_ROWS[name].estimator)) == ()


# -- the rows against the library --

#: What the private method is given besides the name of the operation.
_X_ONLY = ("EmpiricalCovariance", "IncrementalPCA", "MaxAbsScaler", "PCA")
_X_AND_Y = ("KNeighborsClassifier", "KNeighborsRegressor", "LocalOutlierFactor", "NearestNeighbors")


def runs_on_gpu(backend, name, X, y, fit_params):
    """Whether the library would compute a fit on a GPU, and why not."""
    data = (X,) if name in _X_ONLY else (X, y) if name in _X_AND_Y else (X, y, fit_params.get("sample_weight"))
    status = backend._onedal_gpu_supported("fit", *data)
    return bool(status.get_status()), status.messages


def outcome(row, grid, setting, kind):
    """What a row says of a combination, what the library would do with it, and in words what does not fit together."""
    cls = load(row.estimator)
    if not setting.keys() <= inspect.signature(cls).parameters.keys():
        return "error"  # a hyperparameter of other scikit-learn versions
    estimator = cls(**setting)
    X, y, fit_params = grid.kinds()[kind](grid.task)
    params = estimator.get_params(deep=False)
    keywords, refusals = translate(row, params)
    merge_engine_params(row, ENGINE.name, {}, keywords)
    facts, tags = Facts(X, y, fit_params), get_tags(estimator).input_tags
    check = examine_inputs(ENGINE.name, row, "fit", facts, params, tags, "auto", densify=False)
    if any(reason.kind == "invalid" for reason in check.reasons) or (kind == "nan" and not tags.allow_nan):
        return "error"  # scikit-learn itself takes no such data, whatever the row says
    says = not refusals and not check.reasons
    if says:
        backend = ADAPTER.build(row, keywords)
        X = convert.sparse_as(X, check.convert) if check.convert else X
    else:
        backend = load(row.backend)(**setting)
    try:
        did, why = runs_on_gpu(backend, row.name, X if hasattr(X, "shape") else np.asarray(X), y, fit_params)
    except Exception as error:  # noqa: BLE001  any error: scikit-learn must raise one too
        try:
            clone(estimator).fit(*((X,) if y is None else (X, y)), **fit_params)
        except Exception:  # noqa: BLE001
            return "error"
        return f"claims it, and it fails with {error!r}" if says else "denied"
    if says == did:
        return "claimed" if says else "denied"
    if not says and any(
        (not denial.rows or row.name in denial.rows) and denial.covers(setting, kind)
        for denial in (*DENIALS, *GPU_DENIALS)
    ):
        return "denied"
    reasons = [*refusals, *(reason.text for reason in check.reasons)]
    return f"denies what would run on a GPU ({reasons})" if did else f"claims what would not run on a GPU ({why})"


@every_gpu_row
def test_a_row_says_what_the_library_would_do(name):
    grid = on_gpu(name)
    counts = {"claimed": 0, "denied": 0, "error": 0}
    wrong = []
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # the settings are odd on purpose
        for setting, kind in grid.combinations():
            result = outcome(GPU_ROWS[name], grid, setting, kind)
            if result in counts:
                counts[result] += 1
            else:
                wrong.append(f"{setting} with {kind}: {result}")
    print(f"{name}: {counts}")  # shown by pytest -rP
    assert not wrong, "\n".join(wrong[:20])
    assert counts["claimed"] >= 30, counts


def test_the_grid_is_large():
    total = sum(len(list(on_gpu(name).combinations())) for name in GPU_ROWS)
    print(f"sklearnex rows for GPUs compared with the library over {total:,} combinations")
    assert total > 12_000


# -- what is silently computed on the processor by the library is a reason of ours --


@pytest.mark.parametrize(
    "name, params, parameter",
    [
        ("RandomForestClassifier", {"oob_score": True, "bootstrap": True}, "oob_score"),
        ("ExtraTreesRegressor", {"oob_score": True, "bootstrap": True}, "oob_score"),
        ("RandomForestClassifier", {"class_weight": "balanced"}, "class_weight"),
        ("KNeighborsRegressor", {"metric": "manhattan"}, "metric"),
        ("KMeans", {"init": lambda X, k, random_state: X[:k]}, "init"),
        ("LogisticRegression", {"solver": "saga"}, "solver"),
        ("LogisticRegression", {"warm_start": True}, "warm_start"),
        ("SVC", {"kernel": "poly"}, "kernel"),
        ("SVC", {"class_weight": "balanced"}, "class_weight"),
    ],
)
def test_what_falls_back_on_a_gpu_alone_is_refused_there_by_name(name, params, parameter):
    values = plain(name, **params).get_params(deep=False)
    _, refusals = translate(GPU_ROWS[name], values)
    assert [refusal.parameter for refusal in refusals] == [parameter]
    if name != "LogisticRegression" or parameter != "solver":
        assert not translate(ROWS[name], values)[1]


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky"])
def test_logistic_regression_gets_the_solver_that_is_there(solver):
    row = GPU_ROWS["LogisticRegression"]
    keywords, refusals = translate(row, plain("LogisticRegression", solver=solver).get_params(deep=False))
    assert (keywords["solver"], refusals) == ("newton-cg", ())
    assert row.params["solver"].word == "adjusted"
    assert "newton-cg" in row.params["solver"].text


@pytest.mark.parametrize(
    "name", ["KNeighborsClassifier", "KNeighborsRegressor", "LocalOutlierFactor", "NearestNeighbors"]
)
@pytest.mark.parametrize("algorithm", ["auto", "brute", "kd_tree", "ball_tree"])
def test_neighbours_are_searched_by_brute_force(name, algorithm):
    row = GPU_ROWS[name]
    keywords, refusals = translate(row, plain(name, algorithm=algorithm).get_params(deep=False))
    assert (keywords["algorithm"], refusals) == ("brute", ())
    assert row.params["algorithm"].word == "adjusted"


@pytest.mark.parametrize("value", ["nonsense", None, np.array(["lbfgs"])])
def test_a_value_that_scikit_learn_does_not_know_is_not_adjusted(value):
    for name, parameter in (("LogisticRegression", "solver"), ("NearestNeighbors", "algorithm")):
        _, refusals = translate(GPU_ROWS[name], {**plain(name).get_params(deep=False), parameter: value})
        assert [refusal.parameter for refusal in refusals] == [parameter]


def test_sparse_matrices_are_another_matter_there():
    fits = [entry for entry in sparsity("sklearnex") if entry.operation == "fit"]
    told = {(entry.estimator.rpartition(".")[2], entry.device): entry.formats for entry in fits}
    assert (told["SVC", "cpu"], told["SVC", "gpu"]) == (("csr",), ())
    assert (told["LogisticRegression", "cpu"], told["LogisticRegression", "gpu"]) == ((), ("csr",))
    assert told["KMeans", "cpu"] == told["KMeans", "gpu"] == ("csr",)


# -- a machine with a GPU, as far as choosing goes --


@pytest.fixture
def with_a_gpu(monkeypatch):
    """The library tells of a GPU."""
    monkeypatch.setattr(sycl, "found", lambda: {GPU: "a GPU", Device("cpu", "opencl", 0): "a CPU"})


def test_the_row_for_gpus_is_chosen_for_a_gpu_and_for_nothing_else(with_a_gpu, breast_cancer):
    X, y = breast_cancer
    for device, place in (("gpu", "level_zero:gpu:0"), ("level_zero:gpu", "level_zero:gpu:0"), ("gpu:0", str(GPU))):
        decision = explain(plain("SVC"), X, y, engine="sklearnex", device=device)
        assert (decision.engine, decision.device) == ("sklearnex", place)
        with pytest.raises(UnsupportedParameter, match="it supports kernel='linear' or kernel='rbf'"):
            explain(plain("SVC", kernel="poly"), X, y, engine="sklearnex", device=device, fallback="raise")
    for device, place in (("cpu", "cpu"), ("auto", "cpu"), ("opencl:cpu", "opencl:cpu:0")):
        assert explain(plain("SVC", kernel="poly"), X, y, engine="sklearnex", device=device).device == place


def test_auto_takes_a_gpu_that_is_asked_for_and_claims_no_speed(with_a_gpu, breast_cancer):
    decision = explain(plain("RandomForestClassifier"), *breast_cancer, device="gpu")
    assert (decision.engine, decision.device) == ("sklearnex", str(GPU))
    assert decision.why == "it reaches the device gpu"


def test_a_class_without_code_for_gpus_says_that_it_is_for_processors_only(with_a_gpu, diabetes):
    with pytest.raises(
        DeviceNotAvailable, match=r"with SVR reaches no device 'gpu' here; it reaches: cpu, opencl:cpu:0"
    ):
        AcceleratedEstimator(plain("SVR"), engine="sklearnex", device="gpu").fit(*diabetes)
    with pytest.raises(DeviceNotAvailable, match=r"\(it computes SVR on cpu only\)"):
        explain(plain("SVR"), *diabetes, engine="sklearnex", device="gpu")


def test_without_a_gpu_it_is_the_device_that_is_missing(breast_cancer):
    for device in ("gpu", "gpu:1", "level_zero:gpu:0", "cuda:gpu", "hip:gpu", "accelerator", "opencl:cpu:97"):
        with pytest.raises(DeviceNotAvailable, match="it reaches: cpu") as caught:
            AcceleratedEstimator(plain("SVC"), engine="sklearnex", device=device).fit(*breast_cancer)
        assert caught.value.hint


# -- errors of the library, and where a call ran --


@pytest.mark.parametrize(
    "kind, text",
    [
        (RuntimeError, "Could not find a device that matches the specified filter(s)!"),
        (
            RuntimeError,
            "Invalid filter string! Valid strings conform to BE:DeviceType:DeviceNum",
        ),
        (ValueError, "device use via `target_offload` is only supported with the DPC++ backend"),
        (TypeError, "Positional argument 0 is not a filter string or a SyclDevice"),
        (type("SyclQueueCreationError", (Exception,), {}), "SYCL Device 'gpu' could not be created."),
    ],
)
def test_every_way_of_the_library_to_say_that_there_is_no_device_is_one_error(kind, text, breast_cancer):
    with (
        pytest.raises(DeviceNotAvailable, match="reaches no device 'level_zero:gpu:0' in this process") as caught,
        sycl.offloaded(GPU, "sklearnex", "SVC.fit"),
    ):
        raise kind(text)
    assert isinstance(caught.value.__cause__, kind)
    assert caught.value.available.startswith("cpu")


def test_other_errors_are_passed_on():
    for error in (ValueError("Input X contains NaN."), RuntimeError("Invalid value for parameter <method>")):
        with pytest.raises(type(error), match=r"Inp|Inv"), sycl.offloaded(GPU, "sklearnex", "SVC.fit"):
            raise error


def test_a_device_that_is_not_there_is_told_at_fit_and_at_predict(breast_cancer):
    """As in a worker process that has it not, after the choice was made where it is."""
    X, y = breast_cancer
    row = GPU_ROWS["SVC"]
    keywords = {**translate(row, plain("SVC").get_params(deep=False))[0], "n_jobs": None}
    with pytest.raises(DeviceNotAvailable, match="accelsk doctor"):
        ADAPTER.fit(ADAPTER.build(row, keywords), row, "fit", (X, y), {}, GPU)
    backend = ADAPTER.build(row, keywords)
    ADAPTER.fit(backend, row, "fit", (X, y), {}, HOST)
    with pytest.raises(DeviceNotAvailable, match="accelsk doctor"):
        ADAPTER.call(backend, row, "predict", (X,), {}, GPU)


SVC_FIT = "sklearn.svm.SVC.fit: "


@pytest.mark.parametrize(
    "said, told",
    [
        ([f"{SVC_FIT}running accelerated version on CPU"], "SVC.fit: it was running accelerated version on CPU"),
        (
            [f"{SVC_FIT}patching failed with cause - Kernel is odd.", f"{SVC_FIT}fallback to original Scikit-learn"],
            r"scikit-learn computed it \(Kernel is odd\.\)",
        ),
        ([], "it does not say where it computed"),
    ],
)
def test_a_call_that_ran_elsewhere_is_an_error(said, told, monkeypatch):
    monkeypatch.setattr("sklearnex.config_context", lambda **settings: warnings.catch_warnings())

    def call(texts):
        with sycl.offloaded(GPU, "sklearnex", "SVC.fit"):
            for text in texts:
                logging.getLogger("sklearnex").info(text)

    with pytest.raises(DeviceNotAvailable, match=rf"did not compute SVC\.fit on device 'level_zero:gpu:0'.*{told}"):
        call(said)
    call([f"{SVC_FIT}running accelerated version on GPU"])


def test_nobody_else_hears_what_is_listened_to(caplog, monkeypatch):
    monkeypatch.setattr("sklearnex.config_context", lambda **settings: warnings.catch_warnings())
    logger = logging.getLogger("sklearnex")
    level, filters = logger.level, list(logger.filters)
    with sycl._listening() as heard:
        logger.info("here")
        logger.warning("a warning")
        other = threading.Thread(target=lambda: logger.warning("elsewhere"))
        other.start()
        other.join()
    assert heard == ["here", "a warning"]
    assert [record.message for record in caplog.records if record.name == "sklearnex"] == ["a warning", "elsewhere"]
    assert (logger.level, logger.filters) == (level, filters)


# -- devices --


def test_devices_are_asked_for_in_another_process(monkeypatch):
    answer = [
        "",
        ["opencl:cpu:0", "A CPU", True, 2**30],
        ["opencl:accelerator:0", "", True, 0],
        ["opencl:gpu:0", "", False, 0],
    ]
    monkeypatch.setattr(sycl, "find_package", lambda: "there")
    monkeypatch.setattr(sycl.drivers, "ask", lambda program: answer)
    assert {str(device): name for device, name in sycl.found().items()} == {
        "opencl:gpu:0": "a SYCL device (dpctl would tell its name), in single precision only",
        "opencl:cpu:0": "A CPU",
    }
    assert next(iter(sycl.found())).kind == "gpu"
    assert [sycl.memory(device) for device in sycl.found()] == [0, 2**30]


def test_a_library_that_ends_the_process_has_no_devices(monkeypatch):
    monkeypatch.setattr(sycl, "find_package", lambda: "there")
    monkeypatch.setattr(sycl, "_PROGRAM", "import os; os.abort()")
    assert sycl.found() == {}
    assert "ends the process" in sycl.load_error()


def test_without_the_package_for_gpus_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(sycl, "find_package", lambda: None)
    monkeypatch.setattr(sycl.drivers, "ask", None)
    assert sycl.found() == {}
    (told,) = ADAPTER.examine()
    assert told[:2] == ("SYCL", "missing")
    assert told[3].startswith('pip install "accelsk[sklearnex-gpu]"')


def test_doctor_tells_a_package_that_cannot_be_loaded(monkeypatch):
    monkeypatch.setattr(sycl, "find_package", lambda: sycl.Path("_onedal_py_dpc.so"))
    monkeypatch.setattr(sycl.drivers, "ask", lambda program: ["libsycl.so.9: cannot open shared object file"])
    (told,) = ADAPTER.examine()
    assert told[:3] == (
        "SYCL",
        "broken",
        "_onedal_py_dpc.so cannot be loaded: libsycl.so.9: cannot open shared object file",
    )
