"""Which rows train on dask collections: those with a class in ``cuml.dask`` whose result is a model of one machine.

Not DBSCAN, whose fit wants all rows in one place; nor the neighbours, whose model is all rows. Never run on GPUs by
accelsk's own tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from accelsk.engines.spec import Distributed, Row

__all__ = ["distributed"]

_NAMES = (
    "cluster.KMeans",
    "decomposition.PCA",
    "decomposition.TruncatedSVD",
    "ensemble.RandomForestClassifier",
    "ensemble.RandomForestRegressor",
    "linear_model.ElasticNet",
    "linear_model.Lasso",
    "linear_model.LinearRegression",
    "linear_model.LogisticRegression",
    "linear_model.Ridge",
    "naive_bayes.MultinomialNB",
)
_NOTE = "each worker has a GPU of its own; written by cuML's documentation, and not run yet by accelsk's tests"


def distributed(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Let the rows of some classes say how they train on dask collections.

    Parameters
    ----------
    rows : iterable of Row
        All of them.

    Returns
    -------
    tuple of Row
        In the same order.
    """
    how = {f"sklearn.{name}": Distributed(backend=f"cuml.dask.{name}", devices=("gpu",), note=_NOTE) for name in _NAMES}
    return tuple(replace(row, distributed=how[row.estimator]) if row.estimator in how else row for row in rows)
