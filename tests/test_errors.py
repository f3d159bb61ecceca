"""Every error of the design: its words, its parts, and that a loky worker does not hide it."""

import pickle

import joblib
import pytest

from accelsk import errors
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


@pytest.mark.parametrize("cls", [cls for cls in EVERY if issubclass(cls, AccelskError)])
def test_comes_home_from_a_loky_worker(cls):
    with pytest.raises(cls, match=r"It failed\.\nHint: do this\.") as caught:
        joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(raise_in_worker)(cls) for _ in range(2))

    assert caught.value.engine == "mine"


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
