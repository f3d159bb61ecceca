"""Rows of ``sklearn.preprocessing``."""

from __future__ import annotations

from accelsk.engines.rules import same
from accelsk.engines.sklearnex.table.conditions import EVERYWHERE, N_JOBS, SPARSE
from accelsk.engines.spec import Export, Inputs, Row

__all__ = ["ROWS"]

ROWS = (
    Row(
        estimator="sklearn.preprocessing.MaxAbsScaler",
        backend="sklearnex.preview.preprocessing.MaxAbsScaler",
        params={"copy": same, "clip": same.versions(since="1.8")},
        fit=Inputs(),
        predict=Inputs(sparse=SPARSE, nan=True),
        methods=("fit_transform", "partial_fit"),
        inherited=("transform", "inverse_transform", "get_feature_names_out"),
        devices=EVERYWHERE,
        engine_params=N_JOBS,
        export=Export(restores=False),
    ),
)
