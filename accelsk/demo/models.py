"""The models of the comparison: each with its encoding, how many flights it gets, and what its score is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC

from accelsk.demo.flights import CATEGORIES, NUMBERS

__all__ = ["CASES", "Case", "Clock"]

#: The few columns in which near flights are alike; a k-d tree is for few columns.
_NEAR = ("sched_dep_minute", "temp", "humid", "wind_speed", "pressure", "visib")


class Clock:
    """Notes when the data reach the last step of a pipeline, so that the step can be timed by itself.

    Examples
    --------
    >>> clock = Clock()
    >>> clock.mark("data"), clock.marked > 0
    ('data', True)
    """

    def __init__(self) -> None:
        self.marked = 0.0

    def mark(self, X: Any) -> Any:
        """Note the time and pass the data on.

        Parameters
        ----------
        X : object
            The data.

        Returns
        -------
        object
            The same.
        """
        self.marked = time.perf_counter()
        return X


def _one_hot() -> ColumnTransformer:
    """For linear models and kernels: rare names together, numbers scaled."""
    names = OneHotEncoder(min_frequency=0.005, handle_unknown="infrequent_if_exist", sparse_output=False)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return ColumnTransformer([("names", names, list(CATEGORIES)), ("numbers", numbers, list(NUMBERS))])


def _ordinal() -> ColumnTransformer:
    """For trees: names as whole numbers, nothing scaled."""
    names = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    numbers = SimpleImputer(strategy="median")
    return ColumnTransformer([("names", names, list(CATEGORIES)), ("numbers", numbers, list(NUMBERS))])


def _few() -> ColumnTransformer:
    """For neighbours: a few scaled numbers."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    return ColumnTransformer([("numbers", numbers, list(_NEAR))])


def _roc_auc(pipeline: Pipeline, truth: Any, output: Any) -> float:
    return float(roc_auc_score(truth, output[:, 1] if output.ndim == 2 else output))


def _r2(pipeline: Pipeline, truth: Any, output: Any) -> float:
    return float(r2_score(truth, output))


def _explained(pipeline: Pipeline, truth: Any, output: Any) -> float:
    return float(pipeline[-1].explained_variance_ratio_.sum())


@dataclass(frozen=True)
class Case:
    """One model of the comparison.

    Parameters
    ----------
    estimator : estimator
        The model as a user of scikit-learn writes it, with all cores where it can take them.
    encoding : callable
        Makes the ColumnTransformer before it.
    rows : int or None
        How many flights it gets, those it is tested on included; None is all of them.
    method : str, default="predict_proba"
        What is timed as its prediction.
    target : {"late", "delay"}, default="late"
        What it learns.
    score_name : str, default="ROC AUC"
        What the score is.
    scored : callable
        ``scored(pipeline, truth, output) -> float``.
    """

    estimator: Any
    encoding: Callable[[], ColumnTransformer]
    rows: int | None
    method: str = "predict_proba"
    target: str = "late"
    score_name: str = "ROC AUC"
    scored: Callable[[Pipeline, Any, Any], float] = _roc_auc

    @property
    def name(self) -> str:
        """The name of the model's class."""
        return type(self.estimator).__name__

    def pipeline(self, model: Any, clock: Clock) -> Pipeline:
        """Put the encoding before a model.

        Parameters
        ----------
        model : estimator
            The last step.
        clock : Clock
            Marked when the encoded data reach the model.

        Returns
        -------
        Pipeline
            Not fitted.
        """
        return Pipeline([("encoding", self.encoding()), ("clock", FunctionTransformer(clock.mark)), ("model", model)])


#: From where acceleration pays most to where there is none. The rows are what two cores do in some seconds.
CASES = (
    Case(RandomForestClassifier(min_samples_leaf=10, n_jobs=-1, random_state=0), _ordinal, rows=48_000),
    Case(KNeighborsClassifier(50, algorithm="kd_tree", n_jobs=-1), _few, rows=200_000),
    Case(LinearRegression(), _one_hot, rows=120_000, method="predict", target="delay", score_name="R2", scored=_r2),
    Case(SVC(), _one_hot, rows=12_000, method="decision_function"),
    Case(LogisticRegression(max_iter=500), _one_hot, rows=60_000),
    Case(PCA(20, random_state=0), _one_hot, rows=120_000, method="transform", score_name="variance", scored=_explained),
    Case(ExtraTreesClassifier(min_samples_leaf=10, n_jobs=-1, random_state=0), _ordinal, rows=40_000),
    Case(HistGradientBoostingClassifier(random_state=0), _ordinal, rows=30_000),
)
