"""Engine sklearnex: its rows against the library, its results against scikit-learn, and the bugs that are kept out."""

from __future__ import annotations

import importlib
import inspect
import pickle
import threading
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.datasets import load_digits, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale
from sklearn.utils import get_tags

pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")

from sklearnex_denials import DENIALS  # noqa: E402
from sklearnex_grid import GRIDS, KINDS, ran, watching  # noqa: E402

from accelsk import AcceleratedEstimator, convert  # noqa: E402
from accelsk.capability import examine_inputs  # noqa: E402
from accelsk.devices import HOST  # noqa: E402
from accelsk.engines import get, get_adapter  # noqa: E402
from accelsk.engines.translate import check_total, merge_engine_params, translate  # noqa: E402
from accelsk.facts import Facts  # noqa: E402

ENGINE = get("sklearnex")
ADAPTER = get_adapter("sklearnex")
ROWS = {row.name: row for row in ENGINE.rows}

every_row = pytest.mark.parametrize("name", sorted(ROWS))


def load(path):
    """The class of this import path."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def plain(name, **params):
    """A scikit-learn estimator with settings that suit its row."""
    defaults = {
        "DummyRegressor": {"strategy": "constant", "constant": 2.5},
        "TSNE": {"max_iter": 250, "random_state": 0},
        "LocalOutlierFactor": {"novelty": True},
        "LogisticRegressionCV": {"Cs": 3, "cv": 3, "use_legacy_attributes": False, "scoring": "accuracy", "l1_ratios": (0,)},
    }
    accepted = inspect.signature(load(ROWS[name].estimator)).parameters
    settings = {key: value for key, value in {**defaults.get(name, {}), **params}.items() if key in accepted}
    return load(ROWS[name].estimator)(**settings)


def accelerated(name, **params):
    """The same on sklearnex, which must not fall back."""
    return AcceleratedEstimator(plain(name, **params), engine="sklearnex", fallback="raise")


# -- the rows are total -----------------------------------------------------------------------------------------------------


@every_row
def test_a_row_decides_every_parameter(name):
    assert check_total(ROWS[name], load(ROWS[name].estimator)) == ()


@every_row
def test_a_row_knows_every_method(name):
    row, cls = ROWS[name], load(ROWS[name].estimator)
    ours = {"fit", "get_params", "set_params", "set_output", "get_metadata_routing", "set_callbacks"}
    methods = {
        attribute
        for attribute in dir(cls)
        if not attribute.startswith("_")
        and attribute not in ours
        and not attribute.endswith("_request")
        and callable(getattr(cls, attribute))
    }
    assert methods == {*row.methods, *row.inherited, *row.refused}


# -- the rows against the library -----------------------------------------------------------------------------------------------


def outcome(row, grid, setting, kind):
    """What a row says of a combination, what the library does with it, and in words what does not fit together."""
    cls = load(row.estimator)
    estimator = cls(**setting)
    X, y, fit_params = grid.kinds()[kind](grid.task)
    data = (X,) if y is None else (X, y)
    params = estimator.get_params(deep=False)
    keywords, refusals = translate(row, params)
    merge_engine_params(row, ENGINE.name, {}, keywords)
    check = examine_inputs(
        ENGINE.name,
        row,
        "fit",
        Facts(X, y, fit_params),
        params,
        get_tags(estimator).input_tags,
        "auto",
        densify=False,
    )
    says = not refusals and not check.reasons
    error = None
    with watching() as seen:
        try:
            if says:
                backend = ADAPTER.build(row, keywords)
                args = (convert.sparse_as(X, check.convert) if check.convert else X, *data[1:])
                ADAPTER.fit(backend, row, "fit", args, fit_params, HOST)
            else:
                load(row.backend)(**setting).fit(*data, **fit_params)
        except Exception as raised:  # noqa: BLE001  any error: scikit-learn must raise one too
            error = raised
    did = ran(row.name, "fit", seen)
    if error is not None:
        try:
            clone(estimator).fit(*data, **fit_params)
        except Exception:  # noqa: BLE001
            return "error"
        if says:
            return f"claims it, and it fails with {error!r}"
        return "denied" if not did or _is_explained(row, setting, kind) else f"denies what fails with {error!r}"
    if says == did:
        return "claimed" if says else "denied"
    if not says and _is_explained(row, setting, kind):
        return "denied"
    reasons = [*refusals, *(reason.text for reason in check.reasons)]
    return f"denies what is accelerated ({reasons})" if did else f"claims what falls back ({seen})"


def _is_explained(row, setting, kind):
    return any((not denial.rows or row.name in denial.rows) and denial.covers(setting, kind) for denial in DENIALS)


@every_row
def test_a_row_says_what_the_library_does(name, record_property):
    grid = GRIDS[name]
    counts = {"claimed": 0, "denied": 0, "error": 0}
    wrong = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the settings are odd on purpose, and convergence is not the point
        for setting, kind in grid.combinations():
            result = outcome(ROWS[name], grid, setting, kind)
            if result in counts:
                counts[result] += 1
            else:
                wrong.append(f"{setting} with {kind}: {result}")
    for key, value in counts.items():
        record_property(key, value)
    assert not wrong, "\n".join(wrong[:20])
    assert counts["claimed"] >= 50, counts


def test_the_grid_is_large(record_property):
    total = sum(len(list(grid.combinations())) for grid in GRIDS.values())
    record_property("combinations", total)
    print(f"sklearnex rows compared with the library over {total:,} combinations")
    assert set(GRIDS) == set(ROWS)
    assert total > 17_000


@pytest.mark.parametrize("denial", DENIALS, ids=lambda denial: denial.name)
def test_a_denial_is_still_justified(denial):
    assert denial.holds(), f"sklearnex has mended this, so the rows of {denial.rows} can be widened: {denial.reason}"


# -- after the fit ---------------------------------------------------------------------------------------------------------------


def fitted(name, X, y=None):
    """A backend estimator, fitted through the adapter."""
    row, estimator = ROWS[name], plain(name)
    keywords, _ = translate(row, estimator.get_params(deep=False))
    merge_engine_params(row, ENGINE.name, {}, keywords)
    backend = ADAPTER.build(row, keywords)
    ADAPTER.fit(backend, row, "fit", (X,) if y is None else (X, y), {}, HOST)
    return backend


COMPUTED = [
    (name, method)
    for name in sorted(ROWS)
    for method in ROWS[name].methods
    if not method.startswith(("fit", "partial_fit"))
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["float64", "float32", "int", "bool", "fortran", "frame", "list", "csr", "nan"])
@pytest.mark.parametrize("name, method", COMPUTED)
def test_computed_methods_run_on_the_engine(name, method, kind):
    row, task = ROWS[name], GRIDS[name].task
    takes_sparse = "csr" in row.inputs(method).sparse
    trained_on = "csr" if kind == "csr" and takes_sparse else "float64"
    backend = fitted(name, *KINDS[trained_on](task)[:2])
    X, y, _ = KINDS[kind](task)
    args = (X, y) if method == "score" else (X,)
    claimed = kind != "nan" and (kind != "csr" or takes_sparse)
    with watching() as seen:
        try:
            ADAPTER.call(backend, row, method, args, {}, HOST)
        except Exception:
            assert not claimed
            return
    assert ran(name, method, seen) == claimed, seen


@every_row
def test_outputs_have_the_types_of_scikit_learn(name):
    X, y, _ = KINDS["float32"](GRIDS[name].task)
    row, estimator = ROWS[name], plain(name)
    data = (X,) if y is None else (X, y)
    estimator.fit(*data)
    backend = fitted(name, *data)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples"):
        if method in row.methods or method in row.inherited:
            expected = getattr(estimator, method)(X)
            assert ADAPTER.call(backend, row, method, (X,), {}, HOST).dtype == expected.dtype, method


# -- results against scikit-learn, on real data -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(breast_cancer, diabetes):
    """The data sets by name; digits and wine have many and three classes."""
    X, y = load_digits(return_X_y=True)
    wine = load_wine(return_X_y=True)
    return {
        "breast_cancer": breast_cancer,
        "digits": (X[:700] / 16, y[:700]),
        "wine": (scale(wine[0]), wine[1]),
        "diabetes": (scale(diabetes[0]), diabetes[1] / diabetes[1].std()),
    }


@pytest.fixture
def nothing_falls_back():
    """Fail a test in which sklearnex computed with scikit-learn without saying so."""
    with watching() as seen:
        yield
    # A radius is searched by scikit-learn, as the row says.
    fell_back = [scope for scope, accelerated, _ in seen if not accelerated and "radius" not in scope]
    assert not fell_back, fell_back


def _sets(name):
    return {"classes": ("breast_cancer", "digits", "wine"), "numbers": ("diabetes",), "": ("breast_cancer", "wine")}[
        GRIDS[name].task
    ]


EXACT = [(name, where) for name in sorted(ROWS) if ROWS[name].fidelity == "exact" for where in _sets(name)]
STATISTICAL = [(name, where) for name in sorted(ROWS) if ROWS[name].fidelity != "exact" for where in _sets(name)]
OUTPUTS = ("decision_function", "predict_proba", "transform", "score_samples", "mahalanobis")


@pytest.mark.usefixtures("nothing_falls_back")
@pytest.mark.parametrize("name, where", EXACT)
def test_an_exact_row_agrees_with_scikit_learn(name, where, data, record_property):
    X, y = data[where]
    row, ours, theirs = ROWS[name], accelerated(name), plain(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.fit(X, y)
        ours.fit(X, y)
    assert ours.engine_ == "sklearnex"
    for method in OUTPUTS:
        if method in row.refused or not hasattr(theirs, method):
            continue
        expected = getattr(theirs, method)(X)
        worst = np.abs(expected - getattr(ours, method)(X)).max() / expected.std()
        record_property(method, worst)
        assert worst <= row.tolerance, method
    if hasattr(theirs, "predict"):
        expected, predicted = theirs.predict(X), ours.predict(X)
        if GRIDS[name].task == "numbers":
            assert np.abs(expected - predicted).max() <= row.tolerance * (expected.std() or 1)
        else:
            assert (expected == predicted).mean() >= 0.995
            assert expected.dtype == predicted.dtype
    if hasattr(theirs, "labels_"):
        np.testing.assert_array_equal(theirs.labels_, ours.labels_)
    if hasattr(theirs, "kneighbors"):
        np.testing.assert_allclose(theirs.kneighbors(X)[0], ours.kneighbors(X)[0], atol=1e-6)


@pytest.mark.usefixtures("nothing_falls_back")
@pytest.mark.parametrize("name, where", STATISTICAL)
def test_a_statistical_row_scores_as_scikit_learn(name, where, data, record_property):
    X, y = data[where]
    row = ROWS[name]
    train, test, y_train, y_test = train_test_split(X, y, random_state=0)

    def score(model):
        if name == "KMeans":
            return model.fit(train).score(test) / len(test) / test.var() / test.shape[1]
        if name == "IncrementalPCA":
            return model.fit(train).explained_variance_ratio_.sum()
        if name == "TSNE":
            from sklearn.manifold import trustworthiness

            return trustworthiness(X, model.fit_transform(X))
        return model.fit(train, y_train).score(test, y_test)

    def mean(make):
        seeds = (0,) if name == "TSNE" else (0, 1, 2)
        return np.mean([score(make(name, random_state=seed, n_clusters=3, n_init=5, n_components=2)) for seed in seeds])

    difference = mean(accelerated) - mean(plain)
    record_property("difference", difference)
    assert abs(difference) <= row.tolerance


# -- bugs of the library that must not come through ---------------------------------------------------------------------------------


def test_kmeans_predicts_after_a_fit_with_sample_weight(breast_cancer):
    X, _ = breast_cancer
    weights = np.linspace(1, 2, len(X))
    model = AcceleratedEstimator(plain("KMeans", n_clusters=3, n_init=1, random_state=0), engine="sklearnex", fallback="silent")
    model.fit(X, sample_weight=weights)
    assert model.engine_ == "sklearn"
    np.testing.assert_array_equal(
        model.predict(X), plain("KMeans", n_clusters=3, n_init=1, random_state=0).fit(X, sample_weight=weights).predict(X)
    )


def test_kmeans_scores_with_sample_weight(breast_cancer):
    X, _ = breast_cancer
    weights = np.linspace(1, 2, len(X))
    model = accelerated("KMeans", n_clusters=3, n_init=1, init=X[:3]).fit(X)
    expected = plain("KMeans", n_clusters=3, n_init=1, init=X[:3]).fit(X).score(X, sample_weight=weights)
    assert model.score(X, sample_weight=weights) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["KMeans", "RandomForestClassifier"])
def test_refitting_after_a_fallback_predicts_with_the_new_model(name):
    X, y = make_classification(n_samples=300, random_state=0)
    model = AcceleratedEstimator(
        plain(name, n_estimators=20, n_clusters=2, n_init=1, random_state=0), engine="sklearnex", fallback="silent"
    )
    model.fit(X, y)
    assert model.engine_ == "sklearnex"
    model.fit(X[::-1] + 5, 1 - y[::-1], sample_weight=np.linspace(1, 2, len(X)))
    assert model.engine_ == "sklearn"
    np.testing.assert_array_equal(model.predict(X + 5), model.estimator_.predict(X + 5))
    if name == "RandomForestClassifier":
        assert model.score(X + 5, 1 - y) > 0.9


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ["RandomForestClassifier", "ExtraTreesClassifier"])
def test_forest_probabilities_sum_to_one(name, dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 20)).astype(dtype)
    y = rng.integers(100, size=3000)
    model = accelerated(name, n_estimators=100, random_state=0).fit(X, y)
    backend = load(f"sklearnex.ensemble.{name}")
    if name == "RandomForestClassifier":  # without the correction they do not: issue 3401
        uncorrected = backend.predict_proba(model.estimator_, X)
        assert np.abs(uncorrected.sum(axis=1) - 1).max() > 1e-4
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(model.predict(X), model.classes_[probabilities.argmax(axis=1)])
    assert roc_auc_score(y, probabilities, multi_class="ovr") > 0.9


@pytest.mark.parametrize("name", ["RandomForestRegressor", "ExtraTreesRegressor"])
def test_leaves_are_those_that_predict_uses(name):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 6))
    y = X[:, 0] + rng.normal(size=400)
    model = accelerated(name, n_estimators=10, random_state=0).fit(X, y)
    leaves = model.apply(X)
    values = [
        tree.tree_.value.ravel()[leaves[:, number]] for number, tree in enumerate(model.estimators_)
    ]
    np.testing.assert_allclose(np.mean(values, axis=0), model.predict(X), atol=1e-9)
    paths, starts = model.decision_path(X)
    assert paths.shape == (400, starts[-1])
    assert all(paths[row, starts[number] + leaves[row, number]] for row in range(20) for number in range(10))


def test_extra_trees_are_not_chosen_by_auto(diabetes):
    model = AcceleratedEstimator(plain("ExtraTreesRegressor", n_estimators=10), engine="auto").fit(*diabetes)
    assert model.engine_ == "sklearn"
    assert ROWS["ExtraTreesRegressor"].worth is None
    assert "0.061" in ROWS["ExtraTreesRegressor"].note


def test_dual_gap_is_that_of_scikit_learn():
    X, y, _ = KINDS["float64"]("numbers")
    for name in ("Lasso", "ElasticNet"):
        for fit_intercept in (True, False):
            settings = {"alpha": 0.1, "fit_intercept": fit_intercept, "tol": 1e-12}
            ours, theirs = accelerated(name, **settings).fit(X, y), plain(name, **settings).fit(X, y)
            assert ours.dual_gap_ == pytest.approx(theirs.dual_gap_, abs=1e-9)
            assert "_X" not in vars(ours.estimator_)


def test_tsne_leaves_the_initial_embedding_alone():
    X, _, _ = KINDS["float64"]("")
    start = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    before = start.copy()
    accelerated("TSNE", init=start, perplexity=5).fit(X)
    np.testing.assert_array_equal(start, before)


# -- the rest of the contract ----------------------------------------------------------------------------------------------------------


@every_row
def test_a_fitted_model_survives_pickle(name):
    X, y, _ = KINDS["float64"](GRIDS[name].task)
    model = accelerated(name, perplexity=5).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert again.engine_ == "sklearnex"
    for method in ("predict", "predict_proba", "transform", "decision_function"):
        if hasattr(model, method):
            np.testing.assert_array_equal(getattr(model, method)(X), getattr(again, method)(X))


def test_engine_params_reach_the_backend(diabetes):
    model = AcceleratedEstimator(
        plain("RandomForestRegressor", n_estimators=5),
        engine="sklearnex",
        engine_params={"sklearnex": {"max_bins": 8, "min_bin_size": 3}},
    ).fit(*diabetes)
    assert model.estimator_.max_bins == 8
    assert model.estimator_.min_bin_size == 3
    model = AcceleratedEstimator(plain("PCA"), engine="sklearnex", engine_params={"sklearnex": {"n_jobs": 1}}).fit(*diabetes)
    assert model.estimator_.n_jobs == 1


def test_partial_fit_goes_on_from_the_last_batch(breast_cancer):
    X, _ = breast_cancer
    model = accelerated("IncrementalPCA", n_components=4)
    scaler = accelerated("MaxAbsScaler")
    for batch in np.array_split(X, 5):
        model.partial_fit(batch)
        scaler.partial_fit(batch)
    assert model.engine_ == scaler.engine_ == "sklearnex"
    assert model.n_samples_seen_ == len(X)
    exact = plain("PCA", n_components=4).fit(X)
    np.testing.assert_allclose(model.explained_variance_, exact.explained_variance_, rtol=1e-6)
    np.testing.assert_allclose(scaler.scale_, np.abs(X).max(axis=0))


def test_models_fitted_dense_predict_sparse_rows(breast_cancer):
    X, y = breast_cancer
    for name in ("LogisticRegression", "Ridge", "KMeans", "MaxAbsScaler", "PCA"):
        model = accelerated(name, n_clusters=3).fit(X, y)
        method = model.transform if name in ("PCA", "MaxAbsScaler") else model.predict
        result = method(sp.csr_matrix(X))
        result = result.toarray() if sp.issparse(result) else result
        np.testing.assert_allclose(result, method(X), atol=1e-9)


# -- threads ---------------------------------------------------------------------------------------------------------------------------


def in_thread(function):
    """Run a function on another thread; return its result or raise its error."""
    box = {}

    def run():
        try:
            box["result"] = function()
        except BaseException as error:  # noqa: BLE001  raised again on this thread
            box["error"] = error

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if "error" in box:
        raise box["error"]
    return box["result"]


@pytest.fixture
def thread_counts(monkeypatch):
    """The thread counts of oneTBB while ``fit`` computes, in order."""
    import daal4py
    from sklearnex.linear_model import LinearRegression

    counts = []
    original = LinearRegression._onedal_fit

    def counting(self, *args, **kwargs):
        counts.append(daal4py.num_threads())
        return original(self, *args, **kwargs)

    monkeypatch.setattr(LinearRegression, "_onedal_fit", counting)
    return counts


@pytest.mark.parametrize("n_jobs, expected", [(1, 1), (3, 3), (None, None)])
def test_n_jobs_holds_off_the_main_thread(n_jobs, expected, diabetes, thread_counts):
    import daal4py

    before = daal4py.num_threads()
    in_thread(lambda: accelerated("LinearRegression", n_jobs=n_jobs).fit(*diabetes))
    accelerated("LinearRegression", n_jobs=n_jobs).fit(*diabetes)
    assert thread_counts == [expected or before] * 2
    assert daal4py.num_threads() == before


def test_the_limit_of_the_surroundings_holds_off_the_main_thread(diabetes, thread_counts):
    from threadpoolctl import threadpool_limits

    def fit():
        with threadpool_limits(1):
            accelerated("LinearRegression").fit(*diabetes)

    in_thread(fit)
    assert thread_counts == [1]


def test_the_library_still_warns_for_others(diabetes):
    from sklearnex.linear_model import LinearRegression

    in_thread(lambda: accelerated("LinearRegression", n_jobs=1).fit(*diabetes))
    with pytest.warns(UserWarning, match="'Threading' parallel backend is not supported"):
        in_thread(lambda: LinearRegression(n_jobs=1).fit(*diabetes))


@every_row
def test_a_row_works_on_another_thread(name):
    X, y, _ = KINDS["float64"](GRIDS[name].task)
    model = accelerated(name, perplexity=5, n_jobs=1)
    in_thread(lambda: model.fit(X, y))
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "kneighbors"):
        if hasattr(model, method) and method not in ROWS[name].refused:
            in_thread(lambda method=method: getattr(model, method)(X))
    if hasattr(model, "score"):
        in_thread(lambda: model.score(X, y))


def test_logistic_regression_fits_in_many_threads_at_once(breast_cancer):
    from joblib import Parallel, delayed
    from sklearn.linear_model import _logistic

    X, y = breast_cancer
    original = _logistic._logistic_regression_path
    strengths = (0.01, 0.1, 1, 10) * 2
    fits = Parallel(n_jobs=4, backend="threading")(
        delayed(accelerated("LogisticRegression", C=strength).fit)(X, y) for strength in strengths
    )
    assert _logistic._logistic_regression_path is original
    for strength, model in zip(strengths, fits, strict=True):
        alone = accelerated("LogisticRegression", C=strength).fit(X, y)
        np.testing.assert_array_equal(model.coef_, alone.coef_)


def test_folds_of_logistic_regression_cv_run_on_the_engine(breast_cancer):
    from joblib import parallel_config

    X, y = breast_cancer
    with parallel_config(n_jobs=2), watching() as seen:
        accelerated("LogisticRegressionCV", n_jobs=2).fit(X, y)
    # In worker processes nothing would have been seen but the last fit on all rows.
    assert sum(accelerated and inner for _, accelerated, inner in seen) >= 4
