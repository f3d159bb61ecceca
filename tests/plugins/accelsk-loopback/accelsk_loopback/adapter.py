"""What data cannot say: which devices there are, and how the library is told to compute on one."""

from contextlib import contextmanager

from accelsk.devices import HOST, Device
from accelsk.engines.adapter import Adapter

__all__ = ["LoopbackAdapter"]

_PRETENDED = tuple(Device("accelerator", "loopback", index) for index in range(2))


class LoopbackAdapter(Adapter):
    """Two pretended devices beside the host, with arrays of their own; everything else is the default."""

    def devices(self):
        """Return the devices that are here, the preferred one first."""
        return {**super().devices(), **{device: f"pretended device {device.index}" for device in _PRETENDED}}

    @contextmanager
    def context(self, device):
        """Tell the library where to compute, for the time of one call, in this thread only."""
        from accelsk_loopback import library  # imported when it is needed, and not before

        token = library.DEVICE.set("host" if device == HOST else f"device {device.index}")
        try:
            yield
        finally:
            library.DEVICE.reset(token)

    def home(self, result):
        """Copy to the host what a device computed. Between steps of a pipeline on one device it is not asked for."""
        from accelsk_loopback import library

        return library.to_host(result)
