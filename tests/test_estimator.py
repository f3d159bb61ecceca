"""AcceleratedEstimator is the estimator that it wraps, to everything that looks."""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    _clone_parametrized,
    clone,
    is_classifier,
    is_clusterer,
    is_regressor,
)
from sklearn.cluster import DBSCAN, KMeans
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import get_tags
from sklearn.utils.validation import has_fit_parameter

from accelsk import AcceleratedEstimator, AcceleratedPipeline, config_context


def wrap(estimator, **options):
    return AcceleratedEstimator(estimator, engine="sklearn", **options)


# -- which methods there are -----------------------------------------------------------------------------------------


def test_has_the_methods_of_the_wrapped_class_and_no_others():
    assert not hasattr(wrap(LinearSVC()), "predict_proba")
    assert hasattr(wrap(LogisticRegression()), "predict_proba")
    assert not hasattr(wrap(Ridge()), "transform")
    assert not hasattr(wrap(DBSCAN()), "predict")
    assert hasattr(wrap(DBSCAN()), "fit_predict")


def test_method_that_depends_on_a_hyperparameter_comes_and_goes_with_it():
    clf = wrap(SGDClassifier(loss="hinge"))

    assert not hasattr(clf, "predict_proba")
    assert hasattr(clf.set_params(loss="log_loss"), "predict_proba")


def test_missing_method_is_an_attribute_error_that_names_the_class():
    with pytest.raises(AttributeError, match=r"'Ridge'.*'transform'"):
        wrap(Ridge()).transform  # noqa: B018


def test_any_further_method_of_the_class_is_there(iris):
    X, y = iris
    clf = wrap(GradientBoostingClassifier(n_estimators=3)).fit(X, y)

    assert len(list(clf.staged_predict(X))) == 3
    assert clf.apply(X).shape == (150, 3, 3)
    assert {"apply", "staged_predict", "feature_importances_"} <= set(dir(clf))


def test_dir_hides_what_the_class_lacks():
    assert "transform" not in dir(wrap(Ridge()))


def test_fit_has_the_signature_of_the_class():
    assert list(inspect.signature(wrap(SVC()).fit).parameters) == ["X", "y", "sample_weight"]
    assert has_fit_parameter(wrap(SVC()), "sample_weight")
    assert not has_fit_parameter(wrap(PCA()), "sample_weight")


def test_bound_methods_pickle(iris):
    clf = wrap(LogisticRegression(max_iter=1000)).fit(*iris)

    assert np.array_equal(pickle.loads(pickle.dumps(clf.predict))(iris[0]), clf.predict(iris[0]))


# -- fitting ---------------------------------------------------------------------------------------------------------


def test_fit_returns_itself_and_says_what_ran(iris):
    clf = wrap(SVC())

    assert clf.fit(*iris) is clf
    assert (clf.engine_, clf.device_) == ("sklearn", "cpu")
    assert (clf.decision_.engine, clf.decision_.why) == ("sklearn", "asked for by name")


def test_wrapped_estimator_is_never_fitted(iris):
    svc = SVC()
    wrap(svc).fit(*iris)

    assert not hasattr(svc, "classes_")


def test_fitted_attributes_are_those_of_the_class(iris):
    clf, plain = wrap(LogisticRegression(max_iter=1000)).fit(*iris), LogisticRegression(max_iter=1000).fit(*iris)

    assert np.array_equal(clf.coef_, plain.coef_)
    assert np.array_equal(clf.classes_, plain.classes_)
    assert clf.n_features_in_ == 4


def test_fitted_attributes_are_absent_before_fit():
    assert not hasattr(wrap(LogisticRegression()), "coef_")


@pytest.mark.parametrize(
    "labels", [np.array(["a", "b", "c"]), np.array(["x", "y", "z"], dtype=object), np.array([7, 3, 5])]
)
def test_labels_come_back_as_they_went_in(iris, labels):
    X, y = iris
    predicted = wrap(LogisticRegression(max_iter=1000)).fit(X, labels[y]).predict(X)

    assert predicted.dtype == labels.dtype
    assert set(predicted) == set(labels)


def test_failed_fit_leaves_it_unfitted(iris):
    clf = wrap(SVC(C=-1))

    with pytest.raises(ValueError, match="'C' parameter of SVC"):
        clf.fit(*iris)
    with pytest.raises(NotFittedError):
        clf.predict(iris[0])


def test_failed_refit_leaves_the_last_model(iris):
    X, y = iris
    clf = wrap(SVC()).fit(X, y)
    before = clf.estimator_

    with pytest.raises(ValueError, match="'C' parameter of SVC"):
        clf.set_params(C=-1).fit(X[:100], y[:100])

    assert clf.estimator_ is before


def test_every_fit_builds_a_fresh_backend_estimator(iris):
    clf = wrap(SVC()).fit(*iris)
    first = clf.estimator_

    assert clf.fit(*iris).estimator_ is not first


def test_partial_fit_goes_on(iris):
    X, _ = iris
    pca = wrap(IncrementalPCA(n_components=2))
    for batch in (X[:50], X[50:100], X[100:]):
        pca.partial_fit(batch)
    plain = IncrementalPCA(n_components=2)
    for batch in (X[:50], X[50:100], X[100:]):
        plain.partial_fit(batch)

    assert pca.n_samples_seen_ == 150
    assert np.allclose(pca.components_, plain.components_)


def test_warm_start_goes_on_and_takes_new_hyperparameters(iris):
    clf = wrap(RandomForestClassifier(n_estimators=3, warm_start=True, random_state=0)).fit(*iris)
    first_trees = [tree.tree_.node_count for tree in clf.estimators_]
    clf.set_params(n_estimators=5).fit(*iris)

    assert len(clf.estimators_) == 5
    assert [tree.tree_.node_count for tree in clf.estimators_[:3]] == first_trees


def test_sample_weight_is_passed_on(diabetes):
    X, y = diabetes
    weights = np.linspace(0, 5, len(y))

    assert np.allclose(wrap(Ridge()).fit(X, y, weights).coef_, Ridge().fit(X, y, weights).coef_)
    assert np.allclose(wrap(Ridge()).fit(X, y, sample_weight=weights).coef_, Ridge().fit(X, y, weights).coef_)


@pytest.mark.parametrize("estimator", [DBSCAN(eps=0.7), KMeans(3, n_init=1, random_state=0)])
def test_fit_predict_is_one_fit(iris, estimator):
    wrapped = wrap(estimator)

    assert np.array_equal(wrapped.fit_predict(iris[0]), estimator.fit_predict(iris[0]))
    assert np.array_equal(wrapped.labels_, estimator.labels_)


def test_not_fitted_says_so():
    with pytest.raises(NotFittedError, match=r"AcceleratedEstimator instance of SVC is not fitted yet"):
        wrap(SVC()).predict([[1.0]])


def test_stateless_transformer_works_without_fit():
    assert np.allclose(wrap(Normalizer()).transform([[3.0, 4.0]]), [[0.6, 0.8]])


def test_method_that_needs_no_fit_works_without_one(iris):
    path = wrap(DecisionTreeClassifier(random_state=0)).cost_complexity_pruning_path(*iris)

    assert len(path.ccp_alphas) > 1


@pytest.mark.parametrize("wrong", [SVC, "SVC", None])
def test_what_is_no_estimator_is_refused_with_its_value(wrong, iris):
    with pytest.raises(TypeError, match="is not a scikit-learn estimator"):
        AcceleratedEstimator(wrong).fit(*iris)


# -- parameters ------------------------------------------------------------------------------------------------------


def test_parameters_are_shown_as_a_meta_estimators():
    assert wrap(SVC(C=3)).get_params()["estimator__C"] == 3
    assert "C" not in list(wrap(SVC()).get_params())


def test_parameters_are_found_by_their_plain_names_too():
    params = wrap(SVC(C=3)).get_params()

    assert "C" in params
    assert (params["C"], params.get("gamma"), params.get("nothing", 1)) == (3, "scale", 1)
    with pytest.raises(KeyError, match="nothing"):
        params["nothing"]


def test_hyperparameters_are_set_and_read_under_their_own_names():
    clf = wrap(SVC()).set_params(C=5, engine="auto")
    clf.gamma = 0.5

    assert (clf.C, clf.estimator.C, clf.gamma, clf.estimator.gamma, clf.engine) == (5, 5, 0.5, 0.5, "auto")


def test_unknown_parameter_is_refused():
    with pytest.raises(ValueError, match="Invalid parameter 'nonsense'"):
        wrap(SVC()).set_params(nonsense=1)


def test_new_estimator_and_its_parameter_are_set_together():
    clf = wrap(SVC()).set_params(estimator=Ridge(), alpha=3)

    assert clf.estimator.alpha == 3


def test_a_grid_for_the_plain_class_keeps_working(iris):
    search = GridSearchCV(wrap(SVC()), {"C": [0.01, 10]}, cv=3).fit(*iris)
    plain = GridSearchCV(SVC(), {"C": [0.01, 10]}, cv=3).fit(*iris)

    assert search.best_params_ == plain.best_params_
    assert np.array_equal(search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])


def test_grid_over_a_pipeline_and_over_the_engine(iris):
    pipe = make_pipeline(StandardScaler(), AcceleratedEstimator(SVC()))
    grid = {"acceleratedestimator__estimator__C": [1, 10], "acceleratedestimator__engine": ["sklearn", "auto"]}
    search = GridSearchCV(pipe, grid, n_jobs=2, cv=3).fit(*iris)

    assert len(search.cv_results_["params"]) == 4
    assert search.score(*iris) > 0.9


def test_clone_is_unfitted_and_has_its_own_estimator(iris):
    clf = wrap(SVC(C=3)).fit(*iris)
    copy = clone(clf)

    assert copy.estimator is not clf.estimator
    assert copy.get_params()["estimator__C"] == 3
    assert not hasattr(copy, "estimator_")


class Named(AcceleratedEstimator):
    """A subclass with a constructor of its own."""

    def __init__(self, estimator, *, engine="sklearn", name="mine"):
        super().__init__(estimator, engine=engine)
        self.name = name


@pytest.mark.parametrize(
    "estimator",
    [
        AcceleratedEstimator(SVC(C=2)),
        AcceleratedEstimator(SVC(C=2), engine="sklearn", device="cpu", n_jobs=1, backend="threading"),
        AcceleratedEstimator(SVC(), engine=["loopback", "sklearn"], engine_params={"sklearn": {}}),
        AcceleratedEstimator(SVC(class_weight={0: 1.0})),
        AcceleratedEstimator(StandardScaler().set_output(transform="pandas")),
        AcceleratedEstimator(make_pipeline(StandardScaler(), SVC())),
        AcceleratedEstimator(AcceleratedEstimator(SVC())),
        Named(SVC(), name="other"),
    ],
    ids=range(8),
)
def test_a_clone_is_what_scikit_learns_own_makes(estimator):
    made, expected = clone(estimator), _clone_parametrized(estimator)

    assert type(made) is type(expected) is type(estimator)
    assert vars(made).keys() == vars(expected).keys()
    assert repr(made) == repr(expected)
    assert made.estimator is not estimator.estimator
    assert getattr(made.estimator, "_sklearn_output_config", None) == getattr(
        expected.estimator, "_sklearn_output_config", None
    )


@pytest.mark.parametrize("cls", [AcceleratedEstimator, AcceleratedPipeline, Named])
def test_the_names_of_the_parameters_are_those_of_the_constructor(cls, monkeypatch):
    names = BaseEstimator._get_param_names.__func__(cls)
    assert cls._get_param_names() == names
    monkeypatch.setattr(inspect, "signature", None)  # they are known by now
    cls._get_param_names().clear()

    assert cls._get_param_names() == names


def test_what_is_no_estimator_is_cloned_and_refused_at_the_fit():
    assert clone(AcceleratedEstimator("text")).estimator == "text"


def test_a_hyperparameter_is_set_without_asking_for_all(monkeypatch):
    """A search sets some for every candidate and fold."""

    def asked(self, deep=True):
        raise AssertionError("it is asked for all of them")

    clf = AcceleratedEstimator(SVC())
    monkeypatch.setattr(AcceleratedEstimator, "get_params", asked)
    clf.set_params(C=2, estimator__gamma=3)

    assert (clf.estimator.C, clf.estimator.gamma) == (2, 3)
    with pytest.raises(ValueError, match=r"Invalid parameter 'wrong' for estimator SVC"):
        clf.set_params(estimator__wrong=1)


def test_repr_shows_estimator_and_engine():
    assert repr(wrap(SVC(C=3))) == "AcceleratedEstimator(engine='sklearn', estimator=SVC(C=3))"


def test_html_repr_has_an_engine_badge(iris):
    clf = wrap(SVC())

    assert "SVC (engine: sklearn)" in clf._repr_html_()
    assert "SVC (engine: sklearn on cpu)" in clf.fit(*iris)._repr_html_()


# -- tags, metadata, output ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator, kind", [(SVC(), is_classifier), (Ridge(), is_regressor), (KMeans(), is_clusterer)])
def test_is_of_the_kind_that_it_wraps(estimator, kind):
    assert kind(wrap(estimator))
    assert get_tags(wrap(estimator)).input_tags == get_tags(estimator).input_tags


def test_metadata_requests_are_those_of_the_wrapped_estimator(diabetes, metadata_routing):
    X, y = diabetes
    weights = np.linspace(0, 5, len(y))
    wrapped = wrap(Ridge()).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    plain = Ridge().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    params = {"params": {"sample_weight": weights}, "cv": 3}

    assert np.allclose(cross_val_score(wrapped, X, y, **params), cross_val_score(plain, X, y, **params))
    assert not np.allclose(cross_val_score(wrapped, X, y, **params), cross_val_score(Ridge(), X, y, cv=3))


@pytest.fixture
def metadata_routing():
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_meta_estimators_see_that_weights_are_taken(iris):
    boosted = AdaBoostClassifier(wrap(DecisionTreeClassifier(max_depth=1)), n_estimators=3, random_state=0).fit(*iris)

    assert len(boosted.estimators_) == 3


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_and_feature_names(container):
    frames = pytest.importorskip(container)
    X = frames.DataFrame({"a": [0.0, 1.0, 3.0], "b": [2.0, 0.0, 1.0]})
    scaler = wrap(StandardScaler()).set_output(transform=container).fit(X)
    plain = StandardScaler().fit(X)

    assert isinstance(scaler.transform(X), frames.DataFrame)
    assert isinstance(clone(scaler).fit_transform(X), frames.DataFrame)
    # scikit-learn 1.6 does not see the names of the newest polars
    assert hasattr(scaler, "feature_names_in_") == hasattr(plain, "feature_names_in_")
    assert list(scaler.get_feature_names_out()) == list(plain.get_feature_names_out())


def test_set_output_after_fit_reaches_the_fitted_model(iris):
    pandas = pytest.importorskip("pandas")
    scaler = wrap(StandardScaler()).fit(iris[0])

    assert isinstance(scaler.set_output(transform="pandas").transform(iris[0]), pandas.DataFrame)


def test_callbacks_see_the_fit(iris):
    sklearn_callback = pytest.importorskip("sklearn.callback")
    if not issubclass(StandardScaler, sklearn_callback.CallbackSupportMixin):
        pytest.skip("this scikit-learn calls no callbacks from StandardScaler")
    seen = []

    class Count:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context, **kwargs):
            seen.append(type(estimator).__name__)

        def on_fit_task_end(self, estimator, context, **kwargs): ...

    wrap(StandardScaler()).set_callbacks(Count()).fit(iris[0])

    assert seen
    assert set(seen) == {"StandardScaler"}


def test_callbacks_are_hidden_where_the_class_has_none():
    assert not hasattr(wrap(SVC()), "set_callbacks")


# -- options ---------------------------------------------------------------------------------------------------------


def test_joblib_backend_and_n_jobs_reach_the_inside(iris):
    class Spy(ClassifierMixin, BaseEstimator):
        def __init__(self, n_jobs=None):
            self.n_jobs = n_jobs

        def fit(self, X, y):
            import joblib

            self.seen_ = (type(joblib.parallel.get_active_backend()[0]).__name__, self.n_jobs)
            self.classes_ = np.unique(y)
            return self

    assert wrap(Spy(), backend="threading", n_jobs=2).fit(*iris).seen_ == ("Threading", 2)
    assert wrap(Spy()).fit(*iris).seen_ == ("LokyBackend", None)


def test_fitted_model_pickles(iris):
    clf = wrap(SVC()).fit(*iris)
    again = pickle.loads(pickle.dumps(clf))

    assert np.array_equal(again.predict(iris[0]), clf.predict(iris[0]))
    assert again.decision_ == clf.decision_


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_options_of_a_block_reach_every_worker(iris, backend):
    import joblib

    with config_context(engine="sklearn"), joblib.parallel_config(backend=backend):
        search = GridSearchCV(AcceleratedEstimator(SVC()), {"C": [1, 10]}, cv=3, n_jobs=2, scoring=_asked).fit(*iris)

    assert set(search.cv_results_["mean_test_score"]) == {1.0}


def _asked(estimator, X, y):
    """1 where the fit was asked for as in the block around the search."""
    return float(estimator.decision_.requested["engine"] == "sklearn")
