"""Whether two models agree as nearly as a row promises."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from accelsk.engines.spec import Inputs, Row
from accelsk.testing import assert_agrees

METHODS = ("predict", "predict_proba", "decision_function", "transform")


def row(fidelity="exact", tolerance=1e-6):
    return Row(
        estimator="sklearn.a.A",
        backend="mine.A",
        params={},
        fit=Inputs(),
        methods=METHODS,
        fidelity=fidelity,
        tolerance=tolerance,
    )


def test_equal_models_agree_exactly(iris):
    X, y = iris
    for estimator in (LogisticRegression(max_iter=500), Ridge(), KMeans(3, random_state=0), PCA(2)):
        assert_agrees(row(tolerance=0), clone(estimator).fit(X, y), clone(estimator).fit(X, y), X)


@pytest.mark.parametrize("one, other", [(Ridge(1), Ridge(1.1)), (PCA(2), PCA(2, whiten=True))])
def test_a_continuous_output_may_differ_by_the_tolerance(diabetes, one, other):
    X, y = diabetes
    one.fit(X, y), other.fit(X, y)

    with pytest.raises(AssertionError, match="its row promises at most 1e-06"):
        assert_agrees(row(), one, other, X)
    assert_agrees(row(tolerance=100), one, other, X)


class Flipped(LogisticRegression):
    """Gives another label to the row that is nearest to the border, or the farthest from it."""

    which = staticmethod(np.argmin)

    def predict(self, X):
        labels = super().predict(X)
        nearest = self.which(np.abs(self.decision_function(X)))
        labels[nearest] = 1 - labels[nearest]
        return labels


def test_another_label_is_right_only_where_the_tolerance_decides(breast_cancer):
    X, y = breast_cancer
    expected, found = LogisticRegression().fit(X, y), Flipped().fit(X, y)

    assert_agrees(row(tolerance=0.05), expected, found, X)
    found.which = np.argmax
    with pytest.raises(AssertionError, match="gives 1 other labels of 569"):
        assert_agrees(row(tolerance=0.05), expected, found, X)


def test_clusters_may_have_other_numbers(iris):
    X, _ = iris
    expected = KMeans(3, random_state=0).fit(X)
    found = KMeans(3, init=expected.cluster_centers_[::-1].copy(), n_init=1).fit(X)

    assert not np.array_equal(expected.labels_, found.labels_)
    assert_agrees(row(tolerance=1e-3), expected, found, X)
    with pytest.raises(AssertionError, match=r"other clusters|transform"):
        assert_agrees(row(), expected, KMeans(4, random_state=0).fit(X), X)


def test_below_exact_the_scores_are_compared(breast_cancer):
    X, y = breast_cancer
    expected, found = (RandomForestClassifier(20, random_state=seed).fit(X[::2], y[::2]) for seed in (0, 1))
    poor = RandomForestClassifier(1, max_depth=1, max_features=1, random_state=0).fit(X[::2], y[::2])

    assert_agrees(row("statistical", 0.03), expected, found, X[1::2], y[1::2])
    with pytest.raises(AssertionError, match="score is"):
        assert_agrees(row("statistical", 0.03), expected, poor, X[1::2], y[1::2])


def test_scores_need_the_labels(iris):
    model = LogisticRegression(max_iter=500).fit(*iris)

    with pytest.raises(ValueError, match="needs y"):
        assert_agrees(row("statistical"), model, model, iris[0])
