"""Hyperparameters, and fresh estimators with the same ones."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import all_estimators

from accelsk.hyperparameters import fresh, key_of, params_of


@pytest.mark.filterwarnings("ignore:Class PassiveAggressive:FutureWarning")
def test_a_fresh_estimator_is_what_a_clone_is():
    told = 0
    for _, cls in all_estimators():
        try:
            estimator = cls()
        except TypeError:  # it needs another estimator
            continue
        estimator.left_by_a_fit_ = 1
        made, copied = fresh(estimator), clone(estimator)

        assert type(made) is type(copied)
        assert vars(made).keys() == vars(copied).keys()
        assert repr(made) == repr(copied)
        told += 1
    assert told > 150


def test_what_is_configured_goes_along():
    with config_context(enable_metadata_routing=True):
        requests = LogisticRegression().set_fit_request(sample_weight=False)
    output = StandardScaler().set_output(transform="pandas")

    assert fresh(output)._sklearn_output_config == {"transform": "pandas"}
    assert fresh(output)._sklearn_output_config is not output._sklearn_output_config
    assert fresh(requests)._metadata_request.fit.requests == {"sample_weight": False}


def test_a_constructor_that_changes_a_value_is_scikit_learns_error():
    class Changing(BaseEstimator):
        def __init__(self, alpha=1.0):
            self.alpha = alpha + 1

    with pytest.raises(RuntimeError, match="either does not set or modifies parameter alpha"):
        fresh(Changing())


def test_what_says_itself_how_it_is_cloned_is_asked():
    class Frozen(BaseEstimator):
        def __sklearn_clone__(self):
            return self

    frozen = Frozen()

    assert fresh(frozen) is frozen


def test_estimators_inside_are_fresh_too():
    pipeline = make_pipeline(StandardScaler(), Ridge())

    assert fresh(pipeline)[0] is not pipeline[0]


def test_keys_tell_apart_what_is_equal_but_not_the_same():
    keys = [key_of({"range": value}) for value in [(0, 1), (0.0, 1), (False, 1), 0, 0.0, np.float64(0)]]

    assert len(set(keys)) == len(keys)
    assert key_of(params_of(MinMaxScaler())) == key_of(params_of(MinMaxScaler()))
    assert key_of({"weights": [1]}) is None
    assert key_of({"weights": ((1,),)}) is None
