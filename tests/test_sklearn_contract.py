"""scikit-learn's own checks on wrappers: none fails that passes on what is wrapped.

`check_estimator` over every class of scikit-learn that can be constructed, with scikit-learn's own test instances: on
AcceleratedEstimator beside the class itself, and on a pipeline of one step beside scikit-learn's; as things are, with
metadata routing, and with data frames as output. `make conformance` runs all of it and counts; `make test` the classes
that an engine has a row for. ``fallback="silent"``: the checks feed data that a named engine may not take.
"""

import warnings
from functools import cache

import pytest
import sklearn
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import all_estimators, estimator_checks
from sklearn.utils._testing import SkipTest, set_random_state

from accelsk import AcceleratedEstimator, AcceleratedPipeline
from accelsk.engines import get, names, reference, why_missing
from accelsk.origin import public_name

MODES = {
    "as it is": {},
    "metadata routing": {"enable_metadata_routing": True},
    "pandas output": {"transform_output": "pandas"},
    "polars output": {"transform_output": "polars"},
}

#: Checks that go by the type, which is the wrapper's: they are told its name and treat this class by its name, or they
#: are given other test instances of this class. They pass where they are told the wrapped class: the test tries it.
BY_NAME = {
    "CCA": ["check_transformer_data_not_an_array", "check_transformer_general", "check_transformer_n_iter"],
    "LabelPropagation": ["check_classifiers_classes"],
    "LabelSpreading": ["check_classifiers_classes"],
    "OPTICS": ["check_fit2d_1sample"],
    "PLSCanonical": ["check_transformer_data_not_an_array", "check_transformer_general", "check_transformer_n_iter"],
    "PLSRegression": ["check_transformer_data_not_an_array", "check_transformer_general", "check_transformer_n_iter"],
    "PLSSVD": ["check_transformer_data_not_an_array", "check_transformer_general"],
    "SelfTrainingClassifier": ["check_classifiers_classes"],
    "SparseCoder": [
        "check_dtype_object",
        "check_estimators_dtypes",
        "check_estimators_fit_returns_self",
        "check_estimators_overwrite_params",
        "check_fit2d_1feature",
        "check_fit2d_1sample",
        "check_fit_check_is_fitted",
        "check_fit_idempotent",
        "check_n_features_in",
        "check_n_features_in_after_fitting",
        "check_positive_only_tag_during_fit",
        "check_readonly_memmap_input",
        "check_transformers_unfitted_stateless",
    ],
    "SpectralCoclustering": ["check_estimator_sparse_tag"],
    "TSNE": ["check_fit2d_1sample"],
}

_DENSE, _SPARSE = (f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse"))
_OTHER_TREES = (
    "trees without weights are grown by the engine that was named, trees with weights by scikit-learn (the engine does "
    "not take a weight of 2 for two rows): two random streams. Its fidelity is 'alternative', so never by auto"
)
_OTHER_SOLVER = (
    "the fit with weights is scikit-learn's, the one without is the engine's: two solvers that stop 1e-6 from each "
    "other, and the check asks for 1e-7"
)
#: (class, check) on an engine other than scikit-learn itself.
OF_ENGINES = {
    ("ExtraTreesClassifier", _DENSE): _OTHER_TREES,
    ("ExtraTreesRegressor", _DENSE): _OTHER_TREES,
    ("ExtraTreesClassifier", _SPARSE): _OTHER_TREES,
    ("ExtraTreesRegressor", _SPARSE): _OTHER_TREES,
    ("LogisticRegressionCV", _DENSE): _OTHER_SOLVER,
    ("LogisticRegressionCV", _SPARSE): _OTHER_SOLVER,
}

#: (engine, class, check). Where rounding of the processor's BLAS lets scikit-learn's own fail it, too, it is not asked.
OF_LIBRARIES = {
    (engine, "GradientBoostingClassifier", check): "the borders of bins are made of rows, whatever they weigh"
    for engine in ("catboost", "lightgbm")
    for check in (_DENSE, _SPARSE)
}

_STATELESS = (
    "`steps` holds the fitted steps after a fit, as scikit-learn's Pipeline does; that one alone passes, because its "
    "step learns nothing and so looks the same"
)
#: (class, check) in a pipeline.
OF_PIPELINES = dict.fromkeys(
    ((name, "check_estimators_overwrite_params") for name in ("FeatureHasher", "HashingVectorizer", "PatchExtractor")),
    _STATELESS,
)


#: `check_estimator` raises on scikit-learn's own pipeline of these, before the first check: they are transformers, and
#: their tags do not say so.
NOT_IN_PIPELINES = ("CountVectorizer", "TfidfVectorizer")


def wrapped(subject, estimator):
    """What is checked, and what it must keep up with."""
    kind, _, engine = subject.partition(" on ")
    options = {"engine": engine, "fallback": "silent"}
    if kind == "pipeline":
        return AcceleratedPipeline([("step", estimator)], **options)
    return AcceleratedEstimator(estimator, **options)


def plain(subject, estimator):
    return Pipeline([("step", estimator)]) if subject.startswith("pipeline") else estimator


@cache
def instances(cls):
    """Scikit-learn's own test instances of a class, seeded: the checks do not seed inside a meta-estimator."""
    try:
        from sklearn.utils._test_common.instance_generator import _construct_instances
    except ImportError:
        from sklearn.utils.estimator_checks import _construct_instances
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated classes are wrapped, too
        try:
            made = list(_construct_instances(cls))
        except SkipTest:  # FrozenEstimator, which is nothing without the estimator inside
            return []
    for estimator in made:
        set_random_state(estimator)
    return made


def instances_for(check, estimator):
    """The instances that scikit-learn's suite gives to this check: for a few classes it has some of their own."""
    try:
        from sklearn.utils._test_common.instance_generator import _yield_instances_for_check
    except ImportError:
        from sklearn.utils.estimator_checks import _yield_instances_for_check
    return _yield_instances_for_check(check, clone(estimator))


def results(estimator):
    return estimator_checks.check_estimator(estimator, on_fail=None, on_skip=None)


@cache
def fails_on_the_plain_object(kind, cls, mode, check_name):
    """Whether a check fails on what is wrapped, too: only those that are asked about are made there."""
    with sklearn.config_context(**MODES[mode]):
        for estimator in instances(cls):
            for instance, check in estimator_checks.estimator_checks_generator(plain(kind, clone(estimator))):
                if check.func.__name__ != check_name:
                    continue
                try:
                    check(instance)
                except SkipTest:
                    pass
                except Exception:  # noqa: BLE001  as in check_estimator: a failure, of whatever kind
                    return True
    return False


#: Classes whose checks alone take minutes.
LONG = ("LogisticRegressionCV", "TSNE")


def cases():
    rows = {}
    for name in names(plugins=False):
        if name != reference().name and why_missing(name) is None:
            for estimator in {row.estimator for row in get(name).rows}:
                rows.setdefault(estimator, []).append(name)
    for name, cls in all_estimators():
        if not instances(cls):
            continue
        engines = rows.get(public_name(cls), [])
        for mode in MODES:
            if mode.endswith("output") and not hasattr(cls, "set_output"):
                continue
            for subject in ("estimator on sklearn", "estimator on auto", "pipeline on auto"):
                if subject.startswith("pipeline") and name in NOT_IN_PIPELINES:
                    continue
                yield case(cls, subject, mode, name, slow=not engines or name in LONG or mode != "as it is")
            for engine in engines:
                yield case(cls, f"estimator on {engine}", mode, name, slow=name in LONG or mode != "as it is")


def case(cls, subject, mode, name, *, slow):
    # One worker for what shares a baseline.
    marks = [pytest.mark.xdist_group(f"{name} {subject.partition(' ')[0]} {mode}")]
    marks += [pytest.mark.slow] if slow else []
    return pytest.param(cls, subject, mode, id=f"{name}-{subject}-{mode}".replace(" ", "_"), marks=marks)


# As in scikit-learn's own suite: its instances stop after few iterations.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cls, subject, mode", list(cases()))
def test_no_check_fails_that_passes_on_what_is_wrapped(cls, subject, mode, record_property):
    kind, _, engine = subject.partition(" on ")
    failed, n_checks = [], 0
    by_name = BY_NAME.get(cls.__name__, []) if kind == "estimator" else []
    listed = OF_PIPELINES if kind == "pipeline" else OF_ENGINES if engine not in (reference().name, "auto") else {}
    expected = {check for name, check in listed if name == cls.__name__} | set(by_name)
    expected |= {check for *whose, check in OF_LIBRARIES if whose == [engine, cls.__name__] and kind == "estimator"}
    with sklearn.config_context(**MODES[mode]):
        for estimator in instances(cls):
            made = results(wrapped(subject, clone(estimator)))
            n_checks += len(made)
            failed += [result for result in made if result["status"] == "failed"]
        found = {result["check_name"]: result["exception"] for result in failed}
        already = {check for check in found.keys() | expected if fails_on_the_plain_object(kind, cls, mode, check)}
        for check in map(estimator_checks.__dict__.get, set(by_name) & found.keys() - already):
            for estimator in instances(cls):
                for instance in instances_for(check, estimator):
                    check(cls.__name__, wrapped(subject, instance))
    counts = {
        "checks": n_checks,
        "also": sum(result["check_name"] in already for result in failed),
        "listed": sum(result["check_name"] in expected - already for result in failed),
        "new": len(found.keys() - already - expected),
    }
    record_property("conformance", {"subject": subject, "mode": mode, **counts})

    assert {check: found[check] for check in found.keys() - already - expected} == {}
    assert expected - already <= found.keys(), f"no longer fails, take it from the list: {expected - found.keys()}"
