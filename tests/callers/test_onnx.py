"""The model that the reference engine fitted is converted to ONNX like any other of scikit-learn."""

import numpy as np
import pytest
from onnxruntime import InferenceSession
from skl2onnx import to_onnx
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, AcceleratedPipeline, to_sklearn


def run(onnx, X):
    return InferenceSession(onnx.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"X": X})


def as_float32(data):
    return data[0].astype(np.float32), data[1]


@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(max_iter=500), RandomForestClassifier(5, random_state=0), Ridge(), KMeans(3, random_state=0)],
    ids=lambda estimator: type(estimator).__name__,
)
def test_backend_estimator_is_converted(iris, estimator):
    X, y = as_float32(iris)
    plain = estimator.fit(X, y)
    made = AcceleratedEstimator(estimator, engine="sklearn").fit(X, y)
    onnx = to_onnx(made.estimator_, X[:1])
    for got, expected in zip(run(onnx, X), run(to_onnx(plain, X[:1]), X), strict=True):
        assert np.array_equal(got, expected) if isinstance(got, np.ndarray) else got == expected
    np.testing.assert_allclose(np.ravel(run(onnx, X)[0]), np.ravel(made.predict(X)), rtol=1e-4)


def test_transformer_is_converted(iris):
    X, _ = as_float32(iris)
    made = AcceleratedEstimator(PCA(2), engine="sklearn").fit(X)
    np.testing.assert_allclose(run(to_onnx(made.estimator_, X[:1]), X)[0], made.transform(X), atol=1e-4)


def test_plain_pipeline_of_backend_estimators_is_converted(iris):
    X, y = as_float32(iris)
    steps = [("scale", StandardScaler()), ("clf", LogisticRegression())]
    pipe = Pipeline([(name, AcceleratedEstimator(step, engine="sklearn")) for name, step in steps]).fit(X, y)
    plain = Pipeline([(name, step.estimator_) for name, step in pipe.steps])
    np.testing.assert_array_equal(run(to_onnx(plain, X[:1]), X)[0], pipe.predict(X))


def test_wrapper_itself_is_converted_rightly_or_not_at_all(iris):
    X, y = as_float32(iris)
    made = AcceleratedEstimator(LogisticRegression(max_iter=500), engine="sklearn").fit(X, y)
    try:
        onnx = to_onnx(made, X[:1])
    except Exception as error:  # noqa: BLE001  the library has several
        assert "AcceleratedEstimator" in str(error)  # noqa: PT017
        return
    np.testing.assert_array_equal(run(onnx, X)[0], made.predict(X))


def test_accelerated_pipeline_itself_is_converted_rightly_or_not_at_all(iris):
    X, y = as_float32(iris)
    made = AcceleratedPipeline([("scale", StandardScaler()), ("clf", SVC())], engine="sklearn").fit(X, y)
    try:
        onnx = to_onnx(made, X[:1])
    except Exception as error:  # noqa: BLE001
        assert "accelsk" in str(error) or "Accelerated" in str(error)  # noqa: PT017
        return
    np.testing.assert_array_equal(run(onnx, X)[0], made.predict(X))


#: skl2onnx 1.20 reads attributes of support vector machines that scikit-learn 1.9 deprecates.
reads_old_attributes = pytest.mark.filterwarnings("ignore:Attribute `prob[AB]_` was deprecated:FutureWarning")


@reads_old_attributes
@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=500),
        RandomForestClassifier(5, max_depth=3, random_state=0),
        KMeans(3, n_init=1, random_state=0),
        SVC(),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_what_an_engine_fitted_is_converted_once_it_is_exported(iris, estimator):
    pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")
    X, y = as_float32(iris)
    made = AcceleratedEstimator(estimator, engine="sklearnex", fallback="raise").fit(X, y)
    answers = run(to_onnx(to_sklearn(made), X[:1], options={"zipmap": False} if hasattr(made, "classes_") else None), X)
    np.testing.assert_array_equal(answers[0], made.predict(X))
    if hasattr(made, "predict_proba"):
        np.testing.assert_allclose(answers[1], made.predict_proba(X), atol=1e-4)


@reads_old_attributes
def test_an_accelerated_pipeline_is_converted_once_it_is_exported(iris):
    X, y = as_float32(iris)
    made = AcceleratedPipeline([("scale", StandardScaler()), ("clf", SVC())], engine="sklearn").fit(X, y)
    np.testing.assert_array_equal(run(to_onnx(to_sklearn(made), X[:1]), X)[0], made.predict(X))
