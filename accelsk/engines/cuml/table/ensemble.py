"""Rows of ``sklearn.ensemble``. The tolerances are those of scores on some hundred rows, as seen on a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.cuml.table.conditions import (
    CLASSES,
    GPU,
    JOBS,
    ONE_OUTPUT,
    SILENT,
    WEIGHTS,
    demanded,
    size,
)
from accelsk.engines.rules import Refused, Rule, const, mapped, only, same, together
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = ["ROWS"]


def _draws(params: Mapping[str, Any]) -> dict[str, Any]:
    bootstrap, share = params["bootstrap"], params["max_samples"]
    if share is None:
        return {"bootstrap": bootstrap, "max_samples": 1.0}
    if not bootstrap or not isinstance(share, float):
        raise Refused("max_samples=None, or a float with bootstrap=True")
    return {"bootstrap": bootstrap, "max_samples": share}


_DRAWS = together(
    "bootstrap",
    "max_samples",
    translate=_draws,
    text="max_samples as a share of the rows, and only where rows are drawn",
)


def _params(criterion: Rule, **more: Rule) -> dict[str, Rule]:
    return {
        "n_estimators": same,
        "criterion": criterion,
        "max_depth": same,
        "min_samples_split": same,
        "min_samples_leaf": same,
        "min_weight_fraction_leaf": demanded("min_weight_fraction_leaf", 0.0),
        "max_features": same,
        # scikit-learn grows the best leaf first until there are so many, cuML level by level: other trees.
        "max_leaf_nodes": mapped({None: -1}, to="max_leaves"),
        # cuML compares the decrease within the node, scikit-learn its share in that of the whole tree.
        "min_impurity_decrease": only(0.0),
        "bootstrap": _DRAWS,
        "oob_score": only(True, False),
        **JOBS,
        "random_state": same,
        **SILENT,
        "warm_start": demanded("warm_start", False),
        "ccp_alpha": demanded("ccp_alpha", 0.0),
        "max_samples": _DRAWS,
        "monotonic_cst": demanded("monotonic_cst", None),
        **more,
    }


_COLUMNS = Need(
    "max_features of at most the number of columns",
    lambda facts, params: not isinstance(params["max_features"], int) or params["max_features"] <= size(facts)[1],
)
# scikit-learn counts the rows of each class for "balanced", cuML their weights.
_ONE_WEIGHING = Need(
    "no sample_weight together with class_weight='balanced'",
    lambda facts, params: params["class_weight"] != "balanced" or facts.weights == "none",
)
_NATIVE: Mapping[str, Any] = {"n_bins": 128, "max_batch_size": 4096, "n_streams": 4}
_SPLITS = "Features are binned (n_bins) before the trees are grown, from another random stream."
_SAMPLES = {"estimators_samples_": "cuML does not tell which rows it drew"}
_EXPORT = Export(
    tolerance=1e-5,
    restores=False,
    note="The impurity and value of inner nodes are computed from the leaves and the numbers of rows that cuML tells: "
    "feature_importances_ are scikit-learn's where rows are weighted alike. There is no estimators_samples_",
)

ROWS = (
    Row(
        estimator="sklearn.ensemble.IsolationForest",
        backend="cuml.ensemble.IsolationForest",
        params={
            "n_estimators": same,
            "max_samples": same,
            "contamination": same,
            "max_features": same,
            "bootstrap": same,
            **JOBS,
            "random_state": same,
            **SILENT,
            "warm_start": demanded("warm_start", False),
            "max_depth": const(None, "as deep as scikit-learn's, the logarithm of the rows per tree"),
        },
        fit=Inputs(needs=(_COLUMNS,)),
        methods=("fit_predict", "predict", "decision_function", "score_samples"),
        fidelity="statistical",
        # The share of equal labels was 0.96 to 0.99 on a GPU; of two seeds of scikit-learn's it is 0.98 to 0.99.
        tolerance=0.05,
        devices=GPU,
        absent=_SAMPLES,
        export=Export(
            tolerance=1e-4,
            restores=False,
            note="Not where a leaf is so large that its path length does not tell the number of its rows",
        ),
        note="The trees are grown from another random stream.",
    ),
    Row(
        estimator="sklearn.ensemble.RandomForestClassifier",
        backend="cuml.ensemble.RandomForestClassifier",
        params=_params(
            mapped({"gini": "gini", "entropy": "entropy", "log_loss": "entropy"}, to="split_criterion"),
            class_weight=only(None, "balanced", where=lambda value: isinstance(value, dict), text="a dict"),
        ),
        fit=Inputs(sample_weight=True, needs=(ONE_OUTPUT, CLASSES, WEIGHTS, _COLUMNS, _ONE_WEIGHING)),
        predict=Inputs(),
        methods=("predict", "predict_proba", "predict_log_proba", "score"),
        inherited=("apply", "decision_path"),
        fidelity="statistical",
        tolerance=0.03,
        devices=GPU,
        engine_params=_NATIVE,
        absent=_SAMPLES,
        export=_EXPORT,
        note=_SPLITS,
    ),
    Row(
        estimator="sklearn.ensemble.RandomForestRegressor",
        backend="cuml.ensemble.RandomForestRegressor",
        params=_params(
            # Friedman's criterion and the squared error choose the same splits; from 1.9 on, scikit-learn says so.
            mapped({"squared_error": "mse", "friedman_mse": "mse", "poisson": "poisson"}, to="split_criterion")
        ),
        fit=Inputs(sample_weight=True, needs=(ONE_OUTPUT, WEIGHTS, _COLUMNS)),
        predict=Inputs(),
        methods=("predict", "score"),
        inherited=("apply", "decision_path"),
        fidelity="statistical",
        tolerance=0.03,
        devices=GPU,
        engine_params=_NATIVE,
        absent=_SAMPLES,
        export=_EXPORT,
        note=_SPLITS,
    ),
)
