"""Data on their way through a pipeline: where they are, so that a step on the same device takes them from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accelsk.devices import HOST, Device
from accelsk.remote import adapter_on

__all__ = ["Resident", "at_home"]


@dataclass(frozen=True, slots=True)
class Resident:
    """Data that an engine computed and that have not been brought home.

    A step that is given a `Resident` returns one from ``transform``; the pipeline brings home what leaves it. Only
    accelsk's own classes ever see one.

    Parameters
    ----------
    data : object
        An array of the engine, or anything on the host.
    engine : str, default=""
        The engine that it belongs to; empty for data on the host.
    device : Device, default=HOST
        Where it is.

    Examples
    --------
    >>> Resident([[1.0]]).home()
    [[1.0]]
    """

    data: Any
    engine: str = ""
    device: Device = HOST

    def at(self, engine: str, device: Device) -> Any:
        """Return the data for a computation.

        Parameters
        ----------
        engine : str
            Who computes.
        device : Device
            Where.

        Returns
        -------
        object
            The engine's own array where it is there already; else the data on the host.
        """
        return self.data if (engine, device) == (self.engine, self.device) else self.home()

    def home(self) -> Any:
        """Return the data on the host.

        Returns
        -------
        object
            As the engine's adapter brings it home.
        """
        return adapter_on(self.engine, self.device).home(self.data) if self.engine else self.data

    def __reduce__(self) -> tuple[type[Resident], tuple[Any]]:
        # A pickle, or a cache on disk, holds nothing that only a device can hold.
        return Resident, (self.home(),)


def at_home(data: Any) -> Any:
    """Return data on the host, whether they were resident or not.

    Parameters
    ----------
    data : object
        A `Resident`, or anything else.

    Returns
    -------
    object
        The data.

    Examples
    --------
    >>> at_home("plain"), at_home(Resident("resident"))
    ('plain', 'resident')
    """
    return data.home() if isinstance(data, Resident) else data
