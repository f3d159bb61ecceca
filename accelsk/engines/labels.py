"""The labels of classes, as scikit-learn's classes keep them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.multiclass import unique_labels

__all__ = ["typed"]

#: Classes that find their labels by `unique_labels`, which makes words of a fixed width of objects.
_BY_UNIQUE_LABELS = (
    "BernoulliNB",
    "CategoricalNB",
    "ComplementNB",
    "GaussianNB",
    "LinearDiscriminantAnalysis",
    "MultinomialNB",
    "RidgeClassifier",
    "RidgeClassifierCV",
)


def typed(labels: Any, name: str) -> Any:
    """Return labels in the dtype that scikit-learn's class gives them.

    Parameters
    ----------
    labels : ndarray, list of ndarray or None
        Sorted, each once.
    name : str
        Of the class.

    Returns
    -------
    ndarray, list of ndarray or None
        Words of a fixed width where the class makes these of objects; else the same.

    Examples
    --------
    >>> typed(np.array(["ant", "bee"], dtype=object), "GaussianNB").dtype
    dtype('<U3')
    >>> typed(np.array(["ant", "bee"], dtype=object), "SVC").dtype
    dtype('O')
    """
    if isinstance(labels, np.ndarray) and labels.dtype == object and name in _BY_UNIQUE_LABELS:
        return unique_labels(labels)
    return labels
