"""What a row takes against what the data are."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import get_tags

from accelsk import capability
from accelsk.capability import examine_inputs
from accelsk.engines.spec import Inputs, Need, Row
from accelsk.facts import Facts

X = np.arange(12.0).reshape(6, 2)


def examine(inputs, X, *, fit_params=None, sparse="auto", densify=False, estimator=None, **more):
    row = Row(estimator="sklearn.svm.SVC", backend="mine.SVC", params={}, fit=inputs, methods=())
    tags = get_tags(estimator or SVC()).input_tags
    return examine_inputs("mine", row, "fit", Facts(X, None, fit_params), {}, tags, sparse, densify=densify, **more)


def test_data_that_are_declared_are_taken():
    assert examine(Inputs(), X).reasons == []


@pytest.mark.parametrize(
    "inputs, data, fit_params, words",
    [
        (Inputs(dtypes=("float32",)), X, None, "X has dtype float64, it takes float32"),
        (Inputs(dtypes=("float64",)), X > 3, None, "X has dtype bool"),
        (Inputs(), X.astype(object), None, "X has dtype object"),
        (Inputs(), X, {"sample_weight": np.ones(6)}, "it takes no sample_weight"),
        (Inputs(sample_weight=True), X, {"coef_init": 1}, "does not understand the fit parameter 'coef_init'"),
        (Inputs(needs=(Need("ten rows", lambda facts, params: facts.n_samples >= 10),)), X, None, "it needs ten rows"),
        (Inputs(), sp.csr_array(X), None, "it takes no sparse matrix"),
    ],
)
def test_what_is_not_declared_is_refused_in_words(inputs, data, fit_params, words):
    (reason,) = examine(inputs, data, fit_params=fit_params).reasons

    assert reason.kind == "input"
    assert reason.text.startswith("engine 'mine' cannot run SVC.fit on this data: ")
    assert words in reason.text
    assert reason.hint
    assert reason.parts["estimator"] == "SVC"


@pytest.mark.parametrize("weights", [np.ones(6), [1, 2, 3, 1, 2, 3], 2.0])
def test_declared_weights_are_taken(weights):
    assert examine(Inputs(sample_weight=True), X, fit_params={"sample_weight": weights}).reasons == []


@pytest.mark.parametrize("data", [X[:, 0], X[:0], X[:, :0], [[1, 2], [3]], "text", None])
def test_what_scikit_learn_refuses_is_left_to_it(data):
    (reason,) = examine(Inputs(), data).reasons

    assert reason.kind == "invalid"


def test_sparse_data_for_a_class_that_takes_none_are_left_to_scikit_learn():
    (reason,) = examine(Inputs(sparse=("csr",)), sp.csr_array(X), estimator=StandardScaler()).reasons

    assert reason.kind == "invalid"


def test_nan_is_refused_where_only_scikit_learns_class_takes_it():
    nan = np.where(X > 5, np.nan, X)

    assert "NaN" in examine(Inputs(), nan, estimator=StandardScaler()).reasons[0].text
    assert examine(Inputs(nan=True), nan, estimator=StandardScaler()).reasons == []
    assert examine(Inputs(), nan, estimator=SVC()).reasons == []  # its own error says it better


def test_another_sparse_format_is_converted_to_the_first_that_is_declared():
    check = examine(Inputs(sparse=("csc", "csr")), sp.coo_array(X))

    assert (check.reasons, check.convert, check.conversions) == ([], "csc", ("coo to csc",))


@pytest.mark.parametrize("sparse", ["auto", "densify", "error"])
def test_a_declared_sparse_format_is_not_converted(sparse):
    check = examine(Inputs(sparse=("csc", "csr")), sp.csr_array(X), sparse=sparse)

    assert (check.reasons, check.convert) == ([], "")


@pytest.mark.parametrize(
    "sparse, densify, converted",
    [("auto", False, ""), ("auto", True, "dense"), ("densify", False, "dense"), ("error", True, "")],
)
def test_a_dense_copy_is_made_where_it_was_asked_for_or_is_small(sparse, densify, converted):
    check = examine(Inputs(), sp.csr_array(X), sparse=sparse, densify=densify)

    assert check.convert == converted
    assert bool(check.reasons) is not bool(converted)


def test_a_dense_copy_that_is_not_small_next_to_the_free_memory_is_not_made(monkeypatch):
    monkeypatch.setattr("accelsk.machine.available_memory", lambda: 100)
    (reason,) = examine(Inputs(), sp.csr_array(X), densify=True).reasons

    assert "9.6e-05 MB" in reason.text
    assert "toarray" in reason.hint
    assert X.nbytes > capability.SMALL_SHARE * 100


def test_what_costs_a_pass_is_asked_last():
    def never(facts, params):
        raise AssertionError("asked, though the dtype had decided")

    assert len(examine(Inputs(dtypes=("float32",), needs=(Need("nothing", never),)), X).reasons) == 1


def test_needs_are_not_asked_after_a_refused_hyperparameter():
    needs = (Need("nothing", lambda facts, params: params["missing"]),)

    assert examine(Inputs(needs=needs), X, needs=False).reasons == []
    with pytest.raises(KeyError):
        examine(Inputs(needs=needs), X)
