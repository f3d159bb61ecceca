"""The ways in which a method of a fitted model is computed, and what is known of them while one is being chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsk.batches import in_words
from accelsk.evaluators.spec import Evaluate, Offer

__all__ = ["Taken", "Trial", "Way", "described"]


@dataclass(slots=True)
class Way:
    """A way to compute one method of arrays that nobody has validated.

    Parameters
    ----------
    evaluate : callable
        Computes.
    dtypes : tuple of dtype
        Of the arrays that it is for.
    nan : bool
        Whether it is for such as are not finite, too.
    left : float, default=inf
        How many more calls are to be computed this way before another is considered.
    """

    evaluate: Evaluate
    dtypes: tuple[np.dtype[Any], ...]
    nan: bool
    left: float = float("inf")

    def answer(self, X: npt.NDArray[Any]) -> Any:
        """Compute.

        Parameters
        ----------
        X : array
            One that it is for.

        Returns
        -------
        object
            The result; None where the model is to be asked.
        """
        try:
            return self.evaluate(X)
        except Exception:  # noqa: BLE001  an attribute that was taken away, no memory, ...: the model says it itself
            return None


@dataclass(slots=True)
class Taken(Way):
    """An offer that was taken, for one method.

    Parameters
    ----------
    evaluate, dtypes, nan, left : object
        As of a `Way`.
    offer : Offer
        What was offered.
    refusals : int, default=0
        How often it has answered None.
    waits : float, default=inf
        What `left` was at first.
    """

    offer: Offer = field(kw_only=True)
    refusals: int = 0
    waits: float = float("inf")

    def wait(self, calls: float) -> None:
        """Compute so many calls, before another way is considered.

        Parameters
        ----------
        calls : float
            After how many calls another one pays; infinity for never.
        """
        self.left = self.waits = calls


@dataclass(slots=True)
class Trial:
    """A method at a batch size of which it is not settled yet who computes it.

    Parameters
    ----------
    native : float, default=inf
        The fewest seconds that the model itself has taken.
    calls : int, default=0
        How often that was timed.
    unseen : int, default=0
        How often it has computed since, untimed.
    saved : dict
        By offer, the seconds that it would have saved.
    refused : set
        The offers that are no gain, or cannot be made.
    taken : Taken, default=None
        The offer that is being timed.
    before : Taken, default=None
        The one that has computed until then; None for the model itself.
    best : float, default=inf
        The fewest seconds that this one has taken.
    tried : int, default=0
        How often that was timed.
    """

    native: float = float("inf")
    calls: int = 0
    unseen: int = 0
    saved: dict[str, float] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    taken: Taken | None = None
    before: Taken | None = None
    best: float = float("inf")
    tried: int = 0


def described(settled: Mapping[str, Mapping[int, Taken | None]]) -> dict[str, str]:
    """Tell what was settled.

    Parameters
    ----------
    settled : mapping
        Per method, by the bit length of the number of rows; None for the model itself.

    Returns
    -------
    dict
        Method to a text such as ``"numpy for 1 to 63 rows"``; methods that the model computes itself are left out.
    """
    told = {}
    for method, taken in settled.items():
        names: dict[str, list[int]] = {}
        for size, each in sorted(taken.items()):
            if each is not None:
                names.setdefault(_title(each.offer), []).append(size)
        if names:
            told[method] = ", ".join(f"{name} for {in_words(sizes)}" for name, sizes in names.items())
    return told


def _title(offer: Offer) -> str:
    return offer.name if offer.precision == "float64" else f"{offer.name} in {offer.precision}"
