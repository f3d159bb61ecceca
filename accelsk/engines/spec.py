"""What an engine declares: itself, its rows, and what each row takes. Frozen data; engine authors import from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from accelsk.devices import Device
    from accelsk.engines.rules import Rule
    from accelsk.facts import Facts

__all__ = ["FIDELITIES", "Distributed", "Engine", "Export", "Fidelity", "Inputs", "Need", "Row", "Worth"]

Fidelity = Literal["exact", "statistical", "alternative"]

#: From the nearest to the farthest from scikit-learn's result.
FIDELITIES: tuple[Fidelity, ...] = ("exact", "statistical", "alternative")

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Need:
    """A condition on the data, or on data and hyperparameters at once.

    Parameters
    ----------
    text : str
        What is needed, so that it reads well after "it needs": ``"fewer clusters than rows"``.
    test : callable
        ``test(facts, params) -> bool``; True where the need is met. Asks `Facts` only for what it uses: some facts
        cost a pass over the data.

    Examples
    --------
    >>> need = Need("fewer clusters than rows", lambda facts, params: params["n_clusters"] < facts.n_samples)
    >>> need.text
    'fewer clusters than rows'
    """

    text: str
    test: Callable[[Facts, Mapping[str, Any]], bool] = field(compare=False)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The data that one operation of a row takes.

    Parameters
    ----------
    sparse : tuple of {"csr", "csc", "coo", ...}, default=()
        The sparse formats that are taken as they are. A matrix in another format is converted to the first of these.
    sparse_where : Need, default=None
        Under which hyperparameters (its facts are None) the sparse formats are taken; None for all.
    dtypes : tuple of str, default=("float64", "float32", "integer", "boolean")
        Exact NumPy names of floating dtypes, and the kinds "integer", "boolean" and "object".
    nan : bool, default=False
        Whether NaN and infinity are computed with. Only asked for classes of which scikit-learn's own takes them: where
        scikit-learn refuses them too, the engine's refusal is the right answer.
    sample_weight : bool, default=False
        Whether any sample weights are computed with. Conditions on weights are `needs`.
    fit_params : tuple of str, default=()
        Further keyword arguments of ``fit`` that are understood; None for any.
    needs : tuple of Need, default=()
        Conditions that the words above cannot say.

    Examples
    --------
    >>> Inputs(sparse=("csr",)).sparse
    ('csr',)
    """

    sparse: tuple[str, ...] = ()
    sparse_where: Need | None = None
    dtypes: tuple[str, ...] = ("float64", "float32", "integer", "boolean")
    nan: bool = False
    sample_weight: bool = False
    fit_params: tuple[str, ...] | None = ()
    needs: tuple[Need, ...] = ()

    def formats(self, params: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the sparse formats that are taken under given hyperparameters.

        Parameters
        ----------
        params : mapping
            The hyperparameters.

        Returns
        -------
        tuple of str
            `sparse`, or nothing where `sparse_where` is not met.
        """
        if self.sparse_where is not None and not self.sparse_where.test(None, params):  # type: ignore[arg-type]
            return ()
        return self.sparse


@dataclass(frozen=True, kw_only=True)
class Worth:
    """Where a row was measured to be faster than plain scikit-learn, for ``engine="auto"``.

    Parameters
    ----------
    ratio : float
        Time of scikit-learn over time of the engine for ``fit``, typical of the region where the `needs` hold: the
        candidate with the highest ratio is chosen.
    needs : tuple of Need, default=()
        The region in which it was measured to win.
    seen : str
        The measurement: a file of ``benchmarks/results`` or of the project's reference.

    Examples
    --------
    >>> Worth(ratio=4.0, seen="benchmarks/results/2026-11.json").ratio
    4.0
    """

    ratio: float
    seen: str
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Export:
    """Whether a fitted model of a row can be had as scikit-learn's own, and how near that is.

    Parameters
    ----------
    tolerance : float, default=0.0
        The largest difference of a continuous output between the engine's fitted model and the exported one, relative
        to its standard deviation; labels agree except where such a difference decides. 0.0 for the same bits.
    double : float, default=None
        The same for models of float64 data that are given float64 data; None for the same number.
    restores : bool, default=True
        Whether the engine's model can be made again from the exported one, by `Adapter.restore`. Where it cannot, a
        pickle holds both.
    refused : str, default=""
        Why it cannot be exported; empty where it can.
    note : str, default=""
        What a user should know besides.

    Examples
    --------
    >>> Export(tolerance=1e-12).portable, Export(refused="its trees are not to be had").portable
    (True, False)
    """

    tolerance: float = 0.0
    double: float | None = None
    restores: bool = True
    refused: str = ""
    note: str = ""

    @property
    def portable(self) -> bool:
        """Whether it can be exported."""
        return not self.refused


@dataclass(frozen=True, kw_only=True)
class Distributed:
    """How a row trains on dask collections, with the workers of the user's cluster.

    Parameters
    ----------
    backend : str
        Import path of the class of the library's dask interface.
    devices : tuple of {"cpu", "gpu"}, default=("cpu",)
        The kinds of device that the workers compute on. A GPU is each worker's own, so that it is asked for without a
        number.
    note : str, default=""
        What a user should know besides.

    Examples
    --------
    >>> Distributed(backend="mine.dask.Toy").devices
    ('cpu',)
    """

    backend: str
    devices: tuple[str, ...] = ("cpu",)
    note: str = ""


_NOT_SAID = Export(refused="the engine does not say how")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One scikit-learn class on one engine: translation and capability, stated once.

    Where the engine takes something else on another kind of device, it has a second row for the class there: see
    `devices`.

    Parameters
    ----------
    estimator : str
        Public import path of the class: ``"sklearn.svm.SVC"``.
    backend : str
        Import path of the engine's class.
    params : mapping of str to Rule
        What becomes of *every* constructor parameter of the class (and of keywords only the engine has, by
        `~accelsk.engines.rules.const`).
    fit : Inputs
        The data that ``fit`` takes.
    predict : Inputs, default=None
        The data that every method after ``fit`` takes; None for the same as ``fit``.
    operations : mapping of str to Inputs, default={}
        Methods after ``fit`` that differ from `predict`.
    methods : tuple of str
        The methods, besides ``fit`` and what is derived from it, that the engine computes.
    inherited : tuple of str, default=()
        The methods that scikit-learn's own code computes from the engine's fitted attributes, with the same result.
    refused : mapping of str to str, default={}
        The methods that would give wrong results on the engine's fitted model, with the reason.
    fidelity : {"exact", "statistical", "alternative"}, default="exact"
        How near the result is to scikit-learn's.
    tolerance : float, default=1e-6
        For fidelity "exact": the largest difference of a continuous output, relative to its standard deviation; labels
        agree except where such a difference decides. Otherwise: the largest difference of the score on held-out data.
    engine_params : mapping of str to object, default={}
        Parameters that only the engine has, with the value that is passed when the user names none.
    worth : Worth, default=None
        Where ``engine="auto"`` should choose the row; None for never.
    export : Export, default=Export(refused="the engine does not say how")
        How a fitted model becomes one of scikit-learn's.
    devices : tuple of {"cpu", "gpu", "accelerator"}, default=None
        The kinds of device the row runs on; None for all of the engine's. Several rows of an engine for one class are
        on kinds of which no two rows have one in common.
    native : bool, default=False
        Whether the class is the library's own. It is computed by this engine whatever engine is asked for; parameters
        and methods that the row does not name go to the library as they are.
    jobs : str, default="n_jobs"
        The engine's keyword for the number of threads, which the option `n_jobs` sets where it is passed.
    absent : mapping of str to str, default={}
        Fitted attributes of the class that the engine's model does not have, with the reason.
    distributed : Distributed, default=None
        How ``fit`` is computed for dask collections; None where it is not.
    note : str, default=""
        What a user should know besides, for the documentation and for ``explain``.

    Examples
    --------
    >>> from accelsk.engines.rules import ignored, same
    >>> row = Row(
    ...     estimator="sklearn.cluster.Toy",
    ...     backend="mine.Toy",
    ...     params={"k": same, "verbose": ignored("it prints nothing")},
    ...     fit=Inputs(),
    ...     methods=("predict",),
    ... )
    >>> row.name
    'Toy'
    """

    estimator: str
    backend: str
    params: Mapping[str, Rule]
    fit: Inputs
    methods: tuple[str, ...]
    predict: Inputs | None = None
    operations: Mapping[str, Inputs] = field(default_factory=dict)
    inherited: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    fidelity: Fidelity = "exact"
    tolerance: float = 1e-6
    engine_params: Mapping[str, Any] = field(default_factory=dict)
    worth: Worth | None = None
    export: Export = _NOT_SAID
    devices: tuple[str, ...] | None = None
    native: bool = False
    jobs: str = "n_jobs"
    absent: Mapping[str, str] = field(default_factory=dict)
    distributed: Distributed | None = None
    note: str = ""

    @property
    def name(self) -> str:
        """The class name alone."""
        return self.estimator.rpartition(".")[2]

    @cached_property
    def graded(self) -> bool:
        """Whether a hyperparameter means something else to the engine than to scikit-learn."""
        return any(rule.grade != "exact" for rule in self.params.values())

    def runs_on(self, device: Device) -> bool:
        """Say whether the row is for a device.

        Parameters
        ----------
        device : Device
            One that the engine reaches, or a request for one.

        Returns
        -------
        bool
            Whether its kind is one of `devices`.
        """
        return self.devices is None or device.kind in self.devices

    def inputs(self, operation: str) -> Inputs:
        """Return the data that an operation takes.

        Parameters
        ----------
        operation : str
            A method name; every name that starts with ``fit`` or ``partial_fit`` is a fit.

        Returns
        -------
        Inputs
            What it takes.
        """
        if operation in self.operations:
            return self.operations[operation]
        if operation.startswith(("fit", "partial_fit")):
            return self.fit
        return self.fit if self.predict is None else self.predict


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A library that computes scikit-learn estimators.

    Parameters
    ----------
    name : str
        What users write: ``engine="name"``.
    title : str
        The name of the library as its makers write it.
    imports : str
        The module that must be importable.
    alternatives : tuple of str, default=()
        Modules any of which does instead of `imports`.
    extras : tuple of str, default=()
        The extras of accelsk that install it, the first being the one to recommend; what they require is also the range
        of versions that is supported. A plug-in leaves it empty and states `requires`.
    requires : tuple of str, default=()
        For a plug-in: requirement strings, ``"mylib>=1.2"``.
    devices : tuple of str, default=("cpu",)
        The kinds of device it can reach: "cpu", "gpu", and backends such as "cuda" or "sycl". Where the engine is named
        and no device is, it computes on the host if "cpu" comes first, and else on the first that its adapter finds.
    rows : tuple of Row, default=()
        What it computes. Of several rows for one class, the first is the one to show where no device is known.
    adapter : str, default="accelsk.engines.adapter:Adapter"
        ``"module:Class"`` of its `~accelsk.engines.adapter.Adapter`; imported on first use.
    reference : bool, default=False
        Whether this is scikit-learn itself, which takes every estimator and needs no row.
    yields : bool, default=False
        Whether ``engine="auto"`` prefers other engines that reach a device where none was measured to be faster.
    url : str, default=""
        Where its documentation is.

    Examples
    --------
    >>> Engine(name="mine", title="My library", imports="mylib", requires=("mylib>=1",)).row("sklearn.svm.SVC") is None
    True
    """

    name: str
    title: str
    imports: str
    alternatives: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("cpu",)
    rows: tuple[Row, ...] = ()
    adapter: str = "accelsk.engines.adapter:Adapter"
    reference: bool = False
    yields: bool = False
    url: str = ""

    @cached_property
    def _by_estimator(self) -> dict[str, tuple[Row, ...]]:
        found: dict[str, tuple[Row, ...]] = {}
        for row in self.rows:
            found[row.estimator] = (*found.get(row.estimator, ()), row)
        return found

    @cached_property
    def natives(self) -> frozenset[str]:
        """The packages of which it computes classes that are their own."""
        return frozenset(row.estimator.partition(".")[0] for row in self.rows if row.native)

    def rows_of(self, estimator: str) -> tuple[Row, ...]:
        """Return the rows of a class, given its public import path.

        Parameters
        ----------
        estimator : str
            For instance ``"sklearn.svm.SVC"``.

        Returns
        -------
        tuple of Row
            Mostly one; several where kinds of device differ, and none where the engine does not compute the class.
        """
        return self._by_estimator.get(estimator, ())

    def row(self, estimator: str, device: Device | None = None) -> Row | None:
        """Return the row of a class, given its public import path.

        Parameters
        ----------
        estimator : str
            For instance ``"sklearn.svm.SVC"``.
        device : Device, default=None
            Where it is to run; None for the first row of the class.

        Returns
        -------
        Row or None
            None where the engine has no row for the class, or none for the device.

        Examples
        --------
        >>> from dataclasses import replace
        >>> from accelsk.devices import Device
        >>> here = Row(estimator="a.A", backend="b.A", params={}, fit=Inputs(), methods=(), devices=("cpu",))
        >>> engine = Engine(name="mine", title="Mine", imports="b", rows=(here, replace(here, devices=("gpu",))))
        >>> engine.row("a.A").devices, engine.row("a.A", Device.parse("cuda:1")).devices
        (('cpu',), ('gpu',))
        """
        return next((row for row in self.rows_of(estimator) if device is None or row.runs_on(device)), None)

    def label(self, row: Row) -> str:
        """Return a short name of a row that no other row of the engine has.

        Parameters
        ----------
        row : Row
            One of its rows.

        Returns
        -------
        str
            The name of the class; with the kinds of device, ``"SVC@gpu"``, for a second row of it.
        """
        first = self.row(row.estimator)
        if first is None or first.devices == row.devices:
            return row.name
        return f"{row.name}@{'+'.join(row.devices or ())}"
