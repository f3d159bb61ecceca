"""Engine sklearnex keeps the public engine contract, `accelsk.testing`."""

import pytest

pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")

from accelsk.testing import parametrize_with_engine_checks

_SAMPLES = "oneDAL does not tell which rows each tree was grown on"


@parametrize_with_engine_checks(
    "sklearnex",
    expected_failures={
        "RandomForestClassifier-fitted_attributes_are_there": _SAMPLES,
        "RandomForestRegressor-fitted_attributes_are_there": _SAMPLES,
        "LinearRegression-fitted_attributes_are_there": "oneDAL computes no singular values: no rank_ and singular_",
    },
)
def test_sklearnex_keeps_the_engine_contract(check):
    check()
