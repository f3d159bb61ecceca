"""What an AcceleratedPipeline holds for each of its steps, once it is fitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sklearn.base import clone

from accelsk import config
from accelsk.decision import Decision
from accelsk.engines import reference
from accelsk.parts import is_left_alone, parts
from accelsk.wrapper import Wrapper

__all__ = ["Step", "step_of"]

_DRIVEN = "scikit-learn drives it; its parts are decided one by one"


class Step(Wrapper):
    """A step of a fitted pipeline: the plain step to everything that looks, its hyperparameters included.

    Unlike `AcceleratedEstimator` it has no parameters of its own: the pipeline has them.

    Parameters
    ----------
    estimator : estimator
        The plain step.
    given : mapping
        The options of the pipeline for this step, "backend", "frame" and "frame_min_rows" among them.
    carried : mapping
        The configuration that the pipeline carries, see `config_context`.

    Attributes
    ----------
    decision_ : Decision
        What ran for this step, where, and why.
    engine_, device_ : str
        The same in short.
    """

    _wraps_in = "_plain"
    _made_by_params = False

    def __init__(self, estimator: Any, given: Mapping[str, Any], carried: Mapping[str, Any]) -> None:
        self._plain = estimator
        self._asked = dict(given)
        if carried:
            self._carried = dict(carried)

    @property
    def _inner(self) -> Any:
        return self.__dict__["_plain"]

    @property
    def _parallel(self) -> tuple[str | None, int | None]:
        return self._asked.get("backend"), self._asked.get("n_jobs")

    def _given(self) -> dict[str, Any]:
        return self._asked

    def _options(self, **instead: Any) -> config.Options:
        options = super()._options(**instead)
        if self._arranges():
            options = replace(options, engine=reference().name, device=None, engine_params={})
        return options

    def _arranges(self) -> bool:
        """Whether no engine is to be chosen for this step itself: it arranges estimators, or is left as it is."""
        return bool(parts(self._inner)) or is_left_alone(self._inner)

    def _modin_from(self) -> int | None:
        return self._asked.get("frame_min_rows") if self._asked.get("frame") == "modin" else None

    def _fresh(self) -> Any:
        if not self._arranges():
            return super()._fresh()
        from accelsk.wrapping import accelerate

        inside = {name: value for name, value in self._asked.items() if name not in _OF_THE_PIPELINE}
        made = accelerate(super()._fresh(), **inside)
        _carry_to(made, self._carried_options())
        return made

    def _tell(self, decision: Decision) -> None:
        """Say nothing: the pipeline tells of all its steps at once."""

    def _fit(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        result = super()._fit(method, args, kwargs)
        if self._arranges():
            self._decision = replace(self._decision, why=_DRIVEN)
        return result

    def renewed(self, given: Mapping[str, Any], carried: Mapping[str, Any]) -> Step:
        """Return the step for the next fit.

        Parameters
        ----------
        given, carried : mapping
            As in the constructor.

        Returns
        -------
        Step
            Unfitted, but for a step with ``warm_start``: that one goes on from the last fit.
        """
        made = type(self)(self._plain, given, carried)
        if getattr(self._plain, "warm_start", False):
            made.__dict__.update({name: self.__dict__[name] for name in _FITTED if name in self.__dict__})
        return made

    # -- the face of the plain step ----------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the hyperparameters of the plain step.

        Parameters
        ----------
        deep : bool, default=True
            Whether those of its parts are there too.

        Returns
        -------
        dict
            Names to values.
        """
        params: dict[str, Any] = self._inner.get_params(deep=deep)
        return params

    def set_params(self, **params: Any) -> Step:
        """Set hyperparameters of the plain step.

        Parameters
        ----------
        **params : dict
            Names and values.

        Returns
        -------
        Step
            This object.
        """
        self._inner.set_params(**params)
        return self

    def __getattr__(self, name: str) -> Any:
        fitted = self.__dict__.get("_backend")
        if fitted is not None and not name.startswith("_") and name in _ARRANGED and hasattr(fitted, name):
            return getattr(fitted, name)  # what is inside a fitted pipeline is fitted
        if name == "estimator_" and fitted is not None and not hasattr(fitted, name):
            return self._shown()  # as of an AcceleratedEstimator, where the plain step has no such attribute of its own
        return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_") and name in self._inner.get_params(deep=False):
            setattr(self._inner, name, value)
        else:
            super().__setattr__(name, value)

    def __sklearn_clone__(self) -> Step:
        made = type(self)(clone(self._inner), clone(self._asked, safe=False), self._carried_options())
        if "_skl_callbacks" in self.__dict__:
            made._skl_callbacks = self._skl_callbacks
        made._carry(self._carried_options())
        return made

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        text: str = self._inner.__repr__()
        return text


class SequenceStep(Step):
    """A step that is a sequence of its parts: a nested pipeline, a forest."""

    def __bool__(self) -> bool:
        return True  # an unfitted forest has no length

    def __len__(self) -> int:
        return len(self.__dict__.get("_backend", self._inner))

    def __getitem__(self, index: Any) -> Any:
        return self.__dict__.get("_backend", self._inner)[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.__dict__.get("_backend", self._inner))


def step_of(estimator: Any, given: Mapping[str, Any], carried: Mapping[str, Any]) -> Step:
    """Make a step; parameters and result as in `Step`.

    Parameters
    ----------
    estimator : estimator
        The plain step.
    given, carried : mapping
        As in the constructor.

    Returns
    -------
    Step
        Of the class that fits.
    """
    kind = SequenceStep if hasattr(type(estimator), "__len__") else Step
    return kind(estimator, given, carried)


#: Options of a step that are not for what is inside it: a part is given the frame that the step was given.
_OF_THE_PIPELINE = ("backend", "n_jobs", "frame", "frame_min_rows")
_FITTED = ("_backend", "_decision", "_takes", "_route", "_params")
_ARRANGED = frozenset(("steps", "named_steps", "transformer_list", "named_transformers"))


def _carry_to(made: Any, carried: Mapping[str, Any]) -> None:
    """Hand the configuration that the pipeline carries on to the wrapped estimators inside a step."""
    for part in parts(made).values():
        if hasattr(part, "_carry"):
            part._carried = {**carried, **part._carried_options()}
        _carry_to(part, carried)
