"""Rows of ``sklearn.preprocessing`` for categories: numbers and text, by cuDF.

Without a row: ``LabelEncoder`` and ``LabelBinarizer``. They take labels, which are no table with columns: an engine is
chosen for tables only, and scikit-learn computes what is none. Nor is there work for a GPU: text stays on the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from accelsk.engines.cuml.table.conditions import GPU, demanded
from accelsk.engines.rules import Refused, adjusted, const, is_number, mapped, only, same, together
from accelsk.engines.spec import Export, Inputs, Need, Row
from accelsk.facts import Facts

__all__ = ["ROWS"]

_ANY = ("float64", "float32", "integer", "boolean", "object")


def _nan(value: Any) -> bool:
    return is_number(value) and value != value


def _kinds(kinds: str) -> Any:
    def holds(value: Any) -> bool:
        try:
            return np.dtype(value).kind in kinds
        except TypeError:
            return False

    return holds


def _columns(value: Any) -> bool:
    return not isinstance(value, str) and hasattr(value, "__iter__")


_CATEGORIES = only("auto", where=_columns, text="a list of categories for each column")


def _unknown(params: Mapping[str, Any]) -> dict[str, Any]:
    handle, value = params["handle_unknown"], params["unknown_value"]
    if handle == "error" and value is None:
        return {"handle_unknown": "error"}
    if handle == "use_encoded_value" and _nan(value):
        return {"handle_unknown": "ignore"}
    raise Refused("handle_unknown='error', or handle_unknown='use_encoded_value' with unknown_value=nan")


_UNKNOWN = together(
    "handle_unknown", "unknown_value", translate=_unknown, text="an error, or NaN (cuML's 'ignore'), and no other value"
)


def _folds(params: Mapping[str, Any]) -> dict[str, Any]:
    cv = params["cv"]
    if not isinstance(cv, int) or isinstance(cv, bool):
        raise Refused("cv=a whole number")
    return {"n_folds": cv}


def _two_or_continuous(facts: Facts, params: Mapping[str, Any]) -> bool:
    return facts.target_type in ("binary", "continuous")


ROWS = (
    Row(
        estimator="sklearn.preprocessing.OneHotEncoder",
        backend="cuml.preprocessing.OneHotEncoder",
        params={
            "categories": _CATEGORIES,
            "drop": only(None, "first", where=_columns, text="a category for each column"),
            "sparse_output": same,
            "dtype": only(where=_kinds("fb"), text="a floating or boolean dtype"),
            "handle_unknown": only("error", "ignore"),
            "min_frequency": demanded("min_frequency", None),
            "max_categories": demanded("max_categories", None),
            "feature_name_combiner": demanded("feature_name_combiner", "concat"),
        },
        fit=Inputs(dtypes=_ANY, nan=True),
        methods=("fit_transform", "transform"),
        inherited=("inverse_transform", "get_feature_names_out"),
        tolerance=0.0,
        export=Export(restores=False),
        devices=GPU,
        note="A column of text and other objects is refused by cuDF; None and NaN are one category, NaN.",
    ),
    Row(
        estimator="sklearn.preprocessing.OrdinalEncoder",
        backend="cuml.preprocessing.OrdinalEncoder",
        params={
            "categories": _CATEGORIES,
            "dtype": only(where=_kinds("fiu"), text="a dtype of numbers"),
            "handle_unknown": _UNKNOWN,
            "unknown_value": _UNKNOWN,
            "encoded_missing_value": demanded("encoded_missing_value", where=_nan, text="nan"),
            "min_frequency": demanded("min_frequency", None),
            "max_categories": demanded("max_categories", None),
        },
        fit=Inputs(dtypes=_ANY, nan=True),
        methods=("fit_transform", "transform"),
        inherited=("inverse_transform", "get_feature_names_out"),
        tolerance=0.0,
        export=Export(restores=False),
        devices=GPU,
        note="A column of text and other objects is refused by cuDF; None and NaN are one category, NaN.",
    ),
    Row(
        estimator="sklearn.preprocessing.TargetEncoder",
        backend="cuml.preprocessing.TargetEncoder",
        params={
            "categories": demanded("categories", "auto"),
            "target_type": demanded("target_type", "auto"),
            # "auto" is an empirical Bayes estimate to scikit-learn, and would be 1.0 to cuML.
            "smooth": only(where=is_number, text="a number"),
            "cv": together(translate=_folds, text="passed on as `n_folds`, if it is a whole number"),
            # Its folds in order ("continuous") have one row each: the fold's number is not rounded.
            "shuffle": mapped({True: "random", "deprecated": "random"}, to="split_method"),
            "random_state": adjusted(
                lambda value: None if isinstance(value, str) else value, "passed on as `seed`", to="seed"
            ),
            "stat": const("mean", "scikit-learn encodes by the mean"),
            "multi_feature_mode": const("independent", "scikit-learn encodes each column by itself"),
        },
        fit=Inputs(
            dtypes=_ANY,
            nan=True,
            needs=(Need("a target of two classes, or a continuous one", _two_or_continuous),),
        ),
        # cuML's transform would return the cross-fitted encodings for the data of the fit.
        methods=("fit_transform",),
        inherited=("transform", "get_feature_names_out"),
        fidelity="statistical",
        # Of ``fit_transform``, for the folds are drawn otherwise; ``transform`` is the same. To be confirmed on a GPU.
        tolerance=0.02,
        export=Export(restores=False),
        devices=GPU,
        note="The folds of fit_transform are drawn row by row, and smoothed towards the mean of all rows.",
    ),
)
