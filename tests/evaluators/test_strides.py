"""One row walked down all trees three levels at a time: the leaves that going step by step leads to."""

import warnings

import numpy as np
import pytest

from accelsk.evaluators import grove
from accelsk.evaluators.grove import Branches, Grove, added, cost, in_single, rounded_down
from accelsk.evaluators.strides import Strides


def grown(rng, n_columns, most):
    """The nodes of a tree of any shape, in any order but for the root: up to `most` splits, in bushes and in chains."""
    left, right, leaves = [-1], [-1], [0]
    bushy = rng.random()
    for _ in range(rng.integers(0, most + 1)):
        at = leaves.pop(rng.integers(len(leaves)) if rng.random() < bushy else -1)
        left[at], right[at] = len(left), len(left) + 1
        if rng.random() < 0.5:
            left[at], right[at] = right[at], left[at]
        leaves += [len(left), len(left) + 1]
        left += [-1, -1]
        right += [-1, -1]
    n_nodes = len(left)
    values = np.round(rng.standard_normal(n_nodes), 1)  # so that rows are at thresholds
    return left, right, rng.integers(0, n_columns, n_nodes), values, rng.random(n_nodes) < 0.5


def ensemble(rng, n_trees, n_columns, most=40):
    trees = [grown(rng, n_columns, most) for _ in range(n_trees)]
    sizes = [len(tree[0]) for tree in trees]
    joined = [np.concatenate(part) for part in zip(*trees, strict=True)]
    return Branches(sizes, *joined, np.arange(sum(sizes)))


def walked(branches, row, dtype):
    """Where a row comes to in each tree, step by step."""
    found, root = [], 0
    thresholds = rounded_down(branches.threshold, dtype)
    for size in branches.sizes:
        at = 0
        while branches.left[root + at] != branches.right[root + at]:
            node = root + at
            value = row[branches.feature[node]]
            right = branches.missing_right[node] if np.isnan(value) else value > thresholds[node]
            at = (branches.right if right else branches.left)[node]
        found.append(root + at)
        root += size
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(20))
def test_any_trees_and_any_row(seed, dtype):
    rng = np.random.default_rng(seed)
    n_columns = int(rng.integers(1, 8))
    branches = ensemble(rng, int(rng.integers(1, 30)), n_columns)
    trees = Grove(branches, dtype)
    X = np.round(rng.standard_normal((30, n_columns)), 1).astype(dtype)
    X[10:][rng.random((20, n_columns)) < 0.3] = np.nan
    X[20:][rng.random((10, n_columns)) < 0.2] = np.inf
    X[20:][rng.random((10, n_columns)) < 0.2] = -np.inf

    level_by_level = trees(X)

    for at, row in enumerate(X):
        found = trees(row[None])
        assert found.shape == (len(branches.sizes), 1)
        assert found[:, 0].tolist() == level_by_level[:, at].tolist() == walked(branches, row, dtype)


@pytest.mark.parametrize("n_splits", [0, 1, 2, 3, 4, 7, 50])
def test_a_chain_of_splits(n_splits):
    left, right = np.full(2 * n_splits + 1, -1), np.full(2 * n_splits + 1, -1)
    left[: 2 * n_splits : 2] = np.arange(1, 2 * n_splits, 2)
    right[: 2 * n_splits : 2] = np.arange(2, 2 * n_splits + 1, 2)
    threshold = np.arange(len(left)) / 2.0
    nothing = np.zeros(len(left), dtype=int)
    branches = Branches((len(left),), left, right, nothing, threshold, nothing.astype(bool), np.arange(len(left)))
    trees = Grove(branches, np.float32)

    for value in np.arange(-1, n_splits + 1, 0.5, dtype=np.float32):
        row = np.array([[value]])
        assert trees(row)[0, 0] == walked(branches, row[0], np.float32)[0]


def test_more_columns_than_short_numbers_count():
    rng = np.random.default_rng(0)
    branches = ensemble(rng, 10, 100_000)
    row = rng.standard_normal((1, 100_000)).astype(np.float32)

    assert Grove(branches, np.float32)(row)[:, 0].tolist() == walked(branches, row[0], np.float32)


def test_more_places_than_are_filled_in_at_a_time():
    rng = np.random.default_rng(0)
    branches = ensemble(rng, 100, 5, most=400)
    trees = Grove(branches, np.float32)
    X = rng.standard_normal((20, 5)).astype(np.float32)

    assert sum(branches.sizes) > 2**14
    assert np.array_equal(np.column_stack([trees(row[None])[:, 0] for row in X]), trees(X))


def test_a_single_row_takes_strides_unless_there_are_too_many_nodes(monkeypatch):
    made = []

    class Seen(Strides):
        def __init__(self, *args):
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(grove, "Strides", Seen)
    rng = np.random.default_rng(0)
    branches = ensemble(rng, 20, 3)
    trees, X = Grove(branches, np.float32), rng.standard_normal((2, 3)).astype(np.float32)
    expected = trees(X)

    assert not made
    assert np.array_equal(trees(X[:1]), expected[:, :1])
    assert np.array_equal(trees(X[1:]), expected[:, 1:])
    assert len(made) == 1
    n_nodes = len(branches.left)
    one, two = map(cost(20, n_nodes)[0], (1, 2))
    monkeypatch.setattr(grove, "_LARGE", n_nodes - 1)
    assert one < cost(20, n_nodes)[0](1)
    assert two == cost(20, n_nodes)[0](2)
    assert np.array_equal(Grove(branches, np.float32)(X[:1]), expected[:, :1])
    assert len(made) == 1


@pytest.mark.parametrize("n_values", [1, 2, 3, 4, 20])
@pytest.mark.parametrize("n_rows", [1, 2])
def test_sums_are_made_one_after_the_other(n_values, n_rows):
    found = np.random.default_rng(0).standard_normal((300, n_rows, n_values)) ** 7
    expected = np.zeros((n_rows, n_values))
    for each in found:
        expected = expected + each

    assert np.array_equal(added(found), expected)


@pytest.mark.parametrize("largest", [1.0, 9e37, 3.4028235e38, 3.4028235677973366e38, 1e39, 1e200, np.inf])
def test_single_precision_holds_what_the_model_is_not_to_refuse(largest):
    X = np.array([[0.1, -largest, 2.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = in_single(X, nan=False)
        X[0, 0] = np.nan
        missing = in_single(X, nan=True)
        refused = in_single(X, nan=False)

    with np.errstate(over="ignore"):
        expected = X.astype(np.float32)
    assert refused is None
    if largest < 3.4028235677973366e38:  # half a unit in the last place above the largest one
        assert found[0, 1:].tolist() == expected[0, 1:].tolist()
        assert np.array_equal(missing, expected, equal_nan=True)
    else:
        assert found is None
        assert missing is None
