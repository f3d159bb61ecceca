"""What a fork does to drivers: one that was started before it does not work after it, and may hang."""

from __future__ import annotations

import multiprocessing
import os
import sys
from types import SimpleNamespace
from typing import Any

from accelsk.devices import Device
from accelsk.errors import DeviceNotAvailable

__all__ = ["broken_by_fork", "forked", "refuse_sending", "start"]


def forked() -> bool:
    """Say whether this process is a forked child of :mod:`multiprocessing`.

    Returns
    -------
    bool
        False in children that were spawned, and in those of :func:`os.fork` alone.

    Examples
    --------
    >>> forked()
    False
    """
    process = multiprocessing.current_process()
    if isinstance(process, multiprocessing.context.Process):  # which starts in the default way, and is no ForkProcess
        return multiprocessing.get_start_method(allow_none=True) == "fork"
    return isinstance(process, getattr(multiprocessing.context, "ForkProcess", ()))  # not there on Windows


def broken_by_fork(device: Device) -> DeviceNotAvailable | None:
    """Say why a driver cannot be used in this process because of a fork.

    Parameters
    ----------
    device : Device
        Where to compute; not the host.

    Returns
    -------
    DeviceNotAvailable or None
        An error in a forked child of :mod:`multiprocessing`, and of a process that had started a driver: that driver
        does not work after it, and not every one says so; PoCL hangs.
    """
    return _no_fork(device) if forked() or (_process.forked and _process.started) else None


def refuse_sending(device: Device) -> None:
    """Refuse to send an estimator to a forked child, if it is on its way to one.

    The child would refuse it, too; but where a worker of a pool fails while others are still being sent data, the pool
    may never end (`multiprocessing.Pool.terminate` waits for a thread that writes to a pipe that nobody reads).

    Parameters
    ----------
    device : Device
        Where the estimator computes, or is to compute; not the host.

    Raises
    ------
    DeviceNotAvailable
        In the thread that hands out the tasks of a pool of forked processes, which tells who waits for the task.
    """
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "_handle_tasks" and frame.f_globals.get("__name__") == "multiprocessing.pool":
            if multiprocessing.get_start_method() == "fork":
                raise _no_fork(device)
            return
        frame = frame.f_back


def _no_fork(device: Device) -> DeviceNotAvailable:
    return DeviceNotAvailable(
        f"device {str(device)!r} cannot be used in a process that was forked: a driver that was started before the "
        "fork does not work after it, and may hang.",
        hint="use backend='loky', or threads; multiprocessing forks.",
        device=str(device),
    )


def start(device: Device) -> None:
    """Take note that the driver of a device is about to be started in this process.

    Parameters
    ----------
    device : Device
        Where a fit is to run; not the host.

    Raises
    ------
    DeviceNotAvailable
        If a fork stands in the way.
    """
    error = broken_by_fork(device)
    if error is not None:
        raise error
    _process.started = True


#: Whether this process is a fork, and whether it or its parent has started a driver.
_process = SimpleNamespace(forked=False, started=False)


def _after_fork() -> None:
    _process.forked = True


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)
