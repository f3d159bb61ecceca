"""What LightGBM computes: scikit-learn's gradient boosting, by another grower of the trees, and its own classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from accelsk.engines.boosting import (
    GRADIENT,
    GRADIENT_CLASSIFIER,
    GRADIENT_REGRESSOR,
    HIST,
    HIST_CLASSIFIER,
    HIST_REGRESSOR,
    losses,
    own,
    prepared,
)
from accelsk.engines.recipes import Loss
from accelsk.engines.rules import Refused, Rule, adjusted, const, rename, same, together
from accelsk.engines.spec import Distributed, Row

__all__ = ["LOSSES", "ROWS"]

#: By scikit-learn's name.
LOSSES: Mapping[str, Loss] = {
    "log_loss": Loss("binary", "binary_logloss"),
    "squared_error": Loss("regression", "l2", scale=lambda value: value / 2),
    "absolute_error": Loss("regression_l1", "l1"),
    "gamma": Loss("gamma", "gamma"),
    # By default LightGBM damps the steps.
    "poisson": Loss("poisson", "poisson", keywords={"poisson_max_delta_step": 1e-12}),
    "quantile": Loss("quantile", "quantile"),
}

#: Losses of which the second derivative differs from row to row.
_VARYING = ("log_loss", "poisson", "gamma")

#: As many leaves as LightGBM allows.
_UNBOUNDED = 131_072

_VERBOSE = adjusted(lambda value: 1 if value else -1, "LightGBM is silent at -1", to="verbosity")
_THREADS = const(0, "as many threads as OpenMP gives, as in scikit-learn")

#: Where LightGBM would do something else by default.
_AS_SCIKIT_LEARN: Mapping[str, Rule] = {
    "min_child_weight": const(1e-3, "scikit-learn's smallest sum of hessians in a leaf"),
    "min_data_in_bin": const(1, "scikit-learn's bins have no smallest size"),
    "min_split_gain": const(0.0),
    "enable_bundle": const(False, "bundles of sparse columns are bins of another kind"),
    "subsample_for_bin": const(200_000, "scikit-learn's number of rows from which the bins are made"),
    "reg_alpha": const(0.0),
    "n_jobs": _THREADS,
    # Splits of categories are regularised by default, and left out where a group has few rows.
    "cat_smooth": const(0.0),
    "cat_l2": const(0.0),
    "min_data_per_group": const(1),
    "max_cat_threshold": const(255),
    "max_cat_to_onehot": const(1),
}

_HIST: Mapping[str, Rule] = {
    **HIST,
    **_AS_SCIKIT_LEARN,
    "learning_rate": same,
    "max_iter": rename("n_estimators"),
    "max_leaf_nodes": adjusted(lambda value: value or _UNBOUNDED, "None as 131072", to="num_leaves"),
    "max_depth": adjusted(lambda value: value or -1, "None as -1"),
    "min_samples_leaf": rename("min_child_samples").approximate(
        "LightGBM estimates the rows of a leaf by its sum of hessians, which is a count where all are equal",
        where=lambda params: params["loss"] in _VARYING and params["min_samples_leaf"] > 1,
    ),
    "l2_regularization": rename("reg_lambda"),
    "max_features": rename("feature_fraction_bynode").approximate(
        "columns are drawn from another random stream", where=lambda params: params["max_features"] != 1.0
    ),
    "max_bins": rename("max_bin").approximate("the borders of the bins are LightGBM's; few values have their own"),
    "categorical_features": prepared.approximate(
        "LightGBM looks for the best group of categories from both ends, and sorts them a little otherwise",
        where=lambda params: params["categorical_features"] is not None,
    ),
    "verbose": _VERBOSE,
    "monotonic_cst": prepared.approximate(
        "LightGBM bounds the leaves below a constrained split otherwise",
        where=lambda params: params["monotonic_cst"] is not None,
    ),
}


def _size(params: Mapping[str, Any]) -> dict[str, Any]:
    """A tree of a depth has at most so many leaves; without that LightGBM would stop at 31."""
    depth, leaves = params["max_depth"], params["max_leaf_nodes"]
    bound = _UNBOUNDED if depth is None else 2 ** min(int(depth), 17)
    return {"max_depth": depth or -1, "num_leaves": max(2, min(bound, leaves or _UNBOUNDED))}


_SIZE = together("max_depth", "max_leaf_nodes", translate=_size, text="passed on as `max_depth` and `num_leaves`")


def _leaf(params: Mapping[str, Any]) -> dict[str, Any]:
    value = params["min_samples_leaf"]
    if not isinstance(value, int):
        raise Refused("min_samples_leaf=a number of rows")
    return {"min_child_samples": value}


_GRADIENT: Mapping[str, Rule] = {
    **GRADIENT,
    **_AS_SCIKIT_LEARN,
    "reg_lambda": const(0.0),
    "max_bin": const(255),
    "learning_rate": same,
    "n_estimators": same,
    "subsample": same.approximate(
        "rows are drawn from another random stream", where=lambda params: params["subsample"] < 1
    ),
    "subsample_freq": const(1, "else `subsample` would have no effect"),
    "min_samples_leaf": together(translate=_leaf, text="as `min_child_samples`; no fraction"),
    "max_depth": _SIZE,
    "max_leaf_nodes": _SIZE,
    "max_features": prepared.approximate(
        "drawn for each split from another random stream", where=lambda params: params["max_features"] is not None
    ),
    "verbose": _VERBOSE,
}

_BINS = (
    "The trees are scikit-learn's where columns have few values; else the bins differ a little, and so do the trees."
)
_NEWTON = "Trees on bins rather than on every value, split by Newton's gain."
#: Without it a GPU adds in single precision, and scikit-learn in double.
_ENGINE_PARAMS = {"gpu_use_dp": True}
_SPARSE = ("csr", "csc")
_OF_REGRESSORS = ("squared_error", "absolute_error", "quantile")


def _sparse(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "fit": replace(row["fit"], sparse=_SPARSE)}


#: Its CUDA learner is for one machine (LightGBM's ``tree_learner.cpp``), and an OpenCL device is numbered on each.
_BY_REGRESSOR = Distributed(backend="lightgbm.dask.DaskLGBMRegressor", note="on processors only")
_BY_RANKER = replace(_BY_REGRESSOR, backend="lightgbm.dask.DaskLGBMRanker")
_ALL_ITERATIONS = replace(
    _BY_REGRESSOR, note="on processors only; early_stopping='auto' means none, for no rows are held out"
)


def _own(name: str, *methods: str, distributed: Distributed = _BY_REGRESSOR) -> Row:
    made = own(f"lightgbm.sklearn.{name}", *methods, distributed=distributed)
    return replace(made, fit=replace(made.fit, sparse=_SPARSE))


ROWS = (
    Row(
        **_sparse(GRADIENT_CLASSIFIER),
        backend="lightgbm.sklearn.LGBMClassifier",
        distributed=_BY_REGRESSOR,
        params={**_GRADIENT, "loss": losses("log_loss")},
        engine_params=_ENGINE_PARAMS,
        tolerance=0.03,
        note=_NEWTON,
    ),
    Row(
        **_sparse(GRADIENT_REGRESSOR),
        backend="lightgbm.sklearn.LGBMRegressor",
        distributed=_BY_REGRESSOR,
        params={**_GRADIENT, "loss": losses(*_OF_REGRESSORS), "alpha": prepared},
        engine_params=_ENGINE_PARAMS,
        tolerance=0.03,
        note=_NEWTON,
    ),
    Row(
        **HIST_CLASSIFIER,
        backend="lightgbm.sklearn.LGBMClassifier",
        distributed=_ALL_ITERATIONS,
        params={**_HIST, "loss": losses("log_loss"), "class_weight": prepared},
        engine_params=_ENGINE_PARAMS,
        tolerance=0.03,
        note=_BINS,
    ),
    Row(
        **HIST_REGRESSOR,
        backend="lightgbm.sklearn.LGBMRegressor",
        distributed=_ALL_ITERATIONS,
        params={**_HIST, "loss": losses(*_OF_REGRESSORS, "poisson", "gamma"), "quantile": prepared},
        engine_params=_ENGINE_PARAMS,
        tolerance=0.03,
        note=_BINS,
    ),
    _own("LGBMClassifier", "predict", "predict_proba", "score"),
    _own("LGBMRanker", "predict", distributed=_BY_RANKER),
    _own("LGBMRegressor", "predict", "score"),
)
