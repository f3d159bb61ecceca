"""Labels that CatBoost gives back as they were, and what it calls the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["are_kept", "by_code"]

#: Integers up to here are the same in single precision.
_LARGEST = 2**24


def are_kept(classes: np.ndarray[Any, Any]) -> bool:
    """Say whether CatBoost gives labels back as they were: words, and integers of a moderate size.

    It sorts texts that are numbers as numbers, takes no empty text, and keeps numbers in single precision.

    Parameters
    ----------
    classes : ndarray
        The labels.

    Returns
    -------
    bool
        False where they must be encoded.

    Examples
    --------
    >>> are_kept(np.array(["no", "yes"])), are_kept(np.array(["9", "10"])), are_kept(np.array([0, 10**12]))
    (True, False, False)
    """
    if classes.dtype.kind in "iu":
        return bool((np.abs(classes.astype(np.float64)) <= _LARGEST).all())
    return all(isinstance(label, str) and _is_word(label) for label in classes.tolist())


def by_code(weights: Mapping[Any, float], classes: np.ndarray[Any, Any]) -> dict[int, float]:
    """Let weights of labels be weights of what the labels are encoded as.

    Parameters
    ----------
    weights : mapping
        Label to weight.
    classes : ndarray
        The labels, in the order of 0, 1, ...

    Returns
    -------
    dict of int to float
        Code to weight.

    Raises
    ------
    ValueError
        For a weight of a label that there is not.

    Examples
    --------
    >>> by_code({"no": 1.0, "": 3.0}, np.array(["", "no"]))
    {1: 1.0, 0: 3.0}
    """
    codes = {label: code for code, label in enumerate(classes.tolist())}
    unknown = [label for label in weights if label not in codes]
    if unknown:
        raise ValueError(f"class_weights has labels that the fit does not have: {unknown}.")
    return {codes[label]: weight for label, weight in weights.items()}


def _is_word(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return label.strip() != ""
    return False
