"""Which evaluator computes: offers are taken by what they save, measured, and given up where they are no gain."""

import copy
import gc
import inspect
import pickle
import threading
import time
import weakref

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from accelsk import AcceleratedEstimator
from accelsk.batches import in_words, is_finite
from accelsk.errors import UnsupportedParameter
from accelsk.evaluation import Evaluation
from accelsk.evaluators import Offer, offers
from accelsk.preparation import Preparation
from accelsk.threads import limited

X = np.random.default_rng(0).normal(size=(64, 3))
y = X @ [1.0, 2.0, 3.0]


def with_nan():
    rows = X.copy()
    rows[3, 1] = np.nan
    return rows


class Clock:
    """Seconds that pass when somebody computes, on however busy a machine."""

    now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr("accelsk.evaluation.time", made)
    return made


def native(rows):
    return rows.sum(axis=1)


def offer(name="fast", evaluate=lambda rows: rows.sum(axis=1) + 0.0, seconds=1e-6, made=None, **more):
    def make():
        if made is not None:
            made.append(name)
        return {"predict": evaluate}

    return Offer(name=name, methods=("predict",), make=make, seconds=lambda method, n_rows: seconds, **more)


def computed(evaluation, rows=X, *, clock=None, takes=0.0, times=1):
    def model():
        if clock is not None:
            clock.now += takes
        return native(rows)

    for _ in range(times):
        result = evaluation.compute("predict", (rows,), {}, model)
    return result


def slowly(rows):
    time.sleep(0.001)
    return native(rows)


def told(evaluation):
    return evaluation.described().get("predict", "")


def test_what_costs_nothing_to_make_is_taken_at_the_first_call_and_answers_from_then_on():
    made = []
    evaluation = Evaluation(3, lambda: [offer(made=made)])
    assert evaluation.answer("predict", X) is None

    np.testing.assert_allclose(computed(evaluation), native(X))

    np.testing.assert_allclose(evaluation.answer("predict", X), native(X))
    assert (made, told(evaluation)) == (["fast"], "fast for 64 to 127 rows")
    assert evaluation.answer("predict", X[:1]) is None  # of another size


def test_what_takes_time_to_make_is_made_once_it_would_have_saved_as_much(clock):
    made = []
    evaluation = Evaluation(3, lambda: [offer(build=0.02, made=made)])

    computed(evaluation, clock=clock, takes=0.006, times=3)
    assert made == []
    computed(evaluation, clock=clock, takes=0.006)
    assert made == ["fast"]
    computed(evaluation, clock=clock, takes=0.006, times=3)

    assert told(evaluation) == "fast for 64 to 127 rows"


def test_what_turns_out_to_be_no_gain_is_given_up(clock):
    def slow(rows):
        clock.now += 0.001
        return native(rows)

    evaluation = Evaluation(3, lambda: [offer(evaluate=slow, build=1e-9)])

    computed(evaluation, clock=clock, takes=0.001, times=12)

    assert told(evaluation) == ""
    assert not evaluation.answers("predict", len(X))


def test_without_a_gain_in_sight_nothing_is_made(clock):
    made = []
    evaluation = Evaluation(3, lambda: [offer(seconds=1.0, build=1e-9, made=made)])

    computed(evaluation, clock=clock, takes=0.001, times=4)

    assert (made, told(evaluation)) == ([], "")
    assert evaluation.methods.keys() == {"predict"}


def test_an_evaluator_that_cannot_be_made_leaves_the_model_as_it_was():
    def make():
        raise RuntimeError("no library")

    broken = Offer(name="broken", methods=("predict",), make=make, seconds=lambda method, n_rows: 1e-9)
    evaluation = Evaluation(3, lambda: [broken, offer()])

    np.testing.assert_allclose(computed(evaluation, times=5), native(X))

    assert told(evaluation) == "fast for 64 to 127 rows"


@pytest.mark.parametrize("refuses", [lambda rows: None, lambda rows: rows.missing], ids=["None", "an error"])
def test_an_evaluator_that_never_answers_is_asked_no_more(refuses):
    asked = []

    def evaluate(rows):
        asked.append(rows)
        return refuses(rows)

    evaluation = Evaluation(3, lambda: [offer(evaluate=evaluate)])

    np.testing.assert_allclose(computed(evaluation, times=30), native(X))

    assert 0 < len(asked) < 20
    assert evaluation.answer("predict", X) is None


def test_offers_are_asked_for_when_the_model_itself_has_computed_for_long_enough(clock):
    asked = []

    def find():
        asked.append(1)
        return [offer()]

    evaluation = Evaluation(3, find, patience=0.01)

    computed(evaluation, clock=clock, takes=0.004, times=2)
    assert not asked
    computed(evaluation, clock=clock, takes=0.004, times=3)
    assert len(asked) == 1


def test_too_early_for_offers_the_model_answers_by_its_shortcut(clock):
    found = []
    evaluation = Evaluation(3, lambda: found.append(1) or [offer()], patience=0.01, shortcut={"predict": at_rest}.get)

    _, long = asked(evaluation, clock, times=7)  # one that takes 4 ms, six of 1 ms
    assert (long, found, told(evaluation)) == (1, [], "")
    asked(evaluation, clock, times=1)
    assert found == [1]


@pytest.mark.parametrize(
    "takes, models, stays",
    [
        ([0.010, 0.005, 0.005], 3, ""),  # its first call, which loaded something, was the slow one
        ([0.010, 0.010, 0.010], 3, "fast for 64 to 127 rows"),
        ([0.020], 1, "fast for 64 to 127 rows"),  # nothing is as slow by chance
    ],
)
def test_an_evaluator_that_wins_by_little_is_weighed_against_several_calls_of_the_model(clock, takes, models, stays):
    def evaluate(rows):
        clock.now += 0.006
        return native(rows)

    asked_of_the_model = iter(takes)

    def model():
        clock.now += next(asked_of_the_model, 0.005)
        counted.append(1)
        return native(X)

    counted = []
    evaluation = Evaluation(3, lambda: [offer(evaluate=evaluate, build=1e-9)])
    for _ in range(len(takes) + 3):
        np.testing.assert_array_equal(evaluation.compute("predict", (X,), {}, model), native(X))
    assert (len(counted), told(evaluation)) == (models, stays)


def test_single_precision_is_for_those_who_ask_for_it():
    def find():
        return [offer("half", seconds=1e-9, precision="float32"), offer()]

    evaluation = Evaluation(3, find)
    computed(evaluation)
    assert told(evaluation) == "fast for 64 to 127 rows"

    evaluation = Evaluation(3, find)
    preparation = evaluation.prepare({"predict": slowly}, [X], "float32")
    assert preparation.chosen["predict"][7] in ("half", "fast")
    assert preparation.ratios["predict"][7] > 1
    assert preparation.differences["predict"][7] < 1e-12


def test_what_was_prepared_holds_where_the_evaluation_is_made_again():
    made = []
    evaluation = Evaluation(3, lambda: [offer(build=100.0, made=made)])
    preparation = evaluation.prepare({"predict": slowly}, [X], "float64")
    assert (made, evaluation.answers("predict", 100)) == (["fast"], True)

    again = Evaluation(3, lambda: [offer(build=100.0, made=made)], preparation=preparation)
    computed(again)

    assert (made, told(again)) == (["fast", "fast"], "fast for 64 to 127 rows")


@pytest.mark.parametrize(
    "rows",
    [
        X[:, :2],
        X[::2],
        np.asfortranarray(X),
        X.astype(np.float16),
        X.astype(X.dtype.newbyteorder()),
        with_nan(),
        X * 1e200,
        X[0],
        X[np.newaxis],
        X.view(np.recarray),
        X.tolist(),
        pd.DataFrame(X),
        None,
    ],
    ids=range(13),
)
def test_only_plain_finite_arrays_of_the_right_width_are_answered_at_once(rows):
    evaluation = Evaluation(3, lambda: [offer()])
    computed(evaluation)
    computed(evaluation, X[:32])

    assert evaluation.answer("predict", rows) is None
    assert evaluation.answer("predict", X) is not None


def at_rest(rows):
    """The model itself, by its shortcut: infinity is not for it."""
    return None if np.isinf(rows).any() else native(rows)


def asked(evaluation, clock, rows=X, *, short=0.001, long=0.004, times=1):
    """Call as a wrapper does, and count how often the long way was taken."""
    counted = []

    def model():
        counted.append(1)
        clock.now += long
        return native(rows)

    def shortcut(given):
        clock.now += short
        return at_rest(given)

    way = evaluation._way("predict")
    if way is not None:
        way.evaluate = shortcut
    for _ in range(times):
        result = evaluation.answer("predict", rows)
        if result is None:
            result = evaluation.compute("predict", (rows,), {}, model)
    return result, len(counted)


def test_the_model_answers_by_its_shortcut_where_nothing_else_computes(clock):
    for find in (tuple, lambda: [offer(seconds=1.0, build=1e-9)]):
        evaluation = Evaluation(3, find, shortcut={"predict": at_rest}.get)

        result, long = asked(evaluation, clock, times=5)

        np.testing.assert_array_equal(result, native(X))
        assert (long, told(evaluation)) == (find is tuple, "")
        assert evaluation.answers("predict", len(X))
        assert not evaluation.answers("predict", 1)
        assert evaluation.answer("predict", with_nan()) is not None  # it is for the shortcut to say
        for rows in (X[:, :2].copy(), X[::2], X.tolist(), pd.DataFrame(X), X.astype(int)):
            assert evaluation.answer("predict", rows) is None
        with limited(1):
            assert evaluation.answer("predict", X) is None


def test_what_the_shortcut_leaves_takes_the_long_way_and_is_not_counted(clock):
    evaluation = Evaluation(3, tuple, shortcut={"predict": at_rest}.get)
    assert asked(evaluation, clock, np.full_like(X, np.inf), times=30)[1] == 30
    assert evaluation.answer("predict", X) is not None


def test_offers_are_made_and_timed_as_well_and_weighed_against_the_shortcut(clock):
    made = []
    evaluation = Evaluation(3, lambda: [offer(build=0.05, made=made)], shortcut={"predict": at_rest}.get)

    assert asked(evaluation, clock, times=20)[1] == 0
    assert (made, told(evaluation)) == ([], "")
    asked(evaluation, clock, times=50)
    assert (made, told(evaluation)) == (["fast"], "fast for 64 to 127 rows")

    def slower(rows):  # than the shortcut, and faster than the long way
        clock.now += 0.002
        return native(rows)

    evaluation = Evaluation(3, lambda: [offer(evaluate=slower, build=1e-9)], shortcut={"predict": at_rest}.get)
    assert asked(evaluation, clock, times=30)[1] == 0
    assert told(evaluation) == ""
    assert evaluation.answers("predict", len(X))


def lasting(clock, seconds):
    def evaluate(rows):
        clock.now += seconds
        return native(rows) + 0.0

    return evaluate


def test_one_that_takes_longer_to_make_is_taken_once_it_pays(clock):
    made = []
    quick = offer("quick", lasting(clock, 0.002), seconds=0.002)
    costly = offer("costly", lasting(clock, 0.0005), seconds=0.0005, build=0.05, made=made)
    evaluation = Evaluation(3, lambda: [quick, costly])

    asked(evaluation, clock, times=30)  # some 33 calls make up for the 50 ms
    assert (made, told(evaluation)) == ([], "quick for 64 to 127 rows")
    _, long = asked(evaluation, clock, times=20)
    assert (made, told(evaluation)) == (["costly"], "costly for 64 to 127 rows")
    assert long == 0


def test_one_that_was_made_and_is_no_gain_is_asked_no_more(clock):
    made, slow = [], lasting(clock, 0.004)
    quick = offer("quick", lasting(clock, 0.002), seconds=0.002)
    evaluation = Evaluation(3, lambda: [quick, offer("costly", slow, seconds=0.0005, build=0.05, made=made)])

    assert asked(evaluation, clock, times=200)[1] == 0
    assert (made, told(evaluation)) == (["costly"], "quick for 64 to 127 rows")


def test_one_that_was_slow_once_is_given_the_time_to_show_it(clock):
    made, seconds = [], [0.02]  # the first call

    def warming(rows):
        clock.now += seconds.pop() if seconds else 0.001
        return native(rows)

    quick = offer("quick", warming, seconds=0.001)
    evaluation = Evaluation(3, lambda: [quick, offer("costly", seconds=0.0005, build=0.05, made=made)])

    asked(evaluation, clock, times=60)  # by the first call three would pay, by the others a hundred
    assert (made, told(evaluation)) == ([], "quick for 64 to 127 rows")
    asked(evaluation, clock, times=100)
    assert made == ["costly"]


def test_what_was_prepared_stays(clock):
    made = []
    offers = [offer("quick", seconds=0.002), offer("costly", seconds=0.0001, build=1e-9, made=made)]
    preparation = Preparation("float64", {"predict": {7: "quick"}}, {}, {})
    evaluation = Evaluation(3, lambda: offers, preparation=preparation)

    asked(evaluation, clock, times=50)
    assert (made, told(evaluation)) == ([], "quick for 64 to 127 rows")


def test_prepare_compares_with_the_shortcut():
    def half(rows):
        time.sleep(0.0005)
        return native(rows)

    evaluation = Evaluation(3, lambda: [offer(evaluate=half)], shortcut={"predict": at_rest}.get)
    preparation = evaluation.prepare({"predict": slowly}, [X], "float64")
    assert preparation.chosen["predict"] == {7: ""}
    assert evaluation.answer("predict", X) is not None
    again = Evaluation(3, lambda: [offer(evaluate=half)], preparation=preparation, shortcut={"predict": at_rest}.get)
    computed(again)
    assert told(again) == ""
    assert again.answer("predict", X) is not None


def test_further_arguments_go_to_the_model():
    evaluation = Evaluation(3, lambda: [offer()])
    assert evaluation.compute("predict", (X,), {"return_std": True}, lambda: "native") == "native"
    assert evaluation.compute("predict", (X, 1), {}, lambda: "native") == "native"
    np.testing.assert_allclose(evaluation.compute("predict", (), {"X": X}, lambda: None), native(X))


def test_numbers_of_rows_are_told_as_runs():
    assert in_words([1, 2, 3, 11]) == "1 to 7 and 1024 to 2047 rows"
    assert [is_finite(np.array(each)) for each in ([1.0], [np.inf], [np.nan], [1e300])] == [True, False, False, False]


# -- as the wrapper has it ---------------------------------------------------------------------------------------------


def wrapped(model, target=y):
    return AcceleratedEstimator(model, engine="sklearn").fit(X, target)


def at_once(model, method, rows):
    """The result, if it is computed without the model."""
    getattr(model, method)(rows)
    result = model._evaluation.answer(method, rows)
    assert result is not None
    return result


def test_a_subclass_is_asked_itself():
    class Otherwise(Ridge):
        def predict(self, X):
            return super().predict(X) + 1

    model = AcceleratedEstimator(Otherwise(), engine="sklearn").fit(X, y)

    assert list(offers(model.estimator_)) == []
    np.testing.assert_allclose(model.predict(X), Ridge().fit(X, y).predict(X) + 1)


def test_a_fit_forgets_the_model_before():
    model = wrapped(Ridge())
    before = at_once(model, "predict", X)

    model.fit(X, -y)

    np.testing.assert_allclose(at_once(model, "predict", X), -before)
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.full_like(X, np.inf), y)
    np.testing.assert_allclose(at_once(model, "predict", X), -before)
    model.fit(X[:, :2], y)
    with pytest.raises(ValueError, match="X has 3 features, but Ridge is expecting 2"):
        model.predict(X)


def test_partial_fit_goes_on():
    model = AcceleratedEstimator(SGDClassifier(random_state=0), engine="sklearn")
    plain = SGDClassifier(random_state=0)
    for _ in range(3):
        for each in (model, plain):
            each.partial_fit(X, y > 0, classes=[False, True])
        np.testing.assert_allclose(at_once(model, "decision_function", X), plain.decision_function(X))


def test_attributes_that_are_set_count_at_once():
    model = wrapped(LogisticRegression(), y > 0)
    at_once(model, "predict", X)

    model.estimator_.classes_ = np.array(["no", "yes"])
    model.estimator_.coef_ = -model.estimator_.coef_

    np.testing.assert_array_equal(at_once(model, "predict", X), model.estimator_.predict(X))
    model.estimator_.sparsify()
    np.testing.assert_array_equal(model.predict(X), model.estimator_.predict(X))
    del model.estimator_.coef_
    with pytest.raises((AttributeError, NotFittedError)):
        model.predict(X)


def test_frames_are_made_where_they_are_asked_for():
    model = wrapped(StandardScaler())
    at_once(model, "transform", X)

    with sklearn.config_context(transform_output="pandas"):
        assert type(model.transform(X)) is pd.DataFrame
    model.set_output(transform="pandas")
    assert type(model.transform(X)) is pd.DataFrame
    assert type(model.inverse_transform(X)) is np.ndarray
    model.set_output(transform="default")
    assert type(at_once(model, "transform", X)) is np.ndarray


def test_without_the_check_for_finite_numbers_the_model_is_asked():
    model = wrapped(Ridge())
    at_once(model, "predict", X)
    rows = with_nan()

    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.predict(rows)
    with sklearn.config_context(assume_finite=True):
        np.testing.assert_array_equal(np.isnan(model.predict(rows)).nonzero(), [[3]])


def test_the_data_are_changed_only_where_that_was_asked_for():
    for copies in (True, False):
        model = wrapped(StandardScaler(copy=copies))
        for _ in range(3):
            rows = X.copy()
            result = model.transform(rows)
            assert (rows is result, np.array_equal(rows, X)) == (not copies, copies)


def test_large_arrays_are_scaled_block_by_block():
    rows = np.random.default_rng(0).normal(size=(30_000, 3))
    model = wrapped(StandardScaler())

    np.testing.assert_array_equal(at_once(model, "transform", rows), model.estimator_.transform(rows))


def test_copies_and_pickles_have_no_evaluators_and_make_their_own():
    model = wrapped(Ridge()).prepare(X, batch_sizes=(64,))
    expected = model.estimator_.predict(X)

    for again in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert "_evaluation" not in vars(again)
        np.testing.assert_allclose(at_once(again, "predict", X), expected)
    assert b"Evaluation" not in pickle.dumps(model)


def test_a_model_is_freed_at_once_with_what_computes_it():
    model = wrapped(Ridge())
    at_once(model, "predict", X)
    freed = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert freed() is None
    finally:
        gc.enable()


def test_a_prediction_does_not_change_the_object():
    model = wrapped(Ridge())
    before = dict(vars(model))
    model.predict(X)
    assert vars(model) == before


def test_the_decision_says_what_computes():
    model = wrapped(KMeans(2, n_init=1))
    assert model.decision_.operations == {}
    model.predict(X[:1])
    model.predict(X[:5])
    assert model.decision_.operations == {"predict": "numpy for 1 and 4 to 7 rows"}


def test_prepare_says_what_it_does_not_take():
    with pytest.raises(NotFittedError):
        AcceleratedEstimator(Ridge()).prepare()
    with pytest.raises(UnsupportedParameter, match=r"batch_sizes has 0, .*number of rows"):
        wrapped(Ridge()).prepare(batch_sizes=(0,))
    with pytest.raises(UnsupportedParameter, match="precision='float16' is not one of 'float64', 'float32'"):
        wrapped(Ridge()).prepare(precision="float16")


def test_eight_threads_predict_while_evaluators_are_made():
    model = wrapped(LogisticRegression(), np.digitize(y, [-1, 1]))
    expected = model.estimator_.predict_proba(X)
    wrong = []
    start = threading.Barrier(8)

    def predict(seed):
        rng = np.random.default_rng(seed)
        start.wait()
        for _ in range(100):
            rows = rng.integers(0, len(X), rng.integers(1, 40))
            if not np.allclose(model.predict_proba(X[rows]), expected[rows]):
                wrong.append(rows)

    threads = [threading.Thread(target=predict, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong
    assert len(model.decision_.operations) == 1


@pytest.mark.parametrize("model", [SVC(), SVR(), Ridge()])
def test_a_score_is_of_predictions_that_are_computed_faster(model):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(80, 3))
    y = data[:, 0] > 0 if isinstance(model, SVC) else data[:, 0]
    weights = rng.uniform(size=80)
    ours, plain = AcceleratedEstimator(model, engine="sklearn").fit(data, y), clone(model).fit(data, y)

    assert ours.score(data, y) == pytest.approx(plain.score(data, y), abs=1e-12)
    assert "numpy" in ours.decision_.operations["predict"]
    assert ours.score(data, y, sample_weight=weights) == pytest.approx(plain.score(data, y, weights), abs=1e-12)
    assert ours.score(pd.DataFrame(data), y) == pytest.approx(plain.score(data, y), abs=1e-12)
    with pytest.raises(ValueError, match="features"):
        ours.score(data[:, :2], y)


def test_a_score_of_its_own_is_the_models():
    data = np.random.default_rng(0).normal(size=(80, 3))
    ours = AcceleratedEstimator(KMeans(3, random_state=0), engine="sklearn").fit(data)

    assert ours.score(data) == KMeans(3, random_state=0).fit(data).score(data)


def test_a_method_that_is_no_attribute_of_the_wrapper_is_looked_up_once(monkeypatch):
    model = AcceleratedEstimator(NearestNeighbors()).fit(X)
    theirs = model.kneighbors(X)
    monkeypatch.setattr("accelsk.wrapper.bound", None)
    for found, expected in zip(model.kneighbors(X), theirs, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert list(inspect.signature(model.kneighbors).parameters) == ["X", "n_neighbors", "return_distance"]
    with pytest.raises(AttributeError, match="transform"):
        model.transform  # noqa: B018
