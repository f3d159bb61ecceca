"""Rows of ``sklearn.svm``. On a GPU decision functions of two classes differed by 4e-4.

Of several classes the one of shape "ovr" counts votes: it jumps by 1 where that difference turns one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from accelsk.engines.cuml.table.conditions import CLASSES, GPU, ONE_OUTPUT, SILENT, WEIGHTS, demanded
from accelsk.engines.rules import Refused, Rule, adjusted, const, ignored, only, same, together
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = ["ROWS"]

_KERNELS = ("linear", "poly", "rbf", "precomputed")  # "sigmoid" has no single optimum

_PARAMS: dict[str, Rule] = {
    "kernel": only(*_KERNELS),
    "degree": same,
    "gamma": same,
    "coef0": same,
    "tol": same,
    "C": same,
    "shrinking": ignored("it only spares libsvm work"),
    "cache_size": ignored("it is the memory of libsvm; that of cuML is set by engine_params"),
    **SILENT,
    "max_iter": same,
}
_NATIVE: Mapping[str, Any] = {"cache_size": 1024.0, "nochange_steps": 1000}
_NOT_PRECOMPUTED = Need("another kernel than 'precomputed'", lambda facts, params: params["kernel"] != "precomputed")
_FIT = Inputs(sparse=("csr",), sparse_where=_NOT_PRECOMPUTED, sample_weight=True, needs=(WEIGHTS,))
_PREDICT = Inputs(sparse=("csr",), sparse_where=_NOT_PRECOMPUTED)
_PROBABILITIES = dict.fromkeys(
    ("predict_proba", "predict_log_proba"), "cuML computes no probabilities, so probability=True is refused"
)
# libsvm predicts in double precision.
_EXPORT = Export(tolerance=5e-4, restores=False, note="With float64 data the tolerance is 1e-9")
_ITERATIONS = "n_iter_ and max_iter count other steps than libsvm's, and fit_status_ is 0 even where max_iter ends it."


def _ties(params: Mapping[str, Any]) -> dict[str, Any]:
    if params["break_ties"] and params["decision_function_shape"] == "ovo":
        raise Refused("break_ties=False with decision_function_shape='ovo', as scikit-learn does")
    return {}


_TIES = together(
    "break_ties", translate=_ties, text="not with decision_function_shape='ovo'; computed from the models of the pairs"
)
_PAIRS = Need(
    "two classes with kernel='precomputed'",
    lambda facts, params: params["kernel"] != "precomputed" or facts.n_classes == 2,
)

# -- linear machines --


def _problem(params: Mapping[str, Any]) -> dict[str, Any]:
    penalty, loss, dual = params["penalty"], params["loss"], params["dual"]
    known = (
        (penalty == "l2" and loss == "squared_hinge")
        or (penalty == "l2" and loss == "hinge" and dual in (True, "auto"))
        or (penalty == "l1" and loss == "squared_hinge" and dual in (False, "auto"))
    )
    if not known:
        raise Refused("penalty, loss and dual as liblinear combines them")  # scikit-learn's own error is the answer
    return {"penalty": penalty, "loss": loss}


_PROBLEM = together(
    "penalty",
    "loss",
    "dual",
    translate=_problem,
    text="the combinations of liblinear; the primal and the dual problem have the same solution, so dual is not passed",
)
_STRENGTH = together(
    "C",
    # On a GPU the coefficients were those of liblinear with half of C.
    translate=lambda params: {"C": params["C"] * (2 if params["loss"] == "squared_hinge" else 1)},
    text="twice as much for the squared hinge, of which cuML computes half the gradient",
)


def _loss(params: Mapping[str, Any]) -> dict[str, Any]:
    loss, dual = params["loss"], params["dual"]
    if not (loss == "squared_epsilon_insensitive" or (loss == "epsilon_insensitive" and dual in (True, "auto"))):
        raise Refused("loss and dual as liblinear combines them")
    return {"loss": loss}


_LOSS = together(
    "loss",
    "dual",
    translate=_loss,
    text="the combinations of liblinear; the primal and the dual problem have the same solution, so dual is not passed",
)
_LINEAR: dict[str, Rule] = {
    "tol": adjusted(lambda tol: tol / 100, "a hundredth: cuML's solver stops earlier than liblinear at the same tol"),
    "C": same,
    "fit_intercept": same,
    # liblinear's penalty is on the intercept, too; cuML's only if it is told so, and without a scale.
    "intercept_scaling": demanded("intercept_scaling", 1),
    "penalized_intercept": const(True, "the penalty of liblinear is on the intercept, too"),
    "random_state": ignored("it only decides in which order liblinear updates the coefficients"),
    **SILENT,
    "max_iter": same,
}
_QUASI_NEWTON: Mapping[str, Any] = {"linesearch_max_iter": 100, "lbfgs_memory": 5}
_LINEAR_NOTE = (
    "A quasi-Newton solver on the primal problem: n_iter_ and max_iter count other steps than liblinear's, "
    "and another tol is reached."
)

ROWS = (
    Row(
        estimator="sklearn.svm.LinearSVC",
        backend="cuml.svm.LinearSVC",
        params={
            **_LINEAR,
            "C": _STRENGTH,
            "penalty": _PROBLEM,
            "loss": _PROBLEM,
            "dual": _PROBLEM,
            "multi_class": only("ovr"),
            "class_weight": only(None, "balanced", where=lambda value: isinstance(value, dict), text="a dict"),
        },
        fit=Inputs(sample_weight=True, needs=(CLASSES, WEIGHTS)),
        methods=("predict", "decision_function", "score"),
        refused=dict.fromkeys(
            ("densify", "sparsify"),
            "the coefficients stay dense on the device; to_sklearn() gives an estimator that has it",
        ),
        tolerance=0.05,
        devices=GPU,
        engine_params={**_QUASI_NEWTON, "n_streams": 1},
        export=Export(tolerance=1e-4, restores=False),
        note=_LINEAR_NOTE,
    ),
    Row(
        estimator="sklearn.svm.LinearSVR",
        backend="cuml.svm.LinearSVR",
        params={
            **_LINEAR,
            "epsilon": same,
            "loss": _LOSS,
            "dual": _LOSS,
            # cuML's own translation says "l1" where the loss is not squared; in liblinear that is the loss alone.
            "penalty": const("l2", "the only one of scikit-learn's class"),
        },
        fit=Inputs(sample_weight=True, needs=(ONE_OUTPUT, WEIGHTS)),
        methods=("predict", "score"),
        # The loss has corners, at which the solver stops: predictions 0.13 standard deviations from the optimum's were
        # seen on a GPU (liblinear's own default: 0.02), and scores that differ by less than 0.01.
        fidelity="statistical",
        tolerance=0.02,
        devices=GPU,
        engine_params=_QUASI_NEWTON,
        export=Export(tolerance=1e-4, restores=False),
        note=_LINEAR_NOTE,
    ),
    Row(
        estimator="sklearn.svm.SVC",
        backend="cuml.svm.SVC",
        params={
            **_PARAMS,
            "probability": demanded("probability", False, "deprecated"),
            "class_weight": only(None, "balanced", where=lambda value: isinstance(value, dict), text="a dict"),
            "decision_function_shape": adjusted(
                lambda shape: "ovo", "a model per pair, as libsvm makes; what is asked for is computed from these"
            ),
            "break_ties": _TIES,
            "random_state": ignored("it only draws for probabilities, which are refused"),
        },
        fit=replace(_FIT, needs=(CLASSES, WEIGHTS, _PAIRS)),
        predict=_PREDICT,
        methods=("predict", "decision_function", "score"),
        refused=_PROBABILITIES,
        tolerance=0.01,
        devices=GPU,
        engine_params=_NATIVE,
        export=_EXPORT,
        note=_ITERATIONS + " Of several classes there is a model per pair, as in libsvm, and libsvm's vote.",
    ),
    Row(
        estimator="sklearn.svm.SVR",
        backend="cuml.svm.SVR",
        params={**_PARAMS, "epsilon": same},
        fit=replace(_FIT, needs=(ONE_OUTPUT, WEIGHTS)),
        predict=_PREDICT,
        methods=("predict", "score"),
        tolerance=0.01,
        devices=GPU,
        engine_params=_NATIVE,
        export=_EXPORT,
        note=_ITERATIONS,
    ),
)
