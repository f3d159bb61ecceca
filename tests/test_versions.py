"""What a bug report needs."""

import importlib.metadata
import platform
import subprocess
import sys

import pytest

import accelsk
from accelsk.engines import get, names
from accelsk.versions import versions

pytestmark = pytest.mark.xdist_group("versions")  # asking for the devices takes seconds


@pytest.fixture(scope="module")
def found():
    return versions()


def test_versions_are_those_of_the_metadata(found):
    assert found["python"].startswith(platform.python_version())
    assert found["packages"]["scikit-learn"] == importlib.metadata.version("scikit-learn")


def test_every_engine_is_listed_installed_or_not(install_plugin):
    install_plugin("mine")
    found = versions()["engines"]

    assert set(names()) <= set(found)
    assert found["mine"] == "not installed"


def test_what_is_shown_is_what_is_found(found, capsys):
    accelsk.show_versions()

    out = capsys.readouterr().out
    for name, version in found["packages"].items():
        assert f"  {name}: {version}\n" in out


def test_showing_versions_imports_no_engine():
    code = "import sys, accelsk; before = set(sys.modules); accelsk.show_versions(); print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    libraries = {get(name).imports for name in names() if get(name).extras}

    assert not libraries & set(done.stdout.splitlines()[-1].split())
