"""What cuML computes: one row per scikit-learn class, in scikit-learn's module order.

The rules were written beside the sources of cuML 26.10, and its own translation, which most of its classes have as
``_params_from_cpu``. ``tests/engines/test_cuml.py`` compares every row with what was recorded of that, and lists where
a row differs and why: cuML leaves some parameters unread that change the result, and refuses others that it computes.
"""

from __future__ import annotations

from accelsk.engines.cuml.table import (
    cluster,
    covariance,
    decomposition,
    encoding,
    ensemble,
    feature_extraction,
    impute,
    kernel_ridge,
    linear_model,
    manifold,
    many,
    naive_bayes,
    neighbors,
    preprocessing,
    random_projection,
    svm,
    third_party,
)
from accelsk.engines.spec import Row

__all__ = ["ROWS"]

ROWS: tuple[Row, ...] = many.distributed(
    (
        *cluster.ROWS,
        *covariance.ROWS,
        *decomposition.ROWS,
        *ensemble.ROWS,
        *feature_extraction.ROWS,
        *impute.ROWS,
        *kernel_ridge.ROWS,
        *linear_model.ROWS,
        *manifold.ROWS,
        *naive_bayes.ROWS,
        *neighbors.ROWS,
        *preprocessing.ROWS,
        *encoding.ROWS,
        *random_projection.ROWS,
        *svm.ROWS,
        *third_party.ROWS,
    )
)
