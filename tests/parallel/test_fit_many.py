"""fit_many fits several models to the same data at once, and one that fails does not lose the others."""

import io
import os
import pickle
import re
import signal
import subprocess
import sys
import textwrap
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from packaging.version import Version
from rich.console import Console
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, AcceleratedPipeline, config_context
from accelsk.errors import EngineFallbackWarning, FitFailed, UnsupportedParameter
from accelsk.parallel.many import FailedFit, fit_many
from accelsk.parallel.workers import workers_for


class Noting(BaseEstimator):
    """Notes where it was fitted, and with what."""

    def fit(self, X, y=None, sample_weight=None):
        self.process_ = os.getpid()
        self.files_ = getattr(X, "filename", None), getattr(sample_weight, "filename", None)
        self.assume_finite_ = sklearn.get_config()["assume_finite"]
        return self


class Killed(BaseEstimator):
    """As a segmentation fault, or the system when memory runs out."""

    def fit(self, X, y=None):
        os.kill(os.getpid(), signal.SIGKILL)


class Stuck(BaseEstimator):
    """What it becomes cannot be sent back."""

    def fit(self, X, y=None):
        self.generator_ = (row for row in X)
        return self


# -- models in, models out -------------------------------------------------------------------------------------------


def test_a_dict_comes_back_as_a_dict(iris):
    given = {"svc": SVC(), 2: GaussianNB()}
    fitted = fit_many(given, *iris)

    assert list(fitted) == ["svc", 2]
    assert type(fitted["svc"]) is SVC
    assert all(model.score(*iris) > 0.9 for model in fitted.values())


@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_comes_back_as_a_list_with_names_where_it_had_them(iris, kind):
    fitted = fit_many(kind([SVC(), ("bayes", GaussianNB()), SVC(C=10)]), *iris)

    assert type(fitted) is kind
    assert [type(each) for each in fitted] == [SVC, tuple, SVC]
    assert fitted[1][0] == "bayes"
    assert fitted[1][1].score(*iris) > 0.9
    assert (fitted[0].C, fitted[2].C) == (1.0, 10)


def test_nothing_comes_back_as_nothing(iris):
    assert fit_many({}, *iris) == {}
    assert fit_many([], *iris) == []


def test_the_models_that_were_given_do_not_change(iris):
    model, generator = SVC(), np.random.RandomState(0)
    forest = RandomForestClassifier(5, random_state=generator)
    fitted = fit_many([model, forest], *iris)

    assert fitted[0] is not model
    assert not hasattr(model, "support_")
    assert not hasattr(forest, "estimators_")
    assert generator.randint(1000) == np.random.RandomState(0).randint(1000)


@pytest.mark.parametrize(
    "models, error, said",
    [
        (SVC(), TypeError, "neither a dict nor a list"),
        ([SVC], TypeError, "not an estimator"),
        ({"svc": "svc"}, TypeError, r"models\['svc'\]='svc' is not an estimator"),
        ([("a", SVC()), ("a", GaussianNB())], UnsupportedParameter, "several of the name 'a'"),
    ],
)
def test_what_is_no_collection_of_models_is_refused(iris, models, error, said):
    with pytest.raises(error, match=said):
        fit_many(models, *iris)


@pytest.mark.parametrize("wrong", [{"on_error": "ignore"}, {"progress": "loud"}])
def test_options_have_to_be_among_those_there_are(iris, wrong):
    with pytest.raises(UnsupportedParameter, match=f"{next(iter(wrong))}='") as caught:
        fit_many([SVC()], *iris, **wrong)
    assert caught.value.hint


# -- the same as one after the other ---------------------------------------------------------------------------------


def every_kind():
    shared = np.random.RandomState(7)
    scaled = [("scale", StandardScaler()), ("svc", SVC())]
    return {
        "forest": RandomForestClassifier(5, random_state=shared),
        "other forest": RandomForestClassifier(5, random_state=shared),
        "neighbours": KNeighborsClassifier(),
        "accelerated": AcceleratedEstimator(RandomForestClassifier(5, random_state=shared), engine="sklearn"),
        "pipeline": AcceleratedPipeline(scaled, engine="sklearn"),
        "search": GridSearchCV(AcceleratedEstimator(SVC(), engine="sklearn"), {"C": [1, 10]}, cv=3),
    }


@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_every_backend_gives_what_fitting_one_by_one_gives(iris, backend):
    X, y = iris
    expected = {name: sklearn.clone(model).fit(X, y) for name, model in every_kind().items()}

    fitted = fit_many(every_kind(), X, y, n_jobs=2, backend=backend)

    assert list(fitted) == list(expected)
    for name, model in fitted.items():
        method = "decision_function" if name in ("pipeline", "search") else "predict_proba"
        np.testing.assert_array_equal(getattr(model, method)(X), getattr(expected[name], method)(X), err_msg=name)
    assert fitted["accelerated"].decision_.engine == "sklearn"
    assert list(fitted["pipeline"].decision_) == ["scale", "svc"]
    assert fitted["search"].best_params_ == expected["search"].best_params_


def test_models_without_a_target(iris):
    (scaler,) = fit_many([StandardScaler()], iris[0])
    np.testing.assert_array_equal(scaler.mean_, iris[0].mean(axis=0))


def test_the_surrounding_configuration_says_where_if_nothing_else_does(iris):
    with parallel_config("loky", n_jobs=2), sklearn.config_context(assume_finite=True):
        fitted = fit_many([Noting(), Noting(), Noting()], *iris)
        here = fit_many([Noting(), Noting()], *iris, backend="threading")

    assert os.getpid() not in {model.process_ for model in fitted}
    assert {model.process_ for model in here} == {os.getpid()}
    assert {model.assume_finite_ for model in (*fitted, *here)} == {True}


def test_there_are_no_more_workers_than_models():
    with workers_for(3, "loky", n_jobs=8) as n_workers:
        assert n_workers == 3
    with workers_for(10**6, "loky", n_jobs=3) as n_workers:
        assert n_workers == 3
    with workers_for(3) as n_workers:
        assert n_workers == 1
    with parallel_config("threading", n_jobs=4), workers_for(3) as n_workers:
        assert n_workers == 3


def test_a_backend_by_itself_means_all_cores():
    with workers_for(10**6, "loky") as n_workers:
        assert n_workers == joblib.cpu_count()


def test_the_data_go_to_the_workers_once():
    X, weight = np.zeros((200_000, 2)), np.ones(200_000)
    fitted = fit_many([Noting() for _ in range(5)], X, n_jobs=2, backend="loky", sample_weight=weight)

    (files,) = {model.files_ for model in fitted}
    assert None not in files


# -- options ---------------------------------------------------------------------------------------------------------


def test_plain_models_stay_plain_unless_an_engine_is_asked_for(iris):
    given = [SVC(), make_pipeline(StandardScaler(), SVC()), AcceleratedEstimator(SVC(), engine="sklearn")]

    plain = fit_many(given, *iris)
    asked = fit_many(given, *iris, engine=["sklearnex", "sklearn"], fallback="silent")

    assert [type(model) for model in plain] == [SVC, Pipeline, AcceleratedEstimator]
    assert [type(model) for model in asked] == [AcceleratedEstimator, AcceleratedPipeline, AcceleratedEstimator]
    assert asked[0].engine == ["sklearnex", "sklearn"]
    assert asked[2].engine == "sklearn"


def test_the_options_of_a_block_hold_in_the_workers(iris):
    with config_context(engine="sklearn"):
        fitted = fit_many([AcceleratedEstimator(SVC()), AcceleratedEstimator(SVC(C=2))], *iris, n_jobs=2)
    assert [model.decision_.requested["engine"] for model in fitted] == ["sklearn", "sklearn"]


# -- arguments of fit ------------------------------------------------------------------------------------------------


def test_each_fit_is_given_the_sample_weights(iris):
    X, y = iris
    weight = np.linspace(0, 1, len(y))
    fitted = fit_many({"bayes": GaussianNB(), "accelerated": AcceleratedEstimator(SVC())}, X, y, sample_weight=weight)

    np.testing.assert_array_equal(fitted["bayes"].theta_, GaussianNB().fit(X, y, sample_weight=weight).theta_)
    np.testing.assert_array_equal(
        fitted["accelerated"].predict(X), AcceleratedEstimator(SVC()).fit(X, y, sample_weight=weight).predict(X)
    )


def test_a_model_that_does_not_take_them_is_refused_before_any_fit(iris):
    class Forbidden(BaseEstimator):
        def fit(self, X, y=None, sample_weight=None):
            raise AssertionError("it was fitted")

    models = {"first": Forbidden(), "neighbours": KNeighborsClassifier()}
    with pytest.raises(TypeError, match=r"'neighbours' .* 'sample_weight': KNeighborsClassifier.fit\(\) does not"):
        fit_many(models, *iris, sample_weight=np.ones(150))


def test_an_option_that_is_misspelt_is_no_argument_of_fit(iris):
    with pytest.raises(TypeError, match="Did you mean 'engine'"):
        fit_many([SVC()], *iris, enigne="sklearn")


def test_a_pipeline_says_itself_what_it_takes(iris):
    weight = np.ones(150)
    fitted = fit_many([make_pipeline(SVC()), GaussianNB()], *iris, sample_weight=weight, on_error="keep")
    assert isinstance(fitted[0], FailedFit)
    assert "sample_weight" in str(fitted[0].error)

    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(SVC().set_fit_request(sample_weight=True))
        assert fit_many([model], *iris, sample_weight=weight)[0].score(*iris) > 0.9


# -- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", [None, "loky", "threading"])
def test_one_failure_does_not_lose_the_others(iris, backend):
    given = {"good": SVC(), "bad": SVC(C=-1), "better": SVC(C=10)}
    with pytest.raises(FitFailed, match=r"1 of 3 models .* 'bad' \(InvalidParameterError: The 'C'") as caught:
        fit_many(given, *iris, n_jobs=2, backend=backend)

    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert list(error.fitted) == ["good", "bad", "better"]
        assert error.fitted["better"].score(*iris) > 0.9
        assert list(error.failures) == ["bad"]
        assert isinstance(error.failures["bad"].error, ValueError)
        assert "in _validate_params" in error.failures["bad"].traceback
        assert error.failures["bad"].model.C == -1
        assert "on_error" in error.hint
    assert caught.value.__cause__ is caught.value.failures["bad"].error
    assert caught.value.failures["bad"].model is given["bad"]


def test_several_failures_are_a_group(iris):
    with pytest.raises(FitFailed, match="2 of 3") as caught:
        fit_many([SVC(C=-1), SVC(), SVC(gamma=-1)], *iris)

    assert list(caught.value.failures) == ["svc-1", "svc-3"]
    assert [type(each) for each in caught.value.fitted] == [FailedFit, SVC, FailedFit]
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert len(caught.value.__cause__.exceptions) == 2


def test_failures_are_kept_where_that_is_asked_for(iris):
    good, (name, bad) = fit_many([SVC(), ("bad", SVC(C=-1))], *iris, on_error="keep")

    assert good.score(*iris) > 0.9
    assert (name, type(bad)) == ("bad", FailedFit)
    assert isinstance(bad.error, ValueError)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("model, said", [(Killed(), "worker"), pytest.param(Stuck(), "pickle", marks=pytest.mark.slow)])
def test_a_worker_that_dies_takes_only_its_own_model_with_it(iris, model, said):
    fitted = fit_many([SVC(), model, SVC(C=2), SVC(C=3)], *iris, n_jobs=2, backend="loky", on_error="keep")

    assert [type(each) for each in fitted] == [SVC, FailedFit, SVC, SVC]
    assert said in str(fitted[1].error)
    assert all(fitted[number].score(*iris) > 0.9 for number in (0, 2, 3))


INTERRUPTED = """
    import os, signal, sys, threading, time
    from pathlib import Path
    from sklearn.base import BaseEstimator
    from accelsk.parallel.many import fit_many

    class Slow(BaseEstimator):
        def __init__(self, folder):
            self.folder = folder

        def fit(self, X, y=None):
            (self.folder / f"{os.getpid()}.worker").touch()
            time.sleep(600)

    def interrupt(folder):
        while len(list(folder.glob("*.worker"))) < 2:
            time.sleep(0.1)
        os.killpg(os.getpid(), signal.SIGINT)  # as a terminal does

    if __name__ == "__main__":
        folder = Path(sys.argv[1])
        threading.Thread(target=interrupt, args=[folder], daemon=True).start()
        try:
            fit_many([Slow(folder), Slow(folder), Slow(folder)], [[1]], n_jobs=2, backend="loky", progress=True)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
"""


@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups")
def test_an_interruption_ends_it_and_its_workers(tmp_path):
    (tmp_path / "script.py").write_text(textwrap.dedent(INTERRUPTED))
    command = [sys.executable, "-W", "error", tmp_path / "script.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True, start_new_session=True)

    assert done.stdout == "interrupted\n"
    assert "slow-3" in done.stderr
    assert "Traceback" not in done.stderr
    for worker in tmp_path.glob("*.worker"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(worker.stem), 0)


# -- progress --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", [None, "loky", "threading", "multiprocessing"])
def test_a_line_per_model_says_what_fitted_it_or_why_not(iris, backend):
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    models = {
        "[plain]": GaussianNB(),
        "bad": SVC(C=-1),
        "accelerated": AcceleratedEstimator(SVC(), engine="sklearn"),
        "pipeline": make_pipeline(StandardScaler(), AcceleratedEstimator(SVC(), engine="sklearn")),
    }
    fit_many(models, *iris, n_jobs=2, backend=backend, on_error="keep", progress=console)

    took = r"\d+\.\d\d s"
    expected = [
        rf"\[plain\] +plain +{took}",
        rf"bad +failed: InvalidParameterError: The 'C' parameter of SVC .*… +{took}",
        rf"accelerated +sklearn on cpu +{took}",
        rf"pipeline +sklearn on cpu +{took}",
        rf"3 of 4 fitted, 1 failed +{took}",
    ]
    for line, pattern in zip(console.file.getvalue().splitlines(), expected, strict=True):
        assert re.fullmatch(pattern, line.strip()), line


def test_progress_goes_to_the_standard_error_if_that_is_a_terminal(iris, capfd):
    fit_many([SVC()], *iris)
    assert capfd.readouterr() == ("", "")

    fit_many([SVC()], *iris, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "1 of 1 fitted" in err


def test_a_worker_shows_no_progress_of_its_own(iris, capfd):
    with ThreadPoolExecutor(1) as executor:
        executor.submit(fit_many, [SVC()], *iris, progress="auto").result()
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_is_shown_the_models_while_they_are_fitted(tmp_path):
    import pty

    (tmp_path / "script.py").write_text(
        "from sklearn.svm import SVC\nfrom sklearn.datasets import load_iris\n"
        "from accelsk.parallel.many import fit_many\nfit_many([SVC()], *load_iris(return_X_y=True))\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    subprocess.run([sys.executable, tmp_path / "script.py"], stderr=theirs, env=environment, timeout=60, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)

    assert "svc" in shown
    assert "1 of 1 fitted" in shown


# -- warnings --------------------------------------------------------------------------------------------------------


def test_warnings_of_the_workers_are_given_once_on_the_line_of_the_call(iris):
    models = [AcceleratedEstimator(SVC(), engine="lightgbm"), AcceleratedEstimator(SVC(), engine="lightgbm")]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit_many(models, *iris, n_jobs=2, backend="loky")

    (told,) = caught
    assert told.category is EngineFallbackWarning
    assert told.filename == __file__


def test_warnings_of_scikit_learn_point_where_they_always_do(iris):
    models = [LogisticRegression(max_iter=1), LogisticRegression(max_iter=1), GaussianNB()]
    with pytest.warns(ConvergenceWarning) as caught:
        fit_many(models, *iris, n_jobs=2, backend="loky")
    assert len(caught) == 1
    assert "sklearn" in caught[0].filename


@pytest.mark.skipif(Version(sklearn.__version__) < Version("1.7"), reason="filters reach workers since 1.7")
def test_a_warning_that_is_made_an_error_fails_its_model(iris):
    models = [LogisticRegression(max_iter=1), GaussianNB()]
    fitted = fit_many(models, *iris, n_jobs=2, backend="loky", on_error="keep")  # warnings are errors in these tests
    assert [type(each) for each in fitted] == [FailedFit, GaussianNB]
    assert isinstance(fitted[0].error, ConvergenceWarning)
