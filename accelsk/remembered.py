"""The k-means of scikit-learn, whose models remember the number of OpenMP threads of their fit, and predict on as many.

So a model that was fitted within a share would stay within it for ever, and one that was not would exceed it.
"""

from __future__ import annotations

import copy
from typing import Any

from accelsk.threads import alone, share

__all__ = ["as_alone", "within_share"]

_THREADS = "_n_threads"


def within_share(model: Any) -> Any:
    """Return a model that computes on no more threads than the share.

    Parameters
    ----------
    model : estimator
        Fitted; it is not changed, for other threads may use it.

    Returns
    -------
    estimator
        The same one, where there is no share, or where it remembers no number, or none that is too large.
    """
    limit = share()
    if limit is None or getattr(model, "__dict__", {}).get(_THREADS, 0) <= limit:
        return model
    held = copy.copy(model)
    setattr(held, _THREADS, limit)
    return held


def as_alone(model: Any) -> None:
    """Let a model remember the number that it would without a share.

    Parameters
    ----------
    model : estimator
        Just fitted.
    """
    if share() is not None and _THREADS in getattr(model, "__dict__", {}):
        setattr(model, _THREADS, alone())
