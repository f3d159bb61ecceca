"""AcceleratedPipeline: scikit-learn's Pipeline, with an engine and a device for each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any, Literal

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from accelsk import config, frames
from accelsk.decision import Decisions
from accelsk.errors import UnsupportedParameter, did_you_mean
from accelsk.forwarding import as_the_pipeline
from accelsk.fusion import Fusion
from accelsk.options import OPTIONS, OptionsMixin
from accelsk.parts import fitted_parts, is_estimator
from accelsk.residence import Resident, at_home
from accelsk.step import Step, step_of
from accelsk.wrapper import Wrapper, warn_of_fallback

__all__ = ["AcceleratedPipeline"]

#: The options that may be given per step, as a mapping.
_PER_STEP = ("engine", "device", "engine_params")
#: Parameters that a decision does not depend on.
_OWN = ("backend", "frame", "frame_min_rows")


class AcceleratedPipeline(OptionsMixin, Pipeline):
    """A scikit-learn `Pipeline` of which each step is computed by an engine of your choice.

    It is a `Pipeline` to everything that looks: `steps` holds plain estimators, ``get_params()`` has the keys of the
    plain pipeline, and a grid that was written for it keeps working. At ``fit`` an engine is chosen for each step, by
    its class, hyperparameters and data. Between consecutive steps of the same engine and device the data stay where
    they are. The estimators that were given are never fitted themselves; the fitted steps are in `steps` and
    `named_steps`, with the fitted attributes of the plain ones.

    Parameters
    ----------
    steps : list of (str, estimator) tuples
        The steps, plain estimators, "passthrough" or None. One that is an `AcceleratedEstimator` keeps its own options.
        Inside a step that is a ColumnTransformer, a search, an ensemble, ... its parts are accelerated.
    engine : str, sequence of str or dict, default=None
        Who computes: a name, names in order of preference, or "auto". A dict says it per step,
        ``{"pca": "sklearnex", "clf": ["cuml", "sklearn"]}``; for the steps that it leaves out, and with None, the
        configured default holds, see `get_config`.
    device : str or dict, default=None
        Where: "auto", "cpu", "gpu", "gpu:1", ..., or a dict of such per step.
    fallback : {"warn", "raise", "silent"}, default=None
        What happens when a *named* engine cannot do the fit of a step: scikit-learn does it, and one
        `EngineFallbackWarning` names all such steps; or the error is raised. None takes the configured default.
    fidelity : {"exact", "statistical", "alternative"}, default=None
        How far from scikit-learn's result "auto" may go. None takes the configured default.
    sparse : {"auto", "densify", "error"}, default=None
        What happens to a sparse X that an engine does not take. None takes the configured default.
    engine_params : dict, default=None
        Parameters that only one engine has, ``{"engine name": {"parameter": value}}``, for all steps; or a dict of such
        dicts per step, ``{"clf": {"engine name": {"parameter": value}}}``.
    backend : str, default=None
        Joblib backend for what runs in parallel inside the steps. None leaves it to the surrounding
        `joblib.parallel_config`.
    n_jobs : int, default=None
        Cores for what runs in parallel inside the steps. None leaves it to their own ``n_jobs``.
    frame : {"modin"}, default=None
        What the steps that work on frames are given instead of a frame of pandas: one of modin, which runs on the ray
        that is there. Those are transformers that validate nothing (a FunctionTransformer), transformers of your own,
        and what arranges such, all without ``set_output``; all other steps are given pandas. `decision_` says of each
        step what became of its X, and `verbose` prints it. None leaves X as it is given.
    frame_min_rows : int, default=3_000_000
        From how many rows on `frame` holds; a fit with fewer warns that pandas is faster.
    transform_input : list of str, default=None
        As in `Pipeline`: the names of metadata that are transformed before they reach a step.
    memory : str or object with the joblib.Memory interface, default=None
        Where fitted transformers are cached: a path or a `joblib.Memory`, as in `Pipeline`; or "cache" for the memory
        of this process, where the pipelines of a search share the prefix of steps that they have in common. It is
        bounded by the option "cache_bytes", see `set_config`.
    verbose : bool, default=False
        Whether the time of each step is printed.

    Attributes
    ----------
    decision_ : Decisions
        What ran for each step, where, why, and why not the others.
    named_steps : Bunch
        The steps by name; fitted after ``fit``.
    **fitted
        The fitted attributes of `Pipeline`: ``classes_``, ``n_features_in_``, ``feature_names_in_``.

    See Also
    --------
    accelerate : Make one of a `Pipeline`.
    explain : The decisions before fitting.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.svm import SVC
    >>> from accelsk import AcceleratedPipeline
    >>> X, y = load_iris(return_X_y=True)
    >>> pipe = AcceleratedPipeline([("pca", PCA(2)), ("clf", SVC())], engine={"pca": "sklearn"})
    >>> pipe.set_params(clf__C=10).fit(X, y).named_steps["pca"].components_.shape
    (2, 4)
    >>> pipe.decision_["pca"].engine
    'sklearn'
    """

    _parameter_constraints: dict[str, Any] = {
        **Pipeline._parameter_constraints,
        **dict.fromkeys((*OPTIONS, *_OWN), "no_validation"),  # by ours, with messages that name the way out
    }

    # Those that a pickle from before there were such parameters lacks.
    frame: str | None = None
    frame_min_rows: int = frames.MIN_ROWS

    def __init__(
        self,
        steps: Sequence[tuple[str, Any]],
        *,
        engine: str | Sequence[str] | Mapping[str, Any] | None = None,
        device: str | Mapping[str, str] | None = None,
        fallback: str | None = None,
        fidelity: str | None = None,
        sparse: str | None = None,
        engine_params: Mapping[str, Mapping[str, Any]] | None = None,
        backend: str | None = None,
        n_jobs: int | None = None,
        frame: str | None = None,
        frame_min_rows: int = frames.MIN_ROWS,
        transform_input: Sequence[str] | None = None,
        memory: Any = None,
        verbose: bool = False,
    ) -> None:
        self.steps = steps
        self.engine = engine
        self.device = device
        self.fallback = fallback
        self.fidelity = fidelity
        self.sparse = sparse
        self.engine_params = engine_params
        self.backend = backend
        self.n_jobs = n_jobs
        self.frame = frame
        self.frame_min_rows = frame_min_rows
        self.transform_input = transform_input
        self.memory = memory
        self.verbose = verbose

    # -- steps -------------------------------------------------------------------------------------------------------

    def _given_to(self, name: str) -> dict[str, Any]:
        """Return the options of one step."""
        given = {**self._given(), **{name: getattr(self, name) for name in _OWN}}
        if self.memory is not None:
            given["frame"] = None  # see `_entering`
        for option in _PER_STEP:
            if self._is_per_step(option):
                given[option] = given[option].get(name)
        return given

    def _is_per_step(self, option: str) -> bool:
        value = getattr(self, option)
        if value is None or not isinstance(value, Mapping):
            return False
        if option != "engine_params":
            return True
        # {"clf": {"xgboost": {...}}} or {"xgboost": {...}}: an engine's name can be a step's name, too.
        names = {name for name, _ in self.steps}
        return bool(value) and all(
            name in names and isinstance(each, Mapping) and all(isinstance(params, Mapping) for params in each.values())
            for name, each in value.items()
        )

    def _check_steps_named(self) -> None:
        names = [name for name, _ in self.steps]
        for option in _PER_STEP:
            if not self._is_per_step(option):
                continue
            for name in getattr(self, option):
                if name not in names:
                    raise UnsupportedParameter(
                        f"{option}={getattr(self, option)!r} names {name!r}, and the steps are "
                        f"{', '.join(map(repr, names))}.{did_you_mean(name, names)}",
                        hint="name steps of this pipeline; those that are left out take the configured default.",
                        parameter=option,
                        value=repr(getattr(self, option)),
                    )

    def _are_named(self) -> bool:
        """Whether the steps are pairs: nobody has looked at them before a fit."""
        return isinstance(self.steps, list | tuple) and all(
            isinstance(pair, list | tuple) and len(pair) == 2 for pair in self.steps
        )

    def _prepared(self) -> list[tuple[str, Any]]:
        """Return the steps as they are to be fitted."""
        carried = self._carried_options()
        prepared = []
        for position, (name, estimator) in enumerate(self.steps, start=1):
            if isinstance(estimator, Step):
                estimator = estimator.renewed(self._given_to(name), carried)
            elif isinstance(estimator, Wrapper | AcceleratedPipeline):
                estimator = copy(estimator)  # a later step may fail, and this one must be as it was then
            elif is_estimator(estimator):
                fits_here = position == len(self.steps) or hasattr(estimator, "transform")
                if fits_here:  # else scikit-learn says what is wrong with it
                    estimator = step_of(estimator, self._given_to(name), carried)
            prepared.append((name, estimator))
        return prepared

    def __getitem__(self, ind: Any) -> Any:
        if not isinstance(ind, slice):
            return super().__getitem__(ind)
        if ind.step not in (1, None):
            raise ValueError("Pipeline slicing only supports a step of 1")
        steps = self.steps[ind]
        given = {**self._given(), **{name: getattr(self, name) for name in _OWN}}
        for option in _PER_STEP:
            if self._is_per_step(option):
                given[option] = {name: value for name, value in given[option].items() if name in dict(steps)}
        part = type(self)(steps, memory=self.memory, verbose=self.verbose, **given)
        part._carry(self._carried_options())
        return part

    # -- fitting and computing ---------------------------------------------------------------------------------------

    def _run(self, method: str, X: Any, y: Any, params: Mapping[str, Any]) -> Any:
        """Fit. What runs is a copy, so that a fit that fails leaves this object as it was."""
        known = bool(self.steps) and self._are_named()  # else scikit-learn says what is wrong with them
        if known:
            self._check_steps_named()
        runner: AcceleratedPipeline = object.__new__(type(self))
        runner.__dict__.update(self.__dict__)
        runner.__dict__.pop("_evaluation", None)  # of the fit before
        runner.steps = self._prepared() if known else self.steps
        if isinstance(self.memory, str) and self.memory == "cache":
            from accelsk.memory import MemoryCache

            runner.memory = MemoryCache(config.resolve_cache_bytes(self._carried_options()))
        y, params = frames.local(y), {key: frames.local(value) for key, value in params.items()}
        if known:
            steps = [step for _, step in runner.steps]
            frames.check_frame(self.frame, self.frame_min_rows, X, steps, cached=self.memory is not None)
        result = getattr(super(AcceleratedPipeline, runner), method)(runner._entering(X) if known else X, y, **params)
        self.__dict__.update({**runner.__dict__, "memory": self.memory, "_evaluation": Fusion()})
        self._tell_of_fallbacks()
        if self.verbose:
            self._tell_of_conversions()
        if result is runner:
            return self
        return self._leaving(result, X)

    def _tell_of_fallbacks(self) -> None:
        fell_back = {
            name: step.decision_
            for name, step in self.steps
            if isinstance(step, Step) and step.decision_.fell_back and step._options().fallback == "warn"
        }
        if fell_back:
            warn_of_fallback(fell_back)

    def _tell_of_conversions(self) -> None:
        for name, step in self.steps:
            if isinstance(step, Step) and step.decision_.conversions:
                print(f"[Pipeline] X of step {name!r} was converted: {', '.join(step.decision_.conversions)}")  # noqa: T201  as Pipeline does

    @staticmethod
    def _leaving(result: Any, X: Any) -> Any:
        """Bring the result home, unless it goes on to a step of another pipeline; in modin only if X was."""
        if isinstance(X, Resident):
            return result
        result = at_home(result)
        return result if frames.is_modin(X) else frames.local(result)

    def _entering(self, X: Any) -> Any:
        """Let the data stay between the steps, where all of them know how to leave them there."""
        if self.memory is not None:
            X = frames.local(X)  # caches look at values
        steps = [step for _, step in self.steps if step is not None and not isinstance(step, str)]
        ours = all(isinstance(step, Wrapper | AcceleratedPipeline) for step in steps)
        watched = "_skl_callbacks" in self.__dict__  # callbacks are shown what a plain Pipeline would show them
        if isinstance(X, Resident):
            return X if ours and not watched else X.home()
        return Resident(X) if ours and len(steps) > 1 and not watched else X

    def fit(self, X: Any, y: Any = None, **params: Any) -> AcceleratedPipeline:
        """Fit the pipeline: for each step choose an engine, and fit a fresh backend estimator.

        Parameters
        ----------
        X : iterable
            The data.
        y : iterable, default=None
            The target.
        **params : dict
            As in `Pipeline.fit`: ``step__parameter``, or metadata that the steps request.

        Returns
        -------
        AcceleratedPipeline
            This object.
        """
        fitted: AcceleratedPipeline = self._run("fit", X, y, params)
        return fitted

    fit_transform = as_the_pipeline("fit_transform")
    fit_predict = as_the_pipeline("fit_predict")
    predict = as_the_pipeline("predict")
    predict_proba = as_the_pipeline("predict_proba")
    predict_log_proba = as_the_pipeline("predict_log_proba")
    decision_function = as_the_pipeline("decision_function")
    score = as_the_pipeline("score")
    score_samples = as_the_pipeline("score_samples")
    transform = as_the_pipeline("transform")
    inverse_transform = as_the_pipeline("inverse_transform")

    def prepare(
        self, X: Any = None, *, batch_sizes: Sequence[int] = (1,), precision: Literal["float64", "float32"] = "float64"
    ) -> AcceleratedPipeline:
        """Make what predicts fast for batches of these sizes now, for each step: see `AcceleratedEstimator.prepare`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), default=None
            Rows like those that are to come, to measure with; None for made ones.
        batch_sizes : sequence of int, default=(1,)
            How many rows a call will have.
        precision : {"float64", "float32"}, default="float64"
            "float32" also lets evaluators compute whose results have single precision.

        Returns
        -------
        AcceleratedPipeline
            This object.
        """
        check_is_fitted(self)
        for position, (_, step) in enumerate(self.steps, start=1):
            if isinstance(step, Wrapper | AcceleratedPipeline):
                step.prepare(X, batch_sizes=batch_sizes, precision=precision)
            if X is not None and position < len(self.steps) and is_estimator(step):
                X = at_home(step.transform(X))
        return self

    # -- what ran ----------------------------------------------------------------------------------------------------

    @property
    def decision_(self) -> Decisions:
        """What ran for each step, where, why, and why not the others."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"This {type(self).__name__} is not fitted yet: it has no attribute 'decision_'")
        found: dict[str, Any] = {}
        fusion = self.__dict__.get("_evaluation")
        fused = {} if fusion is None else fusion.described()
        for name, step in self.steps:
            if isinstance(step, Wrapper):
                decision = step.decision_
                if name in fused:
                    decision = replace(decision, operations={**decision.operations, **fused[name]})
                found[name] = decision
                step = step._backend
            if is_estimator(step):
                found.update({f"{name}.{path}": part._decision for path, part in fitted_parts(step)})
        return Decisions(found)

    # -- what scikit-learn asks of an estimator ----------------------------------------------------------------------

    def __sklearn_clone__(self) -> AcceleratedPipeline:
        from sklearn.base import _clone_parametrized

        made: AcceleratedPipeline = _clone_parametrized(self._with_plain_steps())
        made._carry(self._carried_options())
        return made

    def _with_plain_steps(self) -> AcceleratedPipeline:
        """Return this pipeline with the steps as they were given."""
        plain: AcceleratedPipeline = object.__new__(type(self))
        plain.__dict__.update(self.__dict__)
        if self._are_named() and any(isinstance(step, Step) for _, step in self.steps):
            plain.steps = [(name, step._inner if isinstance(step, Step) else step) for name, step in self.steps]
        return plain

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        text: str = super(AcceleratedPipeline, self._with_plain_steps()).__repr__(N_CHAR_MAX)
        return text
