"""Fitted attributes of ``sklearn.preprocessing`` and ``sklearn.impute``, and scales of constant columns."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import sklearn
from packaging.version import Version
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.preprocessing._data import _is_constant_feature

from accelsk.engines.holding import called

if TYPE_CHECKING:
    from accelsk.engines.held import Held, Read

__all__ = ["AFTER", "FITTED", "RUNS", "count", "standard_scale"]

Array = np.ndarray[Any, Any]


def _double(value: Any) -> Any:
    return None if value is None else np.array(value, dtype=np.float64)


#: scikit-learn counts rows in floats since 1.8.
_COUNTS: type = np.float64 if Version(sklearn.__version__) >= Version("1.8") else np.int64


def count(value: Any) -> Any:
    """Return rows seen as scikit-learn counts them.

    Parameters
    ----------
    value : int or ndarray
        One number, or one for each column where NaN are counted out.

    Returns
    -------
    numpy scalar or ndarray
        The same, in scikit-learn's dtype.
    """
    return np.asarray(value).astype(_COUNTS)[()]


def standard_scale(var: Array, mean: Array, n_samples: Any) -> Array:
    """Return the scale of columns as `sklearn.preprocessing.StandardScaler` has it.

    Parameters
    ----------
    var, mean : ndarray
        Of the columns.
    n_samples : int or ndarray
        The rows, of each column where they differ.

    Returns
    -------
    ndarray
        The standard deviation; 1 for a column that is constant but for rounding, which cuML would blow up.

    Examples
    --------
    >>> standard_scale(np.array([4.0, 1e-34]), np.array([0.0, 0.1]), 1000).tolist()
    [2.0, 1.0]
    """
    scale = np.sqrt(var)
    scale[_is_constant_feature(var, mean, n_samples)] = 1.0
    return scale


def _standard(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    """scikit-learn computes in double precision whatever the data."""
    seen = read("n_samples_seen_")
    idle = not (params["with_mean"] or params["with_std"])  # then scikit-learn only counts, in integers
    return {
        "mean_": _double(read("mean_", None)),
        "var_": _double(read("var_", None)),
        "scale_": _double(read("scale_", None)),
        "n_samples_seen_": np.asarray(seen).astype(np.int64)[()] if idle else count(seen),
    }


def _scale(held: Held, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    """A fit is corrected before anything is transformed."""
    if method not in ("fit", "partial_fit", "fit_transform"):
        return called(held, method, X, given)
    called(held, "fit" if method == "fit_transform" else method, X, given)
    model, home = held.model, held.adapter.home
    if held.stem.with_std:
        mean, var, seen = (home(getattr(model, name)) for name in ("mean_", "var_", "n_samples_seen_"))
        model.scale_ = _device(standard_scale(np.array(var, dtype=np.float64), np.asarray(mean), seen))
    return model.transform(X) if method == "fit_transform" else model


def _device(values: Array) -> Any:
    return import_module("cupy").asarray(values)


def _power(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"lambdas_": _double(_host(read("lambdas_")))}
    if params["standardize"]:
        inner = read("_scaler")
        scaler = StandardScaler(copy=False)
        for name in ("mean_", "var_", "scale_"):
            setattr(scaler, name, _double(_host(getattr(inner, name))))
        scaler.n_samples_seen_ = count(_host(inner.n_samples_seen_))
        scaler.n_features_in_ = len(found["lambdas_"])
        found["_scaler"] = scaler.set_output(transform="default")
    return found


def _host(value: Any) -> Any:
    return value.get() if hasattr(value, "get") else value


def _quantile(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "n_quantiles_": int(read("n_quantiles_")),
        "quantiles_": np.array(read("quantiles_")),
        "references_": _double(read("references_")),
    }


def _bins(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    counts = np.asarray(read("n_bins_")).astype(int)
    edges = np.empty(len(counts), dtype=object)
    for index, column in enumerate(read("bin_edges_")):
        edges[index] = _double(_host(column))
    found: dict[str, Any] = {"n_bins_": counts, "bin_edges_": edges}
    if "onehot" in params["encode"]:
        encoder = OneHotEncoder(
            categories=[np.arange(count) for count in counts], sparse_output=params["encode"] == "onehot"
        )
        found["_encoder"] = encoder.fit(np.zeros((1, len(counts))))
    return found


def _discretize(held: Held, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    """cuML's codes are of other dtypes than scikit-learn's: it finds the bins, and scikit-learn codes."""
    if method != "fit_transform":
        return called(held, method, X, given)
    called(held, "fit", X, given)
    held.fitted, held.made = True, None
    return held.face.transform(held.adapter.home(X))


def _polynomial(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    interactions = params["interaction_only"]
    return {
        "n_output_features_": int(read("n_output_features_")),
        "_min_degree": 0,
        "_max_degree": params["degree"],
        "_n_out_full": PolynomialFeatures._num_combinations(
            n_features=read.n_features,
            min_degree=0,
            max_degree=params["degree"],
            interaction_only=interactions,
            include_bias=params["include_bias"],
        ),
    }


def _centerer(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"K_fit_rows_": np.array(_host(read("K_fit_rows_"))), "K_fit_all_": float(_host(read("K_fit_all_")))}


def _range(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    names = ("data_min_", "data_max_", "data_range_", "min_", "scale_")
    return {**{name: np.array(read(name)) for name in names}, "n_samples_seen_": int(read("n_samples_seen_"))}


def _largest(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "max_abs_": np.array(read("max_abs_")).ravel(),
        "scale_": np.array(read("scale_")).ravel(),
        "n_samples_seen_": int(read("n_samples_seen_")),
    }


def _robust(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "center_": np.array(read("center_")) if params["with_centering"] else None,
        "scale_": np.array(read("scale_")) if params["with_scaling"] else None,
    }


def _nothing(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _imputer(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    dtype = np.dtype(np.float64 if read.double else np.float32)
    return {
        "indicator_": None,
        "statistics_": np.array(read("statistics_")),
        "_fill_dtype": dtype,
        "_fit_dtype": dtype,
    }


def _warn_of_empty(held: Held) -> None:
    """scikit-learn warns when it leaves columns out, and cuML does not."""
    statistics = np.asarray(held.adapter.home(held.model.statistics_))
    if np.isnan(statistics).any():
        warnings.warn(
            f"Skipping features without any observed values: {np.flatnonzero(np.isnan(statistics))}. At least one "
            f"non-missing value is needed for imputation with strategy={held.stem.strategy!r}.",
            stacklevel=2,
        )


def _indicator(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "features_": np.asarray(read("features_")).astype(np.int64),
        "_n_features": read.n_features,
        "_precomputed": False,
    }


FITTED = {
    "Binarizer": _nothing,
    "KBinsDiscretizer": _bins,
    "KernelCenterer": _centerer,
    "MaxAbsScaler": _largest,
    "MinMaxScaler": _range,
    "MissingIndicator": _indicator,
    "Normalizer": _nothing,
    "PolynomialFeatures": _polynomial,
    "PowerTransformer": _power,
    "QuantileTransformer": _quantile,
    "RobustScaler": _robust,
    "SimpleImputer": _imputer,
    "StandardScaler": _standard,
}
AFTER = {"SimpleImputer": _warn_of_empty}
RUNS = {"KBinsDiscretizer": _discretize, "StandardScaler": _scale}
