"""The machine: its processor, memory and operating system. What costs a look-up is remembered."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

__all__ = ["available_memory", "instruction_sets", "operating_system", "processor_name", "total_memory"]

_CPUINFO = Path("/proc/cpuinfo")
_OWN_CGROUPS = Path("/proc/self/cgroup")
_CGROUP_ROOT = Path("/sys/fs/cgroup")
#: Linux writes "no limit" as the largest number of pages.
_UNLIMITED = 1 << 62


def operating_system() -> str:
    """Return the name and version of the operating system.

    Returns
    -------
    str
        With the name of the Linux distribution.

    Examples
    --------
    >>> operating_system() != ""
    True
    """
    try:
        distribution = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        distribution = ""
    return f"{distribution} ({platform.platform()})" if distribution else platform.platform()


@lru_cache(maxsize=1)
def processor_name() -> str:
    """Return the name of the processor.

    Returns
    -------
    str
        As the operating system gives it, else the architecture.

    Examples
    --------
    >>> processor_name() != ""
    True
    """
    if _CPUINFO.exists():
        for line in _CPUINFO.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()


def instruction_sets() -> tuple[str, ...]:
    """Return the vector instruction sets of the processor.

    Returns
    -------
    tuple of str
        As NumPy found them when it was imported: "AVX2", "AVX512F", "ASIMD", ...; since NumPy 2.4 also the levels
        "X86_V2", "X86_V3", ...

    Examples
    --------
    >>> isinstance(instruction_sets(), tuple)
    True
    """
    import numpy as np

    features = np.show_config(mode="dicts")["SIMD Extensions"]
    return (*features.get("baseline", ()), *features.get("found", ()))


def available_memory() -> int:
    """Return how much memory can be taken now without swapping.

    Returns
    -------
    int
        Bytes; inside a container, what its limit leaves.

    Examples
    --------
    >>> available_memory() > 0
    True
    """
    import psutil

    left = (group.limit - group.used() for group in _memory_groups())
    return max(0, min((int(psutil.virtual_memory().available), *left)))


def total_memory() -> int:
    """Return how much memory there is.

    Returns
    -------
    int
        Bytes; inside a container, its limit.

    Examples
    --------
    >>> total_memory() >= available_memory()
    True
    """
    import psutil

    return min((int(psutil.virtual_memory().total), *(group.limit for group in _memory_groups())))


@dataclass(frozen=True)
class _MemoryGroup:
    """A Linux control group that limits the memory of this process."""

    limit: int
    folder: Path
    use: str
    reclaimable: str

    def used(self) -> int:
        """Bytes in use; what the page cache can give back is not."""
        try:
            statistics = dict(line.split() for line in (self.folder / "memory.stat").read_text().splitlines())
            return int((self.folder / self.use).read_text()) - int(statistics.get(self.reclaimable, 0))
        except (OSError, ValueError):
            return 0


@lru_cache(maxsize=1)
def _memory_groups() -> tuple[_MemoryGroup, ...]:
    return tuple(_find_memory_groups()) if _OWN_CGROUPS.exists() else ()


def _find_memory_groups() -> Iterator[_MemoryGroup]:
    for line in _OWN_CGROUPS.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, limit, use, reclaimable = _CGROUP_ROOT, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            root, limit = _CGROUP_ROOT / "memory", "memory.limit_in_bytes"
            use, reclaimable = "memory.usage_in_bytes", "total_inactive_file"
        else:
            continue
        # In a container the path may be the host's, and the root the container's own group: every level is tried.
        own = root / path.strip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(root):
                try:
                    most = int((folder / limit).read_text())
                except (OSError, ValueError):  # no such group, not ours to read, or "max"
                    continue
                if most < _UNLIMITED:
                    yield _MemoryGroup(most, folder, use, reclaimable)
