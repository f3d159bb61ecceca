"""The metadata says what the package is, and what is built from it installs and runs where nothing else is."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from accelsk.engines import get, names

ROOT = Path(__file__).parents[1]
WRITTEN_BY_TOOLS = {"__pycache__", "_build", "generated"}

pytestmark = [
    # The builds are made once: all of this file runs on one worker.
    pytest.mark.xdist_group("packaging"),
    pytest.mark.skipif(not (ROOT / "setup.cfg").exists(), reason="the tests do not stand in a source tree"),
]


@pytest.fixture(scope="module")
def metadata():
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_pyproject_leaves_the_metadata_to_setup_cfg():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert "project" not in pyproject


def test_every_extra_that_an_engine_names_is_in_the_metadata(metadata):
    declared = set(metadata["options.extras_require"])

    missing = {name: set(get(name).extras) - declared for name in names()}

    assert not {name: extras for name, extras in missing.items() if extras}


def test_dependencies_and_extras_are_sorted(metadata):
    extras = metadata["options.extras_require"]
    lists = [metadata["options"]["install_requires"], *extras.values()]

    assert list(extras) == sorted(extras)
    for entries in (text.split() for text in lists if ";" not in text):
        assert entries == sorted(entries)


@pytest.mark.parametrize(
    "platform, machine, expected",
    [
        ("linux", "x86_64", {"dask", "lightgbm", "scikit-learn-intelex", "xgboost-cpu"}),
        ("linux", "aarch64", {"dask", "lightgbm", "xgboost-cpu"}),
        ("win32", "AMD64", {"dask", "lightgbm", "scikit-learn-intelex", "xgboost-cpu"}),
        ("darwin", "arm64", {"dask", "lightgbm", "xgboost"}),
    ],
)
def test_all_cpu_is_what_has_wheels_and_no_cuda(metadata, platform, machine, expected):
    extras = metadata["options.extras_require"]

    def packages(extra):
        for requirement in map(Requirement, extras[extra].strip().splitlines()):
            if requirement.marker and not requirement.marker.evaluate(
                {"sys_platform": platform, "platform_machine": machine}
            ):
                continue
            if requirement.name == metadata["metadata"]["name"]:
                for other in requirement.extras:
                    yield from packages(other)
            else:
                yield requirement.name

    assert set(packages("all-cpu")) == expected


def test_pytest_and_xdist_keep_a_group_of_tests_on_one_worker(request):
    # Where they do not (xdist 3.8 with pytest 9.2), each worker builds, and starts clusters, for itself.
    if request.config.getoption("loadgroup", False):
        assert request.node.nodeid.endswith("@packaging")


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Return the folder with the sdist of this tree and the wheel that was built *from that sdist*."""
    folder, source = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("source") / "accelsk"
    # setuptools gathers the sdist inside the tree that it builds: two workers must not do that in the same one.
    made = shutil.ignore_patterns(
        ".*cache", ".venv*", "*.egg-info", "__pycache__", "_build", "build", "dist", "generated"
    )
    shutil.copytree(ROOT, source, ignore=made)
    run(sys.executable, "-m", "build", "--outdir", folder, source)
    return folder


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory):
    """Return the programs of an environment that holds the wheel and what it requires, nothing else."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    run(programs / "python", "-m", "pip", "install", "--quiet", *dist.glob("*.whl"))
    return programs


def test_the_sdist_carries_tests_docs_and_benchmarks(dist):
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}

    here = {
        path.relative_to(ROOT).as_posix()
        for folder in ("tests", "docs", "benchmarks")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not WRITTEN_BY_TOOLS.intersection(path.parts) and ".egg-info" not in str(path)
    }
    assert here <= files
    assert {file.partition("/")[0] for file in here} == {"tests", "docs", "benchmarks"}
    assert {"setup.cfg", "setup.py", "pyproject.toml", "LICENSE", "Makefile", ".ci/run"} <= files
    assert not [file for file in files if "generated/" in file or "_build/" in file]


def test_the_wheel_carries_the_package_and_nothing_else(dist):
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        files = set(archive.namelist())

    package = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("accelsk/**/*.py")}
    assert "accelsk/py.typed" in files
    assert package <= files
    assert {file.partition("/")[0] for file in files if ".dist-info/" not in file} == {"accelsk"}


def test_the_wheel_names_its_license_as_spdx(dist):
    (path,) = dist.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()

    assert "License-Expression: BSD-3-Clause" in lines
    assert not [line for line in lines if line.startswith("License:")]


def test_it_imports_in_an_empty_environment(installed):
    shown = run(installed / "python", "-c", "import accelsk; print(accelsk.__file__)")

    assert Path(shown.strip()).is_relative_to(installed.parent)


def test_the_command_line_works_in_an_empty_environment(installed):
    version = run(installed / "accelsk", "--version")
    table = run(installed / "python", "-m", "accelsk", "engines")

    assert re.search(r"\d+\.\d+", version)
    for name in names(plugins=False):
        assert name in table


def test_what_is_installed_fits_together(installed):
    run(installed / "python", "-m", "pip", "check")


def run(*command):
    """Run a command outside the source tree; return what it printed, or fail with it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ACCELSK_"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=Path(sys.prefix),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout
