"""Support vector machines of cuML as scikit-learn's, without cuML: attributes, the kernel's width, and votes."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from cuml_models import exported, held_of
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.preprocessing import scale
from sklearn.svm import SVC, SVR

from accelsk.engines.cuml.fitted import svm

CANCER = scale(load_breast_cancer().data), load_breast_cancer().target
IRIS = load_iris(return_X_y=True)
DIGITS = load_digits(return_X_y=True)
DIABETES = scale(load_diabetes().data), load_diabetes().target / 100
KINDS = pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix], ids=["dense", "sparse"])


def kept(plain, rows=None):
    """A fitted model of two classes, or of numbers, as cuML keeps it: support vectors in the order of the rows."""
    support = plain.support_ if rows is None else rows[plain.support_]
    order = np.argsort(support)[::-1]
    vectors, coef = plain.support_vectors_, plain.dual_coef_
    coef = coef.toarray() if sp.issparse(coef) else coef
    return SimpleNamespace(
        support_=support[order].astype(np.int64),
        support_vectors_=vectors[order] if vectors.shape[0] else vectors,
        dual_coef_=np.asfortranarray(coef[:, order]),
        intercept_=plain.intercept_.copy(),
        n_support_=len(order),
        shape_fit_=plain.shape_fit_,
        n_iter_=np.array([7], dtype=np.int32),
        _gamma=plain._gamma,
        _sparse=plain._sparse,
        class_weight_=np.ones(2),
    )


def assert_alike(made, plain):
    for name in (
        "support_",
        "support_vectors_",
        "dual_coef_",
        "_dual_coef_",
        "intercept_",
        "_intercept_",
        "_n_support",
        "n_support_",
        "shape_fit_",
        "class_weight_",
        "fit_status_",
        "_gamma",
        "_probA",
        "_probB",
    ):
        ours, theirs = getattr(made, name, None), getattr(plain, name, None)
        assert sp.issparse(ours) == sp.issparse(theirs), name
        if sp.issparse(ours):
            assert_array_equal(ours.indptr, theirs.indptr)
            ours, theirs = ours.toarray(), theirs.toarray()
        if isinstance(theirs, np.ndarray):
            assert ours.dtype == theirs.dtype, name
        assert_allclose(ours, theirs, atol=1e-12, err_msg=name)


@KINDS
@pytest.mark.parametrize("kernel", ["rbf", "linear", "poly"])
def test_a_model_of_two_classes_is_the_one_that_libsvm_would_hold(kernel, kind):
    X, y = kind(CANCER[0]), CANCER[1]
    plain = SVC(kernel=kernel).fit(X, y)
    made = exported(SVC(kernel=kernel), kept(plain), X, y)
    assert_alike(made, plain)
    assert_allclose(made.decision_function(X), plain.decision_function(X), atol=1e-10)
    assert_array_equal(made.predict(X), plain.predict(X))
    if kernel == "linear" and kind is np.asarray:
        assert_allclose(made.coef_, plain.coef_)


def test_a_precomputed_kernel_has_no_support_vectors():
    X, y = CANCER
    gram = X @ X.T
    plain = SVC(kernel="precomputed").fit(gram, y)
    model = kept(plain)
    model.support_vectors_ = np.empty((0, 0), dtype=np.float32)
    made = exported(SVC(kernel="precomputed"), model, gram, y)
    assert_alike(made, plain)
    assert_allclose(made.decision_function(gram), plain.decision_function(gram), atol=1e-10)


@KINDS
def test_a_regression_is_the_one_that_libsvm_would_hold(kind):
    X, y = kind(DIABETES[0]), DIABETES[1]
    plain = SVR().fit(X, y)
    made = exported(SVR(), kept(plain), X, y)
    assert_allclose(made.predict(X), plain.predict(X), atol=1e-10)
    assert_array_equal(made.support_, plain.support_)
    assert_array_equal(made.n_support_, plain.n_support_)


def test_a_regression_without_support_vectors_predicts_its_constant():
    X, y = DIABETES
    plain = SVR(epsilon=100).fit(X, y)
    assert len(plain.support_) == 0
    model = kept(plain)
    model.support_vectors_ = np.empty((0, 0))  # as cuML has it
    made = exported(SVR(epsilon=100), model, X, y)
    assert_allclose(made.predict(X), plain.predict(X))


# -- several classes --


def of_pairs(estimator, X, y):
    """What cuML holds of several classes: a model for each pair, of the rows of these; the second class is positive."""
    codes = np.unique(y, return_inverse=True)[1]
    models = []
    for i, j in combinations(range(codes.max() + 1), 2):
        rows = np.flatnonzero((codes == i) | (codes == j))
        plain = SVC(**{**estimator.get_params(), "break_ties": False}).fit(X[rows], (codes[rows] == j).astype(int))
        model = kept(plain, rows)
        model.decision_function = plain.decision_function
        models.append(model)
    return SimpleNamespace(
        _multiclass=SimpleNamespace(multiclass_estimator=SimpleNamespace(estimators_=models)),
        class_weight_=np.ones(codes.max() + 1),
        shape_fit_=X.shape,
        n_iter_=np.full(len(models), 7),
    )


SEVERAL = pytest.mark.parametrize(
    "X, y", [IRIS, (DIGITS[0][:600], DIGITS[1][:600].astype(str))], ids=["iris", "digits"]
)


@KINDS
@SEVERAL
def test_models_of_pairs_become_one_of_libsvm(X, y, kind):
    estimator = SVC(gamma=1 / X.shape[1] / X.var(), tol=1e-10)
    X = kind(X)
    plain = estimator.fit(X, y)
    made = exported(estimator, of_pairs(estimator, X, y), X, y)
    assert_alike_within(made, plain)
    assert_array_equal(made.predict(X), plain.predict(X))
    for shape in ("ovo", "ovr"):
        made.decision_function_shape = plain.decision_function_shape = shape
        assert_allclose(made.decision_function(X), plain.decision_function(X), atol=1e-6)


def assert_alike_within(made, plain):
    """libsvm itself solves the problem of each pair; rows that hardly count may be support vectors or not."""
    ours, theirs = (np.zeros((m.dual_coef_.shape[0], m.shape_fit_[0])) for m in (made, plain))
    for full, model in ((ours, made), (theirs, plain)):
        coef = model.dual_coef_.toarray() if sp.issparse(model.dual_coef_) else model.dual_coef_
        full[:, model.support_] = coef
    assert_allclose(ours, theirs, atol=1e-6)
    assert_allclose(made.intercept_, plain.intercept_, atol=1e-6)
    assert made.n_support_.sum() == len(made.support_)
    assert made.n_support_.dtype == plain.n_support_.dtype


@SEVERAL
@pytest.mark.parametrize("shape, ties", [("ovr", False), ("ovr", True), ("ovo", False)])
def test_classes_are_voted_for_as_libsvm_does(X, y, shape, ties):
    estimator = SVC(gamma=1 / X.shape[1] / X.var(), C=0.01, decision_function_shape=shape, break_ties=ties, tol=1e-10)
    plain = SVC(**estimator.get_params()).fit(X, y)
    held = held_of(estimator, of_pairs(estimator, X, y), X, y)
    run = svm.RUNS["SVC"]
    assert_array_equal(held.labels[run(held, "predict", X, {})], plain.predict(X))
    assert_allclose(run(held, "decision_function", X, {}), plain.decision_function(X), atol=1e-6)


def test_of_as_many_votes_the_first_class_has_it():
    # 0 beats 1, 1 beats 2, 2 beats 0: the last has the largest margin, and the first the vote
    assert svm._votes(np.array([[0.1, -5.0, 0.1]]), 3).tolist() == [0]


@pytest.mark.parametrize(
    "X",
    [IRIS[0], IRIS[0].astype(np.float32), sp.csr_matrix(DIGITS[0]), np.ones((20, 3)), sp.csr_matrix(np.ones((20, 3)))],
    ids=["double", "single", "sparse", "constant", "sparse constant"],
)
@pytest.mark.parametrize("gamma", ["scale", "auto"])
def test_the_kernel_is_as_wide_as_scikit_learns(X, gamma):
    y = np.arange(X.shape[0]) % 3
    model = SVC(gamma=gamma)
    svm.BEFORE["SVC"](held_of(SVC(gamma=gamma), model, X, y), X, y)
    plain = SVC(gamma=gamma).fit(X, y)
    assert_allclose(model.gamma if gamma == "scale" else plain._gamma, plain._gamma, rtol=1e-6)
    assert (model.gamma == "auto") == (gamma == "auto")
