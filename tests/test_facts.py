"""What X, y and the fit parameters are, without copying or validating them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from threadpoolctl import threadpool_info, threadpool_limits

from accelsk.facts import Facts

NAN = float("nan")


class Tensor:
    """As a torch tensor looks: a dtype that is no NumPy dtype."""

    shape = (3, 2)
    dtype = "torch.float32"


@pytest.mark.parametrize(
    "X, dtype, kind",
    [
        (np.zeros((3, 2), np.float32), "float32", "float32"),
        (np.zeros((3, 2), np.uint8), "uint8", "integer"),
        (np.zeros((3, 2), bool), "bool", "boolean"),
        (np.zeros((3, 2), complex), "object", "object"),
        (np.zeros((3, 2), object), "object", "object"),
        (np.array([["a", "b"]]), "object", "object"),
        ([[1, 2], [3, 4]], "int64", "integer"),
        (((1.0, 2),), "float64", "float64"),
        (sp.csr_array((3, 2), dtype=np.float32), "float32", "float32"),
        (pd.DataFrame({"a": [1, 2], "b": [0.5, 1]}), "float64", "float64"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "object", "object"),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), "object", "object"),
        (pd.DataFrame({"a": pd.Categorical(["x", "y"])}), "object", "object"),
        (pl.DataFrame({"a": [1, 2], "b": [0.5, 1.0]}), "float64", "float64"),
        (pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "object", "object"),
        (Tensor(), "float32", "float32"),
    ],
)
def test_the_dtype_is_the_common_one_or_object(X, dtype, kind):
    assert (Facts(X).dtype, Facts(X).dtype_kind) == (dtype, kind)


@pytest.mark.parametrize(
    "X", [np.zeros(3), [1, 2, 3], [[1, 2], [3]], "text", None, 3, np.zeros((2, 2, 2)), np.float64(1), iter([1])]
)
def test_what_is_not_two_dimensional_has_no_shape(X):
    assert (Facts(X).n_samples, Facts(X).n_features) == (None, None)


@pytest.mark.parametrize(
    "X, shape",
    [(np.zeros((0, 2)), (0, 2)), (np.zeros((2, 0)), (2, 0)), ([[1], [2]], (2, 1)), (pl.DataFrame({"a": [1]}), (1, 1))],
)
def test_empty_data_have_their_shape(X, shape):
    assert (Facts(X).n_samples, Facts(X).n_features) == shape


@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csc_array, sp.coo_array, sp.dia_matrix])
def test_the_sparse_format_is_a_fact(container):
    X = container(np.eye(3))

    assert Facts(X).sparse == X.format
    assert Facts(X.toarray()).sparse is None


@pytest.mark.parametrize("X", [pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}), [[1]], np.ones((1, 1))])
def test_the_container_is_the_package_it_comes_from(X):
    assert Facts(X).container in ("pandas", "polars", "builtins", "numpy")


@pytest.mark.parametrize(
    "X, answer",
    [
        (np.ones((2, 2)), False),
        (np.array([[1.0, NAN]]), True),
        (np.array([[1.0, np.inf]]), True),
        (np.array([[np.inf, -np.inf]]), True),
        (np.full((2, 2), np.finfo(np.float64).max), False),
        (np.full((300, 300), np.finfo(np.float32).max, np.float32), False),
        (np.full((300, 300), 60000, np.float16), False),
        (np.ones((2, 2), int), False),
        (np.array([["a", "b"]]), False),
        (np.array([[1, None]], object), True),
        (sp.csr_array(np.array([[0.0, NAN]])), True),
        (sp.csr_array(np.array([[0.0, 1.0]])), False),
        (sp.lil_array(np.array([[0.0, NAN]])), True),
        (sp.dok_array(np.array([[0.0, NAN]])), True),
        (sp.dok_array(np.array([[0.0, 1.0]])), False),
        (pd.DataFrame({"a": [1.0, NAN]}), True),
        (pl.DataFrame({"a": [1.0, NAN]}), True),
    ],
)
def test_nan_is_found_and_a_sum_that_overflows_is_not_nan(X, answer):
    assert Facts(X).has_nan is answer


def test_nothing_is_read_before_it_is_asked_for():
    class Proxy:
        shape, dtype = (3, 2), np.dtype(float)

        def __array__(self, *args, **kwargs):
            raise AssertionError("the data were read")

    facts = Facts(Proxy(), Proxy(), {"sample_weight": Proxy()})

    assert facts.summary()["n_samples"] == 3
    assert facts.has_target
    with pytest.raises(AssertionError, match="read"):
        facts.n_classes  # noqa: B018


@pytest.mark.parametrize(
    "weights, kind, smallest, largest",
    [
        (None, "none", 1, 1),
        (np.ones(3), "constant", 1, 1),
        (np.array([0.0, 1, 2]), "varying", 0, 2),
        ([2, 2, 2], "constant", 2, 2),
        (pd.Series([1, 2, 3]), "varying", 1, 3),
        (-1.5, "constant", -1.5, -1.5),
        (np.array([1, NAN, 2]), "invalid", NAN, NAN),
        (np.array([1, np.inf, 2]), "invalid", NAN, NAN),
        (np.ones(2), "invalid", NAN, NAN),
        (np.ones((3, 1)), "invalid", NAN, NAN),
        (["a", "b", "c"], "invalid", NAN, NAN),
        ([], "invalid", NAN, NAN),
    ],
)
def test_weights_are_none_constant_varying_or_invalid(weights, kind, smallest, largest):
    facts = Facts(np.zeros((3, 2)), None, {"sample_weight": weights})

    assert facts.weights == kind
    np.testing.assert_equal((facts.min_weight, facts.max_weight), (smallest, largest))


@pytest.mark.parametrize(
    "y, outputs, classes",
    [
        (None, 0, 0),
        ([0, 1, 0], 1, 2),
        (np.array(["a", "b", "c"]), 1, 3),
        (np.zeros((3, 2)), 2, 1),
        (np.zeros((3, 1)), 1, 1),
        (pd.Series([1, 1, 2]), 1, 2),
        (np.array([None, "a", 1], object), 1, 0),
    ],
)
def test_the_target_has_outputs_and_classes(y, outputs, classes):
    facts = Facts(np.zeros((3, 2)), y)

    assert (facts.n_outputs, facts.n_classes, facts.has_target) == (outputs, classes, y is not None)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.int64, np.float32, object, "<U21"])
@pytest.mark.parametrize("values", [(0, 1), (1, 0), (1, 1), (0, 1, 2), (2, 1, 1, 0), (1, 0, 0, 5, 0), (), (7,)])
def test_classes_are_counted_whatever_their_dtype(values, dtype):
    y = np.array(values).astype(dtype)
    several = np.repeat(y, 3)[::2]  # not contiguous

    assert Facts(np.zeros((3, 2)), y).n_classes == len(set(y.tolist()))
    assert Facts(np.zeros((3, 2)), several).n_classes == len(set(several.tolist()))


def test_fit_parameters_that_are_none_are_absent():
    assert Facts(np.zeros((3, 2)), None, {"sample_weight": None, "coef_init": 1}).fit_params == ("coef_init",)


def test_a_dense_copy_is_counted_in_its_own_dtype():
    assert Facts(sp.csr_array((10, 10), dtype=np.float32)).nbytes_dense == 400
    assert Facts(sp.csr_array((10, 10), dtype=np.float64)).nbytes_dense == 800


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.coo_matrix, pd.DataFrame])
def test_the_condition_of_the_normal_equations_is_that_of_the_dense_data(container):
    X = np.random.default_rng(0).normal(size=(20, 3))

    assert Facts(container(X)).gram_condition(centred=False) == pytest.approx(np.linalg.cond(X.T @ X))
    assert Facts(container(X)).gram_condition(centred=True) == pytest.approx(np.linalg.cond(np.cov(X.T)))


@pytest.mark.parametrize("X", [np.ones((5, 2)), np.ones((2, 5)), np.full((5, 2), NAN), np.full((5, 2), 1e300)])
def test_the_condition_of_what_cannot_be_solved_is_infinite(X):
    assert Facts(X).gram_condition(centred=True) == float("inf")


@pytest.mark.parametrize("centred", [True, False])
def test_many_rows_are_well_conditioned_if_and_only_if_their_condition_is_below_the_limit(centred):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 4)) + 3
    cases = [X, X * [1, 1e-3, 10, 1], np.c_[X, X[:, 0] + 1e-5 * rng.normal(size=len(X))], np.c_[X, X[:, 0]]]
    few = X.copy()
    few[:-50, 3] = few[:-50, 2]  # only the last rows tell the two columns apart
    for each in (*cases, few):
        condition = Facts(each).gram_condition(centred=centred)
        for limit in (2.0, 1e3, 1e6, 1e9, 1e13):
            assert Facts(each).well_conditioned(limit, centred=centred) == (condition < limit)
    bad = X.copy()
    bad[5, 1] = NAN
    assert not Facts(bad).well_conditioned(1e9, centred=centred)


@pytest.mark.parametrize("n_samples", [300, 20_000])
def test_no_eigenvalues_are_needed_and_of_many_rows_some_are_enough(n_samples, monkeypatch):
    monkeypatch.setattr(Facts, "gram_condition", None)
    monkeypatch.setattr(np.linalg, "eigvalsh", None)
    asked, threads = np.linalg.cholesky, []

    def cholesky(gram):
        threads.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return asked(gram)

    monkeypatch.setattr(np.linalg, "cholesky", cholesky)
    facts = Facts(np.random.default_rng(0).normal(size=(n_samples, 4)))

    with threadpool_limits(2, user_api="blas"):
        assert facts.well_conditioned(1e9, centred=True)
    assert facts.told() is None  # it is a measurement all the same
    assert set(threads) == {1}  # others would spin while the engine computes


def test_the_data_are_let_go():
    facts = Facts(np.ones((2, 2)), [0, 1])
    facts.release()

    assert (facts.n_samples, facts._X, facts._y) == (2, None, None)


@pytest.mark.parametrize(
    "y, expected",
    [
        ([1.0, 4.0, 2.5], 3.0),
        (np.array([[2], [7]]), 5.0),
        ([3, 3], 0.0),
        (["a", "b"], np.inf),
        ([1.0, np.nan], np.inf),
        ([], np.inf),
    ],
)
def test_how_far_targets_are_apart(y, expected):
    assert Facts(np.ones((2, 2)), y).target_range == expected
