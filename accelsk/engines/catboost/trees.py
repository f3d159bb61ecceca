"""The symmetric trees of a fitted model of CatBoost, as its JSON format has them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from accelsk.engines.boosters import BoosterAdapter
from accelsk.evaluators.grove import Branches
from accelsk.evaluators.walks import Trees, Walk, walks

__all__ = ["WalkedAdapter"]

Array = np.ndarray[Any, Any]

#: What is made of raw predictions, by the loss.
_LINKS: Mapping[str, str] = {"Logloss": "sigmoid", "MAE": "identity", "Quantile": "identity", "RMSE": "identity"}

#: Seconds to read a tree, on the machine of the measurements (decision 0017).
_READ = 3e-4


class WalkedAdapter(BoosterAdapter):
    """The part of the adapter that is about faster predictions."""

    def walks(self, model: Any, *, best: bool) -> Iterable[Walk]:
        """Return ways to the raw predictions of a fitted estimator.

        Parameters
        ----------
        model : estimator
            Of CatBoost, fitted.
        best : bool
            Of no consequence: CatBoost drops all but the best iterations itself.

        Returns
        -------
        iterable of Walk
            None for several classes, and for categories.
        """
        return _walks_of(model)


def _walks_of(model: Any) -> Iterator[Walk]:
    """The ways; of what is no ensemble of symmetric trees of numbers none can be made."""
    n_trees = model.tree_count_
    if not n_trees or len(model.classes_) > 2 or len(model.get_cat_feature_indices()):
        return
    loss = str(model.get_param("loss_function") or ("Logloss" if len(model.classes_) else "RMSE"))
    link = _LINKS.get(loss.partition(":")[0], "")
    if len(model.classes_) and model.get_probability_threshold() not in (None, 0.5):
        link = ""
    read = cache(lambda: _read(model))
    trees = Trees(
        branches=lambda: read()[0],
        n_trees=n_trees,
        n_nodes=n_trees * 2 ** ((model.get_param("depth") or model.get_param("max_depth") or 6) + 1),
        n_columns=model.n_features_in_,
        start=lambda: read()[1],
        dtype=np.float32,
    )
    for walk in walks(trees):
        yield replace(walk, build=walk.build + n_trees * _READ, link=link, difference=1e-12)


def _read(model: Any) -> tuple[Branches, Array]:
    """The trees, and what is there before them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        written = json.loads(path.read_text())
    if "oblivious_trees" not in written:
        raise ValueError("CatBoost has trees that are not symmetric")
    scale, start = written["scale_and_bias"]
    features = {each["feature_index"]: each for each in written["features_info"]["float_features"]}
    shapes: dict[int, tuple[Array, Array, Array]] = {}
    parts: list[tuple[Array, ...]] = []
    for tree in written["oblivious_trees"]:
        splits, leaves = tree["splits"] or [], np.asarray(tree["leaf_values"], dtype=np.float64)
        if any(split["split_type"] != "FloatFeature" for split in splits) or len(leaves) != 2 ** len(splits):
            raise ValueError("CatBoost has splits of something else than numbers, or leaves of several numbers")
        of_split = [features[split["float_feature_index"]] for split in splits]
        if any(each["nan_value_treatment"] == "AsIs" and each["has_nans"] for each in of_split):
            raise ValueError("CatBoost has a column whose missing values go a way that is not known")
        levels, left, right = shapes.setdefault(len(splits), _complete(len(splits)))
        inner = len(leaves) - 1
        feature, threshold = np.zeros(len(left), dtype=np.intp), np.zeros(len(left))
        missing, values = np.zeros(len(left), dtype=bool), np.zeros(len(left))
        if splits:
            feature[:inner] = np.array([each["flat_feature_index"] for each in of_split])[levels]
            threshold[:inner] = np.array([split["border"] for split in splits], dtype=np.float32)[levels]
            missing[:inner] = np.array([each["nan_value_treatment"] == "AsTrue" for each in of_split])[levels]
        values[inner:] = leaves * scale
        parts.append((left, right, feature, threshold, missing, values))
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return Branches([len(part[0]) for part in parts], *joined), np.asarray(start, dtype=np.float64)


def _complete(depth: int) -> tuple[Array, Array, Array]:
    """A tree with all leaves at a depth: the split that each node asks, and its children.

    The last split is asked first, so that the leaves come in the order of their numbers, whose lowest bit is the first
    split's.
    """
    nodes = np.arange(2**depth - 1)
    level = np.floor(np.log2(nodes + 1)).astype(np.intp)
    leaves = np.full(2**depth, -1)
    return depth - 1 - level, np.append(2 * nodes + 1, leaves), np.append(2 * nodes + 2, leaves)
