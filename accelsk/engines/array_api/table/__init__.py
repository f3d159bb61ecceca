"""What scikit-learn computes on tensors: one row per class, in scikit-learn's module order.

The conditions are those of scikit-learn 1.9, found by running every class on tensors that refuse to become
NumPy's arrays without being told to; ``tests/engines/test_array_api.py`` does that again, and compares the rows with
the tag ``array_api_support`` of the classes.

*methods* are computed on the device; *inherited* ones by scikit-learn's code on the host, on the attributes that were
brought home: they take no data, or draw random numbers.
"""

from __future__ import annotations

from accelsk.engines.array_api.table import (
    decomposition,
    discriminant_analysis,
    kernel_approximation,
    linear_model,
    mixture,
    naive_bayes,
    preprocessing,
)
from accelsk.engines.spec import Row

__all__ = ["ROWS"]

ROWS: tuple[Row, ...] = (
    *decomposition.ROWS,
    *discriminant_analysis.ROWS,
    *kernel_approximation.ROWS,
    *linear_model.ROWS,
    *mixture.ROWS,
    *naive_bayes.ROWS,
    *preprocessing.ROWS,
)
