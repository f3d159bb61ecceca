"""An engine as it is called where it computes in a process of its own: by an adapter like any other.

The fitted model lives in that process (`accelsk.seats`). Here is what it takes to make it again in another one, so that
nothing is lost when the process ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from accelsk.devices import HOST, Device
from accelsk.engines import get_adapter
from accelsk.engines.adapter import Adapter
from accelsk.engines.spec import Row
from accelsk.seats import RemoteModel, Seat, result_here
from accelsk.surroundings import drawn_from, take_states

if TYPE_CHECKING:
    from accelsk.serving import Saved

__all__ = ["RemoteAdapter", "RemoteModel", "adapter_on", "taken_along"]


def adapter_on(engine: str, device: Device) -> Adapter:
    """Return who calls an engine for a device.

    Parameters
    ----------
    engine : str
        The engine's name.
    device : Device
        Where it is to compute.

    Returns
    -------
    Adapter
        The engine's own; or one that has it called in a process of its own, if its `Adapter.environment` asks for that.

    Examples
    --------
    >>> from accelsk.engines import get_adapter
    >>> adapter_on("sklearn", HOST) is get_adapter("sklearn")
    True
    """
    adapter = get_adapter(engine)
    environment = None if device == HOST else adapter.environment(device)
    return adapter if environment is None else RemoteAdapter(adapter, device, environment)


def taken_along(backend: Any, row: Row, there: Device, adapter: Adapter, device: Device) -> Any:
    """Bring a fitted model to another device, if it or the device is in another process.

    Parameters
    ----------
    backend : object
        The engine's fitted estimator.
    row : Row
        Its row.
    there : Device
        Where it was fitted.
    adapter : Adapter
        Who calls the engine for `device`.
    device : Device
        Where it is to go on.

    Returns
    -------
    object
        The estimator; the same one where nothing is to be done.
    """
    before = adapter_on(adapter.engine.name, there)
    apart = isinstance(before, RemoteAdapter) or isinstance(adapter, RemoteAdapter)
    if there == device or not apart:
        return backend
    return adapter.load_dump(before.dump(backend, row), row, device)


class RemoteAdapter(Adapter):
    """Talks to an engine in another process, which is started when it is needed.

    Parameters
    ----------
    inner : Adapter
        The engine's own adapter.
    device : Device
        The device.
    environment : mapping of str to str
        What is changed in the environment of the process.
    """

    def __init__(self, inner: Adapter, device: Device, environment: Mapping[str, str]) -> None:
        super().__init__(inner.engine)
        self._inner, self.device, self.surrounded = inner, device, dict(environment)
        self.validates = inner.validates

    def environment(self, device: Device) -> Mapping[str, str] | None:
        """Return what is changed in the environment of the process.

        Parameters
        ----------
        device : Device
            The device.

        Returns
        -------
        mapping of str to str
            Never None.
        """
        return self.surrounded

    def memory(self, device: Device) -> int:
        """Return the memory of the device.

        Parameters
        ----------
        device : Device
            The device.

        Returns
        -------
        int
            As the engine's own adapter says.
        """
        return self._inner.memory(device)

    def inside(self, device: Device) -> Device:
        """Return the device as the process sees it.

        Parameters
        ----------
        device : Device
            The device.

        Returns
        -------
        Device
            As the engine's own adapter says.
        """
        return self._inner.inside(device)

    def load(self, row: Row) -> type:
        """Return the class of what stands for the estimators of the engine.

        Parameters
        ----------
        row : Row
            The row.

        Returns
        -------
        type
            `RemoteModel`; nothing is imported here.
        """
        return RemoteModel

    def _seat(self, row: Row, keywords: Mapping[str, Any] | None = None, saved: Saved | None = None) -> Seat:
        number = next(number for number, each in enumerate(self.engine.rows) if each is row)
        return Seat(self, number, dict(keywords or {}), saved)

    def build(self, row: Row, keywords: Mapping[str, Any]) -> Any:
        """Make a fresh model. The engine builds its own one at the fit, where it will be.

        Parameters
        ----------
        row : Row
            The row of the class.
        keywords : mapping
            The translated hyperparameters.

        Returns
        -------
        RemoteModel
            Unfitted.
        """
        return RemoteModel(self._seat(row, keywords))

    def introduce(self, backend: Any, row: Row, estimator: Any) -> None:
        """Let a model know the user's estimator: it goes along with the next fit.

        Parameters
        ----------
        backend : RemoteModel
            The model.
        row : Row
            Its row.
        estimator : estimator
            Of the class of the row; not changed.
        """
        backend._seat.estimator = estimator

    def update(self, backend: Any, row: Row, keywords: Mapping[str, Any]) -> None:
        """Change the hyperparameters of a fitted model: the next fit goes on with them.

        Parameters
        ----------
        backend : RemoteModel
            The model.
        row : Row
            Its row.
        keywords : mapping
            The translated hyperparameters.
        """
        backend._seat.keywords = dict(keywords)

    def fit(
        self, backend: Any, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Call a fitting method there; parameters and result as in `Adapter.fit`.

        Parameters
        ----------
        backend : RemoteModel
            The model.
        row : Row
            Its row.
        method : str
            The method's name.
        args, kwargs : sequence, mapping
            Its arguments.
        device : Device
            Where to compute.

        Returns
        -------
        object
            What the method returns, on the host.
        """
        seat = backend._seat
        seat.methods.clear()
        # An engine draws from either: of the hyperparameters as it gets them, or as the user wrote them.
        generators = drawn_from((*seat.keywords.values(), *vars(seat.estimator).values()))
        attributes = {name: value for name, value in vars(backend).items() if name != "_parent_callback_ctx"}
        asked = (seat.keywords, seat.estimator, attributes, method, tuple(args), dict(kwargs), generators)
        result, _, states = seat.ask("fit", *asked)
        take_states(generators, states)
        return result_here(result, backend)

    def call(
        self, backend: Any, row: Row, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: Device
    ) -> Any:
        """Call a method of a fitted model there; parameters and result as in `Adapter.call`.

        Parameters
        ----------
        backend : RemoteModel
            The model.
        row : Row
            Its row.
        method : str
            The method's name.
        args, kwargs : sequence, mapping
            Its arguments.
        device : Device
            Where to compute.

        Returns
        -------
        object
            What the method returns, on the host.
        """
        return result_here(backend._seat.ask("call", method, tuple(args), dict(kwargs)), backend)

    def estimator(self, backend: Any) -> Any:
        """Return what users see as ``estimator_``.

        Parameters
        ----------
        backend : RemoteModel
            The model.

        Returns
        -------
        RemoteModel
            It stands for the library's own estimator.
        """
        return RemoteModel(backend._seat, shown=True)

    def export(self, backend: Any, row: Row, estimator: Any) -> Any:
        """Make scikit-learn's own fitted estimator; parameters and result as in `Adapter.export`.

        Parameters
        ----------
        backend : RemoteModel
            The model.
        row : Row
            Its row.
        estimator : estimator
            Of the class of the row, unfitted.

        Returns
        -------
        estimator
            The same object, fitted.
        """
        made, kept = backend._seat.ask("export", estimator), estimator.get_params(deep=False)
        vars(estimator).update({name: value for name, value in vars(made).items() if name not in kept})
        return estimator

    def restore(self, model: Any, row: Row, keywords: Mapping[str, Any], device: Device) -> Any:
        """Have the model made again there of what `export` returned.

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
        RemoteModel
            Fitted.
        """
        from accelsk.serving import Saved

        return self._loaded(row, keywords, Saved(exported=model, keywords=dict(keywords)))

    def dump(self, backend: Any, row: Row) -> bytes:
        """Write a fitted model down, as the engine does.

        Parameters
        ----------
        backend : RemoteModel
            The model.
        row : Row
            Its row.

        Returns
        -------
        bytes
            For `load_dump`, here and of the engine's own adapter.
        """
        saved = backend._seat.saved
        written: bytes = backend._seat.ask("dump").tobytes() if saved.dumped is None else saved.dumped
        return written

    def load_dump(self, data: bytes, row: Row, device: Device) -> Any:
        """Have a model read there that `dump` wrote.

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
        RemoteModel
            Fitted.
        """
        from accelsk.serving import Saved

        return self._loaded(row, {}, Saved(dumped=data))

    def _loaded(self, row: Row, keywords: Mapping[str, Any], saved: Saved) -> RemoteModel:
        seat = self._seat(row, keywords, saved)
        seat.ask("load")  # here, and not at the first prediction, is where failing has a way out
        return RemoteModel(seat)
