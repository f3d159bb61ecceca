"""Calls are timed in turns: what is counted, and what is not."""

import gc
import itertools
import time

import pytest

from accelsk import timing
from accelsk.errors import AccelskError
from accelsk.timing import Spread, compare


def test_every_call_is_timed_once_in_each_round_and_compared_with_the_first():
    found = compare({"one": lambda: time.sleep(0.004), "half": lambda: time.sleep(0.002)}, budget=0, repeats=4)
    assert found.repeats == len(found["one"].samples) == len(found["half"].samples) == 4
    assert found["one"].ratio == Spread(1, 1, 1, 1, 1)
    rounds = zip(found["one"].samples, found["half"].samples, strict=True)
    assert found["half"].ratio == Spread.of([one / half for one, half in rounds])
    assert found.best == "half"


def test_the_first_call_is_told_apart():
    """It imports an engine, or builds what the later ones use."""
    waits = iter([0.3])
    found = compare({"lazy": lambda: time.sleep(next(waits, 0.002))}, budget=0, repeats=3)
    assert found["lazy"].first >= 0.3 > found["lazy"].seconds.max


def test_a_short_call_is_repeated_until_the_clock_can_tell():
    calls = []
    found = compare({"short": lambda: calls.append(1)}, budget=0, repeats=3)
    assert found["short"].loops > 100
    assert found["short"].seconds.median * found["short"].loops > 1e-4
    assert len(calls) > 3 * found["short"].loops


def test_a_long_call_runs_once_per_round():
    calls = []

    def long():
        calls.append(1)
        time.sleep(0.012)

    assert compare({"long": long}, budget=0, repeats=3)["long"].loops == 1
    assert len(calls) == 1 + 3


def test_rounds_go_on_while_the_budget_lasts_and_no_further_than_told():
    short = {"short": lambda: time.sleep(0.011)}
    assert compare(short, budget=0.01, repeats=2).repeats == 2
    assert 3 < compare(short, budget=0.3, repeats=2).repeats < 28
    assert compare(short, budget=10, repeats=2, most=4).repeats == 4


def test_long_calls_may_have_fewer_rounds_and_no_warm_up():
    calls = []
    long = {"long": lambda: (calls.append(1), time.sleep(0.02))}
    assert compare(long, budget=0, repeats=5, limit=0.01).repeats == 1
    assert len(calls) == 2
    assert compare(long, budget=0, repeats=5, limit=0.01, warm_up=False).repeats == 1
    assert len(calls) == 3


class Machine:
    """A clock, and a thread that spins until a time."""

    def __init__(self, spins):
        self.now, self.spins = 1.0, spins

    def perf_counter(self):
        return self.now

    def process_time(self):
        return min(self.now, self.spins)

    def sleep(self, seconds):
        self.now += seconds

    def work(self, seconds):
        self.now += seconds
        self.spins += seconds


@pytest.mark.parametrize(
    "spins, begins",
    [(0.0, 0.001), (0.09, 0.091), (5.0, 0.2)],
    ids=["nobody spins", "threads of BLAS spin", "another thread computes"],
)
def test_a_call_waits_for_the_threads_of_the_one_before(monkeypatch, spins, begins):
    machine, calls = Machine(1 + spins), []
    monkeypatch.setattr(timing, "time", machine)

    timing._settle(lambda: calls.append(1), takes=0.02)
    assert (machine.now - 1, calls) == (pytest.approx(begins, abs=0.0011), [])

    def short():
        calls.append(machine.now - 1)
        machine.work(0.002)

    machine.now = 1.0
    timing._settle(short, takes=0.002)
    assert calls[0] == pytest.approx(begins, abs=0.0011)
    assert len(calls) == 5  # its caches are warm again


def test_the_rounds_begin_with_every_call_in_turn():
    begun = []
    calls = {name: lambda name=name: (begun.append(name), time.sleep(0.011)) for name in "abc"}
    compare(calls, budget=0, repeats=6)
    rounds = [begun[at : at + 3] for at in range(3, len(begun), 3)]
    assert [order[0] for order in rounds] == list("abcabc")
    assert all(sorted(order) == list("abc") for order in rounds)
    assert {"ab", "ba"} <= {"".join(pair) for order in rounds for pair in itertools.pairwise(order)}


def test_no_garbage_is_collected_while_a_call_is_timed():
    seen = []
    compare({"look": lambda: seen.append(gc.isenabled())}, budget=0, repeats=3)
    assert not any(seen[1:])
    assert gc.isenabled()


def test_a_call_that_fails_fails_and_leaves_the_collector_on():
    answers = iter([None])
    with pytest.raises(StopIteration):
        compare({"once": lambda: next(answers)})
    assert gc.isenabled()


def test_the_result_is_plain_data():
    told = compare({"it": lambda: None}, budget=0, repeats=3).to_dict()
    assert told["repeats"] == 3
    assert set(told["timed"]["it"]) == {"first", "loops", "seconds", "ratio", "samples"}
    assert set(told["timed"]["it"]["seconds"]) == {"median", "low", "high", "min", "max"}


@pytest.mark.parametrize("calls, repeats", [({}, 3), ({"it": int}, 0)])
def test_what_cannot_be_timed_is_refused(calls, repeats):
    with pytest.raises(AccelskError, match=r"no call to time|repeats=0 is not positive"):
        compare(calls, repeats=repeats)
