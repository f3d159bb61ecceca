"""What an estimator of scikit-learn's has learnt: its arrays, wherever they are, at any depth."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, is_classifier

from accelsk.devices import Device
from accelsk.engines.array_api.namespaces import Namespace
from accelsk.engines.held import Held
from accelsk.engines.spec import Row

__all__ = ["CONFIGURATION", "each", "learnt", "ready", "teach"]

#: What scikit-learn puts on an estimator besides hyperparameters and what it has learnt.
CONFIGURATION = ("_sklearn_", "_metadata_", "_skl_", "_callback_", "_parent_")


def learnt(model: Any) -> Iterator[tuple[str, Any]]:
    """Return what an estimator of scikit-learn's has learnt.

    Parameters
    ----------
    model : estimator
        Fitted.

    Yields
    ------
    name : str
        Of an attribute, public or not.
    value : object
        Its value.
    """
    params = model.get_params(deep=False)
    for name, value in vars(model).items():
        if name not in params and not name.startswith(CONFIGURATION):
            yield name, value


def each(value: Any, change: Callable[[Any], Any]) -> Any:
    """Change the arrays in a value, at any depth.

    Parameters
    ----------
    value : object
        An array; a tuple, list, dict or estimator with arrays; or anything else.
    change : callable
        ``change(array) -> array``; it is given everything that holds nothing.

    Returns
    -------
    object
        Of the same kind; the value itself is not changed.

    Examples
    --------
    >>> each({"a": [1, 2]}, lambda number: -number)
    {'a': [-1, -2]}
    """
    if type(value) in (tuple, list):
        return type(value)(each(part, change) for part in value)
    if type(value) is dict:
        return {name: each(part, change) for name, part in value.items()}
    if isinstance(value, BaseEstimator):
        made = copy.copy(value)
        for name, part in vars(value).items():
            setattr(made, name, each(part, change))
        return made
    return change(value)


def teach(held: Held, model: Any, space: Namespace) -> None:
    """Put on a backend estimator what an estimator of scikit-learn's has learnt: its arrays go to the device.

    Parameters
    ----------
    held : Held
        Not fitted; its device is known. It is changed.
    model : estimator
        Fitted, on the host.
    space : Namespace
        The library of arrays.
    """
    device = held.device
    assert device is not None
    held.stem = type(model)(**model.get_params(deep=False))
    for name, value in vars(model).items():
        if name.startswith(CONFIGURATION) or name.endswith("_in_"):
            setattr(held.stem, name, value)
    held.fitted = True
    held.notes["sparse"] = sp.issparse(getattr(model, "coef_", None))
    floats = [value.dtype for _, value in learnt(model) if isinstance(value, np.ndarray) and value.dtype.kind == "f"]
    held.double = not floats or any(dtype != np.float32 for dtype in floats)

    def there(value: Any) -> Any:
        if sp.issparse(value):  # coefficients after ``sparsify``
            value = value.toarray()
        if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiub":
            return space.put(np.asarray(value), device)
        return value

    for name, value in learnt(model):
        if name not in ("_base_loss", "feature_names_in_"):
            setattr(held.model, name, each(value, there))
    binarizer = getattr(held.model, "_label_binarizer", None)
    if is_classifier(model) and (binarizer is None or not binarizer.y_type_.startswith("multilabel")):
        held.labels = model.classes_
        held.model.classes_ = space.put(np.arange(len(held.labels)), device)
        if binarizer is not None:
            binarizer.classes_ = held.model.classes_


def ready(held: Held, row: Row, X: Any, space: Namespace) -> tuple[Any, Any]:
    """Return a fitted model and data that it can answer.

    Parameters
    ----------
    held : Held
        The backend estimator.
    row : Row
        Its row.
    X : array
        On the device.
    space : Namespace
        Whose array it is.

    Returns
    -------
    model : estimator
        The model of `held`, or a copy.
    X : array
        Of the precision of the model.
    """
    assert held.device is not None
    return _of_one_precision(_with_loss(held.model, space, held.device), X, held, row, space)


def _of_one_precision(model: Any, X: Any, held: Held, row: Row, space: Namespace) -> tuple[Any, Any]:
    """A model and data that can be multiplied: NumPy makes both float64 where one is, and tensors are refused."""
    assert held.device is not None
    wide = "float64" in str(X.dtype)
    mixes = row.estimator.startswith("sklearn.preprocessing.")  # arithmetic alone, which takes two kinds
    if mixes or wide == held.double or not space.double(held.device):
        return model, X
    if held.double:
        return model, space.widened(X)
    wider = copy.copy(model)
    for name, value in learnt(model):
        setattr(wider, name, each(value, partial(_widened, space)))
    return wider, X


def _widened(space: Namespace, value: Any) -> Any:
    return space.widened(value) if space.holds(value) and "float32" in str(value.dtype) else value


def _with_loss(model: Any, space: Namespace, device: Device) -> Any:
    """A model that predicts by its loss, which is made for one library and device, and is no state to be kept."""
    if not hasattr(model, "_get_loss"):
        return model
    xp, where = space.spelled(device)
    ready = copy.copy(model)
    ready._base_loss = model._get_loss(xp=xp, device=where)
    return ready
