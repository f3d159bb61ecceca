"""A fitted model is not trapped: it becomes scikit-learn's own where the row says so, and else says why not."""

from __future__ import annotations

import pickle
import pickletools
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from accelsk.errors import NotPortable
from accelsk.export import to_sklearn
from accelsk.testing.agreement import assert_agrees
from accelsk.testing.case import Case, fit
from accelsk.testing.fit_checks import assert_same_results
from accelsk.testing.promise import promise, raised

__all__ = ["packages_of"]


def _is_portable(case: Case) -> bool:
    return case.row.export.portable


def packages_of(obj: Any) -> set[str]:
    """Return the top-level packages that opening a pickle of an object imports.

    Parameters
    ----------
    obj : object
        What can be pickled.

    Returns
    -------
    set of str
        Their names.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> packages_of(SVC())
    {'sklearn'}
    """
    data = pickle.dumps(obj, protocol=3)  # later protocols name a class by two texts, which may stand elsewhere
    names = (argument for opcode, argument, _ in pickletools.genops(data) if opcode.name == "GLOBAL")
    return {str(name).partition(" ")[0].partition(".")[0] for name in names}


@promise(lambda case: case.row.native)
def _export_is_the_librarys_own(case: Case) -> None:
    """``to_sklearn`` gives a class of the library's own as it is, and nothing of accelsk in it."""
    model = to_sklearn(case.fitted)
    assert type(model) is case.cls
    assert "accelsk" not in packages_of(model)


@promise(lambda case: _is_portable(case) and not case.row.native)
def _export_is_scikit_learn(case: Case) -> None:
    """``to_sklearn`` gives scikit-learn's class with the user's hyperparameters, and nothing of the engine in it."""
    model = to_sklearn(case.fitted)
    assert f"{type(model).__module__}.{type(model).__qualname__}" == f"{case.cls.__module__}.{case.cls.__qualname__}"
    assert repr(model.get_params()) == repr(case.plain().get_params())
    modules = (case.engine.imports, *case.engine.alternatives, case.row.backend)
    ours = {"accelsk", *(module.partition(".")[0] for module in modules)}
    held = packages_of(model) & ours - {case.cls.__module__.partition(".")[0]}  # an engine may run scikit-learn's own
    assert not held, f"opening it would import {', '.join(sorted(held))}"


@promise(_is_portable)
def _export_predicts_the_same(case: Case) -> None:
    """The exported model answers as the engine's, within `Export.tolerance`, for the data of the fit and for others."""
    row = replace(case.row, fidelity="exact", tolerance=case.row.export.tolerance)
    for part in ("data", "large_data"):
        data = getattr(case, part)
        fitted = case.fitted if part == "data" else fit(case.wrapped(), *data.args)
        model = to_sklearn(fitted)
        assert_agrees(row, model, fitted, data.X, data.y)
        assert_agrees(row, model, fitted, data.X_new, data.y_new)


@promise(_is_portable)
def _export_shares_nothing(case: Case) -> None:
    """Writing to the arrays of an exported model changes nothing of the one that it was made of."""
    fitted = fit(case.wrapped(), *case.data.args)
    for value in vars(to_sklearn(fitted)).values():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.flags.writeable:
            value[...] = np.nan
    assert_same_results(case, fitted, case.fitted)


@promise(lambda case: not _is_portable(case))
def _refused_export_says_why(case: Case) -> None:
    """Where a model cannot be scikit-learn's own, ``to_sklearn`` raises `NotPortable` with the reason and a way out."""
    error = raised(NotPortable, "it was exported all the same", partial(to_sklearn, case.fitted))
    assert case.row.export.refused in str(error)
    assert error.hint
