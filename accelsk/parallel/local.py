"""The backends of joblib itself, on the cores of this machine."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from joblib._parallel_backends import LokyBackend, MultiprocessingBackend, ThreadingBackend

from accelsk.errors import WorkerDied
from accelsk.parallel.tasks import Sharing

__all__ = ["Loky", "Multiprocessing", "Threading"]


class Loky(Sharing, LokyBackend):
    """Processes that are reused; joblib's default."""

    def retrieve_result_callback(self, out: Any) -> Any:
        # Return the result of a batch, or raise its error; joblib calls it.
        try:
            return super().retrieve_result_callback(out)
        except BrokenProcessPool as error:
            raise died(None, "loky") from error


class Threading(Sharing, ThreadingBackend):
    """Threads of this process."""


@dataclass(frozen=True, slots=True)
class _Lost:
    """What a task returns whose worker has ended."""

    error: WorkerDied


class Multiprocessing(Sharing, MultiprocessingBackend):
    """Processes of a `multiprocessing.Pool`: forked, where that is the way in which this platform starts processes.

    A forked process gets one thread, unless more are asked for: OpenMP (GNU's) hangs in a child of a process in which
    it has used several. And the pool is watched: it replaces a worker that was killed, and waits for its task for ever.
    """

    _pool: Any
    _watch: _Watch | None = None
    _forks = True

    def configure(self, n_jobs: int = 1, parallel: Any = None, **kwargs: Any) -> int:
        # Make the pool; joblib calls it.
        context = kwargs.get("context")
        self._forks = context is None or context.get_start_method() == "fork"
        workers: int = super().configure(n_jobs, parallel, **kwargs)
        self._watch = _Watch(self._pool)
        return workers

    def _share_of(self, workers: int) -> int:
        return 1 if self._forks else super()._share_of(workers)

    def submit(self, func: Any, callback: Any = None) -> Any:
        # Hand a batch of tasks to a worker; joblib calls it.
        return super().submit(func, self._watched(callback))

    def apply_async(self, func: Any, callback: Any = None) -> Any:
        # Do the same for joblib before its version 1.5.
        return super().apply_async(func, self._watched(callback))

    def _watched(self, callback: Any) -> Any:
        return callback if self._watch is None or callback is None else self._watch.told(callback)

    def retrieve_result_callback(self, out: Any) -> Any:
        # Return the result of a batch, or raise its error; joblib calls it.
        if isinstance(out, _Lost):
            raise out.error
        return super().retrieve_result_callback(out)

    def terminate(self) -> None:
        # End the pool, also one that cannot be asked to end.
        watch, self._watch = self._watch, None
        if watch is not None and watch.stop():
            # Not by `Pool.terminate` alone, which waits for the lock of a queue that a dead worker may have held.
            pool, self._pool = self._pool, None
            _kill(pool)
            ending = threading.Thread(target=pool.terminate, daemon=True)
            ending.start()
            ending.join(_PATIENCE)
            pool._temp_folder_manager._clean_temporary_resources(force=True)
        super().terminate()


def _kill(pool: Any) -> None:
    """Kill the workers of a pool, and free the lock that one of them may have held."""
    pool._worker_handler._state = "TERMINATE"  # or it would replace them
    for process in pool._pool:
        process.kill()
    for process in pool._pool:
        process.join(_PATIENCE)
    lock = getattr(pool._inqueue, "_rlock", None)
    if lock is not None:
        lock.acquire(timeout=_INTERVAL)
        lock.release()


#: Seconds between two looks at the workers, and for the end of a pool with a dead one.
_INTERVAL, _PATIENCE = 0.2, 5.0


class _Watch:
    """Tells those who wait for a task that a worker of the pool has ended.

    Parameters
    ----------
    pool : multiprocessing.Pool
        It is not kept alive.
    """

    def __init__(self, pool: Any) -> None:
        self._pool = weakref.ref(pool)
        self._lock = threading.Lock()
        self._waiting: dict[int, Callable[[Any], None]] = {}
        self._next = 0
        self._died: WorkerDied | None = None
        self._ended = threading.Event()
        self._seen = {process.pid: process for process in pool._pool}
        threading.Thread(target=self._look, name="accelsk-watch", daemon=True).start()

    def told(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return the callback of a task, to be called once: with its result, or with the news of a death."""
        with self._lock:
            number = self._next
            self._next += 1
            self._waiting[number] = callback

        def once(out: Any) -> None:
            with self._lock:
                waiting = self._waiting.pop(number, None)
            if waiting is not None:
                waiting(out)

        return once

    def stop(self) -> bool:
        # Stop watching, and say whether a worker has died.
        self._ended.set()
        return self._died is not None

    def _look(self) -> None:
        while not self._ended.wait(_INTERVAL):
            pool = self._pool()
            if pool is None:
                return
            self._seen.update({process.pid: process for process in list(pool._pool)})
            del pool
            codes = [process.exitcode for process in self._seen.values() if process.exitcode]
            if codes and not self._ended.is_set():
                self._died = died(codes[0], "multiprocessing")
                with self._lock:
                    waiting, self._waiting = list(self._waiting.values()), {}
                for callback in waiting:
                    callback(_Lost(self._died))
                return


def died(code: int | None, backend: str, said: str = "") -> WorkerDied:
    """Return the error for a worker that has ended in the middle of a task.

    Parameters
    ----------
    code : int or None
        Its exit code, where it is known.
    backend : str
        The name of the backend.
    said : str, default=""
        What the backend says of it.

    Returns
    -------
    WorkerDied
        To be raised.
    """
    how = said.rstrip(".")
    if code is not None:
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
    return WorkerDied(
        f"a worker of backend {backend!r} has ended in the middle of a task{f' ({how})' if how else ''}.",
        hint="a kill without a word is mostly the system's, for want of memory: use fewer workers (n_jobs), or smaller "
        "data; the next call starts new workers.",
        backend=backend,
        exit_code=code,
    )
