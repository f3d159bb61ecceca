"""The command line: the same facts for people, for pipes and for programs."""

import json
import re
import subprocess
import sys

import pytest

import accelsk
from accelsk.cli import COMMANDS, main
from accelsk.engines import get, names

RIDGE = """Engine(name="mine", title="Mine", imports="mine_lib", rows=(Row(
    estimator="sklearn.linear_model.Ridge", backend="sklearn.linear_model.Ridge", fit=Inputs(sparse=("csr",)),
    params=dict.fromkeys("alpha fit_intercept copy_X max_iter tol solver positive random_state".split(), same),
    methods=("predict",)),))"""


def answer(capsys, *arguments):
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"accelsk {accelsk.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"usage: accelsk {command}" in capsys.readouterr().out


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(command in out for command in COMMANDS)


def test_engines_for_a_program(capsys):
    found = answer(capsys, "engines")

    assert [engine["name"] for engine in found][: len(names())] == list(names())
    assert all(engine["usable"] or engine["reason"] for engine in found)


def test_devices_for_a_program(capsys):
    found = answer(capsys, "devices")

    assert found[0]["device"] == "cpu"
    assert "sklearn" in found[0]["engines"]


@pytest.mark.parametrize("command", [["engines"], ["devices"], ["explain", "sklearn.svm.SVC"]])
def test_a_pipe_gets_plain_text(command, capsys):
    assert main(command) == 0
    out = capsys.readouterr().out
    assert not re.search("[\x1b\u2500-\u259f]", out)  # escape codes, box drawing
    assert all(line == line.rstrip() for line in out.splitlines())


def test_a_pipe_gets_one_line_per_engine(capsys, monkeypatch, install_plugin):
    install_plugin("mine")
    monkeypatch.setenv("COLUMNS", "20")

    assert main(["engines"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split()[0] for line in lines][: len(names())] == list(names())
    assert 'pip install "mine-lib>=1"' in next(line for line in lines if line.startswith("mine "))


def test_a_terminal_gets_a_table_of_its_width(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")

    assert main(["engines"]) == 0
    out = capsys.readouterr().out
    assert "\x1b[" in out
    assert max(len(line) for line in re.sub("\x1b\\[[0-9;]*m", "", out).splitlines()) <= 60


def test_json_goes_to_a_terminal_too(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert answer(capsys, "devices")


# -- explain ---------------------------------------------------------------------------------------------------------


def test_hyperparameters_are_literals_or_strings(capsys):
    told = answer(capsys, "explain", "sklearn.svm.SVC", "-p", "C=10", "-p", "kernel=poly", "--engine", "sklearn")

    assert told["decision"]["estimator"] == "SVC(C=10, kernel='poly')"
    assert told["decision"]["engine"] == "sklearn"


def test_data_are_described_not_made(capsys):
    shape = ["--rows", "10_000_000", "--columns", "100000", "--dtype", "float32"]
    told = answer(capsys, "explain", "sklearn.linear_model.Ridge", *shape)

    facts = told["decision"]["facts"]
    assert (facts["n_samples"], facts["n_features"], facts["dtype"]) == (10_000_000, 100_000, "float32")


@pytest.mark.parametrize("cls", ["svm.SVC", "linear_model.Ridge", "cluster.KMeans"])
def test_sparse_data_can_be_described(cls, capsys):
    told = answer(capsys, "explain", f"sklearn.{cls}", "--rows", "50", "--columns", "3", "--sparse", "csc")

    assert told["decision"]["facts"]["sparse"] == "csc"


def test_the_row_of_a_named_engine_is_shown(capsys, install_plugin):
    install_plugin("mine", module="", engine=RIDGE)

    assert main(["explain", "sklearn.linear_model.Ridge", "--engine", "mine"]) == 0
    out = capsys.readouterr().out
    assert "Ridge on engine 'mine'" in out
    assert re.search(r"^alpha +same", out, re.MULTILINE)


def test_several_engines_in_order_of_preference(capsys, install_plugin):
    install_plugin("mine")
    told = answer(capsys, "explain", "sklearn.linear_model.Ridge", "--engine", "mine,sklearn")

    assert told["decision"]["requested"]["engine"] == ["mine", "sklearn"]
    assert told["decision"]["engine"] == "sklearn"


# -- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["explain", "SVC"], "Did you mean 'sklearn.svm.SVC'?"),
        (["explain", "sklearn.linear_models.Ridge"], "Did you mean 'sklearn.linear_model.Ridge'?"),
        (["explain", "sklearn.svm.l1_min_c"], "is not an estimator class"),
        (["explain", "no_such_package.Model"], "there is no class 'no_such_package.Model'"),
        (["explain", "sklearn.svm.SVC", "-p", "c=1"], "SVC has no parameter 'c'. Did you mean 'C'?"),
        (["explain", "sklearn.svm.SVC", "-p", "C"], "not of the form NAME=VALUE"),
        (["explain", "sklearn.pipeline.Pipeline"], "missing 1 required positional argument: 'steps'"),
        (["explain", "sklearn.svm.SVC", "--engine", "sklaern"], "Did you mean 'sklearn'?"),
        (["explain", "sklearn.svm.SVC", "--device", "gqu"], "is not of the form [backend:]kind[:index]"),
        (["explain", "sklearn.svm.SVC", "--fallback", "wran"], "Did you mean 'warn'?"),
        (["explain", "sklearn.svm.SVC", "--rows", "5"], "--rows and --columns go together"),
        (["explain", "sklearn.svm.SVC", "--rows", "0", "--columns", "1"], "0 is not positive"),
        (["no-such-command"], "invalid choice"),
        ([], "COMMAND"),
    ],
)
def test_a_mistake_is_told_on_stderr(arguments, said, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_an_engine_that_is_not_installed_comes_with_the_remedy(capsys, install_plugin):
    install_plugin("mine")

    assert main(["explain", "sklearn.svm.SVC", "--engine", "mine"]) == 2
    assert 'pip install "mine-lib>=1"' in capsys.readouterr().err


def test_a_broken_plugin_is_reported_and_the_rest_work(capsys, install_plugin):
    install_plugin("mine", engine="1 / 0")

    assert main(["engines"]) == 0
    captured = capsys.readouterr()
    assert re.search("^sklearn .*yes", captured.out, re.MULTILINE)
    assert re.search("^mine .*mine-plugin.*ZeroDivisionError", captured.out, re.MULTILINE)
    assert captured.err.startswith("accelsk: warning: ")


def test_a_plugin_whose_adapter_is_broken_is_reported_and_the_rest_work(capsys, install_plugin):
    install_plugin("mine", module="", engine="Engine(name='mine', title='M', imports='mine_lib', adapter='nowhere:A')")

    told = answer(capsys, "explain", "sklearn.svm.SVC")
    against = {look["engine"]: look["reasons"] for look in told["decision"]["candidates"]}
    assert "No module named 'nowhere'" in against["mine"][0]["text"]


# -- as a process ----------------------------------------------------------------------------------------------------


def test_a_reader_that_has_seen_enough_is_no_error():
    command = [sys.executable, "-m", "accelsk", "engines"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        said = process.stderr.read()

    assert said == ""
    assert process.returncode == 141  # as a shell shows for a process that SIGPIPE ended


def test_the_command_line_imports_no_engine():
    libraries = {get(name).imports for name in names() if get(name).extras}
    code = (
        "import sys; from accelsk.cli import main\n"
        "main(['engines']); main(['devices']); main(['explain', 'sklearn.svm.SVC'])\n"
        "print(*sys.modules, sep=',')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not libraries & set(done.stdout.splitlines()[-1].split(","))
