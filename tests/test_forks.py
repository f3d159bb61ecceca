"""Forked processes are known, and drivers are refused in them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork here")

FORKS = """
import multiprocessing, os
from accelsk import forks
from accelsk.devices import Device

def told(label):
    refused = forks.broken_by_fork(Device("gpu", "cuda", 0)) is not None
    print(f"{label}:{forks.forked()}:{refused}", flush=True)

def child(label, process):
    started = process(target=told, args=(label,))
    started.start()
    started.join()

def os_fork(label):
    if not os.fork():
        told(label)
        os._exit(0)
    os.wait()

if __name__ == "__main__":
    told("main")
    for method in ("fork", "spawn", "forkserver"):
        child(method, multiprocessing.get_context(method).Process)
    os_fork("os.fork")
    multiprocessing.set_start_method("fork", force=True)
    child("plain-fork", multiprocessing.Process)
    multiprocessing.set_start_method("spawn", force=True)
    child("plain-spawn", multiprocessing.Process)
    forks.start(Device("gpu", "cuda", 0))
    told("main-started")
    os_fork("os.fork-started")
"""


@posix
def test_forked_children_are_known_and_refused(tmp_path):
    script = tmp_path / "forks.py"
    script.write_text(FORKS)
    done = subprocess.run([sys.executable, script], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "main:False:False",
        "fork:True:True",
        "spawn:False:False",
        "forkserver:False:False",
        "os.fork:False:False",
        "plain-fork:True:True",
        "plain-spawn:False:False",
        "main-started:False:False",
        "os.fork-started:False:True",
    ]
