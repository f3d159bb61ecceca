"""The only place that copies data."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from accelsk import convert

X = sp.csr_array(np.random.default_rng(0).binomial(1, 0.5, (7, 3)) * 1.5)


@pytest.fixture
def two_rows(monkeypatch):
    """Chunks of two rows of three float64."""
    monkeypatch.setattr(convert, "CHUNK_BYTES", 48)


@pytest.mark.parametrize("name", ["csc", "coo", "lil", "dia"])
def test_a_format_is_converted_and_the_values_stay(name):
    converted = convert.sparse_as(X, name)

    assert converted.format == name
    np.testing.assert_array_equal(converted.toarray(), X.toarray())


def test_the_same_format_is_not_copied():
    assert convert.sparse_as(X, "csr") is X


@pytest.mark.parametrize("name", ["csr", "csc", "coo", "dia"])
def test_a_dense_copy_has_dtype_values_and_c_order(name):
    made = convert.dense(X.astype(np.float32).asformat(name))

    assert type(made) is np.ndarray
    assert made.dtype == np.float32
    assert made.flags.c_contiguous
    np.testing.assert_array_equal(made, X.astype(np.float32).toarray())


def test_chunks_have_a_bounded_number_of_rows(two_rows):
    seen = []
    result = convert.in_dense_chunks(X, lambda rows: seen.append(len(rows)) or rows.sum(axis=1))

    assert seen == [2, 2, 2, 1]
    np.testing.assert_allclose(result, X.sum(axis=1))


@pytest.mark.parametrize("name", ["csc", "coo", "dok"])
def test_chunks_are_rows_of_any_format(two_rows, name):
    np.testing.assert_array_equal(convert.in_dense_chunks(X.asformat(name), lambda rows: rows), X.toarray())


def test_a_row_wider_than_a_chunk_is_a_chunk(monkeypatch):
    monkeypatch.setattr(convert, "CHUNK_BYTES", 1)
    np.testing.assert_array_equal(convert.in_dense_chunks(X, lambda rows: rows), X.toarray())


def test_no_rows_are_given_as_they_are():
    assert convert.in_dense_chunks(X[:0], lambda rows: rows).shape == (0, 3)


def test_tuples_lists_and_sparse_results_are_joined(two_rows):
    first, second = convert.in_dense_chunks(X, lambda rows: (rows, [rows[:, 0], sp.csr_matrix(rows)]))

    np.testing.assert_array_equal(first, X.toarray())
    np.testing.assert_array_equal(second[0], X.toarray()[:, 0])
    assert second[1].format == "csr"
    np.testing.assert_array_equal(second[1].toarray(), X.toarray())


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_are_joined(two_rows, frame):
    joined = convert.in_dense_chunks(X, lambda rows: frame({"a": rows[:, 0], "b": rows[:, 1]}))

    assert isinstance(joined, frame)
    assert list(joined.columns) == ["a", "b"]
    np.testing.assert_array_equal(joined.to_numpy(), X.toarray()[:, :2])
