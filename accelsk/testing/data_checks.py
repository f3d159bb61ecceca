"""What X may be: sparse formats, dtypes, frames, and data that nobody takes."""

from __future__ import annotations

from functools import partial
from typing import Any
from unittest import SkipTest

import numpy as np
import scipy.sparse as sp

from accelsk.errors import UnsupportedInput
from accelsk.testing.case import Case, Data, fit
from accelsk.testing.fit_checks import assert_agrees_on, assert_same_results, results
from accelsk.testing.promise import promise, raised

_FORMATS = ("csr", "csc", "coo")


def _sparse(case: Case) -> bool:
    return bool(case.tags.input_tags.sparse)


def _formats(case: Case) -> tuple[str, ...]:
    return case.row.fit.formats(case.params)


def _as(X: Any, format_: str) -> Any:
    return sp.csr_matrix(np.where(np.abs(X) < 0.3, 0.0, X)).asformat(format_)


def _thinned(case: Case) -> tuple[Data, dict[str, Any]]:
    """Data that scikit-learn's class takes as a sparse matrix, and hyperparameters with which the row does."""
    data = case.data
    params = case.params_for(_as(data.X, "csr"), *data.args[1:])
    try:
        fit(case.plain(**params), _as(data.X, "csr"), *data.args[1:])
    except ValueError:  # it takes none below zero
        data = Data(np.abs(data.X), data.y, np.abs(data.X_new), data.y_new)
    return data, params


def _thin(X: Any) -> Any:
    return _as(X, "csr").toarray()


@promise(lambda case: bool(_formats(case)))
def _declared_sparse_formats_are_taken(case: Case) -> None:
    """A sparse X of a declared format is fitted as it is, with scikit-learn's result."""
    assert _sparse(case), f"sparse formats are declared, and {case.row.name} of scikit-learn takes none"
    data, params = _thinned(case)
    y = data.args[1:]
    for format_ in case.row.fit.sparse:
        model = fit(case.wrapped(case.plain(**params), sparse="error"), _as(data.X, format_), *y)
        assert model.engine_ == case.engine.name
        assert model.decision_.conversions == (), f"{format_} is declared, and was converted"
        expected = fit(case.plain(**params), _as(data.X, format_), *y)
        assert_agrees_on(data, case.row, expected, model, _as(data.X_new, "csr"))


@promise(lambda case: _sparse(case) and bool(_formats(case)))
def _other_sparse_formats_are_converted(case: Case) -> None:
    """A sparse X of another format is converted to a declared one, and the decision says so."""
    data, params = _thinned(case)
    for format_ in set(_FORMATS) - set(case.row.fit.sparse):
        model, expected = (
            fit(case.wrapped(case.plain(**params)), _as(data.X, kind), *data.args[1:])
            for kind in (format_, case.row.fit.sparse[0])
        )
        assert model.decision_.conversions == (f"{format_} to {case.row.fit.sparse[0]}",)
        assert_same_results(case, model, expected)


@promise(lambda case: _sparse(case) and not _formats(case))
def _sparse_is_refused_with_the_way_out(case: Case) -> None:
    """Where no sparse format is declared, ``sparse="error"`` is an error that names the engine and the way out."""
    for format_ in _FORMATS:
        error = raised(
            UnsupportedInput,
            f"a {format_} matrix was taken, which the row does not declare",
            partial(case.wrapped(sparse="error").fit, _as(case.data.X, format_), *case.data.args[1:]),
        )
        assert "sparse" in str(error)
        assert "toarray" in error.hint
        assert error.parts["engine"] == case.engine.name


@promise(lambda case: _sparse(case) and not _formats(case))
def _densify_fits_a_dense_copy(case: Case) -> None:
    """``sparse="densify"`` fits a dense copy on the engine: the result of the dense fit, and the decision says so."""
    data = case.data
    model = fit(case.wrapped(sparse="densify"), _as(data.X, "csr"), *data.args[1:])
    assert model.engine_ == case.engine.name
    assert [text for text in model.decision_.conversions if text.startswith("sparse to dense")]
    assert_same_results(case, model, fit(case.wrapped(), _thin(data.X), *data.args[1:]))


@promise(_sparse)
def _sparse_predictions_are_the_dense_ones(case: Case) -> None:
    """A model of a dense fit answers sparse X as it answers the same X dense, where scikit-learn's does."""
    X = case.data.X_new
    wanted, refused = results(case.fitted, _thin(X)), []
    for format_ in _FORMATS:
        try:
            expected = results(case.fitted_plain, _as(X, format_))
        except (ValueError, TypeError) as error:
            refused.append(f"{format_}: {error}")
            continue
        found = results(case.fitted, _as(X, format_))
        for name in expected:
            got, dense = (v.toarray() if sp.issparse(v) else np.asarray(v) for v in (found[name], wanted[name]))
            if dense.dtype.kind == "f":
                np.testing.assert_allclose(got, dense, rtol=1e-4, atol=1e-5, err_msg=f"{name} of {format_}")
            else:
                np.testing.assert_array_equal(got, dense, err_msg=f"{name} of {format_}")
    if len(refused) == len(_FORMATS):
        raise SkipTest(f"scikit-learn's own refuses it: {refused[0]}")


@promise()
def _declared_dtypes_are_taken(case: Case) -> None:
    """X of every declared dtype is fitted; a floating dtype that is not declared is refused by name."""
    X, y = case.data.X, case.data.args[1:]
    arrays = {
        "float64": X,
        "float32": X.astype(np.float32),
        "float16": X.astype(np.float16),
        "integer": np.rint(10 * X).astype(np.int64),
        "boolean": np.median(X, axis=0) < X,
    }
    for kind, values in arrays.items():
        if kind in case.row.fit.dtypes:
            model = fit(case.wrapped(), values, *y)
            assert model.engine_ == case.engine.name
            results(model, values)
        else:
            otherwise = f"X of dtype {values.dtype} was taken, which the row does not declare"
            error = raised(UnsupportedInput, otherwise, partial(case.wrapped().fit, values, *y))
            assert str(values.dtype) in str(error)


@promise(lambda case: case.tags.input_tags.allow_nan)
def _nan_is_taken_or_refused(case: Case) -> None:
    """NaN is computed with where the row declares it, and refused by name where only scikit-learn's class takes it."""
    data, X = case.data, case.data.X.copy()
    X[::7, 0] = np.nan
    if case.row.fit.nan:
        results(fit(case.wrapped(), X, *data.args[1:]), X)
        return
    otherwise = "NaN was taken, which the row does not declare"
    error = raised(UnsupportedInput, otherwise, partial(fit, case.wrapped(), X, *data.args[1:]))
    assert "NaN" in str(error)


@promise(lambda case: not case.row.native)
def _invalid_data_get_scikit_learns_error(case: Case) -> None:
    """Data that scikit-learn refuses are refused with its type of error, whatever the engine says of them."""
    X, y = case.data.X, case.data.args[1:]
    nan = X.copy()
    nan[0, 0] = np.nan
    bad = {"one dimension": X[:, 0], "no rows": X[:0], "words": np.full(X.shape, "word"), "ragged": [[1, 2], [3]]}
    if not case.tags.input_tags.allow_nan:
        bad["nan"] = nan
    for name, values in bad.items():
        try:
            fit(case.plain(), values, *y)
        except Exception as error:  # noqa: BLE001  whatever it is
            expected = error
        else:
            continue
        try:
            fit(case.wrapped(), values, *y)
        except type(expected):
            continue
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__}, not {type(expected).__name__}: {error}") from error
        raise AssertionError(f"{name}: fitted, where scikit-learn raises {expected}")


@promise()
def _frames_give_feature_names(case: Case) -> None:
    """A data frame is fitted as an array is, and leaves ``feature_names_in_``."""
    try:
        import pandas as pd
    except ImportError as error:
        raise SkipTest("pandas is not installed") from error
    names = [f"column {n}" for n in range(case.data.X.shape[1])]
    frame, new = pd.DataFrame(case.data.X, columns=names), pd.DataFrame(case.data.X_new, columns=names)
    model = fit(case.wrapped(), frame, *case.data.args[1:])
    assert list(model.feature_names_in_) == names
    wanted = results(case.fitted, case.data.X_new)
    for name, values in results(model, new).items():
        assert np.shape(values) == np.shape(wanted[name]), name


@promise(lambda case: hasattr(case.cls, "transform") and hasattr(case.plain(), "set_output"))
def _set_output_is_followed(case: Case) -> None:
    """``set_output(transform="pandas")`` gives frames with scikit-learn's column names and the same values."""
    try:
        import pandas as pd
    except ImportError as error:
        raise SkipTest("pandas is not installed") from error
    model = fit(case.wrapped().set_output(transform="pandas"), *case.data.args)
    frame = model.transform(case.data.X_new)
    assert isinstance(frame, pd.DataFrame)
    expected = fit(case.plain().set_output(transform="pandas"), *case.data.args).transform(case.data.X_new)
    assert list(frame.columns) == list(expected.columns)
    np.testing.assert_allclose(frame.to_numpy(), case.fitted.transform(case.data.X_new), rtol=1e-4, atol=1e-5)
