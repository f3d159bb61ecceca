"""The hyperparameters at which rows of cuML are compared with its own translation, and how values are written down."""

import importlib
import importlib.util
import json
import pkgutil
import types
from pathlib import Path

import numpy as np

from accelsk.testing.case import allowed_values

RECORD = Path(__file__).with_name("cuml_recorded.json")


def _gathered(name):
    """Join the dicts of that name of the modules in `cuml_grid`."""
    gathered = {}
    folder = Path(__file__).with_name("cuml_grid")
    for module in pkgutil.iter_modules([str(folder)]):
        spec = importlib.util.spec_from_file_location(f"cuml_grid_{module.name}", folder / f"{module.name}.py")
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        gathered.update(getattr(loaded, name, {}))
    return gathered


#: Settings beyond one allowed value of one parameter at a time, by the path of the class.
GRID = _gathered("GRID")

#: (path, parameter) to the reason why a row refuses what cuML takes, and leaves unread or gets wrong.
REFUSED = _gathered("REFUSED")

#: (path, parameter) to the reason why a row takes what cuML's translation refuses, and cuML computes.
TAKEN = _gathered("TAKEN")

#: (path, keyword of cuML) to the reason why a row gives another value than cuML's translation.
CORRECTED = _gathered("CORRECTED")

#: (path, keyword of cuML) to the reason why it is not passed: cuML's default is what scikit-learn does.
LEFT = _gathered("LEFT")


def class_of(row):
    """Import scikit-learn's class of a row."""
    module, _, name = row.estimator.rpartition(".")
    return getattr(importlib.import_module(module), name)


def settings_of(row):
    """The defaults; each parameter at each kind of value that scikit-learn allows; and what the grid adds."""
    cls = class_of(row)
    defaults = cls().get_params(deep=False)
    yield {}
    for name in defaults:
        for value in allowed_values(cls, name):
            yield {name: value}
    for setting in GRID.get(row.estimator, ()):
        if setting.keys() <= defaults.keys():
            yield setting


def written(value):
    """A value as JSON has it; what that has no word for as text without addresses."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | str | None):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) and value != int(value) else int(value) if np.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(key): written(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [written(each) for each in value]
    if isinstance(value, np.ndarray):
        return {"array": value.tolist()}
    if isinstance(value, type):
        return {"type": value.__name__}
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType):
        return {"function": value.__name__}
    return {"instance": type(value).__name__}


def key(setting):
    """A setting as the key of the record."""
    return json.dumps(written(setting), sort_keys=True)
