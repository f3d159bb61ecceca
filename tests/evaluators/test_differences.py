"""What a wrapper returns, or raises, for any input whatever, is what scikit-learn's fitted model returns, or raises."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC, NuSVR

from accelsk import AcceleratedEstimator, AcceleratedPipeline, accelerate, to_sklearn

METHODS = (
    *("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "inverse_transform"),
    "predict_joint_log_proba",
)
WIDTH = 4
NAMES = ["a", "b", "c", "d"]

#: Examples of hypothesis, and inputs in each.
EXAMPLES, INPUTS = 100, 20

rng = np.random.default_rng(0)
X = rng.normal(loc=[0, 1, -2, 5], size=(60, WIDTH))
Y = {
    "number": X @ [1.0, -1.0, 0.5, 0.1] + rng.normal(size=60) / 10,
    "numbers": X @ rng.normal(size=(WIDTH, 2)),
    "positive": np.abs(X[:, 0]),
    "two": X[:, 0] > 0,
    "three": np.array(["a", "bb", "c"])[np.digitize(X[:, 1], [0.5, 1.5])],
    "many": np.column_stack((X[:, 0] > 0, X[:, 1] > 1)).astype(int),
    "none": None,
}


def regressors():
    yield from ((Ridge(), "number"), (Ridge(), "numbers"), (LinearRegression(fit_intercept=False), "numbers"))
    yield from ((Lasso(), "number"), (ElasticNet(), "numbers"), (HuberRegressor(max_iter=500), "number"))
    yield from ((SGDRegressor(), "number"), (LinearSVR(), "number"), (LinearRegression(), "number"))
    yield from ((PoissonRegressor(), "positive"), (TweedieRegressor(power=0), "number"))


def classifiers():
    for y in ("two", "three"):
        yield from ((LogisticRegression(max_iter=500), y), (RidgeClassifier(), y), (SGDClassifier(), y))
        yield from ((Perceptron(), y), (LinearSVC(), y), (LinearDiscriminantAnalysis(), y))
        yield SGDClassifier(loss="log_loss", alpha=0.1), y
    yield RidgeClassifier(), "many"


def scalers():
    yield from ((each, "none") for each in (StandardScaler(), MaxAbsScaler(), RobustScaler(), MinMaxScaler((-1, 3))))
    yield from ((StandardScaler(with_mean=False), "none"), (StandardScaler(with_std=False), "none"))
    yield from ((StandardScaler(copy=False), "none"), (MinMaxScaler(clip=True), "none"))
    yield from ((Normalizer(norm), "none") for norm in ("l1", "l2", "max"))


def projections():
    yield from ((PCA(2), "none"), (PCA(whiten=True), "none"), (IncrementalPCA(2, batch_size=20), "none"))
    yield from ((TruncatedSVD(2), "none"), (PCA(), "none"))


def clusters():
    yield from ((KMeans(3, n_init=1), "none"), (MiniBatchKMeans(5, n_init=1), "none"))


def bayes():
    for y in ("two", "three"):
        yield from ((GaussianNB(), y), (BernoulliNB(), y), (BernoulliNB(binarize=None), y))
        yield from ((MultinomialNB(), y), (ComplementNB(), y))


def perceptrons():
    few = {"max_iter": 3, "hidden_layer_sizes": (5,)}
    yield from ((MLPClassifier(activation="tanh", **few), "two"), (MLPClassifier(activation="logistic", **few), "two"))
    yield from ((MLPClassifier(**few), "three"), (MLPClassifier(**few), "many"))
    yield from ((MLPRegressor(**few), "number"), (MLPRegressor(activation="identity", **few), "numbers"))


def kernels():
    for kernel in ("rbf", "linear", "poly", "sigmoid"):
        yield SVC(kernel=kernel), "three"
    yield from ((SVC(), "two"), (SVC(decision_function_shape="ovo"), "three"), (SVC(break_ties=True), "three"))
    yield from ((NuSVC(nu=0.2), "two"), (SVR(), "number"), (NuSVR(kernel="poly"), "number"))


def pipelines():
    yield make_pipeline(StandardScaler(), Ridge()), "numbers"
    yield make_pipeline(StandardScaler(), LogisticRegression()), "two"
    yield make_pipeline(MinMaxScaler(), PCA(2), LogisticRegression()), "three"
    yield make_pipeline(RobustScaler(), PCA(3, whiten=True), MaxAbsScaler()), "none"
    yield make_pipeline(StandardScaler(), PCA(3), StandardScaler(), KMeans(3, n_init=1)), "none"
    yield make_pipeline(StandardScaler(), "passthrough", GaussianNB()), "three"
    yield make_pipeline(StandardScaler(), PCA(3), SVC()), "three"
    yield make_pipeline(Normalizer(), TruncatedSVD(3), StandardScaler(), SGDClassifier(loss="log_loss")), "three"
    yield make_pipeline(StandardScaler(copy=False), RidgeClassifier()), "many"
    yield make_pipeline(MaxAbsScaler(), RobustScaler(), MLPRegressor(hidden_layer_sizes=(5,), max_iter=3)), "number"


KINDS = (regressors, classifiers, scalers, projections, clusters, bayes, perceptrons, kernels, pipelines)


@pytest.fixture(scope="module", params=KINDS, ids=[kind.__name__ for kind in KINDS])
def models(request):
    """The wrappers of a kind, and with each of them scikit-learn's own fitted model."""
    made = []
    rows = np.abs(X) if request.param is bayes else X
    for number, (model, y) in enumerate(request.param()):
        for fitted_on in (rows, pd.DataFrame(rows, columns=NAMES), rows.astype(np.float32))[: 3 if number < 2 else 1]:
            ours = (
                accelerate(model, engine="sklearn")
                if hasattr(model, "steps")
                else AcceleratedEstimator(model, engine="sklearn")
            )
            if "random_state" in model.get_params():
                model.set_params(random_state=0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ours.fit(fitted_on, Y[y])
            theirs = to_sklearn(ours) if isinstance(ours, AcceleratedPipeline) else ours.estimator_
            made.extend((ours, theirs, method) for method in METHODS if hasattr(theirs, method))
    return made


# -- inputs ------------------------------------------------------------------------------------------------------------

ARRAYS = {
    "plain": lambda a: a,
    "plain again": lambda a: a,
    "columns first": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: a[::-1],
    "columns backwards": lambda a: a[:, ::-1],
    "read-only": lambda a: (a.setflags(write=False), a)[1],
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "matrix": lambda a: a.view(np.matrix),
    "masked": np.ma.masked_invalid,
    "subclass": lambda a: a.view(np.recarray),
    "transposed": lambda a: a.T,
    "one-dimensional": lambda a: a.ravel(),
    "three-dimensional": lambda a: a[np.newaxis],
    "scalar": lambda a: np.array(a.sum()),
    "list": lambda a: a.tolist(),
    "tuple of arrays": tuple,
    "ragged": lambda a: [*a.tolist(), [1.0]],
    "frame": pd.DataFrame,
    "named": lambda a: pd.DataFrame(a, columns=[*NAMES, "e"][: a.shape[1]]),
    "named otherwise": lambda a: pd.DataFrame(a, columns=["d", "c", "b", "a", "e"][: a.shape[1]]),
    "series": lambda a: pd.Series(a.ravel()),
    "csr": scipy.sparse.csr_matrix,
    "csc": scipy.sparse.csc_array,
    "coo": scipy.sparse.coo_array,
    "none": lambda a: None,
    "text": lambda a: "text",
    "dict": lambda a: {"a": a},
}
DTYPES = ("f8", "f8", "f8", "f4", "f4", "f2", "g", "i8", "i4", "u1", "?", "c16", "O", "U")
VALUES = {
    "like those of the fit": lambda a, some: a,
    "zeros": lambda a, some: a * 0.0,
    "whole": lambda a, some: np.round(a),
    "nan": lambda a, some: np.where(some, np.nan, a),
    "infinite": lambda a, some: np.where(some, -np.inf, a),
    "huge": lambda a, some: np.where(some, 1e300, a),
    "large": lambda a, some: a * 1e6,
    "subnormal": lambda a, some: a * 1e-310,
}

specification = st.tuples(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 1, 1, 2, 3, 40, 300, 0]),
    st.sampled_from([WIDTH] * 8 + [WIDTH - 1, WIDTH + 1, 1, 2, 0]),
    st.sampled_from(DTYPES),
    st.sampled_from([*(["like those of the fit"] * 5), *VALUES]),
    st.sampled_from([*(["plain"] * 8), *ARRAYS]),
)


def made(seed, n_rows, width, dtype, values, container):
    generator = np.random.default_rng(seed)
    array = generator.normal(size=(n_rows, width)) * 2 + 1
    array = VALUES[values](array, generator.random(size=array.shape) < 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is not finite has no integer
        array = array.astype(dtype)
        try:
            return ARRAYS[container](array)
        except (TypeError, ValueError, IndexError):  # there is no sparse matrix of text, and the like
            return array


def outcome(model, method, rows):
    """What a call returns or raises, and what it warns of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            found = getattr(model, method)(rows)
        except Exception as error:  # noqa: BLE001  all alike
            found = error
    return found, {(each.category, str(each.message)) for each in told}


def same(theirs, ours, model, specification):
    if isinstance(theirs, Exception) or isinstance(ours, Exception):
        assert type(ours) is type(theirs), (theirs, ours)
        assert str(ours) == str(theirs)
        return
    assert type(ours) is type(theirs)
    if scipy.sparse.issparse(theirs):
        theirs, ours = theirs.toarray(), ours.toarray()
    if isinstance(theirs, pd.DataFrame):
        pd.testing.assert_frame_equal(ours, theirs)
        return
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    if theirs.dtype.kind in "fc":  # sparse matrices may be complex
        close = 1e-10 if theirs.dtype == np.float64 and specification[3] == "f8" else 2e-4
        finite = theirs[np.isfinite(theirs)]
        scale = np.abs(finite).max(initial=0.0)
        np.testing.assert_allclose(ours, theirs, rtol=close, atol=close * scale)
    elif not np.array_equal(ours, theirs):
        others = (ours != theirs).reshape(len(ours), -1).any(axis=1)
        assert np.all(_margin(model, made(*specification))[others] < 1e-9), (ours, theirs)


def _margin(model, rows):
    """How far the best score of each row is from the next, compared with the best."""
    for name in ("decision_function", "predict_proba", "transform"):
        if hasattr(model, name):
            scores = np.asarray(getattr(model, name)(rows))
            if scores.ndim == 1:
                return np.abs(scores)
            scores = np.sort(-scores if name == "transform" else scores, axis=1)
            return (scores[:, -1] - scores[:, -2]) / np.maximum(1.0, np.abs(scores[:, -1]))
    return np.full(len(rows), np.inf)


@settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # there is nothing to shrink: an input is one row of the list
)
@given(st.lists(specification, min_size=INPUTS, max_size=INPUTS))
def test_any_input_has_the_same_outcome(models, specifications):
    for each in specifications:
        ours, theirs, method = models[each[0] % len(models)]
        expected, warned = outcome(theirs, method, made(*each))
        found, told = outcome(ours, method, made(*each))

        same(expected, found, theirs, each)
        assert told == warned
