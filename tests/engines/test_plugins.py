"""Plug-in packages are found by their entry points; a broken one is reported under its name, and the rest work."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[1] / "plugins"

pytestmark = pytest.mark.xdist_group("plugins")  # the packages are installed once


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a folder that pip has installed both plug-in packages into, from copies of their sources."""
    site, sources = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("sources")
    for name in ("accelsk-loopback", "accelsk-broken"):
        ignored = shutil.ignore_patterns("*.egg-info", "__pycache__", "build")
        shutil.copytree(PLUGINS / name, sources / name, ignore=ignored)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    subprocess.run([*command, *map(str, sources.iterdir())], check=True, capture_output=True, text=True)
    return site


@pytest.fixture(scope="module")
def ask(site):
    """Return a function that evaluates an expression in a process that has the plug-ins, and gives its value."""

    def evaluate(expression, *options):
        code = f"import json, sys, accelsk; engines = sys.modules['accelsk.engines']; print(json.dumps({expression}))"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *filter(None, sys.path)])}
        done = subprocess.run(
            [sys.executable, *options, "-c", code], check=False, capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    return evaluate


def test_the_good_one_is_listed_beside_the_built_in_ones(ask):
    names, _ = ask("engines.names()")

    assert "loopback" in names
    assert "sklearn" in names
    assert not {"crashing", "misnamed", "notanengine"} & set(names)


def test_the_good_one_fits(ask):
    fit = (
        "accelsk.AcceleratedEstimator(__import__('sklearn.svm').svm.SVC(), engine='loopback').fit([[0.], [1.]], [0, 1])"
    )

    assert ask(f"{fit}.engine_")[0] == "loopback"


@pytest.mark.parametrize(
    "name, reason",
    [
        ("crashing", "RuntimeError: the driver is too old"),
        ("misnamed", "its entry point is named 'misnamed', but its engine 'another'"),
        ("notanengine", "its entry point is a dict, not an accelsk.engines.spec.Engine"),
        ("sklearn", "accelsk has an engine of the name 'sklearn', which wins"),
    ],
)
def test_a_broken_one_is_reported_under_its_packages_name(ask, name, reason):
    broken, _ = ask("engines.broken()")

    assert broken[name] == f"the plug-in package 'accelsk-broken' could not be loaded: {reason}"


def test_a_broken_one_warns_once_with_the_way_out(ask):
    _, told = ask("[engines.names(), engines.names(), engines.broken()]")

    assert told.count("engine 'crashing' is left out") == 1
    assert "update or uninstall 'accelsk-broken'" in told


def test_asking_for_a_broken_one_says_why_it_is_not_there(ask):
    told, _ = ask("str(__import__('pytest').raises(ImportError, engines.get, 'crashing').value)")

    assert "the driver is too old" in told
    assert "accelsk-broken" in told


def test_a_name_that_is_taken_leaves_the_engine_as_it_is(ask):
    assert ask("engines.get('sklearn').title")[0] == "scikit-learn"


def test_the_table_of_engines_shows_the_broken_ones(ask):
    table, _ = ask("accelsk.engines().to_dict()")
    usable = {row["engine"]: row["usable"] for row in table}

    assert usable["loopback"] == "yes"
    assert usable["crashing"] == "no"


def test_listing_plug_ins_imports_no_library(ask):
    loaded, _ = ask("[str(accelsk.engines()), 'accelsk_loopback.library' in sys.modules][1]")

    assert loaded is False
