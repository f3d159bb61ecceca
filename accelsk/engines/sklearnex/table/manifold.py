"""Rows of ``sklearn.manifold``."""

from __future__ import annotations

from typing import Any

import numpy as np

from accelsk.engines.rules import adjusted, is_number, only, same
from accelsk.engines.sklearnex.table.conditions import HOST_ONLY, PERF
from accelsk.engines.spec import Export, Inputs, Need, Row, Worth

__all__ = ["ROWS"]

_INIT = adjusted(
    lambda init: init.copy() if isinstance(init, np.ndarray) else init, "an array is copied: the engine writes into it"
)


def _is_enough(value: Any) -> bool:
    """Whether there are steps after the early exaggeration (250): without them the embedding is far behind."""
    return is_number(value) and value >= 500


ROWS = (
    Row(
        estimator="sklearn.manifold.TSNE",
        backend="sklearnex.manifold.TSNE",
        params={
            "n_components": only(2),
            "perplexity": same,
            "early_exaggeration": same,
            "learning_rate": same,
            "max_iter": only(None, where=_is_enough, text="500 or more"),
            "n_iter": only("deprecated", where=_is_enough, text="500 or more").versions(until="1.7"),
            "n_iter_without_progress": same,
            "min_grad_norm": same,
            "metric": same,
            "metric_params": same,
            "init": _INIT,
            "verbose": only(0),
            "random_state": same,
            "method": only("barnes_hut"),
            "angle": only(where=lambda value: is_number(value) and 0 < value < 1, text="0 < {name} < 1"),
            "n_jobs": same,
        },
        fit=Inputs(sparse=("csr",)),
        methods=("fit_transform",),
        inherited=("get_feature_names_out",),
        fidelity="statistical",
        tolerance=0.05,
        devices=HOST_ONLY,
        worth=Worth(
            ratio=5,
            seen=PERF,
            needs=(
                Need(
                    "a dense X and metric='euclidean'",
                    lambda facts, params: facts.sparse is None and params["metric"] == "euclidean",
                ),
            ),
        ),
        export=Export(),
        note="The same gradient descent with other rounding: embeddings differ as between two random states. The "
        "neighbours in sparse data or other metrics are searched by scikit-learn.",
    ),
)
