"""What CUDA and its allocators raise, in the words of accelsk: out of memory, no device, a context that is lost."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from accelsk.devices import Device
from accelsk.errors import AccelskError, DeviceNotAvailable, DeviceOutOfMemory

__all__ = ["told"]

#: How the allocators of RMM, CuPy, Thrust, RAFT and cuBLAS say that there is no memory left; in small letters.
_NO_MEMORY = ("bad_alloc", "out of memory", "out_of_memory", "cudaerrormemoryallocation", "alloc_failed")

#: After these the process has no working device any more (CUDA's ``cudaError_t``; "sticky" in its documentation).
_LOST = ("cudaerrorillegaladdress", "cudaerrorlaunch", "cudaerrorassert", "cudaerrorhardwarestackerror",
         "cudaerrorillegalinstruction", "cudaerrormisalignedaddress", "cudaerrorinvalidaddressspace",
         "cudaerrorinvalidpc", "cudaerrorecc", "cudaerrornvlink", "cudaerrorunknown")  # fmt: skip

#: There is a driver, or not, but no device to compute on.
_NO_DEVICE = ("cudaerrornodevice", "cudaerrorinsufficientdriver", "cudaerrorinvaliddevice",
              "cudaerrordevicesunavailable", "cudaerrorsystemdrivermismatch", "cudaerrorcompatnotsupported",
              "cudaerrorsystemnotready",
              "cudaerrorinitializationerror")  # fmt: skip


@contextmanager
def told(engine: str, device: Device) -> Iterator[None]:
    """Translate what is raised in a block that computes.

    Parameters
    ----------
    engine : str
        The engine's name.
    device : Device
        Where it computes.

    Yields
    ------
    None

    Raises
    ------
    DeviceOutOfMemory
        If the device has not enough memory. What the failed call had allocated is freed.
    DeviceNotAvailable
        If CUDA does not start, or does not find the device.
    AccelskError
        If the computation has failed on the device in a way that ends its use by this process.
    """
    try:
        yield
    except AccelskError:
        raise
    except (MemoryError, RuntimeError) as error:
        translated = _translated(error, engine, device)
        if translated is None:
            raise
        if isinstance(translated, DeviceOutOfMemory):
            # The frames of the failed call refer to its arrays, and the traceback to the frames.
            traceback.clear_frames(error.__traceback__)
        raise translated from error


def _translated(error: Exception, engine: str, device: Device) -> AccelskError | None:
    said = " ".join(str(error).split()) or type(error).__name__
    words = said.lower()
    parts = {"engine": engine, "device": str(device)}
    if type(error).__module__.startswith("numpy"):
        return None  # it is the host that has not enough
    if any(word in words for word in _NO_MEMORY) or isinstance(error, MemoryError):
        return DeviceOutOfMemory(
            f"device {str(device)!r} ran out of memory while engine {engine!r} was computing: {said}.",
            hint="use fewer rows or float32, free what else holds memory there (nvidia-smi shows who does), or let RMM "
            "use the host's memory, too: see 'Memory' in the guide to GPUs.",
            **parts,
        )
    if type(error).__name__ not in ("CUDARuntimeError", "CUDADriverError") and "cudaerror" not in words:
        return None
    if any(word in words for word in _NO_DEVICE):
        return DeviceNotAvailable(
            f"engine {engine!r} could not compute on device {str(device)!r}: {said}.",
            hint="`accelsk doctor` looks at the drivers.",
            **parts,
        )
    lost = any(word in words for word in _LOST)
    return AccelskError(
        f"the computation of engine {engine!r} failed on device {str(device)!r}: {said}."
        + (" CUDA does not work in this process any more." if lost else ""),
        hint="start another process, and report it to the library if it happens again." if lost else "",
        **parts,
    )
