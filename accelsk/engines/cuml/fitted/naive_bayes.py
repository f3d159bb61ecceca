"""Fitted attributes of ``sklearn.naive_bayes``: in double precision, whatever the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from accelsk.engines.held import Read

__all__ = ["FITTED"]


def _doubles(read: Read, *names: str) -> dict[str, Any]:
    return {name: np.array(read(name), dtype=np.float64, order="C") for name in names}


def _discrete(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return _doubles(read, "class_count_", "class_log_prior_", "feature_count_", "feature_log_prob_")


def _complement(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {**_discrete(read, params), **_doubles(read, "feature_all_")}


def _categorical(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    """One table for each column, of its own categories; cuML has one for all, of the most that any column has."""
    counts, logs = np.asarray(read("category_count_")), np.asarray(read("feature_log_prob_"))
    sizes = [int(np.flatnonzero(column.any(axis=0))[-1]) + 1 for column in counts]
    return {
        **_doubles(read, "class_count_", "class_log_prior_"),
        "category_count_": [
            np.array(column[:, :size], dtype=np.float64) for column, size in zip(counts, sizes, strict=True)
        ],
        "feature_log_prob_": [
            np.array(column[:, :size], dtype=np.float64) for column, size in zip(logs, sizes, strict=True)
        ],
        "n_categories_": np.array(sizes, dtype=np.int64),
    }


def _gaussian(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_doubles(read, "class_count_", "class_prior_", "theta_"),
        "epsilon_": float(read("epsilon_")),
        "var_": np.array(read("sigma_"), dtype=np.float64),
    }


FITTED = {
    "BernoulliNB": _discrete,
    "CategoricalNB": _categorical,
    "ComplementNB": _complement,
    "GaussianNB": _gaussian,
    "MultinomialNB": _discrete,
}
