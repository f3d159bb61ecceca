"""The forests of sklearnex with two corrections. Imports sklearnex: only `Row.backend` names this module.

*Probabilities.* Rows of ``predict_proba`` do not always sum to 1 (issue 3401 of scikit-learn-intelex: off by up to
0.005), which ``roc_auc_score`` refuses. Here they are divided by their sum, which changes no order and so no label.

*Thresholds.* oneDAL compares float64 features with float64 thresholds, while scikit-learn's trees see X as float32 and
so send training rows that lie exactly on a threshold the wrong way. The thresholds of ``estimators_`` are therefore
rounded to float32, where such rows are. Rows that float32 cannot tell apart share a leaf, as always in scikit-learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearnex import ensemble

__all__ = ["ExtraTreesClassifier", "ExtraTreesRegressor", "RandomForestClassifier", "RandomForestRegressor"]


class _Trees:
    """The export of the trees, rounded."""

    def _estimators_(self) -> None:
        super()._estimators_()  # type: ignore[misc]
        for estimator in self._cached_estimators_:  # type: ignore[attr-defined]
            threshold = estimator.tree_.threshold  # a view: written in place
            threshold[:] = threshold.astype(np.float32)


class _Probabilities(_Trees):
    """Class probabilities that sum to 1."""

    def predict_proba(self, X: Any) -> Any:
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Rows that sum to 1.
        """
        probabilities = super().predict_proba(X)  # type: ignore[misc]
        if isinstance(probabilities, np.ndarray):
            total = probabilities.sum(axis=1, keepdims=True)
            probabilities /= np.where(total == 0, 1, total)
        return probabilities


class ExtraTreesClassifier(_Probabilities, ensemble.ExtraTreesClassifier):
    """``sklearnex.ensemble.ExtraTreesClassifier``, corrected."""


class ExtraTreesRegressor(_Trees, ensemble.ExtraTreesRegressor):
    """``sklearnex.ensemble.ExtraTreesRegressor``, corrected."""


class RandomForestClassifier(_Probabilities, ensemble.RandomForestClassifier):
    """``sklearnex.ensemble.RandomForestClassifier``, corrected."""


class RandomForestRegressor(_Trees, ensemble.RandomForestRegressor):
    """``sklearnex.ensemble.RandomForestRegressor``, corrected."""
