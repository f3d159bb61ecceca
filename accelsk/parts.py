"""The estimators that an estimator is made of: of which parameters they are the values, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sklearn.base import MetaEstimatorMixin
from sklearn.utils.metaestimators import _BaseComposition

from accelsk.wrapper import Wrapper

__all__ = ["fitted_parts", "is_estimator", "is_left_alone", "parts", "with_parts"]

#: Parameters that hold the estimator, or the estimators, that an object delegates to, whoever wrote its class.
_HOLDING = frozenset(
    {
        *("estimator", "base_estimator", "final_estimator", "regressor", "classifier", "transformer"),
        *("estimators", "regressors", "classifiers", "meta_regressor", "meta_classifier"),
        *("steps", "transformers", "transformer_list"),
    }
)
#: Of what every parameter may hold some.
_ARRANGING = (MetaEstimatorMixin, _BaseComposition)
#: What an estimator keeps besides its hyperparameters.
_CONFIGURATION = ("_sklearn_output_config", "_metadata_request", "_skl_callbacks")


def is_estimator(value: Any) -> bool:
    """Say whether a value is an estimator: an instance with ``fit`` and ``get_params``.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    bool
        False for classes, for "passthrough" and "drop".

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> is_estimator(SVC()), is_estimator(SVC), is_estimator("drop")
    (True, False, False)
    """
    return hasattr(value, "fit") and hasattr(value, "get_params") and not isinstance(value, type)


def is_left_alone(estimator: Any) -> bool:
    """Say whether an estimator is of a kind that no engine can compute.

    Parameters
    ----------
    estimator : estimator
        An estimator.

    Returns
    -------
    bool
        True for what is fitted already and is not to be fitted (``FrozenEstimator``, ``prefit=True``,
        ``cv="prefit"``), and for samplers, which change the number of rows.

    Examples
    --------
    >>> from sklearn.feature_selection import SelectFromModel
    >>> from sklearn.svm import LinearSVC
    >>> is_left_alone(SelectFromModel(LinearSVC(), prefit=True)), is_left_alone(SelectFromModel(LinearSVC()))
    (True, False)
    """
    if type(estimator).__name__ == "FrozenEstimator" or hasattr(estimator, "fit_resample"):
        return True
    cv = getattr(estimator, "cv", None)
    return getattr(estimator, "prefit", None) is True or (isinstance(cv, str) and cv == "prefit")


def parts(obj: Any) -> dict[str, Any]:
    """Return the estimators that an estimator is made of.

    Parameters
    ----------
    obj : estimator
        A meta-estimator or a composition; any other has no parts.

    Returns
    -------
    dict of str to object
        By the name of the parameter, or for named lists (``steps``, ``transformers``, ...) by the name given there.
        Empty for an estimator that stands by itself.

    Examples
    --------
    >>> from sklearn.ensemble import VotingClassifier
    >>> from sklearn.svm import SVC
    >>> parts(VotingClassifier([("svc", SVC()), ("other", "drop")]))
    {'svc': SVC()}
    >>> parts(SVC())
    {}
    """
    found: dict[str, Any] = {}

    def note(name: str, value: Any) -> Any:
        found[name] = value
        return value

    for name, value in _holding(obj).items():
        _each(name, value, note)
    return found


def with_parts(obj: Any, wrap: Callable[[str, Any], Any]) -> Any:
    """Make an unfitted estimator with other parts, and everything else the same.

    Parameters
    ----------
    obj : estimator
        An estimator with `parts`; it is not changed.
    wrap : callable
        ``wrap(name, part)``; what takes the part's place.

    Returns
    -------
    estimator
        Of the same class.

    Examples
    --------
    >>> from sklearn.feature_selection import SelectFromModel
    >>> from sklearn.linear_model import Lasso, Ridge
    >>> with_parts(SelectFromModel(Ridge(), max_features=2), lambda name, part: Lasso())
    SelectFromModel(estimator=Lasso(), max_features=2)
    """
    params = obj.get_params(deep=False)
    changed = {name: _each(name, value, wrap) for name, value in _holding(obj).items()}
    made = type(obj)(**{**params, **changed})
    for name in _CONFIGURATION:
        if name in vars(obj):
            setattr(made, name, vars(obj)[name])
    return made


def fitted_parts(obj: Any) -> Iterator[tuple[str, Wrapper]]:
    """Go through the wrapped estimators that a fitted object holds.

    Parameters
    ----------
    obj : estimator
        A fitted meta-estimator or composition.

    Yields
    ------
    tuple of (str, Wrapper)
        The path from `obj` (``best_estimator_.clf``), and what is there.
    """
    yield from _walk("", obj, set())


def _walk(path: str, value: Any, seen: set[int]) -> Iterator[tuple[str, Wrapper]]:
    if id(value) in seen or isinstance(value, str | bytes | type):
        return
    seen.add(id(value))
    below = f"{path}." if path else ""
    if isinstance(value, Wrapper):
        if _ran(value):  # some keep the one that they made the fitted ones from
            yield path, value
    elif isinstance(value, list | tuple):
        if len({_ran(item) for item in value}) == 1 and _ran(value[0]):
            yield path, value[0]  # the members of an ensemble: one line says what ran for all of them
            return
        for position, item in enumerate(value):
            if isinstance(item, tuple) and len(item) > 1 and isinstance(item[0], str):
                yield from _walk(f"{below}{item[0]}", item[1], seen)  # a named part
            elif is_estimator(item) or isinstance(item, list):
                yield from _walk(f"{path}[{position}]", item, seen)
    elif is_estimator(value):
        fitted = {name for name in vars(value) if name.endswith("_") and not name.startswith("_")}
        for name in sorted(fitted | ({"steps", "transformer_list"} & vars(value).keys())):
            holder = vars(value)[name]
            named = name in ("steps", "transformer_list", "transformers_")  # the names within say enough
            if isinstance(holder, list | tuple) or is_estimator(holder):
                yield from _walk(path if named else f"{below}{name}", holder, seen)


def _ran(value: Any) -> tuple[str, str] | None:
    decision = value.__dict__.get("_decision") if isinstance(value, Wrapper) else None
    return None if decision is None else (decision.engine, decision.device)


def _holding(obj: Any) -> dict[str, Any]:
    """The parameters that hold parts."""
    if isinstance(obj, Wrapper):
        return {}
    meta = isinstance(obj, _ARRANGING)
    if not meta and _HOLDING.isdisjoint(getattr(obj, "__dict__", ())):
        return {}  # asked at every fit of a step: without get_params, which costs more than the rest
    holding = {}
    for name, value in obj.get_params(deep=False).items():
        if meta or name in _HOLDING:
            held: list[str] = []
            _each(name, value, lambda part, estimator: held.append(part))  # noqa: B023
            if held:
                holding[name] = value
    return holding


def _each(name: str, value: Any, wrap: Callable[[str, Any], Any]) -> Any:
    """Put ``wrap(name, part)`` in the place of every part in the value of a parameter."""
    if is_estimator(value):
        return wrap(name, value)
    if not isinstance(value, list | tuple):
        return value
    items = []
    for position, item in enumerate(value):
        if isinstance(item, tuple) and len(item) > 1 and isinstance(item[0], str) and is_estimator(item[1]):
            items.append((item[0], wrap(item[0], item[1]), *item[2:]))
        elif is_estimator(item):
            items.append(wrap(f"{name}[{position}]", item))
        else:
            items.append(item)
    return type(value)(items)
