"""Whether two fitted estimators agree as nearly as a row promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor

from accelsk.engines.spec import Row

__all__ = ["assert_agrees", "assert_near"]

Array = np.ndarray[Any, Any]

_CONTINUOUS = ("decision_function", "predict_proba", "score_samples", "transform", "mahalanobis")
#: What a fitted estimator without any method for other data has to show.
_RESULTS = ("embedding_", "covariance_", "location_", "coef_")


def assert_agrees(
    row: Row, expected_estimator: Any, accelerated_estimator: Any, X: Any, y: Any = None, sample_weight: Any = None
) -> None:
    """Assert that predictions agree as the fidelity and the tolerance of a row state.

    Fidelity "exact": continuous outputs differ by at most the tolerance, in standard deviations of the expected output;
    labels are the same, except where such a difference decides; clusters are the same but for their numbers. Otherwise
    the scores differ by at most the tolerance: of the class's own ``score`` where labels or targets are known; of
    `silhouette_score` for clusters; of `trustworthiness` for embeddings; and outliers are the same but for this share.

    Parameters
    ----------
    row : Row
        What is promised.
    expected_estimator : estimator
        The plain scikit-learn estimator, fitted.
    accelerated_estimator : estimator
        The engine's, fitted on the same data.
    X : {array-like, sparse matrix}
        Data to predict, better not those of the fit. What ``fit`` found is compared where nothing is predicted.
    y : array-like, default=None
        The targets, for scores.
    sample_weight : array-like, default=None
        Weights for scores.

    Raises
    ------
    AssertionError
        With the method, the difference and the tolerance.
    ValueError
        If a score needs `y`, and there is none.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from accelsk.engines.rules import same
    >>> from accelsk.engines.spec import Inputs
    >>> X, y = load_diabetes(return_X_y=True)
    >>> row = Row(estimator="sklearn.linear_model.Ridge", backend="mine.Ridge", params={}, fit=Inputs(), methods=())
    >>> assert_agrees(row, Ridge(solver="svd").fit(X, y), Ridge(solver="cholesky").fit(X, y), X)
    >>> assert_agrees(row, Ridge(alpha=1).fit(X, y), Ridge(alpha=2).fit(X, y), X)
    Traceback (most recent call last):
        ...
    AssertionError: Ridge.predict differs by ... standard deviations; its row promises at most 1e-06
    """
    if row.fidelity == "exact":
        _assert_exact(row, expected_estimator, accelerated_estimator, X)
    else:
        _assert_scores(row, expected_estimator, accelerated_estimator, X, y, sample_weight)


def assert_near(row: Row, what: str, expected: Any, found: Any) -> None:
    """Assert that two continuous outputs agree within the tolerance of a row.

    Parameters
    ----------
    row : Row
        Its tolerance, in standard deviations of the expected output, counts.
    what : str
        The name of the output, for the message.
    expected, found : array-like or sparse matrix
        The outputs.
    """
    expected, found = _array(expected), _array(found)
    assert expected.shape == found.shape, f"{row.name}.{what} has shape {found.shape}, not {expected.shape}"
    if not expected.size:
        return
    finite = np.isfinite(expected)
    assert np.array_equal(expected[~finite], found[~finite], equal_nan=True), f"{row.name}.{what} is not finite"
    expected, found = expected[finite], found[finite]
    scale = float(np.std(expected)) or float(np.max(np.abs(expected), initial=0.0)) or 1.0
    difference = float(np.max(np.abs(expected - found), initial=0.0)) / scale
    assert difference <= row.tolerance, (
        f"{row.name}.{what} differs by {difference:.3g} standard deviations; its row promises at most {row.tolerance:g}"
    )


def _assert_exact(row: Row, expected: Any, found: Any, X: Any) -> None:
    declared = (*row.methods, *row.inherited)
    compared = 0
    for method in _CONTINUOUS:
        if method in declared and hasattr(expected, method):
            wanted, got = _array(getattr(expected, method)(X)), _array(getattr(found, method)(X))
            if is_clusterer(expected) and wanted.ndim == 2:  # one column per cluster, and their numbers mean nothing
                wanted, got = np.sort(wanted, axis=1), np.sort(got, axis=1)
            assert_near(row, method, wanted, got)
            compared += 1
    if hasattr(expected, "kneighbors") and "kneighbors" in declared:
        assert_near(row, "kneighbors", expected.kneighbors(X)[0], found.kneighbors(X)[0])
        compared += 1
    if hasattr(expected, "predict"):
        wanted, got = np.asarray(expected.predict(X)), np.asarray(found.predict(X))
        if row.native and wanted.ndim == 2 and wanted.shape[1] == 1:
            wanted = wanted.ravel()  # a library's own shape, which is scikit-learn's here
        if is_clusterer(expected):
            _assert_same_clusters(row, wanted, got)
        elif is_classifier(expected) or is_outlier_detector(expected):
            _assert_same_labels(row, expected, wanted, got, X)
        else:
            assert_near(row, "predict", wanted, got)
        compared += 1
    elif hasattr(expected, "labels_"):
        _assert_same_clusters(row, expected.labels_, found.labels_)
        compared += 1
    if not compared:
        for name in _RESULTS:
            if hasattr(expected, name):
                assert_near(row, name, getattr(expected, name), getattr(found, name))


def _assert_same_labels(
    row: Row, expected: Any, wanted: np.ndarray[Any, Any], got: np.ndarray[Any, Any], X: Any
) -> None:
    assert wanted.shape == got.shape, f"{row.name}.predict has shape {got.shape}, not {wanted.shape}"
    differ = wanted != got
    if differ.any() and wanted.ndim == 1:
        margins = _margins(expected, X)
        if margins is not None:  # where the tolerance decides, either label is right
            differ &= margins > 2 * row.tolerance
    assert not differ.any(), f"{row.name}.predict gives {int(differ.sum())} other labels of {differ.size}"


def _margins(expected: Any, X: Any) -> Array | None:
    """How far the best label is ahead of the second, in standard deviations."""
    for method in ("decision_function", "predict_proba"):
        if hasattr(expected, method):
            values: Array = np.asarray(getattr(expected, method)(X), dtype=float)
            scale = float(np.std(values)) or 1.0
            if values.ndim == 1:
                values = np.column_stack([-values, values]) / 2
            top: Array = np.sort(values, axis=1)[:, -2:] / scale
            return np.diff(top, axis=1).ravel()
    return None


def _assert_same_clusters(row: Row, wanted: Any, got: Any) -> None:
    from sklearn.metrics import adjusted_rand_score

    agreement = adjusted_rand_score(wanted, got)
    assert agreement == 1.0, f"{row.name} finds other clusters: their adjusted Rand index is {agreement:.3f}"


def _assert_scores(row: Row, expected: Any, found: Any, X: Any, y: Any, sample_weight: Any) -> None:
    name, wanted, got = _scores(row, expected, found, X, y, sample_weight)
    assert abs(wanted - got) <= row.tolerance, (
        f"{row.name}: {name} is {got:.4g}, and {wanted:.4g} in scikit-learn; its row promises a difference of at most "
        f"{row.tolerance:g}"
    )


def _scores(row: Row, expected: Any, found: Any, X: Any, y: Any, sample_weight: Any) -> tuple[str, float, float]:
    if is_classifier(expected) or is_regressor(expected):
        if y is None:
            raise ValueError(f"the fidelity of {row.name} is {row.fidelity!r}: its scores are compared, which needs y")
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return "score", expected.score(X, y, **weights), found.score(X, y, **weights)
    if is_clusterer(expected):
        from sklearn.metrics import silhouette_score

        both = [each.predict(X) if hasattr(each, "predict") else each.labels_ for each in (expected, found)]
        if all(1 < len(np.unique(labels)) < len(labels) and len(labels) == _n_rows(X) for labels in both):
            return "the silhouette score", silhouette_score(X, both[0]), silhouette_score(X, both[1])
        from sklearn.metrics import adjusted_rand_score

        return "the adjusted Rand index", 1.0, adjusted_rand_score(*both)
    if is_outlier_detector(expected):
        return "the share of equal labels", 1.0, float(np.mean(expected.predict(X) == found.predict(X)))
    if hasattr(expected, "score"):
        wanted, got = expected.score(X), found.score(X)
        return "the relative score", 1.0, 1.0 + (got - wanted) / (abs(wanted) or 1.0)
    from sklearn.manifold import trustworthiness

    both = [each.transform(X) if hasattr(each, "transform") else each.embedding_ for each in (expected, found)]
    return "trustworthiness", trustworthiness(X, both[0]), trustworthiness(X, both[1])


def _array(values: Any) -> Array:
    if isinstance(values, list):  # one array per output
        values = np.concatenate([np.asarray(value) for value in values], axis=1)
    return np.asarray(values.toarray() if sp.issparse(values) else values, dtype=float)


def _n_rows(X: Any) -> int:
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)
