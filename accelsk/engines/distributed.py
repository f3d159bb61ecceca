"""Gradient boosting on dask collections: what scikit-learn does before the first tree is done where the rows are.

The labels, the categories and the constant to begin with are found by a pass over y (and over columns that hold
categories). A few rows are made here in which all of them occur, and of these scikit-learn's own code prepares the fit
as it would of all rows (`accelsk.engines.recipes`); the workers then validate and encode their partitions with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import check_consistent_length
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, _check_y, check_array

from accelsk.blocks import example_of, is_collection, is_frame
from accelsk.clusters import Cluster
from accelsk.engines import get_adapter
from accelsk.engines.examples import rows_with_categories
from accelsk.engines.grown import GrownClass
from accelsk.engines.ownclass import OwnClass
from accelsk.engines.recipes import checked_again, prepare
from accelsk.engines.targets import Targets, targets_of
from accelsk.errors import UnsupportedInput, UnsupportedParameter
from accelsk.partitions import Partitions

if TYPE_CHECKING:
    from accelsk.engines.boosters import Booster, BoosterAdapter
    from accelsk.engines.spec import Row

__all__ = ["fit"]

Array = np.ndarray[Any, Any]


def fit(adapter: BoosterAdapter, backend: Booster, row: Row, given: Mapping[str, Any], cluster: Cluster) -> None:
    """Fit a booster on dask collections.

    Parameters
    ----------
    adapter : BoosterAdapter
        Of the library.
    backend : Booster
        From `Adapter.build`.
    row : Row
        Its row.
    given : mapping
        The arguments of ``fit``, by name.
    cluster : Cluster
        Whose workers train.
    """
    given = {name: value for name, value in given.items() if value is not None}
    if given.get("y") is None:
        raise ValueError(f"This {row.name} estimator requires y to be passed, but the target y is None.")
    steps = _fit_own if isinstance(backend, OwnClass) else _fit_grown
    steps(adapter, backend, row, given, cluster)  # type: ignore[arg-type]


# -- scikit-learn's classes --------------------------------------------------------------------------------------------


def _fit_grown(adapter: BoosterAdapter, backend: GrownClass, row: Row, given: dict[str, Any], cluster: Cluster) -> None:
    stem = backend.stem
    for name in given.keys() - {"X", "y", "sample_weight", "monitor"}:
        raise _not_there(adapter, row, name)
    _refuse_stopping(adapter, row, stem)
    X = given["X"]
    partitions = Partitions(cluster, X, {name: given[name] for name in ("y", "sample_weight") if name in given})
    classifies = is_classifier(stem)
    targets = targets_of(partitions, classifies=classifies)
    of_classes = _class_weights(stem, targets) if classifies else None
    prepared = _prepared_here(stem, rows_with_categories(stem, X, partitions), targets.weighted(of_classes))
    summary = prepared.y, prepared.sample_weight
    weighted = "sample_weight" in given or of_classes is not None
    if prepared.n_classes != 1:
        held = partitions.prepared(
            _grown_part, adapter.engine.name, stem, targets.values if classifies else None, of_classes, weighted
        )
        cluster.trained_by = len(held.workers()), len(held)
        prepared = replace(
            prepared,
            X=held.collection("X"),
            y=held.collection("y"),
            sample_weight=held.collection("sample_weight") if weighted else None,
            summary=summary,
            train=lambda model, X, y, given: adapter.train(
                model, row, X, y, given, cluster, np.arange(prepared.n_classes) if prepared.n_classes else None
            ),
        )
    backend.grow(adapter, row, prepared)


def _refuse_stopping(adapter: BoosterAdapter, row: Row, stem: Any) -> None:
    """No rows are held out on a cluster. What "auto" means is the library's to say; True is the user's word."""
    name = "early_stopping" if hasattr(stem, "_preprocess_X") else "n_iter_no_change"
    value = getattr(stem, name)
    if value in ("auto", False, None):
        return
    raise UnsupportedParameter(
        f"engine {adapter.engine.name!r} cannot run {row.name}({name}={value!r}) on dask collections: no rows are held "
        "out there.",
        hint=f"set {name}={'False' if name == 'early_stopping' else 'None'}, and max_iter or n_estimators to what is "
        "enough; or fit to a sample on this machine.",
        engine=adapter.engine.name,
        estimator=row.name,
        parameter=name,
        value=value,
    )


def _class_weights(stem: Any, targets: Targets) -> Array | None:
    """What scikit-learn multiplies the weights of each class with."""
    given = getattr(stem, "class_weight", None)
    return None if given is None else targets.class_weights(given)


def _prepared_here(stem: Any, rows: Any, targets: Targets) -> Any:
    """Let scikit-learn prepare a fit to a few rows, whose y and weights add up to those of all rows."""
    n = max(len(rows), len(targets.values))
    at = np.arange(n)
    X = rows.iloc[at % len(rows)] if hasattr(rows, "iloc") else rows[at % len(rows)]
    weights = np.where(at < len(targets.values), np.resize(targets.weights, n), 0.0)
    instead = {"early_stopping": False, "n_iter_no_change": None, "class_weight": None}
    if hasattr(stem, "_preprocess_X"):
        del instead["n_iter_no_change"]  # it is a number there
    kept = {name: getattr(stem, name) for name in instead if hasattr(stem, name)}
    try:
        for name in kept:
            setattr(stem, name, instead[name])
        return prepare(stem, X=X, y=np.resize(targets.values, n), sample_weight=weights)
    finally:
        for name, value in kept.items():
            setattr(stem, name, value)


def _grown_part(
    part: Mapping[str, Any],
    engine: str,
    stem: Any,
    classes: Array | None,
    class_weights: Array | None,
    weighted: bool,
) -> dict[str, Any]:
    """A partition as a library grows trees on it."""
    X = part["X"]
    if not X.shape[0]:
        nothing = np.empty(0)
        return {"X": np.empty((0, X.shape[1])), "y": nothing, **({"sample_weight": nothing} if weighted else {})}
    X = get_adapter(engine).taken(checked_again(stem, X))  # type: ignore[attr-defined]
    return {"X": X, **_rows(X, part, classes, class_weights, weighted=weighted)}


def _rows(
    X: Any, part: Mapping[str, Any], classes: Array | None, class_weights: Array | None, *, weighted: bool
) -> dict[str, Array]:
    """The targets and the weights of a partition."""
    y = _check_y(part["y"], y_numeric=classes is None)
    check_consistent_length(X, y)
    codes = None if classes is None else np.searchsorted(classes, y)
    found: dict[str, Array] = {"y": np.asarray(y if codes is None else codes, dtype=np.float64)}
    if weighted:
        weights = _check_sample_weight(part.get("sample_weight"), X, dtype=np.float64)
        found["sample_weight"] = weights if class_weights is None else weights * class_weights[codes]
    return found


# -- classes of the library's own --------------------------------------------------------------------------------------


def _fit_own(adapter: BoosterAdapter, backend: OwnClass, row: Row, given: dict[str, Any], cluster: Cluster) -> None:
    model, X = backend.model, given["X"]
    given.update(given.pop("kwargs", {}))
    backend.objects = adapter.takes_objects(model, given)
    backend.check_columns(example_of(X))
    _refuse_unknown_categories(X)
    along = {name: given.pop(name) for name in ("y", *adapter.along) if name in given}
    for name, value in given.items():
        if name != "X" and name not in adapter.evaluated and _has_collections(value):
            raise _not_there(adapter, row, name)
    partitions = Partitions(cluster, X, along, adapter.loose)
    classifies = is_classifier(model)
    targets = targets_of(partitions, classifies=classifies)
    classes = of_classes = None
    if classifies:
        check_classification_targets(targets.values)
        classes = backend.classes = targets.values
        if len(classes) == 1:
            return
        backend.encoded = adapter.encodes(classes)
        if backend.encoded:
            adapter.encode_parameters(model, classes)
        asked = model.get_params().get("class_weight")
        of_classes = None if asked is None else targets.class_weights(asked)
    weighted = "sample_weight" in along or of_classes is not None
    if weighted and not targets.weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    tags = backend.columns.tags.input_tags
    how = {
        "accept_sparse": tags.sparse,
        "ensure_all_finite": "allow-nan" if tags.allow_nan else True,
        "dtype": None if backend.objects else "numeric",
    }
    held = partitions.prepared(_own_part, adapter.engine.name, how, classes, of_classes, weighted)
    cluster.trained_by = len(held.workers()), len(held)
    data = {name: held.collection(name) for name in held.names}
    more = {name: value for name, value in given.items() if name != "X"}
    for name in adapter.evaluated:
        if classes is not None and more.get(name) is not None:
            more[name] = [(of_X, _encoded(of_y, classes)) for of_X, of_y in more[name]]
    backend.model = adapter.train(model, row, data.pop("X"), data.pop("y"), {**data, **more}, cluster, classes)
    backend.grew = True


def _own_part(
    part: Mapping[str, Any],
    engine: str,
    how: Mapping[str, Any],
    classes: Array | None,
    class_weights: Array | None,
    weighted: bool,
) -> dict[str, Any]:
    """A partition as a library's own class is given it."""
    X = part["X"]
    more = {name: value for name, value in part.items() if name not in ("X", "y", "sample_weight")}
    if not X.shape[0]:
        nothing = np.empty(0)
        return {"X": X, "y": nothing, **({"sample_weight": nothing} if weighted else {}), **more}
    if not hasattr(X, "iloc"):
        X = check_array(X, **how)
    X = get_adapter(engine).taken(X)  # type: ignore[attr-defined]
    return {"X": X, **_rows(X, part, classes, class_weights, weighted=weighted), **more}


def _encoded(y: Any, classes: Array) -> Any:
    if is_frame(y):
        return y.map_partitions(_codes, classes, meta=(y.name, np.float64))
    return y.map_blocks(_codes, classes, dtype=np.float64)


def _codes(y: Any, classes: Array) -> Any:
    codes = np.searchsorted(classes, np.asarray(y)).astype(np.float64)
    return y.__class__(codes, index=y.index, name=y.name) if hasattr(y, "iloc") else codes


def _has_collections(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_has_collections, value))
    return is_collection(value)


def _refuse_unknown_categories(X: Any) -> None:
    """Partitions that number the same categories otherwise would be taken for the same."""
    if not is_frame(X):
        return
    unknown = [str(name) for name, dtype in X.dtypes.items() if str(dtype) == "category" and not X[name].cat.known]
    if unknown:
        raise UnsupportedInput(
            f"the categories of the columns {', '.join(unknown)} are not known: each partition may have its own.",
            hint="X.categorize() finds them, and gives all partitions the same.",
        )


def _not_there(adapter: BoosterAdapter, row: Row, name: str) -> UnsupportedInput:
    return UnsupportedInput(
        f"engine {adapter.engine.name!r} does not take {name} for {row.name} on dask collections.",
        hint=f"fit without {name}.",
        engine=adapter.engine.name,
        estimator=row.name,
        parameter=name,
    )
