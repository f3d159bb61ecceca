"""How a fitted model leaves an engine, and comes back. PUBLIC, as a part of `Adapter`."""

from __future__ import annotations

import copy
import pickle
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from accelsk.devices import Device
from accelsk.engines.spec import Row

__all__ = ["Leaving", "fitted_attributes"]


class Leaving:
    """The part of an adapter that exports, restores, writes down and reads models."""

    @abstractmethod
    def build(self, row: Row, keywords: Mapping[str, Any]) -> Any:
        """Make a fresh, unfitted backend estimator: see `Adapter.build`.

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

    def export(self, backend: Any, row: Row, estimator: Any) -> Any:
        """Make scikit-learn's own fitted estimator of a fitted backend estimator. Asked where `Row.export` is portable.

        Parameters
        ----------
        backend : object
            The engine's fitted estimator; it is not changed, and no array is shared that either could write to.
        row : Row
            Its row.
        estimator : estimator
            Of the class of the row, unfitted, with the user's hyperparameters.

        Returns
        -------
        estimator
            The same object, fitted. By default it gets every public fitted attribute of the backend estimator that the
            class does not compute itself.

        Raises
        ------
        NotPortable
            If this model, unlike others of its row, cannot be had.
        """
        for name, value in fitted_attributes(backend, type(estimator)).items():
            setattr(estimator, name, copy.deepcopy(value))
        return estimator

    def restore(self, model: Any, row: Row, keywords: Mapping[str, Any], device: Device) -> Any:
        """Make the backend estimator again of what `export` returned. Asked where `Row.export` restores.

        Parameters
        ----------
        model : estimator
            Of scikit-learn, fitted, as from `export`. It may be changed and shared.
        row : Row
            Its row.
        keywords : mapping
            The translated hyperparameters.
        device : Device
            Where it is to compute.

        Returns
        -------
        object
            The engine's fitted estimator. By default a new one that gets the fitted attributes of `model`.
        """
        backend = self.build(row, keywords)
        parameters = model.get_params(deep=False)
        for name, value in vars(model).items():
            if name not in parameters and not name.startswith("__"):
                setattr(backend, name, value)
        return backend

    def dump(self, backend: Any, row: Row) -> bytes:
        """Write a fitted backend estimator down. Asked where `Row.export` does not restore, or `environment` is given.

        Parameters
        ----------
        backend : object
            The engine's fitted estimator.
        row : Row
            Its row.

        Returns
        -------
        bytes
            For `load_dump`, with the same version of the engine.
        """
        return pickle.dumps(backend, protocol=pickle.HIGHEST_PROTOCOL)

    def load_dump(self, data: bytes, row: Row, device: Device) -> Any:
        """Read what `dump` wrote.

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
        object
            The engine's fitted estimator.
        """
        return pickle.loads(data)  # noqa: S301  it is a part of a pickle that is being opened


def fitted_attributes(backend: Any, cls: type) -> dict[str, Any]:
    """Return the public fitted attributes of a backend estimator that scikit-learn's class keeps in its instances.

    Parameters
    ----------
    backend : object
        A fitted estimator.
    cls : type
        The class of scikit-learn; what it computes by a property is left out.

    Returns
    -------
    dict of str to object
        Names that end in an underscore, and their values.
    """
    found = {}
    for name in dir(backend):
        if name.endswith("_") and not name.startswith("_") and not isinstance(getattr(cls, name, None), property):
            try:
                found[name] = getattr(backend, name)
            except AttributeError:  # there only under other hyperparameters
                continue
    return found
