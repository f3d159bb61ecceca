"""`accelsk inspect`: what a saved model holds is found out without running anything of the file."""

import bz2
import gzip
import json
import lzma
import os
import pickle
import pickletools
import random
import struct
import subprocess
import sys
import zlib
from collections import OrderedDict, defaultdict
from functools import partial
from pathlib import Path

import cloudpickle
import joblib
import numpy as np
import pytest
from sklearn.cluster import DBSCAN
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate, persistence, save
from accelsk.cli import main
from accelsk.contents import read_contents
from accelsk.contents.trust import is_harmless
from accelsk.errors import AccelskError

DATA = Path(__file__).with_name("data")
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
COMPRESSIONS = {"gzip": gzip.compress, "zlib": zlib.compress, "bz2": bz2.compress, "xz": lzma.compress}


def on(estimator, engine="loopback", device="cpu"):
    return AcceleratedEstimator(estimator, engine=engine, device=device, fallback="raise")


@pytest.fixture
def contents(tmp_path):
    """Look into bytes, or into what pickle makes of an object."""

    def look(held, protocol=None):
        path = tmp_path / "model.pkl"
        path.write_bytes(held if isinstance(held, bytes) else pickle.dumps(held, protocol))
        return read_contents(path)

    return look


@pytest.fixture
def trap(tmp_path):
    """A function of the standard library that leaves a trace when it is called, and how to see that it did not."""

    class Trap:
        trace = tmp_path / "trace"
        command = f"{'type nul' if os.name == 'nt' else 'touch'} {trace}"

        def __reduce__(self):
            return os.system, (self.command,)

    trap = Trap()
    yield trap
    assert not trap.trace.exists()


# -- what accelsk has written ----------------------------------------------------------------------------------------


def test_a_fitted_estimator(contents, iris):
    found = contents(on(SVC(C=10)).fit(*iris))

    (part,) = found.parts
    assert found.object == "accelsk.estimator.AcceleratedEstimator"
    assert (part.path, part.estimator, part.hyperparameters) == ("", "sklearn.svm.SVC", {"C": "10"})
    assert (part.fitted, part.engine, part.device, part.why) == (True, "loopback", "cpu", "asked for by name")
    assert (part.portable, part.holds, part.format) == (True, ("scikit-learn",), persistence.FORMAT)
    assert part.versions.keys() == {"python", "numpy", "scikit-learn", "accelsk-loopback"}
    assert (found.plain, found.other_code) == ((), ())


def test_one_that_is_not_fitted(contents):
    (part,) = contents(on(SVC(C=10))).parts

    assert (part.fitted, part.engine, part.opens) == (False, "", "not fitted")


def test_one_that_is_not_portable_says_why(contents, iris):
    found = contents(on(HistGradientBoostingRegressor(max_iter=3)).fit(*iris))

    (part,) = found.parts
    assert (part.portable, part.holds) == (False, ("engine",))
    assert "another algorithm" in part.opens
    assert "Hint" not in part.opens


def test_the_engines_part_is_a_pickle_too_and_its_names_are_told(contents, iris):
    model = on(IncrementalPCA(2)).fit(iris[0])
    for protocol in (2, 5):  # before 3 there are no bytes
        found = contents(model, protocol)
        assert found.parts[0].holds == ("scikit-learn", "engine")
        assert found.other_code == ("accelsk_loopback.library.IncrementalPCA",)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pipeline_by_the_names_of_its_steps(contents, iris, protocol):
    pipeline = AcceleratedPipeline([("pca", PCA(2)), ("clf", SVC())], engine="loopback").fit(*iris)
    found = contents(pipeline, protocol)

    assert [(part.path, part.estimator) for part in found.parts] == [
        ("pca", "sklearn.decomposition.PCA"),
        ("clf", "sklearn.svm.SVC"),
    ]
    assert found.object == "accelsk.pipeline.AcceleratedPipeline"
    assert found.format == f"pickle, protocol {protocol if protocol > 1 else '0 or 1'}"
    assert found.other_code == ()


def test_inside_a_search(contents, iris):
    search = accelerate(GridSearchCV(make_pipeline(StandardScaler(), SVC()), {"svc__C": [3]}, cv=3), engine="loopback")
    found = contents(search.fit(*iris))

    assert found.object == "sklearn.model_selection.GridSearchCV"
    assert [plain.estimator for plain in found.plain if not plain.path] == [found.object]
    fitted = {part.path: part.hyperparameters for part in found.parts if part.fitted}
    assert fitted == {"best_estimator_.standardscaler": {}, "best_estimator_.svc": {"C": "3"}}


def test_inside_other_objects(contents, iris):
    estimator = on(SVC())
    stack = StackingClassifier([("svc", estimator), ("knn", KNeighborsClassifier())], cv=2).fit(*iris)
    columns = ColumnTransformer([("pca", on(PCA(2)), [0, 1, 2])]).fit(iris[0])
    found = contents({"models": [stack, columns], 3: estimator, "of a step": OrderedDict(a=on(Ridge()))})

    assert [part.path for part in found.parts if part.fitted] == [
        "['models'][0].estimators_[0]",
        "['models'][1].transformers_.pca",
    ]
    assert "['of a step']['a']" in [part.path for part in found.parts]


def test_a_part_inside_a_part(contents, iris):
    pipeline = AcceleratedPipeline(
        [("columns", ColumnTransformer([("pca", PCA(2), [0, 1, 2])])), ("clf", SVC())], engine="loopback"
    )
    found = contents(pipeline.fit(*iris))

    assert "columns.transformers_.pca" in [part.path for part in found.parts]
    assert found.plain == ()


def test_every_file_of_every_format():
    for file in DATA.glob("format-*/*/*.pkl"):
        (part,) = read_contents(file).parts
        assert (part.engine, part.estimator.rpartition(".")[2]) == (file.parent.name, file.stem)
        assert not [
            name for name in read_contents(file).other_code if name.startswith(("sklearn.", "numpy", "accelsk."))
        ]


def test_a_header_of_a_later_format_or_with_other_keys(contents):
    def part(**header):
        return contents(_call("accelsk.persistence", "reopen", None, json.dumps(header), {}, None)).parts[0]

    assert "later accelsk" in part(format=99, estimator="a.B", new={"a": 1}).opens
    assert part(format="x", hyperparameters=[], versions=3, holds={}, fitted="no", estimator=["a"]).estimator == "?"
    assert part().opens == "not fitted"
    assert contents(_call("accelsk.persistence", "reopen")).parts[0].note == "its header cannot be read"
    for header in ("[" * 100_000, "[]", "{", 3, None, b"{}"):
        found = contents(_call("accelsk.persistence", "reopen", None, header, None, None))
        assert found.parts[0].note == "its header cannot be read"


# -- what others have written ----------------------------------------------------------------------------------------


def test_plain_scikit_learn(contents, iris):
    found = contents(RandomForestClassifier(5).fit(*iris))

    assert found.object == "sklearn.ensemble.RandomForestClassifier"
    assert [(plain.estimator, plain.count) for plain in found.plain] == [
        ("sklearn.ensemble.RandomForestClassifier", 1),
        ("sklearn.tree.DecisionTreeClassifier", 6),  # one of them is the model of the others
    ]
    assert (found.parts, found.other_code) == ((), ())
    assert set(found.imports) == {"sklearn", "numpy"}


@pytest.mark.parametrize(
    "held, kind",
    [
        ([1, 2.5, "a"], "a list or set of 3"),
        ({"a": {1, 2}, (1, "b"): frozenset([3])}, "a dict of 2"),
        ((10**30, -5, 2**40, True, None, b"a", bytearray(b"b")), "a tuple of 7"),
        (3, "of type int"),
        (0.5, "a plain value"),
        (defaultdict(list, a=[1]), "collections.defaultdict"),
        (np.arange(3), "numpy.ndarray"),
        (np.array([{"a": 1}, None], dtype=object), "numpy.ndarray"),
    ],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_any_object_in_any_protocol(contents, held, kind, protocol):
    found = contents(held, protocol)

    assert found.object == kind
    assert found.other_code == ()


def test_functions_of_the_user_are_told(contents):
    found = contents(cloudpickle.dumps(lambda x: x + 1))
    assert any(name.startswith("cloudpickle.") for name in found.other_code)
    assert "functools.partial" in contents(partial(int, base=2)).other_code


def test_objects_that_hold_each_other(contents):
    loop = [on(SVC())]
    loop.append({"again": loop})
    loop[0].itself = loop

    assert contents(loop).parts[0].path == "[0]"


# -- files of joblib, and compressed ones ----------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)], ids=str)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_joblib(tmp_path, iris, compress, protocol):
    held = {
        "model": on(SVC(C=3)).fit(*iris),
        "objects": np.array(["a", {"b": np.ones(3)}], dtype=object),
        "arrays": [
            np.array([["abc", "d"]]),
            np.zeros((0, 3)),
            np.array(5),
            np.arange(6.0).reshape(2, 3).T,
            np.ones(9, "S3"),
        ],
        "records": np.zeros(4, dtype=[("a", "f4"), ("b", "U3")]),
        "times": np.array(["2026-01-01"], dtype="M8[D]"),
        "end": RandomForestClassifier(n_estimators=2).fit(*iris),
    }
    path = tmp_path / "model.joblib"
    joblib.dump(held, path, compress=compress, protocol=protocol)
    found = read_contents(path)

    name = compress[0] if isinstance(compress, tuple) else "zlib"
    assert found.format == f"joblib, pickle protocol {protocol}" + (f", compressed with {name}" if compress else "")
    assert [part.path for part in found.parts] == ["['model']"]
    assert "['end']" in [plain.path for plain in found.plain]
    assert (found.other_code, found.notes) == ((), ())


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_a_compressed_pickle(contents, name):
    assert contents(COMPRESSIONS[name](pickle.dumps([on(SVC())]))).format.endswith(f"compressed with {name}")


def test_what_follows_the_pickle_is_mentioned(contents):
    assert "More bytes follow" in contents(pickle.dumps(1) + pickle.dumps(2)).notes[0]


def test_records_with_objects_inside(tmp_path, trap):
    held = np.zeros(2, dtype=[("a", object), ("b", "f8")])
    held["a"][0] = trap
    joblib.dump([held, on(SVC())], tmp_path / "model")

    assert [part.path for part in read_contents(tmp_path / "model").parts] == ["[1]"]
    assert _system in read_contents(tmp_path / "model").other_code


def test_skops(tmp_path, iris):
    pytest.importorskip("skops")
    save(on(SVC(C=3)).fit(*iris), tmp_path / "model.skops")
    found = read_contents(tmp_path / "model.skops")

    assert found.format.startswith("skops ")
    assert [plain.estimator for plain in found.plain] == [found.object] == ["sklearn.svm.SVC"]
    assert "sklearn.svm._classes.SVC" in found.imports["sklearn"]


# -- nothing of the file is run --------------------------------------------------------------------------------------

_system = f"{os.system.__module__}.system"


def _call(module, name, *args):
    """A pickle that calls a function."""
    return b"\x80\x04" + _name(module, name) + pickle.dumps(args, 4)[2:-1] + b"R."


def _name(module, name):
    return pickle.dumps(module, 4)[2:-1] + pickle.dumps(name, 4)[2:-1] + b"\x93"


def _payloads(command):
    """Pickles that run a command when they are loaded, each by another operation."""
    text, system = pickle.dumps(command, 0)[:-1], b"cos\nsystem\n"
    reduce = system + b"(" + text + b"tR"
    classes = (
        b"csubprocess\nPopen\n",
        b"(" + b"(lp0\n" + b"".join(pickle.dumps(word, 0)[:-1] + b"a" for word in command.split()),
    )
    return {
        "REDUCE": reduce + b".",
        "REDUCE, dropped": reduce + b"0N.",
        "REDUCE, never ending": reduce,
        "REDUCE, then nonsense": reduce + b"0\xff",
        "INST": b"(" + text + b"ios\nsystem\n.",
        "OBJ": b"(" + system + text + b"o.",
        "OBJ of a class": b"(" + classes[0] + classes[1][1:] + b"o.",
        "REDUCE of a class": classes[0] + classes[1] + b"tR.",
        "BUILD": b"csklearn.svm\nSVC\n)\x81}S'a'\n" + reduce + b"sb.",
        "BUILD of a class": b"csklearn.svm\nSVC\nN}S'fit'\n" + system + b"s\x86b.",
        "a key": b"}" + reduce + b"Ns.",
        "in a set": b"\x80\x04\x8f(" + reduce + b"\x90.",
        "memo": system + b"q\x050h\x05(" + text + b"tR.",
        "STACK_GLOBAL": b"\x80\x04" + _name("os", "system") + text + b"\x85R.",
        "by another module": b"\x80\x04"
        + _name("sklearn.utils.validation", "joblib.memory.os.system")
        + text
        + b"\x85R.",
        "eval": b'c__builtin__\neval\n(S\'__import__("os").system(' + command.encode().hex().encode() + b")'\ntR.",
        "an old name": b"ccommands\ngetoutput\n(" + text + b"tR.",
        "a persistent id": b"S'a'\nQ0" + reduce + b".",
        "engine": _call(
            "accelsk.persistence", "reopen", None, "{}", {}, {"decision": {}, "takes": (), "engine": reduce + b"."}
        ),
        "engine in engine": _call(
            "accelsk.persistence",
            "reopen",
            *(None, "{}", {}),
            {"engine": _call("accelsk.persistence", "reopen", None, "{}", {}, {"engine": reduce + b"."})},
        ),
        "a distribution": _name("scipy.stats._continuous_distns", "uniform_gen")
        + b")\x81"
        + pickle.dumps({"_parse_arg_template": f"import os; os.system({command!r})"}, 4)[2:-1]
        + b"b.",
        "called object": b"cfunctools\npartial\n" + system + text + b"\x86R)R.",
    }


@pytest.mark.parametrize("name", _payloads("true"))
def test_code_is_told_of_and_not_run(contents, trap, name):
    other_code = _other_code(contents, _payloads(trap.command)[name])
    others = {"eval": "builtins.eval", "an old name": "subprocess.getoutput", "a distribution": "uniform_gen"}
    wanted = others.get(name, "system")
    assert any(wanted in code or "subprocess.Popen" in code for code in other_code)


def _other_code(look, held):
    """The names that are told of, be it in an error."""
    try:
        return look(held).other_code
    except AccelskError as error:
        return error.other_code if all(name in str(error) for name in error.other_code) else ()


def test_the_payloads_would_run(trap, tmp_path):
    """So that the test above is not passed by harmless files."""
    ran = []
    for name in (
        "REDUCE",
        "INST",
        "OBJ",
        "BUILD",
        "STACK_GLOBAL",
        "in a set",
        "by another module",
        "REDUCE, then nonsense",
        "a distribution",
    ):
        command = trap.command.replace("trace", "other-trace")
        (tmp_path / "model").write_bytes(_payloads(command)[name])
        script = "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))"
        subprocess.run([sys.executable, "-c", script, tmp_path / "model"], check=False, capture_output=True)
        if (tmp_path / "other-trace").exists():
            ran.append(name)
            (tmp_path / "other-trace").unlink()
    assert len(ran) == 9


def test_no_module_is_imported(contents, tmp_path, monkeypatch):
    (tmp_path / "module_that_runs.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)

    assert contents(_call("module_that_runs", "Model")).object == "module_that_runs.Model"
    assert "module_that_runs" not in sys.modules


@pytest.mark.parametrize("compress", [0, 3])
def test_code_in_files_of_joblib(tmp_path, trap, compress):
    for held in (np.array([trap], dtype=object), [np.ones(3), trap], {"a": np.array([[trap]])}):
        joblib.dump(held, tmp_path / "model", compress=compress)
        assert read_contents(tmp_path / "model").other_code == (_system,)


def test_code_in_an_array_of_joblibs_is_not_hidden_from_who_uses_pickle(tmp_path, trap):
    """To joblib.load these are the bytes of an array, to pickle.load they are operations."""
    path = tmp_path / "model"
    joblib.dump(np.zeros(999, dtype="u1"), path, protocol=2)
    wrapper = path.read_bytes()[: path.read_bytes().rindex(b"b") + 1]
    operations = b"0" + _payloads(trap.command)["REDUCE"] + b"."  # joblib takes the first for a number of bytes to skip
    path.write_bytes(wrapper + operations.ljust(1 + ord("0") + 999) + b".")

    assert joblib.load(path).shape == (999,)
    assert read_contents(path).other_code == ("os.system",)


def test_bytes_for_an_engine_that_are_not_looked_into_are_told_of(contents):
    for fitted in (
        OrderedDict(engine=b"N."),
        {"engine": bytearray(b"\xff")},
        {"engine": "text"},
        {np.str_("engine"): b""},
    ):
        found = contents(_call("accelsk.persistence", "reopen", None, "{}", {}, fitted))
        assert "accelsk.persistence.reopen.<bytes that cannot be read>" in found.other_code


def test_extensions_and_buffers_are_no_surprise(contents):
    assert contents(b"\x80\x02\x82\x05.").other_code == ("copyreg.<extension 5>",)
    assert contents(b"\x80\x05\x97\x98.").object == "a plain value"


@pytest.mark.parametrize(
    "name",
    [
        *("os.system", "builtins.eval", "builtins.getattr", "numpy.load", "numpy.f2py.crackfortran.myeval"),
        *("sklearn.svm._classes.os.system", "sklearn.datasets._base.NamedTemporaryFile", "joblib.load", "accelsk.load"),
        *("numpy.testing._private.utils.runstring", "sklearn.callback._transport.Client", "functools.partial"),
        *(
            "sklearn.utils._testing.Anything",
            "accelsk.storage.load",
            "accelsk.__main__.Anything",
            "scipyx.sparse.csr_matrix",
            "scipy.stats._continuous_distns.uniform_gen",
        ),
    ],
)
def test_names_that_are_not_known_to_be_harmless(name):
    module, _, name = name.rpartition(".")
    assert not is_harmless(module, name)


def test_a_dotted_name_is_not_harmless_wherever_it_starts():
    assert not is_harmless("sklearn.svm", "_classes.SVC")


def test_a_terminal_gets_no_commands_from_the_file(contents):
    found = contents(_call("evil\x1b[2J\u202e\udc80", "a" * 600, "x"))
    assert str(found).isprintable() or "\n" in str(found)
    assert "\x1b" not in str(found)
    assert "\u202e" not in str(found)
    assert r"evil\x1b[2J\u202e\udc80" in found.other_code[0]
    assert len(found.other_code[0]) < 300


# -- damage ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(iris, tmp_path_factory):
    """Sound files of all kinds."""
    folder = tmp_path_factory.mktemp("sound")
    pipeline = AcceleratedPipeline([("pca", IncrementalPCA(2)), ("clf", SVC())], engine="loopback").fit(*iris)
    for protocol in PROTOCOLS:
        (folder / f"pickle-{protocol}").write_bytes(pickle.dumps(pipeline, protocol))
    held = [pipeline, np.array([1, "a"], dtype=object)]
    for name, compress in {"joblib": 0, "zlib": 3, "gzip": ("gzip", 3), "xz": ("xz", 3), "bz2": ("bz2", 3)}.items():
        joblib.dump(held, folder / name, compress=compress)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_that_were_cut_off(files, contents):
    for name, data in files.items():
        for length in range(0, len(data) - 20, 1 + len(data) // 60):
            with pytest.raises(AccelskError, match=r"cannot be read to its end|is not a pickle") as caught:
                contents(data[:length])
            assert caught.value.hint, name


def test_files_with_other_bytes_in_them(files, contents):
    """Either it is read, or it is an error of accelsk; and it does not take long."""
    shuffle = random.Random(0)
    known = set(sys.modules)
    outcomes = []
    for data in files.values():
        for _ in range(60):
            wrong = bytearray(data)
            for _ in range(shuffle.choice((1, 1, 3, 20))):
                at = shuffle.randrange(len(wrong))
                wrong[at : at + shuffle.choice((1, 1, 4))] = shuffle.randbytes(shuffle.choice((1, 1, 4)))
            outcomes.append(_outcome(contents, bytes(wrong)))
    assert {"read", "error"} == set(outcomes)
    assert not {name for name in set(sys.modules) - known if not name.startswith(("accelsk", "sklearn", "rich"))}


def test_bytes_that_never_were_a_pickle(contents):
    shuffle = random.Random(0)
    operations = "".join(operation.code for operation in pickletools.opcodes).encode("latin-1") + b"\n'1"
    for _ in range(1000):
        assert _outcome(contents, bytes(shuffle.choices(operations, k=40))) in ("read", "error")
        assert _outcome(contents, shuffle.randbytes(30)) in ("read", "error")


def _outcome(contents, data):
    try:
        str(contents(data))
    except AccelskError:
        return "error"
    return "read"


@pytest.mark.parametrize("size", [2**31 - 1, 2**60, 2**64 - 1])
@pytest.mark.parametrize("wrap", [bytes, zlib.compress, gzip.compress], ids=["plain", "zlib", "gzip"])
def test_lengths_that_are_not_there(contents, size, wrap):
    eight, four = struct.pack("<Q", size), struct.pack("<I", min(size, 2**32 - 1))
    for code in (
        b"\x8e" + eight,
        b"\x8d" + eight,
        b"\x96" + eight,
        b"\x95" + eight,
        b"B" + four,
        b"X" + four,
        b"\x8b" + four,
    ):
        with pytest.raises(AccelskError, match=r"declared|decompressed|ends there"):
            contents(wrap(b"\x80\x05" + code + b"N."))


def test_arrays_of_joblibs_that_are_not_there(tmp_path):
    path = tmp_path / "model"
    joblib.dump(np.zeros(9, "u1"), path, protocol=2)
    sound = path.read_bytes()
    shape = b"K\x09\x85"
    for size in (2**60, -(2**60), 2**100, 10):
        path.write_bytes(sound.replace(shape, pickle.dumps(size, 2)[2:-1] + b"\x85", 1))
        with pytest.raises(AccelskError, match="declared"):
            read_contents(path)
    path.write_bytes(sound.replace(b"u1", b"x1", 1))
    with pytest.raises(AccelskError, match="unknown type"):
        read_contents(path)


def test_nesting_that_is_deeper_than_any_stack(contents):
    deep = 100_000
    assert contents(b"]" * deep + b"a" * (deep - 1) + b".").object == "a list or set of 1"
    assert contents(b")" + b"\x85" * deep + b".").object == "a tuple of 1"
    assert contents(b"c__builtin__\nobject\n)" + b"R)" * deep + b"R.").other_code
    # 2 ** 100 elements, and then they are a key
    assert contents(b"})" + b"2\x86" * 100 + b"Ns.").object == "a dict of 1"


def test_a_way_that_is_very_long_is_shortened(contents):
    held = on(SVC())
    for _ in range(300):
        held = [held]

    (part,) = contents(held).parts
    assert part.path == "[...]" + "[0]" * 20


def test_too_much_to_read(contents, monkeypatch):
    monkeypatch.setattr("accelsk.contents.machine.Found.operations", 10)
    monkeypatch.setattr("accelsk.contents.machine.Found.__init__.__defaults__", (*_defaults()[:-2], 10, 2**20))

    with pytest.raises(AccelskError, match="operations are not read"):
        contents([0] * 100)


def _defaults():
    from accelsk.contents.machine import Found

    return Found.__init__.__defaults__


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "it is empty"),
        (b"PK\x03\x04" + bytes(50), "zip archive, and not one of skops'"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\x93NUMPY\x01\x00", "an array of NumPy"),
        (b'{"a": 1}', "JSON"),
        (b"\x08\x0a\x12\x08skl2onnx", "ONNX"),
        (b"A text.", "starts with b'A text.'"),
        (b"ZF0x10", "joblib before 0.10"),
        (b"\x04\x22\x4d\x18abc", "lz4"),
        (gzip.compress(b"A text."), "compressed with gzip, and there is no pickle in it"),
        (b"\x80\x63N.", "protocol 99 is later than this Python knows"),
    ],
    # By name: gzip writes the time into what it compresses, and test workers must collect the same names.
    ids=["empty", "zip", "HDF5", "NumPy", "JSON", "ONNX", "text", "ZF", "lz4", "gzip", "protocol"],
)
def test_what_is_no_pickle(contents, data, said):
    with pytest.raises(AccelskError, match=r"is not a pickle|cannot be read") as caught:
        contents(data)
    assert said in str(caught.value)
    assert caught.value.hint


def test_other_archives(tmp_path):
    import zipfile

    for name, text in {"schema.json": "[" * 10_000, "other": "", "schema.json ": "", "./schema.json": "{}"}.items():
        with zipfile.ZipFile(tmp_path / "model", "w") as archive:
            archive.writestr(name, text)
        with pytest.raises(AccelskError, match="not one of skops'"):
            read_contents(tmp_path / "model")


# -- the command -----------------------------------------------------------------------------------------------------


def test_the_command(tmp_path, capsys, iris, trap):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps([on(SVC(C=10)).fit(*iris), trap]))

    assert main(["inspect", str(path)]) == 0
    out = capsys.readouterr().out
    assert "[0]   sklearn.svm.SVC(C=10)  loopback on cpu  scikit-learn's model  portable" in out
    assert f"loading runs code from: {_system}" in out
    assert "accelsk-loopback 0.1.0" in out
    assert main(["inspect", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parts"][0]["hyperparameters"] == {"C": "10"}
    assert told["other_code"] == [_system]


def test_the_command_with_no_file(tmp_path, capsys):
    for path in (tmp_path / "missing", tmp_path):
        assert main(["inspect", str(path)]) == 2
        assert "accelsk inspect: error: " in capsys.readouterr().err


def test_it_needs_no_engine(tmp_path, iris):
    """No library of an engine is imported."""
    (tmp_path / "model").write_bytes(pickle.dumps(on(DBSCAN(), device="accelerator").fit(iris[0])))
    script = (
        "import sys; from accelsk.cli import main; main(['inspect', sys.argv[1]]); "
        "assert not {'accelsk_loopback.library', 'sklearnex', 'daal4py'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "model"], check=True, timeout=60)


def test_python_itself_sees_nothing_run(tmp_path):
    """The interpreter tells of every import and every call that reaches out: there is none but the file's opening."""
    for index, payload in enumerate(_payloads("true").values()):
        (tmp_path / f"{index}").write_bytes(payload)
    joblib.dump(["a", np.array([len, 1], dtype=object), np.ones(3)], tmp_path / "joblib")
    done = subprocess.run(
        [sys.executable, "-c", _WATCH, *tmp_path.iterdir()], check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == ["builtins.id", "open"]


_WATCH = """
import json, sys
from accelsk.contents import read_contents
from accelsk.errors import AccelskError

seen, watching = set(), False
sys.addaudithook(lambda event, args: seen.add(event) if watching else None)
for path in sys.argv[1:] * 2:  # the first time, codecs and the like are imported
    watching = path in seen
    try:
        str(read_contents(path))
    except AccelskError:
        pass
    watching = False
    seen.add(path)
print(json.dumps(sorted(seen - set(sys.argv))))
"""
