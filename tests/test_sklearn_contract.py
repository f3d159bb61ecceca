"""scikit-learn's own checks on the wrapper: none fails that the plain class passes.

Over every class that any engine has a row for, with scikit-learn's own test instances, on scikit-learn itself and on
each engine. ``fallback="silent"``: the checks feed data and hyperparameters that a named engine may not take.
"""

import warnings
from functools import cache

import pytest
from sklearn.base import clone
from sklearn.utils import all_estimators
from sklearn.utils._testing import set_random_state
from sklearn.utils.estimator_checks import check_estimator

from accelsk import AcceleratedEstimator
from accelsk.engines import get, names, reference, why_missing
from accelsk.selection import public_name

_DENSE, _SPARSE = (f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse"))
_GROUPS = "scikit-learn's check knows by the class's name that its folds need groups"
_OTHER_TREES = (
    "trees without weights are grown by the engine that was named, trees with weights by scikit-learn (the engine does "
    "not take a weight of 2 for two rows): two random streams. Its fidelity is 'alternative', so never by auto"
)
#: (class, check): why the check fails on the wrapper though it passes on the class. Strict: one that passes fails here.
EXPECTED = {
    ("TSNE", "check_fit2d_1sample"): "scikit-learn's check takes TSNE's message by the class's name",
    ("LogisticRegressionCV", _DENSE): _GROUPS,
    ("LogisticRegressionCV", _SPARSE): _GROUPS,
}
#: The same, where an engine other than scikit-learn itself is named.
EXPECTED_OF_ENGINES = {
    ("ExtraTreesClassifier", _DENSE): _OTHER_TREES,
    ("ExtraTreesRegressor", _DENSE): _OTHER_TREES,
    ("ExtraTreesClassifier", _SPARSE): _OTHER_TREES,
    ("ExtraTreesRegressor", _SPARSE): _OTHER_TREES,
}


def instances(cls):
    """Scikit-learn's own test instances of a class, seeded: the checks do not seed inside a meta-estimator."""
    try:
        from sklearn.utils._test_common.instance_generator import _construct_instances
    except ImportError:
        from sklearn.utils.estimator_checks import _construct_instances
    made = list(_construct_instances(cls))
    for estimator in made:
        set_random_state(estimator)
    return made


def failures(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in scikit-learn's own suite: its instances stop after few iterations
        results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    return failed, len(results)


@cache
def failures_of_the_class(cls):
    return set().union(*(failures(estimator)[0] for estimator in instances(cls)))


def cases():
    classes = {public_name(cls): cls for _, cls in all_estimators()}
    for name in names(plugins=False):
        if name != reference().name and why_missing(name) is None:
            for row in get(name).rows:
                if row.estimator in classes:
                    yield pytest.param(classes[row.estimator], reference().name, id=f"{row.name}-{reference().name}")
                    yield pytest.param(classes[row.estimator], name, id=f"{row.name}-{name}")


@pytest.mark.parametrize("cls, engine", {case.id: case for case in cases()}.values())
def test_no_check_fails_that_the_plain_class_passes(cls, engine, record_property):
    failed = {}
    for estimator in instances(cls):
        wrapped = AcceleratedEstimator(clone(estimator), engine=engine, fallback="silent")
        found, count = failures(wrapped)
        failed.update(found)
        record_property("checks", count)
    already = failures_of_the_class(cls)
    new = set(failed) - already
    listed = EXPECTED if engine == reference().name else {**EXPECTED, **EXPECTED_OF_ENGINES}
    expected = {check for name, check in listed if name == cls.__name__} - already

    assert {check: failed[check] for check in new - expected} == {}
    assert expected <= new, f"no longer fails, take it from the list: {expected - new}"
