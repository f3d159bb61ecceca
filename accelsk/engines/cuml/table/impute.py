"""Rows of ``sklearn.impute``."""

from __future__ import annotations

from accelsk.engines.cuml.table.conditions import GPU, demanded
from accelsk.engines.rules import ignored, is_number, only, same
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = ["ROWS"]

_FLOATS = ("float64", "float32")
_MISSING = only(where=is_number, text="a number or nan")

ROWS = (
    Row(
        estimator="sklearn.impute.MissingIndicator",
        backend="cuml.preprocessing.MissingIndicator",
        params={"missing_values": _MISSING, "features": same, "sparse": same, "error_on_new": same},
        fit=Inputs(dtypes=(*_FLOATS, "integer"), nan=True),  # of a sparse X, cuML's mask is of numbers
        methods=("fit_transform", "transform"),
        inherited=("get_feature_names_out",),
        tolerance=0.0,
        export=Export(restores=False),
        devices=GPU,
    ),
    Row(
        estimator="sklearn.impute.SimpleImputer",
        backend="cuml.preprocessing.SimpleImputer",
        params={
            "missing_values": _MISSING,
            # A constant asks nothing of a GPU, and what becomes of empty columns depends on scikit-learn's version.
            "strategy": only("mean", "median", "most_frequent"),
            "fill_value": ignored("it is read with strategy='constant' only, which is refused"),
            "copy": same,
            "add_indicator": demanded("add_indicator", False),
            "keep_empty_features": demanded("keep_empty_features", False),
        },
        fit=Inputs(
            sparse=("csc",),
            sparse_where=Need("missing_values other than 0", lambda facts, params: params["missing_values"] != 0),
            dtypes=_FLOATS,  # scikit-learn imputes integers with integers
            nan=True,
        ),
        methods=("fit_transform", "transform"),
        inherited=("inverse_transform", "get_feature_names_out"),
        tolerance=1e-9,  # of float64; 1e-16 on a GPU.
        export=Export(tolerance=1e-9, restores=False),
        devices=GPU,
    ),
)
