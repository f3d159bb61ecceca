"""Rows of ``sklearn.naive_bayes``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from accelsk.engines.cuml.table.conditions import GPU, demanded
from accelsk.engines.rules import Refused, adjusted, is_number, only, same, together
from accelsk.engines.spec import Export, Inputs, Need, Row

__all__ = ["ROWS"]

_SPARSE = ("csr", "coo")
_METHODS = ("partial_fit", "predict", "predict_log_proba", "predict_proba")
_SCORES = ("predict_joint_log_proba", "score")
_EXPORT = Export(tolerance=1e-9, restores=False)


def _smoothing(params: Mapping[str, Any]) -> dict[str, Any]:
    alpha = params["alpha"]
    if not is_number(alpha):
        raise Refused("alpha=a number, the same for all columns")
    return {"alpha": alpha if params["force_alpha"] else max(alpha, 1e-10)}


_SMOOTHING = together(
    "alpha", "force_alpha", translate=_smoothing, text="one number; 1e-10 or more, unless it is forced"
)
_PRIORS = adjusted(lambda value: None if value is None else np.asarray(value), "made an array")
_COMMON = {"alpha": _SMOOTHING, "force_alpha": _SMOOTHING, "fit_prior": same, "class_prior": _PRIORS}


def _is_single(value: Any) -> bool:
    return is_number(value) and float(np.float32(value)) == value


_BATCH = Inputs(sparse=_SPARSE, fit_params=("classes",))
_NOT_BELOW_ZERO = Need(
    "binarize=None or 0 or more",
    lambda facts, params: params["binarize"] is None or params["binarize"] >= 0,
)

ROWS = (
    Row(
        estimator="sklearn.naive_bayes.BernoulliNB",
        backend="cuml.naive_bayes.BernoulliNB",
        # cuML compares with the threshold in float32, which may be on the other side of the data.
        params={**_COMMON, "binarize": only(None, where=_is_single, text="a number that float32 has exactly, 0.5")},
        fit=Inputs(sparse=_SPARSE, sparse_where=_NOT_BELOW_ZERO),
        operations={"partial_fit": Inputs(sparse=_SPARSE, sparse_where=_NOT_BELOW_ZERO, fit_params=("classes",))},
        methods=_METHODS,
        inherited=_SCORES,
        tolerance=1e-9,  # of float64: sums in another order; 3e-13 at most on a GPU.
        export=_EXPORT,
        devices=GPU,
    ),
    Row(
        estimator="sklearn.naive_bayes.CategoricalNB",
        backend="cuml.naive_bayes.CategoricalNB",
        params={**_COMMON, "min_categories": demanded("min_categories", None)},
        fit=Inputs(),
        operations={"partial_fit": Inputs(fit_params=("classes",))},
        # cuML looks a category that it has not seen up beyond the end of its table; scikit-learn refuses it.
        methods=("partial_fit",),
        inherited=("predict", "predict_log_proba", "predict_proba", *_SCORES),
        tolerance=1e-9,  # of float64; 3e-13 at most on a GPU.
        export=_EXPORT,
        devices=GPU,
        note="scikit-learn predicts, from the probabilities that cuML found.",
    ),
    Row(
        estimator="sklearn.naive_bayes.ComplementNB",
        backend="cuml.naive_bayes.ComplementNB",
        params={**_COMMON, "norm": same},
        fit=Inputs(sparse=_SPARSE),
        operations={"partial_fit": _BATCH},
        methods=_METHODS,
        inherited=_SCORES,
        tolerance=1e-9,  # of float64; 3e-13 at most on a GPU.
        export=_EXPORT,
        devices=GPU,
    ),
    Row(
        estimator="sklearn.naive_bayes.GaussianNB",
        backend="cuml.naive_bayes.GaussianNB",
        params={"priors": _PRIORS, "var_smoothing": same},
        fit=Inputs(sample_weight=True),
        predict=Inputs(),
        operations={"partial_fit": Inputs(sample_weight=True, fit_params=("classes",))},
        methods=_METHODS,
        inherited=_SCORES,
        tolerance=1e-9,  # of float64; 3e-13 at most on a GPU.
        export=_EXPORT,
        devices=GPU,
    ),
    Row(
        estimator="sklearn.naive_bayes.MultinomialNB",
        backend="cuml.naive_bayes.MultinomialNB",
        params=_COMMON,
        fit=Inputs(sparse=_SPARSE),
        operations={"partial_fit": _BATCH},
        methods=_METHODS,
        inherited=_SCORES,
        tolerance=1e-9,  # of float64; 3e-13 at most on a GPU.
        export=_EXPORT,
        devices=GPU,
    ),
)
