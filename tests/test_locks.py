"""Locks that the processes of a user on this machine share, and that end with who has them."""

import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from accelsk import locks
from accelsk.locks import Lock, held

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """A folder of the test's own."""
    monkeypatch.setattr(locks.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    locks.folder.cache_clear()
    yield
    locks.folder.cache_clear()


@pytest.fixture
def other():
    """Start another process, which runs some code and waits; what it prints comes back."""
    started = []

    def start(code):
        code = "from accelsk.locks import Lock, held\n" + textwrap.dedent(code) + "\nimport time; time.sleep(100)"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, process.stdout.readline().split()

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_one_has_it_at_a_time_and_it_can_be_freed():
    one, two = Lock("mine"), Lock("mine")
    assert one.take()
    assert (two.take(), one.taken, two.taken) == (False, True, False)
    assert Lock("another").take()
    one.free()
    one.free()  # nothing happens
    assert two.take()


def test_threads_are_told_apart():
    lock, seen = Lock("mine"), []
    assert lock.take()
    thread = threading.Thread(target=lambda: seen.append(Lock("mine").take()))
    thread.start()
    thread.join()
    assert seen == [False]


def test_it_ends_with_the_last_who_refers_to_it():
    lock = Lock("mine")
    assert lock.take()
    del lock
    assert Lock("mine").take()


def test_who_waits_gets_it():
    lock, seen = Lock("mine"), []
    assert lock.take()

    def waiting():
        seen.append(Lock("mine").take(wait=True))

    thread = threading.Thread(target=waiting)
    thread.start()
    time.sleep(0.1)
    assert not seen
    lock.free()
    thread.join(20)
    assert seen == [True]


def test_those_that_are_held_are_counted():
    there = [Lock(f"group one: {number}") for number in range(3)]
    assert all(lock.take() for lock in there)
    assert Lock("group two: 0").take()
    assert (held("group one: "), held("group"), held("none")) == (3, 3, 0)  # that of group two ended at once
    there.pop()
    assert held("group one: ") == 2


def test_a_process_that_is_killed_frees_it(other):
    process, said = other("lock = Lock('mine'); print(lock.take(), flush=True)")
    assert said == ["True"]
    assert not Lock("mine").take()
    process.kill()
    process.wait()
    assert Lock("mine").take()


@posix
def test_a_forked_child_has_none_and_keeps_none(other):
    process, said = other(
        """
        import os, time
        lock = Lock("mine")
        assert lock.take()
        child = os.fork()
        if not child:
            assert not lock.taken and not Lock("mine").take()
            print("child", os.getpid(), flush=True)
            time.sleep(100)
        """
    )
    process.kill()
    process.wait()
    assert said[0] == "child"
    try:
        assert Lock("mine").take()  # though the child lives on
    finally:
        os.kill(int(said[1]), 9)


def test_names_need_not_be_file_names(tmp_path):
    lock = Lock("cuda:0/../../x *")
    assert lock.take()
    (folder,) = tmp_path.iterdir()
    assert [path.parent for path in tmp_path.rglob("cuda*")] == [folder]


@posix
def test_a_folder_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    there = locks.folder()
    locks.folder.cache_clear()
    there.rmdir()
    there.symlink_to(tmp_path)
    with pytest.raises(OSError, match="accelsk-"):
        locks.folder()
