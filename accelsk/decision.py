"""The engine chosen, with the reasons for and against each candidate. Plain data: it pickles with the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from accelsk.errors import AccelskError, DeviceNotAvailable, EngineNotAvailable, UnsupportedInput, UnsupportedParameter

if TYPE_CHECKING:
    import rich.console

__all__ = ["Candidate", "Decision", "Decisions", "Reason"]

Kind = Literal["missing", "device", "row", "method", "parameter", "input", "invalid", "fidelity", "worth", "order"]

_Made = TypeVar("_Made")

_ERRORS: dict[str, type[AccelskError]] = {
    "missing": EngineNotAvailable,
    "device": DeviceNotAvailable,
    "input": UnsupportedInput,
    "invalid": UnsupportedInput,
}


@dataclass(frozen=True)
class Reason:
    """Why a candidate was not chosen.

    Parameters
    ----------
    kind : str
        "missing" (the engine is not installed), "device", "row" (no such class), "method", "parameter", "input",
        "invalid" (data that scikit-learn itself will refuse), "fidelity", "worth" (not faster here), "order" (another
        was preferred).
    text : str
        One sentence without its full stop.
    hint : str, default=""
        The way out.
    parts : mapping, default={}
        The parameter, its value, what is supported: for the error made from it.
    """

    kind: Kind
    text: str
    hint: str = ""
    parts: Mapping[str, Any] = field(default_factory=dict)

    def error(self, **more: Any) -> AccelskError:
        """Return the exception that says the same.

        Parameters
        ----------
        **more : dict
            Further parts.

        Returns
        -------
        AccelskError
            Of the class that belongs to the kind.
        """
        cls = _ERRORS.get(self.kind, UnsupportedParameter)
        return cls(f"{self.text}.", hint=self.hint, **{**self.parts, **more})


@dataclass(frozen=True)
class Candidate:
    """One engine that was looked at.

    Parameters
    ----------
    engine : str
        Its name.
    chosen : bool
        Whether it was chosen.
    device : str, default=""
        Where it would compute; empty where it cannot.
    fidelity : str, default=""
        How near its result is to scikit-learn's; empty where it has no row for the class.
    reasons : tuple of Reason, default=()
        Everything that speaks against it.
    note : str, default=""
        What the engine says about this class.
    grades : mapping of str to str, default={}
        The hyperparameters that mean to the engine nearly what they mean to scikit-learn ("approximate: ..."), or
        nothing ("none: ..."); all others are exact.
    """

    engine: str
    chosen: bool
    device: str = ""
    fidelity: str = ""
    reasons: tuple[Reason, ...] = ()
    note: str = ""
    grades: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What will compute, or has computed, a fit: and why that, and why not the others.

    Prints as text, in rich and in HTML.

    Parameters
    ----------
    estimator : str
        The class, with the hyperparameters that differ from their defaults.
    engine : str
        The engine chosen.
    device : str
        Where it computes.
    fidelity : str
        How near the result is to scikit-learn's: "exact", "statistical" or "alternative".
    why : str
        The reason for the choice, one sentence.
    fell_back : bool
        Whether a named engine could not do this fit and scikit-learn does it.
    requested : mapping
        The options that were in force: engine, device, fallback, fidelity, sparse.
    candidates : tuple of Candidate
        Every engine that was looked at.
    facts : mapping
        What was known of the data; empty for a decision without data.
    conversions : tuple of str
        What happens to X on the way in: "csc to csr", "sparse to dense (1.2 MB)".
    placed : str, default=""
        How a worker of `parallel_config` came to this device, where it had several to choose from.
    cluster : str, default=""
        Which workers have trained on dask collections; empty for a fit on this machine.
    threads : str, default=""
        The threads that the fit is limited to, where fewer are faster; empty where it takes as many as there are.
    operations : mapping of str to str, default={}
        The methods of the fitted model that something else than the engine's own model computes, and what, for which
        numbers of rows.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from accelsk import explain
    >>> decision = explain(SVC(kernel="precomputed"), engine="sklearn")
    >>> decision.engine, decision.fell_back
    ('sklearn', False)
    """

    estimator: str
    engine: str
    device: str
    fidelity: str
    why: str
    fell_back: bool = False
    requested: Mapping[str, Any] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    conversions: tuple[str, ...] = ()
    placed: str = ""
    cluster: str = ""
    threads: str = ""
    operations: Mapping[str, str] = field(default_factory=dict)

    def to_state(self) -> dict[str, Any]:
        """Return the decision as nested dicts, for `from_state`: a pickle of them outlives changes to this class.

        Returns
        -------
        dict
            Its fields.
        """
        return asdict(self)

    @staticmethod
    def from_state(state: Mapping[str, Any]) -> Decision:
        """Make a decision of what `to_state` returned, in this or another version of accelsk.

        Parameters
        ----------
        state : mapping
            Fields; those that are not known here are left out.

        Returns
        -------
        Decision
            The decision.
        """
        candidates = []
        for each in state.get("candidates", ()):
            reasons = tuple(_made(Reason, reason) for reason in each.get("reasons", ()))
            candidates.append(_made(Candidate, {**each, "reasons": reasons}))
        return _made(Decision, {**state, "candidates": tuple(candidates)})

    @property
    def grades(self) -> Mapping[str, str]:
        """The hyperparameters that are not exact on the engine that was chosen, with grade and reason."""
        return next((candidate.grades for candidate in self.candidates if candidate.chosen), {})

    @property
    def invalid(self) -> bool:
        """Whether scikit-learn itself is expected to refuse the data, so that its message is what matters."""
        return any(reason.kind == "invalid" for candidate in self.candidates for reason in candidate.reasons)

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as plain data, for JSON.

        Returns
        -------
        dict
            Nested; values of hyperparameters are their `repr`.
        """
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    def __str__(self) -> str:
        from accelsk.displays import text_of

        return text_of(self)

    def __rich__(self) -> rich.console.RenderableType:
        from accelsk.displays import rich_of

        return rich_of(self)

    def _repr_html_(self) -> str:
        from accelsk.displays import html_of

        return html_of(self)


class Decisions(Mapping[str, Decision]):
    """The decisions of an object with several parts: a pipeline, a search, an ensemble.

    Prints as text, in rich and in HTML.

    Parameters
    ----------
    decisions : mapping of str to Decision
        By the path of the part: ``"clf"``, ``"prep.num"``.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn.svm import SVC
    >>> from accelsk import explain
    >>> decisions = explain(make_pipeline(StandardScaler(), SVC()), engine="sklearn")
    >>> list(decisions)
    ['standardscaler', 'svc']
    >>> decisions["svc"].engine
    'sklearn'
    """

    def __init__(self, decisions: Mapping[str, Decision]) -> None:
        self._decisions = dict(decisions)

    def __getitem__(self, part: str) -> Decision:
        return self._decisions[part]

    def __iter__(self) -> Iterator[str]:
        return iter(self._decisions)

    def __len__(self) -> int:
        return len(self._decisions)

    def to_dict(self) -> dict[str, Any]:
        """Return the decisions as plain data, for JSON.

        Returns
        -------
        dict
            Part to `Decision.to_dict`.
        """
        return {part: decision.to_dict() for part, decision in self.items()}

    def __repr__(self) -> str:
        return f"Decisions({', '.join(f'{part}={decision.engine!r}' for part, decision in self.items())})"

    def __str__(self) -> str:
        from accelsk.displays import text_of_parts

        return text_of_parts(self)

    def __rich__(self) -> rich.console.RenderableType:
        from accelsk.displays import PartTable

        return PartTable(tuple(self.items()))

    def _repr_html_(self) -> str:
        from accelsk.displays import PartTable

        return PartTable(tuple(self.items()))._repr_html_()


def _made(cls: type[_Made], state: Mapping[str, Any]) -> _Made:
    known = {each.name for each in fields(cls)}  # type: ignore[arg-type]
    return cls(**{name: value for name, value in state.items() if name in known})


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
