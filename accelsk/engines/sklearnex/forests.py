"""The forests of sklearnex with three corrections. Imports sklearnex: only `Row.backend` names this module.

*Probabilities.* Rows of ``predict_proba`` do not always sum to 1 (issue 3401 of scikit-learn-intelex: off by up to
0.005), which ``roc_auc_score`` refuses. Here they are divided by their sum, which changes no order and so no label.

*Precision.* scikit-learn's forests see X as float32. So do these, though they compute in double precision where X is
float64: a row that float32 cannot tell from a threshold takes the same branch here and in the trees of ``estimators_``.
Their thresholds are rounded to what float32 holds for the same reason.

*Leaves.* The trees that the library exports have the majority class in their leaves, while it predicts with the class
frequencies. They are read from the archive of the model, compared with the exported trees, and put into them.

And with a shortcut: the library takes four times as long to decide that it is to predict one row as to predict it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from onedal import ensemble as onedal
from sklearnex import ensemble

from accelsk.engines.sklearnex.leaves import fill
from accelsk.engines.sklearnex.threads import in_turn
from accelsk.evaluators.spec import Evaluate

__all__ = ["ExtraTreesClassifier", "ExtraTreesRegressor", "RandomForestClassifier", "RandomForestRegressor"]


class _Rounding:
    """oneDAL's estimator on what scikit-learn's trees see of X."""

    def fit(self, X: Any, *args: Any, **kwargs: Any) -> Any:
        self.in_single = X.dtype == np.float32
        return super().fit(self._rounded(X), *args, **kwargs)  # type: ignore[misc]

    def predict(self, X: Any, *args: Any, **kwargs: Any) -> Any:
        return super().predict(self._rounded(X), *args, **kwargs)  # type: ignore[misc]

    def _rounded(self, X: Any) -> Any:
        if self.in_single and X.dtype == np.float32:
            return X
        with np.errstate(over="ignore"):
            rounded = np.asarray(X).astype(np.float32)
        if not np.isfinite(rounded).all():
            raise ValueError("Input X contains infinity or a value too large for dtype('float32').")
        return rounded.astype(np.float64)


class _RoundingClassifier(_Rounding):
    def predict_proba(self, X: Any, *args: Any, **kwargs: Any) -> Any:
        return super().predict_proba(self._rounded(X), *args, **kwargs)  # type: ignore[misc]


class _ExtraTreesClassifier(_RoundingClassifier, onedal.ExtraTreesClassifier): ...


class _ExtraTreesRegressor(_Rounding, onedal.ExtraTreesRegressor): ...


class _RandomForestClassifier(_RoundingClassifier, onedal.RandomForestClassifier): ...


class _RandomForestRegressor(_Rounding, onedal.RandomForestRegressor): ...


class _Trees:
    """The export of the trees, rounded."""

    def _estimators_(self) -> None:
        """Make them on a copy: another thread that asks for them must not see, or finish, what is half done."""
        made = copy.copy(self)
        super(_Trees, made)._estimators_()  # type: ignore[misc]
        made._fill_leaves()
        for estimator in made._cached_estimators_:  # type: ignore[attr-defined]
            threshold = estimator.tree_.threshold  # a view: written in place
            rounded = threshold.astype(np.float32)
            if not made._onedal_estimator.in_single:  # type: ignore[attr-defined]
                # Down, so that what is above stays above; in single precision oneDAL itself takes the nearest.
                rounded = np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)
            threshold[:] = rounded
        vars(self).update(vars(made))

    def _fill_leaves(self) -> None:
        """Of regressors they are right."""

    def shortcuts(self) -> Mapping[str, Evaluate]:
        """Return the methods for arrays that nobody has validated; what is not finite, `_Rounding` refuses."""
        return {"predict": self._predicted} if "_onedal_estimator" in vars(self) else {}

    def _predicted(self, X: np.ndarray[Any, Any]) -> Any:
        with in_turn(self):
            found = self._onedal_estimator.predict(X)  # type: ignore[attr-defined]
        return self._named(found)

    def _named(self, found: np.ndarray[Any, Any]) -> Any:
        return found.astype(np.float64, copy=False)


class _Probabilities(_Trees):
    """Class probabilities that sum to 1, in the leaves as well."""

    def _fill_leaves(self) -> None:
        state = self._onedal_estimator._onedal_model.__getstate__()  # type: ignore[attr-defined]
        n_classes, n_features = self.n_classes_, self.n_features_in_  # type: ignore[attr-defined]
        #: Why the mean of the trees is not what `predict_proba` gives; empty where it is.
        self._no_frequencies = fill(self._cached_estimators_, state, n_classes, n_features)  # type: ignore[attr-defined]

    def shortcuts(self) -> Mapping[str, Evaluate]:
        """Return the methods for arrays that nobody has validated."""
        found = super().shortcuts()
        return {**found, "predict_proba": self._likely} if found else {}

    def _named(self, found: np.ndarray[Any, Any]) -> Any:
        return self.classes_.take(found.astype(np.int64))  # type: ignore[attr-defined]

    def _likely(self, X: np.ndarray[Any, Any]) -> Any:
        with in_turn(self):
            found = self._onedal_estimator.predict_proba(X)  # type: ignore[attr-defined]
        return _summing_to_one(np.clip(found, 0.0, 1.0)).astype(np.float64, copy=False)

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
        return _summing_to_one(probabilities) if isinstance(probabilities, np.ndarray) else probabilities


def _summing_to_one(probabilities: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    total = probabilities.sum(axis=1, keepdims=True)
    probabilities /= np.where(total == 0, 1, total)
    return probabilities


class ExtraTreesClassifier(_Probabilities, ensemble.ExtraTreesClassifier):
    """``sklearnex.ensemble.ExtraTreesClassifier``, corrected."""

    _onedal_factory = _ExtraTreesClassifier


class ExtraTreesRegressor(_Trees, ensemble.ExtraTreesRegressor):
    """``sklearnex.ensemble.ExtraTreesRegressor``, corrected."""

    _onedal_factory = _ExtraTreesRegressor


class RandomForestClassifier(_Probabilities, ensemble.RandomForestClassifier):
    """``sklearnex.ensemble.RandomForestClassifier``, corrected."""

    _onedal_factory = _RandomForestClassifier


class RandomForestRegressor(_Trees, ensemble.RandomForestRegressor):
    """``sklearnex.ensemble.RandomForestRegressor``, corrected."""

    _onedal_factory = _RandomForestRegressor
