"""The doctor: what works, what is missing, what is broken, and the remedy."""

import importlib.metadata
import json
import os
import re
import subprocess
import sys

import pytest

from accelsk import doctor
from accelsk.cli import main
from accelsk.doctor import CHECKS, Finding, Findings, examine
from accelsk.engines import names, why_missing


def findings(area):
    """The findings of one check alone."""
    return {name: (status, *rest) for name, status, *rest in CHECKS[area]()}


# In one process of pytest-xdist: the examination is made once.
pytestmark = pytest.mark.xdist_group("doctor")


@pytest.fixture(scope="module")
def complete():
    command = [sys.executable, "-m", "accelsk", "doctor", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def test_the_exit_code_says_whether_something_is_broken(complete):
    code, told = complete

    broken = [finding for finding in told["findings"] if finding["status"] == "broken"]
    assert code == (1 if broken else 0)
    assert told["healthy"] == (not broken)


def test_every_check_finds_something_of_the_three_kinds(complete):
    told = complete[1]["findings"]

    assert set(CHECKS) - {"configuration"} <= {finding["area"] for finding in told}
    assert {finding["status"] for finding in told} <= {"ok", "missing", "broken"}


def test_every_engine_is_examined(complete):
    examined = {finding["name"]: finding for finding in complete[1]["findings"] if finding["area"] == "engines"}

    for name in names():
        assert examined[name]["status"] == "ok" or why_missing(name) or examined[name]["found"]
    assert "BLAS" in examined


def test_the_table_is_plain_in_a_pipe_and_coloured_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", {"machine": CHECKS["machine"]})

    assert main(["doctor"]) == 0
    assert not re.search("[\x1b\u2500-\u259f]", capsys.readouterr().out)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["doctor"]) == 0
    assert "\x1b[32mok" in capsys.readouterr().out


def test_something_broken_is_exit_code_1(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", {"mine": lambda: [("this", "broken", "why", "what to do")]})

    assert main(["doctor"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].split() == ["broken", "mine", "this", "why", "what", "to", "do"]


def test_something_missing_is_no_fault():
    assert Findings([Finding("a", "b", "missing", "c")]).healthy


def test_a_check_that_fails_is_a_finding(monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", {"mine": lambda: 1 / 0, "machine": CHECKS["machine"]})

    first, *rest = examine()
    assert (first.status, first.found) == ("broken", "it failed: ZeroDivisionError: division by zero")
    assert rest


# -- versions --------------------------------------------------------------------------------------------------------


def test_versions_stand_beside_what_is_needed():
    version = importlib.metadata.version("numpy")

    assert doctor._against("numpy>=1.0") == (f"{version} (needs >=1.0)", True)
    assert doctor._against("numpy<1.0") == (f"{version} (needs <1.0)", False)
    assert doctor._against("no-such-distribution") == ("", False)


def test_a_requirement_out_of_range_is_broken(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ["numpy<1.0", 'absent>=1; extra == "other"'])
    monkeypatch.setattr(doctor.accelsk, "__version__", "1.0")
    monkeypatch.setattr(importlib.metadata, "version", lambda name: {"accelsk": "1.0", "numpy": "2.0"}[name])

    found = findings("Python")
    assert found["numpy"] == ("broken", "2.0 (needs <1.0)", 'pip install "numpy<1.0"')
    assert found["accelsk"][0] == "ok"
    assert "absent" not in found


# -- configuration ---------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for variable in [name for name in os.environ if name.startswith("ACCELSK_")]:
        monkeypatch.delenv(variable)


def test_a_good_variable_is_shown(monkeypatch):
    monkeypatch.setenv("ACCELSK_ENGINE", "sklearn")

    assert findings("configuration") == {"ACCELSK_ENGINE": ("ok", "sklearn", "")}


@pytest.mark.parametrize(
    "variable, value, where, said",
    [
        ("ACCELSK_FALLBACK", "wran", "ACCELSK_FALLBACK", "Did you mean 'warn'?"),
        ("ACCELSK_DEVICE", "toaster", "ACCELSK_DEVICE", "is not of the form"),
        ("ACCELSK_ENGNE", "secret", "ACCELSK_ENGNE", "Did you mean 'ACCELSK_ENGINE'?"),
        ("ACCELSK_ENGINE", "sklaern", "engine='sklaern'", "Did you mean 'sklearn'?"),
        ("ACCELSK_DEVICE", "cuda:97", "device='cuda:97'", "no engine reaches it here"),
    ],
)
def test_a_bad_variable_is_broken(variable, value, where, said, monkeypatch):
    monkeypatch.setenv(variable, value)

    status, found, remedy = findings("configuration")[where]
    assert status == "broken"
    assert said in found
    assert remedy
    assert "secret" not in found


def test_no_other_variable_is_shown(monkeypatch, capsys):
    monkeypatch.setenv("MY_TOKEN", "do-not-show-me")
    monkeypatch.setattr(doctor, "CHECKS", {area: CHECKS[area] for area in ("machine", "Python", "configuration")})

    main(["doctor"])
    assert "do-not-show-me" not in capsys.readouterr().out


# -- engines ---------------------------------------------------------------------------------------------------------


def test_an_engine_that_is_not_installed_is_missing_with_the_remedy(install_plugin):
    install_plugin("mine")

    [(name, status, found, remedy)] = doctor._engine("mine")
    assert (name, status, remedy) == ("mine", "missing", 'pip install "mine-lib>=1"')
    assert "'mine_lib'" in found


def test_an_engine_that_works_is_ok(install_plugin):
    install_plugin("mine", module="print('a library may print')")

    assert doctor._engine("mine") == [("mine", "ok", "Mine: unknown version; reaches cpu")]


@pytest.mark.parametrize(
    "module, said",
    [
        ("import os; os.abort()", "the import crashed (SIGABRT)"),
        ("raise RuntimeError('no driver')", "the import failed: RuntimeError: no driver"),
        ("import time; time.sleep(60)", "the import took more than"),
    ],
)
def test_an_import_that_goes_wrong_is_broken_and_stays_outside(module, said, install_plugin, monkeypatch):
    install_plugin("mine", module=module)
    monkeypatch.setattr(doctor, "IMPORT_LIMIT", 3 if "sleep" in module else doctor.IMPORT_LIMIT)

    [(_, status, found, remedy)] = doctor._engine("mine")
    assert status == "broken"
    assert said in found
    assert "mine-lib" in remedy
    assert "mine_lib" not in sys.modules


def test_classes_that_the_library_lacks_are_named(install_plugin):
    row = "Row(estimator='sklearn.svm.SVC', backend='mine_lib.SVM', params={}, fit=Inputs(), methods=())"
    install_plugin("mine", module="", engine=f"Engine(name='mine', title='M', imports='mine_lib', rows=({row},))")

    [(_, status, found, _)] = doctor._engine("mine")
    assert status == "broken"
    assert "SVC: AttributeError: module 'mine_lib' has no attribute 'SVM'" in found


def test_a_broken_plugin_is_reported(install_plugin, monkeypatch):
    install_plugin("mine", engine="1 / 0")
    monkeypatch.setattr(doctor, "_probe", lambda engines: ({}, "not asked for here"))

    with pytest.warns(match="'mine' is left out"):
        found = findings("engines")
    assert found["mine"][0] == "broken"
    assert "mine-plugin" in found["mine"][1]


@pytest.mark.skipif(sys.platform != "linux", reason="the two runtimes fight on Linux only")
def test_openmp_runtimes_that_fight_are_broken(monkeypatch):
    pools = [{"api": "openmp", "prefix": name, "version": "", "folder": "lib"} for name in ("libomp", "libiomp")]
    monkeypatch.setattr(doctor, "_probe", lambda engines: ({"": {"pools": pools}}, ""))

    blas, openmp = doctor._together([])
    assert blas[:3] == ("BLAS", "ok", "none")
    assert openmp[:3] == ("OpenMP", "broken", "two that fight: libomp (lib), libiomp (lib)")


# -- drivers ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def bare_machine(tmp_path, monkeypatch):
    """A root folder without any device, and a PATH without any tool."""
    for name in ("dev", "proc", "sys", "etc"):
        monkeypatch.setattr(doctor, f"_{name.upper()}", tmp_path / name)
    monkeypatch.setattr(doctor.sys, "prefix", str(tmp_path))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("OCL_ICD_VENDORS", raising=False)

    def put(path, text="", mode=0o644):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        (tmp_path / path).chmod(mode)

    return put


def test_a_machine_without_gpu_misses_the_drivers(bare_machine):
    assert {status for status, *_ in findings("drivers").values()} == {"missing"}


@pytest.mark.skipif(os.name == "nt", reason="the tool is a shell script here")
@pytest.mark.parametrize(
    "script, status, said",
    [
        ("echo Some GPU, 580.1, 1 MiB", "ok", "Some GPU, 580.1, 1 MiB"),
        ("echo no driver; exit 9", "broken", "nvidia-smi failed: no driver"),
    ],
)
def test_nvidia_smi_is_asked(script, status, said, bare_machine):
    bare_machine("dev/nvidia0")
    bare_machine("bin/nvidia-smi", f"#!/bin/sh\n{script}\n", 0o755)

    found = findings("drivers")["NVIDIA GPU"]
    assert found[0] == status
    assert said in found[1]


def test_a_container_without_the_gpus_of_its_host_is_told(bare_machine):
    bare_machine("proc/driver/nvidia/version", "NVRM version: NVIDIA Kernel Module  580.1\nGCC version: 12\n")

    status, found, remedy = findings("drivers")["NVIDIA GPU"]
    assert status == "missing"
    assert "the host has driver NVIDIA Kernel Module  580.1" in found
    assert remedy


def test_intel_gpus_and_opencl_drivers_are_found(bare_machine):
    bare_machine("dev/dri/renderD128")
    bare_machine("dev/dri/renderD129")
    bare_machine("sys/class/drm/renderD128/device/vendor", "0x8086\n")
    bare_machine("sys/class/drm/renderD129/device/vendor", "0x1002\n")
    bare_machine("etc/OpenCL/vendors/mine.icd", "libmine.so")

    found = findings("drivers")
    assert found["Intel GPU"][0] == "ok"
    assert found["Intel GPU"][1].endswith("renderD128")
    assert found["OpenCL"] == ("ok", "mine")


def test_an_opencl_driver_that_is_not_where_its_file_says_is_told(bare_machine, tmp_path, monkeypatch):
    bare_machine("etc/OpenCL/vendors/lost.icd", "/opt/another/machine/libdriver.so\n")

    found = findings("drivers")
    assert found["OpenCL"][0] == "missing"
    status, text, remedy = found["OpenCL lost"]
    assert status == "missing"
    assert "/opt/another/machine/libdriver.so, which is not there" in text
    assert remedy

    bare_machine("elsewhere/mine.icd", "libmine.so")
    monkeypatch.setenv("OCL_ICD_VENDORS", str(tmp_path / "elsewhere"))
    assert findings("drivers")["OpenCL"] == ("ok", "mine")


# -- what engines say of their devices -------------------------------------------------------------------------------


def test_an_engine_may_say_what_its_devices_miss(monkeypatch):
    adapter = doctor.get_adapter("sklearn")
    monkeypatch.setattr(adapter, "examine", lambda: [("GPU", "missing", "there is none", "buy one")], raising=False)
    assert list(doctor._devices("sklearn")) == [("sklearn: GPU", "missing", "there is none", "buy one")]

    monkeypatch.setattr(adapter, "examine", lambda: 1 / 0)
    ((_, status, text),) = doctor._devices("sklearn")
    assert status == "broken"
    assert "ZeroDivisionError" in text
