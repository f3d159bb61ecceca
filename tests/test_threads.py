"""A share of the cores holds while it is in force, in the thread that it is for, and leaves nothing behind."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from accelsk.threads import in_force, limited, share, threads_for


def pools():
    return {info["filepath"]: info["num_threads"] for info in threadpool_info()}


@pytest.fixture(autouse=True)
def _two_threads_before():
    with threadpool_limits(2):  # whatever the environment says, so that there is something to take away
        yield


def test_pools_are_held_to_the_share_and_given_back():
    before = pools()
    assert 2 in before.values()
    with limited(1):
        assert set(pools().values()) == {1}
    assert pools() == before


def test_a_share_within_a_smaller_one_is_the_smaller():
    with limited(1), limited(4):
        assert share() == 1
        assert set(pools().values()) == {1}


def test_shares_that_overlap_in_threads_leave_the_number_from_before():
    before, entered, left = pools(), Barrier(2), Barrier(2)

    def first():
        with limited(1):
            entered.wait()
        left.wait()

    def second():
        with limited(1):
            entered.wait()
            left.wait()  # the first one has ended, and this one is still in force
            return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}

    with ThreadPoolExecutor(2) as executor:
        _, seen = executor.submit(first), executor.submit(second)
        assert seen.result() == {1}
    assert pools() == before


def test_without_a_share_nothing_is_held():
    before = pools()
    with in_force():
        assert pools() == before
    assert share() is None


def test_an_estimator_gets_at_most_the_share(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert [threads_for(n) for n in (None, 0, 1, 8, -1)] == [None, 0, 1, 8, -1]
    with limited(3):
        assert [threads_for(n) for n in (None, 0, 1, 8, -1)] == [3, 3, 1, 3, 1]
