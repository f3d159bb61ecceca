"""XGBoost on dask collections: each worker trains on the rows that it holds, and they exchange histograms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelsk.blocks import is_frame
from accelsk.clusters import Cluster
from accelsk.engines.classes import class_at
from accelsk.engines.spec import Row
from accelsk.engines.xgboost.tracker import apart
from accelsk.errors import DeviceNotAvailable

__all__ = ["trained"]

#: What `load_model` writes into the hyperparameters, and a fit on this machine does not.
_KEPT = ("base_score", "booster", "feature_types", "enable_categorical")


def trained(model: Any, row: Row, X: Any, y: Any, given: Mapping[str, Any], cluster: Cluster) -> Any:
    """Fit an estimator of XGBoost to dask collections.

    Parameters
    ----------
    model : estimator
        Of XGBoost, not fitted.
    row : Row
        The row.
    X, y : dask collection
        The data; classes as 0, 1, ...
    given : mapping
        Further arguments of ``fit``.
    cluster : Cluster
        Whose workers train.

    Returns
    -------
    estimator
        The same object, fitted.
    """
    assert row.distributed is not None
    cluster.begin()
    params, given = model.get_params(), dict(given)
    nameless = "qid" in given and not is_frame(X)
    if nameless:
        # Only of data frames it brings the rows of a query together, and it would split them else.
        import dask.dataframe as dd

        X = dd.from_dask_array(X, columns=[f"f{column}" for column in range(X.shape[1])])
        y = dd.from_dask_array(y)
    if "qid" in given:
        given = {name: _series(value) for name, value in given.items()}
        y = _series(y)
    made = class_at(row.distributed.backend)(**params)
    made.client = cluster.client
    with apart(cluster.client):
        made.fit(X, y, **given)
    _verify(made, params)
    booster = made.get_booster()
    if nameless:
        booster.feature_names = booster.feature_types = None
    model.load_model(booster.save_raw("ubj"))
    model.set_params(**{name: params[name] for name in _KEPT})
    if hasattr(made, "evals_result_"):
        model.evals_result_ = made.evals_result_
    return model


def _series(value: Any) -> Any:
    if not hasattr(value, "chunks"):
        return value
    import dask.dataframe as dd

    return dd.from_dask_array(value)


def _verify(made: Any, params: Mapping[str, Any]) -> None:
    """No library is trusted to have computed where it was told to."""
    import json

    there = json.loads(made.get_booster().save_config())["learner"]["generic_param"]["device"]
    asked = str(params.get("device") or "cpu")
    if there.partition(":")[0] != asked.partition(":")[0]:
        raise DeviceNotAvailable(
            f"the workers of the cluster were to train with device={asked!r}, and say device={there!r}.",
            hint='start workers that have GPUs, with dask-cuda\'s LocalCUDACluster; or set device="cpu".',
            device=asked,
        )
