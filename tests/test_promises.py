"""What accelsk promises about itself: imports, names, side effects."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import accelsk
from accelsk.engines import _builtin, get

PACKAGE = Path(accelsk.__file__).parent


def python(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_importing_accelsk_imports_nothing_that_scikit_learn_does_not():
    code = (
        "import sys, sklearn.pipeline; a = set(sys.modules); import accelsk;"
        "print(*sorted(set(sys.modules) - a), sep=',')"
    )

    there = set(python(code).split(","))
    assert {name.partition(".")[0] for name in there} - sys.stdlib_module_names == {"accelsk"}
    assert not there & {"accelsk.parallel", "accelsk.storage", "accelsk.workers", "accelsk.versions"}


@pytest.mark.parametrize("question", ["engines()", "devices()", "explain(SVC())", "explain(SVC(), X, y)"])
def test_asking_imports_no_engine(question):
    libraries = {get(name).imports.partition(".")[0] for name in _builtin() if not get(name).reference}
    code = (
        "import sys; from sklearn.svm import SVC; from accelsk import *; X, y = [[0.0], [1.0]], [0, 1]\n"
        f"str({question}); print(*sorted(name for name in sys.modules if '.' not in name), sep=',')"
    )

    assert not libraries & set(python(code).split(","))


def test_an_engines_name_stands_only_in_its_folder():
    engine_names = [name for name in _builtin() if not get(name).reference]
    word = re.compile(rf"\b({'|'.join(engine_names)})\b")
    found = []
    for path in PACKAGE.rglob("*.py"):
        inside = path.relative_to(PACKAGE).parts
        if inside[0] == "engines" and len(inside) > 2:
            word_here = re.compile(rf"\b({'|'.join(name for name in engine_names if name != inside[1]) or '(?!)'})\b")
        else:
            word_here = word
        found += [f"{path.name}:{node.lineno}" for node in _code(path) if word_here.search(_said(node))]

    assert found == []


def _code(path):
    """Names and strings of the code: docstrings may show users what to write."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute | ast.Constant | ast.alias) and id(node) not in docstrings
    ]


def _said(node):
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case ast.alias():
            return node.name
    return node.value if isinstance(node.value, str) else ""


def test_public_names_are_there_and_documented():
    for name in accelsk.__all__:
        assert getattr(accelsk, name).__doc__
    assert set(accelsk.__all__) <= set(dir(accelsk))
    with pytest.raises(AttributeError, match="has no attribute 'fit_few'"):
        _ = accelsk.fit_few


def test_a_fit_changes_nothing_global(iris):
    import numpy as np
    import sklearn
    from sklearn.svm import SVC

    before = (dict(os.environ), sklearn.get_config(), np.geterr(), accelsk.get_config())
    accelsk.AcceleratedEstimator(SVC()).fit(*iris).predict(iris[0])

    assert (dict(os.environ), sklearn.get_config(), np.geterr(), accelsk.get_config()) == before


def test_no_module_is_a_drawer():
    assert not {path.stem for path in PACKAGE.rglob("*.py")} & {"utils", "util", "helpers", "misc", "common"}


def test_module_length():
    too_long = {path.name: n for path in PACKAGE.rglob("*.py") if (n := len(path.read_text().splitlines())) > 520}

    assert too_long == {}
