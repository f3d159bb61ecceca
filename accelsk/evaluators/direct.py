"""What the evaluators in NumPy have in common: they cost nothing to make, and read the model at each call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from accelsk.evaluators.spec import Evaluate, Offer

__all__ = ["are_arrays", "direct", "state_of"]

#: Roughly what a call takes apart from its arithmetic, in seconds: some operations of NumPy.
_CALL = 5e-6


def direct(
    methods: Mapping[str, Evaluate],
    *,
    difference: float = 0.0,
    most_rows: float = float("inf"),
    dtypes: tuple[str, ...] = ("float64", "float32"),
) -> Offer:
    """Return the offer to compute some methods in NumPy.

    Parameters
    ----------
    methods : mapping of str to callable
        The methods.
    difference : float, default=0.0
        As in `Offer`.
    most_rows : float, default=inf
        For how many rows it is a gain; beyond, the model itself has threads, or takes less memory.
    dtypes : tuple of str, default=("float64", "float32")
        As in `Offer`.

    Returns
    -------
    Offer
        It is taken at the first call.

    Examples
    --------
    >>> offer = direct({"predict": lambda X: X.sum(axis=1)}, most_rows=100)
    >>> offer.build, offer.seconds("predict", 1) < 1e-4, offer.seconds("predict", 200)
    (0.0, True, inf)
    """
    return Offer(
        name="numpy",
        methods=tuple(methods),
        make=lambda: methods,
        seconds=lambda method, n_rows: _CALL if n_rows <= most_rows else float("inf"),
        difference=difference,
        dtypes=dtypes,
    )


def state_of(model: Any) -> dict[str, Any]:
    """Return where a model keeps its attributes: reading them there takes less time than asking the model.

    Parameters
    ----------
    model : estimator
        Fitted.

    Returns
    -------
    dict
        The model's own: a later fit of the model changes it, too.
    """
    state: dict[str, Any] = vars(model)
    return state


def are_arrays(*values: Any) -> bool:
    """Say whether attributes are plain arrays, as a fit leaves them: not sparse, not of another library.

    Parameters
    ----------
    *values : object
        Attributes.

    Returns
    -------
    bool
        For all of them.

    Examples
    --------
    >>> are_arrays(np.ones(2)), are_arrays(np.ones(2), 1.0)
    (True, False)
    """
    return all(type(value) is np.ndarray for value in values)


Array = npt.NDArray[Any]
