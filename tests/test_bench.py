"""``accelsk bench``: a user's own estimator on a user's own data, by every engine, with scores and what to set."""

import json
import pickle
import re
import sys

import joblib
import numpy as np
import pytest
from sklearn.datasets import dump_svmlight_file, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, accelerate
from accelsk.bench.measure import Contender, Measured
from accelsk.bench.report import advice, table
from accelsk.bench.samples import read_samples
from accelsk.bench.subject import load_subject, plain
from accelsk.cli import main
from accelsk.engines import names, why_missing
from accelsk.errors import AccelskError
from accelsk.timing import Comparison, Spread, Timed

SCRIPT = """
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from accelsk import AcceleratedEstimator
LIMIT = 3
model = AcceleratedEstimator(LogisticRegression(C=0.5))
other = SVC()
if __name__ == "__main__":
    raise SystemExit("it is not run as a program")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT)
    X, y = make_classification(120, 5, random_state=0)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    return tmp_path


def answer(capsys, *arguments):
    assert main(["bench", *arguments, "--seconds", "0.01", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


# -- the command -----------------------------------------------------------------------------------------------------


def test_every_usable_engine_is_measured_or_says_why_not(folder, capsys):
    found = answer(capsys, "script.py", "data.npz")

    plain, auto, *named = found["contenders"]
    assert (plain["name"], plain["score"] > 0.8) == ("plain scikit-learn", True)
    assert auto["engine"] == "auto"
    assert [each["engine"] for each in named] == [name for name in names() if why_missing(name) is None]
    assert all(bool(each["reason"]) != (each["score"] is not None) for each in named)
    assert list(found["operations"]) == ["fit", "1", "32", "120"]
    taking_part = [each["name"] for each in found["contenders"] if not each["reason"]]
    assert all(set(taking_part) <= set(each["timed"]) for each in found["operations"].values())


def test_the_table_has_a_line_for_each_engine_that_was_named(folder, capsys):
    arguments = ["script.py", "data.npz", "--seconds", "0.01", "--engine", "sklearn", "--engine", "xgboost"]
    assert main(["bench", *arguments]) == 0

    out = capsys.readouterr().out
    assert "LogisticRegression(C=0.5)" in out
    assert "120 rows x 5 columns, target y; fit on 90 rows, score on the other 30" in out
    assert re.search('^engine="sklearn" +sklearn +exact ', out, re.MULTILINE)
    assert "engine 'xgboost' does not compute sklearn.linear_model.LogisticRegression" in out
    assert "fit: " in out


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["missing.py", "data.npz"], "there is no file 'missing.py'"),
        (["script.py", "missing.csv"], "there is no file 'missing.csv'"),
        (["data.npz", "data.npz"], "neither a script nor a saved model"),
        (["script.py", "script.py"], "of no format that is read here"),
        (["script.py", "data.npz", "--object", "LIMIT"], "holds a int, not an estimator"),
        (["script.py", "data.npz", "--object", "absent"], "its estimators are model, other"),
        (["script.py", "data.npz", "--target", "z"], "has no array z"),
        (["script.py", "data.npz", "--engine", "sklearm"], "there is no engine 'sklearm'"),
    ],
)
def test_what_is_wrong_is_said_and_the_exit_code_is_two(arguments, told, folder, capsys):
    assert main(["bench", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_data_that_the_estimator_itself_cannot_take_are_an_error(folder, capsys):
    np.savez("missing.npz", X=np.full((20, 2), np.nan), y=np.arange(20) % 2)

    assert main(["bench", "script.py", "missing.npz"]) == 2
    assert (
        "LogisticRegression cannot be fitted to these data: ValueError: Input X contains NaN" in capsys.readouterr().err
    )


def test_help_warns_of_code_in_pickles(capsys):
    main(["bench", "--help"])
    assert "opening a pickle runs what code it holds" in " ".join(capsys.readouterr().out.split())


# -- the estimator ---------------------------------------------------------------------------------------------------


def test_of_a_script_the_first_estimator_is_taken_without_its_wrapper_or_the_one_that_is_named(folder):
    assert repr(load_subject(folder / "script.py")) == "LogisticRegression(C=0.5)"
    assert repr(load_subject(folder / "script.py", "other")) == "SVC()"
    assert str(folder) not in sys.path


@pytest.mark.parametrize("text, told", [("1 / 0", "ZeroDivisionError"), ("x = 1", "no estimator at module level")])
def test_a_script_without_one_says_so(text, told, tmp_path):
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(AccelskError, match=told):
        load_subject(tmp_path / "bad.py")


@pytest.mark.parametrize("suffix", [".pkl", ".joblib", ".skops"])
def test_of_a_file_a_fitted_model_is_taken_unfitted(suffix, tmp_path, iris):
    path = tmp_path / f"model{suffix}"
    model = make_pipeline(StandardScaler(), LogisticRegression(C=2)).fit(*iris)
    if suffix == ".skops":
        pytest.importorskip("skops.io").dump(model, path)
    else:
        {".pkl": lambda: path.write_bytes(pickle.dumps(model)), ".joblib": lambda: joblib.dump(model, path)}[suffix]()

    found = load_subject(path)
    assert repr(found[-1]) == "LogisticRegression(C=2)"
    assert not hasattr(found[-1], "coef_")


def test_a_file_that_is_no_pickle_points_to_inspect(tmp_path):
    (tmp_path / "model.pkl").write_text("text")
    with pytest.raises(AccelskError, match="accelsk inspect"):
        load_subject(tmp_path / "model.pkl")


def test_wrappers_are_taken_off_wherever_they_are():
    pipe = Pipeline([("scale", StandardScaler()), ("clf", SVC(C=2))])
    assert repr(plain(accelerate(pipe))) == repr(pipe)
    search = GridSearchCV(AcceleratedEstimator(SVC()), {"C": [1, 2]})
    assert repr(plain(search)) == repr(GridSearchCV(SVC(), {"C": [1, 2]}))


# -- the data --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".feather"])
def test_of_a_table_the_last_column_is_the_target_or_the_one_that_is_named(suffix, tmp_path):
    pd = pytest.importorskip("pandas")
    if suffix != ".csv":
        pytest.importorskip("pyarrow")
    table = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20) % 2, "c": np.arange(20) % 3})
    path = tmp_path / f"data{suffix}"
    {".csv": lambda: table.to_csv(path, index=False), ".parquet": lambda: table.to_parquet(path),
     ".feather": lambda: table.to_feather(path)}[suffix]()  # fmt: skip

    last = read_samples(path, target=None, supervised=True, classes=True)
    assert (last.target, list(last.X), sorted(set(last.y))) == ("c", ["a", "b"], [0, 1, 2])
    named = read_samples(path, target="b", supervised=True, classes=True)
    assert (named.target, list(named.X), len(named.X_test)) == ("b", ["a", "c"], 5)
    with pytest.raises(AccelskError, match=r"--target z: .* has no such column.\nHint: it has a, b, c"):
        read_samples(path, target="z", supervised=True, classes=True)
    assert read_samples(path, target=None, supervised=False, classes=False).X.shape == (20, 3)


def test_a_parquet_file_without_its_reader_says_what_to_install(tmp_path, monkeypatch):
    pytest.importorskip("pandas")
    (tmp_path / "data.parquet").write_bytes(b"PAR1")
    for name in ("pyarrow", "pyarrow.parquet", "fastparquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(AccelskError, match=r"reading parquet needs pyarrow.*\nHint: pip install pandas pyarrow"):
        read_samples(tmp_path / "data.parquet", target=None, supervised=True, classes=True)


def test_arrays_and_svmlight(tmp_path):
    table = np.column_stack([np.arange(12.0), np.ones(12), np.arange(12) % 2])
    np.save(tmp_path / "data.npy", table)
    dump_svmlight_file(table[:, :2], table[:, 2], str(tmp_path / "data.libsvm"))

    array = read_samples(tmp_path / "data.npy", target="0", supervised=True, classes=False)
    assert (array.X.shape, array.target, array.y[-1]) == ((12, 2), "column 0", 11.0)
    sparse = read_samples(tmp_path / "data.libsvm", target=None, supervised=True, classes=True)
    assert (sparse.X.format, sparse.X.shape, set(sparse.y)) == ("csr", (12, 2), {0.0, 1.0})


def test_fewer_rows_can_be_asked_for_and_too_few_are_refused(folder, tmp_path):
    assert read_samples(folder / "data.npz", target=None, supervised=True, classes=True, rows=40).X.shape == (40, 5)
    np.savez(tmp_path / "few.npz", X=np.zeros((3, 1)), y=np.zeros(3))
    with pytest.raises(AccelskError, match="has 3 rows"):
        read_samples(tmp_path / "few.npz", target=None, supervised=True, classes=True)


def test_without_a_target_the_rows_are_scored_as_they_can_be(folder, capsys):
    (folder / "clusters.py").write_text("from sklearn.cluster import KMeans\nkm = KMeans(2, n_init=1)")

    found = answer(capsys, "clusters.py", "data.npz", "--engine", "sklearn")
    assert (found["target"], found["method"]) == ("", "predict")
    assert found["contenders"][0]["score"] < 0


# -- what it comes to ------------------------------------------------------------------------------------------------


def timed(seconds, base=1.0, repeats=3):
    ratio = base / seconds
    return Timed(seconds, 1, Spread.of([seconds] * repeats), Spread.of([ratio] * repeats), (seconds,) * repeats)


def measured(repeats=3, **seconds):
    """The plain estimator takes a second; each contender has seconds and a score."""
    names = {"plain": "plain scikit-learn", "auto": 'engine="auto"', "fast": 'engine="fast"'}
    contenders = [Contender(names["plain"], "", Ridge, ran="sklearn", score=0.9)]
    contenders += [Contender(names[key], key, Ridge, ran=key, score=score) for key, (_, score) in seconds.items()]
    times = {names["plain"]: timed(1.0), **{names[key]: timed(took) for key, (took, _) in seconds.items()}}
    return Measured(Ridge(), "", tuple(contenders), {"fit": Comparison(repeats, times)})


def test_the_fastest_is_what_to_set():
    assert advice(measured(auto=(0.9, 0.9), fast=(0.5, 0.9))) == [
        'fit: 2.00 times as fast with accelsk.accelerate(estimator, engine="fast")'
    ]


def test_auto_is_preferred_where_it_is_as_good():
    assert 'engine="auto"' in advice(measured(auto=(0.51, 0.9), fast=(0.5, 0.9)))[0]


def test_a_faster_engine_that_is_worse_is_not_advised_and_shows():
    found = measured(auto=(1.0, 0.9), fast=(0.5, 0.8))

    best, worse = advice(found)
    assert best == "fit: nothing was clearly faster than the estimator as it is."
    assert worse == 'Left out of this, since the score is lower: engine="fast".'
    assert "0.8000 (lower by 0.100)" in str(table(found))


def test_one_round_shows_no_small_difference():
    assert "nothing was clearly faster" in advice(measured(repeats=1, auto=(0.8, 0.9)))[0]
    assert "2.00 times as fast" in advice(measured(repeats=1, auto=(0.5, 0.9)))[0]


def test_a_prepared_model_is_advised_where_it_is_faster_and_not_where_its_engine_is_worse():
    for score, told in (
        (0.9, 'engine="auto"), and model.prepare(batch_sizes=(1,)) after the fit'),
        (0.8, "nothing was"),
    ):
        found = measured(auto=(0.5, score))
        times = {**found.operations["fit"].timed, 'engine="auto", prepared': timed(0.1)}
        found = Measured(
            found.estimator, "predict", found.contenders, {"fit": found.operations["fit"], "1": Comparison(3, times)}
        )

        assert told in advice(found)[1]
        assert 'engine="auto", prepared' in str(table(found))
