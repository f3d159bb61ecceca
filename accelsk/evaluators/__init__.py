"""Faster ways to compute what a fitted model computes: the same numbers, one module per kind of evaluator.

An evaluator does not train and does not choose: it is offered for a fitted model (`Offer`), with what it costs to make,
what a call costs, and how far its results may be from the model's own. `accelsk.evaluation` picks among the offers.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

from accelsk.evaluators.spec import Offer
from accelsk.origin import public_name

__all__ = ["Offer", "offers"]

#: Which module has evaluators for a class, by the start of its public path. A module is imported on first use; it looks
#: at the whole path, which is that of the very class: a subclass may predict otherwise.
_MODULES: tuple[tuple[str, str], ...] = (
    ("sklearn.cluster.", "clusters"),
    ("sklearn.decomposition.", "projection"),
    ("sklearn.discriminant_analysis.", "linear"),
    ("sklearn.ensemble.ExtraTrees", "forests"),
    ("sklearn.ensemble.GradientBoosting", "boosted"),
    ("sklearn.ensemble.HistGradientBoosting", "boosted"),
    ("sklearn.ensemble.IsolationForest", "forests"),
    ("sklearn.ensemble.RandomForest", "forests"),
    ("sklearn.linear_model.", "linear"),
    ("sklearn.naive_bayes.", "bayes"),
    ("sklearn.neural_network.", "perceptrons"),
    ("sklearn.preprocessing.", "scaling"),
    ("sklearn.svm.Linear", "linear"),
    ("sklearn.svm.NuSV", "kernels"),
    ("sklearn.svm.OneClassSVM", "kernels"),
    ("sklearn.svm.SV", "kernels"),
    ("sklearn.tree.", "forests"),
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
            yield from importlib.import_module(f"accelsk.evaluators.{module}").offers(model)
