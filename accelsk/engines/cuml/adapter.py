"""What is particular about calling cuML: one device per process, arrays of CuPy, and what it leaves to its users."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight

from accelsk import convert, drivers
from accelsk.devices import Device
from accelsk.engines.cuml import placement
from accelsk.engines.cuml.fitted import particulars
from accelsk.engines.held import Held, Read
from accelsk.engines.holding import HoldingAdapter, Intake
from accelsk.engines.labels import typed
from accelsk.engines.spec import Row

if TYPE_CHECKING:
    from accelsk.clusters import Cluster

__all__ = ["CumlAdapter"]

#: What indices of 32 bits can count.
_MOST_STORED = np.iinfo(np.int32).max

#: A model of these that was fitted to sparse data takes sparse queries only, and the other way round.
_ALIKE = "sklearn.neighbors."


class CumlAdapter(HoldingAdapter):
    """How accelsk talks to cuML."""

    def problem(self) -> str:
        """Say why cuML, though installed, cannot compute on this machine.

        Returns
        -------
        str
            No driver, one that is too old, or no GPU; empty where all is well.
        """
        return placement.problem()

    def devices(self) -> Mapping[Device, str]:
        """Return the GPUs that the CUDA driver lists.

        Returns
        -------
        mapping of Device to str
            With the name that the driver gives each.
        """
        return drivers.cuda()

    def environment(self, device: Device) -> Mapping[str, str] | None:
        """Say whether a device needs a process of its own, and with which environment.

        Parameters
        ----------
        device : Device
            One of `devices`.

        Returns
        -------
        mapping of str to str or None
            None for the first device, which is that of this process.
        """
        return placement.environment(device)

    def context(self, device: Device) -> AbstractContextManager[Any]:
        """Return the context of every call: the first device is current, and results stay there as CuPy's arrays.

        Parameters
        ----------
        device : Device
            The first one of this process.

        Returns
        -------
        context manager
            It translates the errors of CUDA and its allocators, too.
        """
        return placement.here(self.engine.name, device)

    def build(self, row: Row, keywords: Mapping[str, Any]) -> Held:
        """Make a fresh, unfitted backend estimator.

        Parameters
        ----------
        row : Row
            The row of the class.
        keywords : mapping
            The translated hyperparameters.

        Returns
        -------
        Held
            What a user reads of cuML's own estimator, ``estimator_``, comes as NumPy's arrays.
        """
        held = super().build(row, keywords)
        held.model.output_type = "numpy"
        return held

    def resident(self, data: Any) -> bool:
        """Say whether data are on the device.

        Parameters
        ----------
        data : object
            Anything.

        Returns
        -------
        bool
            True for arrays and sparse matrices of CuPy, and for what gives itself as such an array.
        """
        return hasattr(data, "__cuda_array_interface__") or type(data).__module__.startswith("cupyx.")

    def fetch(self, value: Any) -> Any:
        """Bring one value home.

        Parameters
        ----------
        value : object
            Anything.

        Returns
        -------
        object
            NumPy's array, SciPy's sparse matrix, or pandas' frame of what is on the device; else the value.
        """
        if type(value).__module__.startswith(("cupy", "cupyx")) and hasattr(value, "get"):
            fetched = value.get()
            return fetched[()] if getattr(fetched, "ndim", None) == 0 else fetched
        return value.to_pandas() if type(value).__module__.startswith("cudf") else value

    def fit_distributed(
        self, backend: Held, row: Row, given: Mapping[str, Any], device: Device, cluster: Cluster
    ) -> Device:
        """Fit on dask collections.

        Parameters
        ----------
        backend : Held
            From `build`.
        row : Row
            Its row.
        given : mapping
            The arguments of ``fit``, by name.
        device : Device
            A GPU, each worker's own.
        cluster : Cluster
            The user's cluster.

        Returns
        -------
        Device
            The first GPU of this process, which the model has come home to.
        """
        from accelsk.engines.cuml import distributed

        here = next(iter(self.devices()))
        with self.context(here):
            distributed.fit(backend, row, given, cluster)
        backend.device = here
        return here

    def intake(self, row: Row) -> Intake:
        """Return what is particular about the data of a class.

        Parameters
        ----------
        row : Row
            Its row.

        Returns
        -------
        Intake
            From the module of the class.
        """
        return particulars(row.estimator).intake or super().intake(row)

    def before(self, held: Held, row: Row, X: Any, y: Any) -> None:
        """Prepare a fit: weights of classes go by codes, as the labels do.

        Parameters
        ----------
        held : Held
            The backend estimator.
        row : Row
            Its row.
        X, y : array
            Validated.
        """
        held.notes["sparse"] = _sparse(X)
        held.labels = typed(held.labels, row.name)
        weights = getattr(held.stem, "class_weight", None)
        if isinstance(weights, Mapping) and isinstance(held.labels, np.ndarray):
            of_codes = compute_class_weight(weights, classes=held.labels, y=held.labels[y])
            held.model.set_params(class_weight=dict(enumerate(of_codes.tolist())))
        before = particulars(row.estimator).before
        if before is not None:
            before(held, X, y)

    def run(self, held: Held, row: Row, method: str, X: Any, given: Mapping[str, Any]) -> Any:
        """Call a method of cuML's estimator.

        Parameters
        ----------
        held : Held
            The backend estimator.
        row : Row
            Its row.
        method : str
            Of scikit-learn's class.
        X : array
            Its first argument.
        given : mapping
            The others.

        Returns
        -------
        object
            The result of cuML.
        """
        if held.fitted and row.estimator.startswith(_ALIKE) and X is not None and not self.resident(X):
            if held.notes["sparse"] and not _sparse(X):
                X = sp.csr_matrix(X)
            elif _sparse(X) and not held.notes["sparse"]:
                X = convert.dense(X)
        if sp.issparse(X) and X.nnz <= _MOST_STORED:
            X = convert.sparse_matrix(X)  # most of cuML takes indices of 32 bits only, and says so where they do not do
        runs = particulars(row.estimator).runs
        return super().run(held, row, method, X, given) if runs is None else runs(held, method, X, given)

    def after(self, held: Held, row: Row) -> None:
        """Warn where scikit-learn would: cuML says nothing of iterations that were used up.

        Parameters
        ----------
        held : Held
            The backend estimator.
        row : Row
            Its row.
        """
        own = particulars(row.estimator)
        limit = getattr(held.stem, "max_iter", None)
        if own.warns is not None and limit is not None and limit >= 0:
            used = self.home(getattr(held.model, "n_iter_", None))
            if used is not None and np.max(used) >= limit:
                warnings.warn(own.warns, ConvergenceWarning, stacklevel=2)
        if own.after is not None:
            own.after(held)

    def answer(self, held: Held, row: Row, method: str, result: Any) -> Any:
        """Correct a result.

        Parameters
        ----------
        held : Held
            The backend estimator.
        row : Row
            Its row.
        method : str
            The method.
        result : object
            Of cuML, on the host.

        Returns
        -------
        object
            As of scikit-learn.
        """
        answers = particulars(row.estimator).answers
        return result if answers is None else answers(held, method, result)

    def attributes(self, held: Held, row: Row, read: Read) -> Mapping[str, Any]:
        """Return the fitted attributes of scikit-learn's class.

        Parameters
        ----------
        held : Held
            The backend estimator, fitted.
        row : Row
            Its row.
        read : Read
            Reads an attribute of cuML's model.

        Returns
        -------
        mapping of str to object
            On the host.
        """
        fitted = particulars(row.estimator).fitted
        found = super().attributes(held, row, read) if fitted is None else fitted(read, read.params)
        if held.notes.get("distributed"):  # of the rows of one worker only
            return {name: value for name, value in found.items() if name != "labels_"}
        return found

    def dump(self, backend: Held, row: Row) -> bytes:
        """Write a fitted backend estimator down; its arrays go by the host.

        Parameters
        ----------
        backend : Held
            Fitted.
        row : Row
            Its row.

        Returns
        -------
        bytes
            For `load_dump`, with the same version of cuML.
        """
        assert backend.device is not None
        with self.context(backend.device):
            return pickle.dumps(backend, protocol=pickle.HIGHEST_PROTOCOL)

    def load_dump(self, data: bytes, row: Row, device: Device) -> Held:
        """Read what `dump` wrote, onto a device.

        Parameters
        ----------
        data : bytes
            From `dump`.
        row : Row
            The row.
        device : Device
            Where it is to compute.

        Returns
        -------
        Held
            Fitted.
        """
        with self.context(device):
            held: Held = pickle.loads(data)  # noqa: S301  it is a part of a pickle that is being opened
        held.device = device
        return held


def _sparse(X: Any) -> bool:
    return hasattr(X, "tocsr")
