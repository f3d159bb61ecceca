"""Row of ``sklearn.feature_extraction.text``.

Without a row: the vectorizers. cuML's take series of cuDF instead of documents, and have tokens of another kind.
"""

from __future__ import annotations

from accelsk.engines.cuml.table.conditions import GPU
from accelsk.engines.rules import same
from accelsk.engines.spec import Export, Inputs, Row

__all__ = ["ROWS"]

ROWS = (
    Row(
        estimator="sklearn.feature_extraction.text.TfidfTransformer",
        backend="cuml.feature_extraction.text.TfidfTransformer",
        params={"norm": same, "use_idf": same, "smooth_idf": same, "sublinear_tf": same},
        fit=Inputs(sparse=("csr",)),
        methods=("fit_transform", "transform"),
        inherited=("get_feature_names_out",),
        tolerance=1e-9,  # of float64; 1e-15 on a GPU.
        export=Export(tolerance=1e-9, restores=False),
        devices=GPU,
    ),
)
