"""A fit computes what scikit-learn's would, on the engine, and leaves everything else alone."""

from __future__ import annotations

import inspect
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from unittest import SkipTest

import numpy as np
import scipy.sparse as sp
import sklearn
from sklearn.base import is_classifier, is_clusterer
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.validation import has_fit_parameter

from accelsk.delegation import is_fitting
from accelsk.engines.spec import Row
from accelsk.errors import UnsupportedInput, UnsupportedMethod, UnsupportedParameter
from accelsk.testing.agreement import assert_agrees, assert_near
from accelsk.testing.case import Case, Data, fit
from accelsk.testing.promise import promise, raised

__all__ = ["assert_agrees_on", "assert_same_results", "results"]


@promise()
def _runs_on_the_engine(case: Case) -> None:
    """``fit`` runs on the engine and the device that it prefers, and says so."""
    model = case.fitted
    assert model.engine_ == case.engine.name
    assert model.device_ == str(case.reached_devices()[0])
    assert not model.decision_.fell_back
    assert [candidate.engine for candidate in model.decision_.candidates if candidate.chosen] == [case.engine.name]


@promise()
def _runs_on_every_device(case: Case) -> None:
    """Every device that the engine reaches can be asked for by its name, and is where the fit runs."""
    for device in case.reached_devices():
        data, expected = _compared(case)
        model = fit(case.wrapped(device=str(device)), *data.args)
        assert model.device_ == str(device)
        assert_agrees_on(data, case.row, expected, model)


def _compared(case: Case) -> tuple[Data, Any]:
    """Data, and scikit-learn's fit of them; scores mean something with many rows only."""
    if case.row.fidelity == "exact":
        return case.data, case.fitted_plain
    return case.large_data, fit(case.plain(), *case.large_data.args)


@promise()
def _predictions_agree(case: Case) -> None:
    """Predictions of data not seen in the fit agree with scikit-learn's as the row's fidelity and tolerance state."""
    data, expected = _compared(case)
    found = case.fitted if data is case.data else fit(case.wrapped(), *data.args)
    assert_agrees_on(data, case.row, expected, found)


def assert_agrees_on(data: Data, row: Row, expected: Any, found: Any, X: Any = None) -> None:
    """Assert agreement on the held-out data, or on those of the fit for classes that answer for no others.

    Parameters
    ----------
    data : Data
        The data.
    row : Row
        The row, which says how near.
    expected, found : estimator
        Scikit-learn's and the engine's, fitted.
    X : {array-like, sparse matrix}, default=None
        The held-out data in another form.
    """
    if hasattr(expected, "predict") or hasattr(expected, "transform"):
        assert_agrees(row, expected, found, data.X_new if X is None else X, data.y_new)
    else:
        assert_agrees(row, expected, found, data.X, data.y)


@promise()
def _fitted_attributes_are_there(case: Case) -> None:
    """Every fitted attribute of the class that is not declared to be absent is there, with as many dimensions."""
    expected, found = case.fitted_plain, case.fitted
    names = [name for name in dir(expected) if _is_fitted_attribute(expected, name)]
    there = [name for name in names if hasattr(found, name)]
    missing = [name for name in names if name not in there and name not in case.row.absent]
    assert not missing, f"{case.row.name} has no {', '.join(missing)}"
    for name in there:
        wanted, got = getattr(expected, name), getattr(found, name)
        if isinstance(wanted, np.ndarray):
            assert np.ndim(got) == np.ndim(wanted), f"{name} has {np.ndim(got)} dimensions, not {np.ndim(wanted)}"
    if hasattr(expected, "n_features_in_"):
        assert found.n_features_in_ == expected.n_features_in_
    if is_classifier(expected):
        np.testing.assert_array_equal(found.classes_, expected.classes_)


def _is_fitted_attribute(model: Any, name: str) -> bool:
    if name.startswith("_") or not name.endswith("_"):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        try:
            return hasattr(model, name)
        except FutureWarning:  # deprecated: it will not be there for long
            return False


@promise()
def _every_method_answers(case: Case) -> None:
    """Every declared method answers in scikit-learn's shape; inherited ones with scikit-learn's result."""
    exact = case.row.fidelity == "exact"
    for name in (*case.row.methods, *case.row.inherited):
        if is_fitting(name) or not hasattr(case.fitted_plain, name):
            continue
        arguments = _arguments(case, name)
        if arguments is None:
            continue
        with np.errstate(divide="ignore"):  # the logarithm of a probability of zero
            try:
                wanted, again = (getattr(case.fitted_plain, name)(*arguments) for _ in range(2))
            except (TypeError, ValueError):  # scikit-learn's own asks for other hyperparameters
                continue
            got = getattr(case.fitted, name)(*arguments)
        assert _shape(got, exact=exact) == _shape(wanted, exact=exact), f"{name} answers in another shape"
        floats = isinstance(wanted, np.ndarray) and wanted.dtype.kind == "f"
        if exact and floats and name in case.row.inherited and np.array_equal(wanted, again, equal_nan=True):
            assert_near(case.row, name, wanted, got)


def _arguments(case: Case, name: str) -> tuple[Any, ...] | None:
    """The arguments with which any method of this name can be called; None where only its author knows."""
    signature = inspect.signature(getattr(case.fitted_plain, name))
    needed = [
        p.name for p in signature.parameters.values() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    if name == "score":
        return (case.data.X_new, case.data.y_new)
    if name == "inverse_transform":
        return (case.fitted_plain.transform(case.data.X_new),)
    if needed not in ([], ["X"]):
        return None
    return (case.data.X_new,) if needed else ()


def _shape(result: Any, *, exact: bool) -> Any:
    if inspect.isgenerator(result):
        result = list(result)
    if isinstance(result, tuple | list):
        return [_shape(part, exact=exact) for part in result]
    shape = result.shape if sp.issparse(result) else np.shape(result)
    return shape if exact else shape[:1]


@promise(lambda case: not case.row.native and is_classifier(case.plain()) and case.tags.target_tags.single_output)
def _labels_come_back_as_they_went_in(case: Case) -> None:
    """String labels come back as the same strings, and numbers in their own dtype."""
    data = case.data
    assert data.y is not None
    words = np.array(["bee", "ant", "cat"])
    for y in (words[data.y], words.astype(object)[data.y], data.y.astype(np.int8) * 10 - 5, data.y > 0):
        model, expected = fit(case.wrapped(), data.X, y), fit(case.plain(), data.X, y)
        np.testing.assert_array_equal(model.classes_, expected.classes_)
        assert np.asarray(model.classes_).dtype == expected.classes_.dtype
        answered = np.asarray(model.predict(data.X_new))
        assert answered.dtype == expected.predict(data.X_new).dtype, (
            f"labels of {y.dtype} come back as {answered.dtype}"
        )
        assert set(answered.tolist()) <= set(y.tolist())


def _takes_weights(case: Case) -> bool:
    return bool(has_fit_parameter(case.plain(), "sample_weight"))


@promise(lambda case: _takes_weights(case) and case.row.fit.sample_weight)
def _sample_weight_counts(case: Case) -> None:
    """Declared sample weights change the model as they change scikit-learn's, or a declared need refuses them."""
    few = not is_clusterer(case.plain())  # with few rows, it is the first centres that decide which clusters are found
    data = case.data if few else case.large_data
    plain, engines = (
        (case.fitted_plain, case.fitted) if few else (fit(e, *data.args) for e in (case.plain(), case.wrapped()))
    )
    weights = 1.0 + np.arange(len(data.X)) % 4
    expected = fit(case.plain(), *data.args, sample_weight=weights)
    try:
        found = fit(case.wrapped(), *data.args, sample_weight=weights)
    except UnsupportedInput as error:
        assert case.row.fit.needs, "sample weights are declared, and refused"
        raise SkipTest(f"varying weights are refused: {error}") from error
    assert_agrees(case.row, expected, found, data.X_new, data.y_new)
    scikit_learn_differs = not _equal(results(expected, data.X_new), results(plain, data.X_new))
    if scikit_learn_differs:
        assert not _equal(results(found, data.X_new), results(engines, data.X_new)), "the weights had no effect"


@promise(lambda case: _takes_weights(case) and not case.row.fit.sample_weight)
def _sample_weight_is_refused(case: Case) -> None:
    """Sample weights that the row does not declare are refused by name, not dropped."""
    error = raised(
        UnsupportedInput,
        "sample weights were taken, which the row does not declare",
        lambda: case.wrapped().fit(*case.data.args, sample_weight=np.ones(len(case.data.X))),
    )
    assert "sample_weight" in str(error)
    assert repr(case.engine.name) in str(error)


@promise(lambda case: hasattr(case.cls, "fit_predict") or hasattr(case.cls, "fit_transform"))
def _fit_and_answer_at_once(case: Case) -> None:
    """``fit_predict`` and ``fit_transform`` fit, and answer as ``fit`` and the second method do."""
    X, data = case.data.X, case.data
    for method, attribute, second in (
        ("fit_predict", "labels_", "predict"),
        ("fit_transform", "embedding_", "transform"),
    ):
        if not hasattr(case.plain(), method):
            continue
        model = case.wrapped()
        answer = fit(model, *data.args, method=method)
        assert model.engine_ == case.engine.name
        expected = fit(case.plain(), *data.args, method=method)
        assert np.shape(answer) == np.shape(expected)
        if isinstance(answer, tuple):
            continue
        if hasattr(model, second):
            _assert_close(answer, getattr(model, second)(X), f"{method} and {second}")
        elif hasattr(model, attribute):
            _assert_close(answer, getattr(model, attribute), f"{method} and {attribute}")


@promise(lambda case: hasattr(case.cls, "partial_fit"))
def _partial_fit_goes_on(case: Case) -> None:
    """``partial_fit`` goes on from batch to batch as in scikit-learn, or is refused where no row declares it."""
    data, half = case.data, len(case.data.X) // 2
    batches = [tuple(part[rows] for part in data.args) for rows in (slice(half), slice(half, None))]
    first = {"classes": np.unique(data.y)} if is_classifier(case.plain()) and data.y is not None else {}
    model, expected = case.wrapped(), case.plain()
    if "partial_fit" not in case.row.methods:
        error = raised(
            (UnsupportedParameter, UnsupportedMethod),
            "partial_fit was taken, which the row does not declare",
            lambda: model.partial_fit(*batches[0], **first),
        )
        assert "partial_fit" in str(error)
        return
    for batch in batches:
        fit(model, *batch, method="partial_fit", **first)
        fit(expected, *batch, method="partial_fit", **first)
        first = {}
    assert model.engine_ == case.engine.name
    assert_agrees(case.row, expected, model, data.X_new, data.y_new)


@promise(lambda case: bool(case.row.refused))
def _refused_methods_say_why(case: Case) -> None:
    """A method that would give wrong results on the engine's model is refused with the reason, and is no crash."""
    for name, reason in case.row.refused.items():
        if not hasattr(case.fitted_plain, name):
            continue
        method = getattr(case.fitted, name)
        error = raised(UnsupportedMethod, f"{name} answered, which the row refuses", partial(method, case.data.X_new))
        assert reason in str(error)
        assert error.parts["method"] == name
        assert error.hint


@promise()
def _repeats_itself(case: Case) -> None:
    """The same fit again gives the same results: with ``random_state`` where the class has one."""
    assert_same_results(case, fit(case.wrapped(), *case.data.args), case.fitted)


@promise()
def _threads_get_the_same_answer(case: Case) -> None:
    """A fit and a prediction in another thread give the results of the main one, on the same device."""
    case.fitted  # noqa: B018  fitted here, used there
    with ThreadPoolExecutor(1) as pool:
        there = pool.submit(lambda: fit(case.wrapped(), *case.data.args)).result()
        answers = pool.submit(lambda: results(case.fitted, case.data.X_new)).result()
    assert there.device_ == case.fitted.device_
    assert_same_results(case, there, case.fitted)
    for name, values in results(case.fitted, case.data.X_new).items():
        _assert_close(answers[name], values, name)


@promise()
def _nothing_global_changes(case: Case) -> None:
    """Environment, configuration, error state, random state and thread limits are after a fit what they were before."""
    case.fitted  # noqa: B018  the first import of a library may set itself up
    before = _global_state()
    model = fit(case.wrapped(), *case.data.args)
    results(model, case.data.X_new)
    after = _global_state()
    changed = [name for name, value in before.items() if after[name] != value]
    assert not changed, f"changed: {', '.join(changed)}"


def _global_state() -> dict[str, Any]:
    from threadpoolctl import threadpool_info

    kind, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002  the global one is the point
    return {
        "os.environ": dict(os.environ),
        "sklearn.get_config()": sklearn.get_config(),
        "numpy.geterr()": np.geterr(),
        "numpy.random": (kind, np.asarray(keys).tobytes(), rest),
        "thread limits": {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()},
    }


def results(model: Any, X: Any) -> dict[str, Any]:
    """Collect what a fitted estimator answers to X, or what it found if it answers nothing.

    Parameters
    ----------
    model : estimator
        Fitted.
    X : {array-like, sparse matrix}
        The data.

    Returns
    -------
    dict
        Method or attribute to result.
    """
    found = {}
    for name in ("predict", "predict_proba", "decision_function", "transform", "score_samples"):
        if hasattr(model, name):
            found[name] = getattr(model, name)(X)
    if not found and hasattr(model, "kneighbors"):
        found["kneighbors"] = model.kneighbors(X)[0]
    if not found:
        found = {
            name: getattr(model, name) for name in ("labels_", "embedding_", "covariance_") if hasattr(model, name)
        }
    return found


def assert_same_results(case: Case, found: Any, expected: Any) -> None:
    """Assert that two fits of the engine give the same, but for the order of floating-point sums.

    Parameters
    ----------
    case : Case
        Whose data are predicted.
    found, expected : estimator
        Both fitted by the engine.
    """
    wanted = results(expected, case.data.X_new)
    for name, values in results(found, case.data.X_new).items():
        if name == "labels_":  # clusters, whose numbers mean nothing
            assert adjusted_rand_score(wanted[name], values) == 1.0, f"{case.row.name} finds other clusters"
            continue
        _assert_close(values, wanted[name], f"{case.row.name}.{name}")


def _assert_close(found: Any, expected: Any, what: str) -> None:
    found, expected = (values.toarray() if sp.issparse(values) else np.asarray(values) for values in (found, expected))
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, not {expected.shape}"
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=what)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=what)


def _equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(np.array_equal(np.asarray(one[name]), np.asarray(other[name])) for name in one)
