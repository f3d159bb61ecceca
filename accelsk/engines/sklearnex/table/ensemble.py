"""Rows of ``sklearn.ensemble``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from accelsk.engines.rules import Refused, Rule, is_number, mapped, only, same, together
from accelsk.engines.sklearnex.table.conditions import HOST_ONLY, ONE_OUTPUT, PERF, on_gpu, size
from accelsk.engines.spec import Export, Inputs, Need, Row, Worth
from accelsk.facts import Facts

__all__ = ["ROWS"]


@lru_cache(maxsize=1)
def _weights_steer_bootstrap() -> bool:
    """Whether scikit-learn draws bootstrap samples in proportion to the weights (1.9), which oneDAL cannot."""
    import sklearn
    from packaging.version import Version

    return Version(sklearn.__version__) >= Version("1.9.dev0")


def _weights_are_computed(facts: Facts, params: Mapping[str, Any]) -> bool:
    return facts.weights == "none" or not params["bootstrap"] or not _weights_steer_bootstrap()


def _class_weight(params: Mapping[str, Any]) -> dict[str, Any]:
    value, bootstrap = params["class_weight"], params["bootstrap"]
    if not (
        value is None
        or isinstance(value, dict)
        or value == "balanced"
        or (value == "balanced_subsample" and not bootstrap)
    ):
        raise Refused("class_weight=None, 'balanced' or a dict; 'balanced_subsample' with bootstrap=False")
    return {"class_weight": value, "bootstrap": bootstrap}


_CLASS_WEIGHT = together(
    "class_weight",
    "bootstrap",
    translate=_class_weight,
    text="class_weight None, 'balanced' or a dict; 'balanced_subsample' only without bootstrap",
)

#: Friedman's criterion and the squared error choose the same splits; from 1.9 on, scikit-learn says so itself.
_SQUARED_ERROR = mapped({"squared_error": "squared_error", "friedman_mse": "squared_error"})


def _params(**differing: Rule) -> dict[str, Rule]:
    return {
        "n_estimators": only(where=lambda value: is_number(value) and value <= 6024, text="at most 6024"),
        "criterion": same,
        "max_depth": same,
        "min_samples_split": same,
        "min_samples_leaf": same,
        "min_weight_fraction_leaf": same,
        "max_features": same,
        "max_leaf_nodes": same,
        "min_impurity_decrease": same,
        "bootstrap": same,
        "oob_score": only(True, False),  # a callable would be replaced by accuracy or R2 without a word
        "n_jobs": same,
        "random_state": same,
        "verbose": same,
        "warm_start": only(False),
        "ccp_alpha": only(0.0),
        "max_samples": only(
            None,
            where=lambda value: is_number(value) and (isinstance(value, int) or value <= 1),
            text="at most 1.0 or a number of rows",
        ),
        "monotonic_cst": only(None),
        **differing,
    }


_WEIGHTS = Need("no sample_weight together with bootstrap=True", _weights_are_computed)
_DRAW = Need(
    "max_samples of at most the number of rows",
    lambda facts, params: not isinstance(params["max_samples"], int) or params["max_samples"] <= size(facts)[0],
)
_CLASSES = Need("two classes or more", lambda facts, params: facts.n_classes > 1)

_CLASSIFIER: dict[str, Any] = {
    "params": _params(criterion=only("gini"), class_weight=_CLASS_WEIGHT, bootstrap=_CLASS_WEIGHT),
    "fit": Inputs(sample_weight=True, needs=(_WEIGHTS, _DRAW, ONE_OUTPUT, _CLASSES)),
    "predict": Inputs(),
    "methods": ("predict", "predict_proba", "score"),
    "inherited": ("predict_log_proba", "apply", "decision_path"),
    "devices": HOST_ONLY,
    "engine_params": {"max_bins": 256, "min_bin_size": 1},
}
_REGRESSOR: dict[str, Any] = {
    **_CLASSIFIER,
    "params": _params(criterion=_SQUARED_ERROR),
    "fit": Inputs(sample_weight=True, needs=(_WEIGHTS, _DRAW, ONE_OUTPUT)),
    "methods": ("predict", "score"),
    "inherited": ("apply", "decision_path"),
}
_SPLITS = "Features are binned (max_bins) before the trees are grown, from another random stream."
_VOTES = (
    " With unequal weights (class_weight, sample_weight) trees vote by the weight of their leaves: predict_proba is "
    "not the mean over estimators_ then."
)
_DRAWS = "There is no estimators_samples_ of drawn rows: oneDAL does not tell them."
_EXPORT_CLASSIFIER = Export(
    tolerance=1e-5,
    double=1e-11,
    restores=False,
    note="Not where rows are weighted unequally: trees then vote by weight, which scikit-learn's do not. " + _DRAWS,
)
_EXPORT_REGRESSOR = Export(tolerance=1e-12, restores=False, note=_DRAWS)
_EXTRA = (
    "Extremely randomized trees of oneDAL are another algorithm in effect: R2 is lower by 0.061 (0.807 for 0.868, six "
    "seeds), accuracy by 0.014. They run only where the engine is named."
)

_ON_HOST = (
    Row(
        estimator="sklearn.ensemble.ExtraTreesClassifier",
        backend="accelsk.engines.sklearnex.forests.ExtraTreesClassifier",
        fidelity="alternative",
        tolerance=0.05,
        export=_EXPORT_CLASSIFIER,
        note=_EXTRA + _VOTES,
        **{**_CLASSIFIER, "fit": Inputs(needs=(_DRAW, ONE_OUTPUT, _CLASSES))},
    ),
    Row(
        estimator="sklearn.ensemble.ExtraTreesRegressor",
        backend="accelsk.engines.sklearnex.forests.ExtraTreesRegressor",
        fidelity="alternative",
        tolerance=0.15,
        export=_EXPORT_REGRESSOR,
        note=_EXTRA,
        **{**_REGRESSOR, "fit": Inputs(needs=(_DRAW, ONE_OUTPUT))},
    ),
    Row(
        estimator="sklearn.ensemble.RandomForestClassifier",
        backend="accelsk.engines.sklearnex.forests.RandomForestClassifier",
        fidelity="statistical",
        tolerance=0.03,
        worth=Worth(ratio=4, seen=PERF),
        export=_EXPORT_CLASSIFIER,
        note=_SPLITS + _VOTES,
        **_CLASSIFIER,
    ),
    Row(
        estimator="sklearn.ensemble.RandomForestRegressor",
        backend="accelsk.engines.sklearnex.forests.RandomForestRegressor",
        fidelity="statistical",
        tolerance=0.03,
        worth=Worth(
            ratio=2,
            seen=PERF,
            needs=(Need("100 columns or fewer", lambda facts, params: size(facts)[1] <= 100),),
        ),
        export=_EXPORT_REGRESSOR,
        note=_SPLITS,
        **_REGRESSOR,
    ),
)
# On a GPU the rows that were not drawn are not looked at. Of weights the library's documentation says that there are
# none, though it passes them on: those of rows and, which it makes the same, those of classes.
_ON_GPU = tuple(
    on_gpu(
        row,
        params={
            **row.params,
            "oob_score": only(False),
            **({"class_weight": only(None), "bootstrap": same} if "class_weight" in row.params else {}),
        },
        fit=replace(row.fit, sample_weight=False, needs=tuple(need for need in row.fit.needs if need is not _WEIGHTS)),
    )
    for row in _ON_HOST
)

ROWS = tuple(row for pair in zip(_ON_HOST, _ON_GPU, strict=True) for row in pair)
