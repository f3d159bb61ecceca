"""Which of several calls takes how long: they take turns in one process, so that a slow spell hits all alike."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from accelsk.errors import AccelskError

__all__ = ["Comparison", "Spread", "Timed", "compare"]

#: A sample lasts at least so many seconds; a shorter call is repeated within it.
_SAMPLE = 1e-3

#: Threads of OpenMP and BLAS spin after their work, for some milliseconds or up to a tenth of a second, and make what
#: another library computes on the same cores up to ten times as slow: before a sample they are waited for, no longer
#: than so many seconds. They sleep when the process uses less than half a core during a glance.
_PATIENCE = 0.2
_GLANCE = 1e-3

#: Then a call that is shorter than so many seconds is repeated untimed for so long: caches went cold meanwhile.
_SETTLE = 1e-2

#: Garbage is collected between samples, when they have taken so many seconds since the last time: a collection takes
#: some 50 ms where scikit-learn is loaded.
_COLLECT_AFTER = 0.5


@dataclass(frozen=True)
class Spread:
    """Where the middle of some numbers is, and how far they lie apart.

    Parameters
    ----------
    median : float
        The middle one.
    low, high : float
        The first and the third quartile.
    min, max : float
        The ends.

    Examples
    --------
    >>> Spread.of([1.0, 2.0, 3.0, 4.0, 100.0])
    Spread(median=3.0, low=2.0, high=4.0, min=1.0, max=100.0)
    """

    median: float
    low: float
    high: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Describe some numbers.

        Parameters
        ----------
        values : sequence of float
            At least one.

        Returns
        -------
        Spread
            Of these.
        """
        low, median, high = (
            statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3
        )
        return cls(median, low, high, min(values), max(values))


@dataclass(frozen=True)
class Timed:
    """What was measured of one call.

    Parameters
    ----------
    first : float
        Seconds of the first call, which loads libraries and fills caches; after a warm-up it counts nowhere else.
    loops : int
        How often it was called in each sample; the seconds are those of one call.
    seconds : Spread
        Of one call.
    ratio : Spread
        How many times as fast as the first-named call it was, in the same round: above one is faster.
    samples : tuple of float
        The seconds of each round.
    """

    first: float
    loops: int
    seconds: Spread
    ratio: Spread
    samples: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """Several calls, timed in turns.

    Parameters
    ----------
    repeats : int
        The number of rounds: in each, every call was timed once.
    timed : mapping of str to Timed
        By name, in the order given; the first is what the others are compared with.
    """

    repeats: int
    timed: Mapping[str, Timed]

    def __getitem__(self, name: str) -> Timed:
        return self.timed[name]

    @property
    def best(self) -> str:
        """The name of the call with the smallest median."""
        return min(self.timed, key=lambda name: self.timed[name].seconds.median)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data.

        Returns
        -------
        dict
            Nested; for JSON.
        """
        return asdict(self)


def compare(
    calls: Mapping[str, Callable[[], Any]],
    *,
    budget: float = 2.0,
    repeats: int = 5,
    most: int = 50,
    limit: float = math.inf,
    warm_up: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Time several calls against each other.

    Each is called once apart: that one loads libraries. Then come rounds in which each is timed once, every round
    beginning with another one, and every call only when the threads of the one that came before it have gone to sleep.
    A short call is repeated until it has taken a millisecond, and runs untimed before. Python collects no garbage
    meanwhile.

    Parameters
    ----------
    calls : mapping of str to callable
        By name; the ratios are to the first.
    budget : float, default=2.0
        Seconds for the rounds: when another one would take longer, it is not begun.
    repeats : int, default=5
        But at least so many rounds are made, however long they take.
    most : int, default=50
        And at most so many.
    limit : float, default=inf
        Seconds for the rounds that count more than `repeats`: when they are over, one round is enough.
    warm_up : bool, default=True
        Whether each is called once apart. Long calls whose libraries are loaded and busy do without.
    clock : callable, default=time.perf_counter
        Seconds; ``time.process_time`` counts those of the processor, on a machine that others use, too.

    Returns
    -------
    Comparison
        Median and spread of the seconds of each, and of the ratios to the first within the same round.

    Examples
    --------
    >>> found = compare({"short": lambda: sum(range(100)), "long": lambda: sum(range(10_000))}, budget=0.1)
    >>> found.best
    'short'
    >>> found["long"].ratio.median < 0.5
    True
    """
    if not calls:
        raise AccelskError("there is no call to time.", hint="give a mapping of names to callables.", calls=calls)
    if repeats < 1:
        raise AccelskError(f"repeats={repeats!r} is not positive.", hint="3 or more show a spread.", repeats=repeats)
    first = {name: _sample(call, 1, clock) for name, call in calls.items()} if warm_up else {}
    loops = dict.fromkeys(calls, 1)
    samples: dict[str, list[float]] = {name: [] for name in calls}
    collecting = gc.isenabled()
    gc.disable()
    try:
        started = collected = time.perf_counter()
        longest = 0.0
        for done in range(max(most, repeats)):
            begun = time.perf_counter()
            if done and begun - started + longest > (budget if done >= repeats else limit):
                break
            for name in _rotated(list(calls), done):
                if done == 0:
                    samples[name].append(_ranged(calls[name], loops, name, clock))
                else:
                    _settle(calls[name], samples[name][0])
                    samples[name].append(_sample(calls[name], loops[name], clock) / loops[name])
                if time.perf_counter() - collected > _COLLECT_AFTER:
                    gc.collect()
                    collected = time.perf_counter()
            longest = max(longest, time.perf_counter() - begun)
    finally:
        if collecting:
            gc.enable()
    base = samples[next(iter(calls))]
    timed = {
        name: Timed(
            first.get(name, taken[0]),
            loops[name],
            Spread.of(taken),
            Spread.of([theirs / max(ours, 1e-9) for theirs, ours in zip(base, taken, strict=True)]),
            tuple(taken),
        )
        for name, taken in samples.items()
    }
    return Comparison(len(base), timed)


def _rotated(names: list[str], by: int) -> list[str]:
    """Every call is as often the first; and from one cycle to the next it comes after another one."""
    cycle, start = divmod(by, len(names))
    turned = names[start:] + names[:start]
    return turned[:1] + turned[:0:-1] if cycle % 2 else turned


def _ranged(call: Callable[[], Any], loops: dict[str, int], name: str, clock: Callable[[], float]) -> float:
    """Take the first sample, and find how often the call is to be repeated in each."""
    while (took := _sample(call, loops[name], clock)) < _SAMPLE and loops[name] < 100_000:
        loops[name] = max(2 * loops[name], int(1.2 * loops[name] * _SAMPLE / max(took, 1e-6)))
    return took / loops[name]


def _settle(call: Callable[[], Any], takes: float) -> None:
    end = time.perf_counter() + _PATIENCE
    busy = True
    while busy and (begun := time.perf_counter()) < end:
        used = time.process_time()
        time.sleep(_GLANCE)
        busy = time.process_time() - used > (time.perf_counter() - begun) / 2
    if takes > _SETTLE:
        return
    end = time.perf_counter() + _SETTLE
    while time.perf_counter() < end:
        call()


def _sample(call: Callable[[], Any], loops: int, clock: Callable[[], float]) -> float:
    again = range(loops)
    start = clock()
    for _ in again:
        call()
    return clock() - start
