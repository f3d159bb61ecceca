"""Where the rows of ``sklearn.neighbors`` differ from cuML's own translation, and why."""

from __future__ import annotations

_NEAREST = (
    "sklearn.neighbors.KNeighborsClassifier",
    "sklearn.neighbors.KNeighborsRegressor",
    "sklearn.neighbors.NearestNeighbors",
)
_DENSITY = "sklearn.neighbors.KernelDensity"

GRID = {
    **{
        path: (
            {"metric": "minkowski", "p": 3, "algorithm": "ball_tree"},
            {"metric": "cosine", "algorithm": "kd_tree"},
            {"metric_params": {"w": [1.0]}},
        )
        for path in _NEAREST
    },
    _DENSITY: ({"metric": "minkowski", "metric_params": {"p": 3}}, {"bandwidth": "scott"}),
}
_METRICS = "metrics that were not compared, metric_params that cuML does not read, or a tree that has no such metric"
REFUSED = {(path, "algorithm"): _METRICS for path in (*_NEAREST, _DENSITY)}
TAKEN: dict[tuple[str, str], str] = {}
CORRECTED = {
    (path, "algorithm"): "for few columns cuML's 'auto' is another index, which warns where it cannot be used"
    for path in _NEAREST
}
LEFT: dict[tuple[str, str], str] = {}
