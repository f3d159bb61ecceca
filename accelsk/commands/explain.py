"""``accelsk explain``: what would run for a class, and the row behind it."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import warnings
from typing import Any

from accelsk.commands import Answer, add_json
from accelsk.decision import Decision
from accelsk.devices import Device
from accelsk.displays import RuleTable, row_facts, row_title
from accelsk.engines import get
from accelsk.engines.spec import FIDELITIES, Engine, Row
from accelsk.errors import AccelskError, UnsupportedParameter, did_you_mean
from accelsk.explain import decision_of
from accelsk.origin import public_name
from accelsk.tables import Column, Table

__all__ = ["add_arguments", "run"]

_OPTIONS = ("engine", "device", "fidelity", "fallback")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the command.
    """
    parser.add_argument("cls", metavar="CLASS", help="with its module, as in sklearn.svm.SVC")
    parser.add_argument(
        "-p", "--param", dest="params", action="append", default=[], type=_assignment, metavar="NAME=VALUE",
        help="a hyperparameter (repeatable); a value that is no Python literal is taken as a string",
    )  # fmt: skip
    parser.add_argument("--engine", type=_names, help='"auto", a name, or names with commas, the preferred one first')
    parser.add_argument("--device", help='"auto", "cpu", "gpu", "gpu:1", "level_zero:gpu", ...')
    parser.add_argument(
        "--fidelity", metavar="{" + ",".join(FIDELITIES) + "}", help="how near to scikit-learn's result"
    )
    parser.add_argument("--fallback", metavar="{warn,raise,silent}", help="if a named engine cannot do this fit")
    data = parser.add_argument_group("data", "Decide for data of this shape; they are not made, only described.")
    data.add_argument("--rows", type=_positive, metavar="N")
    data.add_argument("--columns", type=_positive, metavar="M")
    data.add_argument("--dtype", default="float64", choices=("float64", "float32", "int64", "int32", "bool"))
    data.add_argument("--sparse", choices=("csr", "csc", "coo"), help="a sparse matrix of this format")
    data.add_argument("--classes", type=_positive, default=2, metavar="K", help="of a classifier's target (default: 2)")
    add_json(parser)
    parser.set_defaults(usage_error=parser.error)


def run(namespace: argparse.Namespace) -> Answer:
    """Decide, and show the rows of the engines in question.

    Parameters
    ----------
    namespace : argparse.Namespace
        The options.

    Returns
    -------
    Answer
        The decision, then the row of each engine that was named, or else of the one chosen: that for the device which
        was asked for, or the rows for all kinds of device.
    """
    if (namespace.rows is None) != (namespace.columns is None):
        namespace.usage_error("--rows and --columns go together")
    estimator = _make(_find_class(namespace.cls), dict(namespace.params))
    X, y = (None, None) if namespace.rows is None else _described(estimator, namespace)
    options = {name: getattr(namespace, name) for name in _OPTIONS if getattr(namespace, name) is not None}
    decision = decision_of(estimator, X, y, **options)
    rows = _rows(decision, public_name(type(estimator)))
    return Answer(
        _shown(decision, rows), {"decision": decision.to_dict(), "rows": [_plain(engine, row) for engine, row in rows]}
    )


# -- what is asked ---------------------------------------------------------------------------------------------------


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def _names(text: str) -> str | tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    return names[0] if len(names) == 1 else names


def _positive(text: str) -> int:
    number = int(text.replace("_", ""))
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def _find_class(path: str) -> type:
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name) if module_name else None
    except ImportError as error:
        if not isinstance(error, ModuleNotFoundError) or not f"{module_name}.".startswith(f"{error.name}."):
            raise AccelskError(f"{module_name} cannot be imported: {error}.", path=path) from error
        module = None
    found = getattr(module, name, None)
    if isinstance(found, type) and callable(getattr(found, "fit", None)):
        return found
    if found is not None:
        raise AccelskError(f"{path} is not an estimator class.", hint=_WAY_OUT, path=path)
    raise AccelskError(f"there is no class {path!r}.{_suggestion(path, name)}", hint=_WAY_OUT, path=path)


_WAY_OUT = "write the class as you import it, for instance sklearn.svm.SVC."


def _suggestion(path: str, name: str) -> str:
    from sklearn.utils import all_estimators

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports all of scikit-learn
        known = [public_name(cls) for _, cls in all_estimators()]
    same_name = [one for one in known if one.rpartition(".")[2].lower() == name.lower()]
    return f" Did you mean {same_name[0]!r}?" if same_name else did_you_mean(path, known)


def _make(cls: type, params: dict[str, Any]) -> Any:
    known = inspect.signature(cls).parameters
    for name in params:
        if name not in known:
            raise UnsupportedParameter(
                f"{cls.__name__} has no parameter {name!r}.{did_you_mean(name, known)}",
                hint=f"its parameters are {', '.join(known)}.",
                estimator=cls.__name__,
                parameter=name,
            )
    try:
        return cls(**params)
    except TypeError as error:
        raise AccelskError(
            f"{cls.__name__} cannot be made: {error}.", hint="give what it needs with -p NAME=VALUE, or in Python."
        ) from error


def _described(estimator: Any, namespace: argparse.Namespace) -> tuple[Any, Any]:
    """X and y of the shape and kind that was asked for. X takes next to no memory: one zero, seen everywhere."""
    import numpy as np
    from scipy.sparse import coo_array
    from sklearn.base import is_classifier, is_regressor

    shape = (namespace.rows, namespace.columns)
    X = np.broadcast_to(np.zeros(1, dtype=namespace.dtype), shape)
    if namespace.sparse:
        X = coo_array(shape, dtype=namespace.dtype).asformat(namespace.sparse)
    if is_classifier(estimator):
        return X, np.arange(namespace.rows) % namespace.classes
    return X, np.zeros(namespace.rows) if is_regressor(estimator) else None


# -- what is answered ------------------------------------------------------------------------------------------------


class FactTable(Table[tuple[str, str]]):
    """What a row declares besides its hyperparameters."""

    columns = (
        Column("the row", lambda fact: fact[0], "bold"),
        Column("", lambda fact: fact[1].replace("`", "")),
    )


def _rows(decision: Decision, cls: str) -> list[tuple[Engine, Row]]:
    asked, device = decision.requested["engine"], decision.requested["device"]
    engines = (decision.engine,) if asked == "auto" else (asked,) if isinstance(asked, str) else asked
    return [
        (get(name), row)
        for name in engines
        for row in get(name).rows_of(cls)
        if device == "auto" or row.runs_on(Device.parse(device))
    ]


def _shown(decision: Decision, rows: list[tuple[Engine, Row]]) -> Any:
    from rich.console import Group
    from rich.text import Text

    parts: list[Any] = [decision]
    for engine, row in rows:
        title = Text(f"\n{row_title(engine, row)} on engine {engine.name!r}", "bold")
        parts += [title, FactTable(tuple(row_facts(row).items())), Text(), RuleTable(tuple(row.params.items()))]
    return Group(*parts)


def _plain(engine: Engine, row: Row) -> dict[str, Any]:
    return {
        "engine": engine.name,
        "estimator": row.estimator,
        "devices": row.devices,
        "backend": row.backend,
        "facts": dict(row_facts(row)),
        "params": RuleTable(tuple(row.params.items())).to_dict(),
    }
