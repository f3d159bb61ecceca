"""Locks on files, by which the processes of a machine agree: the system frees those of a process that was killed."""

from __future__ import annotations

import os
import re
import socket
import stat
import sys
import tempfile
import threading
import time
from functools import lru_cache
from pathlib import Path
from weakref import WeakSet

__all__ = ["Lock", "folder", "held"]

#: Seconds between two tries, where the system cannot be asked to wait.
_INTERVAL = 0.05


class Lock:
    """A lock that one thread has at a time, of all processes of this user on this machine.

    Freed when it is told to, when nobody refers to it any more, and when its process ends, however that ends. A forked
    child has none of its parent's.

    Parameters
    ----------
    name : str
        Equal names are one lock.

    Examples
    --------
    >>> one, other = Lock("an example"), Lock("an example")
    >>> one.take(), other.take()
    (True, False)
    >>> one.free()
    >>> other.take()
    True
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._descriptor: int | None = None

    @property
    def taken(self) -> bool:
        """Whether it is taken by means of this object."""
        return self._descriptor is not None

    def take(self, *, wait: bool = False) -> bool:
        """Take the lock.

        Parameters
        ----------
        wait : bool, default=False
            Whether to wait for whoever has it.

        Returns
        -------
        bool
            Whether it is taken now; False only where somebody else has it.

        Raises
        ------
        OSError
            If the system has no place for the file, or cannot lock it.
        """
        with _guard[0]:
            self._descriptor = os.open(folder() / _as_file(self.name), os.O_RDWR | os.O_CREAT, 0o600)
            _taken.add(self)
        try:
            if _lock(self._descriptor, wait=wait):
                return True
        except BaseException:
            self.free()
            raise
        self.free()
        return False

    def free(self) -> None:
        """Free the lock; nothing happens where it is not taken."""
        with _guard[0]:
            descriptor, self._descriptor = self._descriptor, None
            _taken.discard(self)
            if descriptor is not None:
                os.close(descriptor)  # which frees it: no other descriptor is of this opening of the file

    def __del__(self) -> None:
        self.free()


def held(prefix: str) -> int:
    """Count the locks that somebody has.

    Parameters
    ----------
    prefix : str
        What their names begin with.

    Returns
    -------
    int
        Those of this process included.

    Examples
    --------
    >>> lock = Lock("example of a count: 1")
    >>> lock.take(), held("example of a count: ")
    (True, 1)
    """
    files = folder().glob(f"{_as_file(prefix)}*")
    return sum(not Lock(file.name).take() for file in files)


@lru_cache(maxsize=1)
def folder() -> Path:
    """Return the folder of the files: of this user, on this machine, also where machines share the temporary folder.

    Returns
    -------
    Path
        It is there.

    Raises
    ------
    OSError
        If there can be none, or somebody else has made it.
    """
    user = os.getuid() if sys.platform != "win32" else "user"
    path = Path(tempfile.gettempdir()) / f"accelsk-{user}-{_as_file(socket.gethostname())}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or (sys.platform != "win32" and found.st_uid != os.getuid()):
        raise PermissionError(f"{path} is not a folder of this user")
    return path


def _as_file(name: str) -> str:
    return re.sub(r"[^\w.-]", "-", name)


def _lock(descriptor: int, *, wait: bool) -> bool:
    if sys.platform == "win32":
        import msvcrt

        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            except OSError:  # somebody has it
                if not wait:
                    return False
                time.sleep(_INTERVAL)
            else:
                return True
    import fcntl

    # Not `fcntl.lockf`: those locks belong to a process, and any of its threads would free them.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


#: Those that are taken in this process, or about to be.
_taken: WeakSet[Lock] = WeakSet()
#: Held while a file is opened or closed, so that a fork copies no descriptor that it does not know of.
_guard = [threading.RLock()]


def _before_fork() -> None:
    _guard[0].acquire()


def _in_parent() -> None:
    _guard[0].release()


def _in_child() -> None:
    _guard[0] = threading.RLock()
    for lock in list(_taken):
        lock.free()  # a child that kept the file open would hold the lock after its parent


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
