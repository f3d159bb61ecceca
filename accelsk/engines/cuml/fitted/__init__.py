"""What is particular about each class: scikit-learn's fitted attributes made of cuML's, and corrections around a call.

A module has some of the dicts of `Particulars`, by the name of scikit-learn's class, or by its path where two libraries
have a class of that name.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from accelsk.engines.held import Held, Read
from accelsk.engines.holding import Intake

__all__ = ["Particulars", "particulars"]


@dataclass(frozen=True)
class Particulars:
    """What is particular about a class; None where nothing is.

    Parameters
    ----------
    fitted : callable, default=None
        ``FITTED``: ``fitted(read, params) -> dict``, scikit-learn's fitted attributes.
    intake : Intake, default=None
        ``INTAKE``: what is particular about its data.
    before : callable, default=None
        ``BEFORE``: ``before(held, X, y)``, before a fit.
    after : callable, default=None
        ``AFTER``: ``after(held)``, after a fit.
    answers : callable, default=None
        ``ANSWERS``: ``answers(held, method, result) -> result``.
    runs : callable, default=None
        ``RUNS``: ``runs(held, method, X, given) -> result``, instead of the call of cuML's method.
    warns : str, default=None
        ``WARNS``: what scikit-learn says where the iterations are used up.
    """

    fitted: Callable[[Read, Mapping[str, Any]], dict[str, Any]] | None = None
    intake: Intake | None = None
    before: Callable[[Held, Any, Any], None] | None = None
    after: Callable[[Held], None] | None = None
    answers: Callable[[Held, str, Any], Any] | None = None
    runs: Callable[[Held, str, Any, Mapping[str, Any]], Any] | None = None
    warns: str | None = None


@lru_cache(maxsize=128)
def particulars(path: str) -> Particulars:
    """Return what is particular about a class.

    Parameters
    ----------
    path : str
        The public path of scikit-learn's class.

    Returns
    -------
    Particulars
        From the modules of this package.

    Examples
    --------
    >>> particulars("sklearn.no.SuchClass")
    Particulars(fitted=None, intake=None, before=None, after=None, answers=None, runs=None, warns=None)
    """
    found = {}
    for field in Particulars.__dataclass_fields__:
        known = _collected(field.upper())
        found[field] = known.get(path, known.get(path.rpartition(".")[2]))
    return Particulars(**found)


@lru_cache(maxsize=16)
def _collected(name: str) -> dict[str, Any]:
    collected: dict[str, Any] = {}
    for module in pkgutil.iter_modules(__path__):
        own = getattr(import_module(f"{__name__}.{module.name}"), name, {})
        twice = sorted(collected.keys() & own.keys())
        assert not twice, f"{module.name}.{name} has a second entry for {', '.join(twice)}"
        collected.update(own)
    return collected
