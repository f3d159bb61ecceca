"""Fitted attributes of ``sklearn.linear_model``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsk.engines.cuml.weights import fit_weighed

if TYPE_CHECKING:
    from accelsk.engines.held import Held, Read

__all__ = ["ANSWERS", "BEFORE", "FITTED", "RUNS", "WARNS"]


def _coefficients(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    coef = np.ascontiguousarray(read("coef_"))
    # Without an intercept scikit-learn's is a plain 0.0, whatever the number of targets.
    intercept = _like(read("intercept_"), coef) if params["fit_intercept"] else 0.0
    return {"coef_": coef, "intercept_": intercept}


def _like(value: Any, coef: Any) -> Any:
    """The number or the numbers in the precision of the coefficients."""
    return coef.dtype.type(value) if np.ndim(value) == 0 else np.asarray(value, dtype=coef.dtype)


def _descent(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    return {**_coefficients(read, params), "n_iter_": int(read("n_iter_"))}


def _ridge(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    solver = params["solver"]
    if solver == "auto":
        solver = "sparse_cg" if read("solver_") == "lsmr" else "cholesky"
    # Of scikit-learn's solvers for which cuML's iterate, this one counts.
    n_iter = np.asarray(read("n_iter_"), dtype=np.int32) if solver == "lsqr" else None
    return {**_coefficients(read, params), "n_iter_": n_iter, "solver_": solver}


def _logistic(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    coef = np.ascontiguousarray(read("coef_"))
    return {
        "coef_": coef,
        "intercept_": np.array(read("intercept_"), dtype=coef.dtype),
        "n_iter_": np.atleast_1d(read("n_iter_")).astype(np.int32),
    }


FITTED: dict[str, Callable[[Read, Mapping[str, Any]], dict[str, Any]]] = {
    "ElasticNet": _descent,
    "Lasso": _descent,
    "LinearRegression": _coefficients,
    "LogisticRegression": _logistic,
    "Ridge": _ridge,
}


def _flat(held: Held, X: Any, y: Any) -> None:
    """Predict in one dimension where y is a single column, as scikit-learn's penalized models do."""
    if y.ndim == 2 and y.shape[1] == 1:
        held.y_ndim = 1


def _descending(held: Held, X: Any, y: Any) -> None:
    """Give the solver of sparse data scikit-learn's tolerance: ten times that is for the descent on dense ones."""
    _flat(held, X, y)
    if held.notes.get("sparse"):
        held.model.set_params(tol=held.stem.tol)


def _descend(held: Held, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    if method == "fit":
        given = {**given, "y": np.ravel(given["y"])}
    return fit_weighed(held, method, X, given)


BEFORE: dict[str, Callable[[Held, Any, Any], None]] = {
    **dict.fromkeys(("ElasticNet", "Lasso"), _descending),
    "Ridge": _flat,
}
RUNS: dict[str, Callable[[Held, str, Any, Mapping[str, Any]], Any]] = {
    "ElasticNet": _descend,
    "Lasso": _descend,
    "LogisticRegression": fit_weighed,
}


def _probabilities(held: Held, method: str, result: Any) -> Any:
    """In the precision of the model: cuML's of two classes are float64 always."""
    if method in ("predict_proba", "predict_log_proba") and not held.double:
        return result.astype(np.float32, copy=False)
    return result


ANSWERS: dict[str, Callable[[Held, str, Any], Any]] = {"LogisticRegression": _probabilities}

_OBJECTIVE = (
    "Objective did not converge. You might want to increase the number of iterations, check the scale of the features "
    "or consider increasing regularisation."
)
WARNS: dict[str, str] = {
    "ElasticNet": _OBJECTIVE,
    "Lasso": _OBJECTIVE,
    "LogisticRegression": "The solver failed to converge. Increase the number of iterations (max_iter) or scale X.",
}
