"""LightGBM on dask collections: each worker trains on the rows that it holds, and they exchange histograms."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from accelsk.blocks import example_of
from accelsk.clusters import Cluster
from accelsk.engines.classes import class_at
from accelsk.engines.spec import Row
from accelsk.errors import UnsupportedParameter

__all__ = ["trained"]

#: The number of threads is that of a dask worker, and LightGBM warns of every other way to say it.
_THREADS = ("n_jobs", "num_threads", "num_thread", "nthread", "nthreads")


def trained(
    model: Any,
    row: Row,
    X: Any,
    y: Any,
    given: Mapping[str, Any],
    cluster: Cluster,
    classes: np.ndarray[Any, Any] | None,
) -> Any:
    """Fit an estimator of LightGBM to dask collections.

    Parameters
    ----------
    model : estimator
        Of LightGBM, not fitted.
    row : Row
        The row.
    X, y : dask collection
        The data; classes as 0, 1, ...
    given : mapping
        Further arguments of ``fit``.
    cluster : Cluster
        Whose workers train.
    classes : ndarray or None
        The labels of a classification.

    Returns
    -------
    estimator
        Fitted, of the class of `model`.
    """
    assert row.distributed is not None
    _refuse(model, row)
    cluster.begin()
    params = model.get_params()
    used = {name: value for name, value in params.items() if name not in _THREADS}
    if classes is not None:
        # Not by DaskLGBMClassifier: there each worker looks for the classes among its own rows, and fails or hangs
        # where one has not all of them. To LightGBM itself a classification is an objective.
        used["class_weight"] = None  # in the sample weights already
        used["objective"] = params.get("objective") or ("binary" if len(classes) == 2 else "multiclass")
        if len(classes) > 2:
            used["num_class"] = len(classes)
    made = class_at(row.distributed.backend)(client=cluster.client, **used)
    cluster.client.run(_leave, on_error="ignore")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Parameter .* will be ignored")
        made.fit(X, y, **given)
    found = made.to_local()
    if classes is not None:
        found = _classifier(model, found, example_of(X), classes)
    # An estimator with the user's hyperparameters, and with what a fit has made of the other: those of the network, and
    # of the small fit, are left behind.
    fitted = type(model)(**params)
    for name, value in vars(found).items():
        if name not in found.get_params() and name != "_other_params":
            setattr(fitted, name, value)
    return fitted


def _refuse(model: Any, row: Row) -> None:
    """With constraints of interactions LightGBM 4.7 fails on several machines: ``std::bad_array_new_length``."""
    if model.get_params().get("interaction_constraints"):
        name = "interaction_constraints" if row.native else "interaction_cst"
        raise UnsupportedParameter(
            f"LightGBM cannot train {row.name} with {name} on dask collections.",
            hint=f"drop {name}, or train with another engine.",
            estimator=row.name,
            parameter=name,
        )


def _leave(dask_worker: Any) -> None:
    """Let a worker leave the ring of a training that has failed; LightGBM stays in it, and sends to the dead there."""
    from types import SimpleNamespace

    from lightgbm import Booster

    if not dask_worker.active_threads:
        nobody: Any = SimpleNamespace()
        Booster.free_network(nobody)  # it belongs to the process, and there is no booster left of it


def _classifier(model: Any, found: Any, rows: Any, classes: np.ndarray[Any, Any]) -> Any:
    """The estimator as LightGBM itself makes it for these labels, by a fit to a few rows; then with the trees."""
    at = np.arange(len(classes)) % 2
    rows = rows.iloc[at] if hasattr(rows, "iloc") else rows[at]
    small = {"n_estimators": 1, "num_leaves": 2, "n_jobs": 1, "verbosity": -1, "class_weight": None}
    made = type(model)(**{**model.get_params(), **small}).fit(rows, classes)
    for name in ("_Booster", "_best_iteration", "_best_score", "_evals_result"):
        setattr(made, name, getattr(found, name))
    return made
