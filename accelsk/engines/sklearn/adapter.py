"""What is particular about calling scikit-learn itself: how many threads its compiled code is left."""

from __future__ import annotations

from typing import Any

from accelsk.engines.adapter import Adapter
from accelsk.engines.sklearn.threads import limits

__all__ = ["SklearnAdapter"]


class SklearnAdapter(Adapter):
    """How accelsk talks to scikit-learn."""

    def threads(self, estimator: Any, method: str, n_samples: int, n_features: int) -> tuple[int | None, int | None]:
        """Return the most threads of BLAS and of OpenMP, where fewer were measured to be faster.

        Parameters
        ----------
        estimator : estimator
            The user's.
        method : str
            The fitting method.
        n_samples, n_features : int
            The shape of X.

        Returns
        -------
        blas, openmp : int or None
            None for as many as there are.
        """
        return limits(estimator, method, n_samples, n_features)
