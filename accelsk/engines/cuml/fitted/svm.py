"""Fitted attributes of ``sklearn.svm``, and how classes are voted for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from accelsk.engines.cuml.weights import fit_weighed
from accelsk.engines.holding import called

if TYPE_CHECKING:
    from accelsk.engines.held import Held, Read

__all__ = ["BEFORE", "FITTED", "RUNS", "WARNS"]

# -- linear machines --


def _linear(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    """liblinear computes in double precision."""
    return {
        "coef_": np.array(read("coef_"), dtype=np.float64, order="C"),
        "intercept_": np.array(read("intercept_"), dtype=np.float64, ndmin=1) if params["fit_intercept"] else 0.0,
        "n_iter_": int(read("n_iter_")),
    }


def _linear_classifier(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    found = _linear(read, params)
    return {**found, "coef_": np.atleast_2d(found["coef_"])}


# -- kernel machines --


def _vectors(read: Read) -> Any:
    """The support vectors as a matrix with a row each; of a precomputed kernel there are none."""
    vectors = read("support_vectors_")
    if vectors.shape[0] == len(np.ravel(read("support_"))) != 0:
        return vectors
    return np.empty((0, 0) if len(np.ravel(read("support_"))) else (0, int(read("shape_fit_")[1])))


def _margin(
    support: Any, vectors: Any, coef: Any, intercept: Any, *, gamma: float, sparse: bool, shape: Any
) -> dict[str, Any]:
    """What libsvm holds; it computes in double precision."""
    if sparse:
        vectors, coef = sp.csr_matrix(vectors, dtype=np.float64), _every(np.array(coef, dtype=np.float64))
        vectors.sort_indices()
    else:
        vectors = vectors.toarray() if sp.issparse(vectors) else vectors
        vectors = np.array(vectors, dtype=np.float64, order="C")
        coef = np.array(coef, dtype=np.float64, order="C")
    return {
        "support_": np.asarray(support).astype(np.int32),
        "support_vectors_": vectors,
        "dual_coef_": coef,
        "_dual_coef_": coef,
        "intercept_": intercept,
        "_intercept_": intercept,
        "shape_fit_": tuple(int(n) for n in shape),
        "fit_status_": 0,
        "_gamma": gamma,
        "_sparse": sparse,
        "_probA": np.empty(0),
        "_probB": np.empty(0),
        "_effective_probability": False,  # read by scikit-learn 1.9
    }


def _every(coef: Any) -> Any:
    """A sparse matrix with its zeros, too: libsvm counts on them."""
    rows, columns = coef.shape
    indices, starts = np.tile(np.arange(columns), rows), np.arange(rows + 1) * columns
    return sp.csr_matrix((coef.ravel(), indices, starts), shape=coef.shape)


def _one(read: Read, order: Any) -> dict[str, Any]:
    vectors = _vectors(read)
    return _margin(
        np.ravel(read("support_"))[order],
        vectors[order] if vectors.shape[0] else vectors,
        np.reshape(read("dual_coef_"), (1, -1))[:, order],
        np.array(read("intercept_"), dtype=np.float64, ndmin=1),
        gamma=float(read("_gamma")),
        sparse=bool(read("_sparse")),
        shape=read("shape_fit_"),
    )


def _classifier(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    found = _pair(read) if len(read.labels) == 2 else _pairs(read)
    return {
        **found,
        "class_weight_": np.array(read("class_weight_"), dtype=np.float64),
        "n_iter_": np.atleast_1d(read("n_iter_")).astype(np.int32),
    }


def _pair(read: Read) -> dict[str, Any]:
    coef, support = np.ravel(read("dual_coef_")), np.ravel(read("support_"))
    # libsvm has those of the first class first, cuML the rows in any order. The sign tells the class.
    found = _one(read, np.lexsort((support, coef > 0)))
    # Of two classes libsvm has the other sign, which scikit-learn turns for all but these two.
    found["_dual_coef_"], found["_intercept_"] = -found["dual_coef_"], -found["intercept_"]
    first = int(np.sum(coef <= 0))
    return {**found, "_n_support": np.array([first, len(coef) - first], dtype=np.int32)}


def _pairs(read: Read) -> dict[str, Any]:
    """The models of all pairs of classes as one, with every support vector once, as libsvm keeps them."""
    n_classes = len(read.labels)
    pairs = [_reader(model) for model in read.model._multiclass.multiclass_estimator.estimators_]
    found = [np.ravel(pair("support_")) for pair in pairs]
    rows, coef = np.concatenate(found), np.concatenate([np.ravel(pair("dual_coef_")) for pair in pairs])
    # Of each entry its two classes; it is of the second where its coefficient is positive.
    first, second = np.repeat([*combinations(range(n_classes), 2)], [len(some) for some in found], axis=0).T
    support, at = np.unique(rows, return_index=True)
    of = np.where(coef > 0, second, first)[at]
    order = np.lexsort((support, of))
    column = np.empty(len(order), dtype=np.intp)
    column[order] = np.arange(len(order))
    coefs = np.zeros((n_classes - 1, len(support)))
    coefs[np.where(coef > 0, first, second - 1), column[np.searchsorted(support, rows)]] = -coef
    vectors = [pair("support_vectors_") for pair in pairs]
    stack: Any = sp.vstack if any(map(sp.issparse, vectors)) else np.vstack
    return {
        **_margin(
            support[order],
            stack(vectors, **({"format": "csr"} if stack is sp.vstack else {}))[at[order]],
            coefs,
            -np.concatenate([np.ravel(pair("intercept_")) for pair in pairs]).astype(np.float64),
            gamma=float(pairs[0]("_gamma")),
            sparse=bool(pairs[0]("_sparse")),
            shape=read("shape_fit_"),
        ),
        "_n_support": np.bincount(of, minlength=n_classes).astype(np.int32),
    }


def _reader(model: Any) -> Any:
    """Read a model inside of a model."""

    def read(name: str) -> Any:
        value = getattr(model, name)
        return value.get() if hasattr(value, "get") else value

    return read


def _regressor(read: Read, params: Mapping[str, Any]) -> dict[str, Any]:
    support = np.ravel(read("support_"))
    return {
        **_one(read, np.argsort(support)),
        "_n_support": np.array([len(support), 0], dtype=np.int32),
        "n_iter_": int(np.ravel(read("n_iter_"))[0]),
    }


# -- what is computed here --


def _scale(held: Held, X: Any, y: Any) -> None:
    """Find the width of the kernel in all of X: cuML would for each pair of classes, and divide by a variance of 0."""
    if held.stem.gamma != "scale" or held.stem.kernel == "precomputed":
        return
    if hasattr(X, "multiply"):  # sparse, here or on the device
        size = X.shape[0] * X.shape[1]
        variance = float(X.multiply(X).sum() / size - (X.sum() / size) ** 2)
    else:
        variance = float(X.var(dtype=np.float64))
    held.model.set_params(gamma=1.0 / (X.shape[1] * variance) if variance else 1.0)


def _vote(held: Held, method: str, X: Any, given: Mapping[str, Any]) -> Any:
    """Choose among several classes as libsvm does, by the models of their pairs."""
    n_classes = 0 if held.labels is None else len(held.labels)
    if method not in ("predict", "decision_function") or n_classes <= 2:
        return called(held, method, X, given)
    models = held.model._multiclass.multiclass_estimator.estimators_
    # libsvm's are positive for the first of the two.
    margins = -np.column_stack([held.adapter.home(model.decision_function(X)) for model in models])
    if method == "predict" and not held.stem.break_ties:
        return _votes(margins, n_classes)
    if held.stem.decision_function_shape == "ovo":
        return margins
    from sklearn.utils.multiclass import _ovr_decision_function

    scores = _ovr_decision_function(margins < 0, -margins, n_classes)
    return scores.argmax(axis=1) if method == "predict" else scores


def _votes(margins: Any, n_classes: int) -> Any:
    """The class with the most votes; of several the first."""
    votes = np.zeros((len(margins), n_classes), dtype=np.intp)
    for (i, j), margin in zip(combinations(range(n_classes), 2), margins.T, strict=True):
        votes[:, i] += margin > 0
        votes[:, j] += margin <= 0
    return votes.argmax(axis=1)


FITTED: dict[str, Callable[[Read, Mapping[str, Any]], dict[str, Any]]] = {
    "LinearSVC": _linear_classifier,
    "LinearSVR": _linear,
    "SVC": _classifier,
    "SVR": _regressor,
}
BEFORE: dict[str, Callable[[Held, Any, Any], None]] = {"SVC": _scale, "SVR": _scale}
RUNS: dict[str, Callable[[Held, str, Any, Mapping[str, Any]], Any]] = {
    "LinearSVC": fit_weighed,
    "LinearSVR": fit_weighed,
    "SVC": _vote,
}

_LIBLINEAR = "The solver failed to converge, increase the number of iterations."
WARNS: dict[str, str] = {"LinearSVC": _LIBLINEAR, "LinearSVR": _LIBLINEAR}
