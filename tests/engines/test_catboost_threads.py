"""Under a share of the cores CatBoost is given tables that accelsk has made on one thread; no answer changes by it."""

import inspect
import json
from functools import wraps
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

pytest.importorskip("catboost", reason="catboost is not installed")

import catboost
from boosting_libraries import LIBRARIES
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier

from accelsk import AcceleratedEstimator
from accelsk.devices import HOST
from accelsk.engines import get, get_adapter
from accelsk.engines.ownclass import OwnClass
from accelsk.threads import limited

CATBOOST = LIBRARIES["catboost"]
X, Y = make_classification(300, 6, random_state=0)
WORDS = np.array(["red", "green", "", "7"])[np.arange(300) % 4]


def frame(kind):
    columns = {f"c{place}": X[:, place] for place in range(4)} | {"word": WORDS}
    if kind == "polars":
        return pytest.importorskip("polars").DataFrame(columns)
    return pd.DataFrame(columns).astype({"word": "category"} if kind == "categories" else {})


def holed():
    return np.where(X > 1.5, np.nan, X)


#: Data, labels, and what the fit is told of the columns.
CASES = {
    "numbers": lambda: (X, Y, {}),
    "single precision, in columns": lambda: (np.asfortranarray(X, dtype=np.float32), Y, {}),
    "holes": lambda: (holed(), Y, {}),
    "lists": lambda: (X.tolist(), Y.tolist(), {}),
    "sparse matrix": lambda: (sp.csr_matrix(X * (X > 0)), Y, {}),
    "sparse array": lambda: (sp.csc_array(X * (X > 0)), Y, {}),
    "objects": lambda: (np.column_stack([X.astype(object), WORDS]), Y, {"cat_features": [6]}),
    "pandas": lambda: (frame("pandas"), Y, {"cat_features": ["word"]}),
    "categories of pandas": lambda: (frame("categories"), Y, {"cat_features": ["word"]}),
    "polars": lambda: (frame("polars"), Y, {"cat_features": ["word"]}),
    "texts": lambda: (frame("pandas").assign(word="a " + WORDS + " fox"), Y, {"text_features": ["word"]}),
    "labels that are words": lambda: (X, np.array(["no", "yes"])[Y], {}),
    "labels that are encoded": lambda: (X, np.array(["", "1"])[Y], {}),
    "three classes": lambda: (X, (X[:, 0] > 0).astype(int) + Y, {}),
}


def whole(answer):
    return list(answer) if inspect.isgenerator(answer) else answer


def same(beside, alone):
    beside, alone = whole(beside), whole(alone)
    beside, alone = np.asarray(beside), np.asarray(alone)
    assert (beside.dtype, beside.shape) == (alone.dtype, alone.shape)
    if alone.dtype.kind == "f":  # from some call on something faster may compute the model
        np.testing.assert_allclose(beside, alone, rtol=1e-9, atol=1e-12)
    else:
        np.testing.assert_array_equal(beside, alone)


@pytest.fixture
def tables(monkeypatch):
    """The numbers of threads of the tables that are made."""
    numbers, init = [], catboost.Pool.__init__

    def told(self, *args, **kwargs):
        numbers.append(kwargs.get("thread_count", -1))
        init(self, *args, **kwargs)

    monkeypatch.setattr(catboost.Pool, "__init__", told)
    return numbers


@pytest.mark.parametrize("case", CASES)
def test_a_share_changes_no_answer(case, tables):
    data, labels, told = CASES[case]()
    alone, beside = (AcceleratedEstimator(CATBOOST.own(rounds=5, random_state=0)) for _ in range(2))
    alone.fit(data, labels, **told)
    with limited(2):
        beside.fit(data, labels, **told)
    for method in ("predict", "predict_proba", "predict_log_proba", "staged_predict_proba", "calc_leaf_indexes"):
        without = whole(getattr(alone, method)(data))
        tables.clear()
        with limited(2):
            same(getattr(beside, method)(data), without)
        assert set(tables) <= {1}  # none where NumPy answers
    with limited(2):
        assert beside.score(data, labels) == alone.score(data, labels)


@pytest.mark.parametrize("categorical", [None, [4]])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_nor_one_of_scikit_learns_classes(categorical, early_stopping, tables):
    data = np.column_stack([holed()[:, :4], np.arange(300) % 5])
    boosting = HistGradientBoostingClassifier(
        max_iter=5, categorical_features=categorical, early_stopping=early_stopping, random_state=0
    )
    alone, beside = CATBOOST.on(boosting).fit(data, Y), CATBOOST.on(boosting)
    tables.clear()
    with limited(1):
        beside.fit(data, Y)
        # The one of the fit is made by the library; that of what it watches is ours.
        assert tables == ([1, -1] if early_stopping else [-1])
        for method in ("predict", "decision_function", "staged_predict"):
            tables.clear()
            answer = whole(getattr(beside, method)(data))
            assert set(tables) <= {1}  # none where NumPy answers
            same(answer, getattr(alone, method)(data))
    same(beside.predict_proba(data), alone.predict_proba(data))


def test_nor_a_regression_or_a_ranking():
    groups = np.repeat(np.arange(10), 30)
    for kind, told in (("regressor", {}), ("ranker", {"group_id": groups})):
        alone = AcceleratedEstimator(CATBOOST.own(kind, rounds=5, random_state=0)).fit(X, Y, **told)
        with limited(1):
            beside = AcceleratedEstimator(CATBOOST.own(kind, rounds=5, random_state=0)).fit(X, Y, **told)
            answer = beside.predict(X)
        same(answer, alone.predict(X))


def test_rows_and_tables_of_the_user_are_left_to_the_library():
    model = AcceleratedEstimator(CATBOOST.own(rounds=5)).fit(X, Y)
    pool, row = catboost.Pool(X, Y), X[0].tolist()
    alone = list(model.staged_predict(row)), list(model.staged_predict(pool)), model.eval_metrics(pool, ["AUC"])
    with limited(1):
        beside = list(model.staged_predict(row)), list(model.staged_predict(pool)), model.eval_metrics(pool, ["AUC"])
        with pytest.raises(catboost.CatBoostError, match=r"must be catboost\.Pool"):
            model.eval_metrics(X, ["AUC"])
        with pytest.raises(catboost.CatBoostError, match="Invalid data type"):
            list(model.staged_predict("a path"))
    np.testing.assert_array_equal(beside[0], alone[0])
    np.testing.assert_array_equal(beside[1], alone[1])
    assert beside[2] == alone[2]


@pytest.mark.parametrize("asked, share, given", [(None, 2, 2), (4, 2, 2), (1, 2, 1), (4, 1, 1)])
def test_fits_and_predictions_are_told_the_share(asked, share, given, monkeypatch):
    numbers, predict = [], catboost.CatBoostClassifier.predict

    @wraps(predict)
    def told(self, *args, thread_count=-1, **kwargs):
        numbers.append(thread_count)
        return predict(self, *args, thread_count=thread_count, **kwargs)

    monkeypatch.setattr(catboost.CatBoostClassifier, "predict", told)
    own = CATBOOST.own(rounds=2, **({} if asked is None else {"thread_count": asked}))
    boosting = HistGradientBoostingClassifier(max_iter=2, early_stopping=False)
    for model in (AcceleratedEstimator(own), CATBOOST.on(boosting, n_jobs=asked)):
        with limited(share):
            model.fit(X, Y).predict(X)
        written = json.loads(model.estimator_.get_metadata()["params"])  # by the library, for the record
        assert written["system_options"]["thread_count"] == given
    assert set(numbers) == {share}  # of a prediction the estimator does not say a number


def test_without_a_share_the_library_makes_its_tables(tables):
    model = AcceleratedEstimator(CATBOOST.own(rounds=5)).fit(X, Y)
    tables.clear()
    model.predict(X)
    assert set(tables) == {-1}


def test_nothing_is_replaced_in_the_library():
    with limited(1):
        AcceleratedEstimator(CATBOOST.own(rounds=5)).fit(X, Y).predict(X)
    for function in (catboost.Pool.__init__, catboost.CatBoostClassifier.fit, catboost.CatBoostClassifier.predict):
        assert Path(function.__code__.co_filename).parent == Path(catboost.__file__).parent


def test_a_number_of_threads_changes_no_answer():
    labels = np.where(Y, "yes", "")  # which the library is given as 0 and 1
    model = AcceleratedEstimator(CATBOOST.own(rounds=5, random_state=0)).fit(X, labels)

    np.testing.assert_array_equal(model.predict(X, thread_count=1), model.predict(X))


def test_a_fit_that_fails_in_the_library_tells_its_estimator_nothing():
    adapter, row = get_adapter("catboost"), get("catboost").row("catboost.core.CatBoostClassifier")
    backend = OwnClass(CATBOOST.own(depth=99, thread_count=4, allow_writing_files=False))
    with limited(1), pytest.raises(ValueError, match="depth"):
        adapter.fit(backend, row, "fit", (X, Y), {}, HOST)

    assert backend.model.get_params()["thread_count"] == 4
