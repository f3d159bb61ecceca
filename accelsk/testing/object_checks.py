"""The wrapped object stays a scikit-learn object: cloned, pickled, refitted, and whole after a failure."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone

from accelsk.errors import UnsupportedParameter
from accelsk.testing.case import Case, fit
from accelsk.testing.fit_checks import assert_same_results, results
from accelsk.testing.promise import promise, raised


@promise()
def _estimator_of_the_user_is_left_alone(case: Case) -> None:
    """``fit`` changes nothing of the estimator that was wrapped: it is not fitted, its hyperparameters are its own."""
    estimator = case.plain()
    before = dict(vars(estimator))
    model = fit(case.wrapped(estimator), *case.data.args)
    assert model.estimator is estimator
    assert list(vars(estimator)) == list(before)
    changed = [
        name
        for name, value in vars(estimator).items()
        if value is not before[name] and not (case.row.native and name.startswith("_"))  # what a library caches
    ]
    assert not changed, f"changed: {', '.join(changed)}"


@promise(needs_engine=False)
def _unfitted_object_is_cloned_and_pickled(case: Case) -> None:
    """Before a fit, a clone and a pickle are equal objects, wherever the engine is or is not."""
    model = case.wrapped()
    for again in (clone(model), pickle.loads(pickle.dumps(model))):  # noqa: S301  our own
        assert repr(again.get_params()) == repr(model.get_params())
        assert not again.__sklearn_is_fitted__()


@promise()
def _every_fit_is_fresh(case: Case) -> None:
    """Each fit makes a backend estimator of its own: nothing of an earlier fit shines through."""
    X, y = case.data.X, case.data.args[1:]
    model = fit(case.wrapped(), X[::2], *(part[::2] for part in y))
    first = model.estimator_
    fit(model, X, *y)
    assert model.estimator_ is not first
    assert_same_results(case, model, case.fitted)


@promise()
def _failed_fit_changes_nothing(case: Case) -> None:
    """After a fit that failed, the object predicts with the model of the last one that did not."""
    model = fit(case.wrapped(), *case.data.args)
    before = dict(vars(model))
    bad = (case.data.X[:, 0],) if case.data.y is None else (case.data.X, case.data.y[1:])
    raised(Exception, "data that make no sense were fitted", partial(fit, model, *bad))
    assert vars(model) == before
    assert_same_results(case, model, case.fitted)
    unfitted = case.wrapped()
    raised(Exception, "data that make no sense were fitted", partial(fit, unfitted, *bad))
    assert not unfitted.__sklearn_is_fitted__()


@promise()
def _pickle_keeps_the_model(case: Case) -> None:
    """A pickled model answers as it did, and knows by which engine and where it was fitted."""
    again = pickle.loads(pickle.dumps(case.fitted))  # noqa: S301  our own
    assert (again.engine_, again.device_) == (case.fitted.engine_, case.fitted.device_)
    assert str(again.decision_) == str(case.fitted.decision_)
    assert_same_results(case, again, case.fitted)


@promise()
def _clone_keeps_the_options(case: Case) -> None:
    """A clone is not fitted, has equal parameters, and fits to the same result."""
    copy = clone(case.fitted)
    assert not copy.__sklearn_is_fitted__()
    assert repr(copy.get_params()) == repr(case.fitted.get_params())
    assert_same_results(case, fit(copy, *case.data.args), case.fitted)


@promise(lambda case: bool(case.row.engine_params))
def _engine_params_reach_the_backend(case: Case) -> None:
    """Engine parameters arrive at the backend estimator: the row's values, and those that the user names."""
    # Of many rows: of few, a library may take what is enough for them.
    held = _params(fit(case.wrapped(), *case.large_data.args).estimator_) if case.row.engine_params else {}
    for name, value in case.row.engine_params.items():
        assert held.get(name, value) == value, f"{name}={value!r} arrived as {held[name]!r}"
    named = {case.engine.name: dict(case.row.engine_params)}
    assert_same_results(case, fit(case.wrapped(engine_params=named), *case.data.args), case.fitted)


@promise()
def _unknown_engine_params_are_refused(case: Case) -> None:
    """A parameter that the engine does not have is an error at ``fit``, at every setting of ``fallback``."""
    for fallback in ("raise", "warn", "silent"):
        model = case.wrapped(engine_params={case.engine.name: {"no_such_parameter": 1}}, fallback=fallback)
        otherwise = "an engine parameter that there is not was taken"
        error = raised(UnsupportedParameter, otherwise, partial(model.fit, *case.data.args))
        assert "no_such_parameter" in str(error)
        assert error.hint


@promise()
def _data_are_left_alone(case: Case) -> None:
    """Neither a fit nor a prediction writes to the data, which may be read-only."""
    X, new = case.data.X.copy(), case.data.X_new.copy()
    for array in (X, new):
        array.setflags(write=False)
    model = fit(case.wrapped(), X, *case.data.args[1:])
    results(model, new)
    np.testing.assert_array_equal(X, case.data.X)


def _params(backend: Any) -> dict[str, Any]:
    return dict(backend.get_params(deep=False)) if hasattr(backend, "get_params") else {}
