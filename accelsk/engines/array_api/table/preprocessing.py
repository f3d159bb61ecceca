"""Rows of ``sklearn.preprocessing``."""

from __future__ import annotations

from accelsk.engines.array_api.table.conditions import COPY, EXACT, NAMESPACE, SINGLE
from accelsk.engines.array_api.table.versions import since
from accelsk.engines.rules import only, same
from accelsk.engines.spec import Inputs, Need, Row

__all__ = ["ROWS"]

_DENSE = Inputs()
_WITH_NAN = Inputs(nan=True)
_BOTH_WAYS = ("fit_transform", "partial_fit", "transform", "inverse_transform")
# PyTorch does not sort the others.
_SIGNED = Need(
    "labels of a signed type, or of uint8",
    lambda facts, params: facts.dtype.startswith("int") or facts.dtype == "uint8",
)
_NAMES = ("get_feature_names_out",)

ROWS = since(
    "1.9",
    Row(
        estimator="sklearn.preprocessing.Binarizer",
        backend="sklearn.preprocessing.Binarizer",
        params={"threshold": same, "copy": COPY},
        fit=_DENSE,
        methods=("fit_transform", "transform"),
        inherited=_NAMES,
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
    Row(
        estimator="sklearn.preprocessing.KernelCenterer",
        backend="sklearn.preprocessing.KernelCenterer",
        params={},
        fit=_DENSE,
        methods=("fit_transform", "transform"),
        inherited=_NAMES,
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
    Row(
        estimator="sklearn.preprocessing.LabelEncoder",
        backend="sklearn.preprocessing.LabelEncoder",
        params={},
        fit=Inputs(dtypes=("integer",), needs=(_SIGNED,)),
        methods=("fit_transform", "transform", "inverse_transform"),
        engine_params=NAMESPACE,
        export=EXACT,
        note="Whole numbers only: there are no tensors of words.",
    ),
    Row(
        estimator="sklearn.preprocessing.MaxAbsScaler",
        backend="sklearn.preprocessing.MaxAbsScaler",
        params={"copy": COPY, "clip": same},
        fit=_WITH_NAN,
        methods=_BOTH_WAYS,
        inherited=_NAMES,
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
    Row(
        estimator="sklearn.preprocessing.MinMaxScaler",
        backend="sklearn.preprocessing.MinMaxScaler",
        params={"feature_range": same, "copy": COPY, "clip": same},
        fit=_WITH_NAN,
        methods=_BOTH_WAYS,
        inherited=_NAMES,
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
    Row(
        estimator="sklearn.preprocessing.Normalizer",
        backend="sklearn.preprocessing.Normalizer",
        params={"norm": same, "copy": COPY},
        fit=_DENSE,
        methods=("fit_transform", "transform"),
        inherited=_NAMES,
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
    Row(
        estimator="sklearn.preprocessing.PolynomialFeatures",
        backend="sklearn.preprocessing.PolynomialFeatures",
        params={"degree": same, "interaction_only": same, "include_bias": same, "order": only("C")},
        fit=_DENSE,
        methods=("fit_transform", "transform"),
        inherited=_NAMES,
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
    Row(
        estimator="sklearn.preprocessing.StandardScaler",
        backend="sklearn.preprocessing.StandardScaler",
        params={"copy": COPY, "with_mean": same, "with_std": same},
        fit=Inputs(nan=True, sample_weight=True),
        methods=_BOTH_WAYS,
        inherited=_NAMES,
        engine_params=NAMESPACE,
        export=EXACT,
        note=SINGLE,
    ),
)
