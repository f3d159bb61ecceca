"""Support vector machines by matrix products: libsvm's numbers, and its own answer where digits would be lost."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.preprocessing import scale
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

from accelsk import AcceleratedEstimator
from accelsk.evaluators import offers

X3, y3 = load_iris(return_X_y=True)
X2, y2 = make_classification(300, 8, random_state=0)
KERNELS = ("rbf", "linear", "poly", "sigmoid")


def made(model):
    (offer,) = offers(model)
    return offer.make()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("cls, X, y", [(SVC, X3, y3), (SVC, X2, y2), (NuSVC, X3, y3)], ids=["three", "two", "nu"])
@pytest.mark.parametrize("shape", ["ovr", "ovo"])
def test_a_classifier_has_the_margins_and_labels_of_libsvm(cls, X, y, kernel, shape):
    X = scale(X)
    model = cls(kernel=kernel, decision_function_shape=shape).fit(X[::2], np.array(list("abc"))[y[::2]])
    ours = made(model)
    for rows in (X, X[:1], X.astype(np.float32)):
        theirs = model.decision_function(rows)
        found = ours["decision_function"](rows)
        assert (found.shape, found.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(found, theirs, rtol=1e-9, atol=1e-9)
        labels = ours["predict"](rows)
        assert labels.dtype == model.predict(rows).dtype
        np.testing.assert_array_equal(labels, model.predict(rows))


def test_many_classes_and_blocks():
    X, y = load_digits(return_X_y=True)
    model = SVC(break_ties=True).fit(X[::2], y[::2])
    np.testing.assert_array_equal(made(model)["predict"](X), model.predict(X))
    np.testing.assert_allclose(made(model)["decision_function"](X), model.decision_function(X), rtol=1e-9, atol=1e-9)
    votes = SVC().fit(X[::2], y[::2])
    np.testing.assert_array_equal(made(votes)["predict"](X), votes.predict(X))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("cls", [SVR, NuSVR])
def test_a_regressor(cls, kernel):
    X = scale(X2)
    model = cls(kernel=kernel).fit(X, X[:, 0] + X[:, 1] ** 2)
    np.testing.assert_allclose(made(model)["predict"](X), model.predict(X), rtol=1e-9, atol=1e-9)


def test_outliers():
    model = OneClassSVM(nu=0.1).fit(X2)
    ours = made(model)
    for method in ("decision_function", "score_samples"):
        np.testing.assert_allclose(ours[method](X2), getattr(model, method)(X2), rtol=1e-9, atol=1e-9)
    assert ours["predict"](X2).dtype == model.predict(X2).dtype
    np.testing.assert_array_equal(ours["predict"](X2), model.predict(X2))


def test_an_offset_costs_no_digits():
    X = X2 + 1e6
    model = SVC().fit(X, y2)
    np.testing.assert_allclose(made(model)["decision_function"](X), model.decision_function(X), rtol=1e-7, atol=1e-7)


def test_where_digits_would_be_lost_libsvm_is_asked():
    model = SVC(gamma=1.0).fit(X2, y2)
    assert made(model)["decision_function"](X2 * 1e6) is None
    assert list(offers(SVC(gamma=1e9).fit(X2, y2))) == []


def test_kernels_that_are_functions_or_matrices_are_not_served():
    assert list(offers(SVC(kernel="precomputed").fit(X2 @ X2.T, y2))) == []
    assert list(offers(SVC(kernel=lambda a, b: a @ b.T).fit(X2, y2))) == []


def test_it_is_taken_by_what_it_saves():
    model = AcceleratedEstimator(SVC(), engine="sklearn").fit(X2, y2)
    model.prepare(batch_sizes=(1, 200))
    np.testing.assert_array_equal(model.predict(X2[:200]), SVC().fit(X2, y2).predict(X2[:200]))
    assert "numpy" in model.decision_.operations["predict"]
