"""A row and scikit-learn's hyperparameters in, keyword arguments for the engine or the refusals out."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsk.engines.rules import Refused
from accelsk.engines.spec import Row
from accelsk.errors import UnsupportedParameter, did_you_mean

if TYPE_CHECKING:
    from accelsk.config import Options

__all__ = ["Refusal", "check_total", "keywords_of", "merge_engine_params", "translate"]


@dataclass(frozen=True)
class Refusal:
    """A hyperparameter value that the engine does not support.

    Parameters
    ----------
    parameter : str
        Its name.
    value : object
        Its value.
    supported : str
        What is supported: ``"kernel='rbf' or kernel='linear'"``.
    others : tuple of (str, object), default=()
        The parameters that it was judged together with, and their values.
    """

    parameter: str
    value: Any
    supported: str
    others: tuple[tuple[str, Any], ...] = ()


def translate(row: Row, params: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Refusal, ...]]:
    """Turn hyperparameters into the engine's keyword arguments.

    Every parameter is passed, not only those that were changed: an engine's own defaults never leak in. NumPy scalars
    become Python scalars, because not every engine takes them.

    Parameters
    ----------
    row : Row
        The row of the class.
    params : mapping
        ``estimator.get_params(deep=False)``.

    Returns
    -------
    keywords : dict
        For the engine's constructor; incomplete where there are refusals.
    refusals : tuple of Refusal
        Every value that the engine does not support.

    Examples
    --------
    >>> from accelsk.engines.rules import only, same
    >>> from accelsk.engines.spec import Inputs, Row
    >>> row = Row(estimator="a.A", backend="b.A", params={"k": same, "mode": only("x")}, fit=Inputs(), methods=())
    >>> translate(row, {"k": 3, "mode": "x"})
    ({'k': 3, 'mode': 'x'}, ())
    >>> translate(row, {"k": 3, "mode": "y"})[1]
    (Refusal(parameter='mode', value='y', supported="mode='x'", others=()),)
    """
    values = {name: _plain(value) for name, value in params.items()}
    keywords: dict[str, Any] = {}
    refusals: list[Refusal] = []
    judged: set[tuple[str, ...]] = set()
    for name, value in values.items():
        rule = row.params.get(name)
        if rule is None and row.native:
            keywords[name] = value
            continue
        if rule is None:
            refusals.append(Refusal(name, value, "only the parameters of the scikit-learn versions that it knows"))
            continue
        if rule.names:
            if rule.names in judged:
                continue
            judged.add(rule.names)
        try:
            keywords.update(rule.apply(name, value, values))
        except Refused as refused:
            others = tuple((other, values[other]) for other in rule.names if other != name and other in values)
            refusals.append(Refusal(name, value, refused.supported, others))
    for name, rule in row.params.items():
        if rule.word == "const":
            keywords.update(rule.apply(name, None, values))
    return keywords, tuple(refusals)


def merge_engine_params(row: Row, engine: str, given: Mapping[str, Any], keywords: dict[str, Any]) -> None:
    """Add the parameters that only the engine has to the keyword arguments, in place.

    Parameters
    ----------
    row : Row
        The row; its `engine_params` are the names and the values that hold by default.
    engine : str
        Its engine's name, for the message.
    given : mapping
        What the user passed as ``engine_params[engine]``.
    keywords : dict
        The translated hyperparameters.

    Raises
    ------
    UnsupportedParameter
        If the engine does not have such a parameter.
    """
    for name in given:
        if name not in row.engine_params:
            known = ", ".join(row.engine_params) or "none"
            raise UnsupportedParameter(
                f"engine_params={{{engine!r}: {{{name!r}: ...}}}} names a parameter that engine {engine!r} does not "
                f"add to {row.name}.{did_you_mean(name, row.engine_params)}",
                hint=f"it adds: {known}. Hyperparameters of {row.name} itself belong on the estimator.",
                parameter=name,
                value=repr(given[name]),
                engine=engine,
                estimator=row.name,
            )
    keywords.update({**row.engine_params, **given})


def keywords_of(
    row: Row, engine: str, params: Mapping[str, Any], options: Options
) -> tuple[dict[str, Any], tuple[Refusal, ...]]:
    """Make all keyword arguments of the engine's class: of the hyperparameters, and of the options.

    Parameters
    ----------
    row : Row
        The row.
    engine : str
        Its engine's name.
    params : mapping
        The hyperparameters.
    options : Options
        Of which ``engine_params`` and ``n_jobs`` become keywords.

    Returns
    -------
    keywords : dict
        The keyword arguments.
    refusals : tuple of Refusal
        Every hyperparameter that the row does not take; empty means that `keywords` can be used.

    Raises
    ------
    UnsupportedParameter
        If ``engine_params`` names a parameter that the engine does not have.
    """
    keywords, refusals = translate(row, params)
    merge_engine_params(row, engine, options.engine_params.get(engine, {}), keywords)
    if options.n_jobs is not None and (row.native or row.jobs in keywords):
        keywords[row.jobs] = options.n_jobs
    return keywords, refusals


def check_total(row: Row, cls: type) -> tuple[str, ...]:
    """Find the constructor parameters that a row does not decide, and the decided ones that do not exist.

    Parameters
    ----------
    row : Row
        The row.
    cls : type
        Its scikit-learn class, as installed.

    Returns
    -------
    tuple of str
        Problems in words; empty for a total row.
    """
    import sklearn
    from packaging.version import Version

    here = Version(sklearn.__version__)
    parameters = [
        name
        for name, parameter in inspect.signature(cls.__init__).parameters.items()  # type: ignore[misc]
        if name != "self" and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    expected = {
        name
        for name, rule in row.params.items()
        if rule.word != "const"
        and not (rule.since and here < Version(rule.since))
        and not (rule.until and here >= Version(rule.until))
    }
    forgotten = [f"says nothing about {name}" for name in parameters if name not in expected and not row.native]
    invented = [f"decides {name}, which the class does not have" for name in sorted(expected - set(parameters))]
    return (*forgotten, *invented)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
