"""Engine sklearnex off the main thread, where the library ignores ``n_jobs``, and in several threads at once."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")

from sklearnex_cases import ROWS, accelerated, every_row
from sklearnex_data import KINDS
from sklearnex_grid import GRIDS
from sklearnex_watching import watching

from accelsk.threads import limited


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
    off, on = thread_counts
    assert off == on == (expected or on)
    assert daal4py.num_threads() == before


def test_the_limit_of_the_surroundings_holds_off_the_main_thread(diabetes, thread_counts):
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


@pytest.mark.filterwarnings("ignore:divide by zero encountered in log:RuntimeWarning")
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


def remembered(model, depth=3):
    """Return what an object and those inside keep of numbers of threads."""
    kept = getattr(model, "__dict__", {}).items()
    own = {name: value for name, value in kept if "jobs" in name or "threads" in name}
    return own, [remembered(value, depth - 1) for _, value in kept if depth and hasattr(value, "__dict__")]


@every_row
def test_a_model_of_a_row_does_not_remember_a_share(name):
    X, y, _ = KINDS["float64"](GRIDS[name].task)
    alone, beside = (accelerated(name, perplexity=5, n_jobs=4) for _ in range(2))
    alone.fit(X, y)
    with limited(1):
        beside.fit(X, y)
    assert remembered(beside.estimator_) == remembered(alone.estimator_)


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
