"""Engine cuml without a GPU and without cuML: every row beside what was recorded of cuML's own translation.

The record is made by `python tests/engines/record_cuml.py`; ``test_cuml_installed.py`` compares it with an installed
cuML, and ``test_cuml_gpu.py`` computes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import sklearn
from cuml_settings import CORRECTED, GRID, LEFT, RECORD, REFUSED, TAKEN, class_of, key, settings_of, written
from sklearn.linear_model import Ridge

from accelsk import AcceleratedEstimator, drivers
from accelsk.devices import Device
from accelsk.engines import get, get_adapter, importable
from accelsk.engines.cuml import faults, placement
from accelsk.engines.cuml.fitted import Particulars, _collected
from accelsk.engines.translate import translate
from accelsk.errors import AccelskError, DeviceNotAvailable, DeviceOutOfMemory, EngineNotAvailable
from accelsk.testing import engine_checks

ENGINE = get("cuml")
ROWS = {row.estimator: row for row in ENGINE.rows}
RECORDED = json.loads(RECORD.read_text())

#: Whether scikit-learn here is the one whose parameters and allowed values were recorded.
SAME = RECORDED["versions"]["scikit-learn"] == sklearn.__version__

#: Of every class of cuML, without effect on what is computed.
OF_CUML = {"verbose", "output_type", "handle", "n_jobs"}

every_row = pytest.mark.parametrize("path", ROWS)


@pytest.mark.parametrize(
    "check", [check for _, check in engine_checks("cuml") if not check.promise.needs_engine], ids=lambda check: check.id
)
def test_cuml_keeps_what_the_contract_says_of_tables(check):
    check()


# -- rows and the record ----------------------------------------------------------------------------------------------


def recorded(path):
    """What was recorded of a class, which is there to be compared."""
    package = path.partition(".")[0]
    if not importable(package):
        pytest.skip(f"{package} is not installed")
    return ROWS[path], RECORDED["classes"][path]


def translations(path):
    """Every setting with what cuML's own translation gave and what the row gives; and what was met of the lists."""
    row, held = recorded(path)
    defaults = class_of(row)().get_params(deep=False)
    for setting in settings_of(row):
        known = (held["translation"] or {}).get(key(setting))
        assert known is not None or held["translation"] is None or not SAME, f"{key(setting)} was not recorded"
        yield setting, known, *translate(row, {**defaults, **setting})


def test_the_record_has_every_row_and_no_other():
    assert set(RECORDED["classes"]) == set(ROWS), "python tests/engines/record_cuml.py writes it again"
    assert {path: row.backend for path, row in ROWS.items()} == {
        path: held["class"] for path, held in RECORDED["classes"].items()
    }


@every_row
def test_what_cuml_refuses_is_refused_and_nothing_else_without_a_reason(path):
    defaults = class_of(recorded(path)[0])().get_params(deep=False)
    for setting, known, _, refusals in translations(path):
        if known is None:
            continue
        refused = {refusal.parameter for refusal in refusals}
        if isinstance(known, str):
            reasons = [TAKEN.get((path, name)) for name in setting or defaults]
            assert refused or any(reasons), f"{key(setting)}: cuML has {known!r}, the row takes it"
        else:
            without = [name for name in refused if (path, name) not in REFUSED]
            assert not without, f"{key(setting)}: refused for {', '.join(without)}; cuML takes it"


@every_row
def test_keywords_are_those_of_cumls_translation_but_for_what_is_listed(path):
    row, held = recorded(path)
    for setting, known, keywords, refusals in translations(path):
        if known is None or isinstance(known, str) or refusals:
            continue
        given = {**{name: written(value) for name, value in row.engine_params.items()}, **written(keywords)}
        wanted = {name: known.get(name, default) for name, default in held["parameters"].items()}
        for name in sorted(set(given) | set(known)):
            if name in OF_CUML or (path, name) in CORRECTED or (name not in given and (path, name) in LEFT):
                continue
            if name in ("random_state", "seed") and isinstance(given.get(name), int):
                continue  # drawn as scikit-learn draws it
            assert given.get(name, "nothing") == wanted.get(name, "nothing"), f"{key(setting)}: {name}"


@every_row
def test_every_keyword_of_cuml_is_passed_and_no_other(path):
    row, held = recorded(path)
    for setting, _, keywords, refusals in translations(path):
        given = set(keywords) | set(row.engine_params)
        unknown = sorted(given - set(held["parameters"]))
        assert not unknown, f"{key(setting)}: {row.backend} has no {', '.join(unknown)}"
        if refusals:
            continue
        left = [name for name in held["parameters"] if name not in given | OF_CUML and (path, name) not in LEFT]
        assert not left, f"{key(setting)}: a default of cuML may leak in for {', '.join(left)}"


@pytest.mark.skipif(not SAME, reason="other versions of scikit-learn have other parameters and defaults")
def test_every_difference_that_is_listed_is_there():
    met = {"refused": set(), "taken": set(), "corrected": set(), "left": set()}
    for path, row in ROWS.items():
        if not importable(path.partition(".")[0]):
            continue
        held = RECORDED["classes"][path]
        for setting, known, keywords, refusals in translations(path):
            given = {**{name: written(value) for name, value in row.engine_params.items()}, **written(keywords)}
            met["left"] |= {(path, name) for name in held["parameters"] if name not in given}
            if isinstance(known, dict):
                met["refused"] |= {(path, refusal.parameter) for refusal in refusals}
                met["corrected"] |= {
                    (path, name)
                    for name in {*given, *known}
                    if given.get(name, "nothing") != known.get(name, held["parameters"].get(name, "nothing"))
                }
            elif isinstance(known, str) and not refusals:
                met["taken"] |= {(path, name) for name in setting or class_of(row)().get_params(deep=False)}
    here = {path for path in ROWS if importable(path.partition(".")[0])}
    for listed, name in ((REFUSED, "refused"), (TAKEN, "taken"), (CORRECTED, "corrected"), (LEFT, "left")):
        stale = sorted(entry for entry in listed if entry[0] in here and entry not in met[name])
        assert not stale, f"{name}: {stale}"
        assert all(reason.strip() for reason in listed.values())
    assert {path for path, _ in (*REFUSED, *TAKEN, *CORRECTED, *LEFT)} | set(GRID) <= set(ROWS)


def test_what_is_particular_is_about_classes_that_have_a_row():
    names = {row.name for row in ENGINE.rows} | set(ROWS)
    for field in Particulars.__dataclass_fields__:
        assert set(_collected(field.upper())) <= names


def test_numpys_numbers_become_pythons():
    keywords, _ = translate(ROWS["sklearn.linear_model.Ridge"], Ridge(alpha=np.float64(2)).get_params())
    assert type(keywords["alpha"]) is float


# -- no cuML, no driver, no device -----------------------------------------------------------------------------------


@pytest.mark.skipif(importable("cuml"), reason="cuML is installed")
def test_without_cuml_the_error_says_how_to_install_it():
    with pytest.raises(EngineNotAvailable, match=r"RAPIDS cuML \(module 'cuml'\) is not installed") as caught:
        AcceleratedEstimator(Ridge(), engine="cuml").fit([[0.0], [1.0]], [0, 1])
    assert caught.value.hint == 'pip install "accelsk[cuml-cu13]" or "accelsk[cuml-cu12]"'


#: A CUDA driver to be compiled: what it answers is set by the environment.
DRIVER = r"""
#include <stdio.h>
#include <stdlib.h>
int cuDriverGetVersion(int *version) { *version = atoi(getenv("TEST_VERSION")); return 0; }
int cuInit(unsigned flags) { return atoi(getenv("TEST_STATUS")); }
int cuDeviceGetCount(int *count) { *count = 2; return 0; }
int cuDeviceGet(int *device, int index) { *device = index; return 0; }
int cuDeviceGetName(char *name, int size, int device) { return snprintf(name, size, "GPU %d", device) < 0; }
"""


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Makes a CUDA driver of a version, whose start returns a status, the one of this machine."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    (tmp_path / "driver.c").write_text(DRIVER)
    compiled = tmp_path / "libcuda.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", compiled, tmp_path / "driver.c"], check=True)
    monkeypatch.setattr(drivers, "_LIBCUDA", str(compiled))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def make(version=13020, status=0, build="cuml-cu13"):
        monkeypatch.setenv("TEST_VERSION", str(version))
        monkeypatch.setenv("TEST_STATUS", str(status))
        monkeypatch.setattr(placement, "_build", lambda: (build, placement._BUILDS[build]))
        drivers._ask.cache_clear()

    yield make
    drivers._ask.cache_clear()


needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="compiles as on POSIX")


@needs_posix
def test_with_a_driver_and_a_gpu_there_is_no_problem(driver):
    driver()
    assert placement.problem() == ""
    assert get_adapter("cuml").devices() == {Device.parse("cuda:0"): "GPU 0", Device.parse("cuda:1"): "GPU 1"}


@needs_posix
@pytest.mark.parametrize(
    "how, words",
    [
        ({"version": 12040}, ["for CUDA 12.4", "cuml-cu13 needs 13.0", "install accelsk[cuml-cu12] instead"]),
        ({"version": 11080, "build": "cuml-cu12"}, ["for CUDA 11.8", "cuml-cu12 needs 12.0", "Update NVIDIA's driver"]),
        ({"status": 100}, ["finds no GPU", "accelsk doctor"]),
        ({"status": 803}, ["does not start (error 803", "Restart the machine"]),
    ],
)
def test_each_reason_why_there_is_no_gpu_has_its_own_words(driver, how, words):
    driver(**how)
    for word in words:
        assert word in placement.problem()


@needs_posix
def test_gpus_that_are_hidden_are_said_to_be(driver, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    driver(status=100)
    assert "CUDA_VISIBLE_DEVICES='' leaves no GPU" in placement.problem()


def test_without_a_driver_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(drivers, "_LIBCUDA", "libcuda-that-is-not-there.so")
    assert "there is no CUDA driver here" in placement.problem()
    assert "docker run --gpus all" in placement.problem()


# -- another device than the first -------------------------------------------------------------------------------------


def test_the_first_device_is_this_processs():
    assert placement.environment(Device.parse("cuda")) is None
    assert placement.environment(Device.parse("cuda:0")) is None


@pytest.mark.parametrize(
    "visible, expected", [(None, "1"), ("0,1", "1"), ("2,3", "3"), ("GPU-a, GPU-b", "GPU-b"), ("MIG-a,MIG-b", "MIG-b")]
)
def test_another_device_is_the_first_of_another_process(monkeypatch, visible, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert get_adapter("cuml").environment(Device.parse("gpu:1")) == {"CUDA_VISIBLE_DEVICES": expected}
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == visible


def test_in_this_process_another_device_is_an_error():
    with (
        pytest.raises(DeviceNotAvailable, match="computes on the first GPU of its process") as caught,
        get_adapter("cuml").context(Device.parse("cuda:1")),
    ):
        pass
    assert "CUDA_VISIBLE_DEVICES=1" in caught.value.hint


# -- what CUDA raises --------------------------------------------------------------------------------------------------


class CUDARuntimeError(RuntimeError):
    """Named as CuPy's and RMM's."""


def raised(error):
    """What becomes of an error in a computation."""
    try:
        with faults.told("cuml", Device.parse("cuda:0")):
            raise error
    except Exception as translated:  # noqa: BLE001  it is what is asked for
        return translated


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("std::bad_alloc: out_of_memory: CUDA error at: cuda_memory_resource.hpp"),  # RMM
        MemoryError("Out of memory allocating 8,000,000,000 bytes (allocated so far: 0 bytes)."),  # CuPy
        MemoryError(),
        RuntimeError("after reduction step 1: cudaErrorMemoryAllocation: out of memory"),  # Thrust
        CUDARuntimeError("cudaErrorMemoryAllocation: out of memory"),
        RuntimeError("cuBLAS error encountered at: ... CUBLAS_STATUS_ALLOC_FAILED"),
    ],
)
def test_every_way_to_run_out_of_memory_is_one_error(error):
    told = raised(error)
    assert type(told) is DeviceOutOfMemory
    assert isinstance(told, MemoryError)
    assert "'cuda:0' ran out of memory while engine 'cuml'" in str(told)
    assert told.hint


def test_memory_of_the_host_is_not_the_devices():
    with pytest.raises(MemoryError) as caught, faults.told("cuml", Device.parse("cuda:0")):
        np.empty(2**62, dtype=np.uint8)
    assert not isinstance(caught.value, DeviceOutOfMemory)


def test_out_of_memory_lets_go_of_what_the_call_had_allocated():
    import gc
    import weakref

    class Allocation:
        """An array of the device."""

    def computation(kept):
        there = Allocation()
        kept.append(weakref.ref(there))
        raise MemoryError("std::bad_alloc")

    kept = []
    with pytest.raises(DeviceOutOfMemory) as caught, faults.told("cuml", Device.parse("cuda:0")):
        computation(kept)
    gc.collect()
    assert caught.value.__cause__ is not None
    assert kept[0]() is None


def test_no_device_is_an_error_of_the_device():
    told = raised(CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime"))
    assert type(told) is DeviceNotAvailable
    assert "'cuda:0'" in str(told)


def test_a_lost_device_is_said_to_be_lost():
    told = raised(CUDARuntimeError("cudaErrorIllegalAddress: an illegal memory access was encountered"))
    assert type(told) is AccelskError
    assert "CUDA does not work in this process any more" in str(told)
    assert "start another process" in told.hint
    assert "'cuda:0'" in str(told)


@pytest.mark.parametrize("error", [ValueError("tol must be positive"), RuntimeError("did not converge")])
def test_errors_that_are_not_the_devices_are_left_alone(error):
    assert raised(error) is error


def test_translated_errors_stay_as_they_are():
    error = DeviceOutOfMemory("once")
    assert raised(error) is error
