"""Rows of ``sklearn.linear_model``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
from packaging.version import Version

from accelsk.engines.rules import Refused, Rule, is_number, only, same, together
from accelsk.engines.sklearnex.table.conditions import (
    EVERYWHERE,
    HOST_ONLY,
    N_JOBS,
    ONE_OUTPUT,
    PERF,
    SPARSE,
    always,
    on_gpu,
    rows_at_least,
    size,
)
from accelsk.engines.spec import Export, Inputs, Need, Row, Worth

__all__ = ["ROWS"]

# scikit-learn's own predict is one matrix product on coef_, and twice as fast as the call into oneDAL.
_DENSE = Inputs()
_PREDICT = Inputs(sparse=SPARSE)


# From 1.9 on C=inf is how scikit-learn says that there is no penalty, and sklearnex falls back for it.
_INFINITE_C = Version(version("scikit-learn")) < Version("1.9")


def _penalty(params: Mapping[str, Any]) -> dict[str, Any]:
    penalty, strength, l1_ratio = params["penalty"], params["C"], params["l1_ratio"]
    finite = penalty != "deprecated" or strength != np.inf or _INFINITE_C
    if penalty not in ("deprecated", "l2", None) or l1_ratio or not finite:
        raise Refused("an L2 penalty: l1_ratio=0 and a finite C")
    return {"penalty": penalty, "C": strength, "l1_ratio": l1_ratio}


_PENALTY = together("penalty", "C", "l1_ratio", translate=_penalty, text="an L2 penalty: l1_ratio=0 and a finite C")


def _penalty_on_gpu(params: Mapping[str, Any]) -> dict[str, Any]:
    if params["penalty"] not in ("deprecated", "l2") or params["l1_ratio"] or not np.isfinite(params["C"]):
        raise Refused("an L2 penalty: l1_ratio=0 and a finite C")
    return {name: params[name] for name in ("penalty", "C", "l1_ratio")}


_PENALTY_ON_GPU = together(
    "penalty", "C", "l1_ratio", translate=_penalty_on_gpu, text="an L2 penalty: l1_ratio=0 and a finite C"
)


def _penalty_cv(params: Mapping[str, Any]) -> dict[str, Any]:
    penalty, ratios = params["penalty"], params["l1_ratios"]
    without_l1 = ratios is None or isinstance(ratios, str) or not np.any(ratios)
    if penalty not in ("deprecated", "l2") or not without_l1:
        raise Refused("an L2 penalty: l1_ratios=(0,)")
    return {"penalty": penalty, "l1_ratios": ratios}


_PENALTY_CV = together("penalty", "l1_ratios", translate=_penalty_cv, text="an L2 penalty: l1_ratios=(0,)")


def _seed(params: Mapping[str, Any]) -> dict[str, Any]:
    seed = params["random_state"]
    if params["selection"] != "random":
        seed = None  # nothing is drawn, and the engine would choke on a generator
    elif isinstance(seed, np.random.RandomState):
        seed = int(seed.randint(np.iinfo(np.int32).max))
    return {"random_state": seed, "selection": params["selection"]}


_SEED = together("random_state", "selection", translate=_seed, text="a generator is replaced by a seed drawn from it")

_LOGISTIC: dict[str, Rule] = {
    "dual": only(False),
    "tol": same,
    "fit_intercept": same,
    "intercept_scaling": same,
    "class_weight": only(None),
    "random_state": same,
    "solver": only("lbfgs"),
    "max_iter": same,
    "verbose": same,
    "n_jobs": same,
    "multi_class": same.versions(until="1.8"),
}
_PROBABILITIES = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score", "sparsify", "densify")

_DESCENT: dict[str, Rule] = {
    "alpha": same,
    "fit_intercept": same,
    "precompute": same,
    "max_iter": same,
    "copy_X": same,
    "tol": same,
    "warm_start": same,
    "positive": same,
    "random_state": _SEED,
    "selection": _SEED,
}
# With fewer rows the solution is not unique, and the intercept counts towards the norm that is minimized.
_UNIQUE = Need(
    "more rows than columns, unless fit_intercept=False",
    lambda facts, params: size(facts)[0] > size(facts)[1] or not params["fit_intercept"],
)
_CONDITION: Mapping[str, float] = {"float64": 1e9, "integer": 1e9, "boolean": 1e9, "float32": 1e4}
# Of ill-conditioned columns scikit-learn drops the directions whose singular value is below `tol` of the largest (from
# 1.9 on; below rounding before), and oneDAL, which solves the normal equations, other ones. The condition of the Gram
# matrix is the square of that of X; by 1e9 half of the digits of float64 are lost in it.
_WELL_CONDITIONED = Need(
    "linearly independent columns of comparable scale",
    lambda facts, params: facts.well_conditioned(
        min(_CONDITION[facts.dtype_kind], 1 / max(params.get("tol", 0.0), 1e-9) ** 2),
        centred=bool(params["fit_intercept"]),
    ),
)
# The intercept counts towards the norm that is minimized.
_UNIQUE_RIDGE = Need(
    "more rows than columns with alpha=0, unless fit_intercept=False",
    lambda facts, params: params["alpha"] != 0 or size(facts)[0] > size(facts)[1] or not params["fit_intercept"],
)
_TALL = Inputs(needs=(Need("as many rows as columns", lambda facts, params: size(facts)[0] >= size(facts)[1]),))

_LOGISTIC_REGRESSION = Row(
    estimator="sklearn.linear_model.LogisticRegression",
    backend="sklearnex.linear_model.LogisticRegression",
    params={**_LOGISTIC, "penalty": _PENALTY, "C": _PENALTY, "l1_ratio": _PENALTY, "warm_start": same},
    fit=_DENSE,
    predict=_PREDICT,
    methods=(),
    inherited=_PROBABILITIES,
    tolerance=0.05,
    devices=HOST_ONLY,
    export=Export(tolerance=1e-6, double=1e-11),
    note="The same L-BFGS with more memory and the same tol stops at another point near the optimum.",
)

ROWS = (
    Row(
        estimator="sklearn.linear_model.ElasticNet",
        backend="sklearnex.preview.linear_model.ElasticNet",
        params={**_DESCENT, "l1_ratio": same},
        fit=_TALL,
        predict=_PREDICT,
        methods=(),
        inherited=("predict", "score", "path"),
        tolerance=1e-4,
        devices=HOST_ONLY,
        engine_params=N_JOBS,
        export=Export(tolerance=1e-6, double=1e-11),
    ),
    Row(
        estimator="sklearn.linear_model.Lasso",
        backend="sklearnex.preview.linear_model.Lasso",
        params=_DESCENT,
        fit=_TALL,
        predict=_PREDICT,
        methods=(),
        inherited=("predict", "score", "path"),
        tolerance=1e-4,
        devices=HOST_ONLY,
        engine_params=N_JOBS,
        export=Export(tolerance=1e-6, double=1e-11),
    ),
    Row(
        estimator="sklearn.linear_model.LinearRegression",
        backend="sklearnex.linear_model.LinearRegression",
        params={
            "fit_intercept": same,
            "copy_X": same,
            "tol": same.versions(since="1.7"),
            "n_jobs": same,
            "positive": only(False),
        },
        fit=Inputs(needs=(_WELL_CONDITIONED,)),
        predict=_PREDICT,
        methods=(),
        inherited=("predict", "score"),
        devices=EVERYWHERE,
        worth=Worth(ratio=2.5, seen=PERF, needs=(rows_at_least(20_000),)),
        export=Export(tolerance=1e-6, double=1e-11, note="Without rank_ and singular_, which oneDAL does not compute."),
        note="There are no rank_ and singular_.",
    ),
    _LOGISTIC_REGRESSION,
    on_gpu(
        replace(_LOGISTIC_REGRESSION, note=""),
        note="Newton's method stops at another point near the optimum than L-BFGS.",
        params={
            **_LOGISTIC_REGRESSION.params,
            **dict.fromkeys(("penalty", "C", "l1_ratio"), _PENALTY_ON_GPU),
            "intercept_scaling": only(1),
            "solver": always(
                "newton-cg",
                ("lbfgs", "newton-cg", "newton-cholesky"),
                "the optimum is the same",
            ),
            "warm_start": only(False),
            "multi_class": only("deprecated", "auto", "ovr").versions(until="1.8"),
        },
        fit=Inputs(
            sparse=("csr",),
            needs=(ONE_OUTPUT, Need("two classes", lambda facts, params: facts.n_classes == 2)),
        ),
    ),
    Row(
        estimator="sklearn.linear_model.LogisticRegressionCV",
        backend="sklearnex.preview.linear_model.LogisticRegressionCV",
        params={
            **_LOGISTIC,
            "Cs": same,
            "l1_ratios": _PENALTY_CV,
            "cv": same,
            "penalty": _PENALTY_CV,
            "scoring": same,
            "refit": same,
            "use_legacy_attributes": same.versions(since="1.8"),
        },
        fit=_DENSE,
        predict=_PREDICT,
        methods=(),
        inherited=_PROBABILITIES,
        tolerance=0.1,
        devices=HOST_ONLY,
        export=Export(tolerance=1e-6, double=1e-11),
        note="The folds run one after the other, each on n_jobs cores.",
    ),
    Row(
        estimator="sklearn.linear_model.Ridge",
        backend="sklearnex.linear_model.Ridge",
        params={
            "alpha": only(where=is_number, text="{name} a number"),
            "fit_intercept": same,
            "copy_X": same,
            "max_iter": same,
            "tol": same,
            "solver": only("auto"),
            "positive": only(False),
            "random_state": same,
        },
        fit=Inputs(needs=(_UNIQUE_RIDGE,)),
        predict=_PREDICT,
        methods=(),
        inherited=("predict", "score"),
        devices=EVERYWHERE,
        engine_params=N_JOBS,
        export=Export(tolerance=1e-6, double=1e-11),
    ),
)
