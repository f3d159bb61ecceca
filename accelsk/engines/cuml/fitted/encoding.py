"""Fitted attributes of the encoders of ``sklearn.preprocessing``, whose X is no table of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import _check_feature_names, _check_n_features

from accelsk.engines.holding import Intake

if TYPE_CHECKING:
    from accelsk.engines.held import Held, Read

__all__ = ["BEFORE", "FITTED", "INTAKE"]


def _categories(read: Read) -> list[Any]:
    """scikit-learn has text as objects."""
    found = [np.asarray(each.get() if hasattr(each, "get") else each) for each in read("categories_")]
    return [each.astype(object) if each.dtype.kind in "UT" else each for each in found]


def _one_hot(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    dropped = read("drop_idx_", None)
    return {
        "categories_": _categories(read),
        "drop_idx_": dropped,
        "_drop_idx_after_grouping": dropped,
        "_infrequent_enabled": False,
        "_n_features_outs": [int(count) for count in read("_n_features_outs")],
    }


def _ordinal(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "categories_": _categories(read),
        "_infrequent_enabled": False,
        "_missing_indices": {int(column): int(index) for column, index in read("_missing_indices").items()},
    }


def _target(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    encodings = [each.get() if hasattr(each, "get") else each for each in read("_encodings_per_feature")]
    return {
        "categories_": _categories(read),
        "classes_": read("classes_"),  # None of a continuous target
        "encodings_": [np.array(each, dtype=np.float64) for each in encodings],
        "target_mean_": float(read("mean")),
        "target_type_": read("target_type_"),
        "_infrequent_enabled": False,
    }


def _count_columns(held: Held, X: Any, y: Any) -> None:
    _check_feature_names(held.stem, X, reset=True)
    _check_n_features(held.stem, X, reset=True)


FITTED = {"OneHotEncoder": _one_hot, "OrdinalEncoder": _ordinal, "TargetEncoder": _target}
INTAKE = dict.fromkeys(FITTED, Intake(table=False))
BEFORE = dict.fromkeys(FITTED, _count_columns)
