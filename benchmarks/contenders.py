"""Who takes part: every way to compute a case that is installed here, as estimators that are not fitted."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from accelsk import accelerate, explain
from accelsk.engines import names, reference, why_missing
from benchmarks.cases import Case

__all__ = ["AUTO", "PATCHED", "PLAIN", "SNAP", "Contender", "contenders", "named"]

#: Plain scikit-learn; patched by the Extension; Snap ML; accelsk's own choice.
PLAIN, PATCHED, SNAP, AUTO = "sklearn", "patched", "snapml", "accelsk"

_SNAP = {
    "sklearn.linear_model.LinearRegression": ("LinearRegression", ()),
    "sklearn.linear_model.Ridge": ("Ridge", ()),
    "sklearn.linear_model.Lasso": ("Lasso", ()),
    "sklearn.linear_model.LogisticRegression": ("LogisticRegression", ()),
    "sklearn.ensemble.RandomForestClassifier": ("RandomForestClassifier", ("n_estimators", "random_state")),
    "sklearn.ensemble.RandomForestRegressor": ("RandomForestRegressor", ("n_estimators", "random_state")),
}


@dataclass(frozen=True)
class Contender:
    """One way to compute a case.

    Parameters
    ----------
    name : str
        One of `PLAIN`, `PATCHED`, `SNAP`, `AUTO`; or ``"accelsk:ENGINE"``.
    make : callable
        Makes the estimator, not fitted.
    fidelity : str
        How near an engine that was named says to be to scikit-learn; "auto" chooses among all but "alternative".
    """

    name: str
    make: Callable[[], Any]
    fidelity: str = "exact"


def contenders(case: Case, X: Any, y: Any, k: int | None = None) -> dict[str, Contender]:
    """Return who can compute a case, plain scikit-learn first."""
    plain = case.make(k)
    found = [Contender(PLAIN, lambda: clone(plain))]
    patched = _replaced(plain, _patched)
    if patched is not None:
        found.append(Contender(PATCHED, lambda: clone(patched)))
    snap = _replaced(plain, _snap)
    if snap is not None:
        found.append(Contender(SNAP, lambda: clone(snap)))
    found.append(Contender(AUTO, lambda: accelerate(plain, engine="auto")))
    found.extend(named(plain, X, y))
    return {each.name: each for each in found}


def named(plain: Any, X: Any, y: Any) -> list[Contender]:
    """Return the engines that can compute an estimator, each by its name, scikit-learn's own among them."""
    found = []
    for name in names(plugins=False):
        if why_missing(name) is not None:
            continue
        told = explain(plain, X, y, engine=name, fallback="silent", fidelity="alternative")
        decisions = [told] if hasattr(told, "fidelity") else list(told.values())
        ran = [decision for decision in decisions if decision.engine == name]
        if not ran:
            continue
        nearest = max((decision.fidelity for decision in ran), key=("exact", "statistical", "alternative").index)
        found.append(
            Contender(
                f"{AUTO}:{name}",
                lambda name=name: accelerate(plain, engine=name, fallback="silent", fidelity="alternative"),
                nearest,
            )
        )
    return found


def is_reference(contender: str) -> bool:
    """Whether it is scikit-learn's own engine that was named."""
    return contender == f"{AUTO}:{reference().name}"


def _replaced(plain: Any, other: Callable[[Any], Any]) -> Any:
    """The estimator, or the pipeline, with each class that has another one replaced; None where none has."""
    if not isinstance(plain, Pipeline):
        return other(plain)
    steps = [(name, other(step)) for name, step in plain.steps]
    if all(step is None for _, step in steps):
        return None
    return Pipeline([(name, step or dict(plain.steps)[name]) for name, step in steps])


def _patched(plain: Any) -> Any:
    """The class that ``patch_sklearn()`` would put there, without patching anything."""
    if importlib.util.find_spec("sklearnex") is None:
        return None
    from sklearnex.dispatcher import get_patch_map

    for _, _, theirs, ours in get_patch_map().values():
        if ours is type(plain):
            return theirs(**plain.get_params(deep=False))
    return None


def _snap(plain: Any) -> Any:
    if importlib.util.find_spec("snapml") is None:
        return None
    path = next((path for path in _SNAP if _class_of(path) is type(plain)), None)
    if path is None:
        return None
    name, shared = _SNAP[path]
    cls = getattr(importlib.import_module("snapml"), name, None)
    return None if cls is None else cls(**{param: getattr(plain, param) for param in shared})


def _class_of(path: str) -> type:
    module, _, name = path.rpartition(".")
    found: type = getattr(importlib.import_module(module), name)
    return found
