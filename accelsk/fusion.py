"""How the methods of a fitted pipeline are computed: by what computes its steps, consecutive ones as one product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from accelsk.backend import Route, route_of
from accelsk.batches import is_finite, returns_arrays
from accelsk.devices import HOST
from accelsk.offering import model_of
from accelsk.threads import share
from accelsk.wrapper import Wrapper

__all__ = ["METHODS", "Fusion"]

#: The methods that may be fast.
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "transform")


@dataclass(frozen=True)
class _Fused:
    """Consecutive steps in one product."""

    names: tuple[str, ...]
    compute: Callable[[Any], Any]
    finish: Callable[[Any], Any] | None


@dataclass(frozen=True)
class _Alone:
    """A step that its own evaluator computes."""

    step: Wrapper
    method: str


@dataclass(frozen=True)
class _Plan:
    """How a method is computed, and what must not have changed since: compared by identity.

    Parameters
    ----------
    parts : tuple
        One after the other; empty where the steps are to be asked.
    width : int
        Of X.
    watched : tuple of (dict, str, object)
        Attributes, where they are, and what they were.
    outputs : tuple of dict
        The ``set_output`` configurations that there were.
    """

    parts: tuple[_Fused | _Alone, ...]
    width: int
    watched: tuple[tuple[dict[str, Any], str, Any], ...]
    outputs: tuple[dict[str, Any], ...]

    @property
    def holds(self) -> bool:
        for state, name, value in self.watched:  # noqa: SIM110  a generator takes as long as the product
            if state.get(name) is not value:
                return False
        return True


class _State:
    """What is known as long as a pipeline has the same steps."""

    def __init__(self, steps: tuple[Any, ...]) -> None:
        self._steps = steps
        self.plans: dict[str, _Plan] = {}
        #: The methods that the pipeline was seen to have.
        self.known: set[str] = set()

    def is_of(self, steps: Any) -> bool:
        """Whether these are the steps."""
        known = self._steps
        if type(steps) is not list or len(steps) != len(known):
            return False
        for pair, step in zip(steps, known, strict=True):
            if not isinstance(pair, tuple) or pair[-1] is not step:
                return False
        return True


class Fusion:
    """The fast path of one fitted pipeline.

    Consecutive steps of which the ``transform`` is linear, and a linear model after them, are one product, which is
    computed at the first call. Any other step is computed by its own evaluator, if one was settled for. What is no
    plain array, and what is not finite, is left to the steps.
    """

    def __init__(self) -> None:
        self._state = _State(())

    def has(self, method: str, steps: Any) -> bool:
        """Say whether the pipeline is known to have a method.

        Parameters
        ----------
        method : str
            The method.
        steps : sequence of (str, object)
            The steps, as they are now.

        Returns
        -------
        bool
            If not, scikit-learn is to be asked.
        """
        state = self._state
        return method in state.known and state.is_of(steps)

    def answer(self, method: str, steps: Any, X: Any) -> Any:
        """Compute at once, where that can be done.

        Parameters
        ----------
        method : str
            A method of the pipeline.
        steps : sequence of (str, object)
            The steps, as they are now.
        X : object
            What it was given, alone.

        Returns
        -------
        object
            The result; None where the steps are to be asked.
        """
        if type(X) is not np.ndarray or X.ndim != 2 or not len(X) or share() is not None:
            return None
        state = self._state
        if not state.is_of(steps):
            if not _are_pairs(steps):
                return None
            state = self._state = _State(tuple(step for _, step in steps))
        state.known.add(method)
        plan = state.plans.get(method)
        if plan is None or not plan.holds:
            plan = state.plans[method] = _planned(method, steps)
        if not plan.parts or X.shape[1] != plan.width or X.dtype != np.float64 or not X.flags.c_contiguous:
            return None
        if not all(map(returns_arrays, plan.outputs or (None,))) or not _are_settled(plan.parts, len(X)):
            return None
        return _computed(plan.parts, X)

    def described(self) -> dict[str, dict[str, str]]:
        """Say which steps are one product.

        Returns
        -------
        dict
            For each step, by its name: methods to texts.
        """
        told: dict[str, dict[str, str]] = {}
        for method, plan in self._state.plans.items():
            for part in plan.parts if plan.holds else ():
                if isinstance(part, _Fused):
                    for name in part.names:
                        what = method if name == part.names[-1] and part.finish is not None else "transform"
                        told.setdefault(name, {})[what] = f"numpy, one product for {', '.join(map(repr, part.names))}"
        return told


def _are_pairs(steps: Any) -> bool:
    return type(steps) is list and all(isinstance(pair, tuple) and len(pair) == 2 for pair in steps)


def _are_settled(parts: tuple[_Fused | _Alone, ...], n_rows: int) -> bool:
    for part in parts:
        if isinstance(part, _Alone):
            evaluation = part.step.__dict__.get("_evaluation")
            if evaluation is None or not evaluation.answers(part.method, n_rows):
                return False
    return True


def _computed(parts: tuple[_Fused | _Alone, ...], X: Any) -> Any:
    for number, part in enumerate(parts):
        if isinstance(part, _Alone):
            X = part.step.__dict__["_evaluation"].answer(part.method, X)
            if X is None:
                return None
            continue
        if number == 0 and not is_finite(X):
            return None
        X = part.compute(X)
        if not is_finite(X):
            return None
        if part.finish is not None:
            X = part.finish(X)
    return X


def _planned(method: str, steps: Sequence[tuple[str, Any]]) -> _Plan:
    """Look at the fitted steps."""
    watched: list[tuple[dict[str, Any], str, Any]] = []
    outputs: list[dict[str, Any]] = []
    used = [(name, step) for name, step in steps if step is not None and step != "passthrough"]
    parts: tuple[_Fused | _Alone, ...] = ()
    width = 0
    if method in METHODS and used and all(_is_at_home(step) for _, step in used):
        for _, step in used:
            _watch(watched, vars(step), ("_backend",))
            state = getattr(step.__dict__.get("_backend"), "__dict__", {})
            _watch(watched, state, ("_sklearn_output_config", "feature_names_in_"))
            if state.get("_sklearn_output_config"):
                outputs.append(state["_sklearn_output_config"])
        backends = [step.__dict__.get("_backend") for _, step in used]
        width = getattr(backends[0], "n_features_in_", 0)
        # Those that know their features by name warn of arrays.
        if width and not any(hasattr(backend, "feature_names_in_") for backend in backends):
            parts = _parts(method, used, watched)
    return _Plan(parts, width, tuple(watched), tuple(outputs))


def _watch(watched: list[tuple[dict[str, Any], str, Any]], state: dict[str, Any], names: Sequence[str]) -> None:
    watched.extend((state, name, state.get(name)) for name in names)


def _parts(
    method: str, steps: Sequence[tuple[str, Wrapper]], watched: list[tuple[dict[str, Any], str, Any]]
) -> tuple[_Fused | _Alone, ...]:
    """One or more products, and the steps between and after them; empty where there is nothing to fuse."""
    from accelsk.evaluators.affine import fused, head_of, operations_of

    parts: list[_Fused | _Alone] = []
    run: list[tuple[str, Wrapper]] = []
    operations: list[Any] = []

    def flush(finish: Callable[[Any], Any] | None = None) -> None:
        compute = fused(operations) if len(run) > 1 else None
        if compute is None:
            wanted = [(step, "transform") for _, step in run]
            if finish is not None:
                wanted[-1] = (run[-1][1], method)
            parts.extend(_Alone(step, each) for step, each in wanted)
        else:
            parts.append(_Fused(tuple(name for name, _ in run), compute, finish))
        run.clear()
        operations.clear()

    for position, (name, step) in enumerate(steps, start=1):
        model = _model(step)
        last = position == len(steps) and method != "transform"
        if last:
            head = None if model is None else head_of(model, method)
            if head is None:
                flush()
                parts.append(_Alone(step, method))
            else:
                _watch(watched, vars(model), head[2])
                run.append((name, step))
                operations.extend(head[0])
                flush(head[1])
            break
        found = None if model is None else operations_of(model)
        if found is None:
            flush()
            parts.append(_Alone(step, "transform"))
        else:
            _watch(watched, vars(model), found[1])
            run.append((name, step))
            operations.extend(found[0])
    if run:
        flush()
    return tuple(parts)


def _route(step: Wrapper) -> Route:
    return step.__dict__.get("_route") or route_of(step._decision, type(step._inner))


def _is_at_home(step: Any) -> bool:
    """Whether a step is fitted, and its model is not on a device, from where its attributes would have to come."""
    return isinstance(step, Wrapper) and "_backend" in step.__dict__ and _route(step).device == HOST


def _model(step: Wrapper) -> Any:
    """scikit-learn's model for a step; None where it need not be asked for."""
    from accelsk.evaluators.affine import may_be_linear

    return model_of(step, _route(step)) if may_be_linear(type(step._inner)) else None
