"""AcceleratedPipeline is scikit-learn's Pipeline to everything that looks, with an engine for each step."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.fixes import parse_version
from sklearn.utils.validation import check_is_fitted

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate, config_context
from accelsk.errors import EngineFallbackWarning, EngineNotAvailable, UnsupportedParameter


def steps():
    return [("scale", StandardScaler()), ("pca", PCA(2)), ("clf", SVC(C=3))]


def accelerated(given=None, **options):
    return AcceleratedPipeline(given or steps(), **options)


def pair(X, y, given=None, **options):
    """The plain pipeline and the accelerated one, both fitted."""
    given = given or steps()
    options.setdefault("engine", "sklearn")
    return Pipeline(clone(given, safe=False)).fit(X, y), accelerated(given, **options).fit(X, y)


# -- what a Pipeline is ----------------------------------------------------------------------------------------------


def test_it_is_a_pipeline_and_predicts_what_the_plain_one_predicts(iris):
    X, y = iris
    plain, pipe = pair(X, y)

    assert isinstance(pipe, Pipeline)
    np.testing.assert_array_equal(pipe.predict(X), plain.predict(X))
    np.testing.assert_allclose(pipe.decision_function(X), plain.decision_function(X), rtol=1e-12)
    assert pipe.score(X, y) == plain.score(X, y)
    assert (pipe.n_features_in_, list(pipe.classes_)) == (4, [0, 1, 2])


def test_parameters_are_those_of_the_plain_pipeline_before_and_after_fit(iris):
    plain, pipe = Pipeline(steps()), accelerated()
    own = pipe.get_params(deep=False).keys()
    for each in (pipe, pipe.fit(*iris)):
        assert plain.get_params().keys() <= each.get_params().keys()
        assert each.get_params().keys() - plain.get_params().keys() <= own
        assert each.get_params()["clf__C"] == 3


def test_after_fit_the_steps_have_the_fitted_attributes_of_the_plain_ones(iris):
    plain, pipe = pair(*iris)

    for name, step in plain.steps:
        fitted = {key for key in vars(step) if key.endswith("_") and not key.startswith("_")}
        assert fitted
        for key in fitted:
            np.testing.assert_array_equal(getattr(pipe.named_steps[name], key), getattr(step, key))
        assert isinstance(pipe.named_steps[name], type(step))
        assert repr(pipe[name]) == repr(step)


def test_the_estimators_that_were_given_are_never_fitted(iris):
    given = steps()
    accelerated(given).fit(*iris)

    for _, step in given:
        with pytest.raises(NotFittedError):
            check_is_fitted(step)


def test_slices_are_pipelines_with_the_same_engines_and_share_the_fitted_steps(iris):
    X, y = iris
    plain, pipe = pair(X, y, engine={"pca": "sklearn", "clf": "sklearn"})

    np.testing.assert_allclose(pipe[:-1].transform(X), plain[:-1].transform(X), atol=1e-12)
    assert (type(pipe[:-1]), pipe[:-1].engine) == (AcceleratedPipeline, {"pca": "sklearn"})
    assert pipe[-1] is pipe["clf"] is pipe.named_steps.clf
    assert len(pipe) == 3
    with pytest.raises(ValueError, match="step of 1"):
        pipe[::2]


def test_steps_can_be_edited_and_replaced(iris):
    X, y = iris
    pipe = accelerated(engine="sklearn").fit(X, y)
    pipe.set_params(clf=LogisticRegression(max_iter=500), pca="passthrough", scale__with_mean=False)
    with pytest.raises(NotFittedError):
        pipe.predict(X)
    pipe.fit(X, y)
    assert pipe["clf"].coef_.shape == (3, 4)
    pipe.steps[1] = ("pca", PCA(3))
    assert pipe.fit(X, y)["clf"].coef_.shape == (3, 3)
    pipe.steps.pop()
    assert pipe.fit(X, y).transform(X).shape == (150, 3)
    assert not hasattr(pipe, "predict")


def test_a_hyperparameter_set_on_a_fitted_step_counts_at_the_next_fit(iris):
    pipe = accelerated(engine="sklearn").fit(*iris)
    pipe.named_steps["pca"].n_components = 3
    pipe.set_params(clf__C=7)
    pipe.fit(*iris)

    assert (pipe["pca"].components_.shape[0], pipe["clf"].get_params()["C"], pipe["clf"].C) == (3, 7, 7)


def test_methods_are_there_exactly_where_the_last_step_has_them():
    methods = ["predict", "predict_proba", "predict_log_proba", "decision_function", "score", "score_samples"]
    methods += ["transform", "inverse_transform", "fit_transform", "fit_predict"]
    for given in (steps(), steps()[:2], [*steps()[:2], ("clf", RandomForestClassifier())], [("last", "passthrough")]):
        plain, pipe = Pipeline(given), accelerated(given)
        assert [hasattr(pipe, name) for name in methods] == [hasattr(plain, name) for name in methods]


def test_passthrough_and_none_are_steps(iris):
    X, y = iris
    given = [("a", "passthrough"), ("b", None), ("scale", StandardScaler()), ("last", "passthrough")]
    plain, pipe = pair(X, y, given)

    np.testing.assert_array_equal(pipe.transform(X), plain.transform(X))
    np.testing.assert_array_equal(accelerated(given).fit_transform(X, y), plain.transform(X))


def test_errors_are_those_of_the_plain_pipeline(iris):
    for wrong in (
        None,
        [],
        "steps",
        [StandardScaler()],
        [("a", SVC()), ("b", SVC())],
        [("a", "what"), ("b", SVC())],
        [("a", SVC), ("b", SVC())],
    ):
        messages = []
        for cls in (Pipeline, AcceleratedPipeline):
            with pytest.raises(Exception) as raised:  # noqa: PT011  whatever scikit-learn raises
                cls(copy.deepcopy(wrong)).fit(*iris)
            messages.append((type(raised.value), str(raised.value).replace(cls.__name__, "Pipeline")))
        assert messages[0] == messages[1]


def test_verbose_prints_the_steps(iris, capsys):
    accelerated(verbose=True).fit(*iris)

    printed = capsys.readouterr().out
    assert all(f"(step {k} of 3) Processing {name}" in printed for k, (name, _) in enumerate(steps(), start=1))


def test_memory_on_disk_fits_transformers_once(iris, tmp_path):
    X, y = iris
    pipe = accelerated(engine="sklearn", memory=str(tmp_path)).fit(X, y)
    before = sorted(tmp_path.rglob("output.pkl"))
    np.testing.assert_array_equal(
        pipe.set_params(clf__C=1).fit(X, y).predict(X), pair(X, y)[0].set_params(clf__C=1).fit(X, y).predict(X)
    )

    assert len(before) == 2
    assert sorted(tmp_path.rglob("output.pkl")) == before


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_and_feature_names(iris, container):
    X = pd.DataFrame(iris[0], columns=list("abcd"))
    given = [("scale", StandardScaler()), ("best", SelectKBest(k=2))]
    plain = Pipeline(clone(given, safe=False)).set_output(transform=container).fit(X, iris[1])
    pipe = accelerated(given, engine="sklearn").set_output(transform=container).fit(X, iris[1])

    assert type(pipe.transform(X)) is type(plain.transform(X))
    assert list(pipe.transform(X).columns) == list(plain.transform(X).columns)
    assert list(pipe.get_feature_names_out()) == list(plain.get_feature_names_out())
    assert list(pipe.feature_names_in_) == list("abcd")
    assert isinstance(pipe.set_output(transform="default").fit(X, iris[1]).transform(X), np.ndarray)


def test_fit_parameters_reach_their_step(iris):
    X, y = iris
    weight = np.where(y == 0, 100.0, 1.0)
    plain = Pipeline(steps()).fit(X, y, clf__sample_weight=weight)
    pipe = accelerated(engine="sklearn").fit(X, y, clf__sample_weight=weight)

    np.testing.assert_array_equal(pipe.predict(X), plain.predict(X))
    with pytest.raises(ValueError, match="does not accept the sample_weight parameter"):
        accelerated().fit(X, y, sample_weight=weight)


def test_metadata_routing(iris):
    X, y = iris
    weight = np.where(y == 0, 100.0, 1.0)
    with sklearn.config_context(enable_metadata_routing=True):
        clf = LogisticRegression(max_iter=500).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        given = [("scale", StandardScaler().set_fit_request(sample_weight=False)), ("clf", clf)]
        plain = Pipeline(clone(given, safe=False)).fit(X, y, sample_weight=weight)
        pipe = accelerated(given, engine="sklearn").fit(X, y, sample_weight=weight)

        np.testing.assert_array_equal(pipe["clf"].coef_, plain["clf"].coef_)
        assert pipe.score(X, y, sample_weight=weight) == plain.score(X, y, sample_weight=weight)
        # Before 1.7, cross_val_score refuses any pipeline that is scored with weights.
        if parse_version(sklearn.__version__) >= parse_version("1.7"):
            scores = [cross_val_score(each, X, y, params={"sample_weight": weight}) for each in (plain, pipe)]
            np.testing.assert_array_equal(*scores)


class Validated(BaseEstimator):
    """A classifier that notes the validation set it was given."""

    def fit(self, X, y, X_val=None):
        self.seen_ = X_val
        return self

    def predict(self, X):
        return np.zeros(len(X))


def test_transform_input(iris):
    X, y = iris
    with sklearn.config_context(enable_metadata_routing=True):
        given = [("scale", StandardScaler()), ("clf", Validated().set_fit_request(X_val=True))]
        pipe = accelerated(given, transform_input=["X_val"]).fit(X, y, X_val=X[:5])

        np.testing.assert_allclose(pipe["clf"].seen_, StandardScaler().fit(X).transform(X[:5]))


def test_the_html_shows_the_plain_names_and_the_engines(iris):
    assert "SVC" in accelerated()._repr_html_()
    html = accelerated(engine="sklearn").fit(*iris)._repr_html_()

    assert all(text in html for text in ("clf: SVC", "pca: PCA", "SVC (engine: sklearn on cpu)"))
    assert "Step" not in html


def test_it_prints_plain_steps_before_and_after_fit(iris):
    text = repr(accelerated(engine="sklearn"))

    assert text == repr(accelerated(engine="sklearn").fit(*iris))
    assert text.startswith("AcceleratedPipeline(engine='sklearn',")
    assert "('pca', PCA(n_components=2))" in text


def test_steps_that_are_fitted_already_serve_without_a_fit(iris):
    X, y = iris
    plain = Pipeline(steps()).fit(X, y)

    np.testing.assert_array_equal(accelerated(plain.steps).predict(X), plain.predict(X))


def test_warm_start_goes_on_from_the_last_fit(iris):
    X, y = iris
    forest = RandomForestClassifier(n_estimators=3, warm_start=True, random_state=0)
    pipe = accelerated([("scale", StandardScaler()), ("clf", forest)], engine="sklearn").fit(X, y)
    first = list(pipe["clf"].estimators_)
    pipe.set_params(clf__n_estimators=5).fit(X, y)

    assert len(pipe["clf"].estimators_) == len(pipe["clf"]) == 5
    assert all((a.tree_.threshold == b.tree_.threshold).all() for a, b in zip(first, pipe["clf"], strict=False))


# -- searches --------------------------------------------------------------------------------------------------------


def test_a_grid_for_the_plain_pipeline_works_unchanged(iris):
    grid = [
        {"clf__C": [0.1, 10], "pca__n_components": [1, 2], "scale": ["passthrough", MinMaxScaler()]},
        {"clf": [SVC(), LogisticRegression(max_iter=500)], "clf__C": [1.0]},
    ]
    plain = GridSearchCV(Pipeline(steps()), grid).fit(*iris)
    search = GridSearchCV(accelerated(engine="sklearn"), grid).fit(*iris)

    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])
    assert str(search.best_params_) == str(plain.best_params_)


def test_engine_and_device_can_be_searched(iris):
    search = GridSearchCV(accelerated(), {"engine": ["sklearn", {"pca": "sklearn"}, ["sklearn"]]}).fit(*iris)

    assert len(set(search.cv_results_["mean_test_score"])) == 1


# -- engines ---------------------------------------------------------------------------------------------------------


def test_an_engine_for_each_step(iris):
    pipe = accelerated(engine={"pca": "loopback", "clf": ["no-such-engine", "loopback", "sklearn"]}).fit(*iris)
    ran = {name: decision.engine for name, decision in pipe.decision_.items()}

    assert ran == {"scale": "sklearn", "pca": "loopback", "clf": "loopback"}
    assert pipe["clf"].engine_ == "loopback"
    assert "choice 2 of 3" in pipe.decision_["clf"].why


def test_a_device_for_each_step(iris):
    pipe = accelerated(engine="loopback", device={"pca": "accelerator:1"}).fit(*iris)

    assert [pipe[name].device_ for name, _ in steps()] == ["cpu", "loopback:accelerator:1", "cpu"]


def test_engine_params_for_all_steps_and_for_one():
    from sklearn.cluster import KMeans

    X = np.random.default_rng(0).normal(size=(50, 3))
    given = [("loopback", StandardScaler()), ("clf", KMeans(3, n_init=1, random_state=0))]
    for params in ({"loopback": {"n_streams": 2}}, {"clf": {"loopback": {"n_streams": 2}}}):
        # "loopback" is the name of a step, too: what is inside tells the one from the other.
        pipe = accelerated(given[1:] if "loopback" in params else given, engine="loopback", engine_params=params).fit(X)
        assert pipe["clf"]._backend.get_params()["n_streams"] == 2


def test_a_step_that_is_not_there_is_named_with_the_ones_that_are(iris):
    for option, value in (("engine", {"pac": "sklearn"}), ("device", {"pac": "cpu"})):
        with pytest.raises(UnsupportedParameter, match=r"names 'pac', and the steps are 'scale', 'pca', 'clf'"):
            accelerated(**{option: value}).fit(*iris)


def test_an_engine_that_is_not_there_leaves_the_pipeline_unfitted(iris):
    pipe = accelerated(engine={"clf": "no-such-engine"})
    with pytest.raises(EngineNotAvailable, match="no-such-engine"):
        pipe.fit(*iris)

    with pytest.raises(NotFittedError):
        pipe.predict(iris[0])


def test_a_fit_that_fails_leaves_the_last_one(iris):
    X, y = iris
    pipe = accelerated(engine="sklearn").fit(X, y)
    before, held = pipe.predict(X), list(pipe.steps)
    with pytest.raises(ValueError, match="inconsistent"):
        pipe.fit(X[:, :3], y[:-1])

    assert pipe.steps == held
    np.testing.assert_array_equal(pipe.predict(X), before)


def test_a_fit_that_fails_leaves_wrapped_steps_too(iris):
    X, y = iris
    inside = AcceleratedPipeline([("scale", StandardScaler())], engine="sklearn")
    own = AcceleratedEstimator(PCA(2), engine="sklearn")
    pipe = accelerated([("inside", inside), ("own", own), ("clf", SVC())], engine="sklearn").fit(X, y)
    before = pipe.predict(X)
    with pytest.raises(ValueError, match="inconsistent"):
        pipe.fit(X * 100 + 7, y[:-1])

    np.testing.assert_array_equal(pipe.predict(X), before)


@pytest.mark.skipif(not hasattr(Pipeline, "set_callbacks"), reason="callbacks came with scikit-learn 1.9")
def test_callbacks_are_called_as_by_the_plain_pipeline(iris):
    class Recording:
        def setup(self, estimator, context):
            self.seen = []

        def on_fit_task_begin(self, estimator, context, **data):
            self.seen.append((context.task_name, type(data.get("X")).__name__))

        def on_fit_task_end(self, estimator, context, **data):
            pass

        def teardown(self, estimator, context):
            pass

    recorded = []
    for cls in (Pipeline, AcceleratedPipeline):
        callback = Recording()
        cls(steps()).set_callbacks(callback).fit(*iris)
        recorded.append(callback.seen)

    assert recorded[0] == recorded[1]
    assert len(recorded[0]) >= 4


def test_one_warning_names_all_steps_that_fell_back_and_points_here(iris):
    given = [("minmax", MinMaxScaler()), ("best", SelectKBest(k=2)), ("pca", PCA(1))]
    with pytest.warns(EngineFallbackWarning) as caught:
        accelerated(given, engine="loopback").fit(*iris)

    assert len(caught) == 1
    assert "(minmax)" in str(caught[0].message)
    assert "(best)" in str(caught[0].message)
    assert "(pca)" not in str(caught[0].message)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        accelerated(given, engine="loopback", fallback="silent").fit(*iris)
        accelerated(given, engine=["loopback", "sklearn"]).fit(*iris)
    with pytest.raises(UnsupportedParameter, match="MinMaxScaler"):
        accelerated(given, engine="loopback", fallback="raise").fit(*iris)


def test_a_step_with_an_engine_of_its_own_keeps_it(iris):
    own = AcceleratedEstimator(PCA(2), engine="loopback")
    pipe = accelerated([("pca", own), ("clf", SVC())], engine="sklearn").fit(*iris)

    assert {name: decision.engine for name, decision in pipe.decision_.items()} == {"pca": "loopback", "clf": "sklearn"}
    assert not hasattr(own, "components_")  # given, and never fitted
    assert pipe["pca"].components_.shape == (2, 4)


def test_what_a_step_arranges_is_accelerated_inside(iris):
    X, y = iris
    columns = ColumnTransformer([("scale", StandardScaler(), [0, 1]), ("rest", make_pipeline(PCA(1)), [2, 3])])
    given = [("columns", columns), ("rfe", RFE(LogisticRegression(), n_features_to_select=2)), ("clf", SVC())]
    plain, pipe = pair(X, y, given, engine=["loopback", "sklearn"])
    ran = {name: decision.engine for name, decision in pipe.decision_.items()}

    np.testing.assert_allclose(pipe.decision_function(X), plain.decision_function(X))
    assert ran["columns"] == ran["rfe"] == "sklearn"
    assert ran["columns.scale"] == ran["columns.rest.pca"] == ran["rfe.estimator_"] == ran["clf"] == "loopback"
    assert pipe["rfe"].estimator_.coef_.shape == plain["rfe"].estimator_.coef_.shape
    assert pipe["columns"].named_transformers_["scale"].mean_.shape == (2,)
    assert plain.get_params().keys() <= pipe.get_params().keys()
    assert (
        pipe.set_params(columns__scale__with_mean=False)
        .fit(X, y)["columns"]
        .named_transformers_["scale"]
        .get_params()["estimator__with_mean"]
        is False
    )
    assert "columns.scale" in str(pipe.decision_)


def test_the_members_of_an_ensemble_take_one_line(iris):
    bag = BaggingClassifier(DecisionTreeClassifier(), n_estimators=30, random_state=0)
    pipe = accelerated([("scale", StandardScaler()), ("bag", bag)], engine="sklearn").fit(*iris)

    assert list(pipe.decision_) == ["scale", "bag", "bag.estimators_"]


def test_a_pipeline_inside_a_pipeline_is_indexed_as_the_plain_one(iris):
    X, y = iris
    given = [("inside", make_pipeline(StandardScaler(), PCA(2))), ("clf", SVC())]
    plain, pipe = pair(X, y, given)

    np.testing.assert_array_equal(pipe["inside"]["pca"].components_, plain["inside"]["pca"].components_)
    np.testing.assert_array_equal(pipe["inside"].named_steps["pca"].mean_, plain["inside"].named_steps["pca"].mean_)
    assert len(pipe["inside"]) == 2


# -- travelling ------------------------------------------------------------------------------------------------------


def test_a_clone_is_unfitted_with_plain_steps(iris):
    pipe = accelerated(engine={"pca": "loopback"}).fit(*iris)
    made = clone(pipe)

    assert [type(step) for _, step in made.steps] == [StandardScaler, PCA, SVC]
    assert made.engine == {"pca": "loopback"}
    with pytest.raises(NotFittedError):
        made.predict(iris[0])


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda pipe: pickle.loads(pickle.dumps(pipe))])
def test_a_copy_predicts_the_same(iris, travel):
    X, y = iris
    pipe = accelerated(engine="loopback").fit(X, y)
    again = travel(pipe)

    np.testing.assert_array_equal(again.predict(X), pipe.predict(X))
    assert again.decision_["pca"].engine == "loopback"
    assert again.set_params(clf__C=1).fit(X, y)["clf"].C == 1
    assert pipe["clf"].C == 3


def test_the_configuration_travels_to_workers(iris):
    with config_context(engine="loopback", fallback="raise"):
        search = GridSearchCV(accelerated(), {"clf__C": [1, 2]}, n_jobs=2)
        search.fit(*iris)

    assert search.best_estimator_.decision_["pca"].engine == "loopback"
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


def test_options_are_refused_with_the_way_out(iris):
    with pytest.raises(UnsupportedParameter, match="fallback='loud' is not one of"):
        accelerated(fallback="loud").fit(*iris)


class Foreign(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return X[:, :1]


def test_transformers_without_fit_transform_or_of_the_users_own_are_steps(iris):
    X, y = iris
    given = [("own", Foreign()), ("log", FunctionTransformer(np.log1p)), ("ridge", Ridge())]
    plain, pipe = pair(X, y, given)

    np.testing.assert_array_equal(pipe.predict(X), plain.predict(X))
    assert accelerate(plain).fit(X, y)["own"].fitted_
