"""Frames of modin: taken wherever X is, with the result that pandas gives; and ``frame="modin"``, on a running ray."""

import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate, explain, parallel_config
from accelsk.engines import get, names, why_missing
from accelsk.errors import EngineNotAvailable, FrameWarning, UnsupportedParameter
from accelsk.frames import is_modin, local

pd = pytest.importorskip("pandas")
pytest.importorskip("modin")
ray = pytest.importorskip("ray")

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("ray"), pytest.mark.usefixtures("running_ray")]

ENGINES = [name for name in names() if why_missing(name) is None and (get(name).reference or get(name).rows)]
NATIVE = [
    (name, row.estimator)
    for name in ENGINES
    for row in get(name).rows
    if row.native and row.estimator.endswith("Classifier") and "RF" not in row.estimator
]


@pytest.fixture(scope="module")
def frame():
    """Numbers, categories, words and integers with a missing value to be; the index is none that numbers rows."""
    rng = np.random.default_rng(0)
    n = 240
    return pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "b": rng.normal(size=n).astype(np.float32),
            "n": rng.integers(0, 5, n),
            "c": pd.Categorical(rng.choice(list("xyz"), n)),
            "w": rng.choice(["one", "two"], n),
            "i": pd.array(rng.integers(0, 3, n), dtype="Int64"),
        },
        index=np.arange(n) * 3,
    )


@pytest.fixture(scope="module")
def y(frame):
    words = {True: "yes", False: "no"}
    return ((frame["a"] + frame["b"] + (frame["c"] == "x")) > 0).map(words)


def modin(data):
    import modin.pandas as mpd

    return mpd.DataFrame(data) if data.ndim == 2 else mpd.Series(data)


class Widen(TransformerMixin, BaseEstimator):
    """A transformer of the user's own: it works on the frame, and notes what kind of frame it was given."""

    def fit(self, X, y=None):
        self.saw_ = type(X).__module__.partition(".")[0]
        self.last_ = X
        return self

    def transform(self, X):
        return X.assign(z=X["a"] * 2)


# -- modin frames are taken as X anywhere ----------------------------------------------------------------------------


def model_for(engine):
    """A model that the engine computes, of data that are numbers and categories where there is one."""
    for model in (HistGradientBoostingClassifier(max_iter=5, random_state=0), LogisticRegression(), Ridge()):
        kind = type(model)
        if get(engine).reference or get(engine).rows_of(f"sklearn.{kind.__module__.split('.')[1]}.{kind.__name__}"):
            return model
    return None


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if model_for(engine) is not None])
def test_every_engine_gives_the_result_of_pandas(engine, frame, y):
    model = AcceleratedEstimator(model_for(engine), engine=engine, fidelity="alternative")
    X, y = frame[["a", "b", "n"]], y if hasattr(model, "predict_proba") else frame["a"]

    expected = clone(model).fit(X, y)
    fitted = model.fit(modin(X), modin(y))

    assert (fitted.engine_, list(fitted.feature_names_in_)) == (engine, ["a", "b", "n"])
    np.testing.assert_array_equal(fitted.predict(modin(X)), expected.predict(X))
    assert fitted.score(modin(X), modin(y)) == expected.score(X, y)
    assert "modin to pandas" in str(fitted.decision_)


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if "HistGradientBoosting" in repr(model_for(engine))])
def test_categories_stay_categories(engine, frame, y):
    model = HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype", random_state=0)
    model = AcceleratedEstimator(model, engine=engine, fidelity="alternative", fallback="silent")
    X = frame[["a", "c"]]

    expected = clone(model).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(model.fit(modin(X), modin(y)).predict_proba(modin(X)), expected)


@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
@pytest.mark.parametrize("engine, cls", NATIVE)
def test_a_library_s_own_class_is_given_pandas(engine, cls, frame, y, tmp_path, monkeypatch):
    # What they make of modin by themselves: one refuses it, one counts the index as a column or ends the process.
    module, _, name = cls.rpartition(".")
    model = AcceleratedEstimator(getattr(pytest.importorskip(module), name)(n_estimators=5), engine=engine)
    X, y = frame[["a", "b", "n"]], (y == "yes").astype(int)
    monkeypatch.chdir(tmp_path)  # one of them writes a log there

    expected = clone(model).fit(X, y, eval_set=[(X, y)]).predict_proba(X)
    model.fit(modin(X), modin(y), eval_set=[(modin(X), modin(y))])
    np.testing.assert_array_equal(model.predict_proba(modin(X)), expected)


def test_set_output_keeps_the_index(frame):
    X = frame[["a", "b"]]
    scaler = AcceleratedEstimator(StandardScaler()).set_output(transform="pandas").fit(modin(X))

    pd.testing.assert_frame_equal(scaler.transform(modin(X)), scaler.transform(X))


def test_nullable_integers_are_numbers(frame, y):
    # Plain scikit-learn makes objects of them, and predict_proba fails.
    X = frame[["a", "i"]]
    model = AcceleratedEstimator(LogisticRegression()).fit(modin(X), modin(y))

    np.testing.assert_array_equal(model.predict_proba(modin(X)), model.predict_proba(X))


def test_weights_may_be_a_series(frame, y):
    X, weights = frame[["a", "b"]], frame["n"].astype(float)
    model = AcceleratedEstimator(LogisticRegression())

    expected = clone(model).fit(X, y, sample_weight=weights).coef_
    np.testing.assert_array_equal(model.fit(modin(X), modin(y), sample_weight=modin(weights)).coef_, expected)


def by_names():
    numbers, words = ("numbers", StandardScaler(), ["a", "b"]), ("words", OneHotEncoder(), ["c", "w"])
    return ColumnTransformer([numbers, words], remainder="passthrough")


def test_columns_are_found_by_their_names(frame, y):
    pipe = AcceleratedPipeline([("prep", by_names()), ("clf", LogisticRegression())])

    expected = clone(pipe).fit(frame, y)
    pipe.fit(modin(frame), modin(y))
    assert list(pipe.feature_names_in_) == list(frame.columns)
    np.testing.assert_array_equal(pipe.predict_proba(modin(frame)), expected.predict_proba(frame))
    assert pipe.score(modin(frame), modin(y)) == expected.score(frame, y)


def test_a_search_splits_it(frame, y):
    search = accelerate(
        GridSearchCV(make_pipeline(by_names(), LogisticRegression()), {"logisticregression__C": [1, 9]})
    )

    expected = clone(search).fit(frame, y).cv_results_["mean_test_score"]
    np.testing.assert_array_equal(search.fit(modin(frame), modin(y)).cv_results_["mean_test_score"], expected)


def test_a_saved_model_knows_nothing_of_modin(frame, y):
    pipe = AcceleratedPipeline([("prep", by_names()), ("clf", LogisticRegression())]).fit(modin(frame), modin(y))

    saved = pickle.dumps([step._backend for _, step in pipe.steps])
    assert b"modin.pandas" not in saved
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(pipe)).predict(frame), pipe.predict(frame))


def test_explain_takes_it(frame, y):
    X = frame[["a", "b"]]
    told = explain(LogisticRegression(), modin(X), modin(y))

    assert told.conversions == ("modin to pandas",)
    assert told.facts == explain(LogisticRegression(), X, y).facts


# -- who is given the frame itself -----------------------------------------------------------------------------------


def test_a_function_works_on_modin_s_frame(frame):
    def function(frame):
        return frame.assign(z=frame["n"] + 1)

    X = frame[["n"]]
    made = AcceleratedEstimator(FunctionTransformer(function)).fit(modin(X)).transform(modin(X))

    assert is_modin(made)
    pd.testing.assert_frame_equal(local(made), function(X))


def test_so_does_a_transformer_of_your_own(frame):
    made = AcceleratedEstimator(Widen()).fit(modin(frame))

    assert made.saw_ == "modin"
    pd.testing.assert_frame_equal(local(made.transform(modin(frame))), Widen().fit_transform(frame))


def test_one_of_an_installed_package_is_given_pandas(frame, tmp_path, monkeypatch):
    # Most of them know pandas, and refuse what only looks like it.
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "third_party_widening.py").write_text(
        "import pandas\n"
        "from sklearn.base import BaseEstimator, TransformerMixin\n"
        "class Widen(TransformerMixin, BaseEstimator):\n"
        "    def fit(self, X, y=None):\n"
        "        return self\n"
        "    def transform(self, X):\n"
        "        assert isinstance(X, pandas.DataFrame)\n"
        "        return X.assign(z=X['a'] * 2)\n"
    )
    monkeypatch.syspath_prepend(folder)
    from third_party_widening import Widen as Theirs

    made = AcceleratedEstimator(Theirs()).fit_transform(modin(frame))
    pd.testing.assert_frame_equal(made, Widen().fit_transform(frame))


# -- frame="modin" ---------------------------------------------------------------------------------------------------


@pytest.fixture
def pipe():
    """A step that works on frames, one that does not, and a model."""
    steps = [("widen", Widen()), ("scale", StandardScaler()), ("clf", LogisticRegression())]
    return AcceleratedPipeline(steps, frame="modin", frame_min_rows=100)


def test_steps_that_work_on_frames_are_given_modin_s(pipe, frame, y):
    X = frame[["a", "b"]]
    pipe.fit(X, y)

    assert pipe.named_steps["widen"].saw_ == "modin"
    assert {name: decision.conversions for name, decision in pipe.decision_.items()} == {
        "widen": ("pandas to modin",),
        "scale": ("modin to pandas",),
        "clf": (),
    }
    assert "X is converted: pandas to modin." in str(pipe.decision_["widen"])
    plain = Pipeline([(name, clone(step)) for name, step in pipe._with_plain_steps().steps]).fit(X, y)
    np.testing.assert_allclose(pipe.predict_proba(X), plain.predict_proba(X))


def test_the_frame_is_on_the_ray_that_is_there(pipe, frame, y):
    from modin.distributed.dataframe.pandas import unwrap_partitions

    job = ray.get_runtime_context().get_job_id()
    pipe.set_params(backend="ray").fit(frame[["a", "b"]], y)

    assert all(isinstance(part, ray.ObjectRef) for part in unwrap_partitions(pipe.named_steps["widen"].last_, axis=0))
    assert ray.get_runtime_context().get_job_id() == job


@pytest.mark.slow
def test_so_it_is_in_a_search_on_ray(pipe, frame, y):
    X = frame[["a", "b"]]
    search = GridSearchCV(pipe, {"clf__C": [1, 9]}, cv=2)
    with parallel_config("ray", n_jobs=2):
        scores = clone(search).fit(X, y).cv_results_["mean_test_score"]

    np.testing.assert_array_equal(scores, search.fit(X, y).cv_results_["mean_test_score"])


def test_a_column_transformer_is_where_a_part_of_it_is(frame, y):
    prep = ColumnTransformer(
        [("own", Widen(), ["a"]), ("numbers", StandardScaler(), ["b"]), ("i", "passthrough", ["i"])]
    )
    pipe = AcceleratedPipeline([("prep", prep), ("clf", LogisticRegression())], frame="modin", frame_min_rows=100)

    expected = clone(pipe).set_params(frame=None).fit(frame, y).predict_proba(frame)
    pipe.fit(frame, y)
    assert pipe.decision_["prep.own"].conversions == ()  # it was given modin's
    assert pipe.decision_["prep.numbers"].conversions == ("modin to pandas",)
    np.testing.assert_allclose(pipe.predict_proba(frame), expected)


def test_verbose_says_so(pipe, frame, y, capsys):
    pipe.set_params(verbose=True).fit(frame[["a", "b"]], y)

    assert "[Pipeline] X of step 'widen' was converted: pandas to modin\n" in capsys.readouterr().out


def test_what_leaves_the_pipeline_is_what_came(pipe, frame):
    X = frame[["a", "b"]]
    first = pipe[:1].fit(X)

    pd.testing.assert_frame_equal(first.transform(X), Widen().fit_transform(X))
    assert is_modin(first.transform(modin(X)))


@pytest.mark.parametrize(
    "changes, data, why",
    [
        ({"frame_min_rows": 3_000_000}, lambda X: X, r"X has 240 rows, and below 3,000,000 .* pandas is faster"),
        ({"widen": "passthrough"}, lambda X: X, "no step works on frames: .* pandas is faster"),
        ({"memory": "cache"}, lambda X: X, "memory= caches by value"),
        ({"widen": FunctionTransformer()}, lambda X: X.to_numpy(), "X is no frame of pandas, but of type ndarray"),
    ],
)
def test_where_pandas_stays_it_warns(changes, data, why, pipe, frame, y):
    X = data(frame[["a", "b"]])
    pipe.set_params(**changes)

    with pytest.warns(FrameWarning, match=why) as caught:
        pipe.fit(X, y)
    assert caught[0].filename == __file__
    assert not any(decision.conversions for decision in pipe.decision_.values())
    assert str(pickle.loads(pickle.dumps(caught[0].message))) == str(caught[0].message)


def test_the_threshold_is_three_million_rows():
    assert AcceleratedPipeline([]).get_params(deep=False)["frame_min_rows"] == 3_000_000


def test_in_a_worker_process_no_other_ray_is_started(frame, y):
    def fit(X, y):
        import warnings

        import ray

        pipe = AcceleratedPipeline(
            [("f", FunctionTransformer(np.abs)), ("clf", LogisticRegression())], frame="modin", frame_min_rows=1
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", FrameWarning)
            pipe.fit(X, y)
        return [str(each.message) for each in caught], ray.is_initialized()

    ((told, started),) = joblib.Parallel(n_jobs=2, backend="loky")([joblib.delayed(fit)(frame[["a", "b"]], y)])
    assert "would start a ray in this worker process" in told[0]
    assert not started


RAY_GONE = """
import ray, pandas
from sklearn.linear_model import Ridge
from sklearn.preprocessing import FunctionTransformer
from accelsk import AcceleratedPipeline
X = pandas.DataFrame({"a": [1.0, 2.0, 4.0]})
steps = [("f", FunctionTransformer(lambda X: X + 1)), ("m", Ridge())]
pipe = AcceleratedPipeline(steps, frame="modin", frame_min_rows=1)
for _ in range(2):
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    print(pipe.fit(X, [1.0, 2.0, 4.0]).decision_["f"].conversions, pipe.predict(X).shape)
    ray.shutdown()
"""


@pytest.mark.slow
def test_on_another_ray_than_its_first_modin_does_not_work_and_pandas_stays():
    done = subprocess.run([sys.executable, "-c", RAY_GONE], capture_output=True, text=True, check=True)

    assert done.stdout == "('pandas to modin',) (3,)\n() (3,)\n"
    assert "the ray that modin was used with in this process has been shut down" in done.stderr


def test_it_is_a_parameter_like_the_others(pipe, frame, y):
    X = frame[["a", "b"]]
    opened = pickle.loads(pickle.dumps(clone(pipe).fit(X, y)))

    for made in (clone(pipe), pipe[:2], opened, accelerate(pipe)):
        assert (made.frame, made.frame_min_rows) == ("modin", 100)
    np.testing.assert_array_equal(opened.predict(X), pipe.fit(X, y).predict(X))


def test_accelerate_gives_it_to_pipelines():
    plain = GridSearchCV(make_pipeline(Widen(), Ridge()), {})
    made = accelerate(plain, frame="modin", frame_min_rows=5).estimator

    assert (made.frame, made.frame_min_rows) == ("modin", 5)
    with pytest.raises(TypeError, match="frame='modin' is an option of pipelines"):
        accelerate(Ridge(), frame="modin")


def test_explain_says_so_before_the_fit(pipe, frame, y):
    told = explain(pipe, frame[["a", "b"]], y)

    assert told["widen"].conversions == ("pandas to modin",)


@pytest.mark.parametrize("wrong", [{"frame": "modim"}, {"frame_min_rows": -1}, {"frame_min_rows": 1.5}])
def test_a_wrong_value_is_named(wrong, pipe, frame, y):
    ((name, value),) = wrong.items()

    with pytest.raises(UnsupportedParameter, match=f"{name}={value!r} is n") as caught:
        pipe.set_params(**wrong).fit(frame[["a", "b"]], y)
    assert caught.value.parameter == name
    assert not hasattr(pipe, "decision_")


def test_without_modin_it_says_how_to_get_it(pipe, frame, y, monkeypatch):
    monkeypatch.setitem(sys.modules, "modin.pandas", None)

    with pytest.raises(EngineNotAvailable, match=r'pip install "accelsk\[modin\]"'):
        pipe.fit(frame[["a", "b"]], y)
