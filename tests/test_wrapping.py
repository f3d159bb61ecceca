"""accelerate() wraps what computes, keeps what arranges, and changes nothing else."""

import pickle
from inspect import signature

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import make_classification
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import RFE, RFECV, SelectFromModel, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, RANSACRegressor, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate, explain
from accelsk.decision import Decision, Decisions

IRIS, BINARY, DIABETES, TWO_TARGETS, TWO_LABELS = "iris", "binary", "diabetes", "two targets", "two labels"

#: The parameter was called so before scikit-learn 1.7.
CHAINED = "estimator" if "estimator" in signature(ClassifierChain).parameters else "base_estimator"


def mixture():
    columns = ColumnTransformer(
        [("a", StandardScaler(), [0, 1]), ("b", make_pipeline(MinMaxScaler(), PCA(1)), [2, 3]), ("c", "drop", [0])],
        remainder="passthrough",
    )
    union = FeatureUnion([("pca", PCA(1)), ("raw", "passthrough")])
    stack = StackingClassifier([("svc", SVC()), ("pipe", make_pipeline(StandardScaler(), LogisticRegression()))])
    return GridSearchCV(
        make_pipeline(columns, union, stack),
        {"stackingclassifier__svc__C": [1, 10], "columntransformer__b__pca__whiten": [True, False]},
        cv=3,
    )


#: What is given, the data, and the paths of what is wrapped ("" for the object itself).
CASES = [
    (SVC(), IRIS, {""}),
    (make_pipeline(StandardScaler(), PCA(2), SVC()), IRIS, {"standardscaler", "pca", "svc"}),
    (make_pipeline("passthrough", SVC()), IRIS, {"svc"}),
    (make_column_transformer((StandardScaler(), [0]), ("drop", [1])), IRIS, {"standardscaler"}),
    (make_union(PCA(1), StandardScaler()), IRIS, {"pca", "standardscaler"}),
    (GridSearchCV(SVC(), {"C": [1, 10], "kernel": ["linear", "rbf"]}), IRIS, {"estimator"}),
    (
        GridSearchCV(make_pipeline(PCA(), SVC()), {"svc": [SVC(), LinearSVC()], "pca__n_components": [1, 2]}),
        IRIS,
        {"estimator.pca", "estimator.svc"},
    ),
    (RandomizedSearchCV(SVC(), {"C": [1, 10, 20]}, n_iter=2, random_state=0), IRIS, {"estimator"}),
    (HalvingGridSearchCV(SVC(), {"C": [1, 10, 20]}, random_state=0), IRIS, {"estimator"}),
    (
        HalvingGridSearchCV(
            RandomForestClassifier(random_state=0),
            {"max_depth": [1, 2]},
            resource="n_estimators",
            max_resources=9,
            random_state=0,
        ),
        IRIS,
        {"estimator"},
    ),
    (HalvingRandomSearchCV(SVC(), {"C": [1, 10, 20]}, n_candidates=3, random_state=0), IRIS, {"estimator"}),
    (
        StackingClassifier([("a", SVC()), ("b", DecisionTreeClassifier(random_state=0))], LogisticRegression()),
        IRIS,
        {"a", "b", "final_estimator"},
    ),
    (VotingClassifier([("a", SVC()), ("b", LogisticRegression(max_iter=999)), ("c", "drop")]), IRIS, {"a", "b"}),
    (BaggingClassifier(DecisionTreeClassifier(), random_state=0), IRIS, {"estimator"}),
    (AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), random_state=0), IRIS, {"estimator"}),
    (AdaBoostClassifier(random_state=0), IRIS, {""}),
    (CalibratedClassifierCV(LinearSVC()), IRIS, {"estimator"}),
    (OneVsRestClassifier(SVC()), IRIS, {"estimator"}),
    (OneVsOneClassifier(SVC()), IRIS, {"estimator"}),
    (MultiOutputRegressor(Ridge()), TWO_TARGETS, {"estimator"}),
    (ClassifierChain(LogisticRegression()), TWO_LABELS, {CHAINED}),
    (RFE(SVC(kernel="linear"), n_features_to_select=2), IRIS, {"estimator"}),
    (RFECV(SVC(kernel="linear"), cv=3), IRIS, {"estimator"}),
    (SelectFromModel(Lasso()), DIABETES, {"estimator"}),
    (SequentialFeatureSelector(Ridge(), n_features_to_select=2), DIABETES, {"estimator"}),
    (TransformedTargetRegressor(Ridge(), transformer=StandardScaler()), DIABETES, {"regressor", "transformer"}),
    (RANSACRegressor(LinearRegression(), random_state=0), DIABETES, {"estimator"}),
    (TunedThresholdClassifierCV(LogisticRegression()), BINARY, {"estimator"}),
    (
        mixture(),
        IRIS,
        {
            "estimator.columntransformer.a",
            "estimator.columntransformer.b.minmaxscaler",
            "estimator.columntransformer.b.pca",
            "estimator.featureunion.pca",
            "estimator.stackingclassifier.svc",
            "estimator.stackingclassifier.pipe.standardscaler",
            "estimator.stackingclassifier.pipe.logisticregression",
        },
    ),
]
EACH = pytest.mark.parametrize("obj, name, wrapped", CASES, ids=lambda value: type(value).__name__[:30])


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X, y = make_classification(150, 10, random_state=0)
    coef = rng.normal(size=10)
    target = X @ coef + 0.1 * rng.normal(size=150)
    from sklearn.datasets import load_iris

    return {
        IRIS: load_iris(return_X_y=True),
        BINARY: (X, y),
        DIABETES: (X, target),
        TWO_TARGETS: (X, np.c_[target, -target]),
        TWO_LABELS: (X, np.c_[y, 1 - y]),
    }


def output(obj, X):
    return obj.predict(X) if hasattr(obj, "predict") else obj.transform(X)


@EACH
def test_the_result_is_that_of_the_plain_object(obj, name, wrapped, data):
    X, y = data[name]
    plain, fast = clone(obj).fit(X, y), accelerate(obj, engine="sklearn").fit(X, y)

    np.testing.assert_array_equal(output(fast, X), output(plain, X))
    if hasattr(plain, "best_params_"):
        assert str(fast.best_params_) == str(plain.best_params_)
        np.testing.assert_array_equal(fast.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])


@EACH
def test_what_arranges_keeps_its_class_and_what_computes_is_wrapped(obj, name, wrapped, data):
    fast = accelerate(obj)
    told = explain(fast)

    assert type(fast) is {"": AcceleratedEstimator}.get(
        "".join(wrapped), AcceleratedPipeline if type(obj) is Pipeline else type(obj)
    )
    assert isinstance(fast, type(obj))
    if wrapped == {""}:
        assert isinstance(told, Decision)
    else:
        assert isinstance(told, Decisions)
        assert set(told) == wrapped


@EACH
def test_it_is_idempotent_and_changes_nothing_that_it_is_given(obj, name, wrapped, data):
    before = pickle.dumps(obj)
    fast = accelerate(obj, engine="sklearn")
    assert pickle.dumps(obj) == before
    held = repr(fast)
    again = accelerate(fast, device="cpu")

    assert repr(accelerate(fast)) == repr(fast) == held
    assert set(explain(again)) == set(explain(fast)) if wrapped != {""} else again.engine == "sklearn"
    fast.set_params(**{key: value for key, value in fast.get_params().items() if key.endswith(("C", "alpha"))})
    assert pickle.dumps(obj) == before


def test_what_is_wrapped_already_keeps_its_engine_and_takes_what_it_left_open():
    own = AcceleratedEstimator(SVC(), engine="loopback")
    fast = accelerate(VotingClassifier([("own", own), ("other", SVC())]), engine="sklearn", device="cpu")

    assert [est.engine for _, est in fast.estimators] == ["loopback", "sklearn"]
    assert [est.device for _, est in fast.estimators] == ["cpu", "cpu"]
    assert own.device is None
    assert accelerate(AcceleratedPipeline([("clf", SVC())], engine="loopback"), engine="sklearn").engine == "loopback"


def test_what_is_fitted_and_to_stay_so_is_left_alone(iris):
    X, y = iris
    frozen = FrozenEstimator(SVC().fit(X, y))
    assert accelerate(frozen) is frozen
    calibrated = accelerate(CalibratedClassifierCV(frozen)).fit(X, y)
    assert calibrated.estimator is frozen
    selector = SelectFromModel(LinearSVC().fit(X, y), prefit=True)
    assert accelerate(selector).fit(X, y).transform(X).shape == selector.transform(X).shape


def test_configuration_of_what_arranges_is_kept(iris):
    import sklearn

    selector = SelectFromModel(LinearSVC()).set_output(transform="pandas")
    assert hasattr(accelerate(selector).fit(*iris).transform(iris[0]), "columns")
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = make_pipeline(SVC().set_fit_request(sample_weight=True))
        request = accelerate(pipe).get_metadata_routing().consumes("fit", ["sample_weight"])
        assert request == {"sample_weight"}


def test_a_lasso_in_a_wrapper_is_still_one_to_select_from_model(data):
    X, y = data[DIABETES]
    plain = SelectFromModel(Lasso(0.5)).fit(X, y)
    wrapped = SelectFromModel(AcceleratedEstimator(Lasso(0.5), engine="sklearn")).fit(X, y)

    assert wrapped.threshold_ == plain.threshold_ == 1e-5


@pytest.mark.parametrize("wrong", [SVC, "SVC", None, object()])
def test_what_is_no_estimator_is_refused(wrong):
    with pytest.raises(TypeError, match="is not an estimator"):
        accelerate(wrong)


def test_an_option_that_is_none_is_refused():
    with pytest.raises(TypeError, match="unknown options: engin"):
        accelerate(SVC(), engin="sklearn")


def test_a_script_changes_in_one_line(iris):
    X, y = iris
    pipe = Pipeline([("scale", StandardScaler()), ("pca", PCA()), ("clf", SVC())])
    pipe = accelerate(pipe)  # the line
    search = GridSearchCV(pipe, {"pca__n_components": [2, 3], "clf__C": [1, 10]}, n_jobs=2).fit(X, y)

    assert search.best_estimator_.named_steps["pca"].components_.shape[1] == 4
    assert set(search.best_estimator_.decision_) == {"scale", "pca", "clf"}


def test_explain_of_a_plain_object_says_what_accelerate_would_do(iris):
    pipe = make_pipeline(StandardScaler(), SVC())
    told = explain(pipe, *iris, engine={"svc": "loopback"})

    assert {name: decision.engine for name, decision in told.items()} == {
        "standardscaler": "sklearn",
        "svc": "loopback",
    }
    assert told["standardscaler"].facts["n_samples"] == 150
    assert told["svc"].facts == {}  # what reaches it is known at the fit
    assert told.to_dict()["svc"]["engine"] == "loopback"
    assert "<table" in told._repr_html_()
