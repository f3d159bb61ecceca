"""Rows of ``sklearn.dummy``."""

from __future__ import annotations

from accelsk.engines.rules import only, same
from accelsk.engines.sklearnex.table.conditions import EVERYWHERE, N_JOBS
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = ["ROWS"]

ROWS = (
    Row(
        estimator="sklearn.dummy.DummyRegressor",
        backend="sklearnex.dummy.DummyRegressor",
        params={
            "strategy": only("constant"),
            "constant": only(where=lambda value: isinstance(value, int | float), text="{name} a Python number"),
            "quantile": same,
        },
        fit=Inputs(
            dtypes=("float64", "float32"),
            needs=(Need("no NaN in X, which scikit-learn does not look at", lambda facts, params: not facts.has_nan),),
        ),
        methods=(),
        inherited=("predict", "score"),
        devices=EVERYWHERE,
        engine_params=N_JOBS,
        export=Export(),
        note="Here for completeness: there is nothing to accelerate.",
    ),
)
