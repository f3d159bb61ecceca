"""What the rows of every gradient boosting library have in common: scikit-learn's classes, and the library's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.engines.rules import Refused, Rule, ignored, only, together
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = [
    "GRADIENT",
    "GRADIENT_CLASSIFIER",
    "GRADIENT_REGRESSOR",
    "HIST",
    "HIST_CLASSIFIER",
    "HIST_REGRESSOR",
    "fixed",
    "losses",
    "own",
    "prepared",
]

_PREPARED = "scikit-learn's own code prepares the fit with it"

#: Passed to the estimator of scikit-learn that prepares the fit, with all other hyperparameters.
prepared: Rule = together(translate=lambda params: {"recipe": dict(params)}, text=_PREPARED)


def losses(*names: str) -> Rule:
    """Return the rule of the parameter `loss`.

    Parameters
    ----------
    *names : str
        The losses that the library has.

    Returns
    -------
    Rule
        Refuses the others.
    """

    def translate(params: Mapping[str, Any]) -> dict[str, Any]:
        if params["loss"] not in names:
            raise Refused(" or ".join(f"loss={name!r}" for name in names))
        return {"recipe": dict(params)}

    return together(translate=translate, text=f"only {', '.join(map(repr, names))}")


def fixed(name: str, value: Any) -> Rule:
    """Return the rule of a parameter that the library has nothing for.

    Parameters
    ----------
    name : str
        The parameter.
    value : object
        The only value that is supported; nothing is passed on.

    Returns
    -------
    Rule
        Refuses all others.
    """
    supported = only(value)

    def translate(params: Mapping[str, Any]) -> dict[str, Any]:
        supported.apply(name, params[name], params)
        return {}

    return together(translate=translate, text=f"only {value!r}")


def _scoring(params: Mapping[str, Any]) -> dict[str, Any]:
    if params["scoring"] != "loss" and params["early_stopping"] is not False:
        raise Refused(
            "scoring='loss', which is what the library can tell after each iteration; or early_stopping=False"
        )
    return {}


_SCORING = together(translate=_scoring, text="only 'loss', unless nothing stops early")

_STOPS = prepared.approximate(
    "the split and the rule are scikit-learn's; the loss is the library's, and the very first decision may come one "
    "iteration later",
    where=lambda params: params["early_stopping"] is not False,
)
_DRAWS = prepared.approximate(
    "columns are drawn from another random stream", where=lambda params: params["max_features"] != 1.0
)

ONE_OUTPUT = Need("one output", lambda facts, params: facts.n_outputs <= 1)

#: Of HistGradientBoosting, the rules that do not depend on the library.
HIST: Mapping[str, Rule] = {
    "early_stopping": _STOPS,
    "validation_fraction": prepared,
    "n_iter_no_change": prepared,
    "tol": prepared,
    "random_state": _DRAWS,
    "scoring": _SCORING,
    "warm_start": fixed("warm_start", False),
    "monotonic_cst": prepared,
    "interaction_cst": prepared,
}

#: Of GradientBoosting, the rules that do not depend on the library.
GRADIENT: Mapping[str, Rule] = {
    "criterion": ignored("the library splits by Newton's gain").approximate(
        "the splits are those of Newton's gain, which is the squared error only for loss='squared_error'"
    ),
    "min_samples_split": ignored("the library has nothing like it").without_effect(
        "smaller nodes are split, too", where=lambda params: params["min_samples_split"] != 2
    ),
    "min_weight_fraction_leaf": fixed("min_weight_fraction_leaf", 0.0),
    "min_impurity_decrease": fixed("min_impurity_decrease", 0.0),
    "init": fixed("init", None),
    "random_state": prepared.approximate(
        "rows and columns are drawn from another random stream",
        where=lambda params: params["subsample"] < 1 or params["max_features"] is not None,
    ),
    "warm_start": fixed("warm_start", False),
    "validation_fraction": prepared,
    "n_iter_no_change": prepared.approximate(
        "the split and the rule are scikit-learn's; the loss is the library's",
        where=lambda params: params["n_iter_no_change"] is not None,
    ),
    "tol": prepared,
    "ccp_alpha": fixed("ccp_alpha", 0.0),
}

_TREES = "the trees are the library's, and scikit-learn's have no room for them"

#: What the rows of scikit-learn's classes have in common.
OF_SCIKIT_LEARN: Mapping[str, Any] = {"fidelity": "alternative", "export": Export(refused=_TREES)}

HIST_CLASSIFIER: Mapping[str, Any] = {
    **OF_SCIKIT_LEARN,
    "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
    "methods": (
        "predict",
        "predict_proba",
        "decision_function",
        "score",
        "staged_predict",
        "staged_predict_proba",
        "staged_decision_function",
    ),
    "fit": Inputs(
        nan=True,
        sample_weight=True,
        dtypes=("float64", "float32", "float16", "integer", "boolean", "object"),
        fit_params=("X_val", "y_val", "sample_weight_val"),
        needs=(ONE_OUTPUT,),
    ),
}
HIST_REGRESSOR: Mapping[str, Any] = {
    **HIST_CLASSIFIER,
    "estimator": "sklearn.ensemble.HistGradientBoostingRegressor",
    "methods": ("predict", "score", "staged_predict"),
}

_NO_TREES = "the trees are the library's: estimator_ has them"
_NO_INIT = "the library begins with a constant of its own"
_NOT_TOLD = "the library does not tell it"
_ABSENT = {"estimators_": _NO_TREES, "init_": _NO_INIT, "train_score_": _NOT_TOLD}

GRADIENT_CLASSIFIER: Mapping[str, Any] = {
    **OF_SCIKIT_LEARN,
    "estimator": "sklearn.ensemble.GradientBoostingClassifier",
    "methods": (
        "predict",
        "predict_proba",
        "predict_log_proba",
        "decision_function",
        "score",
        "staged_predict",
        "staged_predict_proba",
        "staged_decision_function",
    ),
    "refused": {"apply": "the leaves are numbered otherwise: estimator_ tells them"},
    "absent": _ABSENT,
    "fit": Inputs(sample_weight=True, needs=(ONE_OUTPUT,)),
}
GRADIENT_REGRESSOR: Mapping[str, Any] = {
    **GRADIENT_CLASSIFIER,
    "estimator": "sklearn.ensemble.GradientBoostingRegressor",
    "methods": ("predict", "score", "staged_predict"),
}


def own(path: str, *methods: str, **declared: Any) -> Row:
    """Return the row of a class that is the library's own.

    Parameters
    ----------
    path : str
        Of the class.
    *methods : str
        Its methods after ``fit`` whose results are brought into scikit-learn's form; all others are there too.
    **declared : dict
        What else the row declares.

    Returns
    -------
    Row
        Whatever engine is asked for, the library computes it.
    """
    declared = {
        "params": {},
        "fit": Inputs(
            nan=True,
            sample_weight=True,
            dtypes=("float64", "float32", "float16", "integer", "boolean", "object"),
            fit_params=None,
        ),
        "export": Export(note="a copy of the library's own estimator"),
        **declared,
    }
    return Row(estimator=path, backend=path, methods=methods, native=True, **declared)
