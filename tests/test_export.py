"""to_sklearn(): scikit-learn's own object, however deep the wrappers are, with nothing of accelsk in it."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate, config_context, to_sklearn
from accelsk.errors import NotPortable
from accelsk.testing.export_checks import packages_of

ON = {"engine": "loopback", "device": "cpu", "fallback": "silent"}
LOGISTIC = LogisticRegression(max_iter=500)


def plain_classes(obj):
    """Nothing in it is ours: neither what would be imported, nor the classes of what it holds."""
    return not packages_of(obj) & {"accelsk", "accelsk_loopback"}


COMPOSED = {
    "pipeline": make_pipeline(StandardScaler(), PCA(2), SVC()),
    "nested pipelines": make_pipeline(make_pipeline(StandardScaler(), PCA(2)), LOGISTIC),
    "column transformer": make_pipeline(
        ColumnTransformer([("scaled", StandardScaler(), [0, 1]), ("pca", PCA(1), [2, 3])]), LOGISTIC
    ),
    "feature union": make_pipeline(FeatureUnion([("pca", PCA(2)), ("scaled", StandardScaler())]), LOGISTIC),
    "search": GridSearchCV(LOGISTIC, {"C": [0.1, 1.0]}, cv=3),
    "search of a pipeline": GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("clf", LOGISTIC)]), {"clf__C": [0.1, 1.0]}, cv=3
    ),
    "stacking": StackingClassifier([("svc", SVC()), ("lr", LOGISTIC)], LOGISTIC, cv=3),
    "voting": VotingClassifier([("svc", SVC()), ("lr", LOGISTIC)]),
    "calibrated": CalibratedClassifierCV(SVC(), cv=3),
    "one vs rest": OneVsRestClassifier(SVC()),
    "one vs one": OneVsOneClassifier(LOGISTIC),
    "bagging": BaggingClassifier(LOGISTIC, n_estimators=3, random_state=0),
    "boosting": AdaBoostClassifier(LOGISTIC, n_estimators=3, random_state=0),
    "selection": make_pipeline(SelectFromModel(LOGISTIC), SVC()),
    "transformed target": TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
    "multi-output": MultiOutputRegressor(Ridge()),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_reaches_inside(iris, name):
    X, y = iris
    target = np.column_stack([y, y]) if name == "multi-output" else y
    model = accelerate(COMPOSED[name], **ON).fit(X, target)
    assert not plain_classes(model)
    before = model.predict(X)

    made = to_sklearn(model)

    assert type(made) is type(COMPOSED[name])
    assert plain_classes(made)
    np.testing.assert_array_equal(made.predict(X), before)
    np.testing.assert_array_equal(model.predict(X), before)
    assert not plain_classes(model), "what was exported is not to be changed"
    clone(made).fit(X, target)  # the plain object can also be fitted again


@pytest.mark.parametrize(
    "estimator", [SVC(C=3), PCA(2, whiten=True), KNeighborsClassifier(3, weights="distance"), Ridge(alpha=2)], ids=str
)
def test_an_estimator_has_the_hyperparameters_that_were_given(iris, estimator):
    made = to_sklearn(AcceleratedEstimator(estimator, **ON).fit(*iris))

    assert type(made) is type(estimator)
    assert repr(made.get_params()) == repr(estimator.get_params())


@pytest.mark.parametrize("engine", ["sklearn", "loopback"])
def test_options_of_the_wrapper_are_no_hyperparameters_of_the_model(iris, engine):
    model = AcceleratedEstimator(KNeighborsClassifier(), engine=engine, n_jobs=2).fit(*iris)

    assert to_sklearn(model).n_jobs is None


def test_hyperparameters_changed_after_the_fit_are_not_those_of_the_model(iris):
    X, y = iris
    model = AcceleratedEstimator(SVC(kernel="linear"), **ON).fit(X, y)
    expected = model.decision_function(X)

    made = to_sklearn(model.set_params(kernel="rbf"))

    assert made.kernel == "linear"
    np.testing.assert_allclose(made.decision_function(X), expected, rtol=1e-12)


def test_a_pipeline_keeps_its_own_settings(iris):
    pd = pytest.importorskip("pandas")
    X, y = pd.DataFrame(iris[0], columns=list("abcd")), iris[1]
    pipe = AcceleratedPipeline([("scale", StandardScaler()), ("pca", PCA(2))], memory="cache", verbose=False, **ON)

    made = to_sklearn(pipe.set_output(transform="pandas").fit(X, y))

    assert type(made) is Pipeline
    assert made.memory is None
    assert list(made.transform(X).columns) == ["pca0", "pca1"]
    assert list(made.feature_names_in_) == list("abcd")


def test_metadata_requests_travel(iris):
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        model = AcceleratedEstimator(SVC(), **ON).set_fit_request(sample_weight=True).fit(*iris)
        assert to_sklearn(model).get_metadata_routing().fit.requests["sample_weight"] is True


def test_candidates_of_a_search_are_plain_as_well(iris):
    X, y = iris
    candidates = [AcceleratedEstimator(SVC(), **ON), LogisticRegression(max_iter=500)]
    search = GridSearchCV(AcceleratedPipeline([("clf", SVC())], **ON), {"clf": candidates}, cv=3).fit(X, y)

    made = to_sklearn(search)

    assert {type(each) for each in made.cv_results_["param_clf"]} == {SVC, LogisticRegression}
    assert {type(each["clf"]) for each in made.cv_results_["params"]} == {SVC, LogisticRegression}
    assert plain_classes(made)
    assert isinstance(search.cv_results_["param_clf"][0], AcceleratedEstimator)


def test_what_is_shared_stays_shared(iris):
    model = AcceleratedEstimator(SVC(), **ON).fit(*iris)
    voting = VotingClassifier([("svc", model)])
    voting.fit(*iris)
    voting.also = voting.estimators_[0]

    made = to_sklearn(voting)

    assert made.also is made.estimators_[0]


def test_nothing_is_lost_by_a_lambda(iris):
    X, y = iris
    model = AcceleratedPipeline([("twice", FunctionTransformer(lambda X: 2 * X)), ("clf", SVC())], **ON).fit(X, y)

    np.testing.assert_array_equal(to_sklearn(model).predict(X), model.predict(X))


class Calls(TransformerMixin, BaseEstimator):
    """A transformer that keeps a function."""

    def __init__(self, function):
        self.function = function

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return self.function(X)


def test_a_wrapper_that_cannot_be_reached_is_an_error(iris):
    model = AcceleratedEstimator(PCA(2), **ON).fit(iris[0])

    with pytest.raises(NotPortable, match=r"Calls holds an object of accelsk \(AcceleratedEstimator") as caught:
        to_sklearn(Calls(lambda X: model.transform(X) + 0).fit(iris[0]))
    assert "part" in caught.value.hint
    with pytest.raises(NotPortable, match="Calls holds"):
        to_sklearn(Calls(model.transform).fit(iris[0]))


def test_a_plain_object_comes_back_as_a_copy(iris):
    plain = SVC().fit(*iris)

    made = to_sklearn(plain)

    assert type(made) is SVC
    assert made is not plain
    assert made.support_vectors_ is not plain.support_vectors_


@pytest.mark.parametrize("unfitted", [AcceleratedEstimator(SVC()), AcceleratedPipeline([("clf", SVC())])], ids=repr)
def test_what_is_not_fitted_is_refused(unfitted):
    with pytest.raises(NotFittedError):
        to_sklearn(unfitted)


@pytest.mark.parametrize("wrong", [None, "model.pkl", SVC], ids=str)
def test_what_is_no_estimator_is_refused(wrong):
    with pytest.raises(TypeError, match="no estimator"):
        to_sklearn(wrong)


def test_a_row_that_is_not_portable_says_why_and_names_the_way_out(iris):
    from sklearn.ensemble import HistGradientBoostingRegressor

    with config_context(engine="loopback"):
        model = AcceleratedEstimator(HistGradientBoostingRegressor(max_iter=3)).fit(*iris)

    with pytest.raises(NotPortable, match="another algorithm") as caught:
        to_sklearn(model)
    assert caught.value.engine == "loopback"
    assert caught.value.estimator == "HistGradientBoostingRegressor"
    assert "reference engine" in caught.value.hint
    assert pickle.loads(pickle.dumps(caught.value)).engine == "loopback"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("engine", ["sklearn", "loopback"])
def test_a_copy_keeps_the_engines_own_model(iris, copied, engine):
    X, y = iris
    model = AcceleratedEstimator(SVC(), engine=engine).fit(X, y)

    again = copied(model)

    assert type(again) is AcceleratedEstimator
    assert type(again.estimator_) is type(model.estimator_)
    assert (again.estimator_ is model.estimator_) == (copied is copy.copy)
    np.testing.assert_array_equal(again.decision_function(X), model.decision_function(X))
    assert again.estimator is model.estimator or copied is copy.deepcopy
