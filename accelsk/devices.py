"""Where a computation runs: one small grammar, parsed once, compared as a value.

``[backend:]kind[:index]``, where *kind* is "cpu", "gpu" or "accelerator" and *backend* is a driver: "cuda", "hip",
"level_zero", "opencl", ... A backend that drives only GPUs may stand alone: "cuda:1" is "cuda:gpu:1". These are the
SYCL filter selectors that name a kind of device, and what PyTorch and CuPy users write, in one.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from accelsk.errors import AccelskWarning, UnsupportedParameter, did_you_mean

__all__ = ["HOST", "Device", "DeviceInfo", "devices"]

KINDS = ("cpu", "gpu", "accelerator")
_GPU_ONLY = ("cuda", "hip", "rocm", "xpu", "mps", "metal")
_BACKENDS = (*_GPU_ONLY, "level_zero", "opencl", "native_cpu", "sycl")
_WORD = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, order=True)
class Device:
    """A device, or a request for one.

    Parameters
    ----------
    kind : {"cpu", "gpu", "accelerator"}
        What it is.
    backend : str, default=""
        The driver; empty for the host itself, and in a request for "any".
    index : int, default=None
        Which one; None for the host, and in a request for "the first".

    Examples
    --------
    >>> Device.parse("cuda:1")
    Device(kind='gpu', backend='cuda', index=1)
    >>> str(Device.parse("cuda:gpu:1")), str(Device.parse("level_zero:gpu"))
    ('cuda:1', 'level_zero:gpu')
    >>> Device.parse("cuda:0").meets(Device.parse("gpu"))
    True
    """

    kind: str
    backend: str = ""
    index: int | None = None

    @staticmethod
    @lru_cache(maxsize=256)
    def parse(text: str) -> Device:
        """Read a device as users write it.

        Parameters
        ----------
        text : str
            ``[backend:]kind[:index]``; letter case does not matter.

        Returns
        -------
        Device
            The device that the text names.

        Raises
        ------
        UnsupportedParameter
            If the text is not of this form.

        Examples
        --------
        >>> Device.parse("gpu:1")
        Device(kind='gpu', backend='', index=1)
        """
        parts = str(text).strip().lower().split(":")
        index = int(parts.pop()) if len(parts) > 1 and parts[-1].isdecimal() else None
        if len(parts) == 1 and parts[0] in (*_GPU_ONLY, "level_zero"):
            parts = [parts[0], "gpu"]
        if parts[-1] == "acc":
            parts[-1] = "accelerator"
        if not 1 <= len(parts) <= 2 or parts[-1] not in KINDS or not all(_WORD.match(part) for part in parts):
            raise UnsupportedParameter(
                f"device={text!r} is not of the form [backend:]kind[:index], with a kind out of {', '.join(KINDS)}."
                f"{_what_is_wrong(str(text), parts)}",
                hint='write for instance "cpu", "gpu:1", "cuda:1" or "level_zero:gpu:0"; "auto" leaves it to accelsk.',
                parameter="device",
                value=str(text),
            )
        return Device(parts[-1], parts[0] if len(parts) == 2 else "", index)

    def meets(self, request: Device) -> bool:
        """Say whether this device is what a request asks for.

        Parameters
        ----------
        request : Device
            What was asked for; a backend or index that it leaves open is met by any.

        Returns
        -------
        bool
            Whether kind, backend and index agree where the request names them.
        """
        return (
            self.kind == request.kind
            and request.backend in ("", self.backend)
            and (request.index is None or request.index == (self.index or 0))
        )

    def __str__(self) -> str:
        kind = () if self.backend in _GPU_ONLY and self.kind == "gpu" else (self.kind,)
        backend = (self.backend,) if self.backend else ()
        index = () if self.index is None else (str(self.index),)
        return ":".join((*backend, *kind, *index))


def _what_is_wrong(text: str, parts: list[str]) -> str:
    if "," in text:
        return " It names several devices, and a fit computes on one."
    if len(parts) == 1 and parts[0] in _BACKENDS:
        return f" {parts[0]!r} is a driver, of devices of several kinds: write for instance '{parts[0]}:gpu'."
    return did_you_mean(parts[0], (*KINDS, *_BACKENDS))


#: The processor and memory of this process.
HOST = Device("cpu")


@dataclass(frozen=True)
class DeviceInfo:
    """A device of this machine and who reaches it.

    Parameters
    ----------
    device : Device
        The device.
    description : str
        Its name, as the driver gives it.
    engines : tuple of str
        The usable engines that reach it.
    """

    device: Device
    description: str
    engines: tuple[str, ...]


def devices_of(engine: str) -> Mapping[Device, str]:
    """Ask one engine for its devices; one that fails at it reaches none, with a warning, and the others go on.

    Parameters
    ----------
    engine : str
        The name of an engine that is usable.

    Returns
    -------
    mapping of Device to str
        With the name that the driver gives each.

    Examples
    --------
    >>> [str(device) for device in devices_of("sklearn")]
    ['cpu']
    """
    from accelsk.engines import get_adapter  # the registry imports this module

    try:
        return get_adapter(engine).devices()
    except Exception as error:  # noqa: BLE001  a driver may raise anything
        message = f"engine {engine!r} could not list its devices: {type(error).__name__}: {error}."
        warnings.warn(AccelskWarning(message, hint="`accelsk doctor` looks closer.", engine=engine), stacklevel=2)
        return {}


def discover() -> tuple[DeviceInfo, ...]:
    """Ask every usable engine for its devices.

    Returns
    -------
    tuple of DeviceInfo
        The host first.

    Examples
    --------
    >>> str(discover()[0].device)
    'cpu'
    """
    from accelsk.engines import names, why_missing  # the registry imports this module
    from accelsk.machine import processor_name

    found: dict[Device, tuple[str, list[str]]] = {HOST: (processor_name(), [])}
    for name in names():
        if why_missing(name) is None:
            for device, description in devices_of(name).items():
                found.setdefault(device, (description, []))[1].append(name)
    return tuple(DeviceInfo(device, text, tuple(reached_by)) for device, (text, reached_by) in found.items())


def devices() -> DeviceTable:
    """List the devices that are usable here, with the engines that reach each.

    Returns
    -------
    DeviceTable
        A sequence of `DeviceInfo` that prints as a table (text, rich, HTML); `to_dict` gives plain data.

    Examples
    --------
    >>> from accelsk import devices
    >>> "cpu" in str(devices())
    True
    """
    return DeviceTable(discover())


# The table needs the renderer, which needs nothing from here: imported last so that `Device` is defined for everyone.
from accelsk.tables import Column, Table  # noqa: E402


class DeviceTable(Table[DeviceInfo]):
    """The devices of this machine."""

    title = "Devices"
    columns = (
        Column("device", lambda info: str(info.device)),
        Column("name", lambda info: info.description),
        Column("engines", lambda info: ", ".join(info.engines) or "none"),
    )
