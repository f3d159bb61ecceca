"""The libraries' own classes fitted: what is not validated twice, and what is not asked of them again, is the same."""

import warnings

import numpy as np
import pandas as pd
import pytest
from boosting_libraries import every_library
from sklearn.base import clone

from accelsk import AcceleratedEstimator
from accelsk.engines import ownclass
from accelsk.hyperparameters import fresh, params_of

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
NUMBERS = X[:, 0] + X[:, 1] * X[:, 2]
CLASSES = (NUMBERS > 0).astype(int)


def at(rows, position, value):
    rows = rows.copy()
    rows.flat[position] = value
    return rows


ROWS = {
    "float64": X,
    "float32": X.astype(np.float32),
    "float16": X.astype(np.float16),
    "whole numbers": X.astype(int),
    "booleans": X > 0,
    "by columns": np.asfortranarray(X),
    "not contiguous": np.hstack([X, X])[:, ::2],
    "other byte order": X.astype(X.dtype.newbyteorder()),
    "large": X * 1e200,
    "NaN": at(X, 5, np.nan),
    "infinity": at(X, 5, np.inf),
    "objects": X.astype(object),
    "texts": X.astype(str),
    "complex": X * 1j,
    "one dimension": X[:, 0],
    "three": X[np.newaxis],
    "no columns": X[:, :0],
    "one row": X[:1],
    "no rows": X[:0],
    "lists": X.tolist(),
    "frame": pd.DataFrame(X, columns=list("abcd")),
    "none": None,
}
LABELS = {
    "0 and 1": CLASSES,
    "of 8 bits": CLASSES.astype(np.int8) * 3 - 1,
    "without sign": CLASSES.astype(np.uint64) + 5,
    "booleans": CLASSES > 0,
    "floats": CLASSES.astype(float),
    "numbers": NUMBERS,
    "texts": np.array(["no", "yes"])[CLASSES],
    "objects": np.array(["no", "yes"], dtype=object)[CLASSES],
    "a column": CLASSES[:, np.newaxis],
    "not contiguous": np.repeat(CLASSES, 2)[::2],
    "of many": np.arange(60) // 2 * 2,
    "of too many": np.arange(60),
    "one": np.ones(60, int),
    "too few": CLASSES[:-1],
    "NaN": at(CLASSES.astype(float), 3, np.nan),
    "list": CLASSES.tolist(),
    "series": pd.Series(CLASSES),
    "none": None,
}
TARGETS = {
    "floats": NUMBERS,
    "single": NUMBERS.astype(np.float32),
    "whole numbers": (NUMBERS * 10).astype(int),
    "infinity": at(NUMBERS, 3, np.inf),
    "large": NUMBERS * 1e200,
    "a column": NUMBERS[:, np.newaxis],
    "too few": NUMBERS[:-1],
    "objects": NUMBERS.astype(object),
    "texts": NUMBERS.astype(str),
    "none": None,
}
CASES = [
    *(("classifier", rows, "0 and 1") for rows in ROWS),
    *(("classifier", "float64", y) for y in LABELS),
    *(("regressor", rows, "floats") for rows in ROWS),
    *(("regressor", "float64", y) for y in TARGETS),
]


def outcome(library, kind, rows, y):
    """What a fit leaves, or raises, and what it warns of."""
    model = AcceleratedEstimator(library.own(kind, rounds=3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(rows, y)
        except Exception as error:  # noqa: BLE001  whatever it is
            left = [type(error), str(error).partition("Stack trace")[0]]
        else:
            told = model.predict(rows)
            left = [told.dtype, told.tolist(), model.n_features_in_, hasattr(model, "feature_names_in_")]
            if kind == "classifier":
                left += [model.classes_.dtype, model.classes_.tolist(), model.predict_proba(rows).tolist()]
    return left, [(each.category, str(each.message)) for each in caught]


@every_library
@pytest.mark.parametrize("kind, rows, y", CASES, ids="-".join)
def test_a_fit_that_is_not_validated_leaves_what_one_that_is_does(library, kind, rows, y, monkeypatch):
    rows, y = ROWS[rows], (LABELS if kind == "classifier" else TARGETS)[y]
    if rows is not None and y is not None and len(rows) < len(y) == len(X):
        y = y[: len(rows)]
    ours = outcome(library, kind, rows, y)
    monkeypatch.setattr(ownclass, "_are_plain", lambda X, y, labels: False)

    assert ours == outcome(library, kind, rows, y)


@every_library
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_plain_arrays_are_not_validated(library, kind, monkeypatch):
    def validated(*args, **kwargs):
        raise AssertionError("it is validated")

    monkeypatch.setattr(ownclass.OwnClass, "checked", validated)
    monkeypatch.setattr(ownclass.OwnClass, "_checked_y", validated)
    y = CLASSES if kind == "classifier" else NUMBERS

    assert AcceleratedEstimator(library.own(kind, rounds=3)).fit(X, y).n_features_in_ == 4


@pytest.fixture
def asked(library, monkeypatch):
    """How often the library's class was asked for its hyperparameters."""
    cls, calls = type(library.own()), []
    original = cls.get_params

    def get_params(self, deep=True):
        calls.append(self)
        return original(self, deep)

    monkeypatch.setattr(cls, "get_params", get_params)
    return calls


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(
        type(ours[name]) is type(value) and (ours[name] == value or value != value) for name, value in theirs.items()
    )


@every_library
def test_hyperparameters_are_those_that_the_class_tells(library):
    first = {library.rounds: 3, "learning_rate": 0.5}
    for params in (first, {library.rounds: 3}, {**first, library.rounds: 4}, first, {**first, "learning_rate": 1}):
        estimator = library.own(**params)
        for _ in range(2):
            assert same(params_of(estimator), estimator.get_params(deep=False))
            assert same(fresh(estimator).get_params(), clone(estimator).get_params())
        params_of(estimator).clear()  # what is told is nobody else's
        estimator.set_params(learning_rate=0.25)
        assert params_of(estimator)["learning_rate"] == fresh(estimator).get_params()["learning_rate"] == 0.25


@pytest.mark.parametrize("library", [each for each in every_library.args[1] if each.id != "catboost"])
def test_they_are_asked_for_once(library, asked):
    estimators = [library.own(rounds=7) for _ in range(3)]
    told = [params_of(each) for each in estimators]
    made = [fresh(each) for each in estimators]

    assert asked == estimators[:1]
    assert all(vars(each) == vars(estimators[0]) and each not in estimators for each in made)
    assert all(same(each, told[0]) for each in told)


@every_library
def test_generators_and_other_objects_are_told_each_time(library):
    generator = np.random.RandomState(0)
    estimator = library.own(random_state=generator)
    first, second = params_of(estimator)["random_state"], params_of(estimator)["random_state"]

    assert first is second is generator or first != second  # some libraries draw


@every_library
def test_a_subclass_is_asked_each_time(library):
    class Telling(type(library.own())):
        told = 1

        def get_params(self, deep=True):
            return {**super().get_params(deep=deep), "told": Telling.told}

    estimator = Telling(**library.quiet)
    assert params_of(estimator)["told"] == 1
    Telling.told = 2

    assert params_of(estimator)["told"] == 2
