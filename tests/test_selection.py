"""Facts and what the engines declare in, a decision out."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.cluster import DBSCAN, KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from accelsk import config
from accelsk.engines import get
from accelsk.errors import (
    DeviceNotAvailable,
    EngineNotAvailable,
    UnsupportedInput,
    UnsupportedParameter,
)
from accelsk.facts import Facts
from accelsk.origin import public_name
from accelsk.selection import select

X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)


def decide(estimator, X=X, y=Y, fit_params=None, **options):
    return select(estimator, None if X is None else Facts(X, y, fit_params), config.resolve(options, {})).decision


@pytest.mark.parametrize(
    "cls, path",
    [(SVC, "sklearn.svm.SVC"), (KMeans, "sklearn.cluster.KMeans"), (Pipeline, "sklearn.pipeline.Pipeline")],
)
def test_a_class_is_known_by_the_path_that_users_import(cls, path):
    assert public_name(cls) == path


def test_the_named_engine_is_chosen():
    decision = decide(Ridge(), engine="loopback")

    assert (decision.engine, decision.device, decision.why) == ("loopback", "cpu", "asked for by name")
    assert not decision.fell_back


def test_of_several_the_first_that_can_is_chosen_and_the_others_say_why():
    decision = decide(Ridge(positive=True), engine=["loopback", "sklearn"])
    first, second = decision.candidates

    assert decision.engine == "sklearn"
    assert not decision.fell_back
    assert "Ridge(positive=True); it supports positive=False" in first.reasons[0].text
    assert second.chosen
    assert "choice 2 of 2" in decision.why


def test_one_that_could_but_was_not_preferred_says_so():
    second = decide(Ridge(), engine=["loopback", "sklearn"]).candidates[1]

    assert [reason.kind for reason in second.reasons] == ["order"]


@pytest.mark.parametrize("fallback", ["warn", "silent"])
def test_what_the_named_engine_cannot_do_falls_back(fallback):
    decision = decide(Ridge(positive=True), engine="loopback", fallback=fallback)

    assert (decision.engine, decision.fell_back) == ("sklearn", True)
    assert "positive=True" in decision.why


@pytest.mark.parametrize(
    "estimator, data, error",
    [
        (Ridge(positive=True), X, UnsupportedParameter),
        (SVC(), sp.csr_array(X), UnsupportedInput),
        (Pipeline([]), X, UnsupportedParameter),
    ],
)
def test_or_raises(estimator, data, error):
    with pytest.raises(error) as caught:
        decide(estimator, data, engine="loopback", fallback="raise", sparse="error")

    assert caught.value.engine == "loopback"
    assert caught.value.hint


@pytest.mark.parametrize("fallback", ["warn", "raise", "silent"])
def test_an_engine_that_there_is_not_is_an_error_at_any_setting(fallback):
    with pytest.raises(EngineNotAvailable, match="Did you mean 'loopback'"):
        decide(Ridge(), engine="loopbak", fallback=fallback)


@pytest.mark.parametrize("fallback", ["warn", "raise", "silent"])
def test_a_device_that_there_is_not_is_an_error_at_any_setting(fallback):
    with pytest.raises(DeviceNotAvailable) as caught:
        decide(Ridge(), engine="loopback", device="accelerator:7", fallback=fallback)

    assert "loopback:accelerator:1" in caught.value.available


def test_no_engine_for_a_device_lists_what_there_is():
    with pytest.raises(DeviceNotAvailable, match=r"'accelerator:7'; there is: cpu \(.*sklearn"):
        decide(Ridge(), device="accelerator:7")


def test_engine_params_of_no_engine_are_an_error():
    with pytest.raises(EngineNotAvailable, match="no engine 'lopback'"):
        decide(Ridge(), engine_params={"lopback": {}})


def test_auto_takes_scikit_learn_where_nothing_was_measured_to_be_faster():
    decision = decide(Ridge(), X[:10])
    reasons = {candidate.engine: candidate.reasons for candidate in decision.candidates}

    assert decision.engine == "sklearn"
    assert reasons["loopback"][0].kind == "worth"


def test_auto_takes_the_engine_in_the_region_where_it_was_measured():
    wide = np.random.default_rng(0).normal(size=(40, 61))
    decision = decide(LogisticRegression(), wide)

    assert decision.engine == "loopback"
    assert "about 3 times as fast" in decision.why


def test_auto_in_its_region_falls_back_to_scikit_learn_without_a_warning():
    wide = np.random.default_rng(0).normal(size=(40, 61))
    decision = decide(LogisticRegression(solver="liblinear"), wide, fallback="raise")

    assert (decision.engine, decision.fell_back) == ("sklearn", False)


def test_without_data_auto_promises_nothing_that_they_decide():
    decision = decide(LogisticRegression(), None)
    (loopback,) = [candidate for candidate in decision.candidates if candidate.engine == "loopback"]

    assert decision.engine == "sklearn"
    assert "which the data decide" in loopback.reasons[0].text


def test_auto_stays_at_the_fidelity_that_is_asked_for():
    reasons = {c.engine: c.reasons for c in decide(RandomForestClassifier(), fidelity="exact").candidates}

    assert reasons["loopback"][0].kind == "fidelity"


def test_a_named_engine_is_taken_whatever_its_fidelity():
    assert decide(RandomForestClassifier(), engine="loopback", fidelity="exact").fidelity == "statistical"


def test_every_reason_is_kept():
    decision = decide(Ridge(positive=True, solver="saga"), engine="loopback", fit_params={"other": 1})

    assert [reason.kind for reason in decision.candidates[0].reasons] == ["parameter", "parameter", "input"]


def test_all_that_is_judged_together_is_named_in_the_error():
    with pytest.raises(UnsupportedParameter, match=r"LogisticRegression\(l1_ratio=0.5, penalty='?\w+'?\)"):
        decide(LogisticRegression(l1_ratio=0.5), engine="loopback", fallback="raise")


def test_a_need_is_not_asked_about_a_hyperparameter_that_was_refused():
    with pytest.raises(UnsupportedParameter, match="init"):
        decide(KMeans(3, init=X[:3]), engine="loopback", fallback="raise", y=None)


def test_sparse_data_go_as_they_are_before_a_dense_copy_is_considered():
    assert decide(SVC(), sp.csr_array(X), engine=["loopback", "sklearn"]).engine == "sklearn"
    alone = decide(SVC(), sp.csr_array(X), engine="loopback")

    assert alone.engine == "loopback"
    assert alone.conversions == ("sparse to dense (0.00096 MB)",)


def test_callbacks_are_for_scikit_learn_alone():
    facts, options = Facts(X, Y), config.resolve({"engine": "loopback"}, {})
    decision = select(Ridge(), facts, options, callbacks=True).decision

    assert decision.engine == "sklearn"
    assert "callbacks" in decision.why


def test_the_device_alone_may_decide():
    decision = decide(Ridge(), device="accelerator")

    assert (decision.engine, decision.device) == ("loopback", "loopback:accelerator:0")


def test_a_row_for_other_devices_is_not_for_the_host():
    with pytest.raises(DeviceNotAvailable, match="with DBSCAN reaches no device 'cpu' here"):
        decide(DBSCAN(), engine="loopback", device="cpu")


def test_deciding_changes_neither_estimator_nor_data():
    estimator, data = Ridge(), X.copy()
    before = dict(vars(estimator))
    decide(estimator, data, engine="loopback")

    assert vars(estimator) == before
    np.testing.assert_array_equal(data, X)


def test_the_plan_passes_every_hyperparameter():
    plan = select(Ridge(alpha=np.float64(2)), None, config.resolve({"engine": "loopback"}, {}))

    assert plan.row is get("loopback").row("sklearn.linear_model.Ridge")
    assert plan.keywords["l2"] == 2.0
    assert type(plan.keywords["l2"]) is float
    assert set(plan.keywords) == {"l2", "intercept", "max_iter", "tol", "method", "positive", "trouble"}
