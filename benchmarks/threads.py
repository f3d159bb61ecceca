"""Where one thread of BLAS, or of OpenMP, is faster than all of them in plain scikit-learn.

Run ``python benchmarks/threads.py [--only NAME] [--json FILE]`` with no ``*_NUM_THREADS`` set, on a machine with
nothing else to do. Each case is computed with the default numbers of threads, with one of BLAS, and with one of BLAS
and of OpenMP, in turns, in one process; figures are medians in milliseconds, and medians of the ratios within a turn,
and in brackets the ratio of the shortest times. The table in ``accelsk/engines/sklearn/threads.py`` is made of this.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from joblib import cpu_count
from sklearn.base import clone
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import (
    NMF,
    PCA,
    DictionaryLearning,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    KernelPCA,
    MiniBatchDictionaryLearning,
    TruncatedSVD,
)
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeCV,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.manifold import TSNE, SpectralEmbedding
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from accelsk.threads import economical

#: Rows by columns.
SMALL = ((200, 10), (200, 50), (2000, 10), (2000, 50), (2000, 200), (20_000, 10), (20_000, 50))
LARGE = (*SMALL, (20_000, 200), (100_000, 50), (200_000, 10))
FEW = ((200, 10), (500, 50), (1000, 50), (2000, 50))  # what takes cubic time

#: What is computed: the estimator, the kind of target, the sizes, and the method after the fit.
CASES: dict[str, tuple[Any, str, tuple[tuple[int, int], ...], str]] = {
    "LogisticRegression": (LogisticRegression(), "classes", LARGE, "predict"),
    "LogisticRegression 5 classes": (LogisticRegression(), "5 classes", LARGE, "predict_proba"),
    "LogisticRegression newton-cholesky": (LogisticRegression(solver="newton-cholesky"), "classes", LARGE, ""),
    "LogisticRegression newton-cg": (LogisticRegression(solver="newton-cg"), "classes", LARGE, ""),
    "LogisticRegressionCV": (LogisticRegressionCV(Cs=3, cv=3), "classes", SMALL, ""),
    "GaussianMixture": (GaussianMixture(5, max_iter=15, random_state=0), "blobs", LARGE, "predict"),
    "GaussianMixture diag": (GaussianMixture(5, covariance_type="diag", random_state=0), "blobs", SMALL, "predict"),
    "GaussianMixture tied": (GaussianMixture(5, covariance_type="tied", random_state=0), "blobs", SMALL, "predict"),
    "GaussianMixture 20": (GaussianMixture(20, max_iter=5, random_state=0), "blobs", SMALL, "predict"),
    "BayesianGaussianMixture": (
        BayesianGaussianMixture(n_components=5, max_iter=10, random_state=0), "blobs", SMALL, "predict"),
    "KMeans": (KMeans(8, random_state=0), "blobs", LARGE, "predict"),
    "KMeans 50": (KMeans(50, random_state=0, max_iter=50), "blobs", LARGE, "predict"),
    "MiniBatchKMeans": (MiniBatchKMeans(8, random_state=0), "blobs", LARGE, "predict"),
    "Ridge": (Ridge(), "numbers", LARGE, "predict"),
    "Ridge svd": (Ridge(solver="svd"), "numbers", LARGE, ""),
    "Ridge lsqr": (Ridge(solver="lsqr"), "numbers", LARGE, ""),
    "RidgeCV": (RidgeCV(), "numbers", SMALL, ""),
    "RidgeClassifier": (RidgeClassifier(), "classes", SMALL, ""),
    "LinearRegression": (LinearRegression(), "numbers", LARGE, "predict"),
    "PCA": (PCA(5), "", LARGE, "transform"),
    "PCA full": (PCA(5, svd_solver="full"), "", LARGE, ""),
    "PCA randomized": (PCA(5, svd_solver="randomized", random_state=0), "", LARGE, ""),
    "PCA arpack": (PCA(5, svd_solver="arpack", random_state=0), "", LARGE, ""),
    "IncrementalPCA": (IncrementalPCA(5), "", SMALL, ""),
    "TruncatedSVD": (TruncatedSVD(5, random_state=0), "", LARGE, "transform"),
    "FactorAnalysis": (FactorAnalysis(5, random_state=0), "", SMALL, "transform"),
    "FastICA": (FastICA(5, random_state=0, whiten="unit-variance"), "", SMALL, "transform"),
    "LinearDiscriminantAnalysis": (LinearDiscriminantAnalysis(), "5 classes", LARGE, "predict"),
    "LinearDiscriminantAnalysis lsqr": (LinearDiscriminantAnalysis(solver="lsqr"), "5 classes", SMALL, ""),
    "QuadraticDiscriminantAnalysis": (QuadraticDiscriminantAnalysis(), "5 classes", LARGE, "predict"),
    "MLPClassifier": (MLPClassifier(max_iter=5, random_state=0), "classes", SMALL, "predict"),
    "MLPRegressor": (MLPRegressor(max_iter=5, random_state=0), "numbers", SMALL, "predict"),
    "MLPRegressor lbfgs": (MLPRegressor(max_iter=20, solver="lbfgs", random_state=0), "numbers", SMALL, ""),
    "SGDClassifier": (SGDClassifier(random_state=0), "classes", SMALL, "predict"),
    "HistGradientBoostingClassifier": (
        HistGradientBoostingClassifier(max_iter=20, early_stopping=False, random_state=0), "classes", SMALL, "predict"),
    "HistGradientBoostingRegressor": (
        HistGradientBoostingRegressor(max_iter=20, early_stopping=False, random_state=0), "numbers", SMALL, "predict"),
    "GaussianProcessRegressor": (GaussianProcessRegressor(alpha=0.1), "numbers", FEW, "predict"),
    "GaussianProcessClassifier": (GaussianProcessClassifier(), "classes", FEW[:3], "predict"),
    "KernelRidge": (KernelRidge(kernel="rbf"), "numbers", FEW, "predict"),
    "KernelPCA": (KernelPCA(5, kernel="rbf"), "", FEW, "transform"),
    "NMF": (NMF(5, init="nndsvda", random_state=0, max_iter=50), "positive", SMALL, "transform"),
    "NMF mu": (NMF(5, init="nndsvda", solver="mu", random_state=0, max_iter=50), "positive", SMALL, ""),
    "DictionaryLearning": (DictionaryLearning(5, max_iter=5, random_state=0), "", FEW[:3], "transform"),
    "MiniBatchDictionaryLearning": (MiniBatchDictionaryLearning(5, max_iter=2, random_state=0), "", FEW[:3], ""),
    "BayesianRidge": (BayesianRidge(), "numbers", LARGE, "predict"),
    "ARDRegression": (ARDRegression(), "numbers", SMALL, "predict"),
    "HuberRegressor": (HuberRegressor(), "numbers", LARGE, "predict"),
    "PoissonRegressor": (PoissonRegressor(), "counts", LARGE, "predict"),
    "PoissonRegressor newton-cholesky": (PoissonRegressor(solver="newton-cholesky"), "counts", SMALL, ""),
    "GammaRegressor": (GammaRegressor(), "counts", SMALL, ""),
    "TweedieRegressor": (TweedieRegressor(power=1.5), "counts", SMALL, ""),
    "Lasso": (Lasso(alpha=0.1), "numbers", LARGE, ""),
    "ElasticNet": (ElasticNet(alpha=0.1), "numbers", SMALL, ""),
    "KNeighborsClassifier brute": (KNeighborsClassifier(algorithm="brute"), "classes", SMALL, "predict"),
    "Nystroem": (Nystroem(n_components=50, random_state=0), "", SMALL, "transform"),
    "RBFSampler": (RBFSampler(random_state=0), "", SMALL, "transform"),
    "PLSRegression": (PLSRegression(2), "numbers", LARGE, "predict"),
    "GaussianNB": (GaussianNB(), "classes", SMALL, "predict"),
    "StandardScaler": (StandardScaler(), "", SMALL, "transform"),
    "SVC": (SVC(), "classes", FEW, "predict"),
    "LinearSVC": (LinearSVC(), "classes", FEW, "predict"),
    "TSNE": (TSNE(max_iter=250, random_state=0), "", FEW[:2], ""),
    "SpectralEmbedding": (SpectralEmbedding(random_state=0), "", FEW, ""),
}  # fmt: skip

HOW: dict[str, Callable[[], Any]] = {
    "default": nullcontext,
    "blas": lambda: economical(1),
    "both": lambda: economical(1, 1),
}


def data(kind: str, n_samples: int, n_features: int) -> tuple[Any, Any]:
    """Make X and a target that depends on it."""
    random = np.random.default_rng(0)
    X = random.standard_normal((n_samples, n_features))
    if kind == "blobs":
        return X + random.integers(0, 5, (n_samples, 1)) * 2, None
    if kind in ("", "positive"):
        low = random.standard_normal((5, n_features))
        X = X[:, :5] @ low + 0.3 * X
        return (np.abs(X) if kind else X), None
    signal = X @ random.standard_normal((n_features, 5)) / np.sqrt(n_features) + 0.3 * random.standard_normal(
        (n_samples, 5)
    )
    if kind == "classes":
        return X, (signal[:, 0] > 0).astype(int)
    if kind == "5 classes":
        return X, signal.argmax(axis=1)
    if kind == "counts":
        return X, random.poisson(np.exp(np.clip(signal[:, 0], -3, 3))) + 1.0
    return X, signal[:, 0]


def compared(call: Callable[[], Any], budget: float, fewest: int = 5) -> dict[str, Any]:
    """Time a call in each way in turns: medians in milliseconds, and medians of the ratios within a turn."""
    took: dict[str, list[float]] = {how: [] for how in HOW}
    start = time.perf_counter()
    call()  # fills caches
    if time.perf_counter() - start > 0.5:
        fewest = 3
    end = time.perf_counter() + budget
    turn = 0
    while turn < fewest or (time.perf_counter() < end and turn < 40):
        for name in list(HOW)[turn % 3 :] + list(HOW)[: turn % 3]:
            with HOW[name]():
                start = time.perf_counter()
                call()
                took[name].append(time.perf_counter() - start)
        turn += 1
    found: dict[str, Any] = {name: round(statistics.median(times) * 1000, 3) for name, times in took.items()}
    for name in ("blas", "both"):
        ratios = [one / other for one, other in zip(took["default"], took[name], strict=True)]
        found[f"ratio {name}"] = round(statistics.median(ratios), 2)
        found[f"least {name}"] = round(min(took["default"]) / min(took[name]), 2)
    return found | {"turns": turn}


def measured(only: str, first: str, budget: float) -> Iterator[dict[str, Any]]:
    """Time every case."""
    names = list(CASES)
    for name in names[names.index(first) :]:
        estimator, kind, sizes, method = CASES[name]
        if only not in name:
            continue
        for n_samples, n_features in sizes:
            X, y = data(kind, n_samples, n_features)
            told = {"case": name, "rows": n_samples, "columns": n_features}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fit = lambda: clone(estimator).fit(X, y)  # noqa: B023, E731
                yield told | {"call": "fit"} | compared(fit, budget)
                if method:
                    model = fit()
                    answer = lambda: getattr(model, method)(X)  # noqa: B023, E731
                    yield told | {"call": method} | compared(answer, budget / 3)


def main() -> None:
    """Print a line per case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="cases whose names contain this")
    parser.add_argument("--first", default=next(iter(CASES)), help="the case to begin with")
    parser.add_argument("--budget", type=float, default=1.0, help="seconds for each fit")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    given = parser.parse_args()
    found = []
    for case in measured(given.only, given.first, given.budget):
        found.append(case)
        print(
            f"{case['case']:36} {case['rows']:7} x {case['columns']:3} {case['call']:13} {case['default']:10.2f} ms, "
            f"one of BLAS {case['ratio blas']:5.2f} ({case['least blas']:5.2f}), "
            f"and of OpenMP {case['ratio both']:5.2f} ({case['least both']:5.2f})",
            flush=True,
        )
        if given.json:
            told = {"cores": cpu_count(), "cases": found}
            given.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
