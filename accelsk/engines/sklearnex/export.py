"""Fitted models of sklearnex as scikit-learn's own, and back. Imports nothing of sklearnex.

What scikit-learn's class would hold after its own fit is copied, with its types: oneDAL keeps 64-bit indices and
single precision where the compiled code of scikit-learn insists on others, and crashes or answers wrongly otherwise.
What oneDAL does not tell is left out: an attribute that is missing is better than one that is wrong.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from accelsk.engines.sklearnex.margins import export_margin, restore_margin
from accelsk.errors import NotPortable

__all__ = ["attributes_of", "export", "restore"]

_ALL = ("n_features_in_", "feature_names_in_")
_LINEAR = ("coef_", "intercept_")
_LOGISTIC = (*_LINEAR, "classes_", "n_iter_")
_FACTORS = (
    "components_",
    "explained_variance_",
    "explained_variance_ratio_",
    "mean_",
    "n_components_",
    "noise_variance_",
    "singular_values_",
)
_NEIGHBORS = ("_fit_X", "_fit_method", "_tree", "effective_metric_", "effective_metric_params_", "n_samples_fit_")
# Not _n_samples where rows were drawn: scikit-learn's estimators_samples_ would tell of other draws than oneDAL's.
_FOREST = ("_n_samples_bootstrap", "n_outputs_", "oob_score_")
_MARGIN = ("fit_status_", "n_iter_", "shape_fit_", "support_")

_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "DBSCAN": ("components_", "core_sample_indices_", "labels_"),
    "DummyRegressor": ("constant_", "n_outputs_"),
    "ElasticNet": (*_LINEAR, "dual_gap_", "n_iter_"),
    "EmpiricalCovariance": ("covariance_", "location_", "precision_"),
    "ExtraTreesClassifier": (*_FOREST, "classes_", "n_classes_", "oob_decision_function_"),
    "ExtraTreesRegressor": (*_FOREST, "oob_prediction_"),
    "IncrementalPCA": (*_FACTORS, "batch_size_", "n_samples_seen_", "var_"),
    "KMeans": ("_n_features_out", "_n_init", "_n_threads", "cluster_centers_", "inertia_", "labels_", "n_iter_"),
    "KNeighborsClassifier": (*_NEIGHBORS, "_y", "classes_", "outputs_2d_"),
    "KNeighborsRegressor": (*_NEIGHBORS, "_y"),
    "Lasso": (*_LINEAR, "dual_gap_", "n_iter_"),
    "LinearRegression": _LINEAR,
    "LocalOutlierFactor": (
        *_NEIGHBORS,
        "_distances_fit_X_",
        "_lrd",
        "n_neighbors_",
        "negative_outlier_factor_",
        "offset_",
    ),
    "LogisticRegression": _LOGISTIC,
    "LogisticRegressionCV": (*_LOGISTIC, "C_", "Cs_", "coefs_paths_", "l1_ratio_", "l1_ratios_", "scores_"),
    "MaxAbsScaler": ("max_abs_", "n_samples_seen_", "scale_"),
    "NearestNeighbors": _NEIGHBORS,
    "NuSVC": (*_MARGIN, "_n_support", "class_weight_", "classes_"),
    "NuSVR": _MARGIN,
    "PCA": (*_FACTORS, "_fit_svd_solver", "n_samples_"),
    "RandomForestClassifier": (*_FOREST, "classes_", "n_classes_", "oob_decision_function_"),
    "RandomForestRegressor": (*_FOREST, "oob_prediction_"),
    "Ridge": (*_LINEAR, "n_iter_", "solver_"),
    "SVC": (*_MARGIN, "_n_support", "class_weight_", "classes_"),
    "SVR": _MARGIN,
    "StandardScaler": ("mean_", "n_samples_seen_", "scale_", "var_"),
    "TSNE": ("embedding_", "kl_divergence_", "learning_rate_", "n_iter_"),
}


def attributes_of(name: str, fitted: Any) -> dict[str, Any]:
    """Return the fitted attributes that the backend estimator and scikit-learn's have alike.

    Parameters
    ----------
    name : str
        The name of the scikit-learn class.
    fitted : object
        Either of the two.

    Returns
    -------
    dict of str to object
        Those that are there under its hyperparameters; not copied.
    """
    found = {}
    for attribute in (*_ALL, *_ATTRIBUTES[name]):
        try:
            found[attribute] = getattr(fitted, attribute)
        except AttributeError:  # there only under other hyperparameters, or other versions
            continue
    return found


def export(name: str, backend: Any, estimator: Any) -> Any:
    """Make scikit-learn's fitted estimator of a fitted backend estimator.

    Parameters
    ----------
    name : str
        The name of the scikit-learn class.
    backend : object
        The fitted backend estimator.
    estimator : estimator
        Of scikit-learn's class, unfitted, with the user's hyperparameters; it is fitted.

    Returns
    -------
    estimator
        The same object.

    Raises
    ------
    NotPortable
        For a forest of which the class frequencies are not to be had, or do not make its probabilities.
    """
    for attribute, value in attributes_of(name, backend).items():
        setattr(estimator, attribute, copy.deepcopy(value))
    if name in _FINISH:
        _FINISH[name](backend, estimator)
    return estimator


def restore(name: str, backend: Any, model: Any) -> None:
    """Make a backend estimator a fitted one, from scikit-learn's.

    Parameters
    ----------
    name : str
        The name of the scikit-learn class.
    backend : object
        The unfitted backend estimator; it is changed.
    model : estimator
        As `export` made it.
    """
    if name in _PREPARE:
        _PREPARE[name](backend, model)
    for attribute, value in attributes_of(name, model).items():
        setattr(backend, attribute, value)
    if name in _COMPLETE:
        _COMPLETE[name](backend, model)


def _k_means(backend: Any, estimator: Any) -> None:
    estimator._algorithm = estimator.algorithm


def _descent(backend: Any, estimator: Any) -> None:
    if not estimator.fit_intercept:
        estimator.intercept_ = 0.0
    elif getattr(backend, "_of_a_column", False):
        estimator.intercept_ = np.reshape(estimator.intercept_, (-1,))


def _descend(backend: Any, model: Any) -> None:
    """One intercept per target for a warm start."""
    if np.ndim(model.coef_) == 1:
        backend.intercept_ = np.reshape(model.intercept_, (-1,))[0]
    else:
        backend.intercept_ = np.zeros(len(model.coef_), dtype=model.coef_.dtype) + model.intercept_


def _dummy(backend: Any, estimator: Any) -> None:
    estimator.constant_ = np.reshape(estimator.constant_, (1, -1))


def _forest(backend: Any, estimator: Any) -> None:
    """Trees with the user's hyperparameters, and the nodes that oneDAL told of."""
    if hasattr(estimator, "classes_") and not hasattr(backend, "_no_frequencies"):
        backend._estimators_()
    trees = backend.estimators_
    reason = getattr(backend, "_no_frequencies", "")
    if reason:
        raise NotPortable(
            f"this {type(estimator).__name__} cannot be made one of scikit-learn's: {reason}.",
            hint="fit with engine='sklearn', or without weights; a pickle opens where engine 'sklearnex' is installed.",
            engine="sklearnex",
            estimator=type(estimator).__name__,
        )
    if not estimator.bootstrap:
        estimator._n_samples = backend._n_samples
    for name in ("oob_decision_function_", "oob_prediction_"):
        if hasattr(estimator, name):
            setattr(estimator, name, getattr(estimator, name).astype(np.float64))
    estimator._validate_estimator()
    estimator.estimators_ = []
    for tree in trees:
        plain = estimator._make_estimator()
        plain.random_state = tree.random_state
        plain.n_features_in_, plain.n_outputs_ = tree.n_features_in_, tree.n_outputs_
        plain.max_features_ = backend._onedal_estimator.max_features
        if hasattr(estimator, "classes_"):
            plain.n_classes_ = np.int64(tree.n_classes_)
            plain.classes_ = np.arange(tree.n_classes_, dtype=np.float64)
        if hasattr(tree, "is_categorical_"):
            plain.is_categorical_ = tree.is_categorical_
        plain.tree_ = copy.deepcopy(tree.tree_)


def _search(backend: Any, model: Any) -> None:
    """Fit once more: a brute force search only keeps the data."""
    X, y = model._fit_X, getattr(model, "_y", None)
    if hasattr(model, "classes_"):
        y = model.classes_[y]
    backend.fit(X, y)


def _outliers(backend: Any, model: Any) -> None:
    """Index the data, without searching the neighbours of all rows again."""
    backend._onedal_knn_fit(model._fit_X, None)


_FINISH: Mapping[str, Callable[[Any, Any], None]] = {
    "DummyRegressor": _dummy,
    "ElasticNet": _descent,
    "Lasso": _descent,
    "KMeans": _k_means,
    **dict.fromkeys(("NuSVC", "NuSVR", "SVC", "SVR"), export_margin),
    **dict.fromkeys(
        ("ExtraTreesClassifier", "ExtraTreesRegressor", "RandomForestClassifier", "RandomForestRegressor"), _forest
    ),
}
_PREPARE: Mapping[str, Callable[[Any, Any], None]] = {
    **dict.fromkeys(("KNeighborsClassifier", "KNeighborsRegressor", "NearestNeighbors"), _search),
    "LocalOutlierFactor": _outliers,
}
_COMPLETE: Mapping[str, Callable[[Any, Any], None]] = {
    "ElasticNet": _descend,
    "Lasso": _descend,
    "NuSVR": restore_margin,
    "SVR": restore_margin,
}
