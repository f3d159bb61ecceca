"""How long a call will take, from how long it took at a smaller size; and whether its library is loaded by now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Pace"]

#: From one size to the next, a fit is expected to grow with the columns, and with this power of the rows.
_GROWTH = 1.3

#: The prediction of fewer rows takes about as long as that of so many: what each call costs is most of it.
_FEW = 1000


@dataclass
class Pace:
    """What is known so far of the contenders in one case."""

    #: Per contender and operation: the seconds last measured, and for how many rows and columns.
    _last: dict[tuple[str, str], tuple[float, int, int]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    @property
    def begun(self) -> bool:
        """Whether anything was measured."""
        return bool(self._seen)

    def expected(self, name: str, operation: str, rows: int, columns: int) -> float:
        """Seconds of a call; none where nothing like it was measured."""
        seconds, rows_then, columns_then = self._last.get((name, operation), (0.0, 1, 1))
        more = (rows / rows_then) ** _GROWTH if operation == "fit" else rows / max(rows_then, _FEW)
        return seconds * max(1.0, more) * max(1.0, columns / columns_then)

    def note(self, name: str, operation: str, rows: int, columns: int, seconds: float) -> None:
        """Take a measurement in."""
        self._seen.add(name)
        self._last[name, operation] = (seconds, rows, columns)

    def knows(self, names: Iterable[str]) -> bool:
        """Whether all of them have been called: their libraries are loaded."""
        return self._seen.issuperset(names)
