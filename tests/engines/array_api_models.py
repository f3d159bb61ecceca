"""A model and data for every row of the engine, and for hyperparameters that take another way through scikit-learn."""

import numpy as np
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import (
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
)
from sklearn.metrics.pairwise import linear_kernel
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import (
    Binarizer,
    KernelCenterer,
    LabelEncoder,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    StandardScaler,
)

from accelsk.engines import get
from accelsk.origin import public_name

IRIS, LABELS = load_iris(return_X_y=True)
WORDS = np.array(["bee", "ant", "cat"])[LABELS]
TABLE, TARGET = load_diabetes(return_X_y=True)
TARGETS = np.column_stack([TARGET, TARGET[::-1]])
DIGITS = load_digits().data
SEVERAL = np.column_stack([LABELS == 0, LABELS < 2]).astype(int)

_MODELS = [
    (PCA(2), IRIS, None),
    (PCA(0.9, svd_solver="full", whiten=True), IRIS, None),
    (PCA("mle"), IRIS, None),
    (PCA(5, svd_solver="randomized", random_state=0), DIGITS, None),
    (PCA(5, svd_solver="randomized", power_iteration_normalizer="LU", random_state=0), DIGITS, None),
    (
        PCA(5, svd_solver="randomized", power_iteration_normalizer="none", iterated_power=2, random_state=0),
        DIGITS,
        None,
    ),
    (LinearDiscriminantAnalysis(), IRIS, WORDS),
    (LinearDiscriminantAnalysis(n_components=1, priors=[0.2, 0.3, 0.5]), IRIS, LABELS),
    (Nystroem(n_components=20, random_state=0), IRIS, None),
    *(
        (Nystroem(kernel=kernel, n_components=4, random_state=0), IRIS, None)
        for kernel in ("poly", "cosine", "laplacian")
    ),
    (Nystroem(kernel="chi2", n_components=10, random_state=0), IRIS, None),
    (LogisticRegression(tol=1e-10, max_iter=1000), IRIS, WORDS),
    (LogisticRegression(tol=1e-10, max_iter=1000), IRIS, LABELS > 0),
    (LogisticRegression(tol=1e-10, max_iter=1000, class_weight="balanced"), IRIS[20:], WORDS[20:]),
    (LogisticRegression(tol=1e-10, max_iter=1000, class_weight={"ant": 1, "bee": 3, "cat": 0.5}), IRIS, WORDS),
    (PoissonRegressor(tol=1e-8, max_iter=1000), TABLE, TARGET),
    (Ridge(), TABLE, TARGET),
    (Ridge(alpha=np.array([0.1, 2.0]), solver="svd"), TABLE, TARGETS),
    (Ridge(fit_intercept=False), TABLE, TARGET.astype(int)),
    (RidgeCV(), TABLE, TARGET),
    (RidgeCV([0.01, 0.1, 1.0], alpha_per_target=True, store_cv_results=True), TABLE, TARGETS),
    (RidgeCV([0.01, 0.1, 1.0], scoring="neg_mean_absolute_error", gcv_mode="eigen"), TABLE, TARGET),
    (RidgeClassifier(), IRIS, WORDS),
    (RidgeClassifier(class_weight={"ant": 1, "bee": 3, "cat": 0.5}), IRIS, WORDS),
    (RidgeClassifier(class_weight="balanced"), IRIS[20:], LABELS[20:]),
    (RidgeClassifier(), IRIS, SEVERAL),
    (RidgeClassifierCV(class_weight="balanced", store_cv_results=True), IRIS[20:], WORDS[20:]),
    (RidgeClassifierCV([0.1, 1.0]), IRIS, LABELS),
    *(
        (GaussianMixture(3, covariance_type=kind, init_params="random_from_data", random_state=0), IRIS, None)
        for kind in ("full", "tied", "diag", "spherical")
    ),
    (
        GaussianMixture(
            3,
            init_params="random",
            means_init=IRIS[[0, 60, 120]],
            weights_init=[0.2, 0.3, 0.5],
            precisions_init=np.stack([np.eye(4)] * 3),
            random_state=0,
        ),
        IRIS,
        None,
    ),
    (GaussianNB(), IRIS, WORDS),
    (GaussianNB(priors=[0.2, 0.3, 0.5]), IRIS, LABELS.astype(np.int8)),
    (Binarizer(threshold=2.0), IRIS, None),
    (KernelCenterer(), linear_kernel(IRIS), None),
    (LabelEncoder(), LABELS * 3 - 2, None),
    (MaxAbsScaler(), IRIS, None),
    (MinMaxScaler(feature_range=(-1, 2), clip=True), IRIS, None),
    *((Normalizer(norm=norm), IRIS, None) for norm in ("l1", "l2", "max")),
    (PolynomialFeatures(3), IRIS, None),
    (PolynomialFeatures(2, interaction_only=True, include_bias=False), IRIS, None),
    (StandardScaler(), IRIS, None),
    (StandardScaler(with_mean=False), np.where(IRIS > 6, np.nan, IRIS), None),
]

#: Models of the classes that the installed scikit-learn computes on tensors.
MODELS = [(model, X, y) for model, X, y in _MODELS if get("array_api").row(public_name(type(model))) is not None]

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "predict_joint_log_proba",
    "decision_function",
    "transform",
    "inverse_transform",
    "score_samples",
    "aic",
    "bic",
    "score",
)


def name_of(case):
    return " ".join(repr(case[0]).split())[:80]


def answers(model, X, y, methods=METHODS):
    """What a fitted model answers, method by method."""
    found = {}
    for method in methods:
        if method == "inverse_transform" and hasattr(model, method) and hasattr(model, "transform"):
            found[method] = model.inverse_transform(model.transform(X))
        elif method == "score" and hasattr(model, method):
            found[method] = model.score(X) if y is None else model.score(X, y)
        elif method != "inverse_transform" and hasattr(model, method):
            found[method] = getattr(model, method)(X)
    return found
