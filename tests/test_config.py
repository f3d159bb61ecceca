"""Defaults of the options: for a block, for the process, from the environment."""

import os
import pickle
import threading

import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge

from accelsk import AcceleratedEstimator, config, config_context, get_config, set_config
from accelsk.errors import UnsupportedParameter


@pytest.fixture(autouse=True)
def untouched(monkeypatch):
    """Every test starts from the built-in defaults and leaves them."""
    monkeypatch.setattr(config, "_process", {})
    for name in get_config():
        monkeypatch.delenv(f"ACCELSK_{name.upper()}", raising=False)


def test_the_built_in_defaults():
    assert get_config() == {
        "engine": "auto",
        "device": "auto",
        "fallback": "warn",
        "fidelity": "statistical",
        "sparse": "auto",
        "cache_bytes": 512 * 2**20,
    }


@pytest.mark.parametrize(
    "variable, text, option, value",
    [
        ("ACCELSK_ENGINE", "sklearn", "engine", "sklearn"),
        ("ACCELSK_ENGINE", "loopback, sklearn", "engine", ("loopback", "sklearn")),
        ("ACCELSK_DEVICE", "gpu:1", "device", "gpu:1"),
        ("ACCELSK_FALLBACK", "raise", "fallback", "raise"),
        ("ACCELSK_FIDELITY", "exact", "fidelity", "exact"),
        ("ACCELSK_SPARSE", "error", "sparse", "error"),
        ("ACCELSK_ENGINE", "  ", "engine", "auto"),
    ],
)
def test_a_variable_of_the_environment_sets_a_default(monkeypatch, variable, text, option, value):
    monkeypatch.setenv(variable, text)

    assert get_config()[option] == value


def test_a_variable_with_nonsense_is_an_error(monkeypatch):
    monkeypatch.setenv("ACCELSK_FALLBACK", "rise")

    with pytest.raises(UnsupportedParameter, match="Did you mean 'raise'"):
        get_config()


@pytest.mark.parametrize("kind", [None, dict])
def test_a_variable_that_is_set_later_holds_from_then_on(monkeypatch, kind):
    """Options that were resolved are remembered, as long as the environment is the same."""
    if kind is not None:  # somebody has put another mapping in its place
        monkeypatch.setattr("os.environ", kind(os.environ))
    before = config.resolve({}, {})
    monkeypatch.setenv("ACCELSK_ENGINE", "sklearn")
    between = config.resolve({}, {})
    monkeypatch.delenv("ACCELSK_ENGINE")

    assert [each.engine for each in (before, between, config.resolve({}, {}))] == ["auto", "sklearn", "auto"]


@pytest.mark.parametrize("n_jobs", [1, 1.0, True, None])
def test_options_that_are_equal_are_not_taken_for_the_same(n_jobs):
    """``n_jobs=1.0`` is an error of scikit-learn's."""
    resolved = config.resolve({"n_jobs": n_jobs, "engine_params": {"sklearn": {}}}, {})

    assert type(resolved.n_jobs) is type(n_jobs)
    assert resolved.engine_params == {"sklearn": {}}
    assert config.resolve({}, {}).engine_params == {}


def test_the_nearer_counts_more(monkeypatch):
    monkeypatch.setenv("ACCELSK_SPARSE", "densify")
    assert get_config()["sparse"] == "densify"
    set_config(sparse="error")
    assert get_config()["sparse"] == "error"
    with config_context(sparse="auto"):
        assert get_config()["sparse"] == "auto"
        assert config.resolve({"sparse": "densify"}, {}).sparse == "densify"
    assert get_config()["sparse"] == "error"


def test_blocks_nest():
    with config_context(engine="sklearn"), config_context(fallback="raise"):
        assert (get_config()["engine"], get_config()["fallback"]) == ("sklearn", "raise")


def test_a_block_ends_with_an_error_too():
    with pytest.raises(ZeroDivisionError), config_context(engine="sklearn"):
        raise ZeroDivisionError
    assert get_config()["engine"] == "auto"


def test_a_block_is_of_its_thread_alone():
    seen = []
    with config_context(engine="sklearn"):
        thread = threading.Thread(target=lambda: seen.append(get_config()["engine"]))
        thread.start()
        thread.join()

    assert seen == ["auto"]


@pytest.mark.parametrize(
    "options",
    [
        {"engine": ""},
        {"engine": []},
        {"engine": 3},
        {"engine": ["auto"]},
        {"engine": ["sklearn", None]},
        {"device": "somewhere"},
        {"device": 0},
        {"fallback": "maybe"},
        {"fallback": True},
        {"fidelity": "good"},
        {"sparse": "sometimes"},
    ],
)
def test_nonsense_is_an_error_that_names_the_option_and_changes_nothing(options):
    (name,) = options
    with pytest.raises(UnsupportedParameter) as caught:
        set_config(**options)

    assert caught.value.parameter == name
    assert caught.value.hint
    assert get_config()[name] == config._BUILT_IN[name]


def test_one_wrong_option_leaves_the_right_ones_as_they_were():
    with pytest.raises(UnsupportedParameter):
        set_config(engine="sklearn", sparse="sometimes")

    assert get_config()["engine"] == "auto"


@pytest.mark.parametrize("engine_params", [3, ["a"], {"sklearn": 3}])
def test_engine_params_are_a_mapping_of_mappings(engine_params):
    with pytest.raises(UnsupportedParameter, match="engine_params"):
        config.resolve({"engine_params": engine_params}, {})


@pytest.mark.parametrize("leave", [clone, lambda est: pickle.loads(pickle.dumps(est))])
def test_an_estimator_that_leaves_the_block_keeps_its_options(leave, iris):
    with config_context(engine="loopback"):
        left = leave(AcceleratedEstimator(Ridge()))

    assert left.fit(*iris).engine_ == "loopback"
    assert AcceleratedEstimator(Ridge()).fit(*iris).decision_.requested["engine"] == "auto"


def test_a_block_around_the_fit_counts_more_than_the_one_that_was_left(iris):
    with config_context(engine="loopback"):
        left = clone(AcceleratedEstimator(Ridge()))

    with config_context(engine="sklearn"):
        assert left.fit(*iris).engine_ == "sklearn"


def test_the_objects_own_option_counts_most(iris):
    with config_context(engine="sklearn"):
        assert AcceleratedEstimator(Ridge(), engine="loopback").fit(*iris).engine_ == "loopback"
