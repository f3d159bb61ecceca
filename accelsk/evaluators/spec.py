"""What an evaluator declares. PUBLIC: engine authors import from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy.typing as npt

__all__ = ["Evaluate", "Offer", "Precision"]

#: A method of a fitted model, for a C-contiguous array of the right width (finite, unless the offer takes NaN).
Evaluate = Callable[[npt.NDArray[Any]], Any]

Precision = Literal["float64", "float32"]


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A faster way to compute what one fitted model computes.

    Parameters
    ----------
    name : str
        Who computes: "numpy", "treelite", ...
    methods : tuple of str
        The methods that it computes.
    make : callable
        ``make() -> {method: evaluate}``, with an `evaluate` for each of `methods`. It imports what it needs, takes the
        `build` seconds, is called at most once for a model (under a lock), and may raise: then the model computes as it
        did. An `evaluate` may be called by several threads at once, and returns what the method of the model does: same
        shape, same dtype. One that reads the attributes of the model at each call never goes stale. It may return None
        for what it does not want to answer: then the model itself is asked.
    seconds : callable
        ``seconds(method, n_rows) -> float``: about how long a call takes, in seconds on the machine of the
        measurements. Against it stands what the model itself was seen to take here.
    build : float, default=0.0
        About how long `make` takes, in seconds; 0.0 for next to nothing: it is made at the first call.
    difference : float, default=0.0
        The largest difference of a continuous output from the model's own, relative to its standard deviation; 0.0 for
        the same bits, 1e-12 and the like for another order of summation.
    precision : {"float64", "float32"}, default="float64"
        "float32" for results of single precision where the model's are double: used only where asked for.
    nan : bool, default=False
        Whether it treats NaN as the model does; where not, it is not given any.
    dtypes : tuple of str, default=("float64", "float32")
        The dtypes of X with which the result is the model's, dtype included.
    check : callable, default=None
        ``check(X) -> array``: scikit-learn's own validation of any X for a prediction, for what is no plain array: a
        frame, a list; it raises what the model raises. None where only plain arrays are taken.

    Examples
    --------
    >>> import numpy as np
    >>> offer = Offer(
    ...     name="numpy",
    ...     methods=("predict",),
    ...     make=lambda: {"predict": lambda X: X.sum(axis=1)},
    ...     seconds=lambda method, n_rows: 2e-6,
    ... )
    >>> offer.make()["predict"](np.ones((1, 3)))
    array([3.])
    """

    name: str
    methods: tuple[str, ...]
    make: Callable[[], Mapping[str, Evaluate]]
    seconds: Callable[[str, int], float]
    build: float = 0.0
    difference: float = 0.0
    precision: Precision = "float64"
    nan: bool = False
    dtypes: tuple[str, ...] = ("float64", "float32")
    check: Callable[[Any], npt.NDArray[Any]] | None = None
