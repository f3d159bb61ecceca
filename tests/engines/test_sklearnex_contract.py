"""Engine sklearnex keeps the public engine contract, `accelsk.testing`."""

import pytest

pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")

from sklearn.manifold import TSNE
from sklearn.utils import get_tags
from sklearnex.ensemble import RandomForestRegressor

from accelsk.devices import Device
from accelsk.engines.sklearnex import sycl
from accelsk.testing import parametrize_with_engine_checks

EXPECTED = {
    "LinearRegression-fitted_attributes_are_there": "oneDAL computes no singular values: no rank_ and singular_"
}
if not hasattr(RandomForestRegressor(n_estimators=1).fit([[0.0], [1.0]], [0.0, 1.0]), "estimators_samples_"):
    for name in ("RandomForestClassifier", "RandomForestRegressor"):
        EXPECTED[f"{name}-fitted_attributes_are_there"] = "oneDAL does not tell which rows each tree was grown on"
if not get_tags(TSNE()).input_tags.sparse:
    EXPECTED["TSNE-declared_sparse_formats_are_taken"] = "scikit-learn 1.6 says of TSNE that it takes no sparse matrix"

if Device("cpu", "opencl", 1) in sycl.found():  # in .ci/test-sycl
    EXPECTED["DummyRegressor-runs_on_every_device"] = "PoCL has no shared memory, which oneDAL keeps a constant in"


@parametrize_with_engine_checks("sklearnex", expected_failures=EXPECTED)
def test_sklearnex_keeps_the_engine_contract(check):
    check()
