"""Linear models of cuML as scikit-learn's, without cuML: attributes, and weights of rows and classes."""

from __future__ import annotations

import numpy as np
import pytest
from cuml_models import exported, held_of
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.preprocessing import scale
from sklearn.svm import LinearSVC, LinearSVR

from accelsk.engines.cuml.fitted import linear_model, svm
from accelsk.engines.cuml.table import linear_model as table
from accelsk.engines.cuml.weights import with_mean_one
from accelsk.facts import Facts

DIABETES = load_diabetes(return_X_y=True)
IRIS = load_iris(return_X_y=True)
CANCER = scale(load_breast_cancer().data[:, :8]), load_breast_cancer().target


def single(value):
    """As the GPU has it."""
    return np.float32(value) if np.ndim(value) == 0 else np.asfortranarray(value, dtype=np.float32)


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("cls", [LinearRegression, Ridge])
def test_least_squares_predict_as_the_library_does(cls, targets):
    X, y = DIABETES
    y = y if targets == 1 else np.column_stack([y, -y, y**2])
    plain = cls().fit(X, y)
    model = {"coef_": single(plain.coef_), "intercept_": single(plain.intercept_), "n_iter_": None, "solver_": "eig"}
    made = exported(cls(), model, X, y)
    assert_allclose(made.predict(X), plain.predict(X), rtol=1e-5)
    assert made.coef_.flags["C_CONTIGUOUS"]
    assert np.shape(made.intercept_) == np.shape(plain.intercept_)


def test_without_an_intercept_it_is_a_plain_zero():
    X, y = DIABETES
    plain = Lasso(fit_intercept=False).fit(X, y)
    # cuML's descent returns what was in its memory
    made = exported(Lasso(fit_intercept=False), {"coef_": plain.coef_, "intercept_": 7.0, "n_iter_": 5}, X, y)
    assert made.intercept_ == 0.0
    assert_allclose(made.predict(X), plain.predict(X))


def test_a_penalized_model_has_scikit_learns_attributes():
    X, y = DIABETES
    plain = ElasticNet(alpha=0.01).fit(X, y)
    model = {"coef_": single(plain.coef_), "intercept_": float(plain.intercept_), "n_iter_": np.int32(9)}
    made = exported(ElasticNet(alpha=0.01), model, X, y, double=False)
    assert made.n_iter_ == 9
    assert type(made.n_iter_) is int
    assert made.intercept_.dtype == made.coef_.dtype == np.float32
    assert_allclose(made.predict(X), plain.predict(X), rtol=1e-4)
    assert_allclose(made.sparse_coef_.toarray().ravel(), plain.coef_, rtol=1e-5)


@pytest.mark.parametrize(
    "solver, theirs, ours",
    [("auto", "eig", "cholesky"), ("auto", "svd", "cholesky"), ("auto", "lsmr", "sparse_cg"), ("lsqr", "lsmr", "lsqr")],
)
def test_a_solver_has_the_name_that_scikit_learn_gives_it(solver, theirs, ours):
    X, y = DIABETES
    n_iter = [3] if theirs == "lsmr" else None
    model = {"coef_": np.zeros(X.shape[1]), "intercept_": 0.0, "n_iter_": n_iter, "solver_": theirs}
    made = exported(Ridge(solver=solver), model, X, y)
    assert made.solver_ == ours
    assert made.n_iter_ is None if ours != "lsqr" else made.n_iter_.tolist() == n_iter


@pytest.mark.parametrize("X, y", [CANCER, IRIS], ids=["two classes", "three classes"])
def test_a_logistic_regression_predicts_as_the_library_does(X, y):
    plain = LogisticRegression(max_iter=1000).fit(X, y)
    model = {
        "coef_": single(plain.coef_.T).T,
        "intercept_": single(plain.intercept_),
        "n_iter_": np.asarray([12]),
    }
    made = exported(LogisticRegression(max_iter=1000), model, X, y)
    assert_allclose(made.predict_proba(X), plain.predict_proba(X), atol=1e-5)
    assert made.n_iter_.dtype == plain.n_iter_.dtype
    assert made.coef_.shape == plain.coef_.shape
    assert made.coef_.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("X, y", [CANCER, IRIS], ids=["two classes", "three classes"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_linear_classifier_predicts_as_the_library_does(X, y, fit_intercept):
    estimator = LinearSVC(fit_intercept=fit_intercept, max_iter=10_000)
    plain = estimator.fit(X, y)
    intercept = single(plain.intercept_) if fit_intercept else 0.0
    made = exported(estimator, {"coef_": single(plain.coef_), "intercept_": intercept, "n_iter_": 12}, X, y)
    assert_allclose(made.decision_function(X), plain.decision_function(X), atol=1e-4)
    assert made.coef_.dtype == np.float64
    assert np.shape(made.intercept_) == np.shape(plain.intercept_)


def test_a_linear_regressor_predicts_as_the_library_does():
    X, y = scale(DIABETES[0]), DIABETES[1] / 100
    plain = LinearSVR(max_iter=10_000).fit(X, y)
    model = {"coef_": single(plain.coef_), "intercept_": single(plain.intercept_), "n_iter_": 12}
    made = exported(LinearSVR(), model, X, y)
    assert_allclose(made.predict(X), plain.predict(X), atol=1e-5)
    assert np.shape(made.intercept_) == (1,)


@pytest.mark.parametrize("estimator", [Ridge(), Lasso(), ElasticNet()], ids=lambda value: type(value).__name__)
def test_a_target_of_one_column_gives_predictions_of_one_dimension(estimator):
    X, y = DIABETES
    plain = estimator.fit(X, y[:, None])
    held = held_of(estimator, Ridge(), X, y[:, None])
    linear_model.BEFORE[type(estimator).__name__](held, X, y[:, None])
    assert held.y_ndim == plain.predict(X).ndim == 1
    linear_model.BEFORE[type(estimator).__name__](held, X, np.column_stack([y, y]))
    if type(estimator) is not Ridge:
        model = Lasso()
        linear_model.RUNS["Lasso"](held_of(Lasso(), model, X, y), "fit", X, {"y": y[:, None]})
        assert model.intercept_.shape == ()


# -- what the rows state of liblinear --


@pytest.mark.parametrize("strength", [0.01, 1.0])
def test_the_penalty_of_liblinear_is_on_the_intercept_too(strength):
    X, y = CANCER
    plain = LinearSVC(C=strength, tol=1e-8, max_iter=100_000).fit(X, y)
    signs = 2 * y - 1
    slack = np.maximum(0, 1 - signs * plain.decision_function(X))
    weights = np.append(plain.coef_, plain.intercept_)
    gradient = weights - 2 * strength * (slack * signs) @ np.column_stack([X, np.ones(len(X))])
    assert_allclose(gradient, 0, atol=1e-4 * strength * len(X))
    assert abs(weights[-1]) > 100 * abs(gradient[-1])


def test_the_penalty_of_a_linear_regressor_is_squared_whatever_the_loss():
    X, y = scale(DIABETES[0]), DIABETES[1] / 100

    def objective(weights):
        residuals = np.abs(y - np.column_stack([X, np.ones(len(X))]) @ weights)
        return 0.5 * weights @ weights + 0.01 * residuals.sum()

    plain = LinearSVR(C=0.01, tol=1e-8, max_iter=1_000_000).fit(X, y)
    best = np.append(plain.coef_, plain.intercept_)
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert objective(best) <= objective(best + 1e-3 * rng.normal(size=len(best)))


# -- weights --

WEIGHTS = np.random.default_rng(0).uniform(0.5, 4, len(CANCER[1]))


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 1, 1: 5}])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["rows alike", "weights of rows"])
@pytest.mark.parametrize("cls", [LogisticRegression, LinearSVC])
def test_weights_with_mean_one_are_the_same_problem(cls, class_weight, weights):
    X, y = CANCER
    plain = cls(C=0.1, class_weight=class_weight, tol=1e-9, max_iter=100_000).fit(X, y, sample_weight=weights)
    # The library's model is one of scikit-learn's here: it is told the same.
    user = cls(C=0.1, class_weight=class_weight, tol=1e-9, max_iter=100_000)
    model = cls(**user.get_params())
    runs = {**linear_model.RUNS, **svm.RUNS}
    given = {"y": y} if weights is None else {"y": y, "sample_weight": weights}
    held = held_of(user, model, X, y)
    runs[cls.__name__](held, "fit", X, given)
    assert_allclose(model.coef_, plain.coef_, rtol=1e-4, atol=1e-6)
    if class_weight is not None:
        assert model.class_weight is None
    assert held.stem.get_params() == user.get_params()


def test_weights_of_a_penalized_model_are_divided_by_their_mean():
    X, y = DIABETES
    weights = WEIGHTS[: len(y)]
    model = Lasso(alpha=0.1)
    linear_model.RUNS["Lasso"](held_of(Lasso(alpha=0.1), model, X, y), "fit", X, {"y": y, "sample_weight": weights})
    assert_allclose(model.coef_, Lasso(alpha=0.1).fit(X, y, sample_weight=weights).coef_, rtol=1e-6)
    assert with_mean_one(y, None, weights)[0].mean() == pytest.approx(1)


@pytest.mark.parametrize("classes, ways", [(2, 3), (3, 1)])
def test_weights_of_more_than_two_classes_are_refused(classes, ways):
    X, y = np.eye(6), np.arange(6) % classes
    row = next(row for row in table.ROWS if row.name == "LogisticRegression")
    weighted = [
        ({"class_weight": None}, {}),
        ({"class_weight": "balanced"}, {}),
        ({"class_weight": None}, {"sample_weight": np.arange(6) + 1.0}),
    ]
    met = [all(need.test(Facts(X, y, given), params) for need in row.fit.needs) for params, given in weighted]
    assert met == [True] * ways + [False] * (3 - ways)


@pytest.mark.parametrize("sparse, tol", [(True, 1e-4), (False, 1e-3)])
@pytest.mark.parametrize("cls", [ElasticNet, Lasso])
def test_descent_on_sparse_data_has_scikit_learns_tolerance(cls, sparse, tol):
    X, y = np.eye(4), np.arange(4.0)
    held = held_of(cls(), cls(tol=1e-3), X, y)
    held.notes["sparse"] = sparse
    linear_model.BEFORE[cls.__name__](held, X, y)
    assert held.model.tol == tol


def test_probabilities_of_single_precision_stay_in_it():
    X, y = np.eye(2), np.array([0, 1])
    for double, dtype in ((False, np.float32), (True, np.float64)):
        held = held_of(LogisticRegression(), None, X, y, double=double)
        assert linear_model.ANSWERS["LogisticRegression"](held, "predict_proba", X).dtype == dtype


def test_a_fit_without_weights_is_passed_on_as_it_is():
    X, y = CANCER
    model = LogisticRegression(C=0.5)
    linear_model.RUNS["LogisticRegression"](held_of(model, model, X, y), "fit", X, {"y": y})
    assert model.C == 0.5
    assert_allclose(model.coef_, LogisticRegression(C=0.5).fit(X, y).coef_)
