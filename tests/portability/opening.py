"""Opens pickles in another process: ``python opening.py PACKAGES DISTRIBUTIONS FILE ...``.

The packages, and the distributions that they are in, are not to be had there. Writes a line of JSON for each file: what
came out, what it warned of, what it answers to the data beside it (FILE.npy, or data.npy in its folder).
"""

import json
import pickle
import sys
import traceback
import warnings
from importlib.abc import MetaPathFinder
from pathlib import Path


class Missing(MetaPathFinder):
    """Packages that are not to be had: neither imported, nor found, nor known to be installed."""

    def __init__(self, packages, distributions):
        self.packages, self.distributions = packages, distributions

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    def install(self):
        import importlib.metadata as metadata

        assert not self.packages & sys.modules.keys()
        sys.meta_path.insert(0, self)
        version = metadata.version

        def version_of_what_is_there(name):
            if name in self.distributions:
                raise metadata.PackageNotFoundError(name)
            return version(name)

        metadata.version = version_of_what_is_there
        entry_points = metadata.entry_points

        def entry_points_of_what_is_there(**params):
            found = entry_points(**params)
            return metadata.EntryPoints(each for each in found if each.dist.name not in self.distributions)

        metadata.entry_points = entry_points_of_what_is_there


METHODS = ("predict", "predict_proba", "decision_function", "transform", "score_samples", "kneighbors", "mahalanobis")


def answers(model, X):
    """The answers of all its methods; what it found, where it answers nothing."""
    import numpy as np

    found = {method: getattr(model, method)(X) for method in METHODS if hasattr(model, method)}
    if not found:
        found = {name: getattr(model, name) for name in ("labels_", "embedding_") if hasattr(model, name)}
    for name, values in found.items():
        values = values[0] if name == "kneighbors" else values
        found[name] = np.asarray(values.toarray() if hasattr(values, "toarray") else values).tolist()
    assert found
    return found


def data_for(path):
    """The data beside a file."""
    import numpy as np

    own = path.with_suffix(".npy")
    return np.load(own if own.exists() else path.with_name("data.npy"))


def opened(path):
    """What comes out of one file."""
    X = data_for(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with path.open("rb") as file:
                model = pickle.load(file)
            told = {
                "class": type(model).__name__,
                "engine": getattr(model, "engine_", None),
                "device": getattr(model, "device_", None),
                "answers": answers(model, X) if path.name != "unfitted" else {},
            }
        except Exception as error:  # noqa: BLE001  it is what is asked for
            told = {"error": type(error).__name__, "text": str(error), "traceback": traceback.format_exc()}
    told["warnings"] = [[each.category.__name__, str(each.message), each.filename] for each in caught]
    told["imported"] = sorted({name.partition(".")[0] for name in sys.modules})
    return told


if __name__ == "__main__":
    packages, distributions, *paths = sys.argv[1:]
    Missing(set(packages.split(",")) - {""}, set(distributions.split(","))).install()
    for each in paths:
        sys.stdout.write(json.dumps(opened(Path(each))) + "\n")
