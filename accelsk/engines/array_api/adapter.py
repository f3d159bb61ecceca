"""How scikit-learn is talked to on tensors: the model that computes has these, what is read of it NumPy's arrays."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp

from accelsk.delegation import is_fitting
from accelsk.devices import HOST, Device
from accelsk.engines import importable
from accelsk.engines.array_api.dispatch import dispatching
from accelsk.engines.array_api.labels import for_codes
from accelsk.engines.array_api.learnt import each, learnt, ready, teach
from accelsk.engines.array_api.namespaces import NAMESPACES, Namespace, of_array
from accelsk.engines.array_api.table.versions import SINCE, at_least
from accelsk.engines.held import Held
from accelsk.engines.holding import HoldingAdapter, Intake
from accelsk.engines.labels import typed
from accelsk.engines.reading import Read
from accelsk.engines.spec import Row
from accelsk.errors import DeviceNotAvailable, DeviceOutOfMemory, UnsupportedParameter, did_you_mean

__all__ = ["ArrayAPIAdapter"]

#: Hyperparameters that are arrays, and have to be where the data are.
_ARRAYS = ("means_init", "precisions_init", "priors", "weights_init")

_TABLE, _LABELS = Intake(), Intake(table=False)


class ArrayAPIAdapter(HoldingAdapter):
    """How accelsk talks to scikit-learn on tensors."""

    validates = True

    def problem(self) -> str:
        """Say why scikit-learn cannot be used on tensors here.

        Returns
        -------
        str
            Which version it needs; empty where that is installed.
        """
        if at_least(SINCE):
            return ""
        import sklearn

        return (
            f"it needs scikit-learn {SINCE} or newer, and {sklearn.__version__} is installed: "
            f'pip install --upgrade "scikit-learn>={SINCE}".'
        )

    def devices(self) -> Mapping[Device, str]:
        """Return the devices that the installed libraries of arrays reach, GPUs first.

        Returns
        -------
        mapping of Device to str
            With the name that the driver gives each.
        """
        found: dict[Device, str] = {}
        for space in reversed([*NAMESPACES.values()]):
            found.update(space.devices())
        return dict(sorted(found.items(), key=lambda item: item[0] == HOST))

    def on_device(self, row: Row, keywords: Mapping[str, Any], device: Device) -> dict[str, Any]:
        """Decide which library's arrays are computed with.

        Parameters
        ----------
        row : Row
            The row.
        keywords : mapping
            With the user's choice, or "auto", as ``namespace``.
        device : Device
            One of `devices`.

        Returns
        -------
        dict
            With the name of the library as ``namespace``.

        Raises
        ------
        UnsupportedParameter
            If there is no such library.
        DeviceNotAvailable
            If the library is not installed, or does not reach the device.
        """
        asked = keywords.get("namespace", "auto")
        if asked != "auto" and asked not in NAMESPACES:
            known = ", ".join(map(repr, ("auto", *NAMESPACES)))
            raise UnsupportedParameter(
                f"namespace={asked!r} is no library of arrays that engine {self.engine.name!r} computes with."
                f"{did_you_mean(str(asked), NAMESPACES)}",
                hint=f"it knows {known}.",
                parameter="namespace",
                value=repr(asked),
                engine=self.engine.name,
            )
        spaces = NAMESPACES.values() if asked == "auto" else (NAMESPACES[asked],)
        for space in spaces:
            if device in space.devices():
                return {**keywords, "namespace": space.name}
        titles = " or ".join(space.title for space in spaces)
        there = any(importable(space.name) for space in spaces)
        raise DeviceNotAvailable(
            f"engine {self.engine.name!r} reaches device {str(device)!r} by {titles}, which "
            + ("does not reach it here." if there else "is not installed."),
            hint=f"install {titles} for that device, or choose another device or namespace.",
            device=str(device),
            engine=self.engine.name,
        )

    # -- the backend estimator ---------------------------------------------------------------------------------------

    def build(self, row: Row, keywords: Mapping[str, Any]) -> Held:
        """Make a fresh, unfitted backend estimator.

        Parameters
        ----------
        row : Row
            The row of the class.
        keywords : mapping
            The translated hyperparameters, and the library of arrays.

        Returns
        -------
        Held
            With two estimators of scikit-learn's class: one for tensors, and one that stays on the host.
        """
        keywords = dict(keywords)
        namespace = keywords.pop("namespace", next(iter(NAMESPACES)))
        held = super().build(row, keywords)
        held.notes["namespace"] = namespace
        return held

    def update(self, backend: Held, row: Row, keywords: Mapping[str, Any]) -> None:
        """Change the hyperparameters of a fitted backend estimator.

        Parameters
        ----------
        backend : Held
            Fitted.
        row : Row
            Its row.
        keywords : mapping
            The translated hyperparameters, and the library of arrays.
        """
        keywords = dict(keywords)
        backend.notes["namespace"] = keywords.pop("namespace")
        super().update(backend, row, keywords)

    def estimator(self, backend: Held) -> Any:
        """Return scikit-learn's estimator, with arrays of NumPy's.

        Parameters
        ----------
        backend : Held
            Fitted.

        Returns
        -------
        estimator
            What it learnt is on the host.
        """
        return backend.face

    # -- computing -----------------------------------------------------------------------------------------------------

    def resident(self, data: Any) -> bool:
        """Say whether data are a tensor.

        Parameters
        ----------
        data : object
            Anything.

        Returns
        -------
        bool
            True for arrays of each of the libraries.
        """
        return of_array(data) is not None

    def fetch(self, value: Any) -> Any:
        """Bring a tensor home.

        Parameters
        ----------
        value : object
            Anything.

        Returns
        -------
        object
            An array of NumPy's, or a scalar, for a tensor; else the value.
        """
        space = of_array(value)
        return value if space is None else space.fetch(value)

    def intake(self, row: Row) -> Intake:
        """Return what is particular about the data of a class.

        Parameters
        ----------
        row : Row
            Its row.

        Returns
        -------
        Intake
            Labels alone are no table.
        """
        return _LABELS if row.name == "LabelEncoder" else _TABLE

    def before(self, held: Held, row: Row, X: Any, y: Any) -> None:
        """Give labels that are words the dtype that scikit-learn's class gives them.

        Parameters
        ----------
        held : Held
            The backend estimator.
        row : Row
            Its row.
        X, y : array
            Validated.
        """
        held.labels = typed(held.labels, row.name)

    def call(
        self, backend: Held, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Call a method of a fitted backend estimator.

        Parameters
        ----------
        backend : Held
            Fitted.
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
        if method in ("sparsify", "densify"):  # about what is read of the model; tensors stay dense
            backend.notes["sparse"], backend.made = method == "sparsify", None
            return backend
        return super().call(backend, row, method, args, kwargs, device)

    def run(self, held: Held, row: Row, method: str, X: Any, given: Mapping[str, Any]) -> Any:
        """Call a method of scikit-learn's estimator on tensors.

        Parameters
        ----------
        held : Held
            The backend estimator.
        row : Row
            Its row.
        method : str
            The method.
        X : array
            Its first argument, validated.
        given : mapping
            The others.

        Returns
        -------
        object
            A tensor, or what is none.

        Raises
        ------
        DeviceOutOfMemory
            If the device has no memory left.
        """
        device, space = held.device, _space(held)
        assert device is not None
        with self._computing(space, device, row, method):
            model = held.model
            if is_fitting(method):
                given = for_codes(held, given)
                for name in set(_ARRAYS) & set(model.get_params(deep=False)):
                    value = getattr(held.stem, name)
                    dtype = np.float64 if held.double else np.float32
                    setattr(model, name, None if value is None else space.put(np.asarray(value, dtype), device))
            placed = {name: _placed(value, space, device) for name, value in given.items()}
            if not self.resident(X):
                X = np.asarray(X)  # labels may be a list, or a column of a frame
            elif self.intake(row).table and "float" not in str(X.dtype):
                X = self.fetch(X).astype(np.float64)  # tensors that the user gave: NumPy's have been looked at
            X = _placed(X, space, device)
            if not is_fitting(method):
                model, X = ready(held, row, X, space)
            result = getattr(model, method)(X, **placed)
        vars(held.model).pop("_base_loss", None)
        return held if result is held.model else result

    @contextmanager
    def _computing(self, space: Namespace, device: Device, row: Row, method: str) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(dispatching())
            stack.enter_context(space.computing(device))
            try:
                yield
            except Exception as error:
                if not space.is_full(error):
                    raise
                traceback.clear_frames(error.__traceback__)  # the frames of the failed call refer to its arrays
                raise DeviceOutOfMemory(
                    f"device {str(device)!r} has no memory left for {row.name}.{method}: "
                    f"{str(error).splitlines()[0].rstrip('.')}.",
                    hint='use less data at once, float32, or device="cpu".',
                    device=str(device),
                    engine=self.engine.name,
                    estimator=row.name,
                ) from error

    def attributes(self, held: Held, row: Row, read: Read) -> Mapping[str, Any]:
        """Return what scikit-learn's estimator has learnt, private attributes included.

        Parameters
        ----------
        held : Held
            The backend estimator, fitted.
        row : Row
            Its row.
        read : Read
            Not needed: the model is scikit-learn's own.

        Returns
        -------
        mapping of str to object
            On the host.
        """
        assert held.device is not None
        widen = held.double and not _space(held).double(held.device)

        def home(value: Any) -> Any:
            fetched = self.fetch(value)
            floats = fetched is not value and fetched.dtype == np.float32
            return fetched.astype(np.float64) if widen and floats else fetched

        found = {name: each(value, home) for name, value in learnt(held.model)}
        if isinstance(held.labels, np.ndarray) and "_label_binarizer" in found:
            found["_label_binarizer"].classes_ = held.labels
        if held.double and getattr(found.get("alpha_"), "dtype", None) == np.float32:
            # One for each target, which scikit-learn makes in the default precision of the library.
            alphas = np.asarray(held.stem.alphas, dtype=np.float64)
            found["alpha_"] = alphas[np.abs(alphas - found["alpha_"][:, np.newaxis]).argmin(axis=1)]
        if held.notes.get("sparse"):
            found["coef_"] = sp.csr_matrix(found["coef_"])
        if hasattr(held.stem, "_get_loss"):
            found["_base_loss"] = held.stem._get_loss()
        return found

    def restore(self, model: Any, row: Row, keywords: Mapping[str, Any], device: Device) -> Held:
        """Make the backend estimator again of a fitted one of scikit-learn's: its arrays go to the device.

        Parameters
        ----------
        model : estimator
            Of scikit-learn, fitted.
        row : Row
            Its row.
        keywords : mapping
            The translated hyperparameters, and the library of arrays.
        device : Device
            Where it is to compute.

        Returns
        -------
        Held
            Fitted.
        """
        held = self.build(row, keywords)
        held.device = device
        teach(held, model, _space(held))
        return held


def _space(held: Held) -> Namespace:
    return NAMESPACES[held.notes["namespace"]]


def _placed(value: Any, space: Namespace, device: Device) -> Any:
    """A tensor on the device of an array, or of a tensor of another library."""
    held_by = of_array(value)
    if held_by is space:
        return space.moved(value, device)
    if held_by is not None:
        value = held_by.fetch(value)
    return space.put(value, device) if isinstance(value, np.ndarray) else value
