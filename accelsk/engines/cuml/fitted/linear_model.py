"""Fitted attributes of ``sklearn.linear_model``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsk.engines.cuml.weights import fit_weighed

if TYPE_CHECKING:
    from accelsk.engines.cuml.fitted import Fitted, Run
    from accelsk.engines.held import Read

__all__ = ["FITTED", "RUNS", "WARNS"]


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
    n_iter, solver = read("n_iter_"), params["solver"]
    if solver == "auto":
        solver = "sparse_cg" if read("solver_") == "lsmr" else "cholesky"
    return {
        **_coefficients(read, params),
        "n_iter_": None if n_iter is None else np.asarray(n_iter, dtype=np.int32),
        "solver_": solver,
    }


def _logistic(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    coef = np.ascontiguousarray(read("coef_"))
    return {
        "coef_": coef,
        "intercept_": np.array(read("intercept_"), dtype=coef.dtype),
        "n_iter_": np.atleast_1d(read("n_iter_")).astype(np.int32),
    }


FITTED: dict[str, Fitted] = {
    "ElasticNet": _descent,
    "Lasso": _descent,
    "LinearRegression": _coefficients,
    "LogisticRegression": _logistic,
    "Ridge": _ridge,
}

RUNS: dict[str, Run] = dict.fromkeys(("ElasticNet", "Lasso", "LogisticRegression"), fit_weighed)

_OBJECTIVE = (
    "Objective did not converge. You might want to increase the number of iterations, check the scale of the features "
    "or consider increasing regularisation."
)
WARNS: dict[str, str] = {
    "ElasticNet": _OBJECTIVE,
    "Lasso": _OBJECTIVE,
    "LogisticRegression": "The solver failed to converge. Increase the number of iterations (max_iter) or scale X.",
}
