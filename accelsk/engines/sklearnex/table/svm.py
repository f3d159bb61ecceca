"""Rows of ``sklearn.svm``."""

from __future__ import annotations

from dataclasses import replace

from accelsk.engines.rules import Rule, only, same
from accelsk.engines.sklearnex.table.conditions import HOST_ONLY, N_JOBS, ONE_OUTPUT, PERF, on_gpu, size
from accelsk.engines.spec import Export, Inputs, Need, Row, Worth

__all__ = ["ROWS"]

_PARAMS: dict[str, Rule] = {
    "kernel": only("linear", "poly", "rbf"),  # "sigmoid" has no single optimum: the results have little in common
    "degree": same,
    "gamma": same,
    "coef0": same,
    "tol": same,
    "shrinking": same,
    "cache_size": same,
    "verbose": same,
    "max_iter": same,
}
_CLASSIFIER: dict[str, Rule] = {
    **_PARAMS,
    # probability=True is another method (no cross-validation, sample weights dropped), far from scikit-learn's numbers.
    "probability": only(False, "deprecated"),
    "class_weight": same,
    "decision_function_shape": same,
    "break_ties": same,
    "random_state": same,
}
_FIT = Inputs(
    sparse=("csr",),
    sample_weight=True,
    needs=(
        Need("sample weights of 0 or more, not all 0", lambda facts, params: facts.min_weight >= 0 < facts.max_weight),
    ),
)
_PREDICT = Inputs(sparse=("csr",))
# Without any support vector scikit-learn predicts a constant, and oneDAL's predict fails.
_WIDE = Need(
    "targets that differ by more than 2 * epsilon",
    lambda facts, params: facts.target_range > 2 * params.get("epsilon", 0.0),
)
_FIT_REGRESSOR = replace(_FIT, needs=(*_FIT.needs, _WIDE))
_PROBABILITIES = dict.fromkeys(
    ("predict_proba", "predict_log_proba"),
    "the probabilities of probability=True are computed by another method, so the parameter is refused",
)
# oneDAL predicts in the precision of the data, libsvm in double.
_EXPORT_CLASSIFIER = Export(
    tolerance=5e-5, double=1e-11, restores=False, note="With float64 data the tolerance is 1e-12"
)  # oneDAL builds no model of several classes from outside
_EXPORT_REGRESSOR = Export(tolerance=5e-5, double=1e-11, note="With float64 data the tolerance is 1e-12")
_ITERATIONS = "n_iter_ and max_iter count other steps than libsvm's, of which far fewer are needed."


def _large(n: int, columns: int = 0) -> Need:
    return Need(
        f"kernel='rbf', {n:,} rows or more" + (f" and {columns} columns or more" if columns else ""),
        lambda facts, params: params["kernel"] == "rbf" and size(facts)[0] >= n and size(facts)[1] >= columns,
    )


#: Of one class alone scikit-learn's error is the answer, which sklearnex raises too.
_NOT_MORE = Need("two classes", lambda facts, params: facts.n_classes <= 2)
_BINARY = Need("two classes", lambda facts, params: facts.n_classes == 2)

_SVC = Row(
    estimator="sklearn.svm.SVC",
    backend="sklearnex.svm.SVC",
    params={"C": same, **_CLASSIFIER},
    fit=_FIT,
    predict=_PREDICT,
    methods=("predict", "decision_function", "score"),
    refused=_PROBABILITIES,
    tolerance=0.01,
    devices=HOST_ONLY,
    engine_params=N_JOBS,
    worth=Worth(ratio=2, seen=PERF, needs=(_large(2000, 50), _BINARY)),
    export=_EXPORT_CLASSIFIER,
    note=_ITERATIONS,
)

ROWS = (
    Row(
        estimator="sklearn.svm.NuSVC",
        backend="sklearnex.svm.NuSVC",
        params={"nu": same, **_CLASSIFIER},
        fit=_FIT,
        predict=_PREDICT,
        methods=("predict", "decision_function", "score"),
        refused=_PROBABILITIES,
        fidelity="statistical",
        tolerance=0.02,
        devices=HOST_ONLY,
        engine_params=N_JOBS,
        export=_EXPORT_CLASSIFIER,
        note=_ITERATIONS
        + " Where nu is too small for classes that overlap, the problem degenerates, and results differ freely.",
    ),
    Row(
        estimator="sklearn.svm.NuSVR",
        backend="sklearnex.svm.NuSVR",
        params={"nu": same, "C": same, **_PARAMS},
        fit=_FIT_REGRESSOR,
        predict=_PREDICT,
        methods=("predict", "score"),
        tolerance=0.05,
        devices=HOST_ONLY,
        engine_params=N_JOBS,
        export=_EXPORT_REGRESSOR,
        note=_ITERATIONS + " The intercept is not unique where all support vectors are at their bounds.",
    ),
    _SVC,
    on_gpu(
        _SVC,
        params={**_SVC.params, "kernel": only("linear", "rbf"), "class_weight": only(None)},
        fit=Inputs(sample_weight=True, needs=(*_FIT.needs, ONE_OUTPUT, _NOT_MORE)),
        predict=Inputs(),
    ),
    Row(
        estimator="sklearn.svm.SVR",
        backend="sklearnex.svm.SVR",
        params={"C": same, "epsilon": same, **_PARAMS},
        fit=_FIT_REGRESSOR,
        predict=_PREDICT,
        methods=("predict", "score"),
        tolerance=0.01,
        devices=HOST_ONLY,
        engine_params=N_JOBS,
        worth=Worth(ratio=2, seen=PERF, needs=(_large(10_000),)),
        export=_EXPORT_REGRESSOR,
        note=_ITERATIONS,
    ),
)
