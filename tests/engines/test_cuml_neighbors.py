"""Neighbours and densities of cuML as scikit-learn's, without cuML: it keeps the rows, in single precision."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from cuml_models import exported
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_diabetes, load_iris
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors

IRIS = load_iris(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
METRICS = pytest.mark.parametrize(
    "metric",
    [
        {},
        {"p": 1},
        {"p": 3},
        {"p": np.inf},
        {"metric": "euclidean"},
        {"metric": "l1"},
        {"metric": "cosine"},
        {"metric": "sqeuclidean"},
        {"metric": "canberra"},
    ],
    ids=str,
)


def rows_of(X):
    return X.astype(np.float32)


@METRICS
def test_the_neighbours_are_found_again(metric):
    X = IRIS[0] + np.random.default_rng(0).normal(scale=1e-2, size=IRIS[0].shape)  # without ties
    plain = NearestNeighbors(**metric).fit(X)
    made = exported(NearestNeighbors(**metric), {"_fit_X": rows_of(X)}, X)
    assert_array_equal(made.kneighbors(X, return_distance=False), plain.kneighbors(X, return_distance=False))
    # cosine loses half of the digits near 0
    assert_allclose(made.kneighbors(X + 0.3)[0], plain.kneighbors(X + 0.3)[0], rtol=1e-3, atol=1e-6)
    assert made.effective_metric_ == plain.effective_metric_
    assert made.effective_metric_params_.get("p") == plain.effective_metric_params_.get("p")
    assert made.n_samples_fit_ == plain.n_samples_fit_
    near = made.radius_neighbors(X, radius=0.05, return_distance=False)
    assert [set(some) for some in near] == [set(some) for some in plain.radius_neighbors(X, 0.05, False)]


def test_the_rows_have_the_precision_of_the_users():
    X = IRIS[0]
    for double, dtype in ((True, np.float64), (False, np.float32)):
        made = exported(NearestNeighbors(), {"_fit_X": rows_of(X)}, X, double=double)
        assert made._fit_X.dtype == dtype


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("labels", [IRIS[1], np.array(["a", "b", "c"])[IRIS[1]]], ids=["numbers", "names"])
def test_neighbours_vote_for_the_same_class(kind, weights, labels):
    X = kind(IRIS[0].astype(np.float32).astype(np.float64))
    plain = KNeighborsClassifier(weights=weights, algorithm="brute").fit(X, labels)
    codes = np.unique(labels, return_inverse=True)[1].astype(np.int32)
    made = exported(KNeighborsClassifier(weights=weights), {"_fit_X": rows_of(X), "_y": codes}, X, labels)
    assert_array_equal(made.predict(X), plain.predict(X))
    assert_allclose(made.predict_proba(X), plain.predict_proba(X), atol=1e-12)
    assert made._y.dtype == plain._y.dtype
    assert made.outputs_2d_ is False


@pytest.mark.parametrize("columns", [None, 1, 2])
def test_neighbours_agree_on_a_number(columns):
    X = DIABETES[0]
    y = DIABETES[1] if columns is None else np.column_stack([DIABETES[1]] * columns)
    plain = KNeighborsRegressor(weights="distance").fit(X, y)
    kept = np.asfortranarray(y.ravel() if columns == 1 else y)
    made = exported(KNeighborsRegressor(weights="distance"), {"_fit_X": rows_of(X), "_y": kept}, X, y)
    query = X[:50] + 0.01
    assert made.predict(query).shape == plain.predict(query).shape
    assert_allclose(made.predict(query), plain.predict(query), rtol=1e-3)


@pytest.mark.parametrize("weighted", [False, True], ids=["alike", "weighted"])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"bandwidth": "scott"},
        {"kernel": "tophat", "metric": "manhattan"},
        {"kernel": "epanechnikov", "metric": "minkowski", "metric_params": {"p": 3}},
        {"algorithm": "ball_tree", "metric": "canberra"},
    ],
    ids=str,
)
def test_a_density_is_the_one_of_its_rows(given, weighted):
    X = IRIS[0]
    weights = np.random.default_rng(0).uniform(1, 2, len(X)) if weighted else None
    plain = KernelDensity(**given).fit(X, sample_weight=weights)
    made = exported(KernelDensity(**given), {"_X": X, "_sample_weight": weights}, X)
    assert_allclose(made.score_samples(X + 0.1), plain.score_samples(X + 0.1))
    assert made.bandwidth_ == plain.bandwidth_
    if given.get("kernel", "gaussian") in ("gaussian", "tophat"):
        assert_allclose(made.sample(3, random_state=0), plain.sample(3, random_state=0))
