"""The examples of the guide to deploying, run as they stand there: a web service, a batch job, an image."""

import ast
import json
import os
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import joblib
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"

#: What an image without the engine does not have, and what one without accelsk does not have either.
NO_ENGINE = ("sklearnex,onedal,daal4py", "scikit-learn-intelex,daal")
NO_ACCELSK = ("sklearnex,onedal,daal4py,accelsk", "scikit-learn-intelex,daal,accelsk")

needs_engine = pytest.mark.skipif(find_spec("sklearnex") is None, reason="scikit-learn-intelex is not installed")

#: Runs a module as ``python -m`` does, without the packages and distributions that are named first.
_WITHOUT = f"""
import runpy, sys
sys.path.insert(0, {str(ROOT / "tests" / "portability")!r})
from opening import Missing
packages, distributions, module, *arguments = sys.argv[1:]
Missing(set(packages.split(",")) - {{""}}, set(distributions.split(",")) - {{""}}).install()
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def command(module, *arguments, without=("", "")):
    """What runs a module of the standard path or of the examples."""
    return [sys.executable, "-c", _WITHOUT, *without, module, *map(str, arguments)]


def environment(**more):
    """Of the process of an example: the folder of the examples is on the path."""
    path = os.pathsep.join(filter(None, (str(EXAMPLES), os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **{name: str(value) for name, value in more.items()}}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder that train.py wrote, and the answers of its model to the rows that it has not seen."""
    pytest.importorskip("skops")
    folder = tmp_path_factory.mktemp("trained")
    subprocess.run(command("train", folder), env=environment(), check=True, timeout=120, capture_output=True)
    model, X = joblib.load(folder / "model.joblib"), np.load(folder / "new.npy")
    return folder, X, model.predict(X)


@contextmanager
def served(model, *, without=("", "")):
    """serve.py, run by uvicorn in a process of its own; gives a client, and what the process logs."""
    process = subprocess.Popen(
        command("uvicorn", "serve:app", "--port", 0, "--no-access-log", without=without),
        env=environment(MODEL=model),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    log, listening = [], threading.Event()

    def read():
        for line in process.stderr:
            log.append(line)
            if "running on" in line:
                listening.set()
        listening.set()  # it ended

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert listening.wait(60)
        port = re.search(r"http://127\.0\.0\.1:(\d+)", "".join(log))
        assert port, "".join(log)
        with httpx.Client(base_url=port[0], timeout=30, limits=httpx.Limits(max_connections=16)) as client:
            yield client, log
    finally:
        process.terminate()
        process.wait(30)
        reader.join()
        process.stderr.close()


def ask(client, rows):
    answer = client.post("/predict", json={"rows": rows.tolist()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def ask_at_once(client, X, expected, *, threads=16, times=15):
    """Ask from many threads; every answer must be that of the model by itself. Returns the engines that answered."""
    start, engines = threading.Barrier(threads), []

    def requests(seed):
        rng = np.random.default_rng(seed)
        start.wait()
        for _ in range(times):
            rows = rng.integers(0, len(X), rng.integers(1, 6))
            answer = ask(client, X[rows])
            engines.append(answer["engine"])
            assert answer["prediction"] == expected[rows].tolist()

    with ThreadPoolExecutor(threads) as pool:
        for each in [pool.submit(requests, seed) for seed in range(threads)]:
            each.result()
    assert len(engines) == threads * times
    return engines


# -- the service -----------------------------------------------------------------------------------------------------

#: For each file of train.py: what is not there, and which engine answers.
SERVED = {
    "the wrapper": ("model.joblib", ("", ""), {"standardscaler": "sklearn", "svc": "sklearnex"}),
    "the wrapper, without the engine": ("model.joblib", NO_ENGINE, {"standardscaler": "sklearn", "svc": "sklearn"}),
    "scikit-learn's, without the engine": ("plain.joblib", NO_ENGINE, "sklearn"),
    "scikit-learn's, without accelsk": ("plain.joblib", NO_ACCELSK, "sklearn"),
    "skops, without accelsk": ("model.skops", NO_ACCELSK, "sklearn"),
}


@needs_engine
@pytest.mark.parametrize("form", SERVED)
def test_every_request_is_answered_as_by_the_model_alone(trained, form):
    folder, X, expected = trained
    file, without, engine = SERVED[form]

    with served(folder / file, without=without) as (client, log):
        engines = ask_at_once(client, X, expected)

    assert all(each == engine for each in engines)
    said = "".join(log)
    assert ("EngineFallbackWarning" in said) == (form == "the wrapper, without the engine"), said
    assert "Traceback" not in said


BAD = {
    "too narrow": ('{"rows": [[1, 2]]}', "every row must have 30 numbers"),
    "too wide": (json.dumps({"rows": [[0.5] * 31]}), "every row must have 30 numbers"),
    "ragged": (json.dumps({"rows": [[0.5] * 30, [0.5] * 29]}), "every row must have 30 numbers"),
    "NaN": ('{"rows": [[NaN' + ", 1" * 29 + "]]}", "finite"),
    "infinite": ('{"rows": [[1e999' + ", 1" * 29 + "]]}", "finite"),
    "null": ('{"rows": [[null' + ", 1" * 29 + "]]}", "valid number"),
    "text": ('{"rows": [["a"' + ", 1" * 29 + "]]}", "valid number"),
    "empty": ('{"rows": []}', "at least 1 item"),
    "too many": (json.dumps({"rows": [[0] * 30] * 1001}), "at most 1000 items"),
    "no rows": ("{}", "required"),
    "no JSON": ("rows", "JSON"),
}


def test_what_is_no_question_is_refused_and_the_next_is_answered(trained):
    folder, X, expected = trained

    with served(folder / "model.joblib") as (client, log):
        for name, (content, words) in BAD.items():
            answer = client.post("/predict", content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422, name
            assert words in answer.text, name
        assert ask(client, X[:5])["prediction"] == expected[:5].tolist()

    assert "Traceback" not in "".join(log)


def test_a_service_without_its_model_does_not_start(trained):
    folder, *_ = trained

    done = subprocess.run(
        command("uvicorn", "serve:app", "--port", 0),
        env=environment(MODEL=folder / "nothing.joblib"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "nothing.joblib" in done.stderr


# -- the batch job ---------------------------------------------------------------------------------------------------


def run_batch(model, X, folder, *arguments, without=("", ""), **variables):
    np.save(folder / "rows.npy", X)
    arguments = (model, folder / "rows.npy", folder / "answers.npy", *arguments)
    subprocess.run(
        command("batch", *arguments, without=without),
        env=environment(**variables),
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    )
    return np.load(folder / "answers.npy")


@pytest.mark.parametrize(
    "jobs, chunk, n",
    [
        (2, 13, 143),
        pytest.param(1, 1000, 143, marks=pytest.mark.slow),
        pytest.param(3, 1, 7, marks=pytest.mark.slow),
        (4, 10, 1),
    ],
)
def test_a_batch_job_answers_as_the_model_does_at_once(trained, tmp_path, jobs, chunk, n):
    folder, X, expected = trained

    answers = run_batch(folder / "model.joblib", X[:n], tmp_path, "--jobs", jobs, "--chunk", chunk)

    np.testing.assert_array_equal(answers, expected[:n])


@pytest.mark.parametrize("without", [NO_ENGINE, NO_ACCELSK], ids=["no engine", "no accelsk"])
def test_a_batch_job_runs_without_the_engine(trained, tmp_path, without):
    """In one process: those of joblib would find what is missing in their parent."""
    folder, X, expected = trained

    answers = run_batch(folder / "plain.joblib", X, tmp_path, "--jobs", 1, without=without)

    np.testing.assert_array_equal(answers, expected)


_WITNESS = """
import os
from pathlib import Path
from sklearn.base import BaseEstimator

class Witness(BaseEstimator):
    def __setstate__(self, state):
        super().__setstate__(state)
        self.tell("opened")

    def predict(self, X):
        self.tell(f"{len(X)} rows with OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}")
        return X[:, 0]

    def tell(self, what):
        with Path(os.environ["TOLD"]).open("a") as file:
            file.write(f"{os.getpid()} {what}\\n")
"""


def test_each_worker_opens_the_model_once_and_computes_in_chunks_with_one_thread(tmp_path, monkeypatch):
    (tmp_path / "witness.py").write_text(_WITNESS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    witness = __import__("witness").Witness()
    witness.trained_ = True  # state, so that it is set
    joblib.dump(witness, tmp_path / "model.joblib")
    X = np.arange(200.0).reshape(100, 2)

    answers = run_batch(
        tmp_path / "model.joblib", X, tmp_path, "--jobs", 2, "--chunk", 20, TOLD=tmp_path / "told", OMP_NUM_THREADS=2
    )

    np.testing.assert_array_equal(answers, X[:, 0])
    told = [line.split(" ", 1) for line in (tmp_path / "told").read_text().splitlines()]
    assert [what for _, what in told].count("opened") == 2, "one for each of the two tasks"
    rows = [what for _, what in told if what != "opened"]
    assert sorted(rows) == ["10 rows with OMP_NUM_THREADS=1"] * 2 + ["20 rows with OMP_NUM_THREADS=1"] * 4


# -- the image -------------------------------------------------------------------------------------------------------


def test_the_image_has_what_the_service_imports_and_nothing_of_ours(trained):
    folder, *_ = trained
    lines = (EXAMPLES / "Dockerfile").read_text().splitlines()
    (installed,) = [line for line in lines if line.startswith("RUN pip install")]
    (copied,) = [line.split()[1:-1] for line in lines if line.startswith("COPY")]
    (started,) = [json.loads(line.removeprefix("CMD ")) for line in lines if line.startswith("CMD")]

    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse((EXAMPLES / "serve.py").read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    }
    theirs = imported - set(sys.stdlib_module_names) - {"joblib", "pydantic"}  # of scikit-learn and of FastAPI
    assert theirs == {"fastapi", "skops"}
    assert {re.split("[>=]", each)[0] for each in re.findall('"([^"]+)"', installed)} == {
        "scikit-learn",
        "uvicorn",
        *theirs,
    }
    for name in copied:
        assert (EXAMPLES / name).exists() or (folder / name).exists(), name
    assert started[:2] == ["uvicorn", "serve:app"]


def test_the_examples_stand_in_the_guide():
    guide = (ROOT / "docs" / "guide" / "deploying.md").read_text()

    included = set(re.findall(r"```\{literalinclude\} \.\./examples/(\S+)", guide))
    assert included == {path.name for path in EXAMPLES.iterdir() if path.is_file()}
