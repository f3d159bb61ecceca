"""The libraries whose arrays are computed with: how an array gets there and comes home, and which devices there are.

They are imported when the first array goes there; which devices they reach is found out without importing them.
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from accelsk import drivers
from accelsk.devices import HOST, Device
from accelsk.engines import importable

__all__ = ["NAMESPACES", "Namespace", "of_array"]

Array = np.ndarray[Any, Any]


class Namespace(ABC):
    """A library of arrays.

    Attributes
    ----------
    name : str
        Of its module, and what users write.
    title : str
        As its makers write it.
    """

    name = ""
    title = ""

    @abstractmethod
    def devices(self) -> Mapping[Device, str]:
        """Return the devices that the installed library reaches.

        Returns
        -------
        mapping of Device to str
            With their names; empty where it is not installed.
        """

    @abstractmethod
    def holds(self, value: Any) -> bool:
        """Say whether a value is an array of the library.

        Parameters
        ----------
        value : object
            Anything.

        Returns
        -------
        bool
            Never True where the library was not imported.
        """

    @abstractmethod
    def put(self, array: Array, device: Device) -> Any:
        """Make an array of the library, on a device, of one of NumPy's.

        Parameters
        ----------
        array : ndarray
            Of numbers.
        device : Device
            One of `devices`.

        Returns
        -------
        array
            It shares no memory with the given one.
        """

    @abstractmethod
    def moved(self, value: Any, device: Device) -> Any:
        """Return an array of the library on a device.

        Parameters
        ----------
        value : array
            Of the library.
        device : Device
            One of `devices`.

        Returns
        -------
        array
            The same one where it is there.
        """

    @abstractmethod
    def widened(self, value: Any) -> Any:
        """Return an array of the library in double precision.

        Parameters
        ----------
        value : array
            Of the library.

        Returns
        -------
        array
            The same one where it is float64.
        """

    @abstractmethod
    def fetch(self, value: Any) -> Any:
        """Make an array of NumPy's of one of the library.

        Parameters
        ----------
        value : array
            Of the library.

        Returns
        -------
        ndarray or scalar
            A scalar of what has no dimensions.
        """

    @abstractmethod
    def is_full(self, error: BaseException) -> bool:
        """Say whether an error means that the device has no memory left.

        Parameters
        ----------
        error : Exception
            What a computation raised.

        Returns
        -------
        bool
            Whether it is the library's error for that.
        """

    def computing(self, device: Device) -> AbstractContextManager[Any]:
        """Return the context in which new arrays are made on a device.

        Parameters
        ----------
        device : Device
            One of `devices`.

        Returns
        -------
        context manager
            Does nothing where each array says where it is to be.
        """
        return nullcontext()

    def double(self, device: Device) -> bool:
        """Say whether a device computes in double precision.

        Parameters
        ----------
        device : Device
            One of `devices`.

        Returns
        -------
        bool
            Apple's does not.
        """
        return device.backend != "mps"

    def spelled(self, device: Device) -> tuple[Any, Any]:
        """Return the library and a device as scikit-learn has them.

        Parameters
        ----------
        device : Device
            One of `devices`.

        Returns
        -------
        xp : module
            With the functions of the array API.
        device : object
            The library's own.
        """
        from sklearn.utils._array_api import get_namespace_and_device

        xp, _, where = get_namespace_and_device(self.put(np.zeros(1, dtype=np.float32), device))
        return xp, where


class _Torch(Namespace):
    """PyTorch."""

    name = "torch"
    title = "PyTorch"

    def devices(self) -> Mapping[Device, str]:
        from accelsk.machine import processor_name

        if not importable(self.name):
            return {}
        found = dict(drivers.cuda()) if _torch_has("cuda") else {}
        if _on_apple_silicon():
            found[Device("gpu", "mps")] = "Apple GPU"
        return {**found, HOST: processor_name()}

    def holds(self, value: Any) -> bool:
        torch = sys.modules.get(self.name)
        return torch is not None and isinstance(value, torch.Tensor)

    def put(self, array: Array, device: Device) -> Any:
        import torch

        if array.dtype == np.float64 and not self.double(device):
            array = array.astype(np.float32)
        # Of the host's memory a tensor would only be another view; and a tensor of what is read-only is warned of.
        make = np.array if device == HOST or not array.flags.writeable else np.asarray
        array = make(array, order="C", dtype=array.dtype.newbyteorder("="))
        return torch.from_numpy(array).to(_torch_name(device))

    def moved(self, value: Any, device: Device) -> Any:
        import torch

        if value.dtype == torch.float64 and not self.double(device):
            value = value.to(torch.float32)
        return value.detach().to(_torch_name(device))

    def widened(self, value: Any) -> Any:
        return value.double()

    def fetch(self, value: Any) -> Any:
        return value.detach().cpu().numpy()[()]

    def is_full(self, error: BaseException) -> bool:
        import torch

        full = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)
        return isinstance(error, full) or "MPS backend out of memory" in str(error) or "CPUAllocator" in str(error)


class _CuPy(Namespace):
    """CuPy."""

    name = "cupy"
    title = "CuPy"

    def devices(self) -> Mapping[Device, str]:
        return drivers.cuda() if importable(self.name) else {}

    def holds(self, value: Any) -> bool:
        cupy = sys.modules.get(self.name)
        return cupy is not None and isinstance(value, cupy.ndarray)

    def put(self, array: Array, device: Device) -> Any:
        with self.computing(device):
            return import_module(self.name).array(array, dtype=array.dtype.newbyteorder("="), order="C")

    def moved(self, value: Any, device: Device) -> Any:
        # Not from device to device: whether these reach each other's memory is not known.
        return value if value.device.id == (device.index or 0) else self.put(value.get(), device)

    def widened(self, value: Any) -> Any:
        return value.astype(np.float64, copy=False)

    def fetch(self, value: Any) -> Any:
        return value.get()[()]

    def is_full(self, error: BaseException) -> bool:
        return isinstance(error, import_module(self.name).cuda.memory.OutOfMemoryError)

    def computing(self, device: Device) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = import_module(self.name).cuda.Device(device.index or 0)
        return context


#: In order of preference.
NAMESPACES: Mapping[str, Namespace] = {space.name: space for space in (_Torch(), _CuPy())}


def of_array(value: Any) -> Namespace | None:
    """Return the library that a value is an array of.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    Namespace or None
        None for what is no array of any of them.

    Examples
    --------
    >>> of_array([1.0]) is None
    True
    """
    return next((space for space in NAMESPACES.values() if space.holds(value)), None)


def _torch_name(device: Device) -> str:
    if device == HOST:
        return "cpu"
    return device.backend if device.backend == "mps" else f"{device.backend}:{device.index or 0}"


@lru_cache(maxsize=8)
def _torch_has(backend: str) -> bool:
    """Whether the installed build has code for a backend: read off its file, for importing it takes long."""
    spec = find_spec("torch")
    path = Path(spec.origin).with_name("version.py") if spec is not None and spec.origin else None
    text = path.read_text() if path is not None and path.exists() else ""
    return re.search(rf"^{backend}(?:: [^=]+)? = ['\"]", text, flags=re.MULTILINE) is not None


def _on_apple_silicon() -> bool:
    import platform

    return sys.platform == "darwin" and platform.machine() == "arm64"
