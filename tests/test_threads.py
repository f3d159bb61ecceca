"""Limits of threads hold while they are in force, in the thread that they are for, and leave nothing behind."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Lock

import pytest
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from accelsk.pools import loaded, set_number
from accelsk.threads import economical, in_force, limited, share, threads_for


def pools():
    return {info["filepath"]: info["num_threads"] for info in threadpool_info()}


def numbers(api):
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == api}


@pytest.fixture(autouse=True)
def _two_threads_before():
    """Whatever the environment says, so that there is something to take away; and nobody is in charge of OpenBLAS."""
    everything = [*loaded().blas, *loaded().openmp]
    before = [pool.get_num_threads() for pool in everything]
    for pool in everything:
        set_number(pool, 2)
    yield
    for pool, number in zip(everything, before, strict=True):
        set_number(pool, number)


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
            return numbers("blas")

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


# -- a call that is faster on fewer threads --


def test_a_call_gets_as_few_threads_as_it_is_faster_with():
    before = pools()
    with economical(1):
        assert (numbers("blas"), numbers("openmp")) == ({1}, {2})
    with economical(None, openmp=1):
        assert (numbers("blas"), numbers("openmp")) == ({2}, {1})
    with economical(1, openmp=1):
        assert set(pools().values()) == {1}
    with economical(None):
        assert pools() == before
    assert pools() == before


def test_a_limit_raises_no_number():
    with threadpool_limits(1):
        with economical(2, openmp=2):
            assert set(pools().values()) == {1}
        assert set(pools().values()) == {1}


def test_but_by_the_share_of_a_task_in_a_worker_that_was_started_with_fewer():
    with threadpool_limits(1):
        with limited(2):
            assert set(pools().values()) == {2}
        assert set(pools().values()) == {1}


def test_a_share_holds_in_such_a_call_and_such_a_call_within_a_share():
    with threadpool_limits(4):
        with limited(3), economical(2):
            assert numbers("blas") == {2}
        with economical(2), limited(3):
            assert numbers("blas") == {2}
            assert numbers("openmp") == {3}
        with limited(1), economical(2):
            assert numbers("blas") == {1}


def test_a_call_that_fails_gives_the_threads_back():
    before = pools()
    with pytest.raises(ZeroDivisionError), economical(1, openmp=1):
        1 / 0  # noqa: B018
    assert pools() == before


def test_the_smallest_of_several_calls_at_once_holds_and_the_last_gives_back():
    before, entered, first_out, second_out = pools(), Barrier(3), Event(), Event()

    def call(most, leave):
        with economical(most):
            entered.wait()
            leave.wait()

    with threadpool_limits(4), ThreadPoolExecutor(2) as executor:
        first = executor.submit(call, 1, first_out)
        second = executor.submit(call, 2, second_out)
        entered.wait()
        seen = [numbers("blas")]
        first_out.set()
        first.result()
        seen.append(numbers("blas"))
        second_out.set()
        second.result()
        seen.append(numbers("blas"))
    assert seen == [{1}, {2}, {4}]
    assert pools() == before


def test_what_threadpoolctl_puts_back_too_late_is_put_right():
    """As scikit-learn's k-means does inside a fit: it finds the number of another thread, and returns to it."""
    inside, other_ended = Event(), Event()

    def k_means():
        with economical(None):
            with threadpool_limits(1, user_api="blas"):
                inside.set()
                other_ended.wait()
            return numbers("blas")

    with ThreadPoolExecutor(1) as executor:
        with economical(1):
            fit = executor.submit(k_means)
            inside.wait()
        other_ended.set()
        put_back = fit.result()
    assert put_back == {1}  # else this test shows nothing
    assert numbers("blas") == {2}


def test_a_limit_of_the_user_outlives_the_calls_inside():
    inside, may_end = Event(), Event()

    def long_call():
        with economical(1):
            pass
        with economical(None):
            inside.set()
            may_end.wait()

    with ThreadPoolExecutor(1) as executor, threadpool_limits(3, user_api="blas"):
        other = executor.submit(long_call)
        inside.wait()
        with threadpool_limits(2, user_api="blas"):
            with economical(1):
                assert numbers("blas") == {1}
            assert numbers("blas") == {2}
        may_end.set()
        other.result()
        assert numbers("blas") == {3}


def test_many_threads_at_once_leave_the_numbers_from_before():
    # One thread limits by threadpoolctl at a time: of several at once it puts back what one has found of another.
    before, controller, one = pools(), ThreadpoolController(), Lock()

    def calls(seed):
        for number in range(60):
            if (number + seed) % 3:
                with economical(1 + number % 2):
                    assert numbers_of_blas() <= {1, 2}
            else:
                with one, economical(None), controller.limit(limits=1, user_api="blas"):
                    pass

    def numbers_of_blas():
        return {pool.get_num_threads() for pool in loaded().blas}

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(calls, range(8)))
    assert pools() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_leaves_the_block_that_it_was_forked_in():
    with economical(1):
        child = os.fork()
    if not child:
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
