"""Rows of ``sklearn.linear_model``.

Not here, though cuML has something of the kind:

* `Lars`: cuML's centres the target and not X, so that with ``fit_intercept=True`` it is another model.
* `SGDClassifier` and `SGDRegressor`: cuML's ``MBSGDClassifier`` and ``MBSGDRegressor`` step by mini-batches. There,
  ``learning_rate="optimal"`` and ``"invscaling"`` (the defaults), ``class_weight``, ``average``, ``early_stopping``,
  ``warm_start`` and ``partial_fit`` have no counterpart, and ``eta0`` and ``max_iter`` mean something else: what would
  be left is not what was asked for.

On a GPU the direct solvers differed by 5e-14, descent by 4e-3, and logistic regression by less than scikit-learn's own
tolerance lets it differ from the optimum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from accelsk.engines.cuml.table.conditions import CLASSES, GPU, JOBS, ONE_OUTPUT, SILENT, WEIGHTS, demanded
from accelsk.engines.rules import Refused, Rule, adjusted, const, ignored, is_number, mapped, only, same, together
from accelsk.engines.spec import Export, Inputs, Need, Row
from accelsk.facts import Facts

__all__ = ["ROWS"]

_FORMATS = ("csr", "csc", "coo")
_LINEAR = Export(tolerance=1e-4, restores=False, note="With float64 data the tolerance is 1e-9")
_DENSE_COEFFICIENTS = dict.fromkeys(
    ("densify", "sparsify"), "the coefficients stay dense on the device; to_sklearn() gives an estimator that has it"
)

# -- least squares --

_CONDITION: Mapping[str, float] = {"float64": 1e9, "integer": 1e9, "boolean": 1e9, "float32": 1e4}


def _solved(facts: Facts, params: Mapping[str, Any]) -> bool:
    penalized = bool(np.all(np.asarray(params.get("alpha", 0)) != 0))
    if facts.sparse or penalized or facts.container not in ("numpy", "pandas", "polars", "builtins"):
        return True  # LSMR on X itself; a penalty; or X lies where this cannot be asked
    limit = _CONDITION.get(facts.dtype_kind, 1e4)
    return facts.well_conditioned(limit, centred=bool(params["fit_intercept"]))


# The eigenvalues of the Gram matrix, of which cuML's solver makes the coefficients, are the squares of the singular
# values that scikit-learn's looks at: of nearly dependent columns they drop other directions.
_WELL_CONDITIONED = Need("linearly independent columns of comparable scale", _solved)
_WELL_CONDITIONED_RIDGE = Need("linearly independent columns of comparable scale, or alpha > 0", _solved)

_SOLVER = mapped(
    {
        "auto": "auto",
        "svd": "svd",
        "cholesky": "auto",
        "lsqr": "lsmr",
        "sparse_cg": "auto",
        "sag": "auto",
        "saga": "auto",
    }
)
# With the other solvers scikit-learn refuses a sparse matrix, at least when there is an intercept.
_SPARSE_RIDGE = Need(
    "solver='auto', 'lsqr' or 'sparse_cg'", lambda facts, params: params["solver"] in ("auto", "lsqr", "sparse_cg")
)

# -- descent --

_TOL = adjusted(
    lambda tol: 10 * tol,
    "ten times for dense X: cuML's descent stops by the step, not by the duality gap; as it is for a sparse one",
)
_DESCENT: dict[str, Rule] = {
    "alpha": same,
    "fit_intercept": same,
    "precompute": demanded("precompute", False, True),
    "max_iter": same,
    "copy_X": ignored("X is not overwritten"),
    "tol": _TOL,
    "warm_start": demanded("warm_start", False),
    "positive": demanded("positive", False),
    "random_state": ignored("it only decides in which order the coefficients are updated"),
    "selection": same,
}
_DESCENT_FIT = Inputs(sparse=("csr",), sample_weight=True, needs=(ONE_OUTPUT, WEIGHTS))
_GAP: Mapping[str, str] = {"dual_gap_": "cuML does not compute the duality gap"}
_DESCENT_EXPORT = Export(tolerance=1e-4, restores=False, note="Without dual_gap_, which cuML does not compute.")
_ITERATIONS = "n_iter_ counts other steps, and max_iter limits them."

# -- logistic regression --

_SMOOTH = ("lbfgs", "newton-cg", "newton-cholesky", "sag")
_TEXT = (
    "the penalties of scikit-learn's solvers: solver='saga' with any, "
    "'lbfgs', 'newton-cg', 'newton-cholesky' or 'sag' with L2 or none"
)


def _penalty(params: Mapping[str, Any]) -> dict[str, Any]:
    solver, penalty, strength, ratio = params["solver"], params["penalty"], params["C"], params["l1_ratio"]
    if penalty == "deprecated":  # 1.8 and later: l1_ratio alone decides
        penalty = "l2" if not ratio else "l1" if ratio == 1 else "elasticnet"
    if solver not in (*_SMOOTH, "saga"):
        # liblinear's penalty is on the intercept, too.
        raise Refused("solver='lbfgs', 'newton-cg', 'newton-cholesky', 'sag' or 'saga'")
    if penalty == "elasticnet" and not is_number(ratio):
        raise Refused("l1_ratio as a number, as scikit-learn does")
    if penalty in ("l1", "elasticnet") and solver != "saga":
        raise Refused("solver='saga' with an L1 penalty, as scikit-learn does")
    if penalty is None or strength == np.inf:
        return {"solver": "qn", "penalty": None, "C": 1.0, "l1_ratio": None}
    return {
        "solver": "qn",
        "penalty": penalty,
        "C": strength,
        "l1_ratio": float(ratio) if penalty == "elasticnet" else None,
    }


# The loss of several classes that cuML computes leaves weights unread: on a GPU its fit was that without them.
_TWO_IF_WEIGHTED = Need(
    "two classes, with class_weight or sample weights",
    lambda facts, params: (
        facts.n_classes <= 2 or (params["class_weight"] is None and facts.weights in ("none", "constant"))
    ),
)

_PENALTY = together(
    "penalty",
    "C",
    "l1_ratio",
    "solver",
    translate=_penalty,
    text=f"{_TEXT}; all are cuML's quasi-Newton solver, as they have the same optimum",
)

ROWS = (
    Row(
        estimator="sklearn.linear_model.ElasticNet",
        backend="cuml.linear_model.ElasticNet",
        params={**_DESCENT, "l1_ratio": same, "solver": const("auto", "descent for dense X, quasi-Newton for sparse")},
        fit=_DESCENT_FIT,
        predict=Inputs(sparse=_FORMATS),
        methods=("predict", "score"),
        inherited=("path",),
        tolerance=1e-2,
        devices=GPU,
        absent=_GAP,
        export=_DESCENT_EXPORT,
        note=_ITERATIONS,
    ),
    Row(
        estimator="sklearn.linear_model.Lasso",
        backend="cuml.linear_model.Lasso",
        params={**_DESCENT, "solver": const("auto", "descent for dense X, quasi-Newton for sparse")},
        fit=_DESCENT_FIT,
        predict=Inputs(sparse=_FORMATS),
        methods=("predict", "score"),
        inherited=("path",),
        tolerance=1e-2,
        devices=GPU,
        absent=_GAP,
        export=_DESCENT_EXPORT,
        note=_ITERATIONS,
    ),
    Row(
        estimator="sklearn.linear_model.LinearRegression",
        backend="cuml.linear_model.LinearRegression",
        params={
            "fit_intercept": same,
            "copy_X": same,
            "tol": ignored("of cuML's solver for sparse X it is 1e-6").versions(since="1.7"),
            **JOBS,
            "positive": demanded("positive", False),
        },
        fit=Inputs(sparse=_FORMATS, sample_weight=True, needs=(WEIGHTS, _WELL_CONDITIONED)),
        predict=Inputs(sparse=_FORMATS),
        methods=("predict", "score"),
        tolerance=1e-4,
        devices=GPU,
        engine_params={"algorithm": "auto"},
        absent=dict.fromkeys(("rank_", "singular_"), "cuML does not compute it"),
        export=Export(
            tolerance=1e-4,
            restores=False,
            note="With float64 data the tolerance is 1e-9. Without rank_ and singular_, which cuML does not compute.",
        ),
        note="There are no rank_ and singular_.",
    ),
    Row(
        estimator="sklearn.linear_model.LogisticRegression",
        backend="cuml.linear_model.LogisticRegression",
        params={
            "penalty": _PENALTY,
            "C": _PENALTY,
            "l1_ratio": _PENALTY,
            "solver": _PENALTY,
            "dual": demanded("dual", False),
            "tol": same,
            "fit_intercept": same,
            "intercept_scaling": ignored("only scikit-learn's liblinear reads it, which is refused"),
            "class_weight": only(None, "balanced", where=lambda value: isinstance(value, dict), text="a dict"),
            "random_state": ignored("the solver draws nothing"),
            "max_iter": same,
            **SILENT,
            "warm_start": demanded("warm_start", False),
            **JOBS,
            # "ovr" is several models, and "multinomial" of two classes has another penalty.
            "multi_class": demanded("multi_class", "deprecated", "auto").versions(until="1.8"),
            "penalty_normalized": const(True, "C weighs the sum of the losses, not their mean"),
        },
        fit=Inputs(sparse=("csr",), sample_weight=True, needs=(CLASSES, WEIGHTS, _TWO_IF_WEIGHTED)),
        predict=Inputs(sparse=_FORMATS),
        methods=("predict", "predict_proba", "predict_log_proba", "decision_function", "score"),
        refused=_DENSE_COEFFICIENTS,
        tolerance=0.05,
        devices=GPU,
        engine_params={"linesearch_max_iter": 50, "lbfgs_memory": 5},
        export=_LINEAR,
        note="Another L-BFGS with the same tol stops at another point near the optimum.",
    ),
    Row(
        estimator="sklearn.linear_model.Ridge",
        backend="cuml.linear_model.Ridge",
        params={
            "alpha": same,
            "fit_intercept": same,
            "copy_X": same,
            "max_iter": same,
            "tol": same,
            "solver": _SOLVER,
            "positive": demanded("positive", False),
            "random_state": ignored("only scikit-learn's sag and saga draw, and find the same optimum"),
        },
        fit=Inputs(
            sparse=_FORMATS, sparse_where=_SPARSE_RIDGE, sample_weight=True, needs=(WEIGHTS, _WELL_CONDITIONED_RIDGE)
        ),
        predict=Inputs(sparse=_FORMATS),
        methods=("predict", "score"),
        tolerance=1e-3,
        devices=GPU,
        export=_LINEAR,
        note="scikit-learn's iterative solvers are replaced by cuML's direct one, except for a sparse X.",
    ),
)
