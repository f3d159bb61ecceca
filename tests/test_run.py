"""``accelsk run``: a script runs as Python runs it, with a joblib backend, an engine and a device around it."""

import json
import subprocess
import sys

import pytest

from accelsk.cli import main

WHAT_IT_SEES = """
import json, os, sys, neighbour
print(json.dumps({"argv": sys.argv, "path": sys.path[0], "name": __name__, "file": os.path.abspath(__file__),
                  "main": vars(sys.modules["__main__"]) is globals()}))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "neighbour.py").write_text("")
    (tmp_path / "script.py").write_text(WHAT_IT_SEES)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "__main__.py").write_text(WHAT_IT_SEES)
    yield tmp_path
    for name in ("neighbour", "package", "package.__main__"):
        sys.modules.pop(name, None)


def python(*arguments, cwd):
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def as_python(called, folder, capfd, monkeypatch):
    """The exit code and what is printed, by accelsk and by Python; a path of the script is written short or in full."""
    monkeypatch.chdir(folder)
    code = main(["run", *called])
    printed = capfd.readouterr()
    found, expected = (code, *printed), python(*called, cwd=folder)
    return [[str(part).replace(f"{folder}/", "").replace("./", "") for part in each] for each in (found, expected)]


@pytest.mark.parametrize(
    "called",
    [
        ["script.py"],
        ["./script.py", "--engine", "mine", "-m", "--", "-h"],
        ["-m", "package", "one", "--n-jobs", "2"],
        ["-m", "package.__main__"],
    ],
)
def test_it_sees_what_it_sees_under_python(called, folder, capfd, monkeypatch):
    found, expected = as_python(called, folder, capfd, monkeypatch)

    assert found == expected
    assert json.loads(found[1])["main"]


def test_it_may_be_elsewhere(folder, tmp_path_factory, capfd, monkeypatch):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    found, expected = as_python([str(folder / "script.py")], elsewhere, capfd, monkeypatch)

    assert found == expected


@pytest.mark.parametrize(
    "last", ["sys.exit()", "sys.exit(3)", "sys.exit('no')", "1 / 0", "from neighbour import nothing", "1 +", "pass"]
)
def test_it_ends_as_under_python(last, folder, capfd, monkeypatch):
    (folder / "script.py").write_text(f"import sys\n\ndef end():\n    {last}\n\nend()\n")

    found, expected = as_python(["script.py"], folder, capfd, monkeypatch)
    assert found == expected


def test_an_error_of_accelsk_in_the_script_is_the_script_s(folder, capfd, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "script.py").write_text("from accelsk import config_context\nwith config_context(sparse='no'): pass\n")

    assert main(["run", "script.py"]) == 1
    err = capfd.readouterr().err
    assert err.startswith('Traceback (most recent call last):\n  File "script.py", line 2')
    assert "UnsupportedParameter: sparse='no'" in err


# -- what cannot be seen from inside this process --------------------------------------------------------------------


def run(*arguments, cwd):
    return python("-m", "accelsk", "run", *arguments, cwd=cwd)


def test_processes_that_are_spawned_find_its_functions(folder):
    (folder / "script.py").write_text(
        "import multiprocessing\n"
        "def double(n):\n"
        "    return 2 * n\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(double, [21]))\n"
    )
    assert run("script.py", cwd=folder) == (0, "[42]\n", "")


def test_engine_and_device_are_the_defaults_of_the_script_of_its_threads_and_of_its_workers(folder):
    (folder / "script.py").write_text(
        "from threading import Thread\n"
        "from sklearn.datasets import load_iris\n"
        "from sklearn.linear_model import Ridge\n"
        "from sklearn.model_selection import cross_validate\n"
        "from accelsk import AcceleratedEstimator, get_config\n"
        "def show():\n"
        "    print(get_config()['engine'], get_config()['device'])\n"
        "show()\n"
        "thread = Thread(target=show)\n"
        "thread.start()\n"
        "thread.join()\n"
        "X, y = load_iris(return_X_y=True)\n"
        "done = cross_validate(AcceleratedEstimator(Ridge()), X, y, cv=2, n_jobs=2, return_estimator=True)\n"
        "print(done['estimator'][0].decision_.why)\n"
    )
    told = run("--engine", "sklearn", "--device", "cpu", "script.py", cwd=folder)
    assert told == (0, "sklearn cpu\nsklearn cpu\nasked for by name\n", "")


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["nothing.py"], "there is no script 'nothing.py'."),
        (["-m", "nothing"], "there is no module 'nothing'."),
        (["-m", "package.nothing"], "there is no module 'package.nothing'."),
        (["--engine", "sklaern", "script.py"], "Did you mean 'sklearn'?"),
        (["--device", "cup", "script.py"], "device='cup'"),
        (["--n-jobs", "0", "script.py"], "'0' is no number of workers"),
        (["--inner-n-jobs", "some", "script.py"], "'some' is no number of workers or threads"),
        ([], "SCRIPT"),
    ],
)
def test_a_mistake_is_named_before_anything_runs(arguments, told, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    argv, path = sys.argv[:], sys.path[:]

    assert main(["run", *arguments]) == 2
    out, err = capsys.readouterr()
    assert told in err
    assert not out
    assert (sys.argv, sys.path) == (argv, path)


# -- what runs in parallel -------------------------------------------------------------------------------------------


def test_the_backend_is_around_the_script(folder, capfd, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "script.py").write_text(
        "from joblib import Parallel, delayed, effective_n_jobs\n"
        "from accelsk.threads import share\n"
        "print(effective_n_jobs(), *Parallel()(delayed(share)() for _ in range(2)))\n"
    )
    assert main(["run", "--backend", "threading", "--n-jobs", "2", "--inner-n-jobs", "1", "script.py"]) == 0
    assert capfd.readouterr().out == "2 1 1\n"


def test_an_unknown_backend_is_named(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)

    assert main(["run", "--backend", "rya", "script.py"]) == 2
    out, err = capsys.readouterr()
    assert "'rya'" in err
    assert not out


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.xdist_group("ray")
def test_what_a_script_does_through_joblib_runs_on_ray(folder):
    pytest.importorskip("ray")
    (folder / "script.py").write_text(
        "import os\n"
        "from joblib import Parallel, delayed\n"
        "def where():\n"
        "    import ray\n"
        "    return ray.get_runtime_context().get_task_id() is not None, os.getpid()\n"
        "places = Parallel()(delayed(where)() for _ in range(2))\n"
        "print(all(task and pid != os.getpid() for task, pid in places))\n"
    )
    code, out, err = run("--backend", "ray", "--n-jobs", "2", "script.py", cwd=folder)
    assert (code, out) == (0, "True\n"), err
