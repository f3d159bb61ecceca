"""Rows of ``sklearn.preprocessing`` for numbers; those for categories are in `encoding`.

cuML's classes are an older scikit-learn's code on CuPy: what was added or corrected since is refused here, or done
before and after the call.

Without a row: ``FunctionTransformer``, which would call the user's function, written for NumPy or pandas, with arrays
of CuPy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.cuml.table.conditions import GPU, demanded
from accelsk.engines.rules import Refused, Rule, adjusted, ignored, only, same, together
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = ["ROWS"]

#: What scikit-learn transforms to integers, or leaves as integers, is float64 here: those are refused.
_FLOATS = ("float64", "float32")
_COMPRESSED = ("csr", "csc")

_FINITE_IF_SPARSE = Need("a dense X, or no NaN", lambda facts, params: facts.sparse is None or not facts.has_nan)


def _not(name: str) -> Need:
    return Need(f"{name}=False", lambda facts, params: not params[name])


def _edges(params: Mapping[str, Any]) -> dict[str, Any]:
    strategy, method = params["strategy"], params.get("quantile_method", "linear")
    if strategy == "quantile" and method not in ("linear", "warn"):
        raise Refused("quantile_method='linear' with strategy='quantile', or another strategy")
    return {"strategy": strategy}


_ALL_ROWS = "the bins are made of all rows, not of a sample of them"


def _sampled(params: Mapping[str, Any]) -> bool:
    return params["subsample"] is not None


def _degree(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


_CLIP: Rule = demanded("clip", False)

ROWS = (
    Row(
        estimator="sklearn.preprocessing.Binarizer",
        backend="cuml.preprocessing.Binarizer",
        params={"threshold": same, "copy": same},
        fit=Inputs(sparse=_COMPRESSED, dtypes=_FLOATS),
        methods=("fit_transform", "transform"),
        inherited=("get_feature_names_out",),
        tolerance=0.0,
        export=Export(restores=False),
        devices=GPU,
    ),
    Row(
        estimator="sklearn.preprocessing.KBinsDiscretizer",
        backend="cuml.preprocessing.KBinsDiscretizer",
        params={
            "n_bins": same,
            "encode": same,
            "strategy": together(translate=_edges, text="passed on; quantiles are interpolated linearly"),
            "quantile_method": ignored("it is judged with strategy").versions(since="1.7"),
            "dtype": demanded("dtype", None, where=lambda value: value == "float64", text="float64"),
            "subsample": ignored(_ALL_ROWS).without_effect(_ALL_ROWS, where=_sampled),
            "random_state": ignored("no rows are drawn"),
        },
        fit=Inputs(dtypes=("float64", "integer", "boolean")),  # of float32, scikit-learn's codes are float32, too
        # cuML's codes are of other dtypes than scikit-learn's: the bins are what it computes.
        methods=(),
        inherited=("fit_transform", "transform", "inverse_transform", "get_feature_names_out"),
        fidelity="statistical",
        tolerance=0.01,  # strategy='kmeans' has other centres, which move the bins a little. To be confirmed on a GPU.
        export=Export(restores=False),
        devices=GPU,
        note="Data are transformed by scikit-learn, with the bins that cuML found.",
    ),
    Row(
        estimator="sklearn.preprocessing.KernelCenterer",
        backend="cuml.preprocessing.KernelCenterer",
        params={},
        fit=Inputs(),
        methods=("fit_transform", "transform"),
        inherited=("get_feature_names_out",),
        tolerance=1e-9,  # of float64: sums in another order; 2e-15 on a GPU.
        export=Export(tolerance=1e-9, restores=False),
        devices=GPU,
    ),
    Row(
        estimator="sklearn.preprocessing.MaxAbsScaler",
        backend="cuml.preprocessing.MaxAbsScaler",
        params={"copy": same, "clip": _CLIP.versions(since="1.8")},
        fit=Inputs(sparse=_COMPRESSED, nan=True, needs=(_FINITE_IF_SPARSE,)),
        predict=Inputs(sparse=_COMPRESSED, nan=True),
        methods=("fit_transform", "partial_fit", "transform", "inverse_transform"),
        inherited=("get_feature_names_out",),
        tolerance=1e-12,  # of float64; 2e-15 at most on a GPU.
        export=Export(tolerance=1e-12, restores=False),
        devices=GPU,
    ),
    Row(
        estimator="sklearn.preprocessing.MinMaxScaler",
        backend="cuml.preprocessing.MinMaxScaler",
        params={"feature_range": same, "copy": same, "clip": _CLIP},
        fit=Inputs(nan=True),
        methods=("fit_transform", "partial_fit", "transform", "inverse_transform"),
        inherited=("get_feature_names_out",),
        tolerance=1e-12,  # of float64; 2e-15 at most on a GPU.
        export=Export(tolerance=1e-12, restores=False),
        devices=GPU,
    ),
    Row(
        estimator="sklearn.preprocessing.Normalizer",
        backend="cuml.preprocessing.Normalizer",
        params={"norm": same, "copy": same},
        fit=Inputs(sparse=("csr",)),
        methods=("fit_transform", "transform"),
        inherited=("get_feature_names_out",),
        tolerance=1e-12,  # of float64; 2e-15 at most on a GPU.
        export=Export(tolerance=1e-12, restores=False),
        devices=GPU,
    ),
    Row(
        estimator="sklearn.preprocessing.PolynomialFeatures",
        backend="cuml.preprocessing.PolynomialFeatures",
        params={
            "degree": only(where=_degree, text="a whole number of 1 or more"),
            "interaction_only": same,
            "include_bias": same,
            "order": same,
        },
        fit=Inputs(
            sparse=("csr",),
            sparse_where=Need("a degree of 3 or less", lambda facts, params: params["degree"] <= 3),
        ),
        methods=("fit_transform", "transform"),
        inherited=("get_feature_names_out",),
        tolerance=1e-12,  # of float64; 2e-15 at most on a GPU.
        export=Export(tolerance=1e-12, restores=False),
        devices=GPU,
    ),
    Row(
        estimator="sklearn.preprocessing.PowerTransformer",
        backend="cuml.preprocessing.PowerTransformer",
        params={"method": same, "standardize": same, "copy": same},
        fit=Inputs(nan=True),
        methods=("fit_transform", "transform", "inverse_transform"),
        inherited=("get_feature_names_out",),
        # Both search the maximum of the likelihood, which is flat: half of the digits; 6e-8 on a GPU.
        tolerance=1e-4,
        export=Export(tolerance=1e-9, restores=False),
        devices=GPU,
        note="With a constant column, cuML's search for the exponent ends in an error.",
    ),
    Row(
        estimator="sklearn.preprocessing.QuantileTransformer",
        backend="cuml.preprocessing.QuantileTransformer",
        params={
            "n_quantiles": same,
            "output_distribution": same,
            "ignore_implicit_zeros": same,
            "subsample": adjusted(
                lambda value: 2**62 if value is None else value, "None as a number that no data reach: cuML compares it"
            ),
            "random_state": same,
            "copy": same,
        },
        fit=Inputs(sparse=("csc",), nan=True),
        methods=("fit_transform", "transform", "inverse_transform"),
        inherited=("get_feature_names_out",),
        tolerance=1e-6,  # of float64: quantiles are computed by NumPy, as scikit-learn's; 4e-16 on a GPU.
        export=Export(tolerance=1e-9, restores=False),
        devices=GPU,
        note="The quantiles are found on the host; the GPU interpolates.",
    ),
    Row(
        estimator="sklearn.preprocessing.RobustScaler",
        backend="cuml.preprocessing.RobustScaler",
        params={
            "with_centering": same,
            "with_scaling": same,
            "quantile_range": same,
            "copy": same,
            "unit_variance": demanded("unit_variance", False),
        },
        # NaN would count as the largest values of the median.
        fit=Inputs(sparse=("csc",), sparse_where=_not("with_centering")),
        predict=Inputs(sparse=_COMPRESSED, sparse_where=_not("with_centering"), nan=True),
        methods=("fit_transform", "transform", "inverse_transform"),
        inherited=("get_feature_names_out",),
        tolerance=1e-9,  # of float64; 3e-14 at most on a GPU.
        export=Export(tolerance=1e-9, restores=False),
        devices=GPU,
    ),
    Row(
        estimator="sklearn.preprocessing.StandardScaler",
        backend="cuml.preprocessing.StandardScaler",
        params={"copy": same, "with_mean": same, "with_std": same},
        fit=Inputs(sparse=_COMPRESSED, sparse_where=_not("with_mean"), nan=True, needs=(_FINITE_IF_SPARSE,)),
        predict=Inputs(sparse=_COMPRESSED, sparse_where=_not("with_mean"), nan=True),
        # A second sparse batch would leave mean and variance as they were.
        operations={"partial_fit": Inputs(nan=True)},
        methods=("fit_transform", "partial_fit", "transform", "inverse_transform"),
        inherited=("get_feature_names_out",),
        tolerance=1e-9,  # of float64; 3e-14 at most on a GPU.
        export=Export(tolerance=1e-9, restores=False),
        devices=GPU,
    ),
)
