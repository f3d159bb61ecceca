"""What a row takes against what the data are: the reasons against it, and the conversion that would help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accelsk.decision import Reason
from accelsk.engines.spec import Inputs, Row
from accelsk.facts import Facts

__all__ = ["Check", "examine_inputs"]

#: A dense copy may take this share of the memory that is free before it counts as a risk rather than a convenience.
SMALL_SHARE = 0.1


@dataclass
class Check:
    """The outcome of comparing data with a row.

    Parameters
    ----------
    reasons : list of Reason
        What speaks against it.
    convert : str
        What X must be converted to: a sparse format, "dense", or nothing.
    conversions : tuple of str
        The same in words.
    """

    reasons: list[Reason] = field(default_factory=list)
    convert: str = ""
    conversions: tuple[str, ...] = ()


def examine_inputs(
    engine: str,
    row: Row,
    operation: str,
    facts: Facts,
    params: Mapping[str, Any],
    input_tags: Any,
    sparse: str,
    *,
    densify: bool,
    needs: bool = True,
) -> Check:
    """Compare the data of a call with what a row takes.

    Parameters
    ----------
    engine : str
        The engine's name, for the messages.
    row : Row
        The row.
    operation : str
        The method that is to be called.
    facts : Facts
        What is known of the data.
    params : mapping
        The hyperparameters.
    input_tags : sklearn.utils.InputTags
        What the scikit-learn class itself takes: what it refuses is left to its own error message.
    sparse : {"auto", "densify", "error"}
        The user's option.
    densify : bool
        Whether a dense copy that is small next to the free memory may be made under ``sparse="auto"``.
    needs : bool, default=True
        Whether to ask the row's needs; not where a rule has refused a hyperparameter, which a need may then choke on.

    Returns
    -------
    Check
        Reasons, and the conversion.
    """
    inputs = row.inputs(operation)
    check = Check()
    subject = f"engine {engine!r} cannot run {row.name}.{operation} on this data"

    def refuse(text: str, hint: str, kind: Any = "input") -> None:
        check.reasons.append(Reason(kind, f"{subject}: {text}", hint, {"estimator": row.name, **facts.summary()}))

    flat = not input_tags.two_d_array  # labels, say
    if not flat and not facts.tabular:
        refuse(
            "X is not a two-dimensional array of numbers", "pass a 2-D array, sparse matrix or data frame", "invalid"
        )
        return check
    if facts.empty or (facts.sparse and not input_tags.sparse):
        refuse("scikit-learn itself refuses it", "", "invalid")
        return check
    if facts.sparse and facts.sparse not in inputs.formats(params):
        _examine_sparse(
            check, refuse, inputs, inputs.formats(params), facts, sparse, densify=densify, native=row.native
        )
    if facts.dtype_kind not in inputs.dtypes:
        refuse(f"X has dtype {facts.dtype}, it takes {', '.join(inputs.dtypes)}", "convert X")
    if facts.weights != "none" and not inputs.sample_weight:
        refuse("it takes no sample_weight", "fit without sample_weight, or use engine='auto'")
    for name in facts.fit_params:
        if name != "sample_weight" and inputs.fit_params is not None and name not in inputs.fit_params:
            refuse(f"it does not understand the fit parameter {name!r}", f"fit without {name}, or use engine='auto'")
    if check.reasons or not needs:
        return check  # what follows may cost a pass over the data
    for need in inputs.needs:
        if not need.test(facts, params):
            refuse(f"it needs {need.text}", "use engine='auto', or change the data or the hyperparameters")
    if input_tags.allow_nan and not inputs.nan and facts.has_nan:
        refuse("it takes no NaN or infinity", "impute them, or use engine='auto'")
    return check


def _examine_sparse(
    check: Check,
    refuse: Any,
    inputs: Inputs,
    formats: tuple[str, ...],
    facts: Facts,
    option: str,
    *,
    densify: bool,
    native: bool,
) -> None:
    if formats:
        check.convert = formats[0]
        check.conversions = (f"{facts.sparse} to {formats[0]}",)
        return
    size = f"{facts.nbytes_dense / 1e6:.3g} MB"
    hint = "convert it with X.toarray() or set sparse='densify'"
    hint += "" if native else "; or use engine='auto'"
    if inputs.sparse_where is not None:
        hint += f"; a sparse matrix is taken as it is with {inputs.sparse_where.text}"
    if option == "densify" or (option == "auto" and densify and _is_small(facts.nbytes_dense)):
        check.convert = "dense"
        check.conversions = (f"sparse to dense ({size})",)
    elif densify and option == "auto":
        refuse(f"it takes no sparse matrix, and a dense copy ({size}) is not small next to the free memory", hint)
    else:
        refuse(f"it takes no sparse matrix (a dense copy has {size})", hint)


def _is_small(nbytes: int) -> bool:
    from accelsk.machine import available_memory

    return nbytes <= SMALL_SHARE * available_memory()
