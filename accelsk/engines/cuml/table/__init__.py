"""What cuML computes: one row per scikit-learn class, in scikit-learn's module order.

The rules were written beside the sources of cuML 26.10, and its own translation, which most of its classes have as
``_params_from_cpu``. ``tests/engines/test_cuml.py`` compares every row with what was recorded of that, and lists where
a row differs and why: cuML leaves some parameters unread that change the result, and refuses others that it computes.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from accelsk.engines.spec import Row

__all__ = ["ROWS"]

ROWS: tuple[Row, ...] = tuple(
    row
    for module in pkgutil.iter_modules(__path__)
    for row in getattr(import_module(f"{__name__}.{module.name}"), "ROWS", ())
)
