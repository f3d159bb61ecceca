"""GPUs are found by asking the drivers in another process: this one stays fit to be forked."""

import importlib.util
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
import sklearn

from accelsk import config, drivers
from accelsk.devices import Device
from accelsk.drivers import OpenCLDevice
from accelsk.errors import DeviceNotAvailable


def library():
    """The library that has the OpenCL loader linked in."""
    spec = importlib.util.find_spec("lightgbm")
    folders = spec.submodule_search_locations if spec is not None else ()
    return next((str(file) for folder in folders for file in Path(folder).glob("*/lib_lightgbm.so")), None)


needs_pocl = pytest.mark.skipif(
    library() is None or not Path("/etc/OpenCL/vendors/pocl.icd").is_file(),
    reason="needs LightGBM, and PoCL, which .ci/opencl installs",
)
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="a driver is compiled: needs a C compiler, cc")
posix = pytest.mark.skipif(os.name == "nt", reason="forks, signals and pipes with a name are of POSIX")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """The drivers that tests/conftest.py hides are there, and nothing else is asked of them."""
    for name in (*drivers._VARIABLES, "ACCELSK_OPENCL_CPU_AS_GPU"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def children(monkeypatch):
    """The child processes that are started from now on."""
    started, run = [], subprocess.run

    def counting(*args, **kwargs):
        started.append(args)
        return run(*args, **kwargs)

    monkeypatch.setattr(drivers.subprocess, "run", counting)
    return started


def in_another_process(code, *args):
    command = [sys.executable, "-c", textwrap.dedent(code), *args]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


# -- OpenCL, for real --------------------------------------------------------------------------------------------------


@needs_pocl
def test_pocl_is_a_cpu():
    (found,) = drivers.opencl_devices(library())
    assert (found.platform, found.index, found.kind, found.double) == (0, 0, "cpu", True)
    assert 0 < found.memory <= psutil.virtual_memory().total
    assert found.platform_name == "Portable Computing Language"
    assert found.name
    assert found.vendor
    assert drivers.opencl(library()) == {Device("cpu", "opencl", 0): found}


@needs_pocl
def test_what_the_environment_says_is_asked_again(monkeypatch, children):
    assert len(drivers.opencl_devices(library())) == 1
    monkeypatch.setenv("POCL_DEVICES", "pthread pthread")
    assert [(found.platform, found.index) for found in drivers.opencl_devices(library())] == [(0, 0), (0, 1)]
    assert list(drivers.opencl(library())) == [Device("cpu", "opencl", 0), Device("cpu", "opencl", 1)]
    monkeypatch.setenv("OCL_ICD_VENDORS", "/nonexistent")
    assert drivers.opencl(library()) == {}

    before = len(children)
    monkeypatch.delenv("OCL_ICD_VENDORS")
    assert len(drivers.opencl_devices(library())) == 2
    assert len(children) == before


@needs_pocl
def test_a_cpu_counts_as_a_gpu_only_where_that_is_asked_for(monkeypatch):
    monkeypatch.setenv("ACCELSK_OPENCL_CPU_AS_GPU", "1")
    ((device, found),) = drivers.opencl(library()).items()
    assert (device, found.kind) == (Device("gpu", "opencl", 0), "gpu")
    assert found.name.endswith(" (a CPU, counted as a GPU)")
    monkeypatch.setenv("ACCELSK_OPENCL_CPU_AS_GPU", "0")
    assert list(drivers.opencl(library())) == [Device("cpu", "opencl", 0)]


@needs_pocl
@pytest.mark.skipif(sys.platform != "linux", reason="what a process has loaded stands in /proc")
def test_opencl_is_started_in_the_child_only():
    code = """
        import ctypes, os, sys
        from pathlib import Path
        from accelsk.drivers import opencl
        os.environ.pop("OCL_ICD_VENDORS", None)
        print(len(opencl(sys.argv[1])), "libpocl" in Path("/proc/self/maps").read_text())
        ctypes.CDLL(sys.argv[1]).clGetPlatformIDs(0, None, ctypes.byref(ctypes.c_uint()))
        print("libpocl" in Path("/proc/self/maps").read_text())  # so it would have been seen
    """
    assert in_another_process(code, library()) == ["1", "False", "True"]


# -- drivers that fail -------------------------------------------------------------------------------------------------


def test_without_a_library_no_child_is_started(monkeypatch, children, tmp_path):
    def missing(name):
        raise OSError(name)

    drivers._is_there.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(drivers.ctypes, "CDLL", missing)
        assert drivers.cuda_devices() == ()
        assert drivers.cuda() == {}
        assert drivers.cuda_driver() is None
    drivers._is_there.cache_clear()
    assert drivers.opencl_devices(str(tmp_path / "none.so")) == ()
    assert children == []


def test_a_broken_library_has_no_devices(tmp_path, children):
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"\x7fELF, and no more")
    assert drivers.opencl_devices(str(broken)) == ()
    assert len(children) == 1


@posix
def test_a_driver_that_crashes_has_no_devices(tmp_path, monkeypatch, children):
    crashing = tmp_path / "crashing.so"
    crashing.touch()
    monkeypatch.setattr(drivers, "_OPENCL", "import os; os.abort()")
    assert drivers.opencl_devices(str(crashing)) == ()
    assert len(children) == 1


@posix
def test_a_driver_that_hangs_has_no_devices(tmp_path, monkeypatch, children):
    hanging = tmp_path / "hanging.so"
    os.mkfifo(hanging)  # to open it waits for a writer, who never comes
    monkeypatch.setattr(drivers, "TIMEOUT", 1)
    start = time.perf_counter()
    assert drivers.opencl_devices(str(hanging)) == ()
    assert 1 <= time.perf_counter() - start < drivers.TIMEOUT + 20
    assert len(children) == 1


def test_a_program_that_imports_a_package_finds_what_this_process_finds(monkeypatch, children):
    program = "import json, os, sklearn; found = [sklearn.__version__]"
    assert drivers.ask(program) == drivers.ask(program) == [sklearn.__version__]
    assert len(children) == 1
    monkeypatch.setenv("ONEAPI_DEVICE_SELECTOR", "*:cpu")
    assert drivers.ask(program) == [sklearn.__version__]
    assert len(children) == 2
    drivers.ask(program).append("not remembered")
    assert drivers.ask(program) == [sklearn.__version__]


def test_a_program_that_fails_has_no_answer(children):
    assert drivers.ask("import no_such_library") == []
    assert len(children) == 1


# -- CUDA --------------------------------------------------------------------------------------------------------------

DRIVER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void unload(void) { abort(); }

int cuDriverGetVersion(int *version) { *version = 13020; return 0; }
int cuInit(unsigned flags) {
    if (getenv("CUDA_VISIBLE_DEVICES")) return 100;  /* CUDA_ERROR_NO_DEVICE */
    printf("a word of the driver\n");  /* held back until the end of the process */
    fprintf(stderr, "and another, \xff");
    return atexit(unload);
}
int cuDeviceGetCount(int *count) { *count = 2; return 0; }
int cuDeviceGet(int *device, int index) { *device = 10 + index; return 0; }
int cuDeviceGetName(char *name, int size, int device) { return snprintf(name, size, "GPU %d", device) < 0; }
#ifndef OLD
int cuDeviceTotalMem_v2(size_t *memory, int device) { *memory = (size_t)device << 33; return 0; }
int cuDeviceGetUuid_v2(unsigned char *uuid, int device) { memset(uuid, device, 16); return 0; }
#endif
"""


@needs_compiler
@posix
def test_cuda_is_asked_and_what_it_prints_or_does_at_its_end_matters_not(tmp_path, monkeypatch):
    (tmp_path / "driver.c").write_text(DRIVER)
    compiled = tmp_path / "libcuda.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", compiled, tmp_path / "driver.c"], check=True)
    monkeypatch.setattr(drivers, "_LIBCUDA", str(compiled))
    assert drivers.cuda_devices() == ("GPU 10", "GPU 11")
    uuids = "0a" * 16, "0b" * 16
    assert drivers.cuda_driver() == drivers.CudaDriver(13020, 0, ("GPU 10", "GPU 11"), (10 << 33, 11 << 33), uuids)
    second = Device("gpu", "cuda", 1)
    assert (drivers.cuda_memory(second), drivers.identity(second)) == (11 << 33, f"cuda:{uuids[1]}")
    assert (drivers.cuda_memory(Device("gpu", "cuda", 2)), drivers.identity(Device("gpu", "cuda", 2))) == (0, "cuda:2")
    assert drivers.cuda() == {Device("gpu", "cuda", 0): "GPU 10", Device("gpu", "cuda", 1): "GPU 11"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert drivers.cuda_devices() == ()
    assert drivers.cuda_driver() == drivers.CudaDriver(13020, 100, ())


@needs_compiler
@posix
def test_a_driver_that_does_not_tell_memory_and_uuid_is_taken_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "driver.c").write_text(DRIVER)
    compiled = tmp_path / "libcuda-old.so"
    subprocess.run(["cc", "-DOLD", "-shared", "-fPIC", "-o", compiled, tmp_path / "driver.c"], check=True)
    monkeypatch.setattr(drivers, "_LIBCUDA", str(compiled))
    assert drivers.cuda_driver() == drivers.CudaDriver(13020, 0, ("GPU 10", "GPU 11"), (0, 0), ("", ""))
    first = Device("gpu", "cuda", 0)
    assert (drivers.cuda_memory(first), drivers.identity(first)) == (0, "cuda:0")


@pytest.mark.gpu
@pytest.mark.skipif(not Path("/dev/nvidia0").exists(), reason="no NVIDIA GPU: there is no /dev/nvidia0")
def test_cuda_counts_the_visible_devices(monkeypatch):
    found = drivers.cuda_devices()
    assert found
    assert all(found)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert len(drivers.cuda_devices()) == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert drivers.cuda_devices() == ()


# -- how devices are numbered ------------------------------------------------------------------------------------------


def a_device(platform, index, kind, vendor="Mine"):
    return OpenCLDevice(platform, index, kind, f"{kind} {platform}.{index}", vendor, "A platform", True)


def named(*found, cpu_as_gpu=False):
    return {str(device): each.name for device, each in drivers._named(found, cpu_as_gpu).items()}


MANY = (
    a_device(0, 0, "cpu"),
    a_device(0, 1, "gpu", "Intel(R) Corporation"),
    a_device(1, 0, "accelerator"),
    a_device(2, 0, "gpu", "NVIDIA Corporation"),
    a_device(2, 1, "gpu", "NVIDIA Corporation"),
    a_device(3, 0, "cpu"),
)


@pytest.mark.parametrize(
    "visible, index, alone",
    [(None, 1, "1"), ("2,3", 0, "2"), (" 2, 3 ", 1, "3"), ("GPU-8a1b,MIG-77c2", 1, "MIG-77c2"), ("5", None, "5")],
)
def test_a_process_may_see_one_of_the_visible_devices_alone(monkeypatch, visible, index, alone):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert drivers.cuda_alone(Device("gpu", "cuda", index)) == {"CUDA_VISIBLE_DEVICES": alone}


@pytest.mark.parametrize("visible", ["", "3"])
def test_a_hidden_device_is_not_shown_to_another_process(monkeypatch, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    with pytest.raises(DeviceNotAvailable, match="'cuda:1' is hidden from this process by CUDA_VISIBLE_DEVICES"):
        drivers.cuda_alone(Device.parse("cuda:1"))


def test_devices_are_numbered_within_their_kind_gpus_first_and_nvidias_again_for_cuda():
    assert list(named(*MANY).items()) == [
        ("opencl:gpu:0", "gpu 0.1"),
        ("opencl:gpu:1", "gpu 2.0"),
        ("opencl:gpu:2", "gpu 2.1"),
        ("opencl:cpu:0", "cpu 0.0"),
        ("opencl:accelerator:0", "accelerator 1.0"),
        ("opencl:cpu:1", "cpu 3.0"),
        ("cuda:0", "gpu 2.0"),
        ("cuda:1", "gpu 2.1"),
    ]


def test_cpus_that_count_as_gpus_keep_the_order_of_the_drivers():
    counted = " (a CPU, counted as a GPU)"
    assert list(named(*MANY, cpu_as_gpu=True).items())[:3] == [
        ("opencl:gpu:0", f"cpu 0.0{counted}"),
        ("opencl:gpu:1", "gpu 0.1"),
        ("opencl:gpu:2", "gpu 2.0"),
    ]


def test_no_devices_have_no_numbers():
    assert named() == {}


# -- the variable ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value, counts", [("1", True), (" 1 ", True), ("0", False), ("", False)])
def test_the_variable_is_0_or_1(monkeypatch, value, counts):
    monkeypatch.setenv("ACCELSK_OPENCL_CPU_AS_GPU", value)
    assert config.counts_cpu_as_gpu() is counts
    assert config.check_environment()["ACCELSK_OPENCL_CPU_AS_GPU"] == (value, "")


def test_doctor_tells_a_variable_that_is_neither(monkeypatch):
    monkeypatch.setenv("ACCELSK_OPENCL_CPU_AS_GPU", "yes")
    monkeypatch.setenv("ACCELSK_OPENCL_CPU_AS_GPUS", "1")
    assert config.counts_cpu_as_gpu() is False
    checked = config.check_environment()
    assert "neither 0 nor 1" in checked["ACCELSK_OPENCL_CPU_AS_GPU"][1]
    assert "'ACCELSK_OPENCL_CPU_AS_GPU'" in checked["ACCELSK_OPENCL_CPU_AS_GPUS"][1]
