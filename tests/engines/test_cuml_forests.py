"""Forests of cuML as scikit-learn's, without cuML: through Treelite's bytes, which is all that cuML keeps of them."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from cuml_models import exported, held_of
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.ensemble._iforest import _average_path_length

from accelsk.engines.cuml.fitted import ensemble
from accelsk.engines.cuml.room import need_room, of_forest
from accelsk.errors import NotPortable

treelite = pytest.importorskip("treelite", reason="Treelite is not installed")

from treelite.model_builder import (  # noqa: E402
    Metadata,
    ModelBuilder,
    PostProcessorFunc,
    TreeAnnotation,
)

IRIS = load_iris(return_X_y=True)
CANCER = load_breast_cancer(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)


def as_cuml(trees, n_features, n_classes, *, less=False, counts=True, dtype="float32"):
    """Trees as cuML serializes them: level by level, with the number of rows in each node and nothing else of them.

    A tree is (children_left, children_right, feature, threshold, value, rows).
    """
    builder = ModelBuilder(
        threshold_type=dtype,
        leaf_output_type=dtype,
        metadata=Metadata(
            num_feature=n_features,
            task_type="kMultiClf" if n_classes > 1 else "kRegressor",
            average_tree_output=True,
            num_target=1,
            num_class=[n_classes],
            leaf_vector_shape=(1, n_classes),
        ),
        tree_annotation=TreeAnnotation(num_tree=len(trees), target_id=[0] * len(trees), class_id=[-1] * len(trees))
        if n_classes > 1
        else TreeAnnotation(num_tree=len(trees), target_id=[0] * len(trees), class_id=[0] * len(trees)),
        postprocessor=PostProcessorFunc(name="identity_multiclass" if n_classes > 1 else "identity"),
        base_scores=[0.0] * n_classes,
    )
    for left, right, feature, threshold, value, rows in trees:
        builder.start_tree()
        level = [0]
        while level:
            for node in level:
                builder.start_node(int(node))
                if left[node] < 0:
                    builder.leaf(value[node].tolist() if n_classes > 1 else float(value[node, 0]))
                else:
                    builder.numerical_test(
                        feature_id=int(feature[node]),
                        threshold=float(threshold[node]),
                        default_left=True,
                        opname="<" if less else "<=",
                        left_child_key=int(left[node]),
                        right_child_key=int(right[node]),
                    )
                if counts:
                    builder.data_count(int(rows[node]))
                builder.end_node()
            level = [child for node in level if left[node] >= 0 for child in (left[node], right[node])]
        builder.end_tree()
    return builder.commit().serialize_bytes()


def plain_trees(forest):
    for estimator in forest.estimators_:
        tree = estimator.tree_
        yield (
            tree.children_left,
            tree.children_right,
            tree.feature,
            tree.threshold,
            tree.value[:, 0, :],
            tree.n_node_samples,
        )


def model_of(forest, data):
    return {
        "_treelite_model_bytes": data,
        "_n_samples": forest._n_samples,
        "_n_samples_bootstrap": forest._n_samples_bootstrap,
        "n_outputs_": 1,
        **{name: value for name, value in vars(forest).items() if name.startswith("oob_") and name.endswith("_")},
    }


FORESTS = pytest.mark.parametrize(
    "forest, data",
    [
        (RandomForestClassifier(20, random_state=0), IRIS),
        (RandomForestClassifier(20, random_state=0, criterion="entropy", max_depth=4), CANCER),
        (RandomForestClassifier(20, random_state=0, criterion="log_loss", class_weight="balanced"), CANCER),
        (
            RandomForestClassifier(20, random_state=0, bootstrap=False, max_features=None),
            (IRIS[0], IRIS[1].astype(str)),
        ),
        (RandomForestRegressor(20, random_state=0, max_depth=6), DIABETES),
        (RandomForestRegressor(20, random_state=0, criterion="poisson", max_depth=6), DIABETES),
    ],
    ids=lambda value: str(value) if hasattr(value, "fit") else "",
)


@FORESTS
def test_a_forest_predicts_the_same_bits(forest, data):
    X, y = data
    plain = clone(forest).fit(X, y)
    made = exported(forest, model_of(plain, treelite.sklearn.import_model(plain).serialize_bytes()), X, y)
    assert_array_equal(made.predict(X), plain.predict(X))
    assert_array_equal(made.apply(X), plain.apply(X))
    assert (made.decision_path(X)[0] != plain.decision_path(X)[0]).nnz == 0
    if hasattr(plain, "classes_"):
        assert_array_equal(made.predict_proba(X), plain.predict_proba(X))
    # Of inner nodes, values and impurities are computed: Treelite's bytes have neither.
    assert_allclose(made.feature_importances_, plain.feature_importances_, atol=1e-12)
    for ours, theirs in zip(made.estimators_, plain.estimators_, strict=True):
        assert_allclose(ours.tree_.value, theirs.tree_.value, rtol=1e-12)
        assert ours.tree_.max_depth == theirs.tree_.max_depth
        assert ours.tree_.weighted_n_node_samples.tolist() == theirs.tree_.weighted_n_node_samples.tolist()
        assert_array_equal(ours.tree_.missing_go_to_left, theirs.tree_.missing_go_to_left)
        if hasattr(plain, "classes_"):
            assert_allclose(ours.tree_.impurity, theirs.tree_.impurity, atol=1e-12)
        assert _fields(ours) == _fields(theirs)


def _fields(tree):
    """What a tree holds, without what is compared elsewhere and the seed, which there is none of."""
    return {
        name: (type(value), getattr(value, "dtype", None), np.asarray(value).tolist())
        for name, value in vars(tree).items()
        if name not in ("random_state", "tree_")
    }


@pytest.mark.parametrize(
    "forest, data",
    [
        (RandomForestClassifier(8, random_state=0, bootstrap=False), CANCER),
        (RandomForestRegressor(8, random_state=0, bootstrap=False, max_features=0.5, max_depth=6), DIABETES),
        (RandomForestRegressor(8, random_state=0, bootstrap=False, criterion="poisson", max_depth=6), DIABETES),
    ],
    ids=["classes", "squares", "counts"],
)
def test_the_importances_are_those_of_scikit_learn_from_what_cuml_tells(forest, data):
    """In single precision, level by level, with the number of rows and nothing else."""
    X, y = data[0].astype(np.float32), data[1]
    plain = clone(forest).fit(X, y)
    n_classes = getattr(plain, "n_classes_", 1)
    data = as_cuml([*plain_trees(plain)], X.shape[1], n_classes)
    made = exported(forest, model_of(plain, data), X, y, double=False)
    assert_allclose(made.feature_importances_, plain.feature_importances_, atol=1e-5)
    assert made.feature_importances_.sum() == pytest.approx(1)
    if n_classes > 1:
        assert_allclose(made.predict_proba(X), plain.predict_proba(X), atol=1e-6)
        assert_array_equal(made.predict(X), plain.predict(X))
    else:
        assert_allclose(made.predict(X), plain.predict(X), rtol=1e-6)


@pytest.mark.parametrize(
    "forest",
    [RandomForestClassifier(), RandomForestRegressor(), IsolationForest()],
    ids=lambda forest: type(forest).__name__,
)
@pytest.mark.parametrize("method", ["fit", "predict"])
def test_the_library_sees_what_scikit_learns_trees_see(forest, method, monkeypatch):
    monkeypatch.setattr(ensemble, "need_room", lambda needed: None)  # it asks the GPU
    X, y = np.array([[0.1], [0.7]]), np.array([0, 1])  # neither is a number of single precision
    seen = []

    class Library:
        """Keeps what it is given."""

        n_bins, n_streams, max_batch_size = 2, 1, 1

        def fit(self, X, y=None):
            seen.append(X)

        def predict(self, X):
            seen.append(X)

    ensemble.RUNS[type(forest).__name__](held_of(forest, Library(), X, y), method, X, {})
    assert_array_equal(seen[0], X.astype(np.float32))
    # The target of a regression is in the precision of X.
    assert seen[0].dtype == (np.float64 if isinstance(forest, RandomForestRegressor) else np.float32)


#: Rows, columns and streams to the megabytes that a forest of 8 trees took on a GPU at most, of classes and of numbers.
MEASURED = {
    (200_000, 32, 4): (360, 364),
    (200_000, 32, 1): (108, 110),
    (400_000, 32, 4): (397, 401),
    (200_000, 128, 4): (434, 449),
}


@pytest.mark.parametrize("rows, columns, streams", MEASURED)
def test_the_memory_of_a_forest_is_estimated_a_little_above_what_was_measured(rows, columns, streams):
    forest = SimpleNamespace(n_bins=128, n_streams=streams, max_batch_size=4096)
    for n_classes, measured in zip((2, 1), MEASURED[rows, columns, streams], strict=True):
        assert measured < of_forest(forest, (rows, columns), 4, n_classes) / 2**20 < 1.1 * measured


@pytest.mark.parametrize(
    "free, allocator, raises", [(2**30, "Cuda", False), (2**29, "Cuda", True), (0, "Managed", False)]
)
def test_a_forest_without_room_is_not_begun(free, allocator, raises, monkeypatch):
    kinds = {name: type(f"{name}MemoryResource", (), {}) for name in ("Cuda", "Managed")}
    mr = SimpleNamespace(CudaMemoryResource=kinds["Cuda"], get_current_device_resource=kinds[allocator])
    runtime = SimpleNamespace(memGetInfo=lambda: (free, 2**31))
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=SimpleNamespace(runtime=runtime)))
    monkeypatch.setitem(sys.modules, "rmm", SimpleNamespace(mr=mr))
    with pytest.raises(MemoryError, match="takes about 700 MB, and 512 MB are free") if raises else nullcontext():
        need_room(700 * 2**20)


class Bins(BaseEstimator):
    """Of cuML's forests, what is set before a fit."""

    def __init__(self, n_bins=128, random_state=None):
        self.n_bins, self.random_state = n_bins, random_state


def test_a_fit_draws_a_seed_where_none_is_given():
    def seed(random_state):
        forest, library = RandomForestClassifier(random_state=random_state), Bins()
        X, y = np.zeros((50, 2)), np.arange(50) % 2
        ensemble.BEFORE["RandomForestClassifier"](held_of(forest, library, X, y), X, y)
        return library.random_state

    assert seed(7) == seed(np.int64(7)) == 7
    assert seed(np.random.RandomState(7)) == np.random.RandomState(7).randint(np.iinfo(np.int32).max)
    assert len({seed(None) for _ in range(5)}) == 5
    assert type(seed(None)) is int


@pytest.mark.parametrize("forest", [RandomForestClassifier(), RandomForestRegressor()], ids=lambda f: type(f).__name__)
def test_there_are_no_more_bins_than_rows(forest):
    for n_rows, expected in ((50, 50), (500, 128)):
        X, y, library = np.zeros((n_rows, 2)), np.arange(n_rows) % 2, Bins()
        ensemble.BEFORE[type(forest).__name__](held_of(forest, library, X, y), X, y)
        assert library.n_bins == expected


@pytest.mark.parametrize("y", [[-1.0, 2.0], [0.0, 0.0]], ids=["negative", "nothing"])
def test_counts_that_are_none_are_refused_as_by_scikit_learn(y):
    X, y, forest = np.array([[0.1], [0.7]]), np.array(y), RandomForestRegressor(criterion="poisson")
    library = Bins()
    with pytest.raises(ValueError, match="Poisson") as theirs:
        clone(forest).fit(X, y)
    with pytest.raises(ValueError, match="Poisson") as ours:
        ensemble.BEFORE["RandomForestRegressor"](held_of(forest, library, X, y), X, y)
    assert str(ours.value) == str(theirs.value)
    ensemble.BEFORE["RandomForestRegressor"](held_of(RandomForestRegressor(), library, X, y), X, y)


def test_less_than_is_told_from_at_most():
    X = np.array([[0.1], [0.7]], dtype=np.float32)
    stump = [np.array([1, -1, -1]), np.array([2, -1, -1]), np.zeros(3, int), np.array([X[0, 0], 0, 0])]
    trees = [(*stump, np.array([[0.0], [1.0], [2.0]]), np.array([2, 1, 1]))]
    forest = RandomForestRegressor(1, bootstrap=False)
    model = model_of(clone(forest).fit(X, [1, 2]), b"")
    for less, expected in ((False, [1, 2]), (True, [2, 2])):
        made = exported(forest, {**model, "_treelite_model_bytes": as_cuml(trees, 1, 1, less=less)}, X, [1, 2])
        assert made.predict(X).tolist() == expected


@pytest.mark.parametrize(
    "forest, data, name",
    [
        (RandomForestClassifier(50, random_state=0, oob_score=True), CANCER, "oob_decision_function_"),
        (RandomForestRegressor(50, random_state=0, oob_score=True), DIABETES, "oob_prediction_"),
    ],
    ids=["classes", "numbers"],
)
def test_what_was_found_out_of_bag_is_kept(forest, data, name):
    X, y = data
    plain = clone(forest).fit(X, y)
    model = model_of(plain, treelite.sklearn.import_model(plain).serialize_bytes())
    model[name] = model[name].astype(np.float32)
    made = exported(forest, model, X, y)
    assert made.oob_score_ == plain.oob_score_
    assert getattr(made, name).dtype == np.float64
    assert getattr(made, name).shape == getattr(plain, name).shape


def test_a_forest_does_not_tell_of_rows_that_it_did_not_draw():
    X, y = IRIS
    forest = RandomForestClassifier(3, random_state=0)
    plain = clone(forest).fit(X, y)
    made = exported(forest, model_of(plain, treelite.sklearn.import_model(plain).serialize_bytes()), X, y)
    assert not hasattr(made, "estimators_samples_")


def test_without_numbers_of_rows_there_are_no_importances():
    X, y = IRIS[0].astype(np.float32), IRIS[1]
    forest = RandomForestClassifier(3, random_state=0, bootstrap=False)
    plain = clone(forest).fit(X, y)
    made = exported(forest, model_of(plain, as_cuml([*plain_trees(plain)], 4, 3, counts=False)), X, y)
    assert_array_equal(made.predict(X), plain.predict(X))
    assert np.isnan(made.estimators_[0].tree_.impurity[0])


# -- isolation --


def isolation_of(plain, n_features):
    """As cuML keeps it: the columns of X in the splits, `<`, and in each leaf its depth and what its rows would add."""
    trees = []
    for estimator, columns in zip(plain.estimators_, plain.estimators_features_, strict=True):
        tree = estimator.tree_
        value = tree.compute_node_depths() - 1 + _average_path_length(tree.n_node_samples)
        threshold = np.nextafter(tree.threshold.astype(np.float32), np.float32(np.inf))
        trees.append(
            (
                tree.children_left,
                tree.children_right,
                np.where(tree.feature >= 0, columns[tree.feature], -1),
                threshold,
                value[:, None],
                tree.n_node_samples,
            )
        )
    return {
        "_treelite_model_bytes": as_cuml(trees, n_features, 1, less=True, counts=False),
        "_feature_indices": np.array(plain.estimators_features_, dtype=np.int32),
        "max_samples_": plain.max_samples_,
        "offset_": plain.offset_,
    }


ISOLATIONS = pytest.mark.parametrize(
    "forest",
    [
        IsolationForest(n_estimators=20, random_state=0),
        IsolationForest(n_estimators=20, random_state=0, max_features=3, max_samples=0.5, contamination=0.1),
        IsolationForest(n_estimators=5, random_state=0, max_samples=1),
        IsolationForest(n_estimators=5, random_state=0, max_samples=2),
        IsolationForest(n_estimators=10, random_state=0, max_samples=1.0),
    ],
    ids=str,
)


@ISOLATIONS
def test_an_isolation_forest_scores_alike(forest):
    X = np.round(CANCER[0], 1).astype(np.float32)  # with rows that no split tells apart
    plain = clone(forest).fit(X)
    made = exported(forest, isolation_of(plain, X.shape[1]), X)
    assert_allclose(made.score_samples(X), plain.score_samples(X), atol=1e-12)
    assert_array_equal(made.predict(X), plain.predict(X))
    for ours, theirs in zip(made.estimators_, plain.estimators_, strict=True):
        assert_array_equal(ours.tree_.n_node_samples, theirs.tree_.n_node_samples)
        assert_array_equal(ours.tree_.feature, theirs.tree_.feature)
    assert_array_equal(made.estimators_features_, plain.estimators_features_)
    for name in ("max_samples_", "offset_", "_max_features", "_max_samples"):
        assert getattr(made, name) == getattr(plain, name)


def test_an_isolation_forest_of_which_the_leaves_do_not_tell_their_sizes_is_not_exported():
    X = CANCER[0].astype(np.float32)
    plain = IsolationForest(n_estimators=3, random_state=0).fit(X)
    model = isolation_of(plain, X.shape[1])
    model["max_samples_"] = 255
    with pytest.raises(NotPortable, match="sizes of its leaves"):
        exported(IsolationForest(n_estimators=3, random_state=0), model, X)
