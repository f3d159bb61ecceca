"""Rows of ``sklearn.preprocessing``."""

from __future__ import annotations

from accelsk.engines.rules import same
from accelsk.engines.sklearnex.table.conditions import EVERYWHERE, HOST_ONLY, N_JOBS, PERF, SPARSE, rows_at_least, size
from accelsk.engines.spec import Export, Inputs, Need, Row, Worth

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
    Row(
        estimator="sklearn.preprocessing.StandardScaler",
        backend="sklearn.preprocessing.StandardScaler",  # which oneDAL computes the sums of
        params={"copy": same, "with_mean": same, "with_std": same},
        fit=Inputs(
            needs=(Need("with_mean or with_std", lambda facts, params: params["with_mean"] or params["with_std"]),)
        ),
        predict=Inputs(sparse=SPARSE, nan=True),
        methods=("fit_transform", "partial_fit"),
        inherited=("transform", "inverse_transform", "get_feature_names_out"),
        devices=HOST_ONLY,
        worth=Worth(
            ratio=4,
            seen=f"{PERF.partition(',')[0]}, section 8",
            needs=(
                rows_at_least(2000),
                Need("2 million numbers or more", lambda facts, params: size(facts)[0] * size(facts)[1] >= 2_000_000),
            ),
        ),
        export=Export(),
        note="Means and variances are BasicStatistics of the library; columns that are 10,000 standard deviations or "
        "more from zero are computed by scikit-learn, which loses no digits there.",
    ),
)
