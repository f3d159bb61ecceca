"""Engine cuml on a GPU: every promise of every row, scores beside scikit-learn's, memory, devices, pickles."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from sklearn.base import is_classifier, is_regressor
from sklearn.cluster import KMeans
from sklearn.datasets import make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler, minmax_scale, scale
from sklearn.svm import LinearSVC

from accelsk import AcceleratedEstimator, AcceleratedPipeline, to_sklearn
from accelsk.engines import get, get_adapter, why_missing
from accelsk.engines.cuml.adapter import CumlAdapter
from accelsk.errors import DeviceNotAvailable, DeviceOutOfMemory, UnsupportedInput
from accelsk.testing import parametrize_with_engine_checks
from accelsk.testing.case import case_of, fit

MISSING = why_missing("cuml")
if MISSING is not None:  # once, and not for each of two thousand tests
    pytest.skip(str(MISSING).partition("\n")[0], allow_module_level=True)
DEVICES = list(get_adapter("cuml").devices())
ROWS = {row.estimator: row for row in get("cuml").rows}

pytestmark = pytest.mark.gpu


@parametrize_with_engine_checks(
    "cuml",
    {
        "KernelDensity-export_predicts_the_same": "far from all rows, where the density is e-134, it is scikit-learn's "
        "tree that is wrong by e9, and not cuML",
    },
)
def test_cuml_keeps_the_engine_contract_on_a_gpu(check):
    check()


def on_gpu(estimator, **options):
    """An estimator on the first GPU; whatever cuML cannot do is an error."""
    return AcceleratedEstimator(estimator, engine="cuml", device="gpu", fallback="raise", **options)


@pytest.fixture(scope="module")
def words():
    """Two classes with words for labels, 3000 rows, the last thousand to be held out."""
    X, y = make_classification(3000, 20, n_informative=10, flip_y=0.05, random_state=0)
    return scale(X), np.array(["no", "yes"])[y]


# -- results -----------------------------------------------------------------------------------------------------------


def supervised():
    """The rows whose score says how well they predict, on one output."""
    for path in ROWS:
        case = case_of("cuml", path)
        try:
            case.need_class()
            estimator = case.plain()
        except Exception:  # noqa: BLE001  a class that is not installed
            continue
        if is_classifier(estimator) or is_regressor(estimator):
            yield path


@pytest.mark.parametrize("path", list(supervised()))
def test_scores_are_near_scikit_learns(path):
    case = case_of("cuml", path)
    if is_classifier(case.plain()):
        X, y = make_classification(3000, 20, n_informative=10, n_classes=2, flip_y=0.05, random_state=0)
    else:
        X, y = make_regression(3000, 20, n_informative=10, noise=20, random_state=0)
        y = scale(y)
    if case.tags.input_tags.categorical:
        X = X.argsort(axis=0).argsort(axis=0) * 5 // len(X)
    else:
        X = minmax_scale(X) if case.tags.input_tags.positive_only else scale(X)
    plain = fit(case.plain(), X[:2000], y[:2000])
    there = fit(on_gpu(case.plain()), X[:2000], y[:2000])
    assert there.device_ == str(DEVICES[0])
    assert there.score(X[2000:], y[2000:]) == pytest.approx(plain.score(X[2000:], y[2000:]), abs=0.03)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=1000),
        RandomForestClassifier(30, random_state=0),
        KNeighborsClassifier(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_labels_are_the_users_and_the_exported_model_predicts_the_same(estimator, words):
    X, y = words
    model = on_gpu(estimator).fit(X[:2000], y[:2000])
    assert model.classes_.tolist() == ["no", "yes"]
    predicted = model.predict(X[2000:])
    assert predicted.dtype == y.dtype
    exported = to_sklearn(model)
    assert type(exported) is type(estimator)
    assert np.mean(exported.predict(X[2000:]) == predicted) > 0.999
    np.testing.assert_allclose(exported.predict_proba(X[2000:]), model.predict_proba(X[2000:]), atol=1e-4)


def test_weights_of_classes_go_by_label(words):
    X, y = words
    plain, weighted = (
        on_gpu(LogisticRegression(class_weight=weights)).fit(X, y) for weights in (None, {"no": 1.0, "yes": 20.0})
    )
    assert np.mean(weighted.predict(X) == "yes") > np.mean(plain.predict(X) == "yes") + 0.1


def test_single_precision_stays_single_and_whole_numbers_become_double(words):
    X, y = words
    assert on_gpu(LogisticRegression()).fit(X, y).coef_.dtype == np.float64
    assert on_gpu(LogisticRegression()).fit(X.astype(np.float32), y).predict_proba(X).dtype == np.float32
    whole = (X * 10).astype(np.int64)
    np.testing.assert_allclose(
        on_gpu(Ridge()).fit(whole, y == "yes").coef_, Ridge().fit(whole, y == "yes").coef_, rtol=1e-6
    )


def test_iterations_that_are_used_up_are_told(words):
    with pytest.warns(ConvergenceWarning):
        on_gpu(LogisticRegression(max_iter=1, tol=1e-12)).fit(*words)


# -- where cuML by itself gives something else -------------------------------------------------------------------------


def test_linear_machines_have_the_coefficients_of_liblinear(breast_cancer):
    X, y = breast_cancer
    plain, there = LinearSVC().fit(X, y), on_gpu(LinearSVC()).fit(X, y)
    assert np.linalg.norm(there.coef_) == pytest.approx(np.linalg.norm(plain.coef_), rel=0.05)


def test_weights_of_three_classes_are_refused(iris):
    with pytest.raises(UnsupportedInput, match="two classes"):
        on_gpu(LogisticRegression(class_weight="balanced")).fit(*iris)


def test_an_embedding_is_not_ended_early(breast_cancer):
    X, _ = breast_cancer
    found = on_gpu(TSNE(random_state=0)).fit_transform(X)
    assert trustworthiness(X, found) > 0.93


def test_a_forest_without_room_is_an_error_and_the_process_goes_on(words):
    import cupy

    X, y = words
    free, _ = cupy.cuda.runtime.memGetInfo()
    ballast = cupy.empty(free - 128 * 2**20, dtype=cupy.uint8)
    with pytest.raises(DeviceOutOfMemory, match="a forest of these data takes about"):
        on_gpu(RandomForestClassifier(10)).fit(X, y)
    del ballast
    assert on_gpu(RandomForestClassifier(10)).fit(X, y).score(X, y) > 0.9


# -- pipelines ---------------------------------------------------------------------------------------------------------


def test_arrays_stay_on_the_device_between_steps(words, monkeypatch):
    X, y = words
    seen, fetched = [], []
    run, fetch = CumlAdapter.run, CumlAdapter.fetch

    def watched_run(self, held, row, method, data, given):
        seen.append((row.name, method, self.resident(data)))
        return run(self, held, row, method, data, given)

    def watched_fetch(self, value):
        if self.resident(value) and getattr(value, "ndim", 0) == 2 and len(value) == len(X):
            fetched.append(type(value).__name__)
        return fetch(self, value)

    monkeypatch.setattr(CumlAdapter, "run", watched_run)
    monkeypatch.setattr(CumlAdapter, "fetch", watched_fetch)
    steps = [("scale", StandardScaler()), ("pca", PCA(5)), ("model", LogisticRegression())]
    pipeline = AcceleratedPipeline(steps, engine="cuml", fallback="raise").fit(X, y)
    assert [resident for name, _, resident in seen if name != "StandardScaler"] == [True, True]
    seen.clear()
    assert pipeline.predict(X).dtype == y.dtype
    assert [resident for _, _, resident in seen] == [False, True, True]
    assert not fetched


def test_set_output_names_columns(words):
    pytest.importorskip("pandas", reason="pandas is not installed")
    model = on_gpu(PCA(2)).set_output(transform="pandas")
    assert list(model.fit_transform(words[0]).columns) == ["pca0", "pca1"]


# -- devices and memory ------------------------------------------------------------------------------------------------


def test_a_gpu_out_of_range_is_an_error(words):
    device = f"gpu:{len(DEVICES)}"
    with pytest.raises(DeviceNotAvailable, match=f"reaches no device '{device}'"):
        AcceleratedEstimator(Ridge(), engine="cuml", device=device).fit(words[0], words[1] == "yes")


@pytest.mark.skipif(len(DEVICES) < 2, reason="this machine has one GPU")
def test_the_second_gpu_computes_what_the_first_does(words):
    X, y = words
    first, second = (AcceleratedEstimator(Ridge(), engine="cuml", device=f"gpu:{k}").fit(X, y == "yes") for k in (0, 1))
    assert second.device_ == "cuda:1"
    np.testing.assert_allclose(second.coef_, first.coef_, rtol=1e-6)


@pytest.mark.skipif(len(DEVICES) < 2, reason="this machine has one GPU")
def test_the_first_gpu_computes_whatever_device_is_current(words):
    import cupy

    X, y = words
    with cupy.cuda.Device(1):
        model = AcceleratedEstimator(Ridge(), engine="cuml", device="gpu:0").fit(X, y == "yes")
        assert cupy.cuda.Device().id == 1
    assert np.isfinite(model.coef_).all()


def test_settings_of_the_libraries_are_left_alone(words):
    import cuml
    import cupy

    before = (cuml.global_settings.output_type, cupy.cuda.Device().id)
    on_gpu(PCA(2)).fit(words[0]).transform(words[0])
    assert (cuml.global_settings.output_type, cupy.cuda.Device().id) == before


def test_out_of_memory_is_an_error_and_the_process_goes_on(words):
    import cupy

    X, y = words
    model = on_gpu(Ridge()).fit(X, y == "yes")
    coef = model.coef_.copy()
    gc.collect()
    free, _ = cupy.cuda.runtime.memGetInfo()
    ballast = cupy.empty(free - 256 * 2**20, dtype=cupy.uint8)
    with pytest.raises(DeviceOutOfMemory, match=r"device 'cuda:0' ran out of memory while engine 'cuml'") as caught:
        model.fit(np.zeros((4_000_000, 20)), np.zeros(4_000_000))
    assert isinstance(caught.value, MemoryError)
    assert caught.value.hint
    np.testing.assert_array_equal(model.coef_, coef)  # the failed fit has changed nothing
    del ballast, caught
    gc.collect()
    again, _ = cupy.cuda.runtime.memGetInfo()
    assert again > free - 512 * 2**20, "the failed fit holds memory"
    np.testing.assert_allclose(on_gpu(Ridge()).fit(X, y == "yes").coef_, coef)


# -- pickles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RandomForestClassifier(20, random_state=0),
        KNeighborsClassifier(),
        KMeans(3, n_init=1, random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_a_model_opens_where_there_is_no_gpu(estimator, words, tmp_path):
    X, y = words
    model = on_gpu(estimator).fit(X, y)
    (tmp_path / "model").write_bytes(pickle.dumps((model, X, model.predict(X))))
    code = """
        import pickle, sys, warnings
        import numpy as np
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model, X, expected = pickle.load(open(sys.argv[1], "rb"))
        assert "EngineFallbackWarning" in [type(warning.message).__name__ for warning in caught]
        assert (model.engine_, model.device_) == ("sklearn", "cpu")
        assert np.mean(model.predict(X) == expected) > 0.999
        assert "cuml" not in sys.modules and "cupy" not in sys.modules
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "model")],
        check=True,
        timeout=300,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )


def test_a_model_opens_on_the_gpu_as_it_was(words):
    X, y = words
    model = on_gpu(KNeighborsClassifier()).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert (again.engine_, again.device_) == ("cuml", str(DEVICES[0]))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
