"""What this machine was measured to take: kept for it, and ignored when it is another one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from sklearn.linear_model import LinearRegression

from accelsk import calibrate, calibration
from accelsk.calibration import calibration_file, factor, forget, origin, stored
from accelsk.cli import main
from accelsk.costs import Work, cost_of, seconds_for

NAME = "sklearn.linear_model.LinearRegression"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A folder for caches of its own."""
    monkeypatch.setenv("ACCELSK_CACHE_DIR", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache"
    monkeypatch.undo()
    forget()


def linear_regression(name):
    return name == NAME


def test_it_measures_every_engine_and_refines_the_estimates(cache):
    assert stored() == {}
    params = LinearRegression().get_params()
    before = seconds_for("sklearn", NAME, "fit", params, Work(1000, 10))
    found = calibrate(seconds=3, progress=False, only=linear_regression)
    assert {(row.engine, row.estimator) for row in found} >= {("sklearn", NAME), ("sklearnex", NAME)}
    assert all(row.factor > 0 and row.points for row in found)
    measured = next(row.factor for row in found if (row.engine, row.operation) == ("sklearn", "fit"))
    assert factor("sklearn", NAME, "fit") == measured
    after = seconds_for("sklearn", NAME, "fit", params, Work(1000, 10))
    assert after == pytest.approx(before * measured)
    assert "calibrated here on" in origin()
    assert NAME.rpartition(".")[2] in str(found)


def test_it_is_kept_for_later_processes(cache):
    calibrate(seconds=2, progress=False, only=linear_regression)
    code = f"from accelsk.calibration import factor; print(factor('sklearn', {NAME!r}, 'fit'))"
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=True)
    assert float(done.stdout) == factor("sklearn", NAME, "fit")


def test_another_machine_or_version_makes_it_stale(cache, monkeypatch):
    write(cache, fingerprint=calibration.fingerprint(), factor=3.0)
    assert factor("sklearn", NAME, "fit") == 3.0
    forget()
    monkeypatch.setattr(calibration, "processor_name", lambda: "another processor")
    assert factor("sklearn", NAME, "fit") == 1.0
    assert "another machine" in stored()["stale"]
    assert "another machine" in next(each.found for each in examine_estimates())


def test_a_file_that_cannot_be_read_counts_as_none(cache):
    cache.mkdir()
    calibration_file().write_text("{")
    assert factor("sklearn", NAME, "fit") == 1.0
    assert "cannot be read" in stored()["stale"]


def test_the_doctor_shows_it(cache):
    assert "accelsk calibrate" in next(examine_estimates()).remedy
    write(cache, fingerprint=calibration.fingerprint(), factor=3.0)
    forget()
    (found,) = examine_estimates()
    assert found.status == "ok"
    assert "1 operations, measured 2026-01-01" in found.found


def test_no_time_leaves_the_estimates_as_they_are(cache):
    assert list(calibrate(seconds=0, progress=False, only=linear_regression)) == []
    assert factor("sklearn", NAME, "fit") == 1.0


def test_the_command(cache, capsys, monkeypatch):
    monkeypatch.setattr(calibration, "_cases", list)
    assert main(["calibrate", "--seconds", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(calibration_file()), "measured": []}


def test_the_variable_for_the_folder_is_known_to_the_doctor(cache):
    from accelsk.config import check_environment

    assert check_environment()["ACCELSK_CACHE_DIR"] == (str(cache), "")


def test_the_class_that_is_calibrated_is_shipped_for_both_engines():
    for engine in ("sklearn", "sklearnex"):
        assert cost_of(engine, NAME, "fit", LinearRegression().get_params()) is not None


def examine_estimates():
    from accelsk.doctor import CHECKS, Finding

    return (Finding("estimates", *found) for found in CHECKS["estimates"]())


def write(folder, *, fingerprint, factor):
    folder.mkdir()
    row = {"engine": "sklearn", "estimator": NAME, "operation": "fit", "factor": factor, "points": 2}
    data = {"format": 1, "when": "2026-01-01T00:00:00", "fingerprint": fingerprint, "factors": [row]}
    calibration_file().write_text(json.dumps(data))
