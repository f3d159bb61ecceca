"""A model that lives in another process behaves as one that lives here."""

import copy
import pickle
import warnings
from functools import cached_property

import joblib
import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, AcceleratedPipeline, shutdown_workers, to_sklearn
from accelsk.devices import Device
from accelsk.engines import get
from accelsk.errors import NotPortable
from accelsk.remote import RemoteModel
from accelsk.testing import checks, engine_checks
from accelsk.testing.case import Case
from accelsk.threads import limited

try:
    from accelsk_loopback import library
except ImportError as error:
    raise RuntimeError(
        "these tests need the plug-in package of the tests: python -m pip install -e tests/plugins/accelsk-loopback"
    ) from error


@pytest.fixture(autouse=True)
def _one_device_per_process(monkeypatch):
    monkeypatch.setenv("LOOPBACK_ONE_PER_PROCESS", "1")


THERE, HERE = "accelerator:1", "accelerator:0"


def on(estimator, device=THERE, **options):
    return AcceleratedEstimator(estimator, engine="loopback", device=device, fallback="raise", **options)


# -- the contract of engines -----------------------------------------------------------------------------------------


class Apart(Case):
    """A row, examined on the device that has a process of its own."""

    def wrapped(self, estimator=None, **options):
        return super().wrapped(estimator, **{"device": THERE, **options})

    def reached_devices(self):
        return tuple(device for device in super().reached_devices() if device == Device.parse(f"loopback:{THERE}"))

    @cached_property
    def fitted(self):
        model = super().fitted
        assert isinstance(model.estimator_, RemoteModel)
        return model


_cases = {}


def _apart(engine, estimator, devices=None):
    rows = get(engine).rows_of(estimator)
    row = next(row for row in rows if devices is None or row.devices == devices)
    return _cases.setdefault((estimator, row.devices), Apart(get(engine), row))


def _contract():
    """All checks of all rows that run there; those of some rows among the tests that are not slow."""
    for row, check in engine_checks("loopback"):
        if check.promise.needs_engine and row.devices != ("cpu",):
            marks = [] if row.name in ("IncrementalPCA", "KNeighborsClassifier", "SVC") else [pytest.mark.slow]
            if check.id == "HistGradientBoostingRegressor-fitted_attributes_are_there":
                marks.append(pytest.mark.xfail(reason="another algorithm has other fitted attributes", strict=True))
            yield pytest.param(check, id=check.id, marks=marks)


CONTRACT = list(_contract())


@pytest.mark.parametrize("check", CONTRACT)
def test_the_engine_contract_is_kept_in_another_process(check, monkeypatch):
    monkeypatch.setattr(checks, "case_of", _apart)
    check()


# -- data ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [np.asarray, np.asfortranarray, sp.csr_array, sp.csr_matrix, lambda X: np.repeat(X, 2, axis=1)[:, ::2]]
)
def test_large_data_go_by_shared_memory(kind):
    X, y = kind(np.random.RandomState(0).rand(40_000, 8)), np.arange(40_000.0)
    here, there = on(Ridge(), HERE).fit(X, y), on(Ridge()).fit(X, y)

    np.testing.assert_allclose(there.coef_, here.coef_)
    np.testing.assert_allclose(there.predict(X), here.predict(X))
    if not sp.issparse(X):
        assert there.shared_ == [True]
        assert here.shared_ == [False]


def test_results_are_the_callers_to_write_to():
    X = np.random.RandomState(0).rand(40_000, 8)
    predicted = on(Ridge()).fit(X, X[:, 0]).predict(X)
    predicted += 1

    assert predicted.flags.writeable


def test_data_frames_go_along():
    pandas = pytest.importorskip("pandas", reason="it has the data frames")
    frame = pandas.DataFrame(np.random.RandomState(0).rand(40_000, 4), columns=list("abcd"))
    model = on(StandardScaler()).fit(frame).set_output(transform="pandas")

    assert model.feature_names_in_.tolist() == list("abcd")
    pandas.testing.assert_frame_equal(
        model.transform(frame), StandardScaler().set_output(transform="pandas").fit_transform(frame)
    )


def test_data_of_joblib_workers_are_memory_maps(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, np.random.RandomState(0).rand(40_000, 8))
    X = np.load(path, mmap_mode="r")
    model = on(Ridge()).fit(X, np.asarray(X[:, 0]))

    assert model.shared_[0] is True


# -- the model -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_and_pickles_compute_the_same_after_the_process_has_ended(way, iris):
    X, y = iris
    model = on(SVC()).fit(X, y)
    other, expected = way(model), model.decision_function(X)
    del model
    shutdown_workers()

    np.testing.assert_allclose(other.decision_function(X), expected)
    assert other.device_ == f"loopback:{THERE}"
    assert isinstance(other.estimator_, RemoteModel)


def test_the_library_s_own_estimator_is_there_to_be_asked(iris):
    X, y = iris
    shown = on(SVC(C=2)).fit(X, y).estimator_

    assert shown.get_params()["cost"] == 2
    np.testing.assert_array_equal(shown.predict(X), SVC(C=2).fit(X, y).predict(X))
    assert "take" in dir(shown)
    assert repr(shown) == f"<KernelMachine in a process of its own, on 'loopback:{THERE}'>"
    assert not hasattr(shown, "nothing_")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(shown)).predict(X), shown.predict(X))


def test_its_pickle_opens_as_the_library_s_own_where_the_device_is_reached_from_here(diabetes, monkeypatch):
    data = pickle.dumps(on(Ridge()).fit(*diabetes).estimator_)
    monkeypatch.delenv("LOOPBACK_ONE_PER_PROCESS")
    opened = pickle.loads(data)

    assert type(opened) is library.RidgeRegression
    np.testing.assert_allclose(opened.coef_, Ridge().fit(*diabetes).coef_)


def test_what_is_changed_by_hand_is_not_lost_with_the_process(diabetes):
    X, y = diabetes
    model = on(Ridge()).fit(X, y)
    model.estimator_.fit(X, y * 2)
    shutdown_workers()

    np.testing.assert_allclose(model.predict(X), Ridge().fit(X, y * 2).predict(X))


def test_scikit_learns_model_comes_home(iris):
    X, y = iris
    plain = to_sklearn(on(SVC(C=2)).fit(X, y))

    assert type(plain) is SVC
    assert plain.get_params() == SVC(C=2).get_params()
    np.testing.assert_array_equal(plain.decision_function(X), SVC(C=2).fit(X, y).decision_function(X))


def test_what_cannot_come_home_says_so(diabetes):
    with pytest.raises(NotPortable, match="another algorithm"):
        to_sklearn(on(HistGradientBoostingRegressor(max_iter=3)).fit(*diabetes))


@pytest.mark.parametrize("ended", [False, True])
def test_partial_fit_goes_on(iris, ended):
    X = iris[0]
    model, plain = on(IncrementalPCA(2)), IncrementalPCA(2)
    for batch in (X[:50], X[50:100], X[100:]):
        model.partial_fit(batch)
        plain.partial_fit(batch)
        if ended:
            shutdown_workers()

    np.testing.assert_allclose(model.transform(X), plain.transform(X))


@pytest.mark.parametrize("devices", [(HERE, THERE), (THERE, HERE), (THERE, THERE), ("cpu", THERE)])
def test_a_warm_start_goes_on_whatever_process_was_the_last(breast_cancer, devices):
    X, y = breast_cancer
    first, second = devices
    model = on(LogisticRegression(warm_start=True, tol=1e-8, max_iter=1000), first).fit(X, y)
    cold = int(model.n_iter_[0])
    model.set_params(device=second).fit(X, y)

    assert int(model.n_iter_[0]) < cold
    assert model.device_ == ("cpu" if second == "cpu" else f"loopback:{second}")


def test_fit_transform_and_metadata(iris):
    X, y = iris
    answer = on(PCA(2)).fit_transform(X)

    np.testing.assert_allclose(np.abs(answer), np.abs(PCA(2).fit_transform(X)))
    weights = np.arange(len(X)) % 3 + 1.0
    found = on(Ridge()).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(found.coef_, Ridge().fit(X, y, sample_weight=weights).coef_)


@pytest.mark.parametrize("last", [THERE, HERE, "cpu"])
def test_a_pipeline_over_two_processes(diabetes, last):
    X, y = diabetes
    steps = [("scale", StandardScaler()), ("pca", PCA(4)), ("ridge", Ridge())]
    device = {"scale": THERE, "pca": THERE, "ridge": last}
    pipe = AcceleratedPipeline(steps, engine="loopback", device=device).fit(X, y)
    plain = make_pipeline(StandardScaler(), PCA(4), Ridge()).fit(X, y)

    np.testing.assert_allclose(pipe.predict(X), plain.predict(X))
    np.testing.assert_allclose(to_sklearn(pipe).predict(X), plain.predict(X))
    assert pickle.loads(pickle.dumps(pipe)).score(X, y) == pytest.approx(plain.score(X, y))


# -- what holds around a call ----------------------------------------------------------------------------------------


def test_a_random_generator_moves_on_as_for_a_fit_here(iris):
    def drawn(device, generator):
        model = on(KMeans(3, n_init=1, init="random", random_state=generator), device)
        return [model.fit(iris[0]).cluster_centers_ for _ in range(3)]

    for here, there in zip(drawn(HERE, np.random.RandomState(3)), drawn(THERE, np.random.RandomState(3)), strict=True):
        np.testing.assert_array_equal(here, there)
    one = np.random.RandomState(3)
    drawn(THERE, one)
    other = np.random.RandomState(3)
    drawn(HERE, other)
    assert one.randint(10**6) == other.randint(10**6)


def test_numpy_s_own_generator_is_drawn_from(iris):
    def centers(device):
        np.random.seed(5)  # noqa: NPY002  it is the point
        model = on(KMeans(3, n_init=1, init="random"), device).fit(iris[0])
        return model.cluster_centers_, np.random.randint(10**6)  # noqa: NPY002

    (here, after), (there, after_there) = centers(HERE), centers(THERE)
    np.testing.assert_array_equal(here, there)
    assert after == after_there


def test_scikit_learns_configuration_holds_there(diabetes):
    X = np.array(diabetes[0])
    model = on(StandardScaler()).fit(X)
    X[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        model.estimator_.transform(X)
    with sklearn.config_context(assume_finite=True):
        assert np.isinf(model.estimator_.transform(X)[0, 0])


def test_numbers_of_jobs_and_floating_point_errors_hold_there(iris):
    with joblib.parallel_config("threading", n_jobs=2), np.errstate(all="raise"):
        from accelsk.surroundings import Surroundings

        around = pickle.loads(pickle.dumps(Surroundings.here()))
    with around.entered():
        backend, n_jobs = joblib.parallel.get_active_backend()
        assert (type(backend).__name__, n_jobs) == ("ThreadingBackend", 2)
        assert np.geterr()["divide"] == "raise"


def test_a_share_of_the_cores_holds_there(diabetes):
    model = on(Ridge(), engine_params={"loopback": {"trouble": "threads in predict"}}).fit(*diabetes)
    with limited(1), pytest.raises(RuntimeError, match=r"^1 of 1$"):
        model.predict(diabetes[0])
    with pytest.raises(RuntimeError, match=r"of None$"):
        model.predict(diabetes[0])


# -- errors and warnings ---------------------------------------------------------------------------------------------


def test_an_error_arrives_as_it_is_with_its_traceback(diabetes):
    X, y = diabetes
    model = on(Ridge()).fit(X, y)
    with pytest.raises(ValueError, match="X has 2 features, but Ridge is expecting 10") as caught:
        model.predict(X[:, :2])

    assert "library.py" in str(caught.value.__cause__)
    assert "in _compute" in str(caught.value.__cause__)


def test_an_error_that_cannot_be_pickled_comes_as_the_nearest_that_can(diabetes):
    model = on(Ridge(), engine_params={"loopback": {"trouble": "stubborn in predict"}}).fit(*diabetes)
    with pytest.raises(ValueError, match=r"accelsk_loopback\.library\.Stubborn: it cannot be pickled") as caught:
        model.predict(diabetes[0])

    assert type(caught.value) is ValueError
    assert "raise Stubborn" in str(caught.value.__cause__)
    assert model.coef_.shape == (10,)


def test_warnings_are_given_here(breast_cancer):
    X, y = breast_cancer
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge") as caught:
        on(LogisticRegression(max_iter=2)).fit(X, y)
    assert "_logistic.py" in caught[0].filename

    with warnings.catch_warnings():
        warnings.filterwarnings("error", module=r"sklearn\.linear_model")
        with pytest.raises(ConvergenceWarning):
            on(LogisticRegression(max_iter=2)).fit(X, y)


def test_no_driver_counts_as_started_here(diabetes):
    from accelsk import forks

    before, forks._process.started = forks._process.started, False
    try:
        on(clone(Ridge())).fit(*diabetes).predict(diabetes[0])
        assert not forks._process.started
    finally:
        forks._process.started = before
    assert library.VISIBLE is None
