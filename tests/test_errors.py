"""Every error of the design: its words, its parts, and that a loky worker does not hide it."""

import pickle

import joblib
import numpy as np
import pytest
from joblib.externals.loky import ProcessPoolExecutor
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from accelsk import AcceleratedEstimator, errors
from accelsk.errors import (
    AccelskError,
    AccelskWarning,
    DeviceNotAvailable,
    DeviceOutOfMemory,
    DevicePlacementWarning,
    EngineFallbackWarning,
    EngineNotAvailable,
    NotPortable,
    UnsupportedInput,
    UnsupportedMethod,
    UnsupportedParameter,
    did_you_mean,
)

EVERY = [getattr(errors, name) for name in errors.__all__]


def made(cls):
    return cls("It failed.", hint="do this.", engine="mine", parameter="C", value=3)


def raise_in_worker(cls):
    raise made(cls)


def test_every_exception_of_the_module_is_listed():
    defined = {
        name for name, value in vars(errors).items() if isinstance(value, type) and value.__module__ == errors.__name__
    }

    assert {name for name in defined if not name.startswith("_")} == set(errors.__all__)


@pytest.mark.parametrize("cls", EVERY)
def test_message_says_what_happened_and_the_way_out(cls):
    assert str(made(cls)) == "It failed.\nHint: do this."


@pytest.mark.parametrize("cls", EVERY)
def test_survives_pickle_with_its_parts(cls):
    again = pickle.loads(pickle.dumps(made(cls)))

    assert type(again) is cls
    assert (str(again), again.hint, again.engine, again.parameter, again.value) == (
        "It failed.\nHint: do this.",
        "do this.",
        "mine",
        "C",
        3,
    )


@pytest.fixture(scope="module")
def worker():
    """A worker of loky that goes on after an error: joblib ends its own, and starting another takes seconds."""
    with ProcessPoolExecutor(max_workers=1) as executor:
        yield executor


in_one_process = pytest.mark.xdist_group("loky of errors")


@in_one_process
def test_every_one_comes_home_from_a_loky_worker(worker):
    for cls in EVERY:
        if issubclass(cls, AccelskError):
            there = worker.submit(raise_in_worker, cls).exception()

            assert type(there) is cls
            assert str(there) == "It failed.\nHint: do this."
            assert there.engine == "mine"


def test_joblib_raises_it_as_it_came():
    with pytest.raises(UnsupportedParameter, match=r"It failed\.\nHint: do this\.") as caught:
        joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(raise_in_worker)(UnsupportedParameter) for _ in "ab")

    assert caught.value.parts == made(UnsupportedParameter).parts


@pytest.mark.parametrize(
    "cls, builtin",
    [
        (EngineNotAvailable, ImportError),
        (UnsupportedParameter, ValueError),
        (UnsupportedInput, ValueError),
        (UnsupportedMethod, AttributeError),
        (DeviceOutOfMemory, MemoryError),
        (EngineFallbackWarning, UserWarning),
        (DevicePlacementWarning, UserWarning),
    ],
)
def test_is_also_what_callers_of_scikit_learn_expect(cls, builtin):
    assert issubclass(cls, builtin)


@pytest.mark.parametrize("cls", [DeviceNotAvailable, NotPortable])
def test_has_no_builtin_twin(cls):
    assert cls.__mro__[1] is AccelskError


def test_warnings_are_no_errors():
    assert not issubclass(AccelskWarning, AccelskError)


def test_did_you_mean_is_silent_where_nothing_is_near():
    assert did_you_mean("zzz", ["engine"]) == ""


def fit(estimator, X, options):
    AcceleratedEstimator(estimator, **options).fit(X, np.arange(6))


REAL = {
    "an engine that nobody knows": (
        Ridge(),
        {"engine": "lopback"},
        EngineNotAvailable,
        r"engine 'lopback'.*'loopback'",
    ),
    "a device that is not there": (Ridge(), {"device": "hip:7"}, DeviceNotAvailable, r"device 'hip:7'; there is: cpu "),
    "a device that nobody can read": (Ridge(), {"device": "gpu:x"}, UnsupportedParameter, r"device='gpu:x'.*kind.*cpu"),
    "an option that does not exist": (Ridge(), {"fallback": "wran"}, UnsupportedParameter, r"fallback='wran'.*'warn'"),
    "a value that the engine lacks": (
        Ridge(positive=True),
        {"engine": "loopback", "fallback": "raise"},
        UnsupportedParameter,
        (
            r"engine 'loopback' cannot run Ridge\(positive=True\); it supports positive=False\.\n"
            r"Hint: drop positive, use engine='auto', or list a second choice: engine=\['loopback', 'sklearn'\]"
        ),
    ),
    "data that the engine does not take": (
        PCA(),
        {"engine": "loopback", "fallback": "raise", "sparse": "error"},
        UnsupportedInput,
        r"engine 'loopback' cannot run PCA.fit on this data: it takes no sparse matrix",
    ),
}


@in_one_process
@pytest.mark.parametrize("what", REAL)
def test_a_real_failure_says_the_same_from_a_worker(what, worker):
    estimator, options, cls, words = REAL[what]
    X = sparse.eye_array(6, format="csr") if cls is UnsupportedInput else np.eye(6)
    with pytest.raises(cls, match=words) as here:
        fit(estimator, X, options)
    there = worker.submit(fit, estimator, X, options).exception()

    assert type(there) is cls
    assert str(there) == str(here.value)
    assert there.parts == here.value.parts


def test_a_value_that_does_not_pickle_is_told_in_words():
    with pytest.raises(UnsupportedParameter) as caught:
        fit(Ridge(positive=lambda: 0), np.eye(6), {"engine": "loopback", "fallback": "raise"})

    assert pickle.loads(pickle.dumps(caught.value)).value.startswith("<function")


def test_a_fallback_warns_once_per_cause_on_the_users_line():
    with pytest.warns(EngineFallbackWarning, match=r"Ridge\(positive=True\) is fitted by engine 'sklearn'") as caught:
        AcceleratedEstimator(Ridge(positive=True), engine="loopback").fit(np.eye(6), np.arange(6))

    assert [warning.filename for warning in caught] == [__file__]
