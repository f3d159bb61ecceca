"""Data sets, and third-party packages, that several test modules share."""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.preprocessing import scale

from accelsk.engines import refresh

# No test starts an OpenCL driver in this process: others fork it, and a driver that was started does not survive that.
# But for .ci/test-sycl, which is about one: nothing is forked there.
os.environ["OCL_ICD_VENDORS"] = os.environ.get("TEST_SYCL_VENDORS", "/nonexistent")

# What the developer has calibrated is not to decide what the tests see.
os.environ["ACCELSK_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / "accelsk-tests-without-a-cache")


@pytest.fixture(scope="session")
def iris():
    """Three classes, 150 rows, 4 columns."""
    return load_iris(return_X_y=True)


@pytest.fixture(scope="session")
def breast_cancer():
    """Two classes, 569 rows, 30 columns, standardised."""
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


@pytest.fixture(scope="session")
def diabetes():
    """Regression, 442 rows, 10 columns."""
    return load_diabetes(return_X_y=True)


@pytest.fixture(scope="session")
def running_ray():
    """A ray with two workers: one for all tests of a process (of the xdist_group "ray"), for modin knows only one."""
    ray = pytest.importorskip("ray")
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


_WORDS = "from accelsk.engines.rules import *\nfrom accelsk.engines.spec import *"


@pytest.fixture
def install_plugin(tmp_path, monkeypatch):
    """Install a third-party package that registers one engine; ``module`` is the code of the library behind it."""

    def install(name, *, module=None, engine=None):
        code = engine or f"Engine(name={name!r}, title='Mine', imports='{name}_lib', requires=('{name}-lib>=1',))"
        (tmp_path / f"{name}_plugin.py").write_text(f"{_WORDS}\nENGINE = {code}\n")
        if module is not None:
            (tmp_path / f"{name}_lib.py").write_text(module)
        metadata = tmp_path / f"{name}_plugin-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[accelsk.engines]\n{name} = {name}_plugin:ENGINE\n")
        refresh()

    monkeypatch.syspath_prepend(tmp_path)
    yield install
    for module in [name for name, module in list(sys.modules.items()) if _is_below(tmp_path, module)]:
        del sys.modules[module]
    refresh()


def _is_below(folder, module):
    file = getattr(module, "__dict__", {}).get("__file__")  # looked up so that no lazy module wakes up
    return file is not None and Path(file).is_relative_to(folder)


# -- how many of scikit-learn's checks were made, and how they ended: see test_sklearn_contract.py -------------------

_COUNTED = ("classes", "checks", "also", "listed", "new")
_HEADS = ("checks on", "mode", "classes", "checks", "fail on the plain class too", "expected to fail", "fail")


def pytest_addoption(parser):
    parser.addoption("--counts", metavar="FILE", help="write the counts of scikit-learn's checks there, as Markdown")


def pytest_terminal_summary(terminalreporter, config):
    """Print the totals of scikit-learn's checks, and write them where ``--counts`` says."""
    totals = {}
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, counts in getattr(report, "user_properties", ()):
                if name == "conformance":
                    total = totals.setdefault((counts["mode"], counts["subject"]), Counter())
                    total.update(classes=1, **{key: counts[key] for key in _COUNTED[1:]})
    if not totals:
        return
    lines = [f"| {' | '.join(_HEADS)} |", "| --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for (mode, subject), total in sorted(totals.items()):
        lines.append(f"| {subject} | {mode} | {' | '.join(str(total[key]) for key in _COUNTED)} |")
    whole = sum(totals.values(), Counter())
    lines.append(f"| **all** | | | {' | '.join(f'**{whole[key]}**' for key in _COUNTED[1:])} |")
    terminalreporter.section("scikit-learn's checks")
    terminalreporter.write_line("\n".join(lines))
    if config.getoption("--counts"):
        Path(config.getoption("--counts")).write_text("\n".join(lines) + "\n")
