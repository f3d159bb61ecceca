"""Fitted models over dask collections: lazily, one block of rows after the other, on whatever computes them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor

from accelsk.blocks import example_of, is_collection, is_frame, parts_of
from accelsk.errors import UnsupportedInput
from accelsk.residence import Resident

__all__ = ["called"]


def called(wrapper: Any, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a method of a fitted model for a dask collection.

    Parameters
    ----------
    wrapper : Wrapper
        The fitted model. It goes with the tasks, as a pickle of it would.
    method : str
        The method.
    args, kwargs : sequence, mapping
        Its arguments; the first one, or X, is the collection.

    Returns
    -------
    dask collection or float
        Nothing is computed but the scores. An array for what would be an array, with the blocks of X; a data frame for
        what would be one.

    Raises
    ------
    UnsupportedInput
        If the method does not return one row for each of X, or another argument would have to be cut like X.
    """
    first = args[0] if args else kwargs["X"]
    X = first.data if isinstance(first, Resident) else first
    more, named = args[1:], {name: value for name, value in kwargs.items() if name != "X"}
    if method == "score":
        return _score(wrapper, X, *more, **named)
    cut = [value for value in (*more, *named.values()) if is_collection(value)]
    if cut:
        raise _refused(wrapper, method, "takes more than one dask collection")
    if not is_frame(X) and X.ndim > 1 and X.numblocks[1] > 1:
        X = X.rechunk({1: -1})
    empty = _empty(wrapper, method, X, more, named)
    result = _mapped(X, _Call(wrapper, method, more, named, empty), empty)
    return Resident(result) if isinstance(first, Resident) else result


class _Call:
    """What is done with a block. One object for all of them, which goes to each worker once."""

    def __init__(self, model: Any, method: str, more: Sequence[Any], named: Mapping[str, Any], empty: Any) -> None:
        self.model, self.method, self.more, self.named, self.empty = model, method, more, named, empty

    def __call__(self, block: Any) -> Any:
        if not block.shape[0]:
            return self.empty  # scikit-learn refuses data without rows
        return getattr(self.model, self.method)(block, *self.more, **self.named)


def _block(block: Any, call: _Call) -> Any:
    return call(block)


def _empty(wrapper: Any, method: str, X: Any, more: Sequence[Any], named: Mapping[str, Any]) -> Any:
    """The result for no rows: what type, dtype and columns there will be."""
    call = _Call(wrapper, method, more, named, None)
    try:
        result = call(example_of(X))
    except (TypeError, ValueError, LookupError):  # rows without a meaning may not be what the model can take
        result = next((call(rows) for rows in _some_rows(X) if rows.shape[0]), None)
    if not hasattr(result, "shape") or not hasattr(result, "__getitem__"):
        raise _refused(wrapper, method, f"returns a {type(result).__name__}, and not one array")
    return result[:0]


def _some_rows(X: Any) -> Any:
    """The first rows of each block, computed."""
    return (part[:2].compute() for part in parts_of(X))


def _mapped(X: Any, call: _Call, empty: Any) -> Any:
    from dask import delayed

    # By a name of its own: dask would read all of the model to find one.
    sent = delayed(call, name=f"{type(call.model).__name__}-{uuid.uuid4().hex}", traverse=False)
    tabular = hasattr(empty, "iloc")
    if is_frame(X):
        return X.map_partitions(_block, sent, meta=empty, align_dataframes=False)
    if tabular:
        import dask.dataframe as dd

        return dd.from_delayed([delayed(_block)(part, sent) for part in parts_of(X)], meta=empty, verify_meta=False)
    axes: dict[str, Any] = {"chunks": (X.chunks[0], *((n,) for n in empty.shape[1:]))}
    if X.ndim > empty.ndim:
        axes["drop_axis"] = list(range(empty.ndim, X.ndim))
    elif X.ndim < empty.ndim:
        axes["new_axis"] = list(range(X.ndim, empty.ndim))
    return X.map_blocks(_block, call=sent, dtype=empty.dtype, meta=empty, **axes)


def _refused(wrapper: Any, method: str, why: str) -> UnsupportedInput:
    return UnsupportedInput(
        f"{type(wrapper._inner).__name__}.{method} {why}, so that it is not computed blockwise for a dask collection.",
        hint="X.compute() brings the rows to this machine, where they fit into its memory.",
        method=method,
    )


# -- scores ------------------------------------------------------------------------------------------------------------


def _score(wrapper: Any, X: Any, y: Any = None, sample_weight: Any = None) -> float:
    """What ``score`` returns, of sums over the blocks."""
    import dask
    from dask import delayed

    from accelsk.partitions import cut_as

    if y is None or not (is_classifier(wrapper) or is_regressor(wrapper)):
        raise _refused(wrapper, "score", "is no sum over the rows")
    parts = [parts_of(X), cut_as(X, "y", y)]
    if sample_weight is not None:
        parts.append(cut_as(X, "sample_weight", sample_weight))
    call = delayed(_Call(wrapper, "predict", (), {}, None), name=f"model-{uuid.uuid4().hex}", traverse=False)
    sums = _right if is_classifier(wrapper) else _deviations
    found = dask.compute(*(delayed(sums)(call, *each) for each in zip(*parts, strict=True)))
    found = [each for each in found if each is not None]
    weight = sum(each[0] for each in found)
    if is_classifier(wrapper):
        return float(sum(each[1] for each in found) / weight)
    mean = sum(each[0] * each[1] for each in found) / weight
    total = sum(each[2] + each[0] * (each[1] - mean) ** 2 for each in found)
    return float(1 - sum(each[3] for each in found) / total)


def _asked(call: _Call, X: Any, y: Any, weights: Any) -> tuple[Any, Any, Any]:
    y = np.asarray(y)
    return call(X), y.ravel(), np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)


def _right(call: _Call, X: Any, y: Any, weights: Any = None) -> tuple[float, float] | None:
    """The weight of a block, and of what is predicted right."""
    if not X.shape[0]:
        return None
    predicted, y, w = _asked(call, X, y, weights)
    return float(w.sum()), float(w[predicted == y].sum())


def _deviations(call: _Call, X: Any, y: Any, weights: Any = None) -> tuple[float, float, float, float] | None:
    """The weight of a block, the mean of y there, and the squared deviations from it and from the predictions."""
    if not X.shape[0]:
        return None
    predicted, y, w = _asked(call, X, y, weights)
    mean = float(np.average(y, weights=w)) if w.any() else 0.0
    return float(w.sum()), mean, float((w * (y - mean) ** 2).sum()), float((w * (y - predicted) ** 2).sum())
