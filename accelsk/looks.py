"""One engine at a time, looked at for one fit: its row, the device, and everything that speaks against it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sklearn.utils import get_tags

from accelsk import worth
from accelsk.calibration import factor
from accelsk.capability import Check, examine_inputs
from accelsk.config import Options
from accelsk.costs import known_costs
from accelsk.decision import Candidate, Reason
from accelsk.devices import HOST, Device, devices_of
from accelsk.engines import get, get_adapter, names, reference, why_missing
from accelsk.engines.spec import FIDELITIES, Engine, Row
from accelsk.engines.translate import Refusal, keywords_of
from accelsk.errors import EngineNotAvailable, did_you_mean
from accelsk.facts import Facts
from accelsk.hyperparameters import key_of, params_of
from accelsk.origin import public_name
from accelsk.placement import choose
from accelsk.reasons import no_cluster_device, no_device, no_row, refused, untrained, way_out
from accelsk.threads import regime

__all__ = ["Look", "Question", "look_at"]


@dataclass
class Question:
    """What is asked of every engine.

    Parameters
    ----------
    estimator : estimator
        The scikit-learn estimator with its hyperparameters.
    facts : Facts or None
        What is known of the data.
    options : Options
        What was asked for.
    method : str
        The fitting method that is to be called.
    callbacks : bool
        Whether scikit-learn's callbacks are attached.

    Attributes
    ----------
    params : dict
        The hyperparameters of the estimator.
    key : hashable or None
        What estimators with the same answers to all that data do not decide have in common; None for unknown.
    threads : int
        Which of the measured times hold here.
    """

    estimator: Any
    facts: Facts | None
    options: Options
    method: str
    callbacks: bool
    params: dict[str, Any] = field(init=False)
    key: Hashable | None = field(init=False)
    threads: int = field(init=False)

    def __post_init__(self) -> None:
        self.params = params_of(self.estimator)
        key = key_of(self.params)
        self.key = None if key is None else (type(self.estimator), key)
        self.threads = regime()

    @cached_property
    def plain(self) -> worth.Estimate | None:
        """How long the reference engine is estimated to take."""
        return self.estimate(reference().name)

    def estimate(self, engine: str) -> worth.Estimate | None:
        """Estimate how long an engine would take on the host.

        Parameters
        ----------
        engine : str
            Its name.

        Returns
        -------
        Estimate or None
            None for unknown.
        """
        estimator, operation = public_name(type(self.estimator)), worth.operation_of(self.method)
        costs = _remembered(
            ("cost", engine, operation, self.threads, self.key),
            lambda: known_costs(engine, estimator, operation, self.params, self.threads),
            self.key,
        )
        found = worth.estimate_of(costs, self.params, self.facts)
        return found and found._replace(seconds=found.seconds * factor(engine, estimator, operation))

    @cached_property
    def input_tags(self) -> Any:
        """What scikit-learn's class takes itself."""
        return _remembered(("tags", self.key), lambda: get_tags(self.estimator).input_tags, self.key)

    def keywords(self, row: Row, engine: str) -> tuple[dict[str, Any], tuple[Refusal, ...]]:
        """Translate the hyperparameters.

        Parameters
        ----------
        row : Row
            For which row.
        engine : str
            Its engine.

        Returns
        -------
        keywords : dict
            The keyword arguments.
        refusals : tuple of Refusal
            What the row does not take.
        """
        options = self.options
        key = None if options.engine_params else self.key
        # With the row itself, which keeps it alive: another one is another object.
        of, made, refusals = _remembered(
            (engine, id(row), options.n_jobs, key),
            lambda: (row, *keywords_of(row, engine, self.params, options)),
            key,
        )
        assert of is row
        return dict(made), refusals


#: What was worked out for estimators without looking at data: a search asks the same again and again.
_memory: dict[Hashable, Any] = {}


def _remembered(key: Hashable, make: Callable[[], Any], known: Hashable | None) -> Any:
    if known is None:
        return make()
    found = _memory.get(key, _memory)
    if found is _memory:
        if len(_memory) >= _MOST:
            _memory.clear()
        found = _memory[key] = make()
    return found


_MOST = 1024


@dataclass
class Look:
    """One engine, looked at.

    Parameters
    ----------
    engine : Engine
        The engine.
    row : Row, default=None
        Its row for the class, on the device; None for the reference engine, and where it has none.
    device : Device, default=None
        Where it would compute; None where it does not reach what was asked for.
    placed : str, default=""
        Why there, where a worker had several devices to choose from.
    keywords : mapping, default={}
        The translated hyperparameters.
    check : Check, default=Check()
        What came of comparing the data with the row.
    reasons : list of Reason, default=[]
        What speaks against it.
    seconds : float, default=None
        How long it is estimated to take; None where that is not known, or not asked.
    candidate : Candidate, default=None
        The same for a decision, where neither hyperparameters nor data change it.
    """

    engine: Engine
    row: Row | None = None
    device: Device | None = None
    placed: str = ""
    keywords: Mapping[str, Any] = field(default_factory=dict)
    check: Check = field(default_factory=Check)
    reasons: list[Reason] = field(default_factory=list)
    seconds: float | None = None
    candidate: Candidate | None = None

    @property
    def able(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


def look_at(name: str, question: Question, *, densify: bool) -> Look:
    """Collect everything that speaks against an engine; stop where further questions make no sense.

    Parameters
    ----------
    name : str
        The engine's name.
    question : Question
        What is asked of it.
    densify : bool
        Whether a dense copy of a sparse X that is small next to the free memory may be made.

    Returns
    -------
    Look
        What was found.

    Raises
    ------
    EngineNotAvailable
        If there is no engine of that name, and it was asked for by itself, or is a near miss of one that there is.
    """
    estimator, options = question.estimator, question.options
    try:
        engine = get(name)
    except EngineNotAvailable as unknown:
        if isinstance(options.engine, str) or did_you_mean(name, names()):
            raise
        # In a sequence a name means "if it is there", and a plug-in that is not installed is one that nobody knows.
        reason = Reason("missing", str(unknown).splitlines()[0].rstrip("."), unknown.hint, unknown.parts)
        return Look(Engine(name=name, title=name, imports=name), reasons=[reason])
    missing = why_missing(engine.name)
    kept = _out_of_question.get((name, type(estimator)))
    if kept is not None and options.device is None and kept.engine is engine and kept.missing is missing:
        return kept.look
    look = Look(engine)
    if missing is not None:
        look.reasons.append(Reason("missing", str(missing).splitlines()[0].rstrip("."), missing.hint, missing.parts))
        return _kept(look, question, missing)
    request, rows = options.device, engine.rows_of(public_name(type(estimator)))
    if not engine.reference and not rows:
        look.reasons.append(no_row(engine, public_name(type(estimator))))
        if request is None:
            return _kept(look, question, None)
    if request is None and rows and rows[0].native:
        request = get_adapter(engine.name).requested(question.params)
    if question.facts is not None and question.facts.distributed:
        _look_at_cluster(look, rows, request, question)
        return look
    look.row, look.device, look.placed = _place(engine, rows, request, named=options.engine != "auto")
    if look.device is None:
        look.reasons.insert(0, no_device(engine, rows, request))
        return look
    if look.row is None:
        if engine.reference and options.engine == "auto":
            look.seconds = question.plain and question.plain.seconds
        return look
    _judge(look, look.row, question, densify=densify)
    return look


@dataclass(frozen=True)
class _Kept:
    """A look that is the same at every fit of a class: the engine is not here, or does not know the class."""

    look: Look
    engine: Engine
    missing: EngineNotAvailable | None


#: By engine and class; most engines are out of the question for most classes, and that is to cost nothing.
_out_of_question: dict[tuple[str, type], _Kept] = {}


def _kept(look: Look, question: Question, missing: EngineNotAvailable | None) -> Look:
    if question.options.device is None:
        if len(_out_of_question) >= _MOST:
            _out_of_question.clear()
        look.candidate = Candidate(look.engine.name, chosen=False, reasons=tuple(look.reasons))
        _out_of_question[look.engine.name, type(question.estimator)] = _Kept(look, look.engine, missing)
    return look


def _look_at_cluster(look: Look, rows: tuple[Row, ...], request: Device | None, question: Question) -> None:
    """The same for data of a cluster: its workers compute, whatever devices this machine has."""
    engine = look.engine
    look.row = next((row for row in rows if row.distributed is not None), None)
    if look.row is None or look.row.distributed is None:
        look.device = HOST
        look.reasons.append(untrained(engine, public_name(type(question.estimator))))
        return
    kinds = look.row.distributed.devices
    kind = kinds[0] if request is None else request.kind
    if kind not in kinds or (request is not None and request.index is not None):
        look.reasons.append(no_cluster_device(engine, look.row, str(request), kinds))
        return
    look.device = request or (HOST if kind == "cpu" else Device(kind))
    if question.method == "partial_fit":
        look.reasons.append(
            Reason(
                "method",
                f"engine {engine.name!r} does not compute {look.row.name}.{question.method} on dask collections",
                "call fit, for which all partitions are used",
            )
        )
    _judge(look, look.row, question, densify=False)


def _judge(look: Look, row: Row, question: Question, *, densify: bool) -> None:
    engine, facts, options, method = look.engine, question.facts, question.options, question.method
    if options.engine == "auto" and FIDELITIES.index(row.fidelity) > FIDELITIES.index(options.fidelity):
        look.reasons.append(
            Reason(
                "fidelity",
                f"its fidelity is {row.fidelity!r}, and {options.fidelity!r} was asked for"
                + (f" ({row.note})" if row.note else ""),
                f"name it, engine={engine.name!r}, or set fidelity={row.fidelity!r}",
            )
        )
    if method == "partial_fit" and method not in row.methods:
        look.reasons.append(
            Reason("method", f"engine {engine.name!r} does not compute {row.name}.partial_fit", way_out(engine))
        )
    if question.callbacks:
        look.reasons.append(
            Reason("method", f"engine {engine.name!r} does not call scikit-learn's callbacks", way_out(engine))
        )
    params = question.params
    look.keywords, refusals = question.keywords(row, engine.name)
    look.reasons.extend(refused(engine, row, refusal) for refusal in refusals)
    apart = facts is not None and facts.distributed  # the reference engine is no choice there
    if options.engine == "auto" and options.device in (None, HOST) and look.able and not apart:
        # Where the reference engine computes, too, another one must be worth it.
        mine = question.estimate(engine.name)
        look.seconds = mine and mine.seconds
        look.reasons.extend(worth.against(engine.name, row, facts, params, mine, question.plain))
        if look.reasons:
            return  # what follows may cost a pass over the data
    if facts is not None:
        look.check = examine_inputs(
            engine.name,
            row,
            method,
            facts,
            params,
            question.input_tags,
            options.sparse,
            densify=densify,
            needs=not refusals,
        )
        look.reasons.extend(look.check.reasons)


def _place(
    engine: Engine, rows: tuple[Row, ...], request: Device | None, *, named: bool
) -> tuple[Row | None, Device | None, str]:
    """The row, the device that it is for, and why of several that one; without a device the row that comes nearest."""

    def row_on(device: Device) -> Row | None:
        return next((row for row in rows if row.runs_on(device)), None)

    # An engine that is named may prefer a GPU to the host; "auto" must not look for one at every fit.
    host = "cpu" in engine.devices and (not rows or row_on(HOST) is not None)
    if host and (request == HOST or (request is None and not (named and engine.devices[0] != "cpu"))):
        return row_on(HOST), HOST, ""
    if request is None or engine.devices != ("cpu",):
        reached = [
            device
            for device in devices_of(engine.name)
            if (row_on(device) or not rows) and (request is None or device.meets(request))
        ]
        if reached:
            first = reached[0]
            device, why = choose([each for each in reached if (each.kind, each.backend) == (first.kind, first.backend)])
            return row_on(device), device, why
    nearest = None if request is None else row_on(request)
    return nearest or (rows[0] if rows else None), None, ""
