"""How many threads of a process run at once, as the kernel tells it to another process that looks on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

#: Without this there is no way to see it.
VISIBLE = Path("/proc/self/schedstat").is_file()

_PROGRAM = """
import json, os, select, sys
threads = f"/proc/{sys.argv[1]}/task"

def look(used):
    running = []
    for thread in os.listdir(threads):
        try:
            with open(f"{threads}/{thread}/stat") as stat, open(f"{threads}/{thread}/schedstat") as schedstat:
                used[thread] = int(schedstat.read().split()[0])
                if stat.read().rpartition(")")[2].split()[0] == "R":
                    running.append(thread)
        except OSError:  # it has ended
            pass
    return running

while sys.stdin.readline():
    used, looks = {}, []
    look(used)
    before = dict(used)
    print("looking", flush=True)
    while not select.select([sys.stdin], [], [], 0.0005)[0]:
        looks.append(look(used))
    sys.stdin.readline()
    for thread in used:
        used[thread] -= before.get(thread, 0)
    # Threads that wake up, see that there is nothing to do, and sleep again, do not compute.
    enough = max(2e6, 0.03 * max(used.values()))
    print(json.dumps([sum(used[thread] > enough for thread in running) for running in looks]), flush=True)
"""


class Running:
    """What was seen."""

    looks: list[int]

    @property
    def ever(self) -> int:
        """The largest number that ran at once, or waited for a core."""
        return self._in(2)

    @property
    def most(self) -> int:
        """The same, for no less than an eighth of the time: who has handed work on to another is awake for a moment."""
        return self._in(max(4, len(self.looks) / 8))

    def _in(self, enough):
        return max((n for n in range(1, 65) if sum(seen >= n for seen in self.looks) >= enough), default=0)


class Onlooker:
    """A process that looks at the threads of this one."""

    def __init__(self):
        command = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(os.getpid())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.communicate()

    def _ask(self):
        self._process.stdin.write("\n")
        return self._process.stdout.readline()

    @contextmanager
    def watching(self):
        """Look for a block.

        Yields
        ------
        Running
            Complete after the block.
        """
        self._ask()
        running = Running()
        try:
            yield running
        finally:
            running.looks = json.loads(self._ask())
