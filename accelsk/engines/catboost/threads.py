"""How CatBoost is held to a share of the cores: it has a pool of its own for each call, and no number for the process.

A fit takes the number of its estimator, and a prediction that of its argument: all cores, whatever the fit was told.
Nobody can tell a fit the number for the table that it makes of its data first (`Pool`), all cores again; and threads
that have made the table of a prediction wait for more, awake, while the prediction computes. So under a share each
table is made on one thread, which takes a hundredth of a fit. The class itself is told so, once: without a share it
does what it did.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from accelsk.threads import share, threads_for

__all__ = ["fit_held", "hold_tables"]


@contextmanager
def fit_held(model: Any) -> Iterator[None]:
    """Hold the fit of an estimator to the share.

    Parameters
    ----------
    model : estimator
        Of CatBoost, not fitted. Afterwards it asks for what it has asked for before.

    Yields
    ------
    None
    """
    if share() is None:
        yield
        return
    before = model.get_param("thread_count")
    model.set_params(thread_count=threads_for(before))
    try:
        yield
    finally:
        params = model._init_params  # set_params refuses once there is a fit
        del params["thread_count"]
        if before is not None:
            params["thread_count"] = before
        model._canonized_params = None


@lru_cache(maxsize=1)
def hold_tables() -> None:
    """Let tables be made on one thread where there is a share; asked before every call under one."""
    from catboost import Pool

    init = Pool.__init__

    @functools.wraps(init)
    def init_held(self: Any, *args: Any, **kwargs: Any) -> None:
        if share() is not None:
            kwargs["thread_count"] = 1
        init(self, *args, **kwargs)

    Pool.__init__ = init_held
