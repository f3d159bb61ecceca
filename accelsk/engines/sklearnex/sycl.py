"""SYCL devices: which there are, asked in another process; how a call gets to one; and where it ran.

Whatever sklearnex does not compute on a GPU it computes on the processor without a word, so its log is read after each
call on a SYCL device: a call that ran elsewhere is an error. The log tells more than it is asked for (it is at its
lowest level meanwhile), but nobody else hears it.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accelsk import drivers
from accelsk.devices import Device
from accelsk.errors import DeviceNotAvailable

__all__ = ["find_package", "found", "load_error", "memory", "offloaded", "selector"]

_SIGN = "onedal._onedal_py_dpc"

# Without dpctl nothing lists the devices, but queues can be made until there is none any more: the numbers are then
# those that a selector means. Never by a number alone: that ends the process.
_PROGRAM = """
import json, os, sys
import onedal
found = [onedal._dpc_load_error]
if onedal._dpc_backend is not None:
    try:
        import dpctl
    except ImportError:
        dpctl = None
    if dpctl is not None:
        for device in dpctl.get_devices():
            double, memory = bool(device.has_aspect_fp64), int(device.global_mem_size)
            found.append([device.filter_string, device.name.strip(), double, memory])
    else:
        for kind in ("gpu", "cpu"):
            for backend in ("level_zero", "opencl", "cuda", "hip"):
                for index in range(64):
                    selector = f"{backend}:{kind}:{index}"
                    try:
                        device = onedal._dpc_backend.SyclQueue(selector).sycl_device
                    except RuntimeError:
                        break
                    found.append([selector, "", bool(device.has_aspect_fp64), 0])
"""


def find_package() -> Path | None:
    """Look for the part of sklearnex that computes on SYCL devices, without importing anything.

    Returns
    -------
    Path or None
        Its binary; None where scikit-learn-intelex-gpu is not installed.
    """
    package, _, binary = _SIGN.partition(".")
    spec = importlib.util.find_spec(package)
    folders = () if spec is None else spec.submodule_search_locations or ()
    return next((file for folder in folders for file in sorted(Path(folder).glob(f"{binary}*"))), None)


def found() -> dict[Device, str]:
    """Return the SYCL devices that the installed oneDAL reaches.

    Returns
    -------
    dict of Device to str
        Numbered as SYCL's selectors number them, GPUs before CPUs, with the name where dpctl is there to tell it.
        OpenCL may list CPUs, and accelerators that only pretend: oneDAL computes on GPUs and CPUs.
    """
    devices = {}
    for text, name, double, _ in _told()[1:]:
        device = Device.parse(text)
        if device.kind in ("gpu", "cpu"):
            precision = "" if double else ", in single precision only"
            devices[device] = f"{name or 'a SYCL device (dpctl would tell its name)'}{precision}"
    return dict(sorted(devices.items(), key=lambda item: item[0].kind != "gpu"))


def memory(device: Device) -> int:
    """Return the memory of a SYCL device.

    Parameters
    ----------
    device : Device
        One of `found`.

    Returns
    -------
    int
        Bytes; 0 without dpctl, which tells it.
    """
    return next((size for text, _, _, size in _told()[1:] if Device.parse(text) == device), 0)


def load_error() -> str:
    """Return why the part that is for SYCL devices cannot be loaded.

    Returns
    -------
    str
        Empty where it can, and where it is not installed.
    """
    return str(_told()[0])


def _told() -> list[Any]:
    return [""] if find_package() is None else drivers.ask(_PROGRAM) or ["it ends the process that imports it"]


def selector(device: Device) -> str:
    """Return a device as a SYCL filter selector.

    Parameters
    ----------
    device : Device
        Not the host.

    Returns
    -------
    str
        With all parts that the device names.

    Examples
    --------
    >>> selector(Device.parse("cuda:1")), selector(Device.parse("opencl:cpu"))
    ('cuda:gpu:1', 'opencl:cpu')
    """
    index = "" if device.index is None else str(device.index)
    return ":".join(part for part in (device.backend, device.kind, index) if part)


@contextmanager
def offloaded(device: Device, engine: str, what: str = "") -> Iterator[None]:
    """Compute on a SYCL device: a context for one call.

    Parameters
    ----------
    device : Device
        Not the host.
    engine : str
        The engine's name, for messages.
    what : str, default=""
        What must be computed there, "SVC.fit"; empty where scikit-learn's own code may do some of it.

    Yields
    ------
    None

    Raises
    ------
    DeviceNotAvailable
        If the device is not there after all, in this process; or if the call was computed elsewhere.
    """
    from sklearnex import config_context

    with _listening() as log:
        try:
            # With allow_fallback_to_host, which somebody may have set, a GPU would be left without a word.
            with config_context(target_offload=selector(device), allow_fallback_to_host=False):
                yield
        except Exception as error:
            if is_absence(error):
                raise _absent(device, engine, error) from error
            raise
    elsewhere = _elsewhere(log, "GPU" if device.kind == "gpu" else "CPU") if what else None
    if elsewhere is not None:
        raise DeviceNotAvailable(
            f"engine {engine!r} did not compute {what} on device {str(device)!r}, which was asked for: {elsewhere}.",
            hint='device="cpu" computes it; please report this: a reason should have been given before.',
            device=str(device),
            engine=engine,
        )


def is_absence(error: Exception) -> bool:
    """Say whether an error of sklearnex means that there is no such device.

    Parameters
    ----------
    error : Exception
        What a call raised.

    Returns
    -------
    bool
        With dpctl, without it, and without the package for GPUs these are errors of four kinds.
    """
    text = str(error)
    return (
        type(error).__name__ == "SyclQueueCreationError"
        or (isinstance(error, RuntimeError) and ("Could not find a device" in text or "Invalid filter string" in text))
        or (isinstance(error, ValueError) and "device use via `target_offload`" in text)
        or (isinstance(error, TypeError) and "not a filter string" in text)
    )


def _absent(device: Device, engine: str, error: Exception) -> DeviceNotAvailable:
    there = ", ".join(("cpu", *map(str, found())))
    return DeviceNotAvailable(
        f"engine {engine!r} reaches no device {str(device)!r} in this process; it reaches: {there} "
        f"({type(error).__name__}: {str(error).splitlines()[0]}).",
        hint="`accelsk doctor` says what is missing; a worker process has the devices that its environment shows it.",
        device=str(device),
        engine=engine,
        available=there,
    )


def _elsewhere(log: Sequence[str], wanted: str) -> str | None:
    """Where a call ran instead, with the reasons; None where it ran on the kind of device that was wanted."""
    if any(_FELL_BACK in text for text in log):
        causes = [text.partition(_CAUSE)[2] for text in log if _CAUSE in text]
        return f"scikit-learn computed it ({' '.join(causes) or 'no reason is given'})"
    if not any(_RAN in text for text in log):
        return "it does not say where it computed"
    others = [text for text in log if _RAN in text and f"{_RAN}{wanted}" not in text]
    return f"{others[0].replace(': ', ': it was ', 1)}" if others else None


_FELL_BACK, _RAN, _CAUSE = "fallback to original", "running accelerated version on ", "failed with cause - "


class _Ear(logging.Filter):
    """Notes what the library says in one thread; lets through what would have been heard without it."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.heard: list[str] = []
        self._level, self._thread = level, threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread == self._thread:
            self.heard.append(record.getMessage())
        return record.levelno >= self._level


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect what the library logs in this thread. Only one thread at a time calls it: see `threads`."""
    logger = logging.getLogger("sklearnex")
    level, ear = logger.level, _Ear(logger.getEffectiveLevel())
    logger.addFilter(ear)
    logger.setLevel(logging.DEBUG)
    try:
        yield ear.heard
    finally:
        logger.setLevel(level)
        logger.removeFilter(ear)
