"""The gradient boosting libraries under test: their classes, what keeps them quiet, what scikit-learn finds in them."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, field
from typing import Any

import pytest

from accelsk import AcceleratedEstimator
from accelsk.engines import names, why_missing

_WEIGHTS = "check_sample_weight_equivalence_on_{}_data"
_SKETCH = "rows are binned by a sketch of weighted quantiles, in which a weight of 2 is not two rows"
_DRAWS = "rows are drawn, and a weight of 2 is drawn once"
_BORDERS = "the borders of its bins are made of rows, whatever they weigh"


def _expected(why):
    return {_WEIGHTS.format(kind): why for kind in ("dense", "sparse")}


@dataclass(frozen=True)
class Library:
    """One of them."""

    engine: str
    classifier: str
    regressor: str
    ranker: str
    rounds: str
    quiet: dict[str, Any] = field(default_factory=dict)
    #: By class, the checks of scikit-learn that fail, with the reason.
    residue: dict[str, dict[str, str]] = field(default_factory=dict)
    gpu: dict[str, Any] = field(default_factory=dict)

    @property
    def module(self):
        return importlib.import_module(self.engine)

    def own(self, kind="classifier", rounds=10, **params):
        """Return an estimator of the library's own class, silent."""
        return getattr(self.module, getattr(self, kind))(**{self.rounds: rounds, **self.quiet, **params})

    def on(self, estimator, **options):
        """Return an estimator of scikit-learn on the library."""
        from sklearn.base import clone

        return AcceleratedEstimator(clone(estimator), engine=self.engine, fallback="raise", **options)


LIBRARIES = {
    library.engine: library
    for library in (
        Library(
            "catboost",
            "CatBoostClassifier",
            "CatBoostRegressor",
            "CatBoostRanker",
            "iterations",
            residue={"CatBoostClassifier": _expected(_BORDERS), "CatBoostRegressor": _expected(_BORDERS)},
            gpu={"task_type": "GPU"},
        ),
        Library(
            "lightgbm",
            "LGBMClassifier",
            "LGBMRegressor",
            "LGBMRanker",
            "n_estimators",
            quiet={"verbose": -1},
            residue={"LGBMClassifier": {}, "LGBMRegressor": {}},
            gpu={"device_type": "cuda"},
        ),
        Library(
            "xgboost",
            "XGBClassifier",
            "XGBRegressor",
            "XGBRanker",
            "n_estimators",
            residue={
                "XGBClassifier": _expected(_SKETCH),
                "XGBRegressor": {},
                "XGBRFClassifier": _expected(_DRAWS),
                "XGBRFRegressor": _expected(_DRAWS),
            },
            gpu={"device": "cuda:0"},
        ),
    )
}

#: `pytest.mark.parametrize` over those that are installed; the others are skipped with the reason.
every_library = pytest.mark.parametrize(
    "library",
    [
        pytest.param(
            library,
            id=name,
            marks=[]
            if name in names() and why_missing(name) is None
            else pytest.mark.skip(reason=f"{name} is not installed"),
        )
        for name, library in LIBRARIES.items()
    ],
)
