"""Random generators among the hyperparameters: what is fitted draws from the very ones that were given."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsk.hyperparameters import are_plain

__all__ = ["with_its_own_random_state"]

_GENERATORS = (np.random.RandomState, np.random.Generator)


def with_its_own_random_state(made: Any, estimator: Any) -> Any:
    """Give a clone the random generators of the original: a clone has copies, and each fit would draw the same.

    Parameters
    ----------
    made : estimator
        The clone.
    estimator : estimator
        The original.

    Returns
    -------
    estimator
        The clone.
    """
    held = vars(estimator)  # rather than get_params: asked at every fit
    if are_plain(held.values()):
        return made
    generators = {
        name: value for name, value in held.items() if isinstance(value, _GENERATORS) and "_" not in name[0] + name[-1]
    }
    return made.set_params(**generators) if generators else made
