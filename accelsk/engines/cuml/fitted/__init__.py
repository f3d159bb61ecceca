"""What a fitted model of cuML is in scikit-learn's terms: attributes, as NumPy, in scikit-learn's dtype and sign.

One function per class, which needs neither cuML nor a GPU: it is given a way to read the attributes of cuML's model.
``classes_`` and the names and number of columns are not among them, as they are the same for every class, nor is what
scikit-learn's class computes from other attributes by a property.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from accelsk.engines.held import Held, Read

__all__ = ["Before", "Fitted", "Run"]

#: ``fitted(read, params)``: the attributes, given scikit-learn's hyperparameters.
Fitted = Callable[[Read, Mapping[str, Any]], dict[str, Any]]

#: ``before(held, X, y)``: right before a fit, with the data validated.
Before = Callable[[Held, Any, Any], None]

#: ``run(held, method, X, given)``: in the place of a method of cuML's.
Run = Callable[[Held, str, Any, Mapping[str, Any]], Any]
