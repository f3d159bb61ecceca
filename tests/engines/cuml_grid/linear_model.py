"""Where the rows of ``sklearn.linear_model`` differ from cuML's own translation, and why."""

from __future__ import annotations

import numpy as np

_LOGISTIC = "sklearn.linear_model.LogisticRegression"
_DESCENT = ("sklearn.linear_model.ElasticNet", "sklearn.linear_model.Lasso")

GRID = {
    _LOGISTIC: tuple(
        {"solver": solver, "penalty": penalty, "l1_ratio": 0.5, "C": strength}
        for solver in ("lbfgs", "liblinear", "newton-cholesky", "saga")
        for penalty in ("l1", "l2", "elasticnet", None)
        for strength in (0.5, np.inf)
    ),
    **{path: ({"alpha": 0.5, "tol": 1e-2, "selection": "random"},) for path in _DESCENT},
}
REFUSED = {
    (_LOGISTIC, "dual"): "scikit-learn itself refuses it for all solvers but liblinear",
    (_LOGISTIC, "C"): "solver='liblinear' penalizes the intercept; an L1 penalty scikit-learn has for saga alone",
}
TAKEN = {
    **{(path, "precompute"): "a Gram matrix is another way to the same optimum" for path in _DESCENT},
    (_LOGISTIC, "intercept_scaling"): "only liblinear reads it, and that is refused",
}
CORRECTED = {
    (_LOGISTIC, "penalty"): "C=inf is no penalty, and l1_ratio=1 is L1",
    (_LOGISTIC, "C"): "C=inf is no penalty",
    (_LOGISTIC, "l1_ratio"): "None where the penalty does not read it",
}
LEFT: dict[tuple[str, str], str] = {}
