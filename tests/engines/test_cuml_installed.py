"""Engine cuml with a cuML that is really installed, which needs no GPU: `make test-cuml` makes its environment."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest

pytest.importorskip("cuml", reason="cuML is not installed: `make test-cuml` does it")

import cuml
import cupy
from cuml_settings import RECORD
from record_cuml import record
from sklearn.base import is_classifier
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from accelsk import AcceleratedEstimator, drivers, engines
from accelsk.devices import Device
from accelsk.doctor import examine
from accelsk.engines import get, get_adapter, why_missing
from accelsk.engines.cuml import placement
from accelsk.engines.translate import translate
from accelsk.errors import DeviceNotAvailable, EngineNotAvailable
from accelsk.testing import engine_checks
from accelsk.testing.case import case_of

ADAPTER = get_adapter("cuml")
ROWS = {row.estimator: row for row in get("cuml").rows}

without_gpu = pytest.mark.skipif(bool(drivers.cuda_devices()), reason="this machine has a GPU")
without_driver = pytest.mark.skipif(drivers.cuda_driver() is not None, reason="this machine has a CUDA driver")
every_row = pytest.mark.parametrize("path", ROWS)


def case(path):
    """The case of a row."""
    found = case_of("cuml", path)
    found.need_class()
    return found


def backend(path):
    """An unfitted backend estimator, as a fit makes it."""
    row, params = ROWS[path], case(path).translatable
    keywords, refusals = translate(row, params)
    assert not refusals
    made = ADAPTER.build(row, {**keywords, **row.engine_params})
    ADAPTER.introduce(made, row, case(path).cls(**params))
    return made


@pytest.mark.parametrize(
    "check",
    [check for _, check in engine_checks("cuml") if check.promise.needs_engine and not check.promise.needs_device],
    ids=lambda check: check.id,
)
def test_cuml_keeps_what_the_contract_says_of_an_installed_library(check):
    check()


def test_the_record_is_what_this_cuml_says():
    written, found = json.loads(RECORD.read_text()), record()
    if written["versions"] != found["versions"]:
        pytest.skip(f"recorded of {written['versions']}, installed is {found['versions']}")
    assert json.loads(json.dumps(found)) == written, "python tests/engines/record_cuml.py writes it again"


@every_row
def test_the_class_of_a_row_is_cumls(path):
    model = backend(path).model
    assert type(model).__module__.startswith(("cuml.", "accelsk.engines.cuml."))
    assert isinstance(model, cuml.Base)
    assert model.output_type == "numpy"


@every_row
def test_an_unfitted_backend_is_copied_and_pickled(path):
    made = backend(path)
    for again in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert repr(again.get_params()) == repr(made.get_params())
        assert not again.fitted
        assert again.adapter is made.adapter


@every_row
def test_an_unfitted_backend_has_the_methods_of_scikit_learns_class_and_no_fitted_attribute(path):
    made, row = backend(path), ROWS[path]
    for method in row.methods:
        assert callable(getattr(made, method)) or not hasattr(made.stem, method)
    with pytest.raises(AttributeError):
        made.coef_  # noqa: B018  it is the access that fails


@every_row
def test_what_a_row_says_that_cuml_computes_cuml_has(path):
    made = backend(path)
    derived = {"score", "predict_log_proba", "fit_predict", "fit_transform"}
    from accelsk.engines.cuml.fitted import particulars

    if particulars(path).runs is None:
        assert not [name for name in ROWS[path].methods if not hasattr(made.model, name) and name not in derived]


# -- calls, as far as they come without a GPU: cuML takes the arguments, and then asks for the device -----------------


def fitting_methods(path):
    """The methods of the class that fit."""
    cls, row = case(path).cls, ROWS[path]
    return [name for name in ("fit", "fit_transform", "fit_predict") if hasattr(cls, name)] + [
        name for name in row.methods if name == "partial_fit"
    ]


@without_gpu
@every_row
def test_cuml_takes_the_arguments_of_a_fit(path, monkeypatch):
    monkeypatch.setattr(type(ADAPTER), "context", lambda self, device: nullcontext())
    row, data = ROWS[path], case(path).data
    for method in fitting_methods(path):
        given = {"sample_weight": np.ones(len(data.X))} if row.inputs(method).sample_weight else {}
        if method == "partial_fit" and is_classifier(case(path).plain()):
            given["classes"] = np.unique(data.y)
        with pytest.raises(cupy.cuda.runtime.CUDARuntimeError):
            ADAPTER.fit(backend(path), row, method, data.args, given, Device.parse("cuda:0"))


@without_gpu
@every_row
def test_cuml_takes_the_arguments_of_the_methods_after_a_fit(path, monkeypatch):
    monkeypatch.setattr(type(ADAPTER), "context", lambda self, device: nullcontext())
    row, data = ROWS[path], case(path).data
    for method in row.methods:
        if method == "partial_fit" or not hasattr(case(path).plain(), method):
            continue
        made = backend(path)
        made.stem.n_features_in_, made.fitted, made.notes["sparse"] = data.X.shape[1], True, False
        made.labels = np.unique(data.y) if is_classifier(made.stem) else None
        needed = [
            parameter
            for parameter in list(inspect.signature(getattr(case(path).cls, method)).parameters.values())[1:]
            if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        with pytest.raises((cupy.cuda.runtime.CUDARuntimeError, AttributeError)):  # or it looks for what a fit leaves
            ADAPTER.call(made, row, method, (data.X_new, data.y_new)[: len(needed)], {}, Device.parse("cuda:0"))


# -- installed, and no GPU ---------------------------------------------------------------------------------------------


@without_driver
def test_without_a_driver_the_engine_is_not_usable_and_says_why():
    missing = why_missing("cuml")
    assert isinstance(missing, EngineNotAvailable)
    assert "there is no CUDA driver here" in str(missing)
    assert "not installed" not in str(missing)
    [told] = [info for info in engines() if info.name == "cuml"]
    assert not told.usable
    assert "CUDA driver" in told.reason


@without_driver
@pytest.mark.parametrize("fallback", ["warn", "silent", "raise"])
def test_without_a_driver_a_fit_that_names_it_fails_at_every_setting(fallback):
    with pytest.raises(EngineNotAvailable, match="there is no CUDA driver here"):
        AcceleratedEstimator(Ridge(), engine="cuml", fallback=fallback).fit([[0.0], [1.0]], [0, 1])


@without_gpu
def test_without_a_gpu_another_engine_is_the_second_choice():
    model = AcceleratedEstimator(LinearRegression(), engine=["cuml", "sklearn"]).fit([[0.0], [1.0]], [0, 1])
    assert model.engine_ == "sklearn"


@without_gpu
@pytest.mark.parametrize("device", ["gpu", "gpu:1", "cuda", "cuda:7"])
def test_without_a_gpu_the_device_is_not_there(device):
    with pytest.raises((DeviceNotAvailable, EngineNotAvailable)):
        AcceleratedEstimator(Ridge(), engine="cuml", device=device).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(DeviceNotAvailable, match=f"no engine that is installed reaches device '{device}'"):
        AcceleratedEstimator(Ridge(), device=device).fit([[0.0], [1.0]], [0, 1])


@without_driver
def test_the_doctor_says_which():
    [found] = [finding for finding in examine() if finding.name == "cuml"]
    assert found.status == "broken"
    assert "there is no CUDA driver here" in found.found


@without_gpu
def test_what_cupy_raises_is_an_error_of_the_device():
    with (
        pytest.raises(DeviceNotAvailable, match="could not compute on device 'cuda:0'"),
        ADAPTER.context(Device.parse("cuda:0")),
    ):
        cupy.zeros(3)


@without_gpu
def test_a_fit_that_reaches_cuml_leaves_its_settings_alone():
    made = backend("sklearn.cluster.KMeans")
    with pytest.raises(DeviceNotAvailable):
        ADAPTER.fit(made, made.row, "fit", (load_iris().data,), {}, Device.parse("cuda:0"))
    assert cuml.global_settings.output_type is None
    assert not made.fitted


@without_gpu
@pytest.mark.parametrize("estimator", [LogisticRegression(), KMeans(n_init=1)])
def test_data_are_validated_before_the_device_is_asked(estimator):
    made = backend(f"{type(estimator).__module__.rpartition('._')[0]}.{type(estimator).__name__}")
    with pytest.raises(ValueError, match="Input X contains NaN"):
        ADAPTER.fit(made, made.row, "fit", ([[float("nan")], [1.0]], [0, 1]), {}, Device.parse("cuda:0"))


def in_a_new_thread(function):
    """What a function returns, or the error, in a thread in which cuML was never used."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).exception()


def test_a_thread_in_which_cuml_was_used_on_another_device_is_refused():
    from cuml.internals import base

    def used_elsewhere():
        base._THREAD_STATE.handle = object()  # as get_handle leaves it, which needs a device
        placement._claim("cuml", Device.parse("cuda:0"), current=1)

    error = in_a_new_thread(used_elsewhere)
    assert isinstance(error, DeviceNotAvailable)
    assert "CUDA's current device was number 1" in str(error)


def test_a_thread_that_begins_here_goes_on_whatever_device_becomes_current():
    from cuml.internals import base

    def used_here():
        placement._claim("cuml", Device.parse("cuda:0"), current=1)  # its handle is made on the first device now
        base._THREAD_STATE.handle = object()
        placement._claim("cuml", Device.parse("cuda:0"), current=1)

    assert in_a_new_thread(used_here) is None


def test_importing_it_starts_no_thread_and_writes_no_environment():
    code = """
        import os, threading
        before = dict(os.environ)
        import accelsk.engines.cuml.adapter, cuml
        changed = {name for name in os.environ if os.environ[name] != before.get(name)}
        print(sorted(changed), threading.active_count(), cuml.global_settings.output_type)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "1", "None"], done.stdout
