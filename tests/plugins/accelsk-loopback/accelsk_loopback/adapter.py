"""What data cannot say: which devices there are, and how the library is told to compute on one."""

import copy
import os
from contextlib import contextmanager

from accelsk.devices import HOST, Device
from accelsk.engines.adapter import Adapter

__all__ = ["LoopbackAdapter"]

_PRETENDED = tuple(Device("accelerator", "loopback", index) for index in range(4))


class LoopbackAdapter(Adapter):
    """Two pretended devices beside the host, with arrays of their own; everything else is the default."""

    def devices(self):
        """Return the devices that are here, the preferred one first."""
        visible = _PRETENDED[: int(os.environ.get("LOOPBACK_DEVICES", "2"))]  # as other libraries hide theirs
        return {**super().devices(), **{device: f"pretended device {device.index}" for device in visible}}

    def environment(self, device):
        """Ask for a process of its own on every device but the first: with this variable set the library is of the kind
        that knows one device per process."""
        if "LOOPBACK_ONE_PER_PROCESS" not in os.environ or device.index == 0:
            return None
        return {"LOOPBACK_VISIBLE": str(device.index)}

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

    def export(self, backend, row, estimator):
        """Make scikit-learn's fitted estimator: what is fitted in the disguise, on the one that is given."""
        parameters = estimator.get_params(deep=False)
        for name, value in vars(backend.inner).items():
            if name not in parameters:
                setattr(estimator, name, copy.deepcopy(value))
        return estimator

    def restore(self, model, row, keywords, device):
        """Make the library's estimator again of what `export` returned."""
        backend = self.build(row, keywords)
        backend.take(model)
        return backend
