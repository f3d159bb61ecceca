"""Which GPUs the drivers of this machine offer, asked without initialising a driver in this process.

A CUDA or OpenCL runtime that was started before a fork breaks, or hangs, the forked child; and a failed start poisons
some libraries for good. So a short-lived child process is asked, and the answer is remembered for as long as the
environment variables that it depends on stay the same.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from accelsk.config import counts_cpu_as_gpu
from accelsk.devices import Device
from accelsk.errors import DeviceNotAvailable

__all__ = [
    "CudaDriver",
    "OpenCLDevice",
    "ask",
    "cuda",
    "cuda_alone",
    "cuda_devices",
    "cuda_driver",
    "cuda_memory",
    "identity",
    "opencl",
    "opencl_devices",
]

#: Seconds that a driver may take to list its devices.
TIMEOUT = 30

_LIBCUDA = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"

_VARIABLES = (
    "CUDA_DEVICE_ORDER",
    "CUDA_VISIBLE_DEVICES",
    "OCL_ICD_FILENAMES",
    "OCL_ICD_VENDORS",
    "ONEAPI_DEVICE_SELECTOR",
    "POCL_DEVICES",
    "ZE_AFFINITY_MASK",
    "ZE_FLAT_DEVICE_HIERARCHY",
)


@dataclass(frozen=True)
class OpenCLDevice:
    """A device of an OpenCL driver.

    Parameters
    ----------
    platform : int
        The number of its platform.
    index : int
        Its number in the platform, over devices of all kinds.
    kind : {"cpu", "gpu", "accelerator"}
        What it is.
    name, vendor, platform_name : str
        As the driver gives them.
    double : bool
        Whether it computes in double precision.
    memory : int, default=0
        Its bytes; 0 where that is not known.
    """

    platform: int
    index: int
    kind: str
    name: str
    vendor: str
    platform_name: str
    double: bool
    memory: int = 0


@dataclass(frozen=True)
class CudaDriver:
    """What the CUDA driver of this machine says of itself.

    Parameters
    ----------
    version : int
        The version of CUDA that it is for: 13020 for 13.2; 0 where it does not say.
    status : int
        What its start has returned: 0 for success, 100 where it finds no device; -1 where it crashed or hung.
    devices : tuple of str
        The names of its devices.
    memory : tuple of int, default=()
        The bytes of each; 0 where that is not known.
    uuids : tuple of str, default=()
        By which each is known to all processes; empty where that is not known.
    """

    version: int
    status: int
    devices: tuple[str, ...]
    memory: tuple[int, ...] = ()
    uuids: tuple[str, ...] = ()


def cuda_driver() -> CudaDriver | None:
    """Ask the CUDA driver of this machine for itself.

    Returns
    -------
    CudaDriver or None
        As this process would see it: ``CUDA_VISIBLE_DEVICES`` is heeded. None where there is no driver.
    """
    if not _is_there(_LIBCUDA):
        return None
    version, status, *devices = _ask(_CUDA, _LIBCUDA, _environment()) or (0, -1)
    names, memory, uuids = zip(*devices, strict=True) if devices else ((), (), ())
    return CudaDriver(version, status, names, memory, uuids)


def cuda() -> Mapping[Device, str]:
    """Return the CUDA devices that this process would see, in CUDA's order.

    Returns
    -------
    mapping of Device to str
        With the name that the driver gives each; empty without a driver.

    Examples
    --------
    >>> all(device.backend == "cuda" for device in cuda())
    True
    """
    return {Device("gpu", "cuda", index): name for index, name in enumerate(cuda_devices())}


def cuda_devices() -> tuple[str, ...]:
    """Return the names of the CUDA devices, as CUDA counts them: ``CUDA_VISIBLE_DEVICES`` is heeded.

    Returns
    -------
    tuple of str
        In CUDA's order; empty without a driver, and where asking fails.

    Examples
    --------
    >>> len(cuda_devices()) == len(cuda())
    True
    """
    driver = cuda_driver()
    return () if driver is None else driver.devices


def cuda_memory(device: Device) -> int:
    """Return the memory of a CUDA device.

    Parameters
    ----------
    device : Device
        Any.

    Returns
    -------
    int
        Bytes; 0 for what is no CUDA device, and where it is not known.

    Examples
    --------
    >>> cuda_memory(Device("cpu"))
    0
    """
    driver, index = _cuda_of(device)
    return 0 if driver is None else driver.memory[index]


def identity(device: Device) -> str:
    """Return a name of a device that is the same in all processes of this machine.

    Parameters
    ----------
    device : Device
        Any.

    Returns
    -------
    str
        The UUID of a CUDA device, whose number depends on ``CUDA_VISIBLE_DEVICES``; the device as it is written for all
        others, which the variables of their drivers hide less often.

    Examples
    --------
    >>> identity(Device.parse("opencl:gpu:1"))
    'opencl:gpu:1'
    """
    driver, index = _cuda_of(device)
    return str(device) if driver is None or not driver.uuids[index] else f"cuda:{driver.uuids[index]}"


def _cuda_of(device: Device) -> tuple[CudaDriver | None, int]:
    """The driver that has a device, and which one of its devices that is; None where it has none."""
    driver, index = cuda_driver() if device.backend == "cuda" else None, device.index or 0
    return (driver if driver is not None and index < len(driver.devices) else None), index


def cuda_alone(device: Device) -> dict[str, str]:
    """Return the environment of a process that is to see one CUDA device only: what `Adapter.environment` may return.

    Parameters
    ----------
    device : Device
        One of `cuda`.

    Returns
    -------
    dict of str to str
        ``CUDA_VISIBLE_DEVICES``. Devices are counted among those that are visible here.

    Raises
    ------
    DeviceNotAvailable
        If ``CUDA_VISIBLE_DEVICES`` hides it from this process.

    Examples
    --------
    >>> import os
    >>> if "CUDA_VISIBLE_DEVICES" not in os.environ:
    ...     assert cuda_alone(Device.parse("cuda:1")) == {"CUDA_VISIBLE_DEVICES": "1"}
    """
    index = device.index or 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return {"CUDA_VISIBLE_DEVICES": str(index)}
    names = [name.strip() for name in visible.split(",") if name.strip()]
    if index >= len(names):
        raise DeviceNotAvailable(
            f"device {str(device)!r} is hidden from this process by CUDA_VISIBLE_DEVICES={visible!r}.",
            hint="devices are counted from 0 among those that the variable names; change it before CUDA starts.",
            device=str(device),
        )
    return {"CUDA_VISIBLE_DEVICES": names[index]}


def opencl(library: str) -> Mapping[Device, OpenCLDevice]:
    """Return the OpenCL devices that a library reaches: GPUs first, else in the order of the drivers.

    Parameters
    ----------
    library : str
        The path of a shared library that exports the functions of OpenCL.

    Returns
    -------
    mapping of Device to OpenCLDevice
        Numbered within their kind, as SYCL selectors are. A GPU of NVIDIA's is there a second time as a CUDA device.

    Examples
    --------
    >>> opencl("no such library")
    {}
    """
    return _named(opencl_devices(library), counts_cpu_as_gpu())


def opencl_devices(library: str) -> tuple[OpenCLDevice, ...]:
    """Return the OpenCL devices that a library reaches, platform by platform.

    Parameters
    ----------
    library : str
        The path of a shared library that exports the functions of OpenCL.

    Returns
    -------
    tuple of OpenCLDevice
        Empty where there is none, and where asking fails. A CPU is a CPU here, whatever `opencl` counts it as.

    Examples
    --------
    >>> opencl_devices("no such library")
    ()
    """
    found = _ask(_OPENCL, library, _environment()) if Path(library).exists() else []
    return tuple(OpenCLDevice(*each) for each in found)


def ask(program: str) -> list[Any]:
    """Run a program that imports a library and starts its drivers, in a process of its own.

    Parameters
    ----------
    program : str
        Imports `json` and `os`, and leaves its answer, plain data, in ``found``.

    Returns
    -------
    list
        The answer, remembered for as long as the variables that drivers heed stay the same; empty where the program
        fails, crashes or hangs.

    Examples
    --------
    >>> ask("import json, os; found = [1, 'two']")
    [1, 'two']
    >>> ask("import os; os.abort()")
    []
    """
    return list(_ask(program, "", _environment(), os.pathsep.join(folder for folder in sys.path if folder)))


def _named(found: Iterable[OpenCLDevice], cpu_as_gpu: bool) -> dict[Device, OpenCLDevice]:
    named: dict[Device, OpenCLDevice] = {}
    nvidia: dict[Device, OpenCLDevice] = {}
    counts: dict[str, int] = {}
    for device in found:
        if device.kind == "cpu" and cpu_as_gpu:
            device = replace(device, kind="gpu", name=f"{device.name} (a CPU, counted as a GPU)")
        number = counts.setdefault(device.kind, 0)
        counts[device.kind] += 1
        named[Device(device.kind, "opencl", number)] = device
        if device.kind == "gpu" and "nvidia" in device.vendor.lower():
            nvidia[Device("gpu", "cuda", len(nvidia))] = device
    ordered = sorted(named.items(), key=lambda item: item[0].kind != "gpu")
    return {**dict(ordered), **nvidia}


def _environment() -> tuple[tuple[str, str], ...]:
    return tuple((name, os.environ[name]) for name in _VARIABLES if name in os.environ)


@lru_cache(maxsize=8)
def _is_there(library: str) -> bool:
    try:
        ctypes.CDLL(library)  # loading it starts nothing
    except OSError:
        return False
    return True


@lru_cache(maxsize=32)
def _ask(program: str, library: str, environment: tuple[tuple[str, str], ...], path: str = "") -> list[Any]:
    """Run a small program in a process of its own; `environment` is what the answer is remembered for.

    With a path it may import packages, and is given more time.
    """
    command = [sys.executable, *(("-P",) if path else ("-I", "-S")), "-c", program + _TELL, library]
    told = {**os.environ, "PYTHONPATH": path} if path else None
    limit = TIMEOUT * (4 if path else 1)
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=limit, check=True, stdin=subprocess.DEVNULL, env=told
        )
        answer: list[Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):  # a driver may crash, hang, or print anything
        return []
    return answer


_CUDA = """
import ctypes, json, os, sys
driver = ctypes.CDLL(sys.argv[1])
version, count, device = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
driver.cuDriverGetVersion(ctypes.byref(version))  # needs no start
status = driver.cuInit(0)
found = [version.value, status]
if status == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
    for index in range(count.value):
        name = ctypes.create_string_buffer(256)
        driver.cuDeviceGet(ctypes.byref(device), index)
        driver.cuDeviceGetName(name, 256, device)
        memory, uuid = ctypes.c_size_t(), (ctypes.c_ubyte * 16)()
        if hasattr(driver, "cuDeviceTotalMem_v2"):
            driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
        for ask in ("cuDeviceGetUuid_v2", "cuDeviceGetUuid"):  # the older one knows no part of a device (MIG)
            if hasattr(driver, ask) and getattr(driver, ask)(uuid, device) == 0:
                break
        found.append([name.value.decode(errors="replace"), memory.value, bytes(uuid).hex() if any(uuid) else ""])
"""

# Numbers of CL/cl.h: CL_DEVICE_TYPE_ALL, CL_DEVICE_TYPE, ..., CL_DEVICE_DOUBLE_FP_CONFIG, CL_DEVICE_GLOBAL_MEM_SIZE,
# CL_PLATFORM_NAME.
_OPENCL = """
import ctypes, json, os, sys
cl = ctypes.CDLL(sys.argv[1])
ALL, TYPE, NAME, VENDOR, DOUBLE, MEMORY, PLATFORM = 0xFFFFFFFF, 0x1000, 0x102B, 0x102C, 0x1032, 0x101F, 0x0902
pointer, count, found = ctypes.c_void_p, ctypes.c_uint(), []
def text(of, what, ask=cl.clGetDeviceInfo):
    value = ctypes.create_string_buffer(1024)
    ask(pointer(of), what, ctypes.c_size_t(1024), value, None)
    return value.value.decode(errors="replace").strip()
def bits(device, what):
    value = ctypes.c_ulonglong()
    cl.clGetDeviceInfo(pointer(device), what, ctypes.c_size_t(8), ctypes.byref(value), None)
    return value.value
def every(ask, *of):
    if ask(*of, 0, None, ctypes.byref(count)):  # CL_DEVICE_NOT_FOUND, for one
        return []
    handles = (pointer * count.value)()
    ask(*of, count.value, handles, None)
    return list(handles)
for number, platform in enumerate(every(cl.clGetPlatformIDs)):
    for index, device in enumerate(every(cl.clGetDeviceIDs, pointer(platform), ctypes.c_ulonglong(ALL))):
        value = bits(device, TYPE)
        kind = "gpu" if value & 4 else "accelerator" if value & 8 else "cpu"
        named = text(device, NAME), text(device, VENDOR), text(platform, PLATFORM, cl.clGetPlatformInfo)
        found.append([number, index, kind, *named, bits(device, DOUBLE) != 0, bits(device, MEMORY)])
"""

# A driver may leave half a line on stdout, or hold text back until it is unloaded, or crash then: so a new line, and an
# end that unloads nothing.
_TELL = """
print("\\n" + json.dumps(found), flush=True)
os._exit(0)
"""
