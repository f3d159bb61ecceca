"""What is particular about calling sklearnex: threads, SYCL devices, and fitted attributes that it leaves out."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from accelsk.devices import HOST, Device
from accelsk.engines.adapter import Adapter
from accelsk.engines.classes import class_at
from accelsk.engines.sklearnex import sycl
from accelsk.engines.sklearnex.attributes import complete
from accelsk.engines.sklearnex.export import export, restore
from accelsk.engines.sklearnex.table.decomposition import svd_solver
from accelsk.engines.sklearnex.threads import one_call
from accelsk.engines.spec import Row
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.origin import public_name
from accelsk.threads import share

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
        return {**super().devices(), **sycl.found()}

    def memory(self, device: Device) -> int:
        """Return the memory of a SYCL device.

        Parameters
        ----------
        device : Device
            One of `devices`; not the host.

        Returns
        -------
        int
            Bytes; 0 where it is not known.
        """
        return sycl.memory(device)

    def examine(self) -> Iterator[tuple[str, str, str, str]]:
        """Say which SYCL devices there are, or what stands in the way.

        Yields
        ------
        tuple of str
            What was looked at, its status, what was found, and the remedy.
        """
        package = sycl.find_package()
        if package is None:
            install = 'pip install "accelsk[sklearnex-gpu]", for an Intel GPU'
            yield "SYCL", "missing", "scikit-learn-intelex-gpu is not installed: only the host is reached", install
            return
        error, found = sycl.load_error(), sycl.found()
        if error:
            install = 'pip install --force-reinstall "accelsk[sklearnex-gpu]"'
            yield "SYCL", "broken", f"{package.name} cannot be loaded: {error}", install
            return
        there = "; ".join(f"{device}: {name}" for device, name in found.items())
        if not any(device.kind == "gpu" for device in found):
            install = "install the driver of the GPU for Level Zero; in a container, pass /dev/dri on"
            yield "SYCL GPU", "missing", "no GPU, or no driver of one that SYCL reaches", install
        if found:
            yield "SYCL", "ok", there, ""
            return
        # The wheels come with a driver for the processor, and with a file that should name it and does not.
        driver = Path(sys.prefix) / "lib" / "libintelocl.so"
        if driver.is_file():
            folder = "a folder that OCL_ICD_VENDORS names"
            hint = f"to test on the processor, write {driver} into a file with the ending .icd in {folder}"
            yield "SYCL CPU", "missing", f"no OpenCL driver is registered; {driver.name} is installed", hint

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
        return self._on(device)

    def _on(self, device: Device, row: Row | None = None, method: str = "") -> AbstractContextManager[Any]:
        """The context of a call; with a row, of one that is to compute on the device and nowhere else."""
        if device == HOST:
            return _NOTHING
        # These never look at the device: they are for processors, and what is asked for is one.
        strict = row is not None and row.name not in _DEAF
        return sycl.offloaded(device, self.engine.name, f"{row.name}.{method}" if row is not None and strict else "")

    def threads(self, estimator: Any, method: str, n_samples: int, n_features: int) -> tuple[int | None, int | None]:
        """Return the most threads of BLAS, where scikit-learn's minimizer runs between the library's sums.

        Parameters
        ----------
        estimator : estimator
            The user's.
        method : str
            The fitting method.
        n_samples, n_features : int
            The shape of X.

        Returns
        -------
        blas, openmp : int or None
            None for as many as there are. The library's own threads were not found to be in the way, at any size.
        """
        minimized = type(estimator).__name__ == "LogisticRegression" and estimator.solver == "lbfgs"
        return (1 if minimized and method == "fit" and 4000 <= n_samples * n_features <= 2_000_000 else None), None

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
        if row.name == "StandardScaler":
            from accelsk.engines.sklearnex import scaler

            with one_call(backend):
                return scaler.fit(backend, method, args, kwargs)
        with one_call(backend), self._on(device, row, method), _before(row, backend, args, kwargs):
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
            function = getattr(class_at(row.estimator), method)
            if method in _SELF_CONTAINED and share() is None:  # oneDAL may look for NaN there, on all cores
                return function(backend, *args, **kwargs)
            with one_call(backend), self.context(device):  # score calls predict, which is the engine's
                return function(backend, *args, **kwargs)
        with one_call(backend), self._on(device, row if method in row.methods else None, method):
            result = getattr(backend, method)(*args, **kwargs)
        if row.name == "KNeighborsRegressor" and method == "predict" and backend._y.ndim == 2:
            result = result.reshape(-1, 1)  # a GPU gives a column back as an array of one dimension
        return _in_double(result) if method == "kneighbors" or row.estimator.startswith(_DOUBLE) else result

    def shortcuts(self, backend: Any, row: Row) -> Mapping[str, Evaluate]:
        """Return the methods of a forest for arrays that nobody has validated.

        Parameters
        ----------
        backend : object
            The engine's estimator, on the host.
        row : Row
            Its row.

        Returns
        -------
        mapping of str to callable
            Others are soon computed by evaluators: their exports are exact, and cost next to nothing.
        """
        found = getattr(backend, "shortcuts", None)
        return {} if found is None else found()

    def evaluates(self, model: Any) -> Iterable[Offer]:
        """Offer to find the neighbours of a fitted model of scikit-learn.

        Parameters
        ----------
        model : estimator
            Fitted; it is kept, and not changed.

        Returns
        -------
        iterable of Offer
            None for other classes.
        """
        if not public_name(type(model)).startswith("sklearn.neighbors."):
            return ()
        from accelsk.engines.sklearnex.neighbors import offers

        return offers(model)

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

#: Classes that are computed on the host, whatever `target_offload` says: by daal4py, or without it.
_DEAF = frozenset(("ElasticNet", "Lasso", "LogisticRegressionCV", "StandardScaler", "TSNE"))

#: Inherited methods that need nothing but attributes: threads need not take turns for them.
_SELF_CONTAINED = frozenset(("predict", "predict_proba", "decision_function", "transform", "inverse_transform"))

#: scikit-learn's results are float64 there, whatever the data; distances to neighbours too.
_DOUBLE = ("sklearn.ensemble.", "sklearn.neighbors.KN", "sklearn.svm.")

#: Inherited methods of these call back into the engine, for a search or for its trees.
_CALLING_BACK = ("sklearn.ensemble.", "sklearn.neighbors.")


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
