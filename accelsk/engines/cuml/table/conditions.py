"""Rules and conditions that several rows share. Imports nothing of cuML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from accelsk.engines.rules import Rule, ignored, only, together
from accelsk.engines.spec import Need
from accelsk.facts import Facts

__all__ = [
    "CLASSES",
    "GPU",
    "JOBS",
    "ONE_OUTPUT",
    "SILENT",
    "WEIGHTS",
    "demanded",
    "size",
]

#: cuML computes on NVIDIA GPUs alone.
GPU = ("gpu",)

JOBS: Mapping[str, Rule] = {"n_jobs": ignored("it is the GPU that computes")}
SILENT: Mapping[str, Rule] = {"verbose": ignored("it prints nothing")}

ONE_OUTPUT = Need("a single target column", lambda facts, params: facts.n_outputs <= 1)
CLASSES = Need("two classes or more", lambda facts, params: facts.n_classes > 1)
WEIGHTS = Need("sample weights of 0 or more, not all 0", lambda facts, params: facts.min_weight >= 0 < facts.max_weight)


def size(facts: Facts) -> tuple[int, int]:
    """Return rows and columns of X; zeros where X is not a matrix, which scikit-learn will refuse.

    Parameters
    ----------
    facts : Facts
        What is known of the data.

    Returns
    -------
    tuple of int
        Rows and columns.
    """
    return facts.n_samples or 0, facts.n_features or 0


def demanded(name: str, *values: Any, where: Callable[[Any], bool] | None = None, text: str = "") -> Rule:
    """Demand that a parameter has one of these values, as `only` does, where cuML has no keyword for it.

    Parameters
    ----------
    name : str
        The parameter.
    *values : object
        The values under which cuML computes what scikit-learn would.
    where : callable, default=None
        A test for further values, ``where(value) -> bool``; needs `text`.
    text : str, default=""
        What `where` accepts, in words.

    Returns
    -------
    Rule
        The rule; it passes nothing on.

    Examples
    --------
    >>> rule = demanded("positive", False)
    >>> rule.apply("positive", False, {"positive": False})
    {}
    >>> rule.apply("positive", True, {"positive": True})
    Traceback (most recent call last):
        ...
    accelsk.engines.rules.Refused: positive=False
    """
    rule = only(*values, where=where, text=text)

    def translate(params: Mapping[str, Any]) -> dict[str, Any]:
        rule.apply(name, params[name], params)
        return {}

    return together(name, translate=translate, text=f"{rule.text}; cuML has no such parameter")
