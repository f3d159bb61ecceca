"""What cuML's models hold, made of scikit-learn's own: scikit-learn predicts and transforms with it as with its own.

There is no GPU here: the attributes of cuML's models are in `cuml_unsupervised`, and what
`accelsk.engines.cuml.fitted` makes of them must be scikit-learn's model again.
"""

from __future__ import annotations

import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from cuml_unsupervised import (
    CASES,
    COUNTS,
    FACTORS,
    HOLES,
    ROWS,
    WORDS,
    Reader,
    X,
    as_held,
    assert_same,
    exported,
    k_bins_discretizer,
    path_of,
    y,
)
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import DataDimensionalityWarning
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, MultinomialNB
from sklearn.preprocessing import (
    KernelCenterer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.random_projection import GaussianRandomProjection

from accelsk import AcceleratedEstimator
from accelsk.engines.cuml.fitted import particulars
from accelsk.engines.cuml.fitted.preprocessing import standard_scale
from accelsk.engines.translate import translate
from accelsk.facts import Facts


@pytest.fixture(scope="module", params=CASES)
def models(request):
    """A model of scikit-learn, and the one that was made of what cuML would hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what scikit-learn's own fits warn of
        model, held = CASES[request.param]()
    return model, exported(model, held)


def test_every_public_attribute_is_there_in_scikit_learns_type(models):
    model, made = models
    absent = ROWS[path_of(model)].absent
    for name, value in vars(model).items():
        if name.endswith("_") and not name.startswith("_") and name not in absent:
            assert_same(name, value, getattr(made, name))


def data_for(model):
    """What the model takes after its fit."""
    if isinstance(model, KernelCenterer):
        return X[:20] @ X.T
    if isinstance(model, OneHotEncoder | OrdinalEncoder | TargetEncoder):
        return WORDS.iloc[:20]
    if isinstance(model, MultinomialNB | ComplementNB | CategoricalNB):
        return COUNTS[:20]
    return HOLES if isinstance(model, SimpleImputer | MissingIndicator | StandardScaler) else X[:20]


@pytest.mark.parametrize(
    "method",
    [
        *("predict", "predict_proba", "predict_joint_log_proba", "transform", "score", "score_samples"),
        *("mahalanobis", "get_covariance", "get_precision", "get_feature_names_out", "dbscan_clustering"),
    ],
)
def test_scikit_learns_methods_compute_as_of_its_own_model(models, method):
    model, made = models
    if not hasattr(model, method):
        return
    given = (data_for(model),)
    if method.startswith("get_"):
        given = ()
    elif method == "dbscan_clustering":
        given = (0.5,)
    elif method == "score" and hasattr(model, "classes_"):
        given = (*given, y[:20])
    assert_same(method, getattr(model, method)(*given), getattr(made, method)(*given))


def test_transformed_data_come_back(models):
    model, made = models
    if not hasattr(model, "inverse_transform") or isinstance(model, SimpleImputer):
        return
    transformed = model.transform(data_for(model))
    assert_same("inverse_transform", model.inverse_transform(transformed), made.inverse_transform(transformed))


@pytest.mark.parametrize("threshold, taken", [(0.5, True), (0.7, False), (None, True), (0, True)])
def test_bernoulli_takes_thresholds_that_float32_has(threshold, taken):
    row = ROWS["sklearn.naive_bayes.BernoulliNB"]
    assert (not translate(row, BernoulliNB(binarize=threshold).get_params())[1]) is taken


def test_every_row_that_needs_it_has_its_attributes_tried():
    modules = ("cluster", "covariance", "decomposition", "encoding", "manifold", "naive_bayes", "preprocessing")
    tried = {made.__name__.replace("_", "") for made in CASES.values()}
    from importlib import import_module

    for module in (*modules, "random_projection"):
        names = import_module(f"accelsk.engines.cuml.fitted.{module}").FITTED
        for name in names:
            short = name.rpartition(".")[2].lower().replace("random", "").replace("clustering", "")
            stateless = short in ("binarizer", "normalizer")
            assert stateless or any(case.startswith(short) or short.startswith(case) for case in tried), name


# -- what is wrong otherwise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["full", "covariance_eigh", "randomized"])
def test_the_noise_of_a_wide_table_is_scikit_learns(solver):
    wide = np.random.default_rng(0).normal(size=(20, 50))
    model = PCA(5, svd_solver=solver, random_state=0, iterated_power=20).fit(wide)
    variances = np.linalg.eigvalsh(np.cov(wide.T))[::-1]
    held = as_held(model, *FACTORS, "mean_", "n_components_", "n_samples_")
    made = exported(model, {**held, "noise_variance_": variances[5:].mean()})
    assert made.noise_variance_ == pytest.approx(model.noise_variance_, rel=1e-5)


def test_variances_are_not_below_zero():
    model = PCA(svd_solver="full").fit(X)
    held = as_held(model, *FACTORS, "mean_", "n_components_", "n_samples_", "noise_variance_")
    below = np.array([*model.explained_variance_[:-1], -1e-17])
    made = exported(model, {**held, "explained_variance_": below, "noise_variance_": 0.0})
    assert (made.explained_variance_ >= 0).all()
    assert np.isfinite(made.get_covariance()).all()


def test_whitened_data_are_scaled_by_the_rows_of_the_fit():
    model = PCA(2, whiten=True).fit(X)
    held = SimpleNamespace(stem=model, face=model, adapter=SimpleNamespace(home=lambda value: value))
    runs = particulars("sklearn.decomposition.PCA").runs
    np.testing.assert_allclose(runs(held, "transform", X[:1], {}), model.transform(X[:1]))
    np.testing.assert_allclose(runs(held, "inverse_transform", X[:3, :2], {}), model.inverse_transform(X[:3, :2]))


class Settings:
    """Stands in for cuML's estimator before a fit."""

    def set_params(self, **params):
        vars(self).update(params)


@pytest.mark.parametrize("tol", [1e-4, 0.0])
def test_the_tolerance_of_k_means_is_relative_to_the_variance_and_never_zero(tol):
    held = SimpleNamespace(stem=KMeans(3, tol=tol), model=Settings())
    particulars("sklearn.cluster.KMeans").before(held, X * 100, None)
    assert held.model.tol > 0
    assert held.model.tol == pytest.approx(KMeans(3, tol=tol, n_init=1).fit(X * 100)._tol)


def test_columns_that_are_constant_but_for_rounding_are_not_blown_up():
    columns = np.column_stack([np.full(1000, 0.1), np.full(1000, 1e9 + 0.3), np.arange(1000.0)])
    var, mean = columns.var(axis=0) + np.array([1e-34, 1e-16, 0]), columns.mean(axis=0)
    expected = StandardScaler().fit(columns)
    np.testing.assert_allclose(standard_scale(var, mean, 1000), expected.scale_)
    assert np.sqrt(var[0]) != expected.scale_[0]


class Scaler:
    """Stands in for cuML's, which divides by any standard deviation but zero."""

    def fit(self, X, y=None):
        self.mean_, self.var_, self.n_samples_seen_ = X.mean(axis=0), X.var(axis=0), len(X)
        self.scale_ = np.sqrt(self.var_)

    def transform(self, X):
        return (X - self.mean_) / self.scale_

    def fit_transform(self, X, y=None):
        self.fit(X)
        return self.transform(X)


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_data_are_scaled_by_the_corrected_scale_from_the_first(method, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(asarray=np.asarray))
    columns = np.column_stack([np.full(1000, 0.1), np.arange(1000.0)])
    held = SimpleNamespace(
        stem=StandardScaler(), model=Scaler(), adapter=SimpleNamespace(home=lambda value: value), device=None
    )
    runs = particulars("sklearn.preprocessing.StandardScaler").runs
    result = runs(held, method, columns, {})
    result = runs(held, "transform", columns, {}) if method == "fit" else result
    np.testing.assert_allclose(result, StandardScaler().fit_transform(columns), atol=1e-9)
    assert Scaler().fit_transform(columns)[:, 0].min() > 0.9  # where scikit-learn has 0


def test_columns_without_a_value_are_told_of():
    held = SimpleNamespace(
        stem=SimpleImputer(),
        model=SimpleNamespace(statistics_=np.array([1.0, np.nan])),
        adapter=SimpleNamespace(home=lambda value: value),
    )
    with pytest.warns(UserWarning, match=r"Skipping features without any observed values: \[1\]"):
        particulars("sklearn.impute.SimpleImputer").after(held)


def test_projections_that_reduce_nothing_are_told_of():
    stem = GaussianRandomProjection(7)
    stem.n_features_in_ = 4
    held = SimpleNamespace(stem=stem, model=SimpleNamespace(n_components_=7))
    with pytest.warns(DataDimensionalityWarning, match="4 < 7"):
        particulars("sklearn.random_projection.GaussianRandomProjection").after(held)


class Bins:
    """Stands in for cuML's discretizer, whose codes are int32."""

    def fit(self, X):
        self.edges = np.quantile(X, [0, 0.5, 1], axis=0)

    def fit_transform(self, X):
        raise AssertionError("its codes are not scikit-learn's")


def test_bins_are_cumls_and_codes_are_scikit_learns():
    model, held = k_bins_discretizer()
    stand_in = SimpleNamespace(
        stem=model, model=Bins(), face=exported(model, held), adapter=SimpleNamespace(home=lambda value: value)
    )
    found = particulars("sklearn.preprocessing.KBinsDiscretizer").runs(stand_in, "fit_transform", X, {})
    assert stand_in.fitted
    assert hasattr(stand_in.model, "edges")
    assert_same("transform", model.transform(X), found)


def test_the_names_of_columns_are_known_of_data_that_are_no_numbers():
    held = SimpleNamespace(stem=OneHotEncoder())
    particulars("sklearn.preprocessing.OneHotEncoder").before(held, WORDS, None)
    assert (held.stem.n_features_in_, list(held.stem.feature_names_in_)) == (2, ["size", "rank"])
    assert not particulars("sklearn.preprocessing.OneHotEncoder").intake.table


@pytest.mark.parametrize(
    "target, kind",
    [
        ([0, 1, 1], "binary"),
        (["a", "b", "c"], "multiclass"),
        ([0.5, 1.5, 0.1], "continuous"),
        (None, "unknown"),
        ([None, "a", object()], "unknown"),
    ],
)
def test_facts_know_the_kind_of_the_target(target, kind):
    assert Facts(np.zeros((3, 1)), target).target_type == kind


def refusals(path, *args, **params):
    row = ROWS[path]
    module, _, name = path.rpartition(".")
    cls = getattr(__import__(module, fromlist=[name]), name)
    facts, params = Facts(*args), cls(**params).get_params(deep=False)
    return [need.text for need in row.fit.needs if not need.test(facts, params)]


def test_needs_are_of_data_that_cuml_would_get_wrong():
    assert not refusals("sklearn.decomposition.PCA", X)
    assert refusals("sklearn.decomposition.PCA", sp.csr_matrix(X))  # scikit-learn's arpack finds one component less
    assert not refusals("sklearn.decomposition.PCA", sp.csr_matrix(X), n_components=2)
    assert refusals("sklearn.decomposition.PCA", X[:3], n_components=4)
    assert refusals("sklearn.covariance.EmpiricalCovariance", X[:4])
    assert refusals("sklearn.cluster.SpectralClustering", X[:20], affinity="nearest_neighbors")
    assert not refusals("sklearn.cluster.SpectralClustering", X, affinity="nearest_neighbors")
    assert refusals("sklearn.preprocessing.TargetEncoder", X, y)
    assert not refusals("sklearn.preprocessing.TargetEncoder", X, y == 1)
    assert refusals("sklearn.preprocessing.StandardScaler", sp.csr_matrix(HOLES), with_mean=False)


@pytest.mark.parametrize("path", ["umap.umap_.UMAP", "hdbscan.hdbscan_.HDBSCAN"])
def test_classes_of_other_packages_are_their_own_on_scikit_learns_engine(path):
    module, _, name = path.rpartition(".")
    package = pytest.importorskip(module.partition(".")[0], reason="it is not installed")
    estimator = getattr(package, name)()
    fitted = AcceleratedEstimator(estimator, engine="sklearn").fit(X)
    assert fitted.engine_ == "sklearn"
    assert type(fitted.estimator_) is type(estimator)


def test_of_hdbscans_trees_its_own_class_makes_plots_scores_and_clusters():
    hdbscan = pytest.importorskip("hdbscan", reason="it is not installed")
    model = hdbscan.HDBSCAN(gen_min_span_tree=True, prediction_data=True).fit(X)
    held = {
        "labels_": model.labels_.astype(np.int32),
        "probabilities_": model.probabilities_.astype(np.float32),
        "cluster_persistence_": np.asarray(model.cluster_persistence_, dtype=np.float32),
        "_condensed_tree": model._condensed_tree,
        "_single_linkage_tree": model._single_linkage_tree,
        "_min_spanning_tree": model._min_spanning_tree,
        "_raw_data": X.astype(np.float32),
        "prediction_data_": model.prediction_data_,
    }
    params = model.get_params()
    made = hdbscan.HDBSCAN(gen_min_span_tree=True, prediction_data=True)
    for name, value in particulars("hdbscan.hdbscan_.HDBSCAN").fitted(Reader(held, params, 4), params).items():
        setattr(made, name, value)
    np.testing.assert_allclose(made.outlier_scores_, model.outlier_scores_)
    np.testing.assert_array_equal(made.dbscan_clustering(0.5), model.dbscan_clustering(0.5))
    np.testing.assert_allclose(made.weighted_cluster_medoid(0), model.weighted_cluster_medoid(0), rtol=1e-5)
    assert len(made.exemplars_) == len(model.exemplars_)
    assert made.relative_validity_ == pytest.approx(model.relative_validity_)
