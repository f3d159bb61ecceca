"""A decision, a row, an engine as text, rich table, HTML and Markdown: docs, command line and repr all use this."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from accelsk import config
from accelsk.decision import Candidate, Decision
from accelsk.engines import get
from accelsk.engines.spec import Engine, Export, Inputs, Row
from accelsk.tables import Column, Table, render

if TYPE_CHECKING:
    import rich.console

    from accelsk.engines.rules import Rule

__all__ = ["RowTable", "engine_markdown", "row_facts", "row_title"]


# -- a decision ------------------------------------------------------------------------------------------------------


class CandidateTable(Table[Candidate]):
    """The engines that were looked at."""

    columns = (
        Column("", lambda candidate: "*" if candidate.chosen else "", "green"),
        Column("engine", lambda candidate: candidate.engine, "bold"),
        Column("device", lambda candidate: candidate.device),
        Column("fidelity", lambda candidate: candidate.fidelity),
        Column("why not", lambda candidate: "; ".join(reason.text for reason in candidate.reasons)),
    )


class GradeTable(Table[tuple[str, str]]):
    """The hyperparameters that mean something else to the engine than to scikit-learn."""

    columns = (
        Column("hyperparameter", lambda item: item[0], "bold"),
        Column("grade", lambda item: item[1].partition(": ")[0]),
        Column("what differs", lambda item: item[1].partition(": ")[2]),
    )


_GRADED = "Hyperparameters that this engine does not take as scikit-learn does; all others are exact:"


def _headline(decision: Decision) -> str:
    verb = "would be" if not decision.facts else "is"
    converted = f" X is converted: {', '.join(decision.conversions)}." if decision.conversions else ""
    placed = f" Device {decision.device}: {decision.placed}." if decision.placed else ""
    trained = f" Trained by {decision.cluster}." if decision.cluster else ""
    shared = "; ".join(f"{method} by {who}" for method, who in decision.operations.items())
    computed = f" Its methods are computed apart: {shared}." if shared else ""
    threads = f" Threads: {decision.threads}." if decision.threads else ""
    return (
        f"{decision.estimator} {verb} fitted by engine {decision.engine!r} on {decision.device!r} "
        f"({decision.fidelity}): {decision.why}.{placed}{threads}{converted}{trained}{computed}"
    )


def text_of(decision: Decision) -> str:
    """Return a decision as plain text.

    Parameters
    ----------
    decision : Decision
        The decision.

    Returns
    -------
    str
        A sentence, and a table of the candidates.
    """
    told = f"{_headline(decision)}\n{render(CandidateTable(decision.candidates))}"
    return f"{told}\n{_GRADED}\n{render(GradeTable(tuple(decision.grades.items())))}" if decision.grades else told


def rich_of(decision: Decision) -> rich.console.RenderableType:
    """Return a decision for rich.

    Parameters
    ----------
    decision : Decision
        The decision.

    Returns
    -------
    rich renderable
        The same as the text, with a table that fits the terminal.
    """
    from rich.console import Group
    from rich.text import Text

    told: list[Any] = [Text(_headline(decision)), CandidateTable(decision.candidates)]
    if decision.grades:
        told += [Text(_GRADED), GradeTable(tuple(decision.grades.items()))]
    return Group(*told)


def html_of(decision: Decision) -> str:
    """Return a decision as HTML.

    Parameters
    ----------
    decision : Decision
        The decision.

    Returns
    -------
    str
        A paragraph and a table.
    """
    told = f"<p>{html.escape(_headline(decision))}</p>{CandidateTable(decision.candidates)._repr_html_()}"
    if decision.grades:
        told += f"<p>{_GRADED}</p>{GradeTable(tuple(decision.grades.items()))._repr_html_()}"
    return told


class PartTable(Table[tuple[str, Decision]]):
    """The parts of an object, and what computes each."""

    columns = (
        Column("part", lambda item: item[0], "bold"),
        Column("estimator", lambda item: item[1].estimator),
        Column("engine", lambda item: item[1].engine, "green"),
        Column("device", lambda item: item[1].device),
        Column("fidelity", lambda item: item[1].fidelity),
        Column("why", lambda item: item[1].why),
    )


def text_of_parts(decisions: Mapping[str, Decision]) -> str:
    """Return the decisions of several parts as plain text.

    Parameters
    ----------
    decisions : mapping of str to Decision
        By the path of the part.

    Returns
    -------
    str
        A table; with one part, also why not the other engines.
    """
    if len(decisions) == 1:
        ((part, decision),) = decisions.items()
        return f"{part}: {text_of(decision)}"
    return render(PartTable(tuple(decisions.items())))


def visual_block(wrapper: Any) -> Any:
    """Return the block of an estimator in scikit-learn's HTML diagram, with a badge that names the engine.

    Parameters
    ----------
    wrapper : Wrapper
        The estimator.

    Returns
    -------
    sklearn.utils._VisualBlock
        The wrapped estimator in a box that is labelled with the engine: the one that ran, else the one asked for.
    """
    try:  # its place has moved between the versions of scikit-learn
        from sklearn.utils._repr_html.estimator import _VisualBlock
    except ImportError:
        from sklearn.utils._estimator_html_repr import _VisualBlock

    inner = wrapper._inner
    return _VisualBlock(
        "parallel", [inner], names=[f"{type(inner).__name__} ({_badge(wrapper)})"], name_details=[str(inner)]
    )


def _badge(wrapper: Any) -> str:
    if wrapper.__sklearn_is_fitted__():
        return f"engine: {wrapper._decision.engine} on {wrapper._decision.device}"
    asked = wrapper._given()["engine"] or config.get_config()["engine"]
    return f"engine: {asked if isinstance(asked, str) else ', '.join(asked)}"


# -- rows and engines, for the documentation and the command line ----------------------------------------------------


def _inputs_text(inputs: Inputs) -> str:
    parts = [f"sparse {', '.join(inputs.sparse)}" if inputs.sparse else "dense only"]
    if inputs.nan:
        parts.append("NaN")
    parts.extend(need.text for need in inputs.needs)
    return "; ".join(parts)


class RowTable(Table[Row]):
    """The rows of an engine."""

    columns = (
        Column("class", lambda row: row.estimator, "bold"),
        Column("devices", lambda row: ", ".join(row.devices or ("all",))),
        Column("fidelity", lambda row: row.fidelity),
        Column("sparse", lambda row: ", ".join(row.fit.sparse) or "no"),
        Column("sample_weight", lambda row: "yes" if row.fit.sample_weight else "no"),
        Column("portable", lambda row: "yes" if row.export.portable else "no"),
        Column("auto", lambda row: "never" if row.worth is None else f"about {row.worth.ratio:g}x"),
    )


class RuleTable(Table[tuple[str, "Rule"]]):
    """The hyperparameters of a row."""

    columns: ClassVar[tuple[Column, ...]] = (
        Column("parameter", lambda item: item[0], "bold"),
        Column("rule", lambda item: item[1].word),
        Column("what becomes of it", lambda item: item[1].text.replace("{name}", item[0]) + _range(item[1])),
    )


class GradedRuleTable(RuleTable):
    """The hyperparameters of a row that is another algorithm for the same task."""

    columns = (
        *RuleTable.columns,
        Column("grade", lambda item: item[1].grade),
        Column("what differs", lambda item: item[1].why),
    )


def _range(rule: Rule) -> str:
    since = f"from scikit-learn {rule.since}" if rule.since else ""
    until = f"before scikit-learn {rule.until}" if rule.until else ""
    return f" ({', '.join(part for part in (since, until) if part)})" if since or until else ""


def _export_text(export: Export) -> str:
    if not export.portable:
        return f"not to be had: {export.refused}"
    near = f"within {export.tolerance:g} standard deviations" if export.tolerance else "to the last bit"
    told = [f"the same {near}", "" if export.restores else "a pickle holds it beside the engine's", export.note]
    return "; ".join(filter(None, told))


def row_facts(row: Row) -> Mapping[str, str]:
    """Return what a row declares besides its hyperparameters.

    Parameters
    ----------
    row : Row
        The row.

    Returns
    -------
    mapping of str to str
        Label to text, without what is empty.
    """
    how_near = (
        f"continuous outputs within {row.tolerance:g} standard deviations of scikit-learn's"
        if row.fidelity == "exact"
        else f"scores within {row.tolerance:g} of scikit-learn's"
    )
    worth = row.worth
    told = {
        "Computed by": f"`{row.backend}`",
        "Kinds of device": ", ".join(row.devices or ()),
        "Fidelity": f"{row.fidelity}: {how_near}",
        "fit takes": _inputs_text(row.fit),
        "sample_weight": "yes" if row.fit.sample_weight else "no",
        "after fit": _inputs_text(row.inputs("predict")),
        "Methods of the engine": ", ".join(row.methods),
        "Methods of scikit-learn on the engine's model": ", ".join(row.inherited),
        "Fitted attributes that are not there": "; ".join(f"{name}: {why}" for name, why in row.absent.items()),
        "Methods refused": "; ".join(f"{name}: {why}" for name, why in row.refused.items()),
        "engine_params": ", ".join(f"{name}={value!r}" for name, value in row.engine_params.items()),
        "Chosen by auto": "never"
        if worth is None
        else f"about {worth.ratio:g} times as fast ({worth.seen})"
        + (f", with {' and '.join(need.text for need in worth.needs)}" if worth.needs else ""),
        "Dask collections": f"trained by `{row.distributed.backend}`"
        + (f"; {row.distributed.note}" if row.distributed.note else "")
        if row.distributed is not None
        else "",
        "As scikit-learn's own model": _export_text(row.export),
        "Note": row.note,
    }
    return {label: text for label, text in told.items() if text}


def row_title(engine: Engine, row: Row) -> str:
    """Return the heading of a row.

    Parameters
    ----------
    engine : Engine
        Its engine.
    row : Row
        The row.

    Returns
    -------
    str
        The name of the class; with the kinds of device where the engine has several rows for it.
    """
    if len(engine.rows_of(row.estimator)) == 1:
        return row.name
    return f"{row.name} ({', '.join(row.devices or ('all',))})"


def engine_markdown(name: str) -> str:
    """Return the page of an engine for the documentation, written from its tables.

    Parameters
    ----------
    name : str
        The engine's name.

    Returns
    -------
    str
        Markdown.

    Examples
    --------
    >>> print(engine_markdown("sklearn").splitlines()[0])
    # scikit-learn (`engine="sklearn"`)
    """
    engine: Engine = get(name)
    lines = [f'# {engine.title} (`engine="{engine.name}"`)', ""]
    if engine.url:
        lines += [f"Its own documentation: <{engine.url}>.", ""]
    if engine.extras:
        install = " or ".join(f'`pip install "accelsk[{extra}]"`' for extra in engine.extras)
        lines += [f"Install it with {install}.", ""]
    lines += [f"Devices: {', '.join(engine.devices)}.", ""]
    if engine.reference:
        lines += ["It takes every estimator as it is; there are no rows.", ""]
        return "\n".join(lines)
    lines += [RowTable(engine.rows).to_markdown(), ""]
    for row in engine.rows:
        lines += [f"## {row_title(engine, row)}", "", f"`{row.estimator}`", ""]
        lines += [f"{label}\n: {text}\n" for label, text in row_facts(row).items()]
        table = GradedRuleTable if row.graded else RuleTable
        lines += [table(tuple(row.params.items())).to_markdown(), ""]
    return "\n".join(lines)
