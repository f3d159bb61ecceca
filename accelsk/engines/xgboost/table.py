"""What XGBoost computes: scikit-learn's gradient boosting, by another grower of the trees, and its own classes."""

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
from accelsk.engines.spec import Distributed, Need, Row

__all__ = ["LOSSES", "ROWS"]

#: By scikit-learn's name.
LOSSES: Mapping[str, Loss] = {
    "log_loss": Loss("binary:logistic", "logloss"),
    "squared_error": Loss("reg:squarederror", "rmse", scale=lambda value: value**2 / 2),
    "absolute_error": Loss("reg:absoluteerror", "mae"),
    "gamma": Loss("reg:gamma", "gamma-nloglik"),
    "poisson": Loss("count:poisson", "poisson-nloglik"),
    "quantile": Loss("reg:quantileerror", "quantile"),
}

#: Losses whose second derivative is 1: the sum of hessians in a leaf is the number of its rows.
_CONSTANT = ("squared_error", "absolute_error", "quantile")


def _leaf(params: Mapping[str, Any]) -> dict[str, Any]:
    """XGBoost bounds the sum of hessians in a leaf, and not its rows.

    Where they are not the same, 1 is XGBoost's own bound: without one it overfits small data (measured: a log loss of
    0.48 for scikit-learn's 0.10 on 569 rows, and 0.08 with it). One row needs none.
    """
    value = params["min_samples_leaf"]
    if not isinstance(value, int):
        raise Refused("min_samples_leaf=a number of rows")
    if params["loss"] in _CONSTANT:
        return {"min_child_weight": float(value)}
    return {"min_child_weight": 1e-3 if value == 1 else 1.0}


_LEAF = together(
    translate=_leaf, text="as `min_child_weight` where the second derivative of the loss is 1; else that is 1, or 0.001"
).without_effect(
    "XGBoost bounds the sum of second derivatives in a leaf, and has nothing for the number of rows",
    where=lambda params: params["loss"] not in _CONSTANT and params["min_samples_leaf"] != 1,
)

_VERBOSE = adjusted(lambda value: 2 if value else 0, "XGBoost is silent at 0", to="verbosity")

#: Where XGBoost would do something else by default, or may do so some day.
_AS_SCIKIT_LEARN: Mapping[str, Rule] = {
    "booster": const("gbtree"),
    "gamma": const(0.0),
    "reg_alpha": const(0.0),
    "max_delta_step": const(0.0),
    "colsample_bytree": const(1.0),
    "colsample_bylevel": const(1.0),
    "scale_pos_weight": const(1.0),
    "num_parallel_tree": const(1),
    "max_cat_to_onehot": const(1, "categories are grouped, and not split off one by one"),
    "max_cat_threshold": const(255, "a group may hold all categories but one"),
    "n_jobs": const(None, "as many threads as OpenMP gives, as in scikit-learn"),
}

_HIST: Mapping[str, Rule] = {
    **HIST,
    **_AS_SCIKIT_LEARN,
    "tree_method": const("hist"),
    "grow_policy": const("lossguide"),
    "subsample": const(1.0),
    "learning_rate": same,
    "max_iter": rename("n_estimators"),
    "max_leaf_nodes": adjusted(lambda value: value or 0, "None as 0", to="max_leaves"),
    "max_depth": adjusted(lambda value: value or 0, "None as 0"),
    "min_samples_leaf": _LEAF,
    "l2_regularization": rename("reg_lambda"),
    "max_features": rename("colsample_bynode").approximate(
        "columns are drawn from another random stream", where=lambda params: params["max_features"] != 1.0
    ),
    "max_bins": rename("max_bin").approximate("the borders of the bins are XGBoost's; few values have their own"),
    "categorical_features": prepared.approximate(
        "XGBoost sorts the categories a little otherwise",
        where=lambda params: params["categorical_features"] is not None,
    ),
    "monotonic_cst": prepared.approximate(
        "XGBoost bounds the leaves below a constrained split otherwise",
        where=lambda params: params["monotonic_cst"] is not None,
    ),
    "verbose": _VERBOSE,
}


def _size(params: Mapping[str, Any]) -> dict[str, Any]:
    leaves = params["max_leaf_nodes"]
    return {
        "max_depth": params["max_depth"] or 0,
        "max_leaves": leaves or 0,
        "grow_policy": "lossguide" if leaves or params["max_depth"] is None else "depthwise",
    }


_SIZE = together("max_depth", "max_leaf_nodes", translate=_size, text="passed on as `max_depth` and `max_leaves`")

_GRADIENT: Mapping[str, Rule] = {
    **GRADIENT,
    **_AS_SCIKIT_LEARN,
    "reg_lambda": const(0.0),
    "max_bin": const(256),
    "learning_rate": same,
    "n_estimators": same,
    "subsample": same.approximate(
        "rows are drawn from another random stream", where=lambda params: params["subsample"] < 1
    ),
    "min_samples_leaf": _LEAF,
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
_NEWTON = (
    "Trees on bins rather than on every value, split by Newton's gain; engine_params can ask for tree_method='exact'."
)
_OF_REGRESSORS = ("squared_error", "absolute_error", "quantile")


def _of_regressors(*names: str) -> Rule:
    return losses(*names).approximate(
        "XGBoost interpolates the quantiles of the leaves otherwise", where=lambda params: params["loss"] == "quantile"
    )


#: To XGBoost an entry that is not stored is missing. With missing=0 zeros are, stored or not, and nothing is ambiguous.
_MISSING = Need("missing=0, which makes zeros missing, stored or not", lambda facts, params: params.get("missing") == 0)


_KINDS = ("cpu", "gpu")


def _by(name: str, note: str = "") -> Distributed:
    return Distributed(backend=f"xgboost.dask.{name}", devices=_KINDS, note=note)


_ALL_ITERATIONS = "early_stopping='auto' means none, for no rows are held out"


def _own(name: str, *methods: str) -> Row:
    made = own(f"xgboost.sklearn.{name}", *methods, distributed=_by(f"Dask{name}"))
    fit = replace(made.fit, sparse=("csr", "csc", "coo"), sparse_where=_MISSING)
    note = "To XGBoost an entry of a sparse matrix that is not stored is missing, and to scikit-learn it is zero."
    return replace(made, fit=fit, note=note)


ROWS = (
    Row(
        **GRADIENT_CLASSIFIER,
        backend="xgboost.sklearn.XGBClassifier",
        distributed=_by("DaskXGBClassifier"),
        params={**_GRADIENT, "loss": losses("log_loss")},
        engine_params={"tree_method": "hist"},
        tolerance=0.03,
        note=_NEWTON,
    ),
    Row(
        **GRADIENT_REGRESSOR,
        backend="xgboost.sklearn.XGBRegressor",
        distributed=_by("DaskXGBRegressor"),
        params={**_GRADIENT, "loss": _of_regressors(*_OF_REGRESSORS), "alpha": prepared},
        engine_params={"tree_method": "hist"},
        tolerance=0.03,
        note=_NEWTON,
    ),
    Row(
        **HIST_CLASSIFIER,
        backend="xgboost.sklearn.XGBClassifier",
        distributed=_by("DaskXGBClassifier", _ALL_ITERATIONS),
        params={**_HIST, "loss": losses("log_loss"), "class_weight": prepared},
        tolerance=0.03,
        note=_BINS,
    ),
    Row(
        **HIST_REGRESSOR,
        backend="xgboost.sklearn.XGBRegressor",
        distributed=_by("DaskXGBRegressor", _ALL_ITERATIONS),
        params={**_HIST, "loss": _of_regressors(*_OF_REGRESSORS, "poisson", "gamma"), "quantile": prepared},
        tolerance=0.03,
        note=_BINS,
    ),
    _own("XGBClassifier", "predict", "predict_proba", "score"),
    _own("XGBRFClassifier", "predict", "predict_proba", "score"),
    _own("XGBRFRegressor", "predict", "score"),
    _own("XGBRanker", "predict"),
    _own("XGBRegressor", "predict", "score"),
)
