"""Unsupervised models of scikit-learn, each with the attributes that cuML's model would hold in its place.

A model of cuML is stood in for by its attributes, as its sources set them: float32 where it computes in float32, int32
labels, tables of another shape.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import scipy.sparse as sp
import sklearn
from packaging.version import Version
from sklearn.base import clone
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.covariance import EmpiricalCovariance, LedoitWolf
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.manifold import TSNE, SpectralEmbedding
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.preprocessing import (
    KBinsDiscretizer,
    KernelCenterer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
    scale,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from accelsk.engines import get
from accelsk.engines.cuml.fitted import particulars
from accelsk.origin import public_name

ROWS = {row.estimator: row for row in get("cuml").rows}

X, y = load_iris(return_X_y=True)
X = scale(X)
COUNTS = np.rint(X - X.min(axis=0)).astype(float)
HOLES = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
WORDS = pd.DataFrame({"size": np.array(["S", "M", "L"], dtype=object)[y], "rank": COUNTS[:, 0]})


class Reader:
    """Stands in for `accelsk.engines.held.Read`."""

    def __init__(self, held, params, n_features, *, double=True):
        self.held, self.params, self.n_features, self.double = held, params, n_features, double
        self.labels, self.y_ndim, self.model = None, 1, None

    def __call__(self, name, *default):
        if name in self.held:
            return self.held[name]
        if default:
            return default[0]
        raise AttributeError(name)

    def has(self, name):
        return name in self.held


def path_of(model):
    return public_name(type(model))


def exported(model, held):
    """Put what is made of cuML's attributes on a fresh estimator, with what `Held` itself knows."""
    path, params = path_of(model), model.get_params(deep=False)
    read = Reader(held, params, getattr(model, "n_features_in_", X.shape[1]))
    made = clone(model)
    found = particulars(path).fitted(read, params)
    for name in ("n_features_in_", "feature_names_in_", "classes_"):
        if hasattr(model, name):
            found.setdefault(name, getattr(model, name))
    for name, value in found.items():
        setattr(made, name, value)
    return made


def assert_same(name, expected, found, rtol=1e-5):
    """Values as near as float32 is, of the same type."""
    if isinstance(expected, list) or (isinstance(expected, np.ndarray) and expected.dtype == object):
        assert len(expected) == len(found), name
        for each, other in zip(expected, found, strict=True):
            assert_same(name, each, other, rtol)
        return
    if sp.issparse(expected):
        assert sp.issparse(found), name
        expected, found = expected.toarray(), found.toarray()
    if expected is None or isinstance(expected, str):
        assert found is expected or found == expected, name
        return
    expected, found = np.asarray(expected), np.asarray(found)
    assert found.shape == expected.shape, name
    assert found.dtype.kind == expected.dtype.kind, f"{name}: {found.dtype}, not {expected.dtype}"
    if expected.dtype.names:
        for field in expected.dtype.names:
            np.testing.assert_allclose(found[field], expected[field], rtol=rtol, err_msg=name)
    elif expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-6, err_msg=name)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=name)


def single(model, *names):
    """Those attributes as a float32 computation leaves them."""
    return {name: np.asarray(getattr(model, name), dtype=np.float32) for name in names}


def as_held(model, *names):
    """Those attributes as they are."""
    return {name: getattr(model, name) for name in names}


def codes(model, *names):
    """Those attributes in cuML's 32-bit integers."""
    return {name: np.asarray(getattr(model, name), dtype=np.int32) for name in names}


LINEAR_QUANTILES = {"quantile_method": "linear"} if Version(sklearn.__version__) >= Version("1.7") else {}


def agglomerative():
    model = AgglomerativeClustering(3, linkage="single").fit(X)
    counts = as_held(model, "n_clusters_", "n_connected_components_", "n_leaves_")
    return model, {**codes(model, "labels_", "children_"), **counts}


def dbscan():
    model = DBSCAN(eps=0.6).fit(X)
    return model, {**codes(model, "labels_", "core_sample_indices_"), **single(model, "components_")}


def hdbscan():
    model = HDBSCAN(min_cluster_size=5, copy=True).fit(X)
    tree = model._single_linkage_tree_
    return model, {
        **codes(model, "labels_"),
        **single(model, "probabilities_"),
        "_single_linkage_tree": np.column_stack([tree[name] for name in tree.dtype.names]).astype(float),
        # As cuML keeps it: the array beside its index.
        "_raw_data": SimpleNamespace(array=SimpleNamespace(get=lambda: X.astype(np.float32)), index=None),
    }


def k_means():
    model = KMeans(3, n_init=1, random_state=0).fit(X)
    return model, {
        **as_held(model, "cluster_centers_", "inertia_", "n_iter_"),
        "labels_": model.labels_.astype(np.int64),
    }


def spectral_clustering():
    model = SpectralClustering(3, affinity="nearest_neighbors", random_state=0, n_neighbors=60).fit(X)
    return model, {"labels_": model.labels_.astype(np.int64)}


FACTORS = ("components_", "explained_variance_", "explained_variance_ratio_", "singular_values_")


def pca():
    model = PCA(2, svd_solver="full").fit(X)
    found = {name: np.asfortranarray(getattr(model, name)) for name in FACTORS}
    return model, {**found, **as_held(model, "mean_", "n_components_", "n_samples_", "noise_variance_")}


def incremental_pca():
    model = IncrementalPCA(2, batch_size=50).fit(X)
    found = {name: np.asfortranarray(getattr(model, name)) for name in FACTORS}
    rest = as_held(model, "mean_", "var_", "n_components_", "n_samples_seen_", "noise_variance_", "batch_size_")
    return model, {**found, **rest, "n_samples_": model.n_samples_seen_}


def truncated_svd():
    model = TruncatedSVD(2, algorithm="arpack").fit(X)
    return model, {name: np.asfortranarray(getattr(model, name)) for name in FACTORS}


def empirical_covariance():
    model = EmpiricalCovariance().fit(X)
    return model, {**single(model, "covariance_", "precision_"), **as_held(model, "location_")}


def covariance_without_precision():
    model = EmpiricalCovariance(store_precision=False).fit(X)
    return model, {**as_held(model, "covariance_", "location_"), "precision_": None}


def ledoit_wolf():
    model = LedoitWolf().fit(X)
    return model, {**single(model, "covariance_", "precision_"), **as_held(model, "location_", "shrinkage_")}


def spectral_embedding():
    model = SpectralEmbedding(2, n_neighbors=60, random_state=0).fit(X)
    return model, {**single(model, "embedding_"), "n_neighbors_": 60}


def t_sne():
    model = TSNE(random_state=0, init="random", perplexity=5.0).fit(X[:40])
    return model, {
        "embedding_": np.asfortranarray(model.embedding_),
        **as_held(model, "kl_divergence_", "learning_rate_", "n_iter_"),
    }


def standard_scaler():
    model = StandardScaler().fit(HOLES)
    return model, as_held(model, "mean_", "var_", "scale_", "n_samples_seen_")


def standard_scaler_of_nothing():
    model = StandardScaler(with_mean=False, with_std=False).fit(X)
    return model, {**as_held(model, "mean_", "var_", "scale_"), "n_samples_seen_": len(X)}


def min_max_scaler():
    model = MinMaxScaler((-1, 1)).fit(HOLES)
    return model, as_held(model, "data_min_", "data_max_", "data_range_", "min_", "scale_", "n_samples_seen_")


def max_abs_scaler():
    model = MaxAbsScaler().fit(HOLES)
    return model, as_held(model, "max_abs_", "scale_", "n_samples_seen_")


def robust_scaler():
    model = RobustScaler(quantile_range=(10, 90)).fit(X)
    return model, as_held(model, "center_", "scale_")


def robust_scaler_without_centering():
    model = RobustScaler(with_centering=False).fit(X)
    return model, as_held(model, "center_", "scale_")


def polynomial_features():
    model = PolynomialFeatures(3, interaction_only=True).fit(X)
    return model, {"n_output_features_": model.n_output_features_, "n_input_features_": X.shape[1]}


def kernel_centerer():
    model = KernelCenterer().fit(X @ X.T)
    return model, {"K_fit_rows_": model.K_fit_rows_, "K_fit_all_": np.array(model.K_fit_all_)}


def quantile_transformer():
    model = QuantileTransformer(n_quantiles=40, output_distribution="normal").fit(HOLES)
    return model, as_held(model, "quantiles_", "references_", "n_quantiles_")


def power_transformer():
    model = PowerTransformer().fit(X)
    inner = as_held(model._scaler, "mean_", "var_", "scale_")
    return model, {"lambdas_": model.lambdas_, "_scaler": SimpleNamespace(**inner, n_samples_seen_=len(X))}


def k_bins_discretizer():
    model = KBinsDiscretizer(4, **LINEAR_QUANTILES).fit(X)
    return model, {"bin_edges_": list(model.bin_edges_), "n_bins_": model.n_bins_}


def k_bins_discretizer_of_codes():
    model = KBinsDiscretizer(3, encode="ordinal", strategy="uniform", subsample=None).fit(X)
    return model, {"bin_edges_": list(model.bin_edges_), "n_bins_": model.n_bins_}


def simple_imputer():
    model = SimpleImputer(strategy="median").fit(HOLES)
    return model, as_held(model, "statistics_")


def missing_indicator():
    model = MissingIndicator().fit(HOLES)
    return model, {"features_": model.features_, "_n_features": X.shape[1]}


def one_hot_encoder():
    model = OneHotEncoder(drop="first", handle_unknown="ignore").fit(WORDS)
    return model, as_held(model, "categories_", "drop_idx_", "_n_features_outs")


def ordinal_encoder():
    model = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan).fit(WORDS)
    return model, {"categories_": model.categories_, "_missing_indices": {}}


def target_encoder():
    model = TargetEncoder(smooth=3.0).fit(WORDS, X[:, 2])
    return model, {
        "categories_": model.categories_,
        "classes_": None,
        "_encodings_per_feature": model.encodings_,
        "mean": model.target_mean_,
        "target_type_": "continuous",
    }


def target_encoder_of_two_classes():
    model = TargetEncoder(smooth=3.0).fit(WORDS, y == 1)
    return model, {
        "categories_": model.categories_,
        "classes_": model.classes_,
        "_encodings_per_feature": model.encodings_,
        "mean": model.target_mean_,
        "target_type_": "binary",
    }


def gaussian_nb():
    model = GaussianNB().fit(X, y)
    held = as_held(model, "theta_", "class_prior_", "class_count_")
    return model, {**held, "sigma_": model.var_, "epsilon_": np.float64(model.epsilon_)}


_COUNTED = ("class_count_", "class_log_prior_", "feature_count_", "feature_log_prob_")


def multinomial_nb():
    model = MultinomialNB(alpha=0.5).fit(COUNTS, y)
    return model, {name: np.asfortranarray(getattr(model, name)) for name in _COUNTED}


def bernoulli_nb():
    model = BernoulliNB(binarize=0.1).fit(X, y)
    return model, {name: np.asfortranarray(getattr(model, name)) for name in _COUNTED}


def complement_nb():
    model = ComplementNB(norm=True).fit(COUNTS, y)
    return model, as_held(model, *_COUNTED, "feature_all_")


def categorical_nb():
    model = CategoricalNB(alpha=0.5).fit(COUNTS, y)
    # One table for all columns, of as many categories as the longest has.
    most = max(column.shape[1] for column in model.category_count_)
    counts = np.zeros((X.shape[1], 3, most), dtype=np.int32)
    logs = np.zeros((X.shape[1], 3, most))
    for index, column in enumerate(model.category_count_):
        counts[index, :, : column.shape[1]] = column
        smoothed = column.sum(axis=1) + column.shape[1] * 0.5
        logs[index] = np.log(counts[index] + 0.5) - np.log(smoothed)[:, None]
    held = as_held(model, "class_count_", "class_log_prior_")
    return model, {**held, "category_count_": counts, "feature_log_prob_": logs}


def gaussian_projection():
    model = GaussianRandomProjection(2, random_state=0, compute_inverse_components=True).fit(X)
    return model, as_held(model, "components_", "n_components_")


def sparse_projection():
    model = SparseRandomProjection(2, random_state=0, density=0.5).fit(X)
    return model, as_held(model, "components_", "n_components_", "density_")


CASES = {
    made.__name__: made
    for made in (
        *(agglomerative, dbscan, hdbscan, k_means, spectral_clustering),
        *(pca, incremental_pca, truncated_svd, empirical_covariance, covariance_without_precision, ledoit_wolf),
        *(spectral_embedding, t_sne, standard_scaler, standard_scaler_of_nothing, min_max_scaler, max_abs_scaler),
        *(robust_scaler, robust_scaler_without_centering, polynomial_features, kernel_centerer),
        *(quantile_transformer, power_transformer, k_bins_discretizer, k_bins_discretizer_of_codes),
        *(simple_imputer, missing_indicator, one_hot_encoder, ordinal_encoder),
        *(target_encoder, target_encoder_of_two_classes),
        *(gaussian_nb, multinomial_nb, bernoulli_nb, complement_nb, categorical_nb),
        *(gaussian_projection, sparse_projection),
    )
}
