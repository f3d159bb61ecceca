"""Between steps of one engine and device the data stay there; host copies are made at the seams only."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from accelsk import AcceleratedEstimator, AcceleratedPipeline
from accelsk.residence import Resident

try:
    from accelsk_loopback import library
except ImportError as error:
    raise RuntimeError(
        "these tests need the plug-in package of the tests: python -m pip install -e tests/plugins/accelsk-loopback"
    ) from error


@pytest.fixture(autouse=True)
def _count_from_zero():
    library.COPIES.clear()


def steps():
    return [("scale", StandardScaler()), ("pca", PCA(4)), ("ridge", Ridge())]


def copies():
    counted = dict(library.COPIES)
    library.COPIES.clear()
    return counted.get("in", 0), counted.get("out", 0)


def plain(diabetes):
    return Pipeline(steps()).fit(*diabetes)


def test_one_device_takes_the_data_once_and_gives_the_result_back_once(diabetes):
    X, y = diabetes
    pipe = AcceleratedPipeline(steps(), engine="loopback", device="accelerator").fit(X, y)

    assert {decision.device for decision in pipe.decision_.values()} == {"loopback:accelerator:0"}
    assert copies() == (1, 0)  # nothing but the fitted model is left
    predicted = pipe.predict(X)
    assert copies() == (1, 1)
    np.testing.assert_allclose(predicted, plain(diabetes).predict(X))


def test_wrapped_steps_of_a_plain_pipeline_copy_at_every_step(diabetes):
    wrapped = [(name, AcceleratedEstimator(step, engine="loopback", device="accelerator")) for name, step in steps()]
    pipe = Pipeline(wrapped).fit(*diabetes)
    copies()
    pipe.predict(diabetes[0])

    assert copies() == (3, 3)


def test_two_devices_make_a_seam(diabetes):
    device = {"scale": "accelerator:0", "pca": "accelerator:0", "ridge": "accelerator:1"}
    pipe = AcceleratedPipeline(steps(), engine="loopback", device=device).fit(*diabetes)
    copies()

    np.testing.assert_allclose(pipe.predict(diabetes[0]), plain(diabetes).predict(diabetes[0]))
    assert copies() == (2, 2)


def test_two_engines_make_a_seam(diabetes):
    engine, device = {"scale": "loopback", "pca": "sklearn", "ridge": "loopback"}, {"scale": "accelerator"}
    pipe = AcceleratedPipeline(steps(), engine=engine, device={**device, "ridge": "accelerator"}).fit(*diabetes)
    copies()

    np.testing.assert_allclose(pipe.predict(diabetes[0]), plain(diabetes).predict(diabetes[0]))
    assert copies() == (2, 2)


def test_what_a_user_is_given_is_on_the_host(diabetes):
    X, y = diabetes
    pipe = AcceleratedPipeline(steps()[:2], engine="loopback", device="accelerator")

    for result in (pipe.fit_transform(X, y), pipe.transform(X), pipe["scale"].transform(X), pipe[:1].transform(X)):
        assert isinstance(result, np.ndarray)
    np.testing.assert_allclose(
        pipe.inverse_transform(pipe.transform(X)),
        pipe[:1].inverse_transform(pipe["pca"].inverse_transform(pipe.transform(X))),
    )


def test_a_pipeline_inside_passes_the_data_on(diabetes):
    inside = AcceleratedPipeline(steps()[:2], engine="loopback", device="accelerator")
    pipe = AcceleratedPipeline([("inside", inside), steps()[2]], engine="loopback", device="accelerator").fit(*diabetes)
    copies()
    pipe.predict(diabetes[0])

    assert copies() == (1, 1)


class Looks(TransformerMixin, BaseEstimator):
    """A transformer of the user's own: it must see what scikit-learn would show it."""

    def fit(self, X, y=None):
        self.seen_ = type(X)
        return self

    def transform(self, X):
        self.seen_ = type(X)
        return X


def test_a_step_of_the_users_own_sees_arrays(diabetes):
    X, y = diabetes
    both = [steps()[0], ("looks", Looks()), *steps()[1:]]
    pipe = AcceleratedPipeline(both, engine=["loopback", "sklearn"], device={"scale": "accelerator"}).fit(X, y)

    assert pipe["looks"].seen_ is np.ndarray
    pipe.predict(X)
    assert pipe["looks"].seen_ is np.ndarray


def test_passthrough_passes_the_data_on(diabetes):
    all_steps = [steps()[0], ("nothing", "passthrough"), *steps()[1:]]
    pipe = AcceleratedPipeline(all_steps, engine="loopback", device="accelerator").fit(*diabetes)
    copies()
    pipe.predict(diabetes[0])

    assert copies() == (1, 1)


def test_a_cache_on_disk_holds_host_data(diabetes, tmp_path):
    X, y = diabetes
    pipe = AcceleratedPipeline(steps(), engine="loopback", device="accelerator", memory=str(tmp_path))
    first = pipe.fit(X, y).predict(X)

    np.testing.assert_array_equal(pipe.fit(X, y).predict(X), first)


def test_resident_data_pickle_as_host_data():
    there = Resident(library.DeviceArray(np.ones((2, 2)), "device 0"), "loopback", None)

    assert isinstance(pickle.loads(pickle.dumps(there)).data, np.ndarray)
