"""Where one thread is faster than all of them in scikit-learn.

NumPy and SciPy each bring an OpenBLAS with threads of its own, and scikit-learn's compiled code has those of OpenMP.
Threads that have nothing to do wait for a while by spinning. So code that calls the libraries in turns, with little to
compute in each call, has more threads that want a core than there are cores.

`CROWDED` was made of what ``benchmarks/threads.py`` found on two cores. More cores have more threads that spin, but
also more to gain where there is much to compute: so a class is here only where one thread was clearly faster, and only
up to a size where one call of BLAS is still short. Everything else keeps its threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accelsk.origin import public_name

__all__ = ["CROWDED", "Crowded", "limits"]


@dataclass(frozen=True, kw_only=True)
class Crowded:
    """A region in which one thread is faster.

    Parameters
    ----------
    least, most : int
        From how many numbers in X on, and up to how many: with fewer, BLAS starts no threads by itself.
    columns : int, default=500
        Up to so many columns.
    params : mapping of str to object, default={}
        The hyperparameters that matter, with the value for which it was measured.
    openmp : bool, default=False
        Whether it is OpenMP that is to have one thread, and not BLAS.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> region = Crowded(least=4000, most=6_000_000, params={"solver": "lbfgs"})
    >>> region.holds(LogisticRegression(), 20_000, 50), region.holds(LogisticRegression(), 200_000, 50)
    (True, False)
    """

    least: int
    most: int
    columns: int = 500
    params: Mapping[str, Any] = field(default_factory=dict)
    openmp: bool = False

    def holds(self, estimator: Any, n_samples: int, n_features: int) -> bool:
        """Say whether a fit is in the region.

        Parameters
        ----------
        estimator : estimator
            With the hyperparameters.
        n_samples, n_features : int
            The shape of X.

        Returns
        -------
        bool
            Whether one thread is faster.
        """
        return (
            n_features <= self.columns
            and self.least <= n_samples * n_features <= self.most
            and all(getattr(estimator, name, None) == value for name, value in self.params.items())
        )


_LBFGS: Mapping[str, Any] = {"solver": "lbfgs"}

#: SciPy's minimizer and NumPy's products in turns.
_DESCENT = Crowded(least=4000, most=2_000_000, params=_LBFGS)

#: The same; seen with two and with five classes up to 100,000 x 50, where it is 1.4 times as fast.
_LOGISTIC = Crowded(least=4000, most=5_000_000, params=_LBFGS)

#: A product by NumPy and a small triangular matrix by SciPy for each component.
_MIXTURE = Crowded(least=2000, most=1_200_000, columns=100, params={"covariance_type": "full"})

#: SciPy's least squares, by a decomposition into singular values; of larger ones the products gain by threads.
_SQUARES = Crowded(least=50_000, most=500_000)

#: A decomposition into singular values of each batch, which has five times as many rows as columns.
_BATCHES = Crowded(least=400_000, most=5_000_000, columns=100)

#: Up to a few hundred rows a histogram is made in less time than threads are woken in.
_HISTOGRAMS = Crowded(least=0, most=5000, openmp=True)

#: By import path: where a fit is faster.
CROWDED: Mapping[str, tuple[Crowded, ...]] = {
    "sklearn.decomposition.IncrementalPCA": (_BATCHES,),
    "sklearn.ensemble.HistGradientBoostingClassifier": (_HISTOGRAMS,),
    "sklearn.ensemble.HistGradientBoostingRegressor": (_HISTOGRAMS,),
    "sklearn.linear_model.GammaRegressor": (_DESCENT,),
    "sklearn.linear_model.HuberRegressor": (Crowded(least=4000, most=2_000_000),),
    "sklearn.linear_model.LinearRegression": (_SQUARES,),
    "sklearn.linear_model.LogisticRegression": (_LOGISTIC,),
    "sklearn.linear_model.LogisticRegressionCV": (_LOGISTIC,),
    "sklearn.linear_model.PoissonRegressor": (_DESCENT,),
    "sklearn.linear_model.TweedieRegressor": (_DESCENT,),
    "sklearn.mixture.BayesianGaussianMixture": (_MIXTURE,),
    "sklearn.mixture.GaussianMixture": (_MIXTURE,),
}


def limits(estimator: Any, method: str, n_samples: int, n_features: int) -> tuple[int | None, int | None]:
    """Return the most threads of BLAS and of OpenMP that a fit is faster with.

    Parameters
    ----------
    estimator : estimator
        The user's, with its hyperparameters.
    method : str
        The fitting method; ``partial_fit``, of single batches, was not measured.
    n_samples, n_features : int
        The shape of X.

    Returns
    -------
    blas, openmp : int or None
        None for as many as there are.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> limits(LogisticRegression(), "fit", 20_000, 50), limits(LogisticRegression(), "fit", 20, 50)
    ((1, None), (None, None))
    """
    if method.startswith("fit"):
        for region in CROWDED.get(public_name(type(estimator)), ()):
            if region.holds(estimator, n_samples, n_features):
                return (None, 1) if region.openmp else (1, None)
    return None, None
