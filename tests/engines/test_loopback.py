"""The loopback plug-in keeps the engine contract; and the checks notice where an engine does not."""

import os
import pickle
import sys
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from sklearn.cluster import DBSCAN
from sklearn.datasets import make_classification
from sklearn.decomposition import IncrementalPCA
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier

from accelsk import AcceleratedEstimator, config_context, engines, explain
from accelsk.cli import main
from accelsk.displays import engine_markdown
from accelsk.engines import rules
from accelsk.engines.sparsity import sparsity
from accelsk.engines.spec import Export, Inputs, Need
from accelsk.errors import (
    DeviceNotAvailable,
    DevicePlacementWarning,
    UnsupportedInput,
    UnsupportedMethod,
    UnsupportedParameter,
)
from accelsk.testing import case as testing_case
from accelsk.testing import engine_checks, parametrize_with_engine_checks
from accelsk.testing.promise import PROMISES

try:
    from accelsk_loopback import ENGINE, library
    from accelsk_loopback.adapter import LoopbackAdapter
except ImportError as error:
    raise RuntimeError(
        "these tests need the plug-in package of the tests: python -m pip install -e tests/plugins/accelsk-loopback"
    ) from error


registry = sys.modules["accelsk.engines"]  # accelsk.engines itself is the function that lists them


@parametrize_with_engine_checks(
    "loopback",
    expected_failures={
        "HistGradientBoostingRegressor-fitted_attributes_are_there": "another algorithm has other fitted attributes",
    },
)
def test_loopback_keeps_the_engine_contract(check):
    check()


def accelerated(estimator, **options):
    return AcceleratedEstimator(estimator, engine="loopback", fallback="raise", **options)


# -- what only this engine has ---------------------------------------------------------------------------------------


def test_every_word_of_the_vocabulary_is_used():
    words = {rule.word for row in ENGINE.rows for rule in row.params.values()}

    assert words == {"same", "rename", "mapped", "only", "adjusted", "const", "ignored", "together"}


def test_every_level_of_fidelity_is_there():
    assert {row.fidelity for row in ENGINE.rows} == {"exact", "statistical", "alternative"}


def test_its_own_defaults_never_leak_in(iris):
    model = accelerated(LogisticRegression(max_iter=500)).fit(*iris)

    assert model.estimator_.get_params()["l2"] == 1.0
    assert library.LogisticRegression().get_params()["l2"] == 9.0


@pytest.mark.parametrize("index", [0, 1])
def test_a_fit_and_what_follows_enter_the_device(iris, index):
    X, y = iris
    model = accelerated(Ridge(), device=f"loopback:accelerator:{index}").fit(X, y)
    model.predict(X)

    assert model.device_ == f"loopback:accelerator:{index}"
    assert (model.ran_on_, model.answered_on_) == (f"device {index}", f"device {index}")
    assert library.DEVICE.get() == "host"


def test_a_kind_of_device_without_an_index_is_the_first_of_it(iris):
    assert accelerated(Ridge(), device="accelerator").fit(*iris).ran_on_ == "device 0"


def test_a_row_that_is_not_for_the_host_takes_the_engines_device(iris):
    model = accelerated(DBSCAN())
    model.fit_predict(iris[0])

    assert model.device_ == "loopback:accelerator:0"
    with pytest.raises(DeviceNotAvailable, match="it reaches"):
        accelerated(DBSCAN(), device="cpu").fit(iris[0])


def test_a_row_that_is_for_the_host_alone_takes_no_other_device(iris):
    with pytest.raises(DeviceNotAvailable, match="RandomForestClassifier reaches no device 'accelerator'"):
        accelerated(RandomForestClassifier(), device="accelerator").fit(*iris)


# Its nearest neighbours have two rows: one for the host, one for the accelerators, which takes less.
NEAR = "sklearn.neighbors.KNeighborsClassifier"


def test_each_kind_of_device_has_the_rules_of_its_row(iris):
    X, y = iris
    here = accelerated(KNeighborsClassifier(p=1, weights="distance")).fit(X, y)
    there = accelerated(KNeighborsClassifier(), device="accelerator").fit(X, y)

    assert (here.device_, here.estimator_.params["metric"]) == ("cpu", "minkowski")
    assert (there.device_, there.estimator_.params["metric"]) == ("loopback:accelerator:0", "euclidean")
    np.testing.assert_array_equal(there.predict(X), KNeighborsClassifier().fit(X, y).predict(X))
    assert there.answered_on_ == "device 0"


def test_a_refusal_is_that_of_the_row_for_the_device_which_is_asked_for(iris):
    estimator = KNeighborsClassifier(p=1)
    with pytest.raises(UnsupportedParameter, match=r"p=1.*it supports p=2") as caught:
        accelerated(estimator, device="accelerator").fit(*iris)
    assert caught.value.parameter == "p"
    decision = explain(estimator, *iris, engine="loopback", device="accelerator", fallback="silent")
    (loopback,) = [candidate for candidate in decision.candidates if candidate.engine == "loopback"]
    assert (loopback.device, [reason.kind for reason in loopback.reasons]) == ("loopback:accelerator:0", ["parameter"])
    assert (decision.engine, loopback.note) == ("sklearn", "with Euclidean distances only")
    assert explain(estimator, *iris, engine="loopback").engine == "loopback"


def test_the_data_are_judged_by_the_row_for_the_device():
    X, y = make_classification(n_features=51, random_state=0)
    assert accelerated(KNeighborsClassifier()).fit(X, y).device_ == "cpu"
    with pytest.raises(UnsupportedInput, match="50 columns or fewer"):
        accelerated(KNeighborsClassifier(), device="accelerator").fit(X, y)


def test_without_a_device_no_other_row_stands_in_for_the_one_of_the_host(iris):
    with pytest.raises(UnsupportedParameter, match="it supports weights='uniform' or weights='distance'"):
        accelerated(KNeighborsClassifier(weights=len)).fit(*iris)


def test_a_model_that_is_opened_elsewhere_has_the_row_of_where_it_is(iris, monkeypatch):
    X, y = iris
    model = accelerated(KNeighborsClassifier(), device="accelerator").fit(X, y)
    data = pickle.dumps(model)
    assert pickle.loads(data).estimator_.params["metric"] == "euclidean"

    monkeypatch.setenv("LOOPBACK_DEVICES", "0")
    with pytest.warns(DevicePlacementWarning, match="it is on 'cpu' now"):
        moved = pickle.loads(data)
    assert (moved.device_, moved.estimator_.params["metric"]) == ("cpu", "minkowski")
    np.testing.assert_array_equal(moved.predict(X), model.predict(X))


def test_a_model_that_the_row_of_the_host_does_not_take_is_scikit_learns_there(iris, monkeypatch, registered):
    X, y = iris
    data = pickle.dumps(accelerated(KNeighborsClassifier(), device="accelerator").fit(X, y))

    registered(NEAR, params={**ENGINE.row(NEAR).params, "p": rules.only(1)})
    monkeypatch.setenv("LOOPBACK_DEVICES", "0")
    with pytest.warns(DevicePlacementWarning, match="on 'cpu' it does not take that p: scikit-learn computes"):
        moved = pickle.loads(data)
    assert moved.engine_ == "sklearn"


def test_a_model_is_scikit_learns_where_the_row_of_the_host_needs_what_was_not_asked(iris, monkeypatch, registered):
    X, y = iris
    data = pickle.dumps(accelerated(KNeighborsClassifier(), device="accelerator").fit(X, y))

    fewer = Need("99 columns", lambda facts, params: facts.n_features == 99)
    registered(NEAR, fit=Inputs(needs=(fewer,)))
    assert pickle.loads(data).device_ == "loopback:accelerator:0"
    monkeypatch.setenv("LOOPBACK_DEVICES", "0")
    with pytest.warns(DevicePlacementWarning, match="on 'cpu' it needs 99 columns: scikit-learn computes"):
        assert pickle.loads(data).engine_ == "sklearn"


def test_a_fit_that_goes_on_elsewhere_starts_anew_where_the_rows_differ(iris):
    X, y = iris
    model = accelerated(LogisticRegression(warm_start=True, max_iter=500)).fit(X, y)
    first = model.estimator_
    model.set_params(device="accelerator").fit(X, y)
    assert model.estimator_ is not first
    assert model.ran_on_ == "device 0"


def test_the_rows_of_a_class_are_shown_by_device(capsys):
    def shown(*more):
        assert main(["explain", NEAR, "--engine", "loopback", *more]) == 0
        text = capsys.readouterr().out
        return [kind for kind in ("cpu", "accelerator") if f"KNeighborsClassifier ({kind}) on engine" in text]

    assert shown() == ["cpu", "accelerator"]
    assert shown("--device", "accelerator") == ["accelerator"]
    page = engine_markdown("loopback")
    assert "## KNeighborsClassifier (cpu)" in page
    assert "## KNeighborsClassifier (accelerator)" in page
    assert "## Ridge\n" in page


def test_the_sparsity_of_a_class_is_that_of_the_row_for_the_device():
    entries = [(entry.device, entry.operation) for entry in sparsity("loopback") if entry.estimator == NEAR]
    assert sorted(entries) == [(kind, operation) for kind in ("accelerator", "cpu") for operation in ("fit", "predict")]


def test_auto_takes_the_device_that_is_asked_for(iris):
    model = AcceleratedEstimator(Ridge(), device="accelerator:1").fit(*iris)

    assert (model.engine_, model.ran_on_) == ("loopback", "device 1")


def test_auto_chooses_it_where_it_is_worth_it_and_only_there():
    for columns, engine in ((61, "loopback"), (60, "other")):
        X, y = make_classification(n_features=columns, random_state=0)
        chosen = AcceleratedEstimator(LogisticRegression()).fit(X, y).engine_
        assert (chosen == "loopback") == (engine == "loopback")


def test_auto_promises_nothing_that_the_data_decide():
    decision = explain(LogisticRegression())
    reasons = {candidate.engine: candidate.reasons for candidate in decision.candidates}

    assert decision.engine != "loopback"
    assert "61 columns" in reasons["loopback"][0].text


def test_auto_leaves_an_alternative_algorithm_alone_unless_asked(diabetes):
    reasons = {c.engine: c.reasons for c in explain(HistGradientBoostingRegressor(), *diabetes).candidates}

    assert reasons["loopback"][0].kind == "fidelity"
    with config_context(engine="loopback"):
        assert explain(HistGradientBoostingRegressor(), *diabetes).fidelity == "alternative"


def test_a_need_weighs_data_and_hyperparameters():
    X = np.zeros((10_001, 2))
    X[:, 0] = y = np.arange(10_001)

    with pytest.raises(UnsupportedInput, match="early_stopping=False from 10,001 rows on"):
        accelerated(HistGradientBoostingRegressor()).fit(X, y)
    assert accelerated(HistGradientBoostingRegressor(early_stopping=False, max_iter=2)).fit(X, y).n_estimators_ == 2


def test_a_method_may_take_less_than_fit(iris):
    X = np.abs(iris[0])
    from scipy.sparse import csr_matrix

    assert accelerated(IncrementalPCA()).fit(csr_matrix(X)).decision_.conversions == ()
    with pytest.raises(UnsupportedInput, match="partial_fit"):
        accelerated(IncrementalPCA(), sparse="error").partial_fit(csr_matrix(X))


def test_a_refused_method_is_an_attribute_error_with_the_reason(iris):
    X, y = iris
    model = accelerated(RandomForestClassifier(n_estimators=5)).fit(X, y)

    with pytest.raises(UnsupportedMethod, match="numbers its leaves otherwise"):
        model.apply(X)
    assert issubclass(UnsupportedMethod, AttributeError)


def test_n_jobs_of_the_wrapper_reaches_the_engine(iris):
    assert accelerated(RandomForestClassifier(n_estimators=5), n_jobs=2).fit(*iris).estimator_.params["n_jobs"] == 2


def test_it_is_listed_with_its_classes():
    (info,) = [info for info in engines() if info.name == "loopback"]

    assert (info.usable, info.classes, info.version) == (True, len({row.estimator for row in ENGINE.rows}), "0.1.0")


# -- the checks fail where they should -------------------------------------------------------------------------------


@pytest.fixture
def registered(monkeypatch):
    """Return a function that puts a changed row in place of the plug-in's own, for this test."""

    def forget():
        registry.refresh()
        testing_case.case_of.cache_clear()

    def register(name, **changes):
        old = ENGINE.row(name)
        row = replace(old, **changes)
        rows = tuple(row if each is old else each for each in ENGINE.rows)
        engine = replace(ENGINE, rows=rows)
        monkeypatch.setattr(registry, "_plugins", lru_cache(lambda: ({"loopback": engine}, {})))
        forget()
        return row

    yield register
    monkeypatch.undo()
    forget()


def examine(promise, name):
    """Run one check of one row."""
    (found,) = [check for row, check in engine_checks("loopback") if check.id == f"{name.rpartition('.')[2]}-{promise}"]
    found()


RIDGE, FOREST = ENGINE.row("sklearn.linear_model.Ridge"), ENGINE.row("sklearn.ensemble.RandomForestClassifier")
SCALER, SVC = ENGINE.row("sklearn.preprocessing.StandardScaler"), ENGINE.row("sklearn.svm.SVC")
BOOSTING = ENGINE.row("sklearn.ensemble.HistGradientBoostingRegressor")
KMEANS, NEAREST = ENGINE.row("sklearn.cluster.KMeans"), ENGINE.row(NEAR)


def without(row, *names):
    return {name: rule for name, rule in row.params.items() if name not in names}


def _refuse_silently(value):
    raise rules.Refused("")


@pytest.mark.parametrize(
    "promise, row, changes",
    [
        ("row_decides_every_parameter", RIDGE, {"params": without(RIDGE, "positive")}),
        ("row_decides_every_parameter", RIDGE, {"params": {**RIDGE.params, "gamma": rules.same}}),
        ("row_decides_every_method", FOREST, {"refused": {}}),
        ("row_decides_every_method", RIDGE, {"methods": ("predict", "transform")}),
        ("row_decides_every_method", RIDGE, {"inherited": ("predict",)}),
        ("row_is_the_only_one", NEAREST, {"devices": ("cpu", "accelerator")}),
        ("row_is_the_only_one", NEAREST, {"devices": None}),
        ("row_is_the_only_one", RIDGE, {"devices": ("cuda",)}),
        ("row_speaks_the_vocabulary", RIDGE, {"fidelity": "perfect"}),
        ("backend_takes_every_keyword", RIDGE, {"params": {**RIDGE.params, "alpha": rules.same}}),
        ("backend_takes_every_keyword", SVC, {"engine_params": {"no_such_parameter": 1}}),
        ("engine_params_are_the_engines_own", SVC, {"engine_params": {"tol": 1}}),
        (
            "refused_values_are_explained",
            SVC,
            {"params": {**SVC.params, "break_ties": rules.adjusted(lambda v: v and _refuse_silently(v), "not True")}},
        ),
        ("predictions_agree", RIDGE, {"params": {**RIDGE.params, "alpha": rules.ignored("by mistake")}}),
        ("predictions_agree", FOREST, {"fidelity": "exact", "tolerance": 1e-6}),
        ("nothing_global_changes", FOREST, {"params": {**FOREST.params, "random_state": rules.const(None)}}),
        ("repeats_itself", KMEANS, {"params": {**KMEANS.params, "random_state": rules.ignored("by mistake")}}),
        ("declared_sparse_formats_are_taken", SCALER, {"fit": Inputs(sparse=("csr",))}),
        ("runs_on_every_device", RIDGE, {"backend": "accelsk_loopback.library.Scaler"}),
    ],
)
def test_a_wrong_row_fails_its_check(registered, monkeypatch, promise, row, changes):
    monkeypatch.setitem(library.KMeans.own, "seed", None)
    if promise != "declared_sparse_formats_are_taken":  # asked only of rows that declare some
        examine(promise, row.estimator)

    registered(row.estimator, **changes)

    with pytest.raises((AssertionError, TypeError)):
        examine(promise, row.estimator)


def _once(build, made={}):  # noqa: B006  the point of it
    return lambda self, row, keywords: made.setdefault(row.estimator, build(self, row, keywords))


def _run_that(change):
    def make(run):
        def changed(self, method, X, *args, **kwargs):
            X, args, kwargs = change(self, X, args, kwargs)
            return run(self, method, X, *args, **kwargs)

        return changed

    return make


def _writes_environment(self, X, args, kwargs):
    os.environ["ACCELSK_TEST_LEAK"] = "1"
    return X, args, kwargs


def _writes_data(self, X, args, kwargs):
    X[0, 0] = 0.0
    return X, args, kwargs


def _drops_weights(self, X, args, kwargs):
    return X, args, {name: value for name, value in kwargs.items() if name != "sample_weight"}


def _drops_names(self, X, args, kwargs):
    return np.asarray(X), args, kwargs


def _drops_output(self, X, args, kwargs):
    self.__dict__.pop("_sklearn_output_config", None)
    return X, args, kwargs


def _numbers_labels(self, X, args, kwargs):
    return X, (np.unique(args[0], return_inverse=True)[1],), kwargs


def _cannot_be_pickled(self, X, args, kwargs):
    self.handle = lambda: None
    return X, args, kwargs


@pytest.mark.parametrize(
    "promise, row, change",
    [
        ("nothing_global_changes", RIDGE, _writes_environment),
        ("data_are_left_alone", RIDGE, _writes_data),
        ("sample_weight_counts", RIDGE, _drops_weights),
        ("frames_give_feature_names", RIDGE, _drops_names),
        ("set_output_is_followed", SCALER, _drops_output),
        ("labels_come_back_as_they_went_in", SVC, _numbers_labels),
        ("pickle_keeps_the_model", BOOSTING, _cannot_be_pickled),
    ],
)
def test_a_library_that_breaks_the_promise_fails_its_check(registered, monkeypatch, promise, row, change):
    registered(row.estimator)  # a case of its own, which nobody has fitted
    if change is _writes_environment:
        monkeypatch.setenv("ACCELSK_TEST_LEAK", "0")
        examine_fit = testing_case.case_of("loopback", row.estimator).fitted
        assert examine_fit.ran_on_ == "host"
    monkeypatch.setattr(library.Disguise, "_run", _run_that(change)(library.Disguise._run))

    with pytest.raises((AssertionError, ValueError, AttributeError)):
        examine(promise, row.estimator)


def _exports(change):
    """Return an ``export`` that does something wrong with what it made."""
    export = LoopbackAdapter.export

    def changed(self, backend, row, estimator):
        return change(export(self, backend, row, estimator), backend)

    return changed


def _keeps_the_library(model, backend):
    model.made_by_ = backend
    return model


def _is_another_class(model, backend):
    class Other(type(model)):
        pass

    model.__class__ = Other
    return model


def _is_inexact(model, backend):
    model.coef_ = model.coef_ + 1.0
    return model


def _shares_the_coefficients(model, backend):
    model.coef_ = backend.inner.coef_
    return model


@pytest.mark.parametrize(
    "promise, change",
    [
        ("export_is_scikit_learn", _keeps_the_library),
        ("export_is_scikit_learn", _is_another_class),
        ("export_predicts_the_same", _is_inexact),
        ("export_shares_nothing", _shares_the_coefficients),
    ],
)
def test_an_export_that_is_wrong_fails_its_check(registered, monkeypatch, promise, change):
    registered(RIDGE.estimator)
    monkeypatch.setattr(LoopbackAdapter, "export", _exports(change))

    with pytest.raises(AssertionError):
        examine(promise, RIDGE.estimator)


def test_a_row_that_says_that_it_is_portable_and_is_not_fails_its_check(registered):
    registered(BOOSTING.estimator, export=Export())

    with pytest.raises(AttributeError, match="_preprocessor"):
        examine("export_predicts_the_same", BOOSTING.estimator)


def test_an_engine_that_fits_in_place_fails_its_check(registered, monkeypatch):
    registered(RIDGE.estimator)
    monkeypatch.setattr(LoopbackAdapter, "build", _once(LoopbackAdapter.build))

    with pytest.raises(AssertionError):
        examine("every_fit_is_fresh", RIDGE.estimator)


# -- the parametrizer ------------------------------------------------------------------------------------------------


def test_ids_read_as_a_manual():
    ids = [check.id for _, check in engine_checks("loopback")]

    assert "Ridge-row_decides_every_parameter" in ids
    assert {"KNeighborsClassifier-runs_on_the_engine", "KNeighborsClassifier@accelerator-runs_on_the_engine"} < set(ids)
    assert len(ids) == len(set(ids))


def test_every_promise_is_asked_of_some_row_and_says_what_it_is():
    asked = {check.promise.name for _, check in engine_checks("loopback")}

    # The pretended library has no class of its own; tests/engines/test_lightgbm.py asks this one.
    assert asked == {promise.name for promise in PROMISES} - {"export_is_the_librarys_own"}
    assert all(promise.text.endswith(".") for promise in PROMISES)


def test_checks_that_read_tables_run_without_the_library(registered):
    registered(RIDGE.estimator)
    registry._plugins()[0]["loopback"] = replace(ENGINE, requires=("accelsk-loopback>=99",))

    examine("row_decides_every_parameter", RIDGE.estimator)
    with pytest.raises(testing_case.SkipTest, match=r"needs accelsk-loopback>=99, and 0\.1\.0 is installed"):
        examine("predictions_agree", RIDGE.estimator)


def test_an_expected_failure_is_strict_and_has_its_reason():
    mark = parametrize_with_engine_checks("loopback", {"Ridge-repeats_*": "for this test"})
    marked = {parameter.id: parameter.marks for parameter in mark.args[1] if parameter.marks}

    assert list(marked) == ["Ridge-repeats_itself"]
    assert marked["Ridge-repeats_itself"][0].kwargs == {"reason": "for this test", "strict": True}


@pytest.mark.parametrize("expected, message", [({"Rigde-*": "typo"}, "Rigde"), ({"Ridge-*": " "}, "reason")])
def test_an_expected_failure_that_says_nothing_is_an_error(expected, message):
    with pytest.raises(ValueError, match=message):
        parametrize_with_engine_checks("loopback", expected)
