"""Multi-layer perceptrons: the layers, without what is asked of every layer's input again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.special import expit

from accelsk.evaluators.direct import Array, direct, state_of
from accelsk.evaluators.spec import Evaluate, Offer
from accelsk.origin import public_name

__all__ = ["offers"]


def offers(model: Any) -> Iterator[Offer]:
    """Return the evaluators of a multi-layer perceptron.

    Parameters
    ----------
    model : estimator
        Fitted.

    Yields
    ------
    Offer
        One, if its class is known.
    """
    name, state = public_name(type(model)), state_of(model)

    def evaluator(finish: Callable[[dict[str, Any], Array], Any]) -> Evaluate:
        def evaluate(X: Array) -> Any:
            found = _forward(state, X)
            return None if found is None else finish(state, found)

        return evaluate

    if name == "sklearn.neural_network.MLPRegressor":
        yield direct({"predict": evaluator(lambda state, found: found.ravel() if found.shape[1] == 1 else found)})
    elif name == "sklearn.neural_network.MLPClassifier":
        methods = {"predict": _labels, "predict_proba": _proba, "predict_log_proba": _log_proba}
        yield direct({method: evaluator(finish) for method, finish in methods.items()})


def _identity(layer: Array) -> None:
    pass


def _softmax(layer: Array) -> None:
    np.exp(layer - layer.max(axis=1)[:, np.newaxis], out=layer)
    layer /= layer.sum(axis=1)[:, np.newaxis]


_ACTIVATIONS: dict[str, Callable[[Array], Any]] = {
    "exp": lambda layer: np.exp(layer, out=layer),
    "identity": _identity,
    "logistic": lambda layer: expit(layer, out=layer),
    "relu": lambda layer: np.maximum(layer, 0, out=layer),
    "softmax": _softmax,
    "tanh": lambda layer: np.tanh(layer, out=layer),
}


def _forward(state: dict[str, Any], X: Array) -> Any:
    coefs, intercepts = state["coefs_"], state["intercepts_"]
    hidden, output = _ACTIVATIONS.get(state["activation"]), _ACTIVATIONS.get(state["out_activation_"])
    if hidden is None or output is None:
        return None
    last = len(coefs) - 1
    for number, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        X = X @ coef
        X += intercept
        (output if number == last else hidden)(X)
    return X


def _labels(state: dict[str, Any], found: Array) -> Any:
    binarizer = state["_label_binarizer"]
    classes = binarizer.classes_
    if binarizer.y_type_ == "binary" and len(classes) == 2 and found.shape[1] == 1:
        return classes.take(found.ravel() > 0.5)
    if binarizer.y_type_ == "multiclass" and found.shape[1] == len(classes):
        return classes.take(found.argmax(axis=1))
    return None


def _proba(state: dict[str, Any], found: Array) -> Any:
    if state["n_outputs_"] != 1:
        return found
    return np.hstack((1 - found, found))


def _log_proba(state: dict[str, Any], found: Array) -> Any:
    proba = _proba(state, found)
    return np.log(proba, out=proba)
