"""An engine as it is called where it computes in a process of its own: an adapter like any other, and its estimators.

The fitted model lives in that process. Here is what it takes to make it again in another one (`Saved`), so that nothing
is lost when the process ends.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from accelsk.devices import HOST, Device
from accelsk.engines import get_adapter
from accelsk.engines.adapter import Adapter
from accelsk.engines.spec import Row
from accelsk.parcels import pack
from accelsk.surroundings import Surroundings, drawn_from, repeat, take_states

if TYPE_CHECKING:
    from accelsk.serving import Answer, Request, Saved
    from accelsk.workers import Process

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


@dataclass(frozen=True)
class _Live:
    """A model in a running process. When nobody refers to it any more, that process hears of it at its next request."""

    process: Process
    token: int

    def __post_init__(self) -> None:
        weakref.finalize(self, self.process.dropped.append, self.token).atexit = False


@dataclass
class _Seat:
    """Where a model is, and what it is."""

    adapter: RemoteAdapter
    row: int
    keywords: Mapping[str, Any]
    saved: Saved | None = None
    live: _Live | None = None
    methods: set[tuple[bool, str]] = field(default_factory=set)

    def copied(self) -> _Seat:
        """The same model, without a part in what lives."""
        return replace(self, live=None, methods=set())

    def ask(self, do: str, *arguments: Any) -> Any:
        """Have something done with the model, and return what came of it."""
        from accelsk.serving import Request
        from accelsk.workers import exchange, worker_of

        adapter, around = self.adapter, Surroundings.here()
        # Packed before anybody waits: to pickle an argument may ask for something of the same process.
        packed = pack(arguments)

        def request(process: Process) -> Request:
            live = self.live
            known = live is not None and live.process is process and do != "fit"
            dropped = [process.dropped.popleft() for _ in range(len(process.dropped))]
            return Request(
                do,
                adapter.engine.name,
                self.row,
                adapter.inside(adapter.device),
                live.token if known and live is not None else None,
                None if known else self.saved,
                packed,
                tuple(dropped),
                around,
            )

        def take(process: Process, answer: Answer) -> None:
            if answer.failure is None and answer.token is not None:
                if self.live is None or (self.live.process, self.live.token) != (process, answer.token):
                    self.live = _Live(process, answer.token)
                if do == "fit":
                    self.saved = answer.result[1]

        worker = worker_of(adapter.engine.name, adapter.device, adapter.surrounded)
        answer = exchange(worker, request, take)
        repeat(answer.heard)
        if answer.failure is not None:
            raise answer.failure.error()
        return answer.result


class RemoteModel:
    """A fitted estimator of an engine that lives in a process of its own.

    Its attributes are read there, and come as copies: changing one changes nothing there. Its methods are called there.

    Parameters
    ----------
    seat : _Seat
        Where it is.
    shown : bool, default=False
        Whether it stands for the library's own estimator, `Adapter.estimator`.
    """

    __slots__ = ("__dict__", "__weakref__", "_seat", "_shown")
    _seat: _Seat
    _shown: bool

    def __init__(self, seat: _Seat, shown: bool = False) -> None:
        object.__setattr__(self, "_seat", seat)
        object.__setattr__(self, "_shown", shown)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        from accelsk.serving import Method

        seat = self._seat
        if seat.saved is None:
            raise AttributeError(f"{self!r} has no attribute {name!r} before it is fitted")
        if (self._shown, name) not in seat.methods:
            value = seat.ask("attribute", name, self._shown)
            if value is not Method:
                return value
            seat.methods.add((self._shown, name))
        return partial(self._invoke, name)

    def _invoke(self, name: str, *args: Any, **kwargs: Any) -> Any:
        result, changed = self._seat.ask("invoke", self._shown, name, args, kwargs)
        if changed is not None:
            self._seat.saved = changed
        return _here(result, self)

    def __dir__(self) -> list[str]:
        names = [] if self._seat.saved is None else self._seat.ask("names", self._shown)
        return sorted({*super().__dir__(), *names})

    def __repr__(self) -> str:
        adapter, row = self._seat.adapter, self._seat.adapter.engine.rows[self._seat.row]
        return f"<{row.backend.rpartition('.')[2]} in a process of its own, on {str(adapter.device)!r}>"

    def __copy__(self) -> RemoteModel:
        made = RemoteModel(self._seat.copied(), self._shown)
        vars(made).update(vars(self))
        return made

    def __deepcopy__(self, memo: dict[Any, Any]) -> RemoteModel:
        return self.__copy__()  # what is saved is never changed, and a model made of it shares nothing

    def __reduce__(self) -> tuple[Any, ...]:
        seat, adapter = self._seat, self._seat.adapter
        return (
            _opened,
            (adapter.engine.name, adapter.device, seat.row, seat.keywords, seat.saved, self._shown),
            dict(vars(self)),
        )


def _opened(
    engine: str, device: Device, row: int, keywords: Mapping[str, Any], saved: Saved | None, shown: bool
) -> Any:
    """Open a pickle of a `RemoteModel`: as one; or, where the engine reaches the device in this process, as its own."""
    adapter = adapter_on(engine, device)
    if isinstance(adapter, RemoteAdapter):
        return RemoteModel(_Seat(adapter, row, keywords, saved), shown)
    from accelsk.serving import made_again

    its = adapter.engine.rows[row]
    if saved is None:
        return adapter.build(its, adapter.on_device(its, keywords, device))
    made = made_again(saved, adapter, its, device)
    return adapter.estimator(made) if shown else made


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

    def _seat(self, row: Row, keywords: Mapping[str, Any] | None = None, saved: Saved | None = None) -> _Seat:
        number = next(number for number, each in enumerate(self.engine.rows) if each is row)
        return _Seat(self, number, dict(keywords or {}), saved)

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
        generators = drawn_from(seat.keywords.values())
        attributes = {name: value for name, value in vars(backend).items() if name != "_parent_callback_ctx"}
        result, _, states = seat.ask("fit", seat.keywords, attributes, method, tuple(args), dict(kwargs), generators)
        take_states(generators, states)
        return _here(result, backend)

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
        return _here(backend._seat.ask("call", method, tuple(args), dict(kwargs)), backend)

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


def _here(result: Any, model: RemoteModel) -> Any:
    from accelsk.serving import ItSelf, Listed

    if result is ItSelf:
        return model
    return (each for each in result.values) if isinstance(result, Listed) else result
