"""The trees of a fitted model of LightGBM, as its own file format has them, and its call for a single row."""

from __future__ import annotations

import ctypes
import re
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from accelsk.evaluators.grove import Branches
from accelsk.evaluators.walks import Trees, Walk, walks

__all__ = ["walks_of"]

Array = np.ndarray[Any, Any]

#: What is made of raw predictions, by the objective.
_LINKS: Mapping[str, str] = {
    "binary": "sigmoid",
    "cross_entropy": "sigmoid",
    "fair": "identity",
    "gamma": "exp",
    "huber": "identity",
    "lambdarank": "identity",
    "mape": "identity",
    "multiclass": "softmax",
    "poisson": "exp",
    "quantile": "identity",
    "rank_xendcg": "identity",
    "regression": "identity",
    "regression_l1": "identity",
    "tweedie": "exp",
}

# Seconds on one thread of the machine of the measurements (decision 0017): a tree in LightGBM's own call, and one
# that is read.
_ASK, _READ = 1.5e-7, 2.5e-4
#: Up to how many rows LightGBM's call for one is made for each of them.
_FEW = 7

#: Of `LGBM_BoosterPredictForMatSingleRowFastInit`: its doubles, and raw scores.
_DOUBLES, _RAW = 1, 1
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
#: What is taken for missing: nothing (NaN is zero), zeros, or NaN.
_NOTHING, _ZERO, _NAN = 0, 1, 2
#: LightGBM's ``kZeroThreshold``, written in single precision.
_TINY = float(np.float32(1e-35))


def walks_of(model: Any, *, best: bool) -> Iterator[Walk]:
    """Return ways to the raw predictions of a fitted estimator.

    Parameters
    ----------
    model : estimator
        Of LightGBM.
    best : bool
        Whether to take the best iterations only, where the fit was stopped early.

    Yields
    ------
    Walk
        LightGBM's own call for one row, which knows every kind of model, and those of plain trees of numbers.
    """
    booster = model.booster_
    rounds = booster.current_iteration()
    if best and booster.best_iteration > 0:
        rounds = min(rounds, booster.best_iteration)
    n_outputs = booster.num_model_per_iteration()
    n_trees = rounds * n_outputs
    if not n_trees:
        return
    yield Walk(
        name="one row at a time",
        make=lambda: _single(model, rounds, n_outputs),
        seconds=lambda n_rows: 1e-5 + n_rows * n_trees * _ASK if n_rows <= _FEW else float("inf"),
        build=1e-3,
        link=_link(model),
    )
    n_nodes = n_trees * (2 * model.get_params().get("num_leaves", 31) - 1)
    # Looked at when it is made: what is written down is read again, which takes longer than many a prediction.
    read = cache(lambda: _read(booster, rounds))
    trees = Trees(
        branches=read,
        n_trees=n_trees,
        n_nodes=n_nodes,
        n_columns=booster.num_feature(),
        start=lambda: np.zeros(n_outputs),
        dtype=np.float64,
    )
    for walk in walks(trees):
        yield replace(walk, build=walk.build + n_trees * _READ, link=_link(model))


def _single(model: Any, rounds: int, n_outputs: int) -> Callable[[Array], Array | None]:
    """LightGBM's fastest call, which prepares nothing: the same bits as its others."""
    from lightgbm.basic import _LIB, _safe_call  # type: ignore[attr-defined]

    booster, config = model.booster_, ctypes.c_void_p()
    _safe_call(
        _LIB.LGBM_BoosterPredictForMatSingleRowFastInit(
            booster._handle,
            ctypes.c_int(_RAW),
            ctypes.c_int(0),
            ctypes.c_int(rounds),
            ctypes.c_int(_DOUBLES),
            ctypes.c_int32(booster.num_feature()),
            ctypes.c_char_p(b""),
            ctypes.byref(config),
        )
    )
    ask, lock = _LIB.LGBM_BoosterPredictForMatSingleRowFast, threading.Lock()

    def sums(X: Array) -> Array | None:
        if len(X) > _FEW:
            return None
        found, length = np.empty((len(X), n_outputs)), ctypes.c_int64()
        first, to = X.ctypes.data, found.ctypes.data
        for row in range(len(X)):
            at, put = ctypes.c_void_p(first + row * X.strides[0]), ctypes.c_void_p(to + row * found.strides[0])
            with lock:  # what it writes on the way belongs to the configuration
                _safe_call(ask(config, at, ctypes.byref(length), put))
        return found

    weakref.finalize(sums, _LIB.LGBM_FastConfigFree, config)
    sums.booster = booster  # type: ignore[attr-defined]  # whose memory it reads
    return sums


def _read(booster: Any, rounds: int) -> Branches:
    """The trees of the first iterations."""
    header, *trees = booster.model_to_string(num_iteration=rounds, start_iteration=0).split("\nTree=")
    if "average_output" in header.split("\n"):
        raise ValueError("LightGBM averages its trees")
    parts: dict[str, list[Array]] = {name: [] for name in ("left", "right", "feature", "threshold", "missing", "value")}
    sizes = []
    for tree in trees:
        fields = dict(_FIELD.findall(tree.partition("\n\n")[0]))
        if fields.get("is_linear", "0") != "0":
            raise ValueError("LightGBM has linear models at the leaves")
        leaves = _numbers(fields, "leaf_value", float)
        kinds = _numbers(fields, "decision_type", int)
        if (kinds & _CATEGORICAL).any() or ((kinds >> 2) == _ZERO).any():
            raise ValueError("LightGBM has splits of categories, or takes zeros for missing")
        threshold = _numbers(fields, "threshold", float)
        nobody = np.full(len(leaves), -1)
        for side in ("left", "right"):
            child = _numbers(fields, f"{side}_child", int)
            # A negative number is a leaf's, counted backwards from -1.
            parts[side] += [np.where(child < 0, len(kinds) + ~child, child), nobody]
        parts["feature"] += [_numbers(fields, "split_feature", int), np.zeros_like(nobody)]
        parts["threshold"] += [_beside_zero(threshold), np.zeros(len(leaves))]
        right = np.where(kinds >> 2 == _NAN, kinds & _DEFAULT_LEFT == 0, threshold < 0)
        parts["missing"] += [right, np.zeros(len(leaves), dtype=bool)]
        parts["value"] += [np.zeros(len(kinds)), leaves]
        sizes.append(len(kinds) + len(leaves))
    joined = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return Branches(
        sizes,
        joined["left"],
        joined["right"],
        joined["feature"],
        joined["threshold"],
        joined["missing"].astype(bool),
        joined["value"],
    )


def _beside_zero(threshold: Array) -> Array:
    """The thresholds for values as they are: to LightGBM those up to `_TINY` are zero."""
    below, above = (threshold >= -_TINY) & (threshold < 0), (threshold >= 0) & (threshold < _TINY)
    return np.where(below, np.nextafter(-_TINY, -np.inf), np.where(above, _TINY, threshold))


_FIELD = re.compile(r"^(\w+)=(.*)$", re.MULTILINE)


def _numbers(fields: Mapping[str, str], name: str, kind: type) -> Array:
    """LightGBM writes numbers with as many digits as they have."""
    return np.array(fields.get(name, "").split(), dtype=kind)


def _link(model: Any) -> str:
    """What LightGBM makes of raw predictions; empty where that is not known, or where options change it."""
    params = model.get_params()
    if not isinstance(model.objective_, str) or params.get("reg_sqrt") or params.get("sigmoid", 1.0) != 1.0:
        return ""
    return _LINKS.get(model.objective_, "")
