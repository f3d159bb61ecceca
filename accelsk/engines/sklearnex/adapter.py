"""What is particular about calling sklearnex: threads, SYCL devices, and fitted attributes that it leaves out."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np

from accelsk.devices import HOST, Device
from accelsk.engines.adapter import Adapter
from accelsk.engines.sklearnex.attributes import complete
from accelsk.engines.sklearnex.export import export, restore
from accelsk.engines.sklearnex.table.decomposition import svd_solver
from accelsk.engines.sklearnex.threads import one_call
from accelsk.engines.spec import Row

__all__ = ["SklearnexAdapter"]


class SklearnexAdapter(Adapter):
    """How accelsk talks to the Extension for Scikit-learn."""

    def devices(self) -> Mapping[Device, str]:
        """Return the host, then the SYCL devices that the installed oneDAL reaches.

        Returns
        -------
        mapping of Device to str
            With the name that the driver gives each.
        """
        return {**super().devices(), **_sycl_devices()}

    def context(self, device: Device) -> AbstractContextManager[Any]:
        """Return the context that offloads to a SYCL device.

        Parameters
        ----------
        device : Device
            One of `devices`.

        Returns
        -------
        context manager
            Nothing for the host, which is what sklearnex uses without one.
        """
        if device == HOST:
            return _NOTHING
        from sklearnex import config_context

        context: AbstractContextManager[Any] = config_context(target_offload=_selector(device))
        return context

    def fit(
        self, backend: Any, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Fit, and complete the fitted attributes.

        Parameters
        ----------
        backend : object
            The engine's estimator.
        row : Row
            Its row.
        method : str
            The fitting method.
        args, kwargs : sequence, mapping
            Its arguments.
        device : Device
            Where to compute.

        Returns
        -------
        object
            What the method returns.
        """
        with one_call(backend), self.context(device), _before(row, backend, args, kwargs):
            result = getattr(backend, method)(*args, **kwargs)
            complete(row.name, backend, args[1] if len(args) > 1 else kwargs.get("y"))
        if row.name == "DBSCAN" and method == "fit_predict":
            return backend.labels_
        return result

    def dump(self, backend: Any, row: Row) -> bytes:
        """Write a fitted backend estimator down, without what it only keeps to have it at hand.

        Parameters
        ----------
        backend : object
            The engine's fitted estimator.
        row : Row
            Its row.

        Returns
        -------
        bytes
            For `load_dump`.
        """
        slim = copy.copy(backend)
        if "_cached_estimators_" in vars(slim):
            slim._cached_estimators_ = None  # exported trees, more than the model that they are made of
        return super().dump(slim, row)

    def call(
        self, backend: Any, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Call a method of a fitted estimator: oneDAL's, or scikit-learn's own on the fitted attributes.

        Parameters
        ----------
        backend : object
            The engine's estimator.
        row : Row
            Its row.
        method : str
            The method.
        args, kwargs : sequence, mapping
            Its arguments.
        device : Device
            Where to compute.

        Returns
        -------
        object
            What the method returns.
        """
        if method in row.inherited and not row.estimator.startswith(_CALLING_BACK):
            if method == "predict_log_proba":
                return np.log(self.call(backend, row, "predict_proba", args, kwargs, device))
            function = getattr(_scikit_learn(row.estimator), method)
            if method in _SELF_CONTAINED:
                return function(backend, *args, **kwargs)
            with one_call(backend), self.context(device):  # score calls predict, which is the engine's
                return function(backend, *args, **kwargs)
        with one_call(backend), self.context(device):
            result = getattr(backend, method)(*args, **kwargs)
        return _in_double(result) if method == "kneighbors" or row.estimator.startswith(_DOUBLE) else result

    def export(self, backend: Any, row: Row, estimator: Any) -> Any:
        """Make scikit-learn's own fitted estimator of a fitted backend estimator.

        Parameters
        ----------
        backend : object
            The engine's fitted estimator.
        row : Row
            Its row.
        estimator : estimator
            Of the class of the row, unfitted, with the user's hyperparameters.

        Returns
        -------
        estimator
            The same object, fitted.

        Raises
        ------
        NotPortable
            For a classifying forest of unequally weighted rows.
        """
        return export(row.name, backend, estimator)

    def restore(self, model: Any, row: Row, keywords: Mapping[str, Any], device: Device) -> Any:
        """Make the backend estimator again of what `export` returned.

        Parameters
        ----------
        model : estimator
            Of scikit-learn, fitted.
        row : Row
            Its row.
        keywords : mapping
            The translated hyperparameters.
        device : Device
            Where it is to compute.

        Returns
        -------
        object
            The engine's fitted estimator.
        """
        backend = self.build(row, keywords)
        with one_call(backend), self.context(device):
            restore(row.name, backend, model)
        return backend


_NOTHING = nullcontext()

#: Inherited methods that need nothing but attributes: threads need not take turns for them.
_SELF_CONTAINED = frozenset(("predict", "predict_proba", "decision_function", "transform", "inverse_transform"))

#: scikit-learn's results are float64 there, whatever the data; distances to neighbours too.
_DOUBLE = ("sklearn.ensemble.", "sklearn.neighbors.KN", "sklearn.svm.")

#: Inherited methods of these call back into the engine, for a search or for its trees.
_CALLING_BACK = ("sklearn.ensemble.", "sklearn.neighbors.")


@lru_cache(maxsize=64)
def _scikit_learn(path: str) -> type:
    module, _, name = path.rpartition(".")
    found: type = getattr(import_module(module), name)
    return found


def _before(row: Row, backend: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> AbstractContextManager[Any]:
    """Prepare a fit where sklearnex would do something else than asked."""
    if row.name == "PCA" and backend.svd_solver == "auto":
        # Where scikit-learn takes "full", sklearnex would take "covariance_eigh" and warn of it.
        X = args[0] if args else kwargs["X"]
        backend.set_params(svd_solver=svd_solver(backend.get_params(deep=False), *_shape(X)))
    if row.name.startswith("LogisticRegression"):
        from accelsk.engines.sklearnex.logistic import leave_alone

        leave_alone()
    if row.name == "LogisticRegressionCV":
        # It replaces a function of scikit-learn in this process: worker processes would run the original.
        import joblib

        context: AbstractContextManager[Any] = joblib.parallel_config(backend="sequential")
        return context
    return nullcontext()


def _in_double(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(map(_in_double, result))
    return result.astype(np.float64) if getattr(result, "dtype", None) == np.float32 else result


def _shape(X: Any) -> tuple[int, int]:
    shape = getattr(X, "shape", None) or np.shape(X)
    return int(shape[0]), int(shape[1])


def _selector(device: Device) -> str:
    """The device as a SYCL filter selector."""
    index = "" if device.index is None else str(device.index)
    return ":".join(part for part in (device.backend, device.kind, index) if part)


@lru_cache(maxsize=1)
def _sycl_devices() -> dict[Device, str]:
    """Ask dpctl, which can list devices. Without it, or the package for GPUs, sklearnex computes on the host."""
    try:
        onedal = import_module("onedal")
        if getattr(onedal, "_dpc_backend", None) is None:
            return {}
        dpctl = import_module("dpctl")
    except ImportError:
        return {}
    found = {}
    for sycl in dpctl.get_devices():
        device = Device.parse(sycl.filter_string)
        if device.kind == "gpu" or device.backend == "opencl":
            found[device] = str(sycl.name)
    # A GPU is why one installs it: before a CPU that is reached in a roundabout way.
    return dict(sorted(found.items(), key=lambda item: item[0].kind != "gpu"))
