"""One fitted model in many threads at once: every answer is compared with the one that it gave alone."""

import copy
import io
import pickle
import subprocess
import sys
import threading
import warnings
from collections import Counter
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.cluster import DBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, Ridge
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, accelerate, to_sklearn
from accelsk.engines import get, why_missing
from accelsk.testing.case import case_of, fit

THREADS = 16
METHODS = (
    "predict",
    "predict_proba",
    "decision_function",
    "transform",
    "score_samples",
    "kneighbors",
    "kneighbors_graph",
    "radius_neighbors",
    "apply",
    "decision_path",
    "mahalanobis",
)
#: Rows that answer nothing about new data.
SILENT = {"DBSCAN", "TSNE"}
#: Of the pretended engine, on its device.
OF_LOOPBACK = {"SVC", "KNeighborsClassifier", "PCA", "LogisticRegression"}
SETTINGS = {"LocalOutlierFactor": {"novelty": True}}
FOREST = {"n_estimators": 5}
#: Of LogisticRegressionCV, which since scikit-learn 1.8 warns where some of its parameters are left to their defaults.
FOLDS = {"Cs": [0.01, 0.1], "cv": 3, "scoring": "accuracy"}
if "use_legacy_attributes" in LogisticRegressionCV().get_params():
    FOLDS |= {"use_legacy_attributes": False, "l1_ratios": (0,)}

needs_sklearnex = pytest.mark.skipif(
    why_missing("sklearnex") is not None, reason=str(why_missing("sklearnex")).partition("\n")[0]
)


@pytest.fixture(autouse=True)
def _switch_often():
    """Threads take turns every 10 microseconds, not every 5 milliseconds: more goes on at the same time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def same(expected, found):
    """Whether two answers are the same, to rounding: from some call on something faster may compute the model."""
    if isinstance(expected, tuple):
        return len(expected) == len(found) and all(map(same, expected, found))
    if sp.issparse(expected):
        return sp.issparse(found) and same(expected.toarray(), found.toarray())
    if expected.dtype == object:  # neighbours within a radius: as many as there are
        return expected.shape == found.shape and all(map(same, expected, found))
    if expected.dtype != found.dtype or expected.shape != found.shape:
        return False
    if expected.dtype.kind != "f":
        return np.array_equal(expected, found)
    return np.allclose(expected, found, rtol=1e-9 if expected.dtype == np.float64 else 1e-5, atol=1e-9)


def calls_of(model, X, methods=METHODS, batches=12):
    """Calls of all methods with one to five rows, and what they give to a single thread: (method, rows, answer)."""
    rng = np.random.default_rng(0)
    calls = []
    for method in methods:
        if not hasattr(model, method):
            continue
        for _ in range(batches):
            rows = X[rng.integers(0, len(X), rng.integers(1, 6))]
            calls.append((method, rows, getattr(model, method)(rows)))
    return calls


@contextmanager
def in_threads(*functions):
    """Run functions on threads of their own, all of which start at once, and those of the block beside them.

    What they raise is raised at the end; what they return that is not None are complaints.
    """
    start, ended = threading.Barrier(len(functions) + 1), []

    def run(function):
        start.wait()
        try:
            ended.append(function())
        except BaseException as error:  # noqa: BLE001  told on the main thread
            ended.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    start.wait()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
    complaints = Counter(text for text in ended if text)
    assert not complaints, complaints.most_common(5)
    assert len(ended) == len(functions)


def asking(model, calls, times, seed):
    """A function that makes calls in random order, and complains of the first answer that is not as expected."""

    def ask():
        for at in np.random.default_rng(seed).integers(0, len(calls), times):
            method, rows, expected = calls[at]
            if not same(expected, getattr(model, method)(rows)):
                return f"another answer of {method} to {len(rows)} rows"
        return None

    return ask


def hammer(model, calls, times):
    assert calls
    with in_threads(*(asking(model, calls, times, seed) for seed in range(THREADS))):
        pass


def settings_of(case):
    few = FOREST if "n_estimators" in case.params else {}
    return {**few, **SETTINGS.get(case.row.name, {})}


def subjects():
    """Every row of sklearnex, and some of the pretended engine."""
    for engine in ("sklearnex", "loopback"):
        for row in get(engine).rows:
            first = get(engine).row(row.estimator) is row  # a second one is for another kind of device
            if first and row.name not in SILENT and (engine == "sklearnex" or row.name in OF_LOOPBACK):
                marks = (needs_sklearnex,) if engine == "sklearnex" else ()
                yield pytest.param(engine, row.estimator, id=f"{engine}-{row.name}", marks=marks)


@contextmanager
def quietly(estimator):
    """Around what scikit-learn's own forests and neighbours answer: they warn where several threads use them.

    ``sklearn.utils.parallel`` since scikit-learn 1.8 clears the warning filters of the process, and fills them again,
    while a tree predicts or rows are searched. A call in another thread that finds them empty takes that for a mistake
    of its caller, and warns. The answers are right.
    """
    if hasattr(estimator, "n_estimators") or hasattr(estimator, "n_neighbors"):
        with warnings.catch_warnings():
            warnings.resetwarnings()  # or it might find "error" behind what is ignored
            warnings.simplefilter("ignore")
            yield
    else:
        yield


FORMS = {
    "as fitted": lambda model: model,
    "pickled": lambda model: pickle.loads(pickle.dumps(model)),
    "exported": to_sklearn,
}
few_and_many = pytest.mark.parametrize("times", [10, pytest.param(1000, marks=pytest.mark.slow)])


@few_and_many
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("engine, estimator", list(subjects()))
def test_every_row_answers_in_many_threads_as_in_one(engine, estimator, form, times):
    case = case_of(engine, estimator)
    if form == "exported" and not case.row.export.portable:
        pytest.skip(f"not portable: {case.row.export.refused}")
    model = fit(case.wrapped(case.plain(**settings_of(case))), *case.data.args)
    methods = [method for method in METHODS if method not in case.row.refused]
    make = FORMS[form]
    by_scikit_learn = form == "exported" or engine == "loopback"
    with quietly(case.plain()) if by_scikit_learn else nullcontext():
        calls = calls_of(make(model), case.data.X_new, methods)
        # Another one than was asked before: what is made at the first call is made under fire.
        hammer(make(model), calls, times)


def test_every_row_is_hammered():
    engine = get("sklearnex")

    silent = {
        row.name
        for row in engine.rows
        if not any(
            hasattr(case_of(engine.name, row.estimator).plain(**SETTINGS.get(row.name, {})), method)
            for method in METHODS
        )
    }
    assert silent == SILENT


REFERENCE = {
    "svc": SVC(),
    "neighbors": KNeighborsClassifier(),
    "k-means": KMeans(3, n_init=1, random_state=0),
    "pipeline": make_pipeline(StandardScaler(), PCA(2), LogisticRegression(max_iter=500)),
    "forest": RandomForestClassifier(5, random_state=0),
}


@few_and_many
@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_answers_in_many_threads_as_in_one(iris, name, times):
    X, y = iris
    model = accelerate(REFERENCE[name], engine="sklearn").fit(X, y)

    with quietly(REFERENCE[name]):
        hammer(model, calls_of(model, X), times)


# -- several things at once ------------------------------------------------------------------------------------------


def accelerated(estimator):
    return AcceleratedEstimator(estimator, engine="sklearnex", fallback="raise")


@needs_sklearnex
@few_and_many
def test_two_models_answer_at_once(iris, diabetes, times):
    near = accelerated(KNeighborsClassifier(algorithm="brute")).fit(*iris)
    far = accelerated(ExtraTreesRegressor(5, random_state=0)).fit(*diabetes)
    near_calls, far_calls = calls_of(near, iris[0]), calls_of(far, diabetes[0])

    near_threads = [asking(near, near_calls, times, seed) for seed in range(THREADS // 2)]
    far_threads = [asking(far, far_calls, times, seed) for seed in range(THREADS // 2)]
    with in_threads(*near_threads, *far_threads):
        pass


FITTING = {
    "logistic": LogisticRegression(max_iter=500),  # replaces a function of scikit-learn meanwhile
    "forest": RandomForestClassifier(5, random_state=0),
    "k-means": KMeans(3, n_init=1, random_state=0),
    "neighbors": KNeighborsClassifier(algorithm="brute"),
    "outliers": DBSCAN(),
}


def learned(model):
    names = ("coef_", "labels_", "cluster_centers_")
    found = [np.asarray(getattr(model, name)) for name in names if hasattr(model, name)]
    return found or [model.predict(np.linspace(0, 7, 80).reshape(20, 4))]


@needs_sklearnex
@few_and_many
@pytest.mark.parametrize("name", FITTING)
def test_answers_and_fits_beside_each_other_are_those_of_each_alone(iris, name, times):
    X, y = iris
    model = accelerated(SVC()).fit(X, y)
    calls = calls_of(model, X)
    alone = learned(accelerated(clone(FITTING[name])).fit(X, y))

    def fits():
        for _ in range(max(3, times // 25)):
            if not all(map(same, alone, learned(accelerated(clone(FITTING[name])).fit(X, y)))):
                return "another model"
        return None

    with in_threads(*(asking(model, calls, times, seed) for seed in range(THREADS - 2)), fits, fits):
        pass


@needs_sklearnex
@few_and_many
@pytest.mark.parametrize("name", ["LogisticRegression", "LogisticRegressionCV"])
def test_scikit_learns_own_fits_stay_its_own_beside_those_of_the_engine(breast_cancer, name, times):
    """The library replaces a function of scikit-learn while it fits these: not where others fit, too."""
    X, y = breast_cancer
    case = case_of("sklearnex", f"sklearn.linear_model.{name}")
    estimators = {
        "plain": case.plain,
        "reference": lambda **params: AcceleratedEstimator(case.plain(**params), engine="sklearn"),
        "engine": lambda **params: accelerated(case.plain(**params)),
    }
    params = {"C": 0.5} if name == "LogisticRegression" else FOLDS
    alone = {who: make(**params).fit(X, y).coef_ for who, make in estimators.items()}
    assert not same(alone["plain"], alone["engine"]), "or this test could notice nothing"

    def fits(who):
        def run():
            for _ in range(max(4, times // 10)):
                if not same(alone[who], estimators[who](**params).fit(X, y).coef_):
                    return f"another model of {who}"
            return None

        return run

    with in_threads(*(fits(who) for who in estimators for _ in range(2))):
        pass


@needs_sklearnex
@few_and_many
def test_a_model_that_is_fitted_again_answers_as_the_old_or_the_new_one(iris, times):
    """A fit makes a new backend estimator, and exchanges it when it is done: there is nothing in between."""
    X, y = iris
    model = accelerated(KNeighborsClassifier(algorithm="brute"))
    targets = [y, y[::-1]]
    rows = X[::10]
    answers = [model.fit(X, target).predict_proba(rows) for target in targets]
    assert not same(*answers)
    seen = []

    def ask():
        for _ in range(times):
            found = model.predict_proba(rows)
            which = [same(answer, found) for answer in answers]
            seen.append(which)  # unlike counting, one step to the interpreter
            if not any(which):
                return "an answer of neither"
        return None

    def fits():
        for at in range(max(4, times // 10)):
            model.fit(X, targets[at % 2])

    with in_threads(*[ask] * (THREADS - 1), fits):
        pass
    assert len(seen) == times * (THREADS - 1)


BESIDE = {
    "neighbors": KNeighborsClassifier(algorithm="brute"),
    "neighbors, no target": NearestNeighbors(algorithm="brute"),
    "forest": RandomForestClassifier(5, random_state=0),
    "svc": SVC(),
    "ridge": Ridge(),
}


@needs_sklearnex
@few_and_many
@pytest.mark.parametrize("name", BESIDE)
def test_a_model_is_pickled_and_exported_while_it_answers(iris, name, times):
    X, y = iris
    fitted = accelerated(clone(BESIDE[name])).fit(X, y)
    model = pickle.loads(pickle.dumps(fitted))
    calls = calls_of(fitted, X)
    made = {form: calls_of(FORMS[form](fitted), X, batches=3) for form in ("pickled", "exported")}

    def copies(form):
        def run():
            for _ in range(max(3, times // 25)):
                copy = FORMS[form](model)
                if any(not same(expected, getattr(copy, method)(rows)) for method, rows, expected in made[form]):
                    return f"another answer of the {form} one"
            return None

        return run

    several = (asking(model, calls, times, seed) for seed in range(THREADS - 2))
    with quietly(BESIDE[name]), in_threads(*several, *map(copies, made)):  # quietly: the exported ones
        pass


@needs_sklearnex
@few_and_many
@pytest.mark.parametrize("name", ["classifier", "regressor"])
def test_trees_are_seen_finished_or_not_at_all(breast_cancer, name, times):
    """They are made of the engine's model when they are first asked for, in several passes."""
    X, y = breast_cancer
    cls = {"classifier": RandomForestClassifier, "regressor": ExtraTreesRegressor}[name]
    fitted = accelerated(cls(10, max_depth=4, random_state=0)).fit(X, y)
    rows = X[:40].astype(np.float32)
    alone = answers_of_trees(copy.deepcopy(fitted), rows)

    for _ in range(times):
        model = copy.deepcopy(fitted)

        def look(model=model):
            return None if same(alone, answers_of_trees(model, rows)) else "other trees"

        with in_threads(*[look] * 4):
            pass


def answers_of_trees(model, rows):
    return tuple(tree.tree_.predict(rows) for tree in model.estimators_)


_FIRST = """
import pickle, sys, threading
data, rows, expected = pickle.load(sys.stdin.buffer)
sys.setswitchinterval(1e-5)
start, wrong = threading.Barrier(16), []

def run():
    start.wait()
    try:
        model = pickle.loads(data)
        if model.predict(rows).tolist() != expected or model.engine_ != "sklearnex":
            wrong.append("another answer")
    except BaseException as error:
        wrong.append(repr(error))

threads = [threading.Thread(target=run) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(str(wrong) if wrong else 0)
"""


@needs_sklearnex
@pytest.mark.parametrize("name", ["neighbors", "forest"])
def test_the_first_that_a_process_does_is_to_open_and_ask_in_many_threads(iris, name):
    """What is imported at the first use is imported by all of them at once."""
    X, y = iris
    model = accelerated(clone(BESIDE[name])).fit(X, y)
    given = io.BytesIO()
    pickle.dump((pickle.dumps(model), X[::7], model.predict(X[::7]).tolist()), given)

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _FIRST],
        input=given.getvalue(),
        capture_output=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr.decode()


@needs_sklearnex
def test_nothing_of_the_process_is_changed_afterwards(iris):
    import daal4py

    X, y = iris
    model = accelerated(KNeighborsClassifier(algorithm="brute", n_jobs=1)).fit(X, y)
    calls = calls_of(model, X)
    before = daal4py.num_threads(), list(warnings.filters)

    hammer(model, calls, 25)

    assert (daal4py.num_threads(), list(warnings.filters)) == before
