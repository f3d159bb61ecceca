"""The targets of dask collections in short: their distinct values, or as many as tell the mean and the quantiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import compute_sample_weight
from sklearn.utils.validation import _check_sample_weight, _check_y

if TYPE_CHECKING:
    from accelsk.partitions import Partitions

__all__ = ["Targets", "targets_of"]

Array = np.ndarray[Any, Any]

#: More distinct targets of a regression are put together in groups of equal weight, each by its mean: the mean of all
#: remains the same, and a quantile is off by less than this share of the weight.
_MOST = 8192


@dataclass
class Targets:
    """Distinct targets, in ascending order.

    Parameters
    ----------
    values : ndarray
        The targets; labels in the dtype of y.
    counts : ndarray
        How many rows have each.
    weights : ndarray
        The sum of their sample weights.
    """

    values: Array
    counts: Array
    weights: Array

    def class_weights(self, class_weight: Any) -> Array:
        """Return what the weights of the rows of each class are to be multiplied with.

        Parameters
        ----------
        class_weight : dict or "balanced"
            As scikit-learn takes it.

        Returns
        -------
        ndarray
            One number for each class.
        """
        if class_weight == "balanced":
            balanced: Array = self.counts.sum() / (len(self.values) * self.counts)
            return balanced
        weights: Array = compute_sample_weight(class_weight, self.values)
        return weights

    def weighted(self, factors: Array | None) -> Targets:
        """Return the same with other weights.

        Parameters
        ----------
        factors : ndarray or None
            One number for each target; None for 1.

        Returns
        -------
        Targets
            This object where there are no factors.
        """
        return self if factors is None else Targets(self.values, self.counts, self.weights * factors)

    @classmethod
    def joined(cls, several: list[Targets], *, classifies: bool) -> Targets:
        """Put the targets of partitions together.

        Parameters
        ----------
        several : list of Targets
            One for each partition.
        classifies : bool
            Whether they are labels.

        Returns
        -------
        Targets
            Of all.
        """
        values, at = np.unique(np.concatenate([each.values for each in several]), return_inverse=True)
        counts = np.bincount(at, np.concatenate([each.counts for each in several]), len(values))
        weights = np.bincount(at, np.concatenate([each.weights for each in several]), len(values))
        if classifies or len(values) <= _MOST:
            return cls(values, counts, weights)
        share = weights if weights.any() else counts
        group = np.minimum((np.cumsum(share) - share / 2) / share.sum() * _MOST, _MOST - 1).astype(np.intp)
        _, group = np.unique(group, return_inverse=True)
        in_group = np.bincount(group, share)
        means = np.bincount(group, values * share) / np.where(in_group, in_group, 1.0)
        return cls(means, np.bincount(group, counts), np.bincount(group, weights))


def targets_of(partitions: Partitions, *, classifies: bool) -> Targets:
    """Find the targets of all rows, in one pass over y.

    Parameters
    ----------
    partitions : Partitions
        With y, and sample_weight where there are weights.
    classifies : bool
        Whether y holds labels.

    Returns
    -------
    Targets
        What is in y.

    Raises
    ------
    ValueError
        If there are no rows, or scikit-learn refuses y.
    """
    found = [each for each in partitions.each(_targets, classifies, among=("y", "sample_weight")) if each is not None]
    if not found:
        raise ValueError("Found array with 0 sample(s) in the dask collection while a minimum of 2 is required.")
    return Targets.joined(found, classifies=classifies)


def _targets(part: Mapping[str, Any], classifies: bool) -> Targets | None:
    if not part["y"].shape[0]:
        return None
    y = _check_y(part["y"], y_numeric=not classifies)
    weights = _check_sample_weight(part.get("sample_weight"), y)
    return Targets.joined([Targets(y, np.ones(len(y)), weights)], classifies=classifies)
