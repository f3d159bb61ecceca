"""What rows of cuML refuse or correct, where it would compute another result than scikit-learn's without a word."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
import sklearn
from packaging.version import Version
from sklearn.ensemble import IsolationForest, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, NearestNeighbors
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR

from accelsk.engines.cuml.table import ensemble, linear_model, neighbors, svm
from accelsk.engines.translate import check_total, translate
from accelsk.facts import Facts

ROWS = {row.name: row for module in (linear_model, svm, ensemble, neighbors) for row in module.ROWS}
EIGHTEEN = Version(sklearn.__version__) >= Version("1.8.dev0")
needs_18 = pytest.mark.skipif(not EIGHTEEN, reason="l1_ratio alone decides from scikit-learn 1.8 on")


def keywords(estimator):
    made, refusals = translate(ROWS[type(estimator).__name__], estimator.get_params(deep=False))
    assert refusals == ()
    return made


def refused(estimator):
    return [refusal.parameter for refusal in translate(ROWS[type(estimator).__name__], estimator.get_params())[1]]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_decides_every_parameter_and_takes_the_defaults(name):
    module, _, _ = ROWS[name].estimator.rpartition(".")
    cls = getattr(import_module(module), name)
    assert check_total(ROWS[name], cls) == ()
    keywords(cls())


def test_rows_are_read_without_the_library():
    modules = ", ".join(
        f"accelsk.engines.cuml.table.{name}" for name in ("ensemble", "linear_model", "neighbors", "svm")
    )
    code = f"import sys, {modules}; print({{'cuml', 'cupy', 'treelite'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# -- corrected --


def test_the_tolerance_of_descent_has_another_scale():
    assert keywords(Lasso(tol=1e-3))["tol"] == pytest.approx(1e-2)
    assert keywords(ElasticNet())["tol"] == pytest.approx(1e-3)


def test_the_squared_hinge_has_twice_the_weight():
    assert keywords(LinearSVC(C=0.3))["C"] == 0.6
    assert keywords(LinearSVC(C=0.3, loss="hinge"))["C"] == 0.3
    assert keywords(LinearSVR(C=0.3, loss="squared_epsilon_insensitive"))["C"] == 0.3


@pytest.mark.parametrize("name", ["LinearSVC", "LinearSVR"])
def test_linear_machines_are_solved_more_exactly(name):
    cls = {"LinearSVC": LinearSVC, "LinearSVR": LinearSVR}[name]
    assert keywords(cls(tol=1e-3))["tol"] == pytest.approx(1e-5)


def test_iterations_are_as_many_as_scikit_learn_says():
    assert keywords(LogisticRegression())["max_iter"] == 100


@needs_18
def test_a_penalty_is_told_by_l1_ratio():
    def penalty(**given):
        made = keywords(LogisticRegression(solver="saga", **given))
        return made["penalty"], made["C"], made["l1_ratio"]

    assert penalty(C=0.5) == ("l2", 0.5, None)
    assert penalty(C=0.5, l1_ratio=1) == ("l1", 0.5, None)
    assert penalty(C=0.5, l1_ratio=0.25) == ("elasticnet", 0.5, 0.25)
    assert penalty(C=np.inf, l1_ratio=0.25) == (None, 1.0, None)


def test_a_penalty_is_told_by_its_name():
    def penalty(name, **given):
        made = keywords(LogisticRegression(penalty=name, solver="saga", **given))
        return made["penalty"], made["l1_ratio"]

    assert penalty("l1") == ("l1", None)
    assert penalty("l2") == ("l2", None)
    assert penalty("elasticnet", l1_ratio=0.25) == ("elasticnet", 0.25)
    assert penalty(None) == (None, None)


def test_the_intercept_of_a_linear_machine_is_penalized_as_by_liblinear():
    assert keywords(LinearSVC())["penalized_intercept"] is True
    assert keywords(LinearSVR())["penalized_intercept"] is True
    assert keywords(LinearSVR(loss="epsilon_insensitive"))["penalty"] == "l2"


def test_the_entropy_has_two_names():
    assert keywords(RandomForestClassifier(criterion="log_loss"))["split_criterion"] == "entropy"


def test_numbers_of_numpy_become_pythons():
    made = keywords(RandomForestClassifier(max_depth=np.int64(3), min_samples_leaf=np.int32(2)))
    assert type(made["max_depth"]) is type(made["min_samples_leaf"]) is int


def test_pairs_of_classes_are_what_libsvm_fits():
    assert keywords(SVC(decision_function_shape="ovr"))["decision_function_shape"] == "ovo"


# -- refused --


@pytest.mark.parametrize(
    "estimator, parameter",
    [
        (Lasso(positive=True), "positive"),
        (Lasso(warm_start=True), "warm_start"),
        (Lasso(precompute=np.eye(2)), "precompute"),
        (LinearRegression(positive=True), "positive"),
        (Ridge(positive=True), "positive"),
        (Ridge(solver="lbfgs"), "solver"),
        (LogisticRegression(solver="liblinear"), "C"),  # judged together
        (LogisticRegression(dual=True), "dual"),
        (LogisticRegression(warm_start=True), "warm_start"),
        (LinearSVC(intercept_scaling=2), "intercept_scaling"),
        (LinearSVC(multi_class="crammer_singer"), "multi_class"),
        (LinearSVC(penalty="l1", dual=True), "dual"),
        (LinearSVC(loss="hinge", dual=False), "dual"),
        (LinearSVR(dual=False), "dual"),
        (SVC(kernel="sigmoid"), "kernel"),
        (SVC(kernel=np.dot), "kernel"),
        (SVC(probability=True), "probability"),
        (SVC(break_ties=True, decision_function_shape="ovo"), "break_ties"),
        (SVR(kernel="sigmoid"), "kernel"),
        (RandomForestClassifier(max_leaf_nodes=10), "max_leaf_nodes"),
        (RandomForestClassifier(min_impurity_decrease=0.1), "min_impurity_decrease"),
        (RandomForestClassifier(class_weight="balanced_subsample"), "class_weight"),
        (RandomForestClassifier(max_samples=10), "bootstrap"),
        (RandomForestClassifier(max_samples=np.int64(10)), "bootstrap"),
        (RandomForestClassifier(max_samples=0.5, bootstrap=False), "bootstrap"),
        (RandomForestClassifier(ccp_alpha=0.1), "ccp_alpha"),
        (RandomForestClassifier(oob_score=print), "oob_score"),
        (RandomForestRegressor(criterion="absolute_error"), "criterion"),
        (RandomForestRegressor(monotonic_cst=[1]), "monotonic_cst"),
        (IsolationForest(warm_start=True), "warm_start"),
        (NearestNeighbors(metric="haversine"), "algorithm"),  # judged together
        (NearestNeighbors(metric_params={"w": [1, 2]}), "algorithm"),
        (NearestNeighbors(metric="cosine", algorithm="kd_tree"), "algorithm"),
        (NearestNeighbors(p=0.5), "algorithm"),
        (KNeighborsClassifier(weights=np.abs), "weights"),
        (KernelDensity(metric="haversine"), "algorithm"),
        (KernelDensity(metric="canberra", algorithm="kd_tree"), "algorithm"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else value,
)
def test_what_would_change_the_result_is_refused(estimator, parameter):
    assert refused(estimator) == [parameter]


def need(name, text):
    (found,) = [need for need in ROWS[name].fit.needs if text in need.text]
    return found


def test_dependent_columns_are_refused_where_nothing_is_penalized():
    X = np.random.default_rng(0).normal(size=(50, 3))
    twice = np.column_stack([X, X[:, 0]])
    independent = need("LinearRegression", "independent")
    assert independent.test(Facts(X), LinearRegression().get_params())
    assert not independent.test(Facts(twice), LinearRegression().get_params())
    independent = need("Ridge", "independent")
    assert not independent.test(Facts(twice), Ridge(alpha=0).get_params())
    assert independent.test(Facts(twice), Ridge(alpha=np.array([0.1, 0.2])).get_params())
    assert not independent.test(Facts(twice), Ridge(alpha=np.array([0.1, 0.0])).get_params())


def test_sparse_data_are_refused_where_scikit_learn_has_no_such_solver():
    assert ROWS["Ridge"].fit.formats(Ridge().get_params()) == ("csr", "csc", "coo")
    assert ROWS["Ridge"].fit.formats(Ridge(solver="svd").get_params()) == ()
    assert ROWS["SVC"].fit.formats(SVC(kernel="precomputed").get_params()) == ()
    assert ROWS["NearestNeighbors"].fit.formats(NearestNeighbors(metric="canberra").get_params()) == ()
    assert ROWS["NearestNeighbors"].predict.formats(NearestNeighbors().get_params()) == ("csr",)


def test_a_forest_weighs_rows_or_classes():
    y = np.arange(20) % 2
    facts = Facts(np.zeros((20, 2)), y, {"sample_weight": np.ones(20)})
    weighing = need("RandomForestClassifier", "balanced")
    assert not weighing.test(facts, RandomForestClassifier(class_weight="balanced").get_params())
    assert weighing.test(facts, RandomForestClassifier().get_params())


def test_several_classes_need_rows_and_no_kernel_matrix():
    pairs = need("SVC", "precomputed")
    three = Facts(np.zeros((6, 6)), np.arange(6) % 3)
    assert pairs.test(three, SVC().get_params())
    assert not pairs.test(three, SVC(kernel="precomputed").get_params())
