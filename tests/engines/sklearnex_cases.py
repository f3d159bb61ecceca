"""Estimators for the tests of engine ``sklearnex``, by the name of their row."""

from __future__ import annotations

import importlib
import inspect

import pytest
import sklearn
from packaging.version import Version

from accelsk import AcceleratedEstimator
from accelsk.devices import Device
from accelsk.engines import get, get_adapter

ENGINE = get("sklearnex")
ADAPTER = get_adapter("sklearnex")
#: For processors, and for GPUs.
ROWS = {row.name: row for row in ENGINE.rows if ENGINE.row(row.estimator) is row}
GPU_ROWS = {row.name: row for row in ENGINE.rows if row.runs_on(Device("gpu"))}

#: LogisticRegressionCV warns of a change in what it is then called with by default.
SINCE_1_8 = Version(sklearn.__version__) >= Version("1.8")

every_row = pytest.mark.parametrize("name", sorted(ROWS))
every_gpu_row = pytest.mark.parametrize("name", sorted(GPU_ROWS))


def load(path):
    """The class of this import path."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def plain(name, **params):
    """A scikit-learn estimator with settings that suit its row."""
    defaults = {
        "DummyRegressor": {"strategy": "constant", "constant": 2.5},
        "TSNE": {"max_iter": 500, "random_state": 0},
        "LocalOutlierFactor": {"novelty": True, "algorithm": "brute"},
        # Accuracies of two strengths are often equal, and then which is taken hangs on the last digit.
        "LogisticRegressionCV": {
            "Cs": [0.01, 0.1, 1.0],
            "cv": 3,
            "scoring": "neg_log_loss",
            "max_iter": 1000,
            **({"use_legacy_attributes": False, "l1_ratios": (0,)} if SINCE_1_8 else {}),
        },
        "KNeighborsClassifier": {"algorithm": "brute"},
        "KNeighborsRegressor": {"algorithm": "brute"},
        "NearestNeighbors": {"algorithm": "brute"},
        # Votes jump where a margin changes its sign; the margins themselves can be compared.
        "NuSVC": {"decision_function_shape": "ovo", "nu": 0.1},
        "SVC": {"decision_function_shape": "ovo"},
    }
    accepted = inspect.signature(load(ROWS[name].estimator)).parameters
    settings = {key: value for key, value in {**defaults.get(name, {}), **params}.items() if key in accepted}
    return load(ROWS[name].estimator)(**settings)


def accelerated(name, **params):
    """The same on sklearnex, which must not fall back."""
    return AcceleratedEstimator(plain(name, **params), engine="sklearnex", fallback="raise")
