"""Writes a pickle of every row of an engine: ``python writing.py FOLDER ENGINE DEVICE [--small]``; see matrix.py.

Beside each pickle: the data to predict, the answers, and the pickle of the export. Small ones, without exports, are for
``tests/data/format-N``, once for each format: what is there is never written again.
"""

import json
import pickle
import sys
import warnings
from pathlib import Path
from unittest import SkipTest

import numpy as np
from opening import answers

from accelsk import to_sklearn
from accelsk.engines import get
from accelsk.estimator import parameters_of
from accelsk.testing.case import case_of, fit


def is_ranker(row):
    """Whether no data here suit the class: it needs groups of rows."""
    return row.native and "score" not in row.methods


def rounds(row):
    """What bounds the size of a model."""
    return ("n_estimators", "iterations", *(("max_iter",) if "Boosting" in row.name else ()))


def write(folder, engine, device, *, small):
    """Write the files of one engine."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in get(engine).rows:
        if is_ranker(row) or get(engine).row(row.estimator) is not row:  # the second is for another kind of device
            continue
        case = case_of(engine, row.estimator)
        try:
            case.need_engine()
            data = case.data
        except SkipTest:
            continue
        few = {name: 3 for name in rounds(row) if small and name in parameters_of(case.cls())}
        few = dict([few.popitem()]) if few else {}  # a library may know several names of one parameter
        model = case.wrapped(case.plain(**few), device=device if device in (row.devices or (device,)) else "auto")
        every = slice(None, None, 2 if small else 1)
        fit(model, *(part[every] for part in data.args))
        X = data.X_new[every]
        (folder / f"{row.name}.pkl").write_bytes(pickle.dumps(model))
        np.save(folder / f"{row.name}.npy", X)
        (folder / f"{row.name}.json").write_text(json.dumps(answers(model, X)))
        if row.export.portable and not small:
            (folder / f"{row.name}.exported").write_bytes(pickle.dumps(to_sklearn(model)))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    folder, engine, device, *rest = sys.argv[1:]
    write(Path(folder), engine, device, small="--small" in rest)
