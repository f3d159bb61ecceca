"""Faster ways to compute what a fitted model computes: the same numbers, one module per kind of evaluator.

An evaluator does not train and does not choose: it is offered for a fitted model (`Offer`), with what it costs to make,
what a call costs, and how far its results may be from the model's own. `accelsk.evaluation` picks among the offers.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from accelsk.evaluators.spec import Offer
from accelsk.looks import public_name

__all__ = ["Offer", "offers"]

#: Which modules have evaluators for a class, by the start of its public path; a module is imported on first use.
_MODULES: tuple[tuple[str, str], ...] = (
    ("sklearn.ensemble.ExtraTrees", "accelsk.evaluators.forests"),
    ("sklearn.ensemble.GradientBoosting", "accelsk.evaluators.boosted"),
    ("sklearn.ensemble.HistGradientBoosting", "accelsk.evaluators.boosted"),
    ("sklearn.ensemble.IsolationForest", "accelsk.evaluators.forests"),
    ("sklearn.ensemble.RandomForest", "accelsk.evaluators.forests"),
    ("sklearn.linear_model.", "accelsk.evaluators.linear"),
    ("sklearn.svm.NuSV", "accelsk.evaluators.kernels"),
    ("sklearn.svm.OneClassSVM", "accelsk.evaluators.kernels"),
    ("sklearn.svm.SV", "accelsk.evaluators.kernels"),
    ("sklearn.tree.", "accelsk.evaluators.forests"),
)


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators there are for a fitted model of scikit-learn.

    Parameters
    ----------
    model : estimator
        Fitted, of one of scikit-learn's own classes: the model itself, or what `accelsk.export` made of an engine's.
        Evaluators keep it, and do not change it.

    Yields
    ------
    Offer
        Nothing is computed yet, and no library but NumPy is imported.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> model = Ridge().fit(np.eye(3), np.arange(3.0))
    >>> [offer.name for offer in offers(model)]
    ['numpy']
    """
    name = public_name(type(model))
    for start, module in _MODULES:
        if name.startswith(start):
            yield from importlib.import_module(module).offers(model)
