"""A fitted model that lives in another process: where it is, what it takes to make it again, and what stands for it."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from accelsk.devices import Device
from accelsk.parcels import pack
from accelsk.surroundings import Surroundings, repeat

if TYPE_CHECKING:
    from accelsk.remote import RemoteAdapter
    from accelsk.serving import Answer, Request, Saved
    from accelsk.workers import Process

__all__ = ["RemoteModel", "Seat", "result_here"]


@dataclass(frozen=True)
class _Live:
    """A model in a running process. When nobody refers to it any more, that process hears of it at its next request."""

    process: Process
    token: int

    def __post_init__(self) -> None:
        weakref.finalize(self, self.process.dropped.append, self.token).atexit = False


@dataclass
class Seat:
    """Where a model is, and what it is.

    Parameters
    ----------
    adapter : RemoteAdapter
        Who has it called.
    row : int
        The number of its row among those of the engine.
    keywords : mapping
        The translated hyperparameters.
    saved : Saved or None, default=None
        What makes it again in any process; None before a fit.
    live : _Live or None, default=None
        The model in a process that may still run.
    estimator : estimator, default=None
        The user's, which goes along with the next fit.
    methods : set, default=set()
        The names that are known to be methods.
    """

    adapter: RemoteAdapter
    row: int
    keywords: Mapping[str, Any]
    saved: Saved | None = None
    live: _Live | None = None
    estimator: Any = None
    methods: set[tuple[bool, str]] = field(default_factory=set)

    def copied(self) -> Seat:
        """Return the same model, without a part in what lives.

        Returns
        -------
        Seat
            It is sent again when it is asked for.
        """
        return replace(self, live=None, methods=set())

    def ask(self, do: str, *arguments: Any) -> Any:
        """Have something done with the model.

        Parameters
        ----------
        do : str
            What: see `accelsk.serving.Request`.
        *arguments : tuple
            With what.

        Returns
        -------
        object
            What came of it.

        Raises
        ------
        WorkerDied
            If the process ends meanwhile.
        """
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
    seat : Seat
        Where it is.
    shown : bool, default=False
        Whether it stands for the library's own estimator, `Adapter.estimator`.
    """

    __slots__ = ("__dict__", "__weakref__", "_seat", "_shown")
    _seat: Seat
    _shown: bool

    def __init__(self, seat: Seat, shown: bool = False) -> None:
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
        return result_here(result, self)

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
    from accelsk.remote import RemoteAdapter, adapter_on  # made of this module

    adapter = adapter_on(engine, device)
    if isinstance(adapter, RemoteAdapter):
        return RemoteModel(Seat(adapter, row, keywords, saved), shown)
    from accelsk.serving import made_again

    its = adapter.engine.rows[row]
    if saved is None:
        return adapter.build(its, adapter.on_device(its, keywords, device))
    made = made_again(saved, adapter, its, device)
    return adapter.estimator(made) if shown else made


def result_here(result: Any, model: RemoteModel) -> Any:
    """Return a result as it would be in this process.

    Parameters
    ----------
    result : object
        As it came.
    model : RemoteModel
        Whose method was called.

    Returns
    -------
    object
        The model where the method returned that; a generator where it returned one.
    """
    from accelsk.serving import ItSelf, Listed

    if result is ItSelf:
        return model
    return (each for each in result.values) if isinstance(result, Listed) else result
