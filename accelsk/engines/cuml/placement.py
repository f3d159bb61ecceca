"""Where cuML computes: on the first GPU of its process, and how another one is made the first."""

from __future__ import annotations

import importlib.metadata
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from accelsk import drivers
from accelsk.devices import Device
from accelsk.engines.cuml.faults import told
from accelsk.errors import DeviceNotAvailable

__all__ = ["environment", "here", "problem"]

#: The distributions of cuML, and the version of CUDA that each is built for, as the driver counts versions.
_BUILDS = {"cuml-cu13": 13000, "cuml-cu12": 12000}

_VISIBLE = "CUDA_VISIBLE_DEVICES"

#: Threads in which cuML's handle was made here: it belongs to the first device.
_threads = threading.local()


def problem() -> str:
    """Say why cuML, though installed, cannot compute on this machine.

    Returns
    -------
    str
        The reason, with the remedy; empty where a driver lists a GPU and is new enough.
    """
    driver = drivers.cuda_driver()
    if driver is None:
        return (
            "there is no CUDA driver here, and it computes on NVIDIA's GPUs only. Install NVIDIA's driver, start the "
            "container with its GPUs (docker run --gpus all), or name another engine."
        )
    build, needed = _build()
    if driver.version and driver.version < needed:
        other = " or install accelsk[cuml-cu12] instead," if needed >= 13000 > driver.version >= 12000 else ""
        return (
            f"the driver here is for CUDA {_dotted(driver.version)}, and {build} needs {_dotted(needed)} or later. "
            f"Update NVIDIA's driver,{other} or name another engine."
        )
    if driver.devices:
        return ""
    hidden = os.environ.get(_VISIBLE)
    if hidden is not None:
        return (
            f"the environment variable {_VISIBLE}={hidden!r} leaves no GPU to this process. Unset it, or name another "
            "engine."
        )
    if driver.status in (0, _NO_DEVICE):
        return "the CUDA driver finds no GPU. `accelsk doctor` looks closer; or name another engine."
    return (
        f"the CUDA driver does not start (error {driver.status} of cuInit). Restart the machine after an update of the "
        "driver; `accelsk doctor` looks closer."
    )


#: CUDA_ERROR_NO_DEVICE.
_NO_DEVICE = 100


def _build() -> tuple[str, int]:
    """The distribution that is installed, and the version of CUDA that it needs; 0 where that is not known."""
    for name, version in _BUILDS.items():
        try:
            importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        return name, version
    return "cuml", 0  # from conda, or built here


def _dotted(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


def environment(device: Device) -> dict[str, str] | None:
    """Say whether a device needs a process of its own, and with which environment.

    Parameters
    ----------
    device : Device
        One of this process's.

    Returns
    -------
    dict of str to str or None
        None for the first device, which is that of this process.

    Examples
    --------
    >>> environment(Device("gpu", "cuda", 0)) is None
    True
    >>> environment(Device("gpu", "cuda", 1))  # doctest: +SKIP
    {'CUDA_VISIBLE_DEVICES': '1'}
    """
    return drivers.cuda_alone(device) if device.index else None


@contextmanager
def here(engine: str, device: Device) -> Iterator[None]:
    """Make a block compute on the first device of this process, whichever device others have made the current one.

    Parameters
    ----------
    engine : str
        The engine's name.
    device : Device
        The first one.

    Yields
    ------
    None

    Raises
    ------
    DeviceNotAvailable
        For another device, which needs a process of its own; and in a thread in which cuML was used on another one.
    """
    apart = environment(device)
    if apart is not None:
        raise DeviceNotAvailable(
            f"engine {engine!r} computes on the first GPU of its process, and device {str(device)!r} is another one.",
            hint=f"start Python with {_VISIBLE}={apart[_VISIBLE]}: that GPU is its first one then.",
            engine=engine,
            device=str(device),
        )
    with told(engine, device):
        import cupy
        from cuml import using_output_type

        _claim(engine, device, cupy.cuda.Device().id)
        # The setting is this thread's, and ends with the block. Arrays stay on the device until they are asked for.
        with cupy.cuda.Device(0), using_output_type("cupy"):
            yield
            # An error of this call shows here, and not in the next one; and another thread may use the result.
            cupy.cuda.Stream.ptds.synchronize()


def _claim(engine: str, device: Device, current: int) -> None:
    """cuML keeps one handle for each thread, on the device that was current when it was made."""
    from cuml.internals import base

    there = hasattr(getattr(base, "_THREAD_STATE", None), "handle")
    if there and current != 0 and not getattr(_threads, "claimed", False):
        raise DeviceNotAvailable(
            f"engine {engine!r} computes on the first GPU of its process, and in this thread cuML was used while "
            f"CUDA's current device was number {current}.",
            hint="let other code set the current device after the first fit, or fit in another thread.",
            engine=engine,
            device=str(device),
        )
    _threads.claimed = True
