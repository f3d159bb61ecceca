"""What was prepared for a fitted model: which evaluator was the fastest, how much, and how near the results were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsk.evaluators.spec import Precision

__all__ = ["Preparation"]


@dataclass(frozen=True)
class Preparation:
    """What was prepared: plain data, which is pickled with the model.

    Parameters
    ----------
    precision : {"float64", "float32"}
        What was asked for.
    chosen : dict of str to dict of int to str
        Per method and bit length of the number of rows: the name of the evaluator, or empty for the model itself.
    ratios, differences : dict of str to dict of int to float
        Likewise: how many times as fast as the model itself it was; how far its results were from the model's, at
        most, relative to their standard deviation (for labels: the share of other labels).
    """

    precision: Precision
    chosen: dict[str, dict[int, str]]
    ratios: dict[str, dict[int, float]]
    differences: dict[str, dict[int, float]]

    def note(self, method: str, n_rows: int, times: Mapping[str, float], answers: Mapping[str, Any]) -> str:
        """Note what was measured for batches of a size.

        Parameters
        ----------
        method : str
            The method.
        n_rows : int
            The size.
        times : mapping of str to float
            Seconds, by the name of the evaluator; empty for the model itself.
        answers : mapping of str to object
            What each returned.

        Returns
        -------
        str
            The name of the fastest.
        """
        size = n_rows.bit_length()
        best = min(times, key=lambda name: times[name])
        self.chosen.setdefault(method, {})[size] = best
        self.ratios.setdefault(method, {})[size] = times[""] / times[best]
        self.differences.setdefault(method, {})[size] = _difference(answers[""], answers[best])
        return best


def _difference(theirs: Any, ours: Any) -> float:
    """How far results are from those of the model itself."""
    theirs, ours = np.asarray(theirs), np.asarray(ours)
    if theirs.dtype.kind != "f":
        return float(np.mean(theirs != ours))
    spread = float(np.std(theirs))
    return float(np.max(np.abs(theirs - ours), initial=0.0)) / (spread or 1.0)
