"""What runs in the process of a device: it holds fitted models, and computes one request after another."""

from __future__ import annotations

import inspect
import itertools
import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsk import forks
from accelsk.devices import Device
from accelsk.engines import get, get_adapter
from accelsk.engines.adapter import Adapter
from accelsk.engines.spec import Row
from accelsk.failures import Failure
from accelsk.parcels import Parcel, pack, received
from accelsk.reasons import unusable
from accelsk.surroundings import Heard, Surroundings, drawn_from, states_of, take_states
from accelsk.threads import in_force

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["Answer", "ItSelf", "Listed", "Request", "Saved", "made_again", "serve"]


class ItSelf:
    """Stands for the model in a result: the method returned the estimator that it was called on."""


class Method:
    """Stands for an attribute that is a method."""


@dataclass(frozen=True)
class Listed:
    """The results of a generator, which cannot go to another process.

    Parameters
    ----------
    values : list
        All of them.
    """

    values: list[Any]


@dataclass(frozen=True)
class Saved:
    """A model, as any process of the engine makes it again.

    Parameters
    ----------
    dumped : bytes or None
        From `Adapter.dump`.
    exported : estimator or None
        From `Adapter.export`, with the keyword arguments that `Adapter.restore` takes.
    keywords : mapping
        These.
    """

    dumped: Any = None
    exported: Any = None
    keywords: Mapping[str, Any] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        # An array goes by shared memory, bytes do not.
        data = None if self.dumped is None else np.frombuffer(self.dumped, np.uint8)
        return _saved, (data, self.exported, self.keywords)


def _saved(data: Any, exported: Any, keywords: Mapping[str, Any]) -> Saved:
    return Saved(None if data is None else data.tobytes(), exported, keywords)


def made_again(saved: Saved, adapter: Adapter, row: Row, device: Device) -> Any:
    """Make the engine's fitted estimator again, in this process.

    Parameters
    ----------
    saved : Saved
        The model.
    adapter : Adapter
        The engine's own.
    row : Row
        The row of the model.
    device : Device
        As this process sees it.

    Returns
    -------
    object
        The engine's estimator.
    """
    if saved.exported is None:
        return adapter.load_dump(saved.dumped, row, device)
    return adapter.restore(saved.exported, row, adapter.on_device(row, saved.keywords, device), device)


@dataclass(frozen=True)
class Request:
    """Something to do with a model.

    Parameters
    ----------
    do : str
        What: a method of `_Desk`.
    engine : str
        The engine.
    row : int
        The number of the model's row among those of the engine.
    device : Device
        As this process sees it.
    token : int or None
        The model, if this process has it.
    saved : Saved or None
        The model, if not; None for one that is to be built.
    arguments : Parcel
        The rest: a tuple.
    dropped : tuple of int, default=()
        Models that nobody asks for any more.
    around : Surroundings, default=None
        The settings that hold.
    """

    do: str
    engine: str
    row: int
    device: Device
    token: int | None
    saved: Saved | None
    arguments: Parcel
    dropped: tuple[int, ...] = ()
    around: Surroundings | None = None


@dataclass(frozen=True)
class Answer:
    """What came of a request.

    Parameters
    ----------
    token : int or None
        The model.
    result : object
        The result.
    failure : Failure or None, default=None
        What was raised instead.
    heard : list of Heard, default=[]
        Warnings.
    """

    token: int | None
    result: Any
    failure: Failure | None = None
    heard: list[Heard] = field(default_factory=list)


class _Desk:
    """The fitted models of this process."""

    def __init__(self) -> None:
        self._models: dict[int, Any] = {}
        self._tokens = itertools.count(1)
        self._new: list[int] = []

    def __call__(self, request: Request) -> tuple[int | None, Any]:
        self._new.clear()
        for token in request.dropped:
            self._models.pop(token, None)
        engine = get(request.engine)
        adapter, row = get_adapter(request.engine), engine.rows[request.row]
        do: Callable[..., tuple[int | None, Any]] = getattr(self, f"_{request.do}")
        return do(request, adapter, row, *request.arguments.load())

    def _model(self, request: Request, adapter: Adapter, row: Row) -> tuple[int, Any]:
        if request.token is not None:
            return request.token, self._models[request.token]
        assert request.saved is not None
        forks.start(request.device)
        model = made_again(request.saved, adapter, row, request.device)
        return self._keep(model), model

    def _keep(self, model: Any) -> int:
        token = next(self._tokens)
        self._models[token] = model
        self._new.append(token)
        return token

    def forget_new(self) -> None:
        """Drop the models of a request that failed: who asked will never know their tokens."""
        for token in self._new:
            self._models.pop(token, None)

    # -- what can be asked for ---------------------------------------------------------------------------------------

    def _fit(
        self,
        request: Request,
        adapter: Adapter,
        row: Row,
        keywords: Mapping[str, Any],
        estimator: Any,
        attributes: Mapping[str, Any],
        method: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        generators: list[Any],
    ) -> tuple[int, Any]:
        device = request.device
        forks.start(device)
        keywords = adapter.on_device(row, keywords, device)
        try:
            if request.saved is None:
                model = adapter.build(row, keywords)
            else:
                token, model = self._model(request, adapter, row)
                self._models.pop(token)  # it is to become another one
                adapter.update(model, row, keywords)
        except ImportError as error:
            raise unusable(error, adapter.engine) from error
        for name, value in attributes.items():
            setattr(model, name, value)
        adapter.introduce(model, row, estimator)
        before = states_of(generators)
        here = [*drawn_from(()), *generators[1:]]  # the first one stands for NumPy's own
        take_states(here[:1], before[:1])
        with in_force(adapter.pools):
            result = _home(adapter, model, adapter.fit(model, row, method, args, kwargs, device))
        after = [
            None if pickle.dumps(old) == pickle.dumps(new) else new
            for old, new in zip(before, states_of(here), strict=True)
        ]
        return self._keep(model), (result, Saved(adapter.dump(model, row)), after)

    def _call(
        self,
        request: Request,
        adapter: Adapter,
        row: Row,
        method: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> tuple[int, Any]:
        token, model = self._model(request, adapter, row)
        with in_force(adapter.pools):
            return token, _home(adapter, model, adapter.call(model, row, method, args, kwargs, request.device))

    def _load(self, request: Request, adapter: Adapter, row: Row) -> tuple[int, Any]:
        return self._model(request, adapter, row)[0], None

    def _attribute(self, request: Request, adapter: Adapter, row: Row, name: str, shown: bool) -> tuple[int, Any]:
        token, model = self._model(request, adapter, row)
        value = getattr(adapter.estimator(model) if shown else model, name)
        is_method = callable(value) and not name.endswith("_")
        return token, Method if is_method else adapter.home(value)

    def _names(self, request: Request, adapter: Adapter, row: Row, shown: bool) -> tuple[int, Any]:
        token, model = self._model(request, adapter, row)
        return token, dir(adapter.estimator(model) if shown else model)

    def _invoke(
        self,
        request: Request,
        adapter: Adapter,
        row: Row,
        shown: bool,
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> tuple[int, Any]:
        token, model = self._model(request, adapter, row)
        subject = adapter.estimator(model) if shown else model
        with in_force(adapter.pools), adapter.context(request.device):
            result = _home(adapter, subject, getattr(subject, name)(*args, **kwargs))
        changed = name.startswith(("set_", "fit", "partial_fit"))
        return token, (result, Saved(adapter.dump(model, row)) if changed else None)

    def _export(self, request: Request, adapter: Adapter, row: Row, estimator: Any) -> tuple[int, Any]:
        token, model = self._model(request, adapter, row)
        return token, adapter.export(model, row, estimator)

    def _dump(self, request: Request, adapter: Adapter, row: Row) -> tuple[int, Any]:
        token, model = self._model(request, adapter, row)
        return token, np.frombuffer(adapter.dump(model, row), np.uint8)


def _home(adapter: Adapter, model: Any, result: Any) -> Any:
    if result is model:
        return ItSelf
    if inspect.isgenerator(result):
        return Listed([adapter.home(each) for each in result])
    return adapter.home(result)


# -- the process -----------------------------------------------------------------------------------------------------


def serve(connection: Connection) -> None:
    """Answer requests until the other side is gone, or says so. It does not return.

    Parameters
    ----------
    connection : Connection
        To the process that started this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever waits for us is interrupted, and ends us
    messages: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, messages), daemon=True).start()
    desk = _Desk()
    while True:
        parcel = _packed(desk, messages.get())
        with parcel.sent(connection) as shared:
            if shared:
                messages.get()  # the other side has it
        del parcel
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()  # this process ends without doing so


def _listen(connection: Connection, messages: SimpleQueue[bytes]) -> None:
    """Take in requests; end at once where nobody is left who could ask, in the middle of a computation, too."""
    while True:
        try:
            message = connection.recv_bytes()
        except (EOFError, OSError):
            message = b""
        if not message:
            os._exit(0)
        messages.put(message)


def _packed(desk: _Desk, message: bytes) -> Parcel:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")  # once for each line; the process that asked decides about them
        try:
            answer = _answer(desk, message)
            return pack(Answer(*answer, heard=Heard.of(caught)))
        except BaseException as error:  # noqa: BLE001  any may come out of a library, and the caller is to see it
            desk.forget_new()
            failure = Failure.of(error)
    try:
        return pack(Answer(None, None, failure, Heard.of(caught)))
    except Exception:  # noqa: BLE001  a warning that cannot be pickled
        return pack(Answer(None, None, failure))


def _answer(desk: _Desk, message: bytes) -> tuple[int | None, Any]:
    request: Request = received(message)[0].load()
    assert request.around is not None
    with request.around.entered():
        return desk(request)
