"""Files of every format open forever: ``tests/data/format-N`` holds a pickle of every row, written when N was new."""

import json
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import opening
import pytest
import sklearn
from packaging.version import Version
from sklearn.exceptions import InconsistentVersionWarning
from writing import is_ranker

from accelsk import persistence
from accelsk.engines import get, why_missing

DATA = Path(__file__).with_name("data")
FILES = sorted(DATA.glob("format-*/*/*.pkl"))
ENGINES = sorted({file.parent for file in FILES})
PACKAGES = {
    "sklearnex": ("sklearnex,onedal,daal4py", "scikit-learn-intelex,daal"),
    "loopback": ("accelsk_loopback", "accelsk-loopback"),
    "catboost": ("catboost", "catboost"),
    "lightgbm": ("lightgbm", "lightgbm"),
    "xgboost": ("xgboost", "xgboost,xgboost-cpu"),
}
WRITTEN_WITH = {"format-1": "1.9.1"}

pytestmark = pytest.mark.filterwarnings(f"ignore::{InconsistentVersionWarning.__module__}.InconsistentVersionWarning")


def need_scikit_learn_of(file):
    written = WRITTEN_WITH[file.parents[1].name]
    if Version(sklearn.__version__).release[:2] < Version(written).release[:2]:
        pytest.skip(f"scikit-learn {sklearn.__version__} does not open what {written} wrote")


def assert_answers(found, file):
    expected = json.loads(file.with_suffix(".json").read_text())
    assert found.keys() == expected.keys()
    for method, values in expected.items():
        np.testing.assert_allclose(found[method], values, rtol=1e-6, atol=1e-9, err_msg=method)


def test_there_is_a_file_of_every_format_and_row():
    assert {file.parents[1].name for file in FILES} == {f"format-{n}" for n in range(1, persistence.FORMAT + 1)}
    latest = DATA / f"format-{persistence.FORMAT}"
    for engine in PACKAGES:
        rows = {row.name for row in get(engine).rows if not is_ranker(row)}
        written = {file.stem for file in latest.glob(f"{engine}/*.pkl")}
        assert written == rows, "write what is missing with tests/portability/writing.py"


@pytest.mark.parametrize("file", FILES, ids=lambda file: "-".join(file.with_suffix("").parts[-3:]))
def test_it_opens_as_it_was_saved(file):
    need_scikit_learn_of(file)
    missing = why_missing(file.parent.name)
    if missing is not None:
        pytest.skip(str(missing))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with file.open("rb") as opened:
            model = pickle.load(opened)

    if not caught:  # another version of an engine is told of, and scikit-learn's model taken
        assert model.engine_ == file.parent.name
    assert_answers(opening.answers(model, np.load(file.with_suffix(".npy"))), file)


@pytest.mark.parametrize("folder", ENGINES, ids=lambda folder: "-".join(folder.parts[-2:]))
def test_it_opens_without_the_engine(folder):
    files = sorted(folder.glob("*.pkl"))
    need_scikit_learn_of(files[0])
    done = subprocess.run(
        [sys.executable, opening.__file__, *PACKAGES[folder.name], *files],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    for file, line in zip(files, done.stdout.splitlines(), strict=True):
        told = json.loads(line)
        row = next(row for row in get(folder.name).rows if row.name == file.stem)
        assert not set(PACKAGES[folder.name][0].split(",")) & set(told["imported"])
        if not row.export.portable or row.native:
            assert told["error"] == "EngineNotAvailable"
            continue
        assert "error" not in told, told["traceback"]
        assert told["engine"] == "sklearn"
        assert "EngineFallbackWarning" in {category for category, *_ in told["warnings"]}
        assert_answers(told["answers"], file)
