"""The trees of a fitted model of XGBoost, as the format of its own files has them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from accelsk.evaluators.grove import Branches
from accelsk.evaluators.walks import Trees, Walk, walks

__all__ = ["walks_of"]

#: What is made of raw predictions, by the objective.
_LINKS: Mapping[str, str] = {
    "binary:logistic": "sigmoid",
    "count:poisson": "exp",
    "multi:softprob": "softmax",
    "rank:map": "identity",
    "rank:ndcg": "identity",
    "rank:pairwise": "identity",
    "reg:absoluteerror": "identity",
    "reg:gamma": "exp",
    "reg:logistic": "sigmoid",
    "reg:pseudohubererror": "identity",
    "reg:quantileerror": "identity",
    "reg:squarederror": "identity",
    "reg:squaredlogerror": "identity",
    "reg:tweedie": "exp",
}

#: Seconds to read a tree, on the machine of the measurements (decision 0017).
_READ = 2.5e-4


def walks_of(model: Any, *, best: bool) -> Iterator[Walk]:
    """Return ways to the raw predictions of a fitted estimator.

    Parameters
    ----------
    model : estimator
        Of XGBoost.
    best : bool
        Whether to take the best iterations only, where the fit was stopped early.

    Yields
    ------
    Walk
        None for what is no plain ensemble of trees of numbers.
    """
    params = model.get_params()
    missing = params.get("missing")
    if model.booster not in (None, "gbtree") or not (missing is None or np.isnan(missing)):
        return
    booster = model.get_booster()
    rounds = booster.num_boosted_rounds()
    if best and booster.attr("best_iteration") is not None:
        rounds = min(rounds, int(booster.attr("best_iteration")) + 1)
    n_outputs = getattr(model, "n_classes_", 2)
    n_outputs = 1 if n_outputs == 2 else n_outputs
    n_trees = rounds * n_outputs * (params.get("num_parallel_tree") or 1)
    if not n_trees:
        return
    link = _LINKS.get(model.objective, "") if isinstance(model.objective, str) else ""
    # Looked at when it is made: what is written down is read again, which takes longer than many a prediction.
    n_nodes = n_trees * 2 ** min(params.get("max_depth") or 6, 8)
    read = cache(lambda: _read(booster, rounds))
    trees = Trees(
        branches=lambda: read()[0],
        n_trees=n_trees,
        n_nodes=n_nodes,
        n_columns=booster.num_features(),
        start=lambda: read()[1],
        dtype=np.float32,
        adds=np.float32,
    )
    for walk in walks(trees):
        yield replace(walk, build=walk.build + n_trees * _READ, link=link)


def _read(booster: Any, rounds: int) -> tuple[Branches, Any]:
    """The trees of the first iterations, and what is there before them."""
    learner = json.loads(booster.save_raw("json"))["learner"]
    model = learner["gradient_booster"]["model"]
    start = _start(learner)
    ends = model["iteration_indptr"][rounds]
    trees, turns = model["trees"][:ends], np.array(model["tree_info"][:ends])
    if any(any(tree["split_type"]) or int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in trees):
        raise ValueError("XGBoost has splits of categories, or leaves of several numbers")
    if len(start) > 1 and not np.array_equal(turns, np.arange(len(turns)) % len(start)):
        raise ValueError("the classes do not take turns")
    joined: dict[str, Any] = {
        name: np.concatenate([np.asarray(tree[name], dtype=dtype) for tree in trees])
        for name, dtype in (
            ("left_children", np.intp),
            ("right_children", np.intp),
            ("split_indices", np.intp),
            ("split_conditions", np.float32),
            ("default_left", bool),
        )
    }
    conditions = joined["split_conditions"]  # of a leaf: what it adds
    branches = Branches(
        [len(tree["left_children"]) for tree in trees],
        joined["left_children"],
        joined["right_children"],
        joined["split_indices"],
        np.nextafter(conditions, np.float32(-np.inf)),  # a row goes left below the condition, not at it
        ~joined["default_left"],
        conditions,
    )
    return branches, start


def _start(learner: Mapping[str, Any]) -> Any:
    """The raw prediction before the first tree, in XGBoost's precision: it keeps it as a prediction."""
    kept = json.loads(learner["learner_model_param"]["base_score"])
    score = np.atleast_1d(np.asarray(kept, dtype=np.float32))
    if int(learner["learner_model_param"]["num_target"]) > 1:
        raise ValueError("XGBoost predicts several targets")
    link = _LINKS[learner["objective"]["name"]]
    if link == "sigmoid":
        return -np.log(1 / score - 1)
    return np.log(score) if link == "exp" else score
