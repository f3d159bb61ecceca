"""cuML on dask collections: each worker fits on the rows that it holds on its own GPU, and the model comes home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import _check_sample_weight, _check_y, check_array, check_consistent_length, validate_data

from accelsk.blocks import example_of
from accelsk.clusters import Cluster
from accelsk.engines.classes import class_at
from accelsk.engines.spec import Row
from accelsk.engines.targets import targets_of
from accelsk.errors import UnsupportedInput
from accelsk.partitions import Partitions

if TYPE_CHECKING:
    from accelsk.engines.held import Held

__all__ = ["fit"]

#: Said to the constructor of ``cuml.dask`` otherwise, or not at all.
_NOT_PASSED = ("verbose", "output_type", "handle")


def fit(held: Held, row: Row, given: Mapping[str, Any], cluster: Cluster) -> None:
    """Fit on dask collections.

    Parameters
    ----------
    held : Held
        From `Adapter.build`; it has the model of one machine afterwards.
    row : Row
        Its row.
    given : mapping
        The arguments of ``fit``, by name.
    cluster : Cluster
        Whose workers train.
    """
    assert row.distributed is not None
    given = {name: value for name, value in given.items() if value is not None}
    supervised = is_classifier(held.stem) or is_regressor(held.stem)
    if not supervised:
        given.pop("y", None)
    elif "y" not in given:
        raise ValueError(f"This {row.name} estimator requires y to be passed, but the target y is None.")
    weighted = row.name == "KMeans"
    for name in given.keys() - {"X", "y", *(["sample_weight"] if weighted else [])}:
        raise UnsupportedInput(
            f"cuml.dask does not take {name} for {row.name}.",
            hint=f"fit without {name}.",
            estimator=row.name,
            parameter=name,
        )
    X = given.pop("X")
    rows = validate_data(held.stem, example_of(X), dtype=[np.float64, np.float32])
    held.double = rows.dtype != np.float32
    partitions = Partitions(cluster, X, given)
    if is_classifier(held.stem):
        held.labels = targets_of(partitions, classifies=True).values
    held.y_ndim = int(supervised)
    data = partitions.prepared(_on_device, str(rows.dtype), held.labels)
    cluster.trained_by = len(data.workers()), len(data)
    cluster.begin()
    params = {name: value for name, value in held.model.get_params().items() if name not in _NOT_PASSED}
    made = class_at(row.distributed.backend)(client=cluster.client, **params)
    made.fit(*(data.collection(name) for name in data.names))
    held.model = made.get_combined_model()
    held.model.output_type = "numpy"
    held.fitted, held.made = True, None
    held.notes.update(sparse=False, distributed=True)


def _on_device(part: Mapping[str, Any], dtype: str, labels: Any) -> dict[str, Any]:
    """A partition on the GPU of its worker, X before y before weights."""
    import cupy

    X, y = part["X"], part.get("y")
    if not X.shape[0]:
        return {name: cupy.empty((0, *value.shape[1:]), dtype=dtype) for name, value in part.items()}
    X = check_array(X, dtype=dtype)
    found = {"X": cupy.asarray(X)}
    if y is not None:
        y = _check_y(y, y_numeric=labels is None)
        check_consistent_length(X, y)
        found["y"] = cupy.asarray(np.asarray(y, dtype=dtype) if labels is None else _codes(y, labels, dtype))
    if part.get("sample_weight") is not None:
        found["sample_weight"] = cupy.asarray(_check_sample_weight(part["sample_weight"], X, dtype=dtype))
    return found


def _codes(y: Any, labels: Any, dtype: str) -> Any:
    return np.searchsorted(labels, y).astype(np.int32 if dtype == "float32" else np.int64)
