"""Engine sklearnex: its fitted models as scikit-learn's own, and back."""

from __future__ import annotations

import pickle
import pickletools
import subprocess
import sys
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")

from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearnex_cases import ADAPTER, ROWS, every_row
from sklearnex_grid import GRIDS
from sklearnex_models import CASES, Case, data, fit, keywords_of, outputs

from accelsk import AcceleratedEstimator, AcceleratedPipeline
from accelsk.devices import HOST
from accelsk.engines.sklearnex.archive import read_forest
from accelsk.errors import NotPortable

FOREIGN = ("sklearnex", "onedal", "daal4py", "accelsk")
RESTORING = [case for case in CASES if ROWS[case.name].export.restores]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def exported(case):
    backend = fit(case)
    return backend, ADAPTER.export(backend, ROWS[case.name], case.plain())


def first_case(name):
    return next(case for case in CASES if case.name == name)


def by_engine(case, backend, model, X, y):
    return outputs(
        case, lambda method, *args: ADAPTER.call(backend, ROWS[case.name], method, args, {}, HOST), model, X, y
    )


def by_itself(case, model, X, y):
    return outputs(case, lambda method, *args: getattr(model, method)(*args), model, X, y)


def as_numbers(method, output):
    """Outputs as arrays that can be compared: neighbours by their distances, for ties come in any order."""
    if method in ("kneighbors", "radius_neighbors"):
        rows = [np.sort(row) for row in output[0]]
        return np.concatenate(rows)
    if method.endswith("_graph"):
        return np.asarray(output.sum(axis=1)).ravel()
    output = output[0] if isinstance(output, tuple) else output
    return output.toarray() if sp.issparse(output) else np.asarray(output)


def difference(expected, found):
    """The largest difference of numbers in standard deviations; the part of labels that differ."""
    assert expected.shape == found.shape
    if expected.dtype.kind != "f":
        assert expected.dtype == found.dtype
        return float((expected != found).mean())
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(expected[~finite], found[~finite])
    expected, found = expected[finite], found[finite]
    size = np.abs(expected).max(initial=0) or 1.0
    spread = expected.std() if expected.size and expected.std() > 1e-12 * size else size
    return float(np.abs(expected - found).max(initial=0) / spread)


def worst(expected, found):
    return max(
        (
            difference(as_numbers(method, output), as_numbers(method, found[method]))
            for method, output in expected.items()
        ),
        default=0.0,
    )


def bound(case):
    """The row's promise is for single precision; in double it is rounding, but for a row's distance to itself."""
    row = ROWS[case.name]
    exact = 1e-6 if row.export.double is None else row.export.double
    return row.export.tolerance if "float32" in case.data else min(row.export.tolerance, exact)


@every_case
def test_an_exported_model_gives_the_same_results(case):
    backend, model = exported(case)
    assert type(model) is type(case.plain())
    X, y, X_test, y_test, _ = data(case.data)
    for words, rows, targets in (("train", X, y), ("held out", X_test, y_test)):
        found = worst(by_engine(case, backend, model, rows, targets), by_itself(case, model, rows, targets))
        print(f"{case.name}|{'f4' if 'float32' in case.data else 'f8'}|{words}|{found:.1e}")
        assert found <= bound(case), words


@pytest.mark.parametrize("case", RESTORING, ids=str)
def test_a_restored_model_gives_the_same_results(case):
    backend, model = exported(case)
    again = ADAPTER.restore(pickle.loads(pickle.dumps(model)), ROWS[case.name], keywords_of(case), HOST)
    assert type(again) is type(backend)
    X, y, X_test, y_test, _ = data(case.data)
    for rows, targets in ((X, y), (X_test, y_test)):
        before = by_engine(case, backend, model, rows, targets)
        assert worst(before, by_engine(case, again, model, rows, targets)) <= 1e-6
    args = (X,) if GRIDS[case.name].task == "" else (X, y)
    if case.name == "ElasticNet" and dict(case.settings).get("warm_start"):
        ADAPTER.fit(again, ROWS[case.name], "fit", args, {}, HOST)
        assert np.all(np.asarray(again.n_iter_) <= np.asarray(backend.n_iter_))


# -- attributes --

#: What a plain fit sets and an exported model does not have, and why.
LEFT_OUT = {
    "TSNE": {"_max_iter"},  # read by its own fit only, before scikit-learn 1.7
    "KMeans": {"_tol"},  # made of the variance of the training data, for the next fit
    "LinearRegression": {"rank_", "singular_"},  # oneDAL solves the normal equations
    **{
        # So that estimators_samples_ does not tell of draws that were others; the engine does not keep the weights.
        name: {"_n_samples", "_sample_weight"}
        for name in ROWS
        if "Forest" in name or "Extra" in name
    },
}
#: Of another kind on purpose.
OF_ANOTHER_TYPE = {
    ("IncrementalPCA", "n_samples_seen_"),  # a Python number
    ("LocalOutlierFactor", "offset_"),
}


def kind_of(value):
    if sp.issparse(value):
        return type(value), value.dtype, value.indices.dtype, value.shape[1]
    if isinstance(value, np.ndarray):
        return value.ndim, value.dtype
    if isinstance(value, (float, int, np.number)):
        return "integer" if isinstance(value, (int, np.integer)) else "number"
    return type(value)


@every_case
def test_attributes_are_those_of_a_plain_fit(case):
    if case.name == "NearestNeighbors" or "algorithm" in dict(case.settings):
        pytest.skip("a search tree is not built where the engine searches by brute force")
    _, model = exported(case)
    X, y, _, _, fit_params = data(case.data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = case.plain().fit(X, *(() if GRIDS[case.name].task == "" else (y,)), **fit_params)
    missing = vars(theirs).keys() - vars(model).keys()
    assert missing <= LEFT_OUT.get(case.name, set())
    assert not vars(model).keys() - vars(theirs).keys()
    for name in vars(model).keys() - theirs.get_params(deep=False).keys():
        if (case.name, name) not in OF_ANOTHER_TYPE:
            mine, other = kind_of(getattr(model, name)), kind_of(getattr(theirs, name))
            if name in ("dual_coef_", "_dual_coef_") and sp.issparse(model.dual_coef_):
                # A column for each support vector; how many there are is a matter of the machine's rounding.
                assert (mine[-1], other[-1]) == (len(model.support_), len(theirs.support_))
                mine, other = mine[:-1], other[:-1]
            assert mine == other, name
    if hasattr(model, "estimators_"):
        ours, other = model.estimators_[0], theirs.estimators_[0]
        assert type(ours) is type(other)
        assert vars(ours).keys() == vars(other).keys()
        assert {**ours.get_params(), "random_state": 0} == {**other.get_params(), "random_state": 0}
        assert type(ours.tree_) is type(other.tree_)


@every_row
def test_an_exported_model_shares_no_memory(name):
    case = first_case(name)
    backend, model = exported(case)
    X, y, _, _, _ = data(case.data)
    before = by_engine(case, backend, case.plain(), X, y)

    def spoil(value):
        if isinstance(value, np.ndarray) and value.flags.writeable and value.dtype.kind in "fi":
            value[...] = 3
        elif sp.issparse(value):
            spoil(value.data)
        elif isinstance(value, list):
            for one in value:
                spoil(getattr(getattr(one, "tree_", None), "value", None))

    for value in vars(model).values():
        spoil(value)
    after = by_engine(case, backend, case.plain(), X, y)
    assert worst(before, after) == 0.0


# -- without the engine --


def foreign_globals(pickled):
    words = [str(arg) for _, arg, _ in pickletools.genops(pickled) if isinstance(arg, str)]
    return [word for word in words if word.split(".")[0].split(" ")[0] in FOREIGN]


@every_case
def test_a_pickle_names_no_other_library(case):
    _, model = exported(case)
    assert not foreign_globals(pickle.dumps(model))


OPEN = """
import pickle, sys, warnings
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sklearnex", "onedal", "daal4py", "accelsk"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
import numpy as np
with open(sys.argv[1], "rb") as file:
    for name, model, calls in pickle.loads(file.read()):
        model = pickle.loads(model)
        for method, X, expected in calls:
            np.testing.assert_array_equal(getattr(model, method)(X), expected, err_msg=f"{name}.{method}")
        print(name)
"""


@pytest.mark.filterwarnings("ignore:X does not have valid feature names, but LocalOutlierFactor")
def test_pickles_open_where_only_scikit_learn_is(tmp_path):
    saved = []
    for case in CASES:
        _, model = exported(case)
        X = data(case.data)[2]
        methods = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
        calls = [
            (method, X, getattr(model, method)(X))
            for method in methods
            if hasattr(model, method) and not (case.name == "MaxAbsScaler" and sp.issparse(X))
        ]
        saved.append((str(case), pickle.dumps(model), calls))
    file = tmp_path / "models.pickle"
    file.write_bytes(pickle.dumps(saved))
    done = subprocess.run([sys.executable, "-c", OPEN, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:-1] == [str(case) for case in CASES]


@every_row
def test_skops_opens_it(name):
    skops = pytest.importorskip("skops.io", reason="skops is not installed")
    case = first_case(name)
    _, model = exported(case)
    saved = skops.dumps(model)
    again = skops.loads(saved, trusted=skops.get_untrusted_types(data=saved))
    X = data(case.data)[2]
    if hasattr(model, "predict"):
        np.testing.assert_array_equal(model.predict(X), again.predict(X))


# -- forests --


@pytest.mark.parametrize("settings", [{"class_weight": "balanced"}, {"bootstrap": False}], ids=str)
@pytest.mark.parametrize("name", ["RandomForestClassifier", "ExtraTreesClassifier"])
def test_a_forest_of_unequal_weights_is_not_portable(name, settings):
    words = "two" if "class_weight" in settings else "two weights"
    case = Case(name, words, tuple({**settings, "max_depth": 3}.items()))
    backend = fit(case)
    with pytest.raises(NotPortable, match="weighted unequally") as refused:
        ADAPTER.export(backend, ROWS[name], case.plain())
    assert "sklearn" in refused.value.hint
    for tree in backend.estimators_:  # the trees are right, each by itself
        leaves = tree.tree_.children_left == -1
        frequencies = tree.tree_.value[leaves, 0]
        np.testing.assert_allclose(1 - (frequencies**2).sum(axis=1), tree.tree_.impurity[leaves], atol=1e-6)
    if not settings.get("bootstrap", True):
        weights = data(words)[4]["sample_weight"]
        for tree in backend.estimators_:
            # oneDAL divides the weights by the largest.
            assert tree.tree_.weighted_n_node_samples[0] == pytest.approx(weights.sum() / weights.max(), rel=1e-4)


def test_a_model_without_support_vectors_is_not_portable():
    case = Case("SVR", "numbers", (("epsilon", 1000.0),))
    with pytest.raises(NotPortable, match="no support vectors"):
        ADAPTER.export(fit(case), ROWS["SVR"], case.plain())


def test_trees_hold_class_frequencies():
    case = Case("RandomForestClassifier", "ten", (("bootstrap", False), ("max_depth", 4)))
    backend = fit(case)
    X, y = data("ten")[:2]
    for tree in backend.estimators_:
        leaves = tree.tree_.apply(X.astype(np.float32))
        for leaf in np.unique(leaves):
            expected = np.bincount(y[leaves == leaf], minlength=10) / (leaves == leaf).sum()
            np.testing.assert_allclose(tree.tree_.value[leaf, 0], expected, atol=1e-12)
        np.testing.assert_allclose(tree.tree_.value[0, 0], np.bincount(y) / len(y), atol=1e-12)


def test_feature_importances_are_those_of_the_engine():
    backend, model = exported(Case("RandomForestClassifier", "ten"))
    np.testing.assert_allclose(model.feature_importances_, backend.feature_importances_, rtol=1e-12)


def test_an_exported_forest_is_fitted_again_as_any_other():
    _, model = exported(Case("RandomForestClassifier", "ten"))
    X, y = data("ten")[:2]
    expected = RandomForestClassifier(n_estimators=8, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), expected.predict_proba(X))


# -- the archive --


@pytest.fixture(scope="module")
def archive():
    backend = fit(Case("RandomForestClassifier", "three", (("max_depth", 2),)))
    return bytes(backend._onedal_estimator._onedal_model.__getstate__())


def test_an_archive_is_read(archive):
    trees = read_forest(archive, 8, 3, 13)
    assert len(trees) == 8
    assert all(tree.n_samples[0] == 118 for tree in trees)


@pytest.mark.parametrize(
    "broken, message",
    [
        (lambda data: data[:-1], "the number of columns at .* found 7"),
        (lambda data: data + b"\0", "expected .* bytes, found"),
        (lambda data: b"X" + data[1:], "the outer mark"),
        (lambda data: data.replace(b"LAAD", b"MAAD"), "the inner mark b'LAAD', found b'MAAD'"),
        (lambda data: data.replace((4000).to_bytes(4, "little"), (4001).to_bytes(4, "little"), 1), "the kind of trees"),
        (lambda data: data[: len(data) // 2], "found"),
        (lambda data: b"", "found 0"),
    ],
)
def test_a_broken_archive_says_what_was_expected(archive, broken, message):
    with pytest.raises(ValueError, match=message):
        read_forest(broken(archive), 8, 3, 13)


def test_an_archive_of_another_forest_is_refused(archive):
    for counts in ((7, 3, 13), (8, 2, 13), (8, 3, 12)):
        with pytest.raises(ValueError, match="archive: expected"):
            read_forest(archive, *counts)


def test_frequencies_of_other_trees_are_refused(archive):
    from accelsk.engines.sklearnex.leaves import fill

    case = Case("RandomForestClassifier", "three", (("max_depth", 2), ("random_state", 1)))
    trees = fit(case).estimators_
    values = trees[0].tree_.value.copy()
    assert "archive: expected" in fill(trees, archive, 3, 13)
    np.testing.assert_array_equal(trees[0].tree_.value, values)


@pytest.mark.parametrize("name", ["RandomForestClassifier", "ExtraTreesRegressor"])
def test_forests_see_what_float32_holds(name):
    case = first_case(name)
    backend, X = fit(case), data(case.data)[0]
    np.testing.assert_array_equal(backend.predict(X), backend.predict(X.astype(np.float32).astype(np.float64)))
    np.testing.assert_array_equal(backend.predict(X), backend.predict(X.astype(np.float32)))
    with pytest.raises(ValueError, match="too large for dtype"):
        backend.predict(np.full_like(X, 1e300))


def test_a_model_that_is_exact_is_predicted_as_scikit_learns():
    X, y = data("three")[:2]
    model = AcceleratedEstimator(LogisticRegression(), engine="sklearnex").fit(X, y)
    by_engine = ADAPTER.home(ADAPTER.call(model._backend, model._route.row, "predict_proba", (X,), {}, HOST))

    for _ in range(8):  # the engine's own model is timed first
        np.testing.assert_allclose(model.predict_proba(X), by_engine, rtol=1e-10)

    assert model.decision_.operations.keys() == {"predict_proba"}
    pipe = AcceleratedPipeline([("pca", PCA(2)), ("clf", LogisticRegression())], engine="sklearnex").fit(X, y)
    expected = pipe.named_steps["clf"].predict_proba(pipe.named_steps["pca"].transform(X))
    np.testing.assert_allclose(pipe.predict_proba(X), expected, rtol=1e-10)
    assert "one product for 'pca', 'clf'" in pipe.decision_["clf"].operations["predict_proba"]
