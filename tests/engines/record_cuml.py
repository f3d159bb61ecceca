"""Write down what an installed cuML says of its classes: `python tests/engines/record_cuml.py`. It needs no GPU.

For every class with a row: the parameters of cuML's class with their defaults; and what cuML's own translation
(``_params_from_cpu``), where it has one, makes of hyperparameters, or that it refuses them.
"""

import importlib.metadata
import inspect
import json
import warnings

import sklearn
from cuml_settings import RECORD, class_of, key, settings_of, written

from accelsk.engines import get, get_adapter


def signature(init):
    """The parameters of a constructor; that of a vendored class is wrapped by one that takes any."""
    wrapped = inspect.getclosurevars(init).nonlocals.get("orig_init") if inspect.isfunction(init) else None
    return inspect.signature(init) if wrapped is None else signature(wrapped)


def parameters(cls):
    """The constructor's parameters with their defaults."""
    found = {name: each for name, each in signature(cls.__init__).parameters.items() if name != "self"}
    return {name: written(each.default) for name, each in found.items()}


def translation(row, cls):
    """By setting, the keywords that cuML's own translation gives, or in a word why it refuses; None without one."""
    from cuml.internals.interop import InteropMixin, UnsupportedOnGPU

    if row.estimator == "sklearn.cluster.HDBSCAN":  # the class is a translation of the package hdbscan's
        from cuml.accel._overrides.sklearn.cluster import _SklearnHDBSCAN as cls
    if not hasattr(cls, "_params_from_cpu") or cls._params_from_cpu.__func__ is InteropMixin._params_from_cpu.__func__:
        return None
    found = {}
    for setting in settings_of(row):
        try:
            found[key(setting)] = written(cls._params_from_cpu(class_of(row)(**setting)))
        except UnsupportedOnGPU as error:
            found[key(setting)] = f"refused: {error}"
    return found


def record():
    """Everything, as it is written down."""
    engine, adapter = get("cuml"), get_adapter("cuml")
    classes = {}
    for row in engine.rows:
        cls = adapter.load(row)
        classes[row.estimator] = {
            "class": row.backend,
            "parameters": parameters(cls),
            "translation": translation(row, cls),
        }
    versions = {"cuml": _version(), "scikit-learn": sklearn.__version__}
    return {"versions": versions, "classes": classes}


def _version():
    for name in ("cuml-cu13", "cuml-cu12", "cuml"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    raise SystemExit("cuML is not installed")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        RECORD.write_text(json.dumps(record(), indent=1, sort_keys=True) + "\n")
    print(f"{RECORD}: {len(json.loads(RECORD.read_text())['classes'])} classes")
