"""Where the rows of ``sklearn.ensemble`` differ from cuML's own translation, and why."""

from __future__ import annotations

_ISOLATION = "sklearn.ensemble.IsolationForest"
_CLASSIFIER, _REGRESSOR = "sklearn.ensemble.RandomForestClassifier", "sklearn.ensemble.RandomForestRegressor"
_FORESTS = (_CLASSIFIER, _REGRESSOR)

GRID = {
    **{
        path: (
            {"min_impurity_decrease": 0.1},
            {"bootstrap": False, "max_samples": 0.5},
            {"bootstrap": True, "max_samples": 0.5},
            {"max_leaf_nodes": 8},
        )
        for path in _FORESTS
    },
    _ISOLATION: ({"max_samples": 10, "max_features": 2, "bootstrap": True, "contamination": 0.1},),
}
REFUSED = {
    **{(path, "max_leaf_nodes"): "cuML grows by level, scikit-learn by the best leaf" for path in _FORESTS},
    **{(path, "min_impurity_decrease"): "cuML does not weigh it by the rows of the node" for path in _FORESTS},
    **{(path, "bootstrap"): "scikit-learn itself refuses max_samples without it" for path in _FORESTS},
}
TAKEN = {(_CLASSIFIER, "criterion"): "'log_loss' is another name of 'entropy'"}
CORRECTED: dict[tuple[str, str], str] = {}
LEFT: dict[tuple[str, str], str] = {}
