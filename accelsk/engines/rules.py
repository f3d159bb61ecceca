"""The words in which a row says what becomes of each hyperparameter.

There are eight, and together they decide *every* constructor parameter of a scikit-learn class:

=================  ====================================================================================
`same`             passed on unchanged
`rename`           passed on under the engine's name for it
`mapped`           some values have another spelling; a value without one is refused
`only`             passed on unchanged if it is one of these, refused otherwise
`adjusted`         passed on after a correction (another scale, another default)
`const`            a keyword that only the engine has, always passed with this value
`ignored`          not passed, because it has no effect there; says why
`together`         several parameters that can only be judged together; says why
=================  ====================================================================================

A ninth word is a design decision. Engine authors import from here.

Where the engine is another algorithm for the same task, a parameter may mean nearly the same there, or nothing: its
rule says so by `Rule.approximate` and `Rule.without_effect`. All other rules are exact.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

__all__ = ["Refused", "Rule", "adjusted", "const", "ignored", "mapped", "only", "rename", "same", "together"]

Keywords = dict[str, Any]
Grade = Literal["exact", "approximate", "none"]


class Refused(Exception):
    """Raised by a rule for a value that the engine does not support; the argument says what is supported.

    Parameters
    ----------
    supported : str
        What the engine does support, as it would be written in a message: ``"kernel='rbf' or kernel='linear'"``.
    """

    @property
    def supported(self) -> str:
        """What is supported instead."""
        return str(self.args[0])


@dataclass(frozen=True)
class Rule:
    """What becomes of one hyperparameter. Made by the words of this module, not by hand.

    Parameters
    ----------
    word : str
        The word of the vocabulary that made it.
    apply : callable
        ``apply(name, value, params) -> dict`` of keyword arguments for the engine; raises `Refused`.
    text : str
        What the rule does, for the tables of the documentation; ``{name}`` stands for the parameter.
    names : tuple of str
        For `together`: the parameters that are judged together.
    since, until : str, default=""
        The scikit-learn versions (first with, first without) in which the parameter exists.
    grade : {"exact", "approximate", "none"}, default="exact"
        How near the engine comes to what the parameter means in scikit-learn.
    why : str, default=""
        What differs.
    where : callable, default=None
        ``where(params) -> bool``: under which hyperparameters the grade holds, exact under others; None for all.
    """

    word: str
    apply: Callable[[str, Any, Mapping[str, Any]], Keywords] = field(compare=False)
    text: str
    names: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    grade: Grade = "exact"
    why: str = ""
    where: Callable[[Mapping[str, Any]], bool] | None = field(default=None, compare=False)

    def approximate(self, why: str, *, where: Callable[[Mapping[str, Any]], bool] | None = None) -> Rule:
        """Return this rule for a parameter that means nearly the same in the engine.

        Parameters
        ----------
        why : str
            What differs.
        where : callable, default=None
            ``where(params) -> bool``: under which hyperparameters; None for all.

        Returns
        -------
        Rule
            The same rule, graded.

        Examples
        --------
        >>> rename("max_bin").approximate("other bins").graded({})
        'approximate'
        """
        return replace(self, grade="approximate", why=why, where=where)

    def without_effect(self, why: str, *, where: Callable[[Mapping[str, Any]], bool] | None = None) -> Rule:
        """Return this rule for a parameter that the engine has nothing for.

        Parameters
        ----------
        why : str
            What differs.
        where : callable, default=None
            ``where(params) -> bool``: under which hyperparameters; None for all.

        Returns
        -------
        Rule
            The same rule, graded.
        """
        return replace(self, grade="none", why=why, where=where)

    def graded(self, params: Mapping[str, Any]) -> Grade:
        """Return the grade under given hyperparameters.

        Parameters
        ----------
        params : mapping
            All hyperparameters.

        Returns
        -------
        {"exact", "approximate", "none"}
            "exact" where the grade does not hold.
        """
        return self.grade if self.where is None or self.where(params) else "exact"

    def versions(self, *, since: str = "", until: str = "") -> Rule:
        """Return this rule for a parameter that only some scikit-learn versions have.

        Parameters
        ----------
        since : str, default=""
            First scikit-learn version that has the parameter.
        until : str, default=""
            First scikit-learn version that no longer has it.

        Returns
        -------
        Rule
            The same rule, with the range.

        Examples
        --------
        >>> from accelsk.engines.rules import same
        >>> same.versions(since="1.8").since
        '1.8'
        """
        return replace(self, since=since, until=until)


def is_number(value: Any) -> bool:
    """Say whether a hyperparameter is a real number (``True`` and ``False`` are not).

    Parameters
    ----------
    value : object
        The value of a hyperparameter.

    Returns
    -------
    bool
        Whether it is an `int`, a `float` or a NumPy scalar of such a kind.

    Examples
    --------
    >>> is_number(1.5), is_number(True), is_number("auto")
    (True, False, False)
    """
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _equal(value: Any, option: Any) -> bool:
    """Compare without the surprises of ``True == 1`` and of elementwise array comparison."""
    if value is option:
        return True
    if is_number(value) and is_number(option):
        return bool(value == option)
    return type(value) is type(option) and isinstance(value, str | bool | tuple) and bool(value == option)


def _either(name: str, options: tuple[Any, ...], text: str = "") -> str:
    listed = [f"{name}={option!r}" for option in options]
    if text:
        listed.append(f"{name}={text}" if listed else text.replace("{name}", name))
    return " or ".join(listed)


#: Passed on unchanged.
same = Rule("same", lambda name, value, params: {name: value}, "passed on")


def rename(new: str) -> Rule:
    """Pass the value on under another name.

    Parameters
    ----------
    new : str
        The engine's name of the parameter.

    Returns
    -------
    Rule
        The rule.

    Examples
    --------
    >>> rename("max_leaves").apply("max_leaf_nodes", 31, {})
    {'max_leaves': 31}
    """
    return Rule("rename", lambda name, value, params: {new: value}, f"passed on as `{new}`")


def mapped(values: Mapping[Any, Any], *, to: str | None = None) -> Rule:
    """Translate some values; refuse a value that has no translation.

    Parameters
    ----------
    values : mapping
        The scikit-learn value to the engine's value.
    to : str, default=None
        The engine's name of the parameter; None keeps the name.

    Returns
    -------
    Rule
        The rule.

    Examples
    --------
    >>> rule = mapped({"lsqr": "lsmr", "auto": "auto"})
    >>> rule.apply("solver", "lsqr", {})
    {'solver': 'lsmr'}
    >>> rule.apply("solver", "sag", {})
    Traceback (most recent call last):
        ...
    accelsk.engines.rules.Refused: solver='lsqr' or solver='auto'
    """

    def apply(name: str, value: Any, params: Mapping[str, Any]) -> Keywords:
        for option, translation in values.items():
            if _equal(value, option):
                return {to or name: translation}
        raise Refused(_either(name, tuple(values)))

    changes = ", ".join(f"{old!r} as {new!r}" for old, new in values.items() if not _equal(old, new))
    kept = ", ".join(repr(old) for old, new in values.items() if _equal(old, new))
    text = "; ".join(part for part in (f"only {kept}" if kept else "", changes) if part)
    return Rule("mapped", apply, text + (f", passed on as `{to}`" if to else ""))


def only(*values: Any, where: Callable[[Any], bool] | None = None, text: str = "") -> Rule:
    """Pass the value on unchanged if the engine supports it; refuse it otherwise.

    Parameters
    ----------
    *values : object
        The values that are supported.
    where : callable, default=None
        A test for further values, ``where(value) -> bool``; needs `text`.
    text : str, default=""
        What `where` accepts, in words: ``"a number"``.

    Returns
    -------
    Rule
        The rule.

    Examples
    --------
    >>> only("rbf", "linear").apply("kernel", "poly", {})
    Traceback (most recent call last):
        ...
    accelsk.engines.rules.Refused: kernel='rbf' or kernel='linear'
    >>> only("scale", where=is_number, text="a number").apply("gamma", 0.5, {})
    {'gamma': 0.5}
    """
    if where is not None and not text:
        raise TypeError("only(where=...) needs text=..., which says in words what is accepted")

    def apply(name: str, value: Any, params: Mapping[str, Any]) -> Keywords:
        if any(_equal(value, option) for option in values) or (where is not None and where(value)):
            return {name: value}
        raise Refused(_either(name, values, text))

    listed = ", ".join(repr(value) for value in values)
    return Rule("only", apply, "only " + (f"{listed} or {text}" if listed and text else listed or text))


def adjusted(change: Callable[[Any], Any], text: str, *, to: str | None = None) -> Rule:
    """Pass the value on after a correction.

    Parameters
    ----------
    change : callable
        ``change(value) -> value`` for the engine.
    text : str
        What the correction is and why, for the documentation.
    to : str, default=None
        The engine's name of the parameter; None keeps the name.

    Returns
    -------
    Rule
        The rule.

    Examples
    --------
    >>> adjusted(lambda tol: tol * 10, "ten times: its criterion is scaled").apply("tol", 0.25, {})
    {'tol': 2.5}
    """
    return Rule("adjusted", lambda name, value, params: {to or name: change(value)}, text)


def const(value: Any, why: str = "") -> Rule:
    """Pass this value, always, for a keyword that only the engine has; the row's key is the engine's name for it.

    Parameters
    ----------
    value : object
        What is passed.
    why : str, default=""
        The reason, for the documentation.

    Returns
    -------
    Rule
        The rule.

    Examples
    --------
    >>> const("qn").apply("solver", None, {})
    {'solver': 'qn'}
    """
    return Rule("const", lambda name, _value, params: {name: value}, f"always {value!r}" + (f": {why}" if why else ""))


def ignored(why: str) -> Rule:
    """Do not pass the parameter, because it has no effect in the engine.

    Parameters
    ----------
    why : str
        The reason, for the documentation.

    Returns
    -------
    Rule
        The rule.

    Examples
    --------
    >>> ignored("no solver of it is random").apply("random_state", 0, {})
    {}
    """
    return Rule("ignored", lambda name, value, params: {}, f"no effect: {why}")


def together(*names: str, translate: Callable[[Mapping[str, Any]], Keywords], text: str) -> Rule:
    """Judge several parameters at once; the row lists the same rule under each of the names.

    Parameters
    ----------
    *names : str
        The parameters that belong together; none for one that is judged by itself, but with an eye on the others.
    translate : callable
        ``translate(params) -> dict`` of keyword arguments for the engine, from *all* hyperparameters; raises
        `Refused`.
    text : str
        What is supported and why they cannot be judged one by one, for the documentation.

    Returns
    -------
    Rule
        The rule.

    Examples
    --------
    >>> rule = together("a", "b", translate=lambda params: {"ab": params["a"] + params["b"]}, text="their sum")
    >>> rule.apply("a", 1, {"a": 1, "b": 2})
    {'ab': 3}
    """
    return Rule("together", lambda name, value, params: translate(params), text, names=names)
