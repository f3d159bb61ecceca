"""Numbers of threads that belong to the process, such as those of BLAS: who holds them to how many.

Several threads of Python may hold a number at once: the smallest holds, and the number from before comes back with the
end of the last one. A limit raises no number: who has set a smaller one from outside has said what is the most. Only
the share of a task may be more, such as `inner_n_jobs` in a worker that was started with one thread.

threadpoolctl, which scikit-learn uses inside k-means and nearest neighbours, keeps no such account: it puts back what
it has found. If that was found while another thread held the number, it is wrong, and comes after the right one. So
calls that hold nothing are counted as well (`Numbers.come`), and with the last of them the numbers are looked after
once more.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from threadpoolctl import ThreadpoolController

__all__ = ["NUMBERS", "Loaded", "Numbers", "Pool", "loaded", "set_number"]


class Pool(Protocol):
    """A number of threads that belongs to the process, as the controllers of threadpoolctl have it."""

    @property
    def filepath(self) -> str:
        """What tells it from others: the path of its library."""

    def get_num_threads(self) -> int | None:
        """Return the number.

        Returns
        -------
        int or None
            Whatever `set_num_threads` takes.
        """

    def set_num_threads(self, num_threads: int | None) -> Any:
        """Set the number.

        Parameters
        ----------
        num_threads : int or None
            A positive one, or what `get_num_threads` has returned.
        """


@dataclass(frozen=True)
class Loaded:
    """The pools of the libraries that are loaded.

    Parameters
    ----------
    blas : sequence of Pool
        Whose number belongs to the process.
    openmp : sequence of Pool
        Whose number belongs to the thread that sets it: OpenMP, and a BLAS that is built on it.
    """

    blas: Sequence[Pool]
    openmp: Sequence[Pool]


def loaded() -> Loaded:
    """Return the pools of BLAS and of OpenMP: looked for again once Python has loaded more modules.

    Returns
    -------
    Loaded
        Those that there are.

    Examples
    --------
    >>> import numpy
    >>> [pool.get_num_threads() > 0 for pool in loaded().blas][:1]
    [True]
    """
    modules = len(sys.modules)
    found, of = _looked.get("pools", (None, -1))
    if found is None or of != modules:
        controllers = ThreadpoolController().lib_controllers
        openmp = [each for each in controllers if "openmp" in (each.user_api, getattr(each, "threading_layer", ""))]
        found = Loaded([each for each in controllers if each not in openmp], openmp)
        _looked["pools"] = found, modules
    return found


_looked: dict[str, tuple[Loaded | None, int]] = {}


def set_number(pool: Pool, number: int | None) -> None:
    """Set a number whatever threads others have set it from.

    Parameters
    ----------
    pool : Pool
        Whose.
    number : int or None
        The number.
    """
    # Since its version 3.8 threadpoolctl lets one thread set the number of OpenBLAS and ignores all others: it
    # keeps no account of who still needs a limit. Here is one, so whoever comes last may set it.
    getattr(pool, "_real_set_num_threads", pool.set_num_threads)(number)


class _Held:
    """A pool, the number before it was held, the one that was set last, and what others may have found meanwhile."""

    __slots__ = ("before", "limits", "now", "outside", "pool", "shares", "shown")

    def __init__(self, pool: Pool, outside: dict[str, int | None]) -> None:
        self.pool = pool
        self.outside = outside  # the numbers that were last found where nobody limited or held a pool
        number, controlled = self.found()
        self.before = self.now = number
        if not controlled:  # else it is the number of a limit, which may end at any time
            outside[pool.filepath] = number
        self.limits: list[int] = []
        self.shares: list[int] = []
        self.shown: set[int | None] = set()

    def found(self) -> tuple[int | None, bool]:
        """The number, and whether it may be that of a limit of somebody else, which begins or ends just now."""
        controlled = _controlled()
        return self.pool.get_num_threads(), controlled or _controlled()

    def set(self, number: int | None) -> None:
        if number != self.now:
            set_number(self.pool, number)
            self.now = number

    def bounded(self) -> int | None:
        limit = min(self.limits)
        if self.shares:
            return limit  # what a task was given comes before what its process had
        # Neither None nor what is not positive is a number: the library decides.
        return limit if self.before is None or self.before < 1 else min(limit, self.before)

    def leave(self) -> None:
        """Set the number from before, unless a limit of somebody else has begun or ended while the pool was held."""
        number = self.pool.get_num_threads()
        if number == self.now:
            self.set(self.before)
        else:
            self.now = number

    def look(self) -> None:
        """Find the number outside again: nobody holds the pool."""
        number, controlled = self.found()
        if controlled or number not in self.shown:
            self.before = self.now = number
            if not controlled:
                self.outside[self.pool.filepath] = number
            return
        outside = self.outside.get(self.pool.filepath, number)
        if number != outside:
            set_number(self.pool, outside)  # put back by who had found it while it was held
        self.before = self.now = outside


def _controlled() -> bool:
    """Whether somebody limits OpenBLAS by threadpoolctl right now; older versions of it do not say, and may."""
    from threadpoolctl import OpenBLASController

    state = getattr(OpenBLASController, "_SHARED_STATE", None)
    thread = getattr(state, "controlling_thread", None)
    return state is None or (thread is not None and thread.is_alive())


class Numbers:
    """The numbers of threads that belong to the process."""

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):  # not on Windows
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        """Forget the holders: in a forked child there is none, and nobody would release the lock."""
        self._lock = threading.Lock()
        self._process = object()
        self._holders = 0
        self._guests: list[None] = []  # appending and popping need no lock
        self._held: dict[str, _Held] = {}
        self._outside: dict[str, int | None] = {}

    def come(self) -> None:
        """Count a call that holds nothing, and may find what others hold."""
        self._guests.append(None)
        if self._held:
            with self._lock:
                self._show()

    def go(self) -> None:
        """Count it no longer."""
        if self._guests:  # else this is a fork of the process that it came to
            self._guests.pop()
        if self._held and not self._guests:
            with self._lock:
                self._settle()

    def _show(self) -> None:
        for held in self._held.values():
            held.shown.add(held.now)

    def _settle(self) -> None:
        """Put right what others have put back, once there is nobody left who may."""
        if not self._holders and not self._guests:
            for held in self._held.values():
                if held.shown:
                    held.look()
            self._held.clear()

    def hold(self, pools: Sequence[Pool], limit: int, *, share: bool = False) -> object:
        """Hold pools to a number from now on.

        Parameters
        ----------
        pools : sequence of Pool
            Which.
        limit : int
            The most threads.
        share : bool, default=False
            Whether it is the number that a task was given, which may be more than there was.

        Returns
        -------
        object
            For `release`.
        """
        with self._lock:
            self._holders += 1
            if self._holders > 1:
                self._show()
            for pool in pools:
                known = self._held.get(pool.filepath)
                if known is None:
                    known = self._held[pool.filepath] = _Held(pool, self._outside)
                elif not known.limits:
                    known.look()
                known.limits.append(limit)
                if share:
                    known.shares.append(limit)
                known.set(known.bounded())
            if self._holders > 1 or self._guests:
                self._show()
            return self._process

    def release(self, process: object, pools: Sequence[Pool], limit: int, *, share: bool = False) -> None:
        """Hold them no longer.

        Parameters
        ----------
        process : object
            From `hold`.
        pools, limit, share : sequence of Pool, int, bool
            As they were given to `hold`.
        """
        with self._lock:
            if process is not self._process:
                return  # this is a fork of the process that held them
            self._holders -= 1
            for pool in pools:
                held = self._held[pool.filepath]
                held.limits.remove(limit)
                if share:
                    held.shares.remove(limit)
                if held.limits:
                    held.set(held.bounded())
                else:
                    held.leave()
            self._settle()


NUMBERS = Numbers()
