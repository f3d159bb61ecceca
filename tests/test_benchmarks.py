"""The benchmark: its cases and bars as data, what a run of it finds, and the page that is made of that."""

import inspect
import json
import re
import sys

import pytest

from accelsk.engines import get, names, reference
from accelsk.threads import limited
from benchmarks import bars, report, suite, sweep
from benchmarks.cases import BATCHES, CASES, QUICK, SIZES, available, data
from benchmarks.contenders import AUTO, PATCHED, PLAIN, contenders
from benchmarks.pacing import Pace

BY_NAME = {case.name: case for case in CASES}


def test_there_are_as_many_cases_and_sizes_as_are_asked_for():
    classes = {step for case in CASES for step in case.steps}
    assert len(BY_NAME) == len(CASES) >= 25
    assert len(classes) >= 25
    assert (min(SIZES), max(rows for rows, _ in SIZES)) == ((200, 10), 200_000)
    assert {columns for _, columns in SIZES} == {10, 50, 200}
    assert BATCHES == (1, 32, 1000, None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_has_parameters_and_methods_that_its_class_knows(case):
    if not available(case):
        pytest.skip("a class of it is not installed")
    estimator = case.make()
    assert case.k[1] == (estimator.get_params()[case.k[0]] if case.k[0] not in ("", "classes") else case.k[1])
    assert all(callable(getattr(type(estimator), method, None)) for method in case.methods)
    assert any(case.fits(size) for size in SIZES)


@pytest.mark.parametrize("kind", ["classes", "numbers", "blobs", "low rank"])
def test_data_are_contiguous_and_the_same_every_time(kind):
    X, y = data(kind, 50, 20)
    assert X.flags.c_contiguous
    assert (X.shape, len(y), X.dtype) == ((50, 20), 50, "float64")
    data.cache_clear()
    assert (data(kind, 50, 20)[0] == X).all()


def test_the_quick_run_has_cases_that_there_are_at_sizes_that_they_fit():
    assert all(BY_NAME[name].fits(size) for name, sizes in QUICK.items() for size in sizes)


def test_every_row_that_auto_may_choose_on_a_processor_has_a_case_or_one_like_it():
    """The cost model is made from these cases: a class without one has only what its row declares."""
    measured = {step for case in CASES for step in case.steps}
    alike = {
        "sklearn.svm.NuSVR", "sklearn.linear_model.LogisticRegressionCV", "sklearn.preprocessing.MaxAbsScaler",
        "sklearn.dummy.DummyRegressor", "sklearn.ensemble.ExtraTreesRegressor",
    }  # fmt: skip
    chosen = {
        row.estimator
        for name in names(plugins=False)
        for row in get(name).rows
        if row.worth is not None and not row.native and "cpu" in (row.devices or ("cpu",))
    }
    assert chosen <= measured | alike


def test_the_bars_name_cases_sizes_and_contenders_that_there_are():
    closed = [inspect.getclosurevars(bar.figures).nonlocals for bar in bars.BARS]
    which = [inspect.getclosurevars(found["which"]).nonlocals for found in closed if "which" in found]
    named = {
        name for found in which for name in (*found.get("cases", ()), *([found["case"]] if "case" in found else ()))
    }
    assert named
    assert named <= BY_NAME.keys()
    assert {found["of"] for found in closed if "of" in found} == {AUTO, *suite.PREPARED}
    at = [(found["case"], (found["rows"], found["columns"])) for found in which if "rows" in found]
    assert len(at) == 3
    assert all(size in SIZES and BY_NAME[name].fits(size) for name, size in at)


def test_a_bar_tells_how_far_it_is_met():
    bar = bars.Bar("it", 2.0, lambda result: result)
    assert bars._verdict(bar, {"a": (3.0, 4.0), "b": (1.0, 1.5), "c": (1.5, 2.5)}) == bars.Verdict(
        "it", 2.0, False, False, 1.0, count=3, missed=2, clearly=1, of=[("b", 1.0), ("c", 1.5)]
    )
    assert bars._verdict(bar, {"a": (2.0, 2.0)}).met
    assert bars._verdict(bar, {}).met is None
    lower = bars.Bar("it", 2.0, lambda result: result, most=True)
    assert bars._verdict(lower, {"a": (3.0, 2.5), "b": (1.0, 0.5)}).of == [("a", 3.0)]


def test_patched_scikit_learn_is_the_plain_one_where_the_extension_has_no_class():
    ratio = {"median": 2.0, "low": 1.9, "high": 2.1}
    both = {"ratios": {AUTO: ratio, PATCHED: {**ratio, "median": 4.0}}}
    assert bars._means({"operations": [both, {"ratios": {AUTO: ratio}}]}) == {
        "over scikit-learn": pytest.approx((2.0, 2.0)),
        "over the Extension": pytest.approx((1.0, 1.0)),
    }


def test_who_takes_part():
    pytest.importorskip("sklearnex")
    case = BY_NAME["KMeans"]
    there = contenders(case, *case.data_for((200, 10)))
    assert next(iter(there)) == PLAIN
    assert {PLAIN, PATCHED, AUTO, f"{AUTO}:{reference().name}"} <= there.keys()
    patched = there[PATCHED].make()
    assert type(patched).__module__.startswith("sklearnex")
    assert patched.get_params()["n_clusters"] == 8
    assert type(there[PLAIN].make()).__module__.startswith("sklearn.")


def test_how_long_a_call_will_take_grows_with_the_size():
    pace = Pace()
    assert (pace.expected("a", "fit", 100, 10), pace.knows(["a"])) == (0.0, False)
    pace.note("a", "fit", 100, 10, 1.0)
    assert pace.expected("a", "fit", 1000, 20) == pytest.approx(2 * 10**1.3)
    assert pace.expected("a", "fit", 50, 10) == 1.0
    pace.note("a", "predict", 1, 10, 0.5)
    assert pace.expected("a", "predict", 32, 10) == 0.5
    assert pace.expected("a", "predict", 5000, 10) == 2.5
    assert pace.knows(["a"])


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A run of two cases at their smallest size."""
    cases, shortest = [BY_NAME["KMeans"], BY_NAME["StandardScaler"]], suite.Effort(0, 0, 1, 9.0)
    found, left_out = suite.measured(cases, sizes=lambda case: ((200, 10),), effort=shortest, minutes=1.0)
    made = {
        "machine": {**suite.described(), "load_after": 0.0}, "quick": True, "minutes": 0.1,
        "yardsticks": {"compute": 50.0, "memory": 10.0}, "operations": found, "left_out": left_out,
    }  # fmt: skip
    return json.loads(json.dumps(made))


def test_a_run_times_every_operation_by_every_contender(result):
    operations = {(each["case"], each["operation"], each["predicted"]): each for each in result["operations"]}
    assert operations.keys() == {
        *(("KMeans", "fit", None), ("KMeans", "predict", 1), ("KMeans", "predict", 32), ("KMeans", "predict", 200)),
        *(("KMeans", "transform", 1), ("KMeans", "transform", 200)),
        *(("StandardScaler", "fit", None), *(("StandardScaler", "transform", rows) for rows in (1, 32, 200))),
    }
    fit = operations["KMeans", "fit", None]
    assert {PLAIN, AUTO} <= fit["seconds"].keys()
    assert fit["ratios"][AUTO]["median"] == pytest.approx(
        fit["seconds"][PLAIN]["median"] / fit["seconds"][AUTO]["median"], rel=1e-2
    )
    assert fit["engine"] in names()
    assert not any(":" in name for name in operations["KMeans", "predict", 1]["seconds"])


def test_what_there_is_no_time_for_is_listed():
    found, left_out = suite.measured(
        [BY_NAME["KMeans"]], sizes=lambda case: ((200, 10),), effort=suite.HASTY, minutes=-1.0
    )
    assert found == []
    assert left_out == [{"case": "KMeans", "rows": 200, "columns": 10, "why": "the time was over"}]


def test_the_page_shows_the_bars_and_every_operation(result):
    page = report.markdown(result)
    assert "| one row: KMeans | >= 5 |" in page
    assert "| not measured |" in page
    assert "### Fit" in page
    assert re.search(r"^\| KMeans \| \d", page, re.MULTILINE)


def test_the_plots_are_small(result, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    (tmp_path / "result.json").write_text(json.dumps(result))
    monkeypatch.setattr(sys, "argv", ["report", str(tmp_path / "result.json"), "--docs", str(tmp_path)])
    report.main()
    files = list((tmp_path / "benchmarks").glob("*.png"))
    assert {file.name for file in files} == {"latency.png", "regret.png", "speed-up.png"}
    assert all(file.stat().st_size < 150_000 for file in files)
    assert all(f"benchmarks/{file.name}" in (tmp_path / "benchmarks.md").read_text() for file in files)


def test_the_sweep_has_what_the_time_depends_on():
    case = BY_NAME["Ridge"]
    with limited(2):
        records = list(sweep.Sweep(case, until=0.0).records())  # the smallest size is always measured
    assert {(each["operation"], each["predicted"]) for each in records} == {
        ("fit", None), ("predict", 1), ("predict", 100), ("predict", 200),
    }  # fmt: skip
    assert {(each["engine"], each["threads"]) for each in records} >= {("sklearn", None), ("sklearn", 1)}
    assert {each["share"] for each in records} == {0}
    assert all(each["seconds"] > 0 and (each["rows"], each["columns"]) == (200, 10) for each in records)
    with limited(1):
        records = list(sweep.Sweep(case, until=0.0).records())
    assert {(each["threads"], each["share"]) for each in records} == {(None, 1)}
