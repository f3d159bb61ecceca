"""A process for each device of which a library knows only one per process: started on demand, kept, ended with us."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import spawn
from typing import TYPE_CHECKING, Any

from accelsk import forks
from accelsk.devices import Device
from accelsk.errors import DeviceNotAvailable, WorkerDied
from accelsk.parcels import Parcel, pack, received

if TYPE_CHECKING:
    from accelsk.serving import Answer, Request

__all__ = ["Process", "Worker", "exchange", "shutdown_workers", "worker_of"]

#: Seconds that a process gets to end by itself.
PATIENCE = 5.0

#: The environment is there before anything is imported. Where to import from is the first message: it may be long.
_PROGRAM = (
    "import sys; from multiprocessing.connection import Connection; there = Connection(int(sys.argv[1]));"
    "sys.path[:] = there.recv(); from accelsk.serving import serve; serve(there)"
)


class Process:
    """One process, from its start to its end.

    Parameters
    ----------
    engine : str
        The engine that computes there.
    device : Device
        The device, as it is called here.
    environment : mapping of str to str
        What is changed in its environment.
    """

    def __init__(self, engine: str, device: Device, environment: Mapping[str, str]) -> None:
        if sys.platform == "win32":
            raise DeviceNotAvailable(
                f"engine {engine!r} reaches device {str(device)!r} only in a process of its own, which is not there on "
                "Windows.",
                hint="use its first device.",
                engine=engine,
                device=str(device),
            )
        self.engine, self.device = engine, device
        #: Models that nobody here refers to any more. Appended to while garbage is collected: no lock is taken then.
        self.dropped: deque[int] = deque()
        self._here, there = multiprocessing.Pipe()
        with there:
            # Not multiprocessing's nor loky's: what these start is refused in daemonic processes, dask's workers among
            # them, and does not notice that this process was killed.
            self._started = subprocess.Popen(
                [
                    spawn.get_executable(),
                    *subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
                    "-c",
                    _PROGRAM,
                    str(there.fileno()),
                    f"{engine} on {device}",  # for those who list processes
                ],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **environment},
                pass_fds=(there.fileno(),),
                process_group=0,  # an interrupt from the keyboard is for this process, which ends that one
            )
        try:
            self._here.send(sys.path)
        except OSError:
            raise self._died() from None

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._started.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._started.poll() is None

    def ask(self, parcel: Parcel) -> Any:
        """Send a request, and wait for the answer.

        Parameters
        ----------
        parcel : Parcel
            Of a `Request`.

        Returns
        -------
        Answer
            The answer.

        Raises
        ------
        WorkerDied
            If the process ends meanwhile.
        """
        try:
            with parcel.sent(self._here):
                answer, shared = received(self._here.recv_bytes())
            if shared:
                self._here.send_bytes(b"opened")
        except (EOFError, ConnectionError, FileNotFoundError):  # the last one: its memory went with it
            raise self._died() from None
        except BaseException:  # an interrupt: it computes what nobody waits for
            self.kill()
            raise
        return answer.load()

    def _died(self) -> WorkerDied:
        try:
            code = self._started.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            code = None
        self.kill()
        return died(self.engine, self.device, self.pid, code)

    def cut(self) -> None:
        """End the process, whatever it does; a thread that waits for its answer hears that it died."""
        self._started.kill()
        self._started.wait()

    def kill(self) -> None:
        """End the process, whatever it does. To be called by the thread that talks to it."""
        self._here.close()
        self.cut()

    def end(self) -> None:
        """Tell the process to end, and wait until it has."""
        with suppress(OSError):  # it has ended
            self._here.send_bytes(b"")
        self._here.close()
        try:
            self._started.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def leave(self) -> None:
        """Have nothing to do with it any more: this process is a fork of the one that started it."""
        self._here.close()
        self._started.returncode = 0


def died(engine: str, device: Device, pid: int, code: int | None) -> WorkerDied:
    """Return the error for a process that ended in the middle of a call.

    Parameters
    ----------
    engine : str
        Who computed there.
    device : Device
        The device.
    pid : int
        The number that the process had.
    code : int or None
        Its exit code; negative for a signal.

    Returns
    -------
    WorkerDied
        To be raised.

    Examples
    --------
    >>> died("mine", Device.parse("cuda:1"), 77, -9).exit_code
    -9
    """
    import signal

    how = "for no known reason" if code is None else f"exit code {code}"
    if code is not None and code < 0:
        how = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = "the next call starts another one, and no fitted model is lost."
    if how == "SIGKILL":
        hint += " The kernel kills so where memory runs out: fit on fewer data, or free memory first."
    else:
        hint += " If it dies again, the driver or the library is at fault: see what it printed, and `accelsk doctor`."
    return WorkerDied(
        f"the process {pid} in which engine {engine!r} computes on device {str(device)!r} died in the middle of a call "
        f"({how}).",
        hint=hint,
        engine=engine,
        device=str(device),
        exit_code=code,
        pid=pid,
    )


class Worker:
    """The process of one engine and environment; another one takes its place when it has ended.

    Parameters
    ----------
    engine : str
        The engine.
    device : Device
        The device.
    environment : mapping of str to str
        What is changed in the environment.
    """

    def __init__(self, engine: str, device: Device, environment: Mapping[str, str]) -> None:
        self._engine, self._device, self._environment = engine, device, dict(environment)
        #: Held by the thread whose call it is.
        self.lock = threading.Lock()
        self.process: Process | None = None

    def ready(self) -> Process:
        """Return the process, started if need be. To be called by the thread that holds the lock.

        Returns
        -------
        Process
            Alive.

        Raises
        ------
        DeviceNotAvailable
            In a forked child of :mod:`multiprocessing`, as for any device.
        """
        if self.process is None or not self.process.alive:
            if self.process is not None:
                self.process.kill()
            broken = forks.broken_by_fork(self._device) if forks.forked() else None
            if broken is not None:
                raise broken
            self.process = None
            self.process = Process(self._engine, self._device, self._environment)
        return self.process

    def end(self, *, now: bool = False) -> None:
        """End the process, if there is one.

        Parameters
        ----------
        now : bool, default=False
            Whether a call that another thread waits for is cut off; else it is waited for.
        """
        got = self.lock.acquire(blocking=not now)
        try:
            if self.process is not None:
                (self.process.end if got else self.process.cut)()
            self.process = None
        finally:
            if got:
                self.lock.release()


def worker_of(engine: str, device: Device, environment: Mapping[str, str]) -> Worker:
    """Return the worker of an engine for an environment; this starts no process.

    Parameters
    ----------
    engine : str
        The engine.
    device : Device
        The device, for messages.
    environment : mapping of str to str
        What is changed in its environment.

    Returns
    -------
    Worker
        One per process of ours.
    """
    key = (engine, str(device), tuple(sorted(environment.items())))
    with _guard[0]:
        if key not in _workers:
            _workers[key] = Worker(engine, device, environment)
        return _workers[key]


_workers: dict[Any, Worker] = {}
_guard = [threading.Lock()]


def shutdown_workers() -> None:
    """End the processes that accelsk started for devices, and so free the memory that they hold, of host and device.

    Libraries that know one device per process compute on any other one in a process of its own, which stays for the
    next call. It ends with this process; or now. Fitted models stay usable: the next call starts a process again. A
    call that another thread is waiting for ends first.

    Examples
    --------
    >>> from accelsk import shutdown_workers
    >>> shutdown_workers()  # nothing happens where there is none
    """
    with _guard[0]:
        ending = list(_workers.values())
    for worker in ending:
        worker.end()


def _at_exit() -> None:
    for worker in list(_workers.values()):
        worker.end(now=True)


def _after_fork() -> None:
    """A forked child has no workers: it neither talks to those of its parent nor keeps them alive."""
    _guard[0] = threading.Lock()
    for worker in _workers.values():
        if worker.process is not None:
            worker.process.leave()
    _workers.clear()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_after_fork)


def exchange(worker: Worker, request: Callable[[Process], Request], take: Callable[[Process, Answer], None]) -> Answer:
    """Have a request answered; one at a time for each worker, whatever thread asks.

    Parameters
    ----------
    worker : Worker
        Who answers.
    request : callable
        Given the process, it makes the request: what the process knows already depends on which one it is.
    take : callable
        Given the process and the answer, it notes what the process knows now, before anybody else can ask.

    Returns
    -------
    Answer
        The answer.

    Raises
    ------
    WorkerDied
        If the process ends in the middle of it.
    """
    with worker.lock:
        process = worker.ready()
        answer: Answer = process.ask(pack(request(process)))
        take(process, answer)
        return answer
