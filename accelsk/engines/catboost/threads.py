"""How CatBoost is held to a share of the cores: it has a pool of its own for each call, and no number for the process.

A fit takes the number of its estimator, and a prediction that of its argument: all cores, whatever the fit was told.
Threads that have made the table of a prediction (`catboost.Pool`) wait for more, awake, while the prediction computes:
so under a share the library is given a table, made on one thread, which takes no longer. Fits make theirs inside, on
all cores whatever they are told. That is left to them: of the processor's time of 100 iterations it is 0.5 % for 20,000
rows of 50 columns, and 1.3 % for 200,000 of 20.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from accelsk.threads import share, threads_for

__all__ = ["fit_held", "table", "threads_of_tables"]


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


def threads_of_tables() -> int:
    """Return the number of threads to make tables on.

    Returns
    -------
    int
        -1 for all cores, where there is no share.
    """
    return -1 if share() is None else 1


def table(model: Any, X: Any) -> Any:
    """Return the table of data that a fitted estimator would make of them, made as `threads_of_tables` says.

    Parameters
    ----------
    model : estimator
        Of CatBoost.
    X : object
        What its methods take.

    Returns
    -------
    object
        A `catboost.Pool`; or X itself, where it is one, or a single row, or where it is the library that refuses it.
    """
    from catboost import Pool

    if isinstance(X, Pool) or len(np.shape(X)) != 2 or not model.is_fitted():
        return X
    return Pool(
        X,
        cat_features=model.get_cat_feature_indices(),
        text_features=model.get_text_feature_indices(),
        embedding_features=model.get_embedding_feature_indices(),
        thread_count=threads_of_tables(),
    )
