"""What sklearnex computes: one row per scikit-learn class, in scikit-learn's module order.

The conditions are those of scikit-learn-intelex 2026.2, found by running it; ``tests/engines/test_sklearnex.py``
compares every row with the library over a grid of parameters and data. Where a row refuses what the library would run,
because the result would be wrong, the reason is beside the rule, and the same test checks that it still holds.

*methods* are computed by oneDAL. *inherited* methods are called as scikit-learn wrote them, on the fitted attributes:
for one matrix product, that is also the faster way.
"""

from __future__ import annotations

from accelsk.engines.sklearnex.table import (
    cluster,
    covariance,
    decomposition,
    dummy,
    ensemble,
    linear_model,
    manifold,
    neighbors,
    preprocessing,
    svm,
)
from accelsk.engines.spec import Row

__all__ = ["ROWS"]

ROWS: tuple[Row, ...] = (
    *cluster.ROWS,
    *covariance.ROWS,
    *decomposition.ROWS,
    *dummy.ROWS,
    *ensemble.ROWS,
    *linear_model.ROWS,
    *manifold.ROWS,
    *neighbors.ROWS,
    *preprocessing.ROWS,
    *svm.ROWS,
)
