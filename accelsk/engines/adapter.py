"""The default way to import, build and call an engine's estimators; an engine overrides what differs. PUBLIC."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from accelsk.devices import HOST, Device
from accelsk.engines.spec import Engine, Row

__all__ = ["Adapter"]


class Adapter:
    """How accelsk talks to one engine. Stateless: one instance serves every estimator and thread.

    Parameters
    ----------
    engine : Engine
        The engine that it talks to.

    Examples
    --------
    >>> from accelsk.engines import get_adapter
    >>> [str(device) for device in get_adapter("sklearn").devices()]
    ['cpu']
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def problem(self) -> str:
        """Say why the engine, though installed, cannot be used on this machine.

        Returns
        -------
        str
            The reason, with the remedy; empty where all is well. Cheap: it is asked for before every decision.
        """
        return ""

    def devices(self) -> Mapping[Device, str]:
        """Return the devices that the engine reaches here, the preferred one first.

        Returns
        -------
        mapping of Device to str
            With the name that the driver gives each.
        """
        from accelsk.machine import processor_name

        return {HOST: processor_name()} if "cpu" in self.engine.devices else {}

    def load(self, row: Row) -> type:
        """Import the engine's class of a row.

        Parameters
        ----------
        row : Row
            The row.

        Returns
        -------
        type
            The class that `Row.backend` names.
        """
        module, _, name = row.backend.rpartition(".")
        loaded: type = getattr(importlib.import_module(module), name)
        return loaded

    def build(self, row: Row, keywords: Mapping[str, Any]) -> Any:
        """Make a fresh, unfitted backend estimator.

        Parameters
        ----------
        row : Row
            The row of the class.
        keywords : mapping
            The translated hyperparameters.

        Returns
        -------
        object
            The engine's own estimator.
        """
        return self.load(row)(**keywords)

    def update(self, backend: Any, row: Row, keywords: Mapping[str, Any]) -> None:
        """Change the hyperparameters of a fitted backend estimator, for ``partial_fit`` and ``warm_start``.

        Parameters
        ----------
        backend : object
            The engine's estimator.
        row : Row
            Its row.
        keywords : mapping
            The translated hyperparameters.
        """
        backend.set_params(**keywords)

    def context(self, device: Device) -> AbstractContextManager[Any]:
        """Return the context that makes the engine compute on a device.

        It is entered inside each call, so that it holds in whatever thread or process the call is made.

        Parameters
        ----------
        device : Device
            One of `devices`.

        Returns
        -------
        context manager
            Does nothing by default.
        """
        return nullcontext()

    def fit(
        self, backend: Any, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Call a fitting method (``fit``, ``fit_predict``, ``fit_transform``, ``partial_fit``).

        Parameters
        ----------
        backend : object
            The engine's estimator.
        row : Row
            Its row.
        method : str
            The method's name.
        args, kwargs : sequence, mapping
            Its arguments; X has been converted to what the row takes.
        device : Device
            Where to compute.

        Returns
        -------
        object
            What the method returns.
        """
        with self.context(device):
            return getattr(backend, method)(*args, **kwargs)

    def call(
        self, backend: Any, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Call a method of a fitted backend estimator; parameters and result as in `fit`.

        Parameters
        ----------
        backend : object
            The engine's estimator.
        row : Row
            Its row.
        method : str
            The method's name.
        args, kwargs : sequence, mapping
            Its arguments; X has been converted to what the row takes.
        device : Device
            Where to compute.

        Returns
        -------
        object
            What the method returns.
        """
        with self.context(device):
            return getattr(backend, method)(*args, **kwargs)

    def home(self, result: Any) -> Any:
        """Bring what a method returned to the host.

        Asked for what leaves the engine. Between two steps of a pipeline that this engine computes on one device it is
        not asked, and the engine's `fit` and `call` are given X as the engine returned it.

        Parameters
        ----------
        result : object
            What `fit` or `call` returned.

        Returns
        -------
        object
            By default the result itself: NumPy in, NumPy out.
        """
        return result
