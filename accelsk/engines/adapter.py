"""The default way to import, build and call an engine's estimators; an engine overrides what differs. PUBLIC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from accelsk import drivers
from accelsk.devices import HOST, Device
from accelsk.engines.answering import Answering
from accelsk.engines.classes import class_at
from accelsk.engines.leaving import Leaving, fitted_attributes
from accelsk.engines.spec import Engine, Row
from accelsk.threads import Pool

if TYPE_CHECKING:
    from accelsk.clusters import Cluster

__all__ = ["Adapter", "fitted_attributes"]


class Adapter(Answering, Leaving):
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

    #: Whether the engine's classes refuse hyperparameters that scikit-learn's refuse; where not, scikit-learn's own
    #: validation is asked before a fit.
    validates = True

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

    def memory(self, device: Device) -> int:
        """Return the memory of a device, by which the fits are bounded that parallel tasks compute on it at once.

        Parameters
        ----------
        device : Device
            One of `devices`; not the host.

        Returns
        -------
        int
            Bytes; 0 where it is not known, and nothing is bounded. By default what the CUDA driver says.
        """
        return drivers.cuda_memory(device)

    def examine(self) -> Iterable[tuple[str, str, str, str]]:
        """Say what `accelsk doctor` should tell of the devices of the engine, whose library is installed.

        Returns
        -------
        iterable of tuple of str
            What was looked at; "ok", "missing" (not there, which is no fault) or "broken"; what was found; the remedy.
            Without importing the library in this process.
        """
        return ()

    def requested(self, params: Mapping[str, Any]) -> Device | None:
        """Return the device that an estimator of the library's own asks for by its hyperparameters.

        Parameters
        ----------
        params : mapping
            Its hyperparameters.

        Returns
        -------
        Device or None
            None where it asks for none; the option `device` comes before it.
        """
        return None

    def environment(self, device: Device) -> Mapping[str, str] | None:
        """Say whether a device needs a process of its own, and with which environment.

        For a library that knows one device per process: the first one, usually. On the others it computes in a process
        that is started for it, with these variables set before anything is imported there, and that stays for later
        calls. Everything else of the adapter is then called there, with the device of `inside`; here, `devices`,
        `memory`, `requested` and `problem` are. `dump` and `load_dump` must be able to write down and to read every
        model, for a process may end.

        Parameters
        ----------
        device : Device
            One of `devices`; not the host.

        Returns
        -------
        mapping of str to str or None
            What to change in the environment, such as `accelsk.drivers.cuda_alone` returns; None, the default, to
            compute in this process. Cheap: it is asked for before every fit.

        Raises
        ------
        DeviceNotAvailable
            If the library cannot reach the device any more, in this process nor in another.
        """
        return None

    def inside(self, device: Device) -> Device:
        """Return a device as the process sees it that `environment` asks for.

        Parameters
        ----------
        device : Device
            One for which `environment` returns a mapping.

        Returns
        -------
        Device
            By default the first of its kind: the others are hidden.
        """
        return replace(device, index=0)

    def on_device(self, row: Row, keywords: Mapping[str, Any], device: Device) -> dict[str, Any]:
        """Return the keyword arguments that make an estimator compute on a device, by the engine's own spelling.

        Parameters
        ----------
        row : Row
            The row of the class.
        keywords : mapping
            The translated hyperparameters.
        device : Device
            One of `devices`.

        Returns
        -------
        dict
            By default `keywords`: the device is a matter of `context`.
        """
        return dict(keywords)

    def estimator(self, backend: Any) -> Any:
        """Return what users see as ``estimator_``.

        Parameters
        ----------
        backend : object
            What `build` returned.

        Returns
        -------
        object
            The library's own estimator; by default the same object.
        """
        return backend

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
        return class_at(row.backend)

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

    def introduce(self, backend: Any, row: Row, estimator: Any) -> None:
        """Let a backend estimator know the user's, whose hyperparameters are as scikit-learn spells them.

        Asked after `build`, and after `update`. Does nothing by default.

        Parameters
        ----------
        backend : object
            The engine's estimator.
        row : Row
            Its row.
        estimator : estimator
            Of the class of the row; never fitted, and not to be changed.
        """

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

    def pools(self) -> Iterable[Pool]:
        """Return the numbers of threads of the library that belong to the process, besides those of OpenMP and BLAS.

        Where several computations share the cores, they are held to the share around `fit` and `call`. A library whose
        calls or estimators are told a number is to be given `accelsk.threads.threads_for` of it there, and its model is
        to know nothing of it afterwards.

        Returns
        -------
        iterable of Pool
            By default none. Asked once the library is imported.
        """
        return ()

    def threads(self, estimator: Any, method: str, n_samples: int, n_features: int) -> tuple[int | None, int | None]:
        """Say how many threads a fit on the host is to use at most, for it was measured to be faster so.

        Parameters
        ----------
        estimator : estimator
            The user's, which holds the hyperparameters and is not fitted.
        method : str
            The fitting method.
        n_samples, n_features : int
            The shape of X, which is dense.

        Returns
        -------
        blas, openmp : int or None
            For `accelsk.threads.economical`. By default None, for as many as there are. Methods of a fitted model are
            not asked for: what they compute is mostly one product, and a small prediction would notice the question.
        """
        return None, None

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

    def fit_distributed(
        self, backend: Any, row: Row, given: Mapping[str, Any], device: Device, cluster: Cluster
    ) -> Device:
        """Fit on dask collections. Asked where `Row.distributed` says how.

        Parameters
        ----------
        backend : object
            What `build` returned. Afterwards it is fitted, and computes on this machine without the cluster.
        row : Row
            Its row.
        given : mapping
            The arguments of ``fit`` by name; X is a dask collection.
        device : Device
            What the workers compute on; without a number.
        cluster : Cluster
            The user's cluster.

        Returns
        -------
        Device
            Of this machine: where the fitted model computes from now on.
        """
        raise NotImplementedError(f"engine {self.engine.name!r} declares that it trains {row.name} on dask collections")

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
