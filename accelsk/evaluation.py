"""Which evaluator computes a method of a fitted model, for how many rows: offered, made, measured, and then fixed."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse

from accelsk.batches import is_finite, length, returns_arrays
from accelsk.evaluators.spec import Evaluate, Offer, Precision
from accelsk.preparation import Preparation
from accelsk.threads import share
from accelsk.ways import Taken, Trial, Way, described

__all__ = ["Evaluation"]

#: The share of the model's own time that an evaluator must save.
_GAIN = 0.1

#: How many calls of an evaluator are timed before it stays; of the model, before it does for want of offers.
_TRIALS = 3

#: The share of the model's time below which an evaluator is faster, whatever disturbed the calls that were timed.
_CLEARLY = 0.5

#: How many calls of the model by its shortcut are neither timed nor compared with the offers, after each that was.
_SELDOM = 15

#: An offer whose gain turns out to be smaller is waited for again, unless it is by no more than this factor.
_AGAIN = 1.5

#: How often an evaluator may return None before it is asked no more.
_REFUSALS = 8

_TRANSFORMING = ("transform", "inverse_transform")
_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


class Evaluation:
    """How the methods of one fitted model are computed.

    Batch sizes are treated alike from a power of two to the next. What costs nothing to make is taken at once. Apart
    from that the model computes itself at first, and is timed; an offer is taken once it would have saved the time that
    it takes to make; what it takes is timed at its first calls, and where it is no gain the model computes again. So it
    goes on with offers that take longer to make than the one that computes.

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
    shortcut : callable, default=None
        Returns the model's own method of a name for arrays that nobody has validated; None where it has none.
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
        shortcut: Callable[[str], Evaluate | None] = lambda method: None,
    ) -> None:
        self._n_features = n_features
        self._find = find
        self._output = output
        self._named = named
        self._preparation = preparation
        self._patience = patience
        self._shortcut = shortcut
        self._shortcuts: dict[str, Way | None] = {}
        self._found: dict[str, list[Offer]] | None = None
        self._made: dict[tuple[str, str, tuple[str, ...]], Mapping[str, Evaluate] | None] = {}
        self._trials: dict[tuple[str, int], Trial] = {}
        #: What is settled: per method, by the bit length of the number of rows; None for the model itself.
        self._settled: dict[str, dict[int, Taken | None]] = {}
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
            The result; None where the long way is to be taken: it is not settled who computes such a batch, and the
            model has no shortcut, or X is anything but a C-contiguous, finite array of the right width.
        """
        settled = self._settled.get(method)
        if settled is None or type(X) is not np.ndarray or X.ndim != 2 or self._named or share() is not None:
            return None
        size = len(X).bit_length()
        way: Way | None = settled.get(size)
        if way is None:
            way = self._shortcuts.get(method)
        else:
            way.left -= 1
            if way.left < 0:
                return None  # another may pay by now
        if way is None or not self._suits(way, method, X):
            return None
        if size not in settled:
            if self._waiting:
                return self._patiently(partial(way.answer, X))
            trial = self._trials.get((method, size))
            if trial is None or trial.taken is not None:
                return None  # the offers are to be looked at, or one of them is to be timed
            if trial.calls < _TRIALS or trial.unseen >= _SELDOM:
                return self._timed(way, method, X, trial)
            trial.unseen += 1
        try:
            return way.evaluate(X)  # here rather than by `Way.answer`: a call more is noticed
        except Exception:  # noqa: BLE001  the model itself says what it is
            return None

    def answers(self, method: str, n_rows: int) -> bool:
        """Say whether it was settled who computes a batch of a size at once: an evaluator, or the model by a shortcut.

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
        settled, size = self._settled.get(method, {}), n_rows.bit_length()
        return settled.get(size) is not None or (size in settled and self._shortcuts.get(method) is not None)

    def offered(self, method: str) -> bool:
        """Say whether something else than the model may compute a method.

        Parameters
        ----------
        method : str
            A method of the model.

        Returns
        -------
        bool
            False as long as the offers are not to be asked for.
        """
        return not self._waiting and bool(self._offers(method))

    @property
    def _waiting(self) -> bool:
        """Whether it is too early to ask for offers."""
        return self._patience > 0 and self._preparation is None

    def _patiently(self, compute: Callable[[], Any]) -> Any:
        """The result of the model itself, until it has computed for long enough."""
        start = time.perf_counter()
        result = compute()
        self._patience -= time.perf_counter() - start
        return result

    def _timed(self, way: Way, method: str, X: npt.NDArray[Any], trial: Trial) -> Any:
        """The result of the model itself by its shortcut, and whether an offer pays by now."""
        start = time.perf_counter()
        result = way.answer(X)
        if result is not None:
            self._consider(method, len(X).bit_length(), len(X), trial, time.perf_counter() - start)
        return result

    def _suits(self, taken: Way, method: str, X: npt.NDArray[Any]) -> bool:
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
        own = self._way(method)
        if self._waiting:
            if own is not None:
                self._settled.setdefault(method, {})  # so that the next call need not come here
            return self._patiently(native)
        offers, settled = self._offers(method), self._settled.setdefault(method, {})
        if not offers and own is None:
            return native()
        X = args[0]
        n_rows = length(X)
        if not n_rows:
            return native()
        size = n_rows.bit_length()
        if not offers:
            settled[size] = None
        if size in settled:
            taken = settled[size]
            if taken is not None and taken.left < 0:
                self._reconsider(method, size, n_rows, X, taken)
            result = None if taken is None else self._evaluated(taken, method, X)
            if taken is not None and taken.refusals > _REFUSALS:
                settled[size] = None
            return native() if result is None else result
        return self._tried(method, size, n_rows, X, native)

    def _evaluated(self, taken: Taken, method: str, X: Any) -> Any:
        """The result of an evaluator; None where it is not for these data."""
        if type(X) is not np.ndarray or X.ndim != 2 or self._named or not self._suits(taken, method, X):
            check = taken.offer.check
            if check is None or issparse(X) or (method in _TRANSFORMING and not returns_arrays(self._output())):
                return None
            X = check(X)
            if type(X) is not np.ndarray or X.ndim != 2 or not self._suits(taken, method, X):
                return None
        result = taken.answer(X)
        if result is None:
            taken.refusals += 1
        return result

    def _tried(self, method: str, size: int, n_rows: int, X: Any, native: Callable[[], Any]) -> Any:
        trial = self._trials.setdefault((method, size), Trial())
        if trial.taken is None and not trial.calls:
            known, first = self._prepared(method, size)
            if not known:
                first = self._free(method, n_rows)
            if known or first is not None:
                self._settled[method][size] = first
                start = time.perf_counter()
                result = None if first is None else self._evaluated(first, method, X)
                if first is not None and not known:
                    first.wait(self._dearer(method, n_rows, first, time.perf_counter() - start, trial)[0])
                return native() if result is None else result
        start = time.perf_counter()
        taken = trial.taken
        enough = trial.tried >= _TRIALS  # and the model was not timed often enough
        result = None if taken is None or enough else self._evaluated(taken, method, X)
        if result is not None:
            trial.best = min(trial.best, time.perf_counter() - start)
            trial.tried += 1
        done = trial.tried >= _TRIALS and not enough and not self._is_close(trial)
        if taken is not None and (done or taken.refusals > _REFUSALS):
            self._judge(method, size, n_rows, trial)
        if result is not None:
            return result
        start = time.perf_counter()
        result = self._itself(method, X, native)
        took = time.perf_counter() - start
        if taken is None:
            self._consider(method, size, n_rows, trial, took)
        elif enough:
            trial.native = min(trial.native, took)
            trial.calls += 1
            if not self._is_close(trial):
                self._judge(method, size, n_rows, trial)
        return result

    @staticmethod
    def _is_close(trial: Trial) -> bool:
        """Whether an evaluator wins by so little that the few calls of the model may have been slow ones."""
        few = trial.before is None and trial.calls < _TRIALS
        return few and _CLEARLY * trial.native < trial.best < (1 - _GAIN / 2) * trial.native

    def _way(self, method: str) -> Way | None:
        """The shortcut of a method."""
        if method not in self._shortcuts:
            function = self._shortcut(method)
            self._shortcuts[method] = None if function is None else Way(function, _FLOATS, True)
        return self._shortcuts[method]

    def _itself(self, method: str, X: Any, native: Callable[[], Any]) -> Any:
        """The result of the model itself, by its shortcut where that may be: what an offer is compared with."""
        way = self._way(method)
        if way is None or type(X) is not np.ndarray or X.ndim != 2 or self._named or share() is not None:
            return native()
        result = way.answer(X) if self._suits(way, method, X) else None
        return native() if result is None else result

    def _prepared(self, method: str, size: int) -> tuple[bool, Taken | None]:
        """Whether `prepare` has settled this, and for what: an evaluator that cannot be made here is as none."""
        names = {} if self._preparation is None else self._preparation.chosen.get(method, {})
        if size not in names:
            return False, None
        offer = next((each for each in self._offers(method) if each.name == names[size]), None)
        return True, None if offer is None else self._take(offer, method)

    def _free(self, method: str, n_rows: int) -> Taken | None:
        """The best of the offers that cost nothing to make."""
        offers = [
            offer for offer in self._offers(method) if not offer.build and isfinite(offer.seconds(method, n_rows))
        ]
        for offer in sorted(offers, key=lambda each: each.seconds(method, n_rows)):
            taken = self._take(offer, method)
            if taken is not None:
                return taken
        return None

    def _consider(self, method: str, size: int, n_rows: int, trial: Trial, took: float) -> None:
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
                    trial.saved[offer.name] = trial.saved.get(offer.name, 0.0) + gain * (1 + trial.unseen)
                    promising.append(offer)
            trial.unseen = 0
            if not promising and trial.calls >= _TRIALS:
                self._settled[method][size] = None
            for offer in sorted(promising, key=lambda each: each.seconds(method, n_rows)):
                if trial.saved[offer.name] >= offer.build:
                    trial.taken = self._take(offer, method)
                    if trial.taken is not None:
                        return
                    trial.refused.add(offer.name)

    def _judge(self, method: str, size: int, n_rows: int, trial: Trial) -> None:
        """After some calls of an evaluator: whether it stays."""
        with self._lock:
            taken = trial.taken
            if taken is None:
                return
            if trial.best < (1 - _GAIN / 2) * trial.native:
                self._settled[method][size] = taken
                taken.wait(self._dearer(method, n_rows, taken, trial.best, trial)[0])
                return
            trial.refused.add(taken.offer.name)
            trial.taken, trial.tried, trial.best = None, 0, float("inf")
            if trial.before is not None:
                self._settled[method][size] = trial.before
                trial.before = None

    def _dearer(self, method: str, n_rows: int, taken: Taken, took: float, trial: Trial) -> tuple[float, Offer | None]:
        """After how many calls an offer pays that takes longer to make than the one that computes; and which."""
        least: tuple[float, Offer | None] = float("inf"), None
        for offer in self._offers(method):
            gain = took - offer.seconds(method, n_rows)
            if offer.build > taken.offer.build and offer.name not in trial.refused and gain > _GAIN * took:
                least = min(least, (offer.build / gain, offer), key=lambda each: each[0])
        return least

    def _reconsider(self, method: str, size: int, n_rows: int, X: Any, taken: Taken) -> None:
        """After as many calls of an evaluator as would have paid for a dearer one: time it again, and try that."""
        took = float("inf")
        for _ in range(_TRIALS):
            start = time.perf_counter()
            if self._evaluated(taken, method, X) is None:
                return  # the next call will do
            took = min(took, time.perf_counter() - start)
        with self._lock:
            trial = self._trials.setdefault((method, size), Trial())
            if self._settled[method].get(size) is not taken:
                return  # another thread was here
            calls, offer = self._dearer(method, n_rows, taken, took, trial)
            if offer is None or calls > _AGAIN * taken.waits:
                taken.wait(calls)  # a call that was timed before had been a slow one
                return
            better = self._take(offer, method)
            if better is None:
                trial.refused.add(offer.name)
                taken.wait(self._dearer(method, n_rows, taken, took, trial)[0])
                return
            taken.wait(float("inf"))
            trial.taken, trial.before, trial.native = better, taken, took
            trial.tried, trial.best = 0, float("inf")
            del self._settled[method][size]

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
                    calls = {name: partial(each.evaluate, X) for name, each in able.items()}
                    calls[""] = partial(self._itself, method, X, partial(native, X))
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
        return described(self._settled)

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

    def _take(self, offer: Offer, method: str) -> Taken | None:
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
        return Taken(made[method], dtypes, offer.nan, offer=offer)
