"""explain(): what would compute a fit, before it is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from sklearn.pipeline import Pipeline

from accelsk.blocks import facts_of
from accelsk.decision import Decision, Decisions
from accelsk.estimator import AcceleratedEstimator
from accelsk.frames import TO_PANDAS, conversion, local
from accelsk.options import OPTIONS
from accelsk.parts import is_estimator, is_left_alone, parts
from accelsk.pipeline import AcceleratedPipeline
from accelsk.selection import select
from accelsk.wrapper import Wrapper
from accelsk.wrapping import accelerate

__all__ = ["decision_of", "explain"]


def explain(obj: Any, X: Any = None, y: Any = None, **options: Any) -> Decision | Decisions:
    """Say what would compute a fit, where and why, and why not the others; nothing is fitted.

    Parameters
    ----------
    obj : estimator
        The estimator, pipeline, search, ...; a plain one is looked at as if it were given to `accelerate`.
    X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features), default=None
        The data. Without them the hyperparameters alone decide, and "auto" promises nothing that depends on the data.
        Of several parts, only those to which X comes unchanged are decided with the data.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The target.
    **options : dict
        Options of `AcceleratedEstimator` (engine, device, ...) for a plain estimator, and the keyword arguments of its
        ``fit`` (``sample_weight``).

    Returns
    -------
    Decision or Decisions
        For an estimator its decision; for an object of several parts a mapping of their paths to decisions, which says
        what `accelerate` wraps. Prints as text, in rich and in HTML; ``to_dict()`` gives plain data.

    Raises
    ------
    EngineNotAvailable, DeviceNotAvailable, UnsupportedParameter, UnsupportedInput
        What the fit itself would raise.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from accelsk import explain
    >>> print(explain(Ridge(), engine="sklearn"))  # doctest: +ELLIPSIS
    Ridge() would be fitted by engine 'sklearn' on 'cpu' (exact): asked for by name.
    ...
    """
    if not parts(obj) or is_left_alone(obj):
        return decision_of(obj, X, y, **options)
    own = {name: options.pop(name) for name in OPTIONS if name in options}
    if isinstance(obj, AcceleratedPipeline):
        carried = obj._carried_options()
        obj = AcceleratedPipeline(**{**obj.get_params(deep=False), **own})
        obj._carry(carried)
    else:
        obj = accelerate(obj, **own)
    return Decisions(dict(_decisions("", obj, X, y)))


def decision_of(estimator: Any, X: Any = None, y: Any = None, **options: Any) -> Decision:
    """Say what would compute the fit of one estimator; parameters and errors as in `explain`.

    Parameters
    ----------
    estimator : estimator
        A plain one, or an `AcceleratedEstimator`.
    X, y, **options : object
        As in `explain`.

    Returns
    -------
    Decision
        Of this estimator; what it may be made of is not looked at.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> decision_of(SVC(), engine="sklearn").engine
    'sklearn'
    """
    own = {name: options.pop(name) for name in OPTIONS if name in options}
    wrapper = estimator if isinstance(estimator, Wrapper) else AcceleratedEstimator(estimator)
    return _decision(wrapper, X, y, options, own)


def _decision(wrapper: Wrapper, X: Any, y: Any, fit_params: Mapping[str, Any], options: Mapping[str, Any]) -> Decision:
    facts, how = None, ""
    if X is not None:
        how = conversion(wrapper, X)
        fit_params = {name: local(value) for name, value in fit_params.items()}
        facts = facts_of(local(X) if how == TO_PANDAS else X, local(y), fit_params)
    callbacks = bool(wrapper.__dict__.get("_skl_callbacks"))
    decision = select(wrapper._inner, facts, wrapper._options(**options), callbacks=callbacks).decision
    return replace(decision, conversions=(how, *decision.conversions)) if how else decision


def _decisions(path: str, obj: Any, X: Any, y: Any) -> Iterator[tuple[str, Decision]]:
    """Go through the parts; X and y are None from where on they are not those of the fit any more."""
    if isinstance(obj, Wrapper) and not obj._arranges():
        yield path, _decision(obj, X, y, {}, {})
        return
    inside = dict(obj._prepared()) if isinstance(obj, AcceleratedPipeline) else parts(obj)
    # A pipeline gives its first step what it is given, and a search gives its estimator a part of the rows.
    untouched = isinstance(obj, Pipeline) or hasattr(obj, "refit")
    for name, part in inside.items():
        if not is_estimator(part) or (is_left_alone(part) and not isinstance(part, Wrapper)):
            continue
        below = part._fresh() if isinstance(part, Wrapper) and part._arranges() else part
        yield from _decisions(f"{path}.{name}" if path else name, below, *((X, y) if untouched else (None, None)))
        untouched = untouched and not isinstance(obj, Pipeline)
