"""scikit-learn's displays, inspection, curves and scorers find in a wrapper what they find in the plain object."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser

import numpy as np
import pytest
import sklearn
from sklearn.base import clone, is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.calibration import CalibrationDisplay
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_blobs, make_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.inspection import (
    DecisionBoundaryDisplay,
    PartialDependenceDisplay,
    partial_dependence,
    permutation_importance,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import (
    ConfusionMatrixDisplay,
    DetCurveDisplay,
    PrecisionRecallDisplay,
    PredictionErrorDisplay,
    RocCurveDisplay,
    check_scoring,
    fbeta_score,
    get_scorer,
    log_loss,
    make_scorer,
    silhouette_score,
)
from sklearn.model_selection import (
    LearningCurveDisplay,
    ValidationCurveDisplay,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, OneClassSVM
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeRegressor,
    export_graphviz,
    export_text,
    plot_tree,
)
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate


class Alone:
    """An estimator, and the same in an AcceleratedEstimator."""

    named = staticmethod(str)
    fitted = staticmethod(lambda obj: obj)

    def both(self, estimator):
        return clone(estimator), AcceleratedEstimator(clone(estimator), engine="sklearn")


class InPipeline:
    """A Pipeline, and an AcceleratedPipeline of the same steps."""

    named = staticmethod("clf__{}".format)
    fitted = staticmethod(lambda obj: obj.named_steps["clf"])

    def both(self, estimator):
        steps = [("scale", StandardScaler()), ("clf", estimator)]
        return clone(Pipeline(steps)), AcceleratedPipeline(clone(Pipeline(steps)).steps, engine="sklearn")


class Accelerated(InPipeline):
    """A Pipeline, and what accelerate() makes of it."""

    def both(self, estimator):
        plain = clone(Pipeline([("scale", StandardScaler()), ("clf", estimator)]))
        return plain, accelerate(plain, engine="sklearn")


SUBJECTS = {"estimator": Alone(), "pipeline": InPipeline(), "accelerate": Accelerated()}


@pytest.fixture(params=SUBJECTS)
def subject(request):
    return SUBJECTS[request.param]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):  # on data as small as these, threads wait for each other
        yield


@pytest.fixture
def agg():
    pytest.importorskip("matplotlib", reason="the demonstration's extra is not installed").use("Agg")
    from matplotlib import pyplot as plt

    yield
    plt.close("all")


def _classes(n_classes):
    X, y = make_classification(90, 5, n_informative=4, n_redundant=0, n_classes=n_classes, flip_y=0.2, random_state=0)
    return X, np.array(["no", "yes", "zzz"])[y]


BINARY, THREE = _classes(2), _classes(3)
REGRESSION = make_regression(90, 5, noise=20, random_state=0)
PLANE = make_blobs(60, 2, centers=3, random_state=0)
WEIGHT = np.random.RandomState(0).uniform(0.5, 2, 90)


def both_fitted(subject, estimator, data):
    plain, ours = subject.both(estimator)
    return plain.fit(*data), ours.fit(*data)


def assert_same(ours, plain):
    """Assert that both hold the same, to rounding; the name of the pipeline's class may differ."""
    if isinstance(plain, Mapping):
        assert list(ours) == list(plain)
        for key, value in plain.items():
            assert_same(ours[key], value)
    elif isinstance(plain, list | tuple):
        assert len(ours) == len(plain)
        for mine, its in zip(ours, plain, strict=True):
            assert_same(mine, its)
    elif isinstance(plain, str):
        assert ours.replace("AcceleratedPipeline", "Pipeline") == plain
    else:
        assert np.asarray(ours).dtype == np.asarray(plain).dtype
        if np.asarray(plain).dtype.kind == "f":
            np.testing.assert_allclose(ours, plain, rtol=1e-9, atol=1e-12)
        else:
            np.testing.assert_array_equal(ours, plain)


def computed(display):
    """What a display computed and has written on its axes; what it has drawn is kept in names with an underscore."""
    held = {name: value for name, value in vars(display).items() if not name.endswith("_")}
    assert any(isinstance(value, np.ndarray | list) and len(value) for value in held.values())
    axes = display.figure_.axes
    texts = [text.get_text() for ax in axes for text in [ax.xaxis.label, ax.yaxis.label, *_legend(ax)]]
    return {"held": held, "texts": texts, "lines": [line.get_xydata() for ax in axes for line in ax.lines]}


def _legend(ax):
    return ax.get_legend().get_texts() if ax.get_legend() else []


def assert_same_display(make, ours, plain):
    assert_same(computed(make(ours)), computed(make(plain)))


def outcome(function, *args, **kwargs):
    """The error that a call ends in, with the name of a pipeline's class as the plain one's."""
    with pytest.raises(Exception, match=r"\w") as caught:
        function(*args, **kwargs)
    return type(caught.value), str(caught.value).replace("AcceleratedPipeline", "Pipeline")


# -- importances and partial dependence ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scoring", [None, "roc_auc", ["accuracy", "neg_log_loss"], {"f": make_scorer(fbeta_score, beta=2, pos_label="yes")}]
)
def test_permutation_importance(subject, scoring):
    plain, ours = both_fitted(subject, LogisticRegression(), BINARY)
    options = {"scoring": scoring, "n_repeats": 2, "random_state": 0, "max_samples": 0.8, "sample_weight": WEIGHT}
    assert_same(permutation_importance(ours, *BINARY, **options), permutation_importance(plain, *BINARY, **options))


@pytest.mark.parametrize(
    "estimator, data",
    [
        (KMeans(3, n_init=1, random_state=0), (PLANE[0], None)),
        (PCA(1), (PLANE[0], None)),
        (Ridge(), REGRESSION),
    ],
)
def test_permutation_importance_of_what_is_no_classifier(subject, estimator, data):
    plain, ours = both_fitted(subject, estimator, data)
    options = {"n_repeats": 2, "random_state": 0}
    expected = permutation_importance(plain, *data, **options)
    assert np.ptp(expected["importances"]) > 0
    assert_same(permutation_importance(ours, *data, **options), expected)


TREES = [
    (DecisionTreeRegressor(max_depth=3, random_state=0), REGRESSION),
    (ExtraTreeRegressor(max_depth=3, random_state=0), REGRESSION),
    (RandomForestRegressor(4, max_depth=3, random_state=0), REGRESSION),
    (GradientBoostingRegressor(n_estimators=4, random_state=0), REGRESSION),
    (GradientBoostingClassifier(n_estimators=4, random_state=0), BINARY),
    (HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=5, random_state=0), REGRESSION),
    (HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5, random_state=0), BINARY),
]
OTHERS = [
    (SVC(), BINARY),
    (LogisticRegression(), BINARY),
    (LogisticRegression(), THREE),
    (RandomForestClassifier(4, max_depth=3, random_state=0), THREE),
    (SVR(C=10), REGRESSION),
]
GRID = {"grid_resolution": 3}


@pytest.mark.parametrize("options", [{}, {"method": "brute", "kind": "both"}, {"sample_weight": WEIGHT}])
@pytest.mark.parametrize("estimator, data", TREES + OTHERS)
def test_partial_dependence(subject, estimator, data, options):
    plain, ours = both_fitted(subject, estimator, data)
    expected = partial_dependence(plain, data[0], [0, 2], **GRID, **options)
    assert_same(partial_dependence(ours, data[0], [0, 2], **GRID, **options), expected)
    assert np.ptp(expected["average"]) > 0


def test_partial_dependence_of_two_features(subject):
    plain, ours = both_fitted(subject, SVR(C=10), REGRESSION)
    expected = partial_dependence(plain, REGRESSION[0], [0, 2], kind="both", **GRID)
    assert expected["average"].shape == (1, 3, 3)
    assert_same(partial_dependence(ours, REGRESSION[0], [0, 2], kind="both", **GRID), expected)


@pytest.mark.parametrize("estimator, data", TREES)
def test_partial_dependence_by_recursion(subject, estimator, data):
    plain, ours = (subject.fitted(obj) for obj in both_fitted(subject, estimator, data))
    expected = partial_dependence(plain, data[0], [0, 2], method="recursion", **GRID)
    assert_same(partial_dependence(ours, data[0], [0, 2], method="recursion", **GRID), expected)
    assert_same(partial_dependence(ours, data[0], [0, 2], **GRID), expected)  # it is what "auto" takes
    brute = partial_dependence(plain, data[0], [0, 2], method="brute", **GRID)
    assert not np.array_equal(brute["average"], expected["average"])


@pytest.mark.parametrize(
    "estimator, data, options",
    [
        (GradientBoostingRegressor(n_estimators=4, random_state=0), REGRESSION, {"features": [(0, 1), 2]}),
        (GradientBoostingClassifier(n_estimators=4, random_state=0), BINARY, {"kind": "both", "centered": True}),
        (HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5, random_state=0), BINARY, {}),
        (LogisticRegression(), THREE, {"target": "zzz", "kind": ["individual", "both"]}),
        (SVC(), BINARY, {"response_method": "decision_function", "kind": "individual"}),
    ],
)
def test_partial_dependence_display(subject, estimator, data, options, agg):
    plain, ours = both_fitted(subject, estimator, data)
    options = {"features": [0, 3], "subsample": 9, "random_state": 0, **GRID, **options}
    assert_same_display(lambda obj: PartialDependenceDisplay.from_estimator(obj, data[0], **options), ours, plain)


def test_partial_dependence_of_named_columns(agg):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(REGRESSION[0][:, :2], columns=["a", "b"]).assign(kind=np.resize(["u", "v", "w"], 90))
    columns = ColumnTransformer([("num", StandardScaler(), ["a", "b"]), ("cat", OneHotEncoder(), ["kind"])])
    plain = Pipeline([("columns", columns), ("clf", Ridge())]).fit(X, REGRESSION[1])
    for ours in (accelerate(plain, engine="sklearn"), AcceleratedPipeline(clone(plain).steps, engine="sklearn")):
        ours.fit(X, REGRESSION[1])

        def make(obj):
            return PartialDependenceDisplay.from_estimator(
                obj, X, ["a", "kind", ("a", "b")], categorical_features=["kind"], grid_resolution=3
            )

        assert_same_display(make, ours, plain)
        assert_same(
            permutation_importance(ours, X, REGRESSION[1], n_repeats=2, random_state=0),
            permutation_importance(plain, X, REGRESSION[1], n_repeats=2, random_state=0),
        )
        assert_same(ours[:-1].get_feature_names_out(), plain[:-1].get_feature_names_out())


# -- decision boundaries ---------------------------------------------------------------------------------------------

TWO_CLASSES = PLANE[0], np.array(["no", "yes"])[(PLANE[1] > 0).astype(int)]


@pytest.mark.parametrize(
    "estimator, data, options",
    [
        (SVC(), TWO_CLASSES, {}),
        (SVC(), TWO_CLASSES, {"response_method": "decision_function", "class_of_interest": "no"}),
        (SVC(), PLANE, {"response_method": "predict"}),
        (LogisticRegression(), TWO_CLASSES, {"response_method": "predict_proba"}),
        (LogisticRegression(), PLANE, {"response_method": "predict_proba", "class_of_interest": 1}),
        (LogisticRegression(), TWO_CLASSES, {"response_method": ["predict_proba", "predict"]}),
        (RandomForestClassifier(3, random_state=0), TWO_CLASSES, {"plot_method": "pcolormesh"}),
        (DecisionTreeRegressor(max_depth=3, random_state=0), PLANE, {}),
        (IsolationForest(n_estimators=5, random_state=0), (PLANE[0], None), {"response_method": "decision_function"}),
        (IsolationForest(n_estimators=5, random_state=0), (PLANE[0], None), {"response_method": "predict"}),
        (OneClassSVM(nu=0.2), (PLANE[0], None), {}),
        (OneClassSVM(nu=0.2), (PLANE[0], None), {"response_method": "decision_function"}),
        (LocalOutlierFactor(5, novelty=True), (PLANE[0], None), {"response_method": "decision_function"}),
    ],
)
def test_decision_boundary_display(subject, estimator, data, options, agg):
    plain, ours = both_fitted(subject, estimator, data)

    def make(obj):
        return DecisionBoundaryDisplay.from_estimator(obj, data[0], grid_resolution=6, **options)

    assert_same_display(make, ours, plain)
    assert np.ptp(make(ours).response) > 0


# -- curves over sizes and hyperparameters ---------------------------------------------------------------------------

SIZES = {"train_sizes": [0.5, 1.0], "cv": 3}


def test_learning_curve(subject, agg):
    plain, ours = subject.both(SVC())
    options = {**SIZES, "shuffle": True, "random_state": 0, "scoring": "roc_auc"}
    assert_same(learning_curve(ours, *BINARY, **options), learning_curve(plain, *BINARY, **options))
    assert_same_display(lambda obj: LearningCurveDisplay.from_estimator(obj, *BINARY, **SIZES), ours, plain)


def test_learning_curve_that_goes_on_from_batch_to_batch():
    plain, ours = SUBJECTS["estimator"].both(SGDClassifier(random_state=0))
    options = {**SIZES, "exploit_incremental_learning": True}
    expected = learning_curve(plain, *BINARY, **options)
    assert_same(learning_curve(ours, *BINARY, **options), expected)
    whole = learning_curve(plain, *BINARY, **SIZES)
    assert not np.array_equal(whole[2], expected[2])


@pytest.mark.parametrize(
    "estimator, name, values",
    [
        (SVC(), "C", [0.1, 1]),
        (SVC(C=5), "gamma", [0.01, 1]),
        (DecisionTreeClassifier(random_state=0), "max_depth", [1, 4]),
    ],
)
def test_validation_curve(subject, estimator, name, values, agg):
    plain, ours = subject.both(estimator)
    over = {"param_name": subject.named(name), "param_range": values, "cv": 3}
    expected = validation_curve(plain, *BINARY, **over)
    assert_same(validation_curve(ours, *BINARY, **over), expected)
    assert not np.array_equal(expected[0][0], expected[0][1])
    assert_same_display(lambda obj: ValidationCurveDisplay.from_estimator(obj, *BINARY, **over), ours, plain)


def test_validation_curve_over_a_parameter_that_is_not_there_is_refused(subject):
    plain, ours = subject.both(SVC())
    over = {"param_name": subject.named("depth"), "param_range": [1, 4], "cv": 3}
    assert outcome(validation_curve, ours, *BINARY, **over)[0] is outcome(validation_curve, plain, *BINARY, **over)[0]


# -- cross-validation ------------------------------------------------------------------------------------------------

SCORES = [
    None,
    "roc_auc",
    ["accuracy", "neg_log_loss"],
    {"loss": make_scorer(log_loss, greater_is_better=False, response_method="predict_proba"), "auc": "roc_auc"},
    lambda estimator, X, y: {"first": estimator.predict_proba(X)[0, 0], "accuracy": estimator.score(X, y)},
]


@pytest.mark.parametrize("scoring", SCORES)
def test_cross_validate(subject, scoring):
    plain, ours = subject.both(LogisticRegression())
    options = {"cv": 3, "scoring": scoring, "return_train_score": True, "return_indices": True}
    expected = cross_validate(plain, *BINARY, **options, return_estimator=True)
    found = cross_validate(ours, *BINARY, **options, return_estimator=True)
    timed = ("fit_time", "score_time", "estimator")
    assert_same(
        {key: value for key, value in found.items() if key not in timed},
        {key: value for key, value in expected.items() if key not in timed},
    )
    assert len(found["estimator"]) == 3
    for mine, its in zip(found["estimator"], expected["estimator"], strict=True):
        assert type(mine) is type(ours)
        assert_same(subject.fitted(mine).coef_, subject.fitted(its).coef_)
        assert_same(mine.predict_proba(BINARY[0]), its.predict_proba(BINARY[0]))


@pytest.mark.parametrize(
    "estimator, data, method",
    [
        (SVC(), BINARY, "predict"),
        (SVC(), BINARY, "decision_function"),
        (LogisticRegression(), THREE, "predict_proba"),
        (LogisticRegression(), THREE, "predict_log_proba"),
        (Ridge(), REGRESSION, "predict"),
        (KMeans(3, n_init=1, random_state=0), PLANE, "predict"),
    ],
)
def test_cross_val_predict(subject, estimator, data, method):
    plain, ours = subject.both(estimator)
    assert_same(*(cross_val_predict(obj, *data, cv=3, method=method) for obj in (ours, plain)))


def test_permutation_test_score(subject):
    plain, ours = subject.both(SVC())
    options = {"cv": 3, "n_permutations": 4, "random_state": 0}
    assert_same(*(permutation_test_score(obj, *BINARY, **options) for obj in (ours, plain)))


# -- curves of what is predicted -------------------------------------------------------------------------------------


@pytest.mark.parametrize("display", [RocCurveDisplay, PrecisionRecallDisplay, DetCurveDisplay])
@pytest.mark.parametrize(
    "estimator, options",
    [
        (SVC(), {"pos_label": "no"}),
        (LogisticRegression(), {"pos_label": "yes", "response_method": "predict_proba", "sample_weight": WEIGHT}),
        (LogisticRegression(), {"pos_label": "yes", "response_method": "decision_function", "name": "mine"}),
        (RandomForestClassifier(4, max_depth=3, random_state=0), {"pos_label": "yes"}),
    ],
)
def test_curves_of_a_binary_classifier(subject, display, estimator, options, agg):
    plain, ours = both_fitted(subject, estimator, BINARY)
    assert_same_display(lambda obj: display.from_estimator(obj, *BINARY, **options), ours, plain)


@pytest.mark.parametrize("display", [RocCurveDisplay, PrecisionRecallDisplay])
def test_curves_of_cross_validated_classifiers(subject, display, agg):
    if not hasattr(display, "from_cv_results"):
        pytest.skip(f"scikit-learn {sklearn.__version__} has no {display.__name__}.from_cv_results")
    plain, ours = subject.both(SVC())

    def make(obj):
        results = cross_validate(obj, *BINARY, cv=3, return_estimator=True, return_indices=True)
        return display.from_cv_results(results, *BINARY, pos_label="yes")

    assert_same_display(make, ours, plain)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_calibration_display(subject, strategy, agg):
    plain, ours = both_fitted(subject, LogisticRegression(), BINARY)
    options = {"n_bins": 4, "strategy": strategy, "pos_label": "no"}
    assert_same_display(lambda obj: CalibrationDisplay.from_estimator(obj, *BINARY, **options), ours, plain)


@pytest.mark.parametrize("estimator, data", [(SVC(), BINARY), (DecisionTreeClassifier(max_depth=2), THREE)])
def test_confusion_matrix_display(subject, estimator, data, agg):
    plain, ours = both_fitted(subject, clone(estimator).set_params(random_state=0), data)

    def make(obj):
        return ConfusionMatrixDisplay.from_estimator(obj, *data, normalize="true", sample_weight=WEIGHT)

    assert_same_display(make, ours, plain)
    assert_same(make(ours).display_labels, np.unique(data[1]))


@pytest.mark.parametrize("kind", ["residual_vs_predicted", "actual_vs_predicted"])
def test_prediction_error_display(subject, kind, agg):
    plain, ours = both_fitted(subject, SVR(C=10), REGRESSION)
    options = {"kind": kind, "subsample": 40, "random_state": 0}
    assert_same_display(lambda obj: PredictionErrorDisplay.from_estimator(obj, *REGRESSION, **options), ours, plain)


@pytest.mark.parametrize(
    "call, estimator, data",
    [
        (RocCurveDisplay.from_estimator, Ridge(), REGRESSION),
        (RocCurveDisplay.from_estimator, SVC(), THREE),
        (CalibrationDisplay.from_estimator, SVC(), BINARY),
        (ConfusionMatrixDisplay.from_estimator, LinearRegression(), REGRESSION),
        (PredictionErrorDisplay.from_estimator, SVC(), BINARY),
        (
            lambda obj, X, _: DecisionBoundaryDisplay.from_estimator(obj, X, response_method="predict_proba"),
            LinearSVC(random_state=0),
            TWO_CLASSES,
        ),
        (lambda obj, X, _: partial_dependence(obj, X, [0]), KMeans(3, n_init=1, random_state=0), (PLANE[0], None)),
        (lambda obj, X, _: partial_dependence(obj, X, [0], method="recursion"), SVR(), REGRESSION),
        (lambda obj, X, _: partial_dependence(obj, X, ["a"]), SVR(), REGRESSION),
    ],
)
def test_what_a_display_does_not_take_it_refuses_with_the_same_error(subject, call, estimator, data, agg):
    plain, ours = both_fitted(subject, estimator, data)
    assert outcome(call, ours, *data) == outcome(call, plain, *data)


@pytest.mark.parametrize(
    "call",
    [
        RocCurveDisplay.from_estimator,
        lambda obj, X, y: DecisionBoundaryDisplay.from_estimator(obj, X[:, :2]),
        lambda obj, X, y: partial_dependence(obj, X, [0]),
        permutation_importance,
    ],
)
def test_what_is_not_fitted_is_refused(subject, call, agg):
    for obj in subject.both(SVC()):
        with pytest.raises(NotFittedError):
            call(obj, *BINARY)


# -- trees and fitted attributes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator, data",
    [
        (DecisionTreeClassifier(max_depth=2, random_state=0), THREE),
        (DecisionTreeRegressor(max_depth=2, random_state=0), REGRESSION),
    ],
)
def test_trees_are_shown(subject, estimator, data, agg):
    plain, ours = (subject.fitted(obj) for obj in both_fitted(subject, estimator, data))
    assert export_text(ours, decimals=4, show_weights=True) == export_text(plain, decimals=4, show_weights=True)
    assert export_text(ours).count("feature_") > 2
    for names in (None, list("abcde")):
        shown = {"feature_names": names, "class_names": True, "filled": True, "proportion": True}
        assert export_graphviz(ours, **shown) == export_graphviz(plain, **shown)
        nodes = [[(each.get_text(), each.xyann) for each in plot_tree(tree, **shown)] for tree in (ours, plain)]
        assert len(nodes[1]) > 4
        assert nodes[0] == nodes[1]


def test_trees_of_a_forest_are_shown(subject):
    plain, ours = both_fitted(subject, RandomForestClassifier(2, max_depth=2, random_state=0), THREE)
    trees = [[export_text(tree) for tree in subject.fitted(obj).estimators_] for obj in (ours, plain)]
    assert len(trees[1]) == 2
    assert trees[0] == trees[1]


def test_a_tree_that_is_not_fitted_is_not_shown():
    with pytest.raises(NotFittedError):
        export_text(SUBJECTS["estimator"].both(DecisionTreeClassifier())[1])


@pytest.mark.parametrize(
    "estimator, data, names",
    [
        (SVC(kernel="linear"), THREE, "coef_ intercept_ support_ support_vectors_ dual_coef_ n_support_ classes_"),
        (LogisticRegression(), THREE, "coef_ intercept_ classes_ n_features_in_ n_iter_"),
        (Ridge(), REGRESSION, "coef_ intercept_ n_features_in_"),
        (RandomForestClassifier(4, random_state=0), THREE, "feature_importances_ classes_ n_classes_"),
        (ExtraTreesClassifier(4, random_state=0, bootstrap=True), THREE, "feature_importances_"),
        (GradientBoostingClassifier(n_estimators=3, random_state=0), THREE, "feature_importances_ train_score_"),
        (AdaBoostClassifier(n_estimators=3, random_state=0), THREE, "feature_importances_ estimator_weights_"),
        (DecisionTreeRegressor(max_depth=3, random_state=0), REGRESSION, "feature_importances_"),
        (KMeans(3, n_init=2, random_state=0), PLANE, "cluster_centers_ labels_ inertia_ n_iter_"),
        (IsolationForest(n_estimators=4, contamination=0.1, random_state=0), PLANE, "offset_ max_samples_"),
        (PCA(2), BINARY, "components_ explained_variance_ratio_ mean_"),
    ],
)
def test_fitted_attributes(subject, estimator, data, names):
    plain, ours = both_fitted(subject, estimator, data)
    for name in names.split():
        assert_same(getattr(subject.fitted(ours), name), getattr(subject.fitted(plain), name))
        if subject.fitted(ours) is not ours:
            assert_same(getattr(ours[-1], name), getattr(plain[-1], name))
    if subject.fitted(ours) is not ours:
        assert_same(ours.named_steps["scale"].mean_, plain.named_steps["scale"].mean_)
        assert_same(ours["scale"].scale_, plain["scale"].scale_)
        assert ours.n_features_in_ == plain.n_features_in_ == data[0].shape[1]


@pytest.mark.parametrize(
    "estimator",
    [PCA(2), PolynomialFeatures(2), KMeans(2, n_init=1, random_state=0), SelectKBest(k=2), StandardScaler()],
)
def test_names_of_the_columns_that_come_out(subject, estimator):
    plain, ours = both_fitted(subject, estimator, BINARY)
    assert_same(ours.get_feature_names_out(), plain.get_feature_names_out())
    for named in (list("abcde"), np.array(list("vwxyz"), dtype=object)):
        assert_same(ours.get_feature_names_out(named), plain.get_feature_names_out(named))
    assert outcome(ours.get_feature_names_out, ["a"]) == outcome(plain.get_feature_names_out, ["a"])


def test_outliers_are_those_of_the_plain_detector(subject):
    for estimator in (
        IsolationForest(n_estimators=8, contamination=0.2, random_state=0),
        LocalOutlierFactor(5, novelty=True),
    ):
        plain, ours = both_fitted(subject, estimator, (PLANE[0], None))
        for method in ("predict", "decision_function", "score_samples"):
            assert_same(getattr(ours, method)(PLANE[0]), getattr(plain, method)(PLANE[0]))
    plain, ours = subject.both(IsolationForest(n_estimators=8, contamination=0.2, random_state=0))
    assert_same(ours.fit_predict(PLANE[0]), plain.fit_predict(PLANE[0]))


def test_clusters_are_those_of_the_plain_clusterer(subject):
    plain, ours = subject.both(KMeans(3, n_init=2, random_state=0))
    assert_same(ours.fit_predict(PLANE[0]), plain.fit_predict(PLANE[0]))
    assert_same(ours.transform(PLANE[0]), plain.transform(PLANE[0]))
    assert ours.score(PLANE[0]) == plain.score(PLANE[0])
    assert cross_val_score(ours, PLANE[0], cv=3).tolist() == cross_val_score(plain, PLANE[0], cv=3).tolist()

    def silhouette(obj, X, y=None):
        return silhouette_score(X, obj.predict(X))

    assert_same(*(cross_val_score(obj, PLANE[0], scoring=silhouette, cv=3) for obj in (ours, plain)))


# -- scorers and kinds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scoring",
    [
        "accuracy",
        "roc_auc",
        "neg_log_loss",
        "matthews_corrcoef",
        make_scorer(fbeta_score, beta=2, pos_label="no"),
        make_scorer(log_loss, greater_is_better=False, response_method="predict_proba"),
        make_scorer(lambda y, scores: np.ptp(scores), response_method=("decision_function", "predict_proba")),
    ],
)
def test_scorers(subject, scoring):
    plain, ours = both_fitted(subject, LogisticRegression(), BINARY)
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    assert scorer(ours, *BINARY) == pytest.approx(scorer(plain, *BINARY))
    assert check_scoring(ours, scoring)(ours, *BINARY) == pytest.approx(scorer(plain, *BINARY))
    assert check_scoring(ours)(ours, *BINARY) == plain.score(*BINARY)
    several = check_scoring(ours, {"one": scoring, "two": "balanced_accuracy"})
    assert several(ours, *BINARY) == pytest.approx(several(plain, *BINARY))


def test_scorer_takes_the_threshold_that_an_estimator_has(subject):
    for estimator in (SVC(), RandomForestClassifier(4, max_depth=3, random_state=0)):  # one has no predict_proba
        plain, ours = both_fitted(subject, estimator, BINARY)
        assert get_scorer("roc_auc")(ours, *BINARY) == get_scorer("roc_auc")(plain, *BINARY)
        assert get_scorer("roc_auc")(ours, *BINARY) > 0.5
    plain, ours = both_fitted(subject, SVC(), BINARY)
    assert outcome(get_scorer("neg_log_loss"), ours, *BINARY) == outcome(get_scorer("neg_log_loss"), plain, *BINARY)


def test_what_has_no_score_has_no_default_scorer(subject):
    plain, ours = subject.both(StandardScaler())
    kind, _ = outcome(check_scoring, plain)
    assert outcome(check_scoring, ours)[0] is kind is TypeError


def asked_of(obj):
    return [asked(obj) for asked in (is_classifier, is_regressor, is_clusterer, is_outlier_detector)]


@pytest.mark.parametrize(
    "estimator", [SVC(), SVR(), KMeans(3, n_init=1), IsolationForest(n_estimators=3), PCA(1), DecisionTreeRegressor()]
)
def test_kind_and_state(subject, estimator):
    plain, ours = subject.both(estimator)
    assert asked_of(ours) == asked_of(plain)
    for obj in (plain, ours):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            check_is_fitted(obj)
        check_is_fitted(obj.fit(*PLANE))
        assert asked_of(subject.fitted(obj)) == asked_of(subject.fitted(plain))
    check_is_fitted(subject.fitted(ours), "n_features_in_")
    with pytest.raises(NotFittedError):
        check_is_fitted(subject.fitted(ours), "absent_")
    with pytest.raises(NotFittedError):
        check_is_fitted(clone(ours))


# -- how it is shown -------------------------------------------------------------------------------------------------


class Words(HTMLParser):
    """The words on a page that are read: outside of styles and scripts."""

    def __init__(self, page):
        super().__init__()
        self.words, self.hidden = set(), False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.hidden = tag in ("style", "script")

    def handle_endtag(self, tag):
        self.hidden = False

    def handle_data(self, data):
        if not self.hidden:
            self.words.update(re.findall(r"[\w.]+", data))


@pytest.mark.parametrize("fitted", [False, True])
def test_the_diagram_shows_what_those_of_the_plain_estimators_show(subject, fitted):
    plain, ours = both_fitted(subject, SVC(C=7.5), BINARY) if fitted else subject.both(SVC(C=7.5))
    shown = Words(estimator_html_repr(ours)).words
    assert {"SVC", "C", "7.5", "engine", "sklearn"} <= shown
    for step in dict(getattr(plain, "steps", [("", plain)])).values():
        assert Words(estimator_html_repr(step)).words <= shown
    assert ("cpu" in shown) == fitted
    assert ("(engine: sklearn on cpu)" in estimator_html_repr(ours)) == fitted
    assert ours._repr_html_().count("<style>") == plain._repr_html_().count("<style>") > 0


def test_how_it_is_shown_follows_the_configuration(subject):
    plain, ours = subject.both(SVC(C=7.5))
    for obj in (plain, ours):
        with sklearn.config_context(display="text"):
            assert obj._repr_mimebundle_() == {"text/plain": repr(obj)}
            assert not hasattr(obj, "_repr_html_")
        with sklearn.config_context(display="diagram"):
            bundle = obj._repr_mimebundle_()
            assert bundle["text/plain"] == repr(obj)
            assert "SVC" in bundle["text/html"]
            assert obj._repr_html_()


def test_display_is_set_for_the_session(subject):
    before = sklearn.get_config()["display"]
    ours = subject.both(SVC())[1]
    try:
        sklearn.set_config(display="text")
        assert list(ours._repr_mimebundle_()) == ["text/plain"]
        sklearn.set_config(display="diagram")
        assert sorted(ours._repr_mimebundle_()) == ["text/html", "text/plain"]
    finally:
        sklearn.set_config(display=before)


@pytest.mark.parametrize("print_changed_only", [True, False])
def test_the_text_is_code_that_makes_the_same_object(subject, print_changed_only):
    plain, ours = both_fitted(subject, SVC(C=7.5, class_weight="balanced"), BINARY)
    with sklearn.config_context(print_changed_only=print_changed_only):
        text, expected = ours.__repr__(N_CHAR_MAX=10_000), plain.__repr__(N_CHAR_MAX=10_000)
        made = eval(text)
        assert made.__repr__(N_CHAR_MAX=10_000) == text
    assert type(made) is type(ours)
    assert_same(made.fit(*BINARY).decision_function(BINARY[0]), plain.decision_function(BINARY[0]))
    assert ("shrinking" in text) == ("shrinking" in expected) == (not print_changed_only)
