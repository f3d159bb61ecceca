"""fit_many(): several models at once."""

from __future__ import annotations

import inspect
import warnings
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sklearn.base import clone

from accelsk.errors import AccelskWarning, FitFailed, UnsupportedParameter, did_you_mean
from accelsk.options import OPTIONS
from accelsk.parallel.fits import fits, in_a_line
from accelsk.parallel.progress import shown
from accelsk.parallel.workers import workers_for
from accelsk.parts import is_estimator
from accelsk.surroundings import Heard, repeat
from accelsk.wrapper import Wrapper, outside
from accelsk.wrapping import accelerate

__all__ = ["FailedFit", "fit_many"]


@dataclass(frozen=True)
class FailedFit:
    """What stands in the place of a model that could not be fitted.

    Parameters
    ----------
    model : estimator
        The model as it was given.
    error : BaseException
        What its fit raised.
    traceback : str
        Where that was raised, also if it was in another process.
    """

    model: Any
    error: BaseException
    traceback: str = field(repr=False)


def fit_many(
    models: Any,
    X: Any,
    y: Any = None,
    *,
    n_jobs: int | None = None,
    backend: Any = None,
    on_error: str = "raise",
    progress: Any = "auto",
    **params: Any,
) -> Any:
    """Fit several models to the same data, in parallel.

    Clones are fitted, as everywhere in scikit-learn where one object is given others to fit: the models that are given
    do not change, and models that share a generator as their ``random_state`` have a copy of it each. So the result is
    the same whatever the number of jobs and the backend.

    Parameters
    ----------
    models : dict, list or tuple
        Estimators by name, or estimators, or pairs of a name and an estimator: plain ones, accelerated ones, pipelines,
        searches and whatever else has a ``fit``.
    X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        The data. They go to the workers once, not once per model.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The target.
    n_jobs : int, default=None
        How many models are fitted at once, as joblib reads it. None is what the surrounding configuration says, else 1;
        where `backend` is given, all cores. Fewer models than that have more cores each.
    backend : str or joblib backend, default=None
        Where: "loky", "threading", ... None leaves it to the surrounding configuration.
    on_error : {"raise", "keep"}, default="raise"
        What happens when a fit fails. The others are fitted in both cases; then an error is raised that has them, or
        they are returned with a `FailedFit` in the place of each one that failed.
    progress : {"auto", True, False} or rich.console.Console, default="auto"
        Whether a line per model says what fitted it, where and how long that took, or why it failed. On the standard
        error; "auto" shows it only where that is a terminal or a notebook.
    **params : dict
        Keyword arguments of ``fit`` (``sample_weight``), which each model is given; and options of `accelerate`
        (``engine``, ``device``, ``fallback``, ``fidelity``, ``sparse``, ``engine_params``). With one of these each
        model is accelerated first; those that are so already keep the options that they have. Without, plain estimators
        stay plain.

    Returns
    -------
    dict, list or tuple
        The fitted models in the order, under the names and in the kind of container in which they were given.

    Raises
    ------
    FitFailed
        If a fit failed and `on_error` is "raise": ``fitted`` is what would have been returned by "keep", ``failures``
        has a `FailedFit` for each name. The cause is the error of the fit; an `ExceptionGroup` if there are several.
    TypeError
        If something that was given is no estimator, or its ``fit`` does not take a keyword argument: before any fit.

    See Also
    --------
    accelerate : What the options do to a model.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.svm import SVC
    >>> from accelsk import fit_many
    >>> X, y = load_iris(return_X_y=True)
    >>> fitted = fit_many({"svc": SVC(), "logistic": LogisticRegression(max_iter=500)}, X, y)
    >>> {name: model.score(X, y) > 0.9 for name, model in fitted.items()}
    {'svc': True, 'logistic': True}
    """
    if on_error not in ("raise", "keep"):
        raise UnsupportedParameter(
            f"on_error={on_error!r} is not supported.",
            hint='use "raise" or "keep".',
            parameter="on_error",
            value=repr(on_error),
        )
    given = _named(models)
    options = {name: params.pop(name) for name in OPTIONS if name in params}
    for name, model in given:
        _check_takes(name, model, params)
    # All before the first fit: a fit may draw from a generator that several of them share.
    fresh = [clone(accelerate(model, **options) if options else model) for _, model in given]
    outcomes = {}
    with (
        workers_for(len(fresh), backend, n_jobs) as n_workers,
        shown(progress, [str(name) for name, _ in given]) as tell,
        fits(fresh, X, y, params, n_workers) as ended,
    ):
        for outcome in ended:
            outcomes[outcome.number] = outcome
            tell(outcome)

    _warn(heard for number in sorted(outcomes) for heard in outcomes[number].heard)
    failures: dict[Hashable, FailedFit] = {}
    results = []
    for number, (name, model) in enumerate(given):
        outcome = outcomes[number]
        if outcome.failure is not None:
            failures[name] = FailedFit(model, outcome.failure.error(), outcome.failure.text)
        results.append(failures.get(name, outcome.model))
    fitted = _as_given(models, results)
    if failures and on_error == "raise":
        raise _error(fitted, failures, len(given)) from _cause(failures)
    return fitted


# -- models in, models out -------------------------------------------------------------------------------------------


def _named(models: Any) -> list[tuple[Any, Any]]:
    """Return names and estimators; those without a name are called as `make_pipeline` calls them."""
    if isinstance(models, Mapping):
        pairs = list(models.items())
    elif isinstance(models, list | tuple):
        pairs = [each if _is_pair(each) else (None, each) for each in models]
    else:
        raise TypeError(f"models={models!r} is neither a dict nor a list of estimators.")
    for name, model in pairs:
        if not is_estimator(model):
            called = "" if name is None else f"models[{name!r}]="
            raise TypeError(
                f"{called}{model!r} is not an estimator: fit_many() takes instances with fit and get_params."
            )
    kinds = Counter(_kind(model) for name, model in pairs if name is None)
    seen: Counter[str] = Counter()
    named = []
    for name, model in pairs:
        if name is None:
            kind = _kind(model)
            seen[kind] += 1
            name = f"{kind}-{seen[kind]}" if kinds[kind] > 1 else kind
        named.append((name, model))
    twice = [repr(name) for name, count in Counter(name for name, _ in named).items() if count > 1]
    if twice:
        raise UnsupportedParameter(
            f"models has several of the name {', '.join(twice)}.",
            hint="give each model a name of its own, or none.",
            parameter="models",
            value=", ".join(twice),
        )
    return named


def _is_pair(each: Any) -> bool:
    return isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], str)


def _kind(model: Any) -> str:
    return type(model._inner if isinstance(model, Wrapper) else model).__name__.lower()


def _as_given(models: Any, fitted: Sequence[Any]) -> Any:
    if isinstance(models, Mapping):
        return dict(zip(models, fitted, strict=True))
    each = [(old[0], new) if _is_pair(old) else new for old, new in zip(models, fitted, strict=True)]
    return tuple(each) if isinstance(models, tuple) else each


def _check_takes(name: Any, model: Any, params: Mapping[str, Any]) -> None:
    if not params:
        return
    taken = inspect.signature(model.fit).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in taken):
        return  # a pipeline, a search: it says itself what it takes
    for param in params:
        if param not in {each.name for each in taken}:
            raise TypeError(
                f"model {name!r} cannot be fitted with {param!r}: {type(model).__name__}.fit() does not take it."
                f"{did_you_mean(param, OPTIONS)}"
            )


# -- what the user hears ---------------------------------------------------------------------------------------------


def _warn(heard: Iterable[Heard]) -> None:
    """Give the warnings of the workers here, each once however many models gave it."""
    given = set()
    for each in heard:
        what = (type(each.message), str(each.message), each.filename, each.lineno)
        if what in given:
            continue
        given.add(what)
        if isinstance(each.message, AccelskWarning):  # it points at the line of the user, which is here
            warnings.warn(each.message, stacklevel=outside())
        else:
            repeat([each])


def _error(fitted: Any, failures: Mapping[Hashable, FailedFit], total: int) -> FitFailed:
    told = "; ".join(f"{name!r} ({in_a_line(each.error)})" for name, each in failures.items())
    return FitFailed(
        f"{len(failures)} of {total} models could not be fitted: {told}.",
        hint="the others are in `fitted` of this error; on_error='keep' returns them.",
        fitted=fitted,
        failures=failures,
    )


def _cause(failures: Mapping[Hashable, FailedFit]) -> BaseException:
    errors = [each.error for each in failures.values()]
    return errors[0] if len(errors) == 1 else BaseExceptionGroup("the fits that failed", errors)
