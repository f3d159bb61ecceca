"""Labels and class weights: tensors know 0, 1, ... only, and scikit-learn's users their own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from accelsk.engines.held import Held

__all__ = ["for_codes"]


def for_codes(held: Held, given: Mapping[str, Any]) -> dict[str, Any]:
    """Make of the arguments of a fit what a model of the labels 0, 1, ... understands.

    Parameters
    ----------
    held : Held
        The backend estimator. Class weights of its model are set anew.
    given : mapping
        The arguments, with encoded labels.

    Returns
    -------
    dict
        Sample weights may have become other ones.
    """
    return _weighted(held, _indicators(held, given))


def _indicators(held: Held, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give back the labels of several columns, which are not to be encoded: each says whether a row has a label."""
    given = dict(given)
    if isinstance(held.labels, list):
        columns = zip(held.labels, given["y"].T, strict=True)
        given["y"], held.labels = np.column_stack([labels[codes] for labels, codes in columns]), None
    return given


def _weighted(held: Held, given: dict[str, Any]) -> dict[str, Any]:
    """Turn class weights by the user's labels into what the model on the device, which knows 0, 1, ..., understands."""
    weights = held.stem.get_params(deep=False).get("class_weight")
    if weights is None:
        return given
    y, labels = given["y"], held.labels
    if not hasattr(held.stem, "_get_scorer_instance"):
        if isinstance(weights, dict):
            found = compute_class_weight(weights, classes=labels, y=labels[y])
            held.model.set_params(class_weight=dict(enumerate(found.tolist())))
        return given
    # The ridge classifiers multiply the weights of the rows with those of the classes, by functions of NumPy's.
    user_y = labels[y] if isinstance(labels, np.ndarray) else y
    by_class = compute_sample_weight(weights, user_y).astype(np.float64 if held.double else np.float32)
    given["sample_weight"] = by_class * given.get("sample_weight", 1)
    held.model.set_params(class_weight=None)
    return given
