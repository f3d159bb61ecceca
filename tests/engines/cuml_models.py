"""Fitted models as cuML keeps them, made of fitted models of scikit-learn: without cuML and without a GPU."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from sklearn.base import clone

from accelsk.engines.cuml.fitted import ensemble, linear_model, neighbors, svm
from accelsk.engines.held import Held, Read
from accelsk.engines.holding import HoldingAdapter
from accelsk.engines.spec import Engine

FITTED = {**ensemble.FITTED, **linear_model.FITTED, **neighbors.FITTED, **svm.FITTED}
ADAPTER = HoldingAdapter(Engine(name="cuml", title="cuML", imports="cuml"))


def held_of(estimator, model, X, y=None, *, double=True):
    """The backend estimator of a user's estimator and a model of the library."""
    stem = clone(estimator)
    stem.n_features_in_ = X.shape[1]
    held = Held(ADAPTER, f"{type(estimator).__module__}.{type(estimator).__name__}", model, stem)
    held.double, held.y_ndim, held.fitted = double, np.ndim(y) if y is not None else 0, True
    if y is not None and hasattr(estimator, "predict") and estimator.__sklearn_tags__().estimator_type == "classifier":
        held.labels = np.unique(y)
    return held


def exported(estimator, model, X, y=None, *, double=True):
    """The estimator, fitted with the attributes that are made of a model; the model may be a mapping."""
    if isinstance(model, dict):
        model = SimpleNamespace(**model)
    held = held_of(estimator, model, X, y, double=double)
    made = clone(estimator)
    attributes = FITTED[type(estimator).__name__](Read(held), estimator.get_params(deep=False))
    for name, value in attributes.items():
        setattr(made, name, value)
    if held.labels is not None:
        made.classes_ = held.labels
    made.n_features_in_ = X.shape[1]
    return made
