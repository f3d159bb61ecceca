"""Which evaluator computes a method of a fitted model, for how many rows: offered, made, measured, and then fixed."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse

from accelsk.batches import in_words, is_finite, length, returns_arrays
from accelsk.evaluators.spec import Evaluate, Offer, Precision
from accelsk.preparation import Preparation
from accelsk.threads import share

__all__ = ["Evaluation"]

#: The share of the model's own time that an evaluator must save.
_GAIN = 0.1

#: How many calls of an evaluator are timed before it stays; of the model, before it does for want of offers.
_TRIALS = 3

#: How often an evaluator may return None before it is asked no more.
_REFUSALS = 8

_TRANSFORMING = ("transform", "inverse_transform")


@dataclass(slots=True)
class _Taken:
    """An offer that was taken, for one method."""

    offer: Offer
    evaluate: Evaluate
    dtypes: tuple[np.dtype[Any], ...]
    nan: bool
    refusals: int = 0


@dataclass(slots=True)
class _Trial:
    """A method at a batch size of which it is not settled yet who computes it."""

    native: float = float("inf")
    calls: int = 0
    saved: dict[str, float] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    taken: _Taken | None = None
    best: float = float("inf")
    tried: int = 0


class Evaluation:
    """How the methods of one fitted model are computed.

    Batch sizes are treated alike from a power of two to the next. What costs nothing to make is taken at once. Apart
    from that the model computes itself at first, and is timed; an offer is taken once it would have saved the time that
    it takes to make; what it takes is timed at its first calls, and where it is no gain the model computes again.

    Parameters
    ----------
    n_features : int or None
        The width of X.
    find : callable
        Returns the offers, once they are asked for.
    output : callable
        Returns the ``set_output`` configuration of the model: a mapping, or None.
    named : bool, default=False
        Whether the model knows its features by name, and warns of an array without names.
    preparation : Preparation, default=None
        What `prepare` returned, here or where the model was pickled.
    patience : float, default=0.0
        How many seconds the model itself is to have computed before the offers are asked for.
    """

    def __init__(
        self,
        n_features: int | None,
        find: Callable[[], Iterable[Offer]],
        output: Callable[[], Mapping[str, Any] | None] = lambda: None,
        *,
        named: bool = False,
        preparation: Preparation | None = None,
        patience: float = 0.0,
    ) -> None:
        self._n_features = n_features
        self._find = find
        self._output = output
        self._named = named
        self._preparation = preparation
        self._patience = patience
        self._found: dict[str, list[Offer]] | None = None
        self._made: dict[tuple[str, str, tuple[str, ...]], Mapping[str, Evaluate] | None] = {}
        self._trials: dict[tuple[str, int], _Trial] = {}
        #: What is settled: per method, by the bit length of the number of rows; None for the model itself.
        self._settled: dict[str, dict[int, _Taken | None]] = {}
        #: The methods that were called: the model has them.
        self.methods: Mapping[str, Any] = self._settled
        #: Those of them, as `accelsk.delegation` has made them.
        self.functions: dict[str, Callable[..., Any]] = {}
        self._lock = threading.RLock()

    # -- the fast path -----------------------------------------------------------------------------------------------

    def answer(self, method: str, X: Any) -> Any:
        """Compute at once, where that can be done without looking at X twice.

        Parameters
        ----------
        method : str
            A method of the model.
        X : object
            What it was given, alone.

        Returns
        -------
        object
            The result; None where the long way is to be taken: it is not settled who computes such a batch, or X is
            anything but a C-contiguous, finite array of the right width.
        """
        settled = self._settled.get(method)
        if settled is None or type(X) is not np.ndarray or X.ndim != 2 or self._named:
            return None
        taken = settled.get(len(X).bit_length())
        if taken is None or share() is not None or not self._suits(taken, method, X):
            return None
        return _evaluate(taken, X)

    def answers(self, method: str, n_rows: int) -> bool:
        """Say whether an evaluator was settled for, for a batch of a size.

        Parameters
        ----------
        method : str
            A method of the model.
        n_rows : int
            The number of rows.

        Returns
        -------
        bool
            If not, `answer` returns None.
        """
        return self._settled.get(method, {}).get(n_rows.bit_length()) is not None

    def _suits(self, taken: _Taken, method: str, X: npt.NDArray[Any]) -> bool:
        """Whether an array is one that the evaluator is for."""
        if X.dtype not in taken.dtypes or not X.flags.c_contiguous:
            return False
        if X.shape[1] != self._n_features and method != "inverse_transform":  # the evaluator knows its width
            return False
        if method in _TRANSFORMING and not returns_arrays(self._output()):
            return False
        return taken.nan or is_finite(X)

    # -- the long way ------------------------------------------------------------------------------------------------

    def compute(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any], native: Callable[[], Any]) -> Any:
        """Compute by an evaluator or by the model, and see which of them it is to be from now on.

        Parameters
        ----------
        method : str
            A method of the model.
        args, kwargs : sequence, mapping
            Its arguments.
        native : callable
            Calls the method of the model itself.

        Returns
        -------
        object
            What the method returns.
        """
        if not args and tuple(kwargs) == ("X",):
            args, kwargs = (kwargs["X"],), {}
        if kwargs or len(args) != 1:
            return native()
        if self._patience > 0 and self._preparation is None:
            start = time.perf_counter()
            result = native()
            self._patience -= time.perf_counter() - start
            return result
        if not self._offers(method):
            self._settled.setdefault(method, {})
            return native()
        X = args[0]
        n_rows = length(X)
        if not n_rows:
            return native()
        settled = self._settled.setdefault(method, {})
        size = n_rows.bit_length()
        if size in settled:
            taken = settled[size]
            result = None if taken is None else self._evaluated(taken, method, X)
            if taken is not None and taken.refusals > _REFUSALS:
                settled[size] = None
            return native() if result is None else result
        return self._tried(method, size, n_rows, X, native)

    def _evaluated(self, taken: _Taken, method: str, X: Any) -> Any:
        """The result of an evaluator; None where it is not for these data."""
        if type(X) is not np.ndarray or X.ndim != 2 or self._named or not self._suits(taken, method, X):
            check = taken.offer.check
            if check is None or issparse(X) or (method in _TRANSFORMING and not returns_arrays(self._output())):
                return None
            X = check(X)
            if type(X) is not np.ndarray or X.ndim != 2 or not self._suits(taken, method, X):
                return None
        result = _evaluate(taken, X)
        if result is None:
            taken.refusals += 1
        return result

    def _tried(self, method: str, size: int, n_rows: int, X: Any, native: Callable[[], Any]) -> Any:
        trial = self._trials.setdefault((method, size), _Trial())
        if trial.taken is None and not trial.calls:
            known, first = self._prepared(method, size)
            if not known:
                first = self._free(method, n_rows)
            if known or first is not None:
                self._settled[method][size] = first
                result = None if first is None else self._evaluated(first, method, X)
                return native() if result is None else result
        start = time.perf_counter()
        taken = trial.taken
        result = None if taken is None else self._evaluated(taken, method, X)
        if result is not None:
            trial.best = min(trial.best, time.perf_counter() - start)
            trial.tried += 1
            if trial.tried >= _TRIALS:
                self._judge(method, size, trial)
            return result
        start = time.perf_counter()
        result = native()
        if taken is None:
            self._consider(method, size, n_rows, trial, time.perf_counter() - start)
        return result

    def _prepared(self, method: str, size: int) -> tuple[bool, _Taken | None]:
        """Whether `prepare` has settled this, and for what: an evaluator that cannot be made here is as none."""
        names = {} if self._preparation is None else self._preparation.chosen.get(method, {})
        if size not in names:
            return False, None
        offer = next((each for each in self._offers(method) if each.name == names[size]), None)
        return True, None if offer is None else self._take(offer, method)

    def _free(self, method: str, n_rows: int) -> _Taken | None:
        """The best of the offers that cost nothing to make."""
        offers = [
            offer for offer in self._offers(method) if not offer.build and isfinite(offer.seconds(method, n_rows))
        ]
        for offer in sorted(offers, key=lambda each: each.seconds(method, n_rows)):
            taken = self._take(offer, method)
            if taken is not None:
                return taken
        return None

    def _consider(self, method: str, size: int, n_rows: int, trial: _Trial, took: float) -> None:
        """After a call of the model: whether an offer pays by now."""
        with self._lock:
            if trial.taken is not None or size in self._settled[method]:
                return  # another thread was here
            trial.calls += 1
            trial.native = min(trial.native, took)
            promising = []
            for offer in self._offers(method):
                gain = trial.native - offer.seconds(method, n_rows)
                if offer.name not in trial.refused and gain > _GAIN * trial.native:
                    trial.saved[offer.name] = trial.saved.get(offer.name, 0.0) + gain
                    promising.append(offer)
            if not promising and trial.calls >= _TRIALS:
                self._settled[method][size] = None
            for offer in sorted(promising, key=lambda each: each.seconds(method, n_rows)):
                if trial.saved[offer.name] >= offer.build:
                    trial.taken = self._take(offer, method)
                    if trial.taken is not None:
                        return
                    trial.refused.add(offer.name)

    def _judge(self, method: str, size: int, trial: _Trial) -> None:
        """After some calls of an evaluator: whether it stays."""
        with self._lock:
            taken = trial.taken
            if taken is None:
                return
            if trial.best < (1 - _GAIN / 2) * trial.native:
                self._settled[method][size] = taken
            else:
                trial.refused.add(taken.offer.name)
                trial.taken, trial.tried, trial.best = None, 0, float("inf")

    # -- on demand ---------------------------------------------------------------------------------------------------

    def prepare(
        self, natives: Mapping[str, Evaluate], batches: Sequence[npt.NDArray[Any]], precision: Precision
    ) -> Preparation:
        """Make every evaluator, measure each, and settle for the fastest.

        Parameters
        ----------
        natives : mapping of str to callable
            The methods of the model itself.
        batches : sequence of array
            A batch of each size.
        precision : {"float64", "float32"}
            Whether offers of single precision may be taken.

        Returns
        -------
        Preparation
            What came of it.
        """
        from accelsk.timing import compare

        noted = Preparation(precision, {}, {}, {})
        with self._lock:
            self._preparation, self._found = noted, None
            for method, native in natives.items():
                made = {offer.name: self._take(offer, method) for offer in self._offers(method)}
                for X in batches:
                    able = {name: each for name, each in made.items() if each and self._suits(each, method, X)}
                    if not able:
                        continue
                    calls = {"": partial(native, X)} | {name: partial(able[name].evaluate, X) for name in able}
                    answers = {name: call() for name, call in calls.items()}
                    calls = {name: call for name, call in calls.items() if answers[name] is not None}
                    times = {name: each.seconds.median for name, each in compare(calls, budget=1.0).timed.items()}
                    best = noted.note(method, len(X), times, answers)
                    self._settled.setdefault(method, {})[len(X).bit_length()] = able.get(best)
            return noted

    def described(self) -> dict[str, str]:
        """Say who computes the methods that were called, or prepared.

        Returns
        -------
        dict
            Method to a text such as ``"numpy (1 to 63 rows)"``; methods that the model computes itself are left out.
        """
        told = {}
        for method, settled in self._settled.items():
            names: dict[str, list[int]] = {}
            for size, taken in sorted(settled.items()):
                if taken is not None:
                    names.setdefault(_title(taken.offer), []).append(size)
            if names:
                told[method] = ", ".join(f"{name} for {in_words(sizes)}" for name, sizes in names.items())
        return told

    # -- offers ------------------------------------------------------------------------------------------------------

    def _offers(self, method: str) -> list[Offer]:
        """The offers for a method."""
        if self._found is None:
            precision = "float64" if self._preparation is None else self._preparation.precision
            found: dict[str, list[Offer]] = {}
            for offer in self._find():
                if offer.precision in ("float64", precision):
                    for name in offer.methods:
                        found.setdefault(name, []).append(offer)
            self._found = found
        return self._found.get(method, [])

    def _take(self, offer: Offer, method: str) -> _Taken | None:
        """Make an evaluator, once; None where that fails: then the model computes as it did."""
        with self._lock:
            key = (offer.name, offer.precision, offer.methods)
            if key not in self._made:
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        self._made[key] = offer.make()
                except Exception:  # noqa: BLE001  whatever it is, the model itself is there
                    self._made[key] = None
            made = self._made[key]
        if made is None:
            return None
        dtypes = tuple(np.dtype(name) for name in offer.dtypes)
        return _Taken(offer, made[method], dtypes, offer.nan)


def _evaluate(taken: _Taken, X: npt.NDArray[Any]) -> Any:
    try:
        return taken.evaluate(X)
    except Exception:  # noqa: BLE001  an attribute that was taken away, no memory, ...: the model says it itself
        return None


def _title(offer: Offer) -> str:
    return offer.name if offer.precision == "float64" else f"{offer.name} in {offer.precision}"
