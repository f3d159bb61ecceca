"""memory="cache": fitted transformers in the memory of this process, bounded in bytes."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from types import FunctionType
from typing import Any

import joblib
import numpy as np
import sklearn
from sklearn.base import clone

from accelsk import config
from accelsk.parts import is_estimator
from accelsk.residence import Resident

__all__ = ["MemoryCache"]


class MemoryCache:
    """What `joblib.Memory` is to a Pipeline, in the memory of this process.

    All caches of a process are one store, so that the clones that a search makes find each other's work: a transformer
    with the same class and hyperparameters, fitted on equal data under the same configuration, is fitted once. The
    entries that were not used for longest go when the store would exceed its bytes.

    What is handed out is read-only where it is an array: every user of an entry shares its data.

    Parameters
    ----------
    max_bytes : int
        How many bytes the store may hold after each call.

    Notes
    -----
    As with every cache of fits, a transformer that draws from the global random state is drawn once, not per fit. What
    cannot be pickled (a lambda in a FunctionTransformer) has no key, and is computed each time.

    Examples
    --------
    >>> from accelsk.memory import MemoryCache
    >>> MemoryCache(2**20).cache(len).__name__
    'len'
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes

    def cache(self, function: Callable[..., Any], ignore: Sequence[str] = ()) -> Callable[..., Any]:
        """Return a function that computes what is not in the store.

        Parameters
        ----------
        function : callable
            The function of scikit-learn's Pipeline that fits and transforms one step.
        ignore : sequence of str, default=()
            Names of keyword arguments that do not tell two calls apart.

        Returns
        -------
        callable
            Of the same name and arguments.
        """
        irrelevant = {*ignore, "message", "message_clsname"}

        def cached(transformer: Any, X: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
            told_apart = {name: value for name, value in kwargs.items() if name not in irrelevant}
            key = _key(transformer, X, (y, args, told_apart)) if self.max_bytes else None
            if key is None:
                return function(transformer, X, y, *args, **kwargs)
            with _STORE.turn(key):  # threads of one search wait for each other's work rather than repeat it
                entry = _STORE.get(key)
                if entry is None:
                    result, fitted = function(transformer, X, y, *args, **kwargs)
                    nbytes = _nbytes(result, fitted)
                    if nbytes is None or nbytes > self.max_bytes:
                        return result, fitted
                    entry = _Entry(_read_only(_apart(result, X)), fitted, nbytes)
                    _STORE.put(key, entry, self.max_bytes)
            return entry.X, _own(entry.transformer)

        cached.__name__ = function.__name__
        return cached


@dataclass(frozen=True)
class _Entry:
    """A fitted transformer, and the training data transformed."""

    X: Any
    transformer: Any
    nbytes: int


class _Store:
    """The entries of this process, by key, the one used last at the end."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._keys: dict[int, str] = {}  # of the data that entries hold, by their identity
        self._kept: dict[int, Any] = {}  # what keys name by its identity, which nothing else may get
        self.hits = self.misses = 0
        self.renew_locks()

    def renew_locks(self) -> None:
        """Forget who waits for whom: a forked process has none of the threads that would release a lock."""
        self._guard = threading.RLock()
        self._locks: dict[str, threading.Lock] = {}

    @contextmanager
    def turn(self, key: str) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        try:
            with lock:
                yield
        finally:
            with self._guard:  # whoever waits has it already; whoever comes finds the entry
                self._locks.pop(key, None)

    def get(self, key: str) -> _Entry | None:
        with self._guard:
            entry = self._entries.get(key)
            if entry is None:
                self.misses += 1
            else:
                self.hits += 1
                self._entries.move_to_end(key)
            return entry

    def put(self, key: str, entry: _Entry, max_bytes: int) -> None:
        with self._guard:
            self._entries[key] = entry
            self._keys[id(_data(entry.X))] = key
            while self.nbytes > max_bytes:
                _, gone = self._entries.popitem(last=False)
                self._keys.pop(id(_data(gone.X)), None)

    def keep(self, objects: list[Any]) -> list[Any]:
        """Keep objects alive as long as the store, so that their identities stay theirs."""
        with self._guard:
            self._kept.update({id(each): each for each in objects})
        return objects

    def key_of(self, data: Any) -> str | None:
        """The key of data that came out of the store: equal to another such exactly if the keys are."""
        with self._guard:
            return self._keys.get(id(data))

    @property
    def nbytes(self) -> int:
        return sum(entry.nbytes for entry in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        self.__init__()  # type: ignore[misc]


_STORE = _Store()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_STORE.renew_locks)


def _key(transformer: Any, X: Any, rest: Any) -> str | None:
    """Tell two fits apart by everything that they can depend on; None where that cannot be told."""
    try:
        told = (
            _STORE.key_of(_data(X)) or joblib.hash(X),
            joblib.hash((transformer, rest)),
            joblib.hash((config.get_config(), sklearn.get_config())),
            *map(id, _STORE.keep(_typed(transformer))),
        )
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _typed(transformer: Any) -> list[Any]:
    """What was typed into this session: a pickle names it only, and it can be defined anew under the same name."""
    params = transformer.get_params(deep=True)
    values = [value.func if isinstance(value, partial) else value for value in params.values()]
    code: list[Any] = [value for value in values if isinstance(value, FunctionType)]
    estimators = (getattr(transformer, "_inner", transformer), *params.values())
    code += [type(value) for value in estimators if is_estimator(value)]
    return [each for each in code if each.__module__ == "__main__"]


def _data(X: Any) -> Any:
    return X.data if isinstance(X, Resident) else X


def _arrays(X: Any) -> list[np.ndarray[Any, Any]]:
    """The arrays that dense or sparse data are made of; none of a data frame, which nobody writes to in place."""
    data = _data(X)
    candidates = (data, *(getattr(data, name, None) for name in ("data", "indices", "indptr")))
    return [array for array in candidates if isinstance(array, np.ndarray)]


def _apart(result: Any, X: Any) -> Any:
    """Copy a result that is, or may be, the user's own data: a FunctionTransformer returns what it is given."""
    if any(np.may_share_memory(mine, theirs) for mine in _arrays(result) for theirs in _arrays(X)):
        return replace(result, data=copy(_data(result))) if isinstance(result, Resident) else copy(result)
    return result


def _read_only(X: Any) -> Any:
    for array in _arrays(X):
        array.flags.writeable = False
    return X


def _own(transformer: Any) -> Any:
    """Return a fitted transformer with hyperparameters of its own; what was fitted is shared, and never refitted."""
    own = copy(transformer)
    if "_plain" in vars(own):
        own._plain = clone(own._plain)
    return own


class _Counter(io.RawIOBase):
    """A file that only counts."""

    nbytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.nbytes += size
        return size


def _nbytes(X: Any, transformer: Any) -> int | None:
    """Return the bytes of an entry: those of its pickle, which is not made; None where there can be none."""
    counter = _Counter()
    sizes: list[int] = []
    if isinstance(X, Resident) and X.engine and hasattr(X.data, "nbytes"):
        sizes.append(int(X.data.nbytes))  # on a device, and not to be copied for being counted
        X = None
    pickler = pickle.Pickler(counter, protocol=5, buffer_callback=lambda buffer: sizes.append(buffer.raw().nbytes))
    try:
        pickler.dump((X, transformer))
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
    return counter.nbytes + sum(sizes)
