"""What a computation costs: a small model of time against size, for each class, operation and engine.

The time is a sum of terms such as ``n*d`` and ``n*d^2`` with coefficients that are not negative, so it never falls as
the data grow. The coefficients are non-negative least squares of the relative error over measured times; those that
come with an engine are data of its folder, ``costs.json``, and `accelsk.calibrate` adjusts them to a machine.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from accelsk.engines import get

__all__ = ["TERMS", "Cost", "Work", "cost_of", "costs_of", "fitted_cost", "known_costs", "seconds_for"]


class Work(NamedTuple):
    """How much there is to compute.

    Parameters
    ----------
    n : int
        Rows of X.
    d : int
        Columns of X.
    m : int, default=1
        For what a fitted model is asked: the rows that it was fitted to.
    c : int, default=1
        Classes.
    """

    n: int
    d: int
    m: int = 1
    c: int = 1


#: What a time is made of.
TERMS: Mapping[str, Callable[[Work], float]] = {
    "1": lambda work: 1.0,
    "n": lambda work: work.n,
    "n*d": lambda work: work.n * work.d,
    "n*d^2": lambda work: work.n * work.d**2,
    "d^3": lambda work: work.d**3,
    "n*log(n)": lambda work: work.n * math.log2(work.n + 1),
    "n*log(n)*d": lambda work: work.n * math.log2(work.n + 1) * work.d,
    "n^2": lambda work: work.n**2,
    "n^2*d": lambda work: work.n**2 * work.d,
    "n*log(m)": lambda work: work.n * math.log2(work.m + 1),
    "n*m": lambda work: work.n * work.m,
    "n*m*d": lambda work: work.n * work.m * work.d,
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The time of one operation of one class on one engine, for some hyperparameters.

    Parameters
    ----------
    terms : mapping of str to float
        Coefficients of some of `TERMS`, in seconds.
    when : mapping of str to sequence, default={}
        The hyperparameters for which it holds, each with its values.
    scale : mapping of str to float, default={}
        The hyperparameters to which all but the constant term are proportional, with the value at which the time was
        measured: ``{"n_estimators": 100}``.
    classes : int, default=0
        The number of classes at which it was measured and to which the same holds, for more than two; 2 for exactly
        two; 0 where the number does not matter.
    threads : int, default=0
        The threads with which it was measured: 1, as in a worker that has one core to itself, or 0 for as many as there
        are.
    error : float, default=0.0
        The median relative error over the measurements.
    points : int, default=0
        The number of measurements.
    case : mapping, default={}
        What was measured, so that it can be measured again: the hyperparameters that differ from the defaults
        ("params") and the kind of data ("data").

    Examples
    --------
    >>> cost = Cost(terms={"1": 1e-3, "n*d": 1e-8}, scale={"n_clusters": 8})
    >>> round(cost.seconds(Work(n=1000, d=10), {"n_clusters": 16}), 6)
    0.0012
    """

    terms: Mapping[str, float]
    when: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)
    classes: int = 0
    threads: int = 0
    error: float = 0.0
    points: int = 0
    case: Mapping[str, Any] = field(default_factory=dict)

    def holds(self, params: Mapping[str, Any]) -> bool:
        """Say whether it was measured with such hyperparameters.

        Parameters
        ----------
        params : mapping
            The hyperparameters.

        Returns
        -------
        bool
            Whether each of `when` has one of its values.
        """
        return all(_among(params.get(name), values) for name, values in self.when.items())

    def counts(self, classes: int) -> bool:
        """Say whether it was measured with such a number of classes.

        Parameters
        ----------
        classes : int
            The number.

        Returns
        -------
        bool
            Two are a problem of their own.
        """
        return not self.classes or (self.classes == 2) == (classes == 2)

    def seconds(self, work: Work, params: Mapping[str, Any]) -> float:
        """Estimate a time.

        Parameters
        ----------
        work : Work
            The size.
        params : mapping
            The hyperparameters.

        Returns
        -------
        float
            Seconds on the machine of the measurements.
        """
        times = work.c / self.classes if self.classes else 1.0
        for name, measured in self.scale.items():
            value = params.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                times *= value / measured
        fixed = self.terms.get("1", 0.0)
        return fixed + times * sum(weight * TERMS[name](work) for name, weight in self.terms.items() if name != "1")

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data.

        Returns
        -------
        dict
            For ``costs.json``; without what is empty.
        """
        return {name: value for name, value in asdict(self).items() if value}


def _among(value: Any, values: Sequence[Any]) -> bool:
    # 1 is not True here, and an estimator or a function is none of the values.
    return any(value is each or (type(value) is type(each) and bool(value == each)) for each in values)


def costs_of(engine: str) -> Mapping[str, Mapping[str, tuple[Cost, ...]]]:
    """Return what an engine says of its times: ``costs.json`` beside the module of its adapter.

    Parameters
    ----------
    engine : str
        The name of the engine.

    Returns
    -------
    mapping of str to mapping of str to tuple of Cost
        By class and operation; empty for an engine that says nothing.

    Raises
    ------
    ValueError
        If the file is not what it should be.
    """
    module = get(engine).adapter.partition(":")[0]
    return _read(engine, module.rpartition(".")[0])


@cache
def _read(engine: str, package: str) -> Mapping[str, Mapping[str, tuple[Cost, ...]]]:
    file = resources.files(package) / "costs.json" if package else None
    if file is None or not file.is_file():
        return {}
    try:
        return {
            name: {operation: tuple(Cost(**each) for each in costs) for operation, costs in operations.items()}
            for name, operations in json.loads(file.read_text(encoding="utf-8")).items()
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"the costs of engine {engine!r}, {file}, cannot be read: {error}.") from error


def known_costs(
    engine: str, estimator: str, operation: str, params: Mapping[str, Any], threads: int = 0
) -> tuple[Cost, ...]:
    """Return what is known of an operation with some hyperparameters.

    Parameters
    ----------
    engine : str
        The name of the engine.
    estimator : str
        The public path of the class.
    operation : str
        A method.
    params : mapping
        The hyperparameters.
    threads : int, default=0
        As in `Cost`.

    Returns
    -------
    tuple of Cost
        Empty where nothing like it was measured; several for two and for more classes.
    """
    known = costs_of(engine).get(estimator)
    if known is None:
        return ()
    return tuple(cost for cost in known.get(operation, ()) if cost.threads == threads and cost.holds(params))


def cost_of(engine: str, estimator: str, operation: str, params: Mapping[str, Any], classes: int = 2) -> Cost | None:
    """Return the one of `known_costs` that is for a number of classes, and for the threads that there are here.

    Parameters
    ----------
    engine, estimator, operation, params : str, str, str, mapping
        As for `known_costs`.
    classes : int, default=2
        The number of classes.

    Returns
    -------
    Cost or None
        None where nothing like it was measured.
    """
    from accelsk.threads import regime

    costs = known_costs(engine, estimator, operation, params, regime())
    return next((cost for cost in costs if cost.counts(classes)), None)


def seconds_for(engine: str, estimator: str, operation: str, params: Mapping[str, Any], work: Work) -> float | None:
    """Estimate the time of an operation here.

    Parameters
    ----------
    engine, estimator, operation, params : str, str, str, mapping
        As for `cost_of`.
    work : Work
        The size.

    Returns
    -------
    float or None
        Seconds: as calibrated for this machine, else as on the machine of the measurements; None for unknown.
    """
    cost = cost_of(engine, estimator, operation, params, work.c)
    if cost is None:
        return None
    from accelsk.calibration import factor

    return cost.seconds(work, params) * factor(engine, estimator, operation)


def fitted_cost(points: Sequence[tuple[Work, float]], **given: Any) -> Cost:
    """Fit a cost to measured times.

    Parameters
    ----------
    points : sequence of tuple of (Work, float)
        Sizes and seconds.
    **given : dict
        The other fields of `Cost`.

    Returns
    -------
    Cost
        With the coefficients whose relative errors have the smallest sum of squares (`scipy.optimize.nnls`).

    Examples
    --------
    >>> sizes = [Work(n, d) for n in (100, 1000, 10_000) for d in (5, 50, 500)]
    >>> cost = fitted_cost([(work, 1e-3 + 2e-8 * work.n * work.d) for work in sizes])
    >>> {name: round(weight, 10) for name, weight in cost.terms.items()}
    {'1': 0.001, 'n*d': 2e-08}
    """
    import numpy as np
    from scipy.optimize import nnls

    names = list(TERMS)
    times = np.array([seconds for _, seconds in points])
    design = np.array([[TERMS[name](work) for name in names] for work, _ in points])
    relative = design / times[:, None]
    size = np.linalg.norm(relative, axis=0)  # else what is large in numbers would hide the rest from the solver
    weights, _ = nnls(relative / size, np.ones(len(points)), maxiter=100 * len(names))
    weights = weights / size
    # A term that never makes a hundredth of a time says nothing.
    kept = {
        name: float(f"{weight:.4g}")
        for name, weight, column in zip(names, weights, relative.T, strict=True)
        if weight * column.max() > 0.01
    }
    error = float(np.median(np.abs(design @ weights / times - 1)))
    return Cost(terms=kept, error=round(error, 3), points=len(points), **given)
