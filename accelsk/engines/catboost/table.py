"""What CatBoost computes: scikit-learn's gradient boosting, as near as it comes to that, and its own classes.

Regressions are told scikit-learn's hyperparameters in full: for the squared error the trees are the same. Classifiers
keep CatBoost's own kind of tree and regularisation: told everything, they are worse (log loss 0.38 for 0.09 on 569
rows, scikit-learn 0.11), because it takes no Newton steps in choosing splits there.
"""

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
    fixed,
    losses,
    own,
    prepared,
)
from accelsk.engines.recipes import Loss
from accelsk.engines.rules import Refused, Rule, adjusted, const, ignored, rename, same, together
from accelsk.engines.spec import Row

__all__ = ["LOSSES", "ROWS"]

#: By scikit-learn's name; CatBoost's metrics are called as its losses.
LOSSES: Mapping[str, Loss] = {
    "log_loss": Loss("Logloss", "Logloss"),
    "squared_error": Loss("RMSE", "RMSE", scale=lambda value: value**2 / 2),
    "absolute_error": Loss("MAE", "MAE"),
    "poisson": Loss("Poisson", "Poisson"),
    "quantile": Loss("Quantile", "Quantile"),
}

#: CatBoost grows no deeper trees.
_DEEPEST = 16

_VERBOSE = adjusted(bool, "CatBoost is silent at False")

_ALWAYS: Mapping[str, Rule] = {
    "allow_writing_files": const(False, "a fit leaves no files"),
    "boosting_type": const("Plain", "ordered boosting is another algorithm"),
    "use_best_model": const(False, "scikit-learn keeps all iterations up to the stop"),
    "thread_count": const(-1, "all threads, as in scikit-learn"),
    "verbose": _VERBOSE,
}

#: Where CatBoost would do something else by default.
_AS_SCIKIT_LEARN: Mapping[str, Rule] = {
    "random_strength": const(0.0, "CatBoost adds noise to the gains of splits by default"),
    "score_function": const("L2"),
    "leaf_estimation_iterations": const(1),
}


def _bins(value: Any) -> int:
    return min(int(value) - 1, 254)


_BINS = adjusted(_bins, "one less: as the number of borders, at most 254", to="border_count").approximate(
    "the borders of the bins are CatBoost's"
)
_CATEGORIES = prepared.approximate(
    "CatBoost computes numbers from the targets of each category, in a random order: another algorithm",
    where=lambda params: params["categorical_features"] is not None,
)
_OWN_REGULARISATION = "CatBoost's classifiers keep their own regularisation, which is worse without (see the note)"
_SYMMETRIC = "CatBoost's classifiers grow symmetric trees"


def _tree(params: Mapping[str, Any]) -> dict[str, Any]:
    """The shape of scikit-learn's trees."""
    depth = params["max_depth"]
    if depth is not None and depth > _DEEPEST:
        raise Refused(f"max_depth of at most {_DEEPEST}")
    shape: dict[str, Any] = {"depth": depth or _DEEPEST, "grow_policy": "Depthwise"}
    if params["max_leaf_nodes"] is not None:
        shape |= {"grow_policy": "Lossguide", "max_leaves": params["max_leaf_nodes"]}
    return shape


_TREE = together(
    "max_depth",
    "max_leaf_nodes",
    translate=_tree,
    text="passed on as `depth` and `max_leaves`, with grow_policy='Lossguide' or 'Depthwise'; a depth of at most 16",
).approximate(
    "a tree is 16 deep at most",
    where=lambda params: params["max_depth"] is None,
)


def _symmetric(params: Mapping[str, Any]) -> dict[str, Any]:
    depth = params["max_depth"]
    if depth is not None and depth > _DEEPEST:
        raise Refused(f"max_depth of at most {_DEEPEST}")
    return {} if depth is None else {"depth": depth}


_LEAF_TEXT = "as `min_data_in_leaf`"
_LEAF_GRADE = "CatBoost does not split smaller leaves, but splits may leave smaller ones"


def _leaf(params: Mapping[str, Any]) -> dict[str, Any]:
    value = params["min_samples_leaf"]
    if not isinstance(value, int):
        raise Refused("min_samples_leaf=a number of rows")
    return {"min_data_in_leaf": value}


def _rows(params: Mapping[str, Any]) -> dict[str, Any]:
    if params["subsample"] == 1.0:
        return {"bootstrap_type": "No"}
    return {"subsample": params["subsample"], "bootstrap_type": "Bernoulli"}


_SAMPLED = together(
    translate=_rows, text="with bootstrap_type='Bernoulli', without which CatBoost refuses it"
).approximate("rows are drawn from another random stream", where=lambda params: params["subsample"] < 1)

_OF_EVERY_HIST: Mapping[str, Rule] = {
    **HIST,
    **_ALWAYS,
    "monotonic_cst": fixed("monotonic_cst", None),
    "interaction_cst": fixed("interaction_cst", None),
    "bootstrap_type": const("No"),
    "learning_rate": same,
    "max_iter": rename("iterations"),
    "max_features": rename("rsm").approximate(
        "columns are drawn for each tree or level, and not for each split",
        where=lambda params: params["max_features"] != 1.0,
    ),
    "max_bins": _BINS,
    "categorical_features": _CATEGORIES,
}
_NOISE = prepared.approximate("CatBoost adds noise to the gains of splits: without a random_state two fits differ")
_HIST_CLASSIFIER: Mapping[str, Rule] = {
    **_OF_EVERY_HIST,
    "random_state": _NOISE,
    "loss": losses("log_loss"),
    "class_weight": prepared,
    "max_depth": together(translate=_symmetric, text="as `depth` where it is given; at most 16").approximate(
        _SYMMETRIC
    ),
    "max_leaf_nodes": ignored("a symmetric tree has 2 ** depth leaves").without_effect(_SYMMETRIC),
    "min_samples_leaf": ignored("symmetric trees have no such bound").without_effect(_SYMMETRIC),
    "l2_regularization": together(
        translate=lambda params: {"l2_leaf_reg": params["l2_regularization"] or 3.0},
        text="as `l2_leaf_reg`; 0.0 as CatBoost's own 3.0",
    ).approximate(_OWN_REGULARISATION),
}
_HIST_REGRESSOR: Mapping[str, Rule] = {
    **_OF_EVERY_HIST,
    **_AS_SCIKIT_LEARN,
    "loss": losses("squared_error", "absolute_error", "poisson", "quantile").approximate(
        "CatBoost estimates the leaves otherwise", where=lambda params: params["loss"] != "squared_error"
    ),
    "quantile": prepared,
    "max_depth": _TREE,
    "max_leaf_nodes": _TREE,
    "min_samples_leaf": together(translate=_leaf, text=_LEAF_TEXT).approximate(
        _LEAF_GRADE, where=lambda params: params["min_samples_leaf"] != 1
    ),
    "l2_regularization": rename("l2_leaf_reg"),
}

_OF_EVERY_GRADIENT: Mapping[str, Rule] = {
    **GRADIENT,
    **_ALWAYS,
    "border_count": const(254),
    "learning_rate": same,
    "n_estimators": rename("iterations"),
    "subsample": _SAMPLED,
    "max_features": prepared.approximate(
        "columns are drawn for each tree or level, and not for each split",
        where=lambda params: params["max_features"] is not None,
    ),
}
_GRADIENT_CLASSIFIER: Mapping[str, Rule] = {
    **_OF_EVERY_GRADIENT,
    "random_state": _NOISE,
    "loss": losses("log_loss"),
    "max_depth": together(translate=_symmetric, text="as `depth`; at most 16").approximate(_SYMMETRIC),
    "max_leaf_nodes": ignored("a symmetric tree has 2 ** depth leaves").without_effect(
        _SYMMETRIC, where=lambda params: params["max_leaf_nodes"] is not None
    ),
    "min_samples_leaf": ignored("symmetric trees have no such bound").without_effect(
        _SYMMETRIC, where=lambda params: params["min_samples_leaf"] != 1
    ),
    "l2_leaf_reg": const(3.0, _OWN_REGULARISATION),
}
_GRADIENT_REGRESSOR: Mapping[str, Rule] = {
    **_OF_EVERY_GRADIENT,
    **_AS_SCIKIT_LEARN,
    "loss": losses("squared_error", "absolute_error", "quantile").approximate(
        "CatBoost estimates the leaves otherwise", where=lambda params: params["loss"] != "squared_error"
    ),
    "alpha": prepared,
    "max_depth": _TREE,
    "max_leaf_nodes": _TREE,
    "min_samples_leaf": together(translate=_leaf, text=_LEAF_TEXT).approximate(
        _LEAF_GRADE, where=lambda params: params["min_samples_leaf"] != 1
    ),
    "l2_leaf_reg": const(0.0),
}

_OF_CLASSIFIERS = (
    "Symmetric trees with CatBoost's own regularisation: told scikit-learn's in full, it is worse (log loss 0.38 for "
    "0.09 on 569 rows)."
)
_OF_REGRESSORS = "For the squared error the trees are scikit-learn's where columns have few values."
_SPARSE = ("csr", "csc")


def _sparse(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "fit": replace(row["fit"], sparse=_SPARSE)}


def _own(name: str, *methods: str) -> Row:
    made = own(f"catboost.core.{name}", *methods, jobs="thread_count")
    note = "Silent and without files where its own parameters do not ask for them, as estimators of scikit-learn are."
    return replace(made, fit=replace(made.fit, sparse=_SPARSE), note=note)


ROWS = (
    _own("CatBoostClassifier", "predict", "predict_proba", "predict_log_proba", "score"),
    _own("CatBoostRanker", "predict"),
    _own("CatBoostRegressor", "predict", "score"),
    Row(
        **_sparse(GRADIENT_CLASSIFIER),
        backend="catboost.core.CatBoostClassifier",
        params=_GRADIENT_CLASSIFIER,
        jobs="thread_count",
        tolerance=0.03,
        note=_OF_CLASSIFIERS,
    ),
    Row(
        **_sparse(GRADIENT_REGRESSOR),
        backend="catboost.core.CatBoostRegressor",
        params=_GRADIENT_REGRESSOR,
        jobs="thread_count",
        tolerance=0.05,
        note=_OF_REGRESSORS,
    ),
    Row(
        **HIST_CLASSIFIER,
        backend="catboost.core.CatBoostClassifier",
        params=_HIST_CLASSIFIER,
        jobs="thread_count",
        tolerance=0.03,
        note=_OF_CLASSIFIERS,
    ),
    Row(
        **HIST_REGRESSOR,
        backend="catboost.core.CatBoostRegressor",
        params=_HIST_REGRESSOR,
        jobs="thread_count",
        tolerance=0.05,
        note=_OF_REGRESSORS,
    ),
)
