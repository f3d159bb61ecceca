"""Engine sklearnex: its rows against the library, over a grid of hyperparameters and data."""

from __future__ import annotations

import inspect
import warnings

import pytest
from sklearn.base import clone
from sklearn.utils import get_tags
from threadpoolctl import threadpool_limits

pytest.importorskip("sklearnex", reason="scikit-learn-intelex is not installed")

from sklearnex_cases import ADAPTER, ENGINE, ROWS, every_row, load, plain
from sklearnex_data import KINDS
from sklearnex_denials import DENIALS
from sklearnex_grid import GRIDS
from sklearnex_watching import ran, watching

from accelsk import convert
from accelsk.capability import examine_inputs
from accelsk.devices import HOST
from accelsk.engines.translate import check_total, merge_engine_params, translate
from accelsk.facts import Facts

# -- the rows are total --


@every_row
def test_a_row_decides_every_parameter(name):
    assert check_total(ROWS[name], load(ROWS[name].estimator)) == ()


@every_row
def test_a_row_knows_every_method(name):
    row, cls = ROWS[name], load(ROWS[name].estimator)
    ours = {"fit", "get_params", "set_params", "set_output", "get_metadata_routing", "set_callbacks"}
    methods = {
        attribute
        for attribute in dir(cls)
        if not attribute.startswith("_")
        and attribute not in ours
        and not attribute.endswith("_request")
        and callable(getattr(cls, attribute))
    }
    assert methods == {*row.methods, *row.inherited, *row.refused}


# -- the rows against the library --


def outcome(row, grid, setting, kind):
    """What a row says of a combination, what the library does with it, and in words what does not fit together."""
    cls = load(row.estimator)
    if not setting.keys() <= inspect.signature(cls).parameters.keys():
        return "error"  # a hyperparameter of other scikit-learn versions
    estimator = cls(**setting)
    X, y, fit_params = grid.kinds()[kind](grid.task)
    data = (X,) if y is None else (X, y)
    params = estimator.get_params(deep=False)
    keywords, refusals = translate(row, params)
    merge_engine_params(row, ENGINE.name, {}, keywords)
    check = examine_inputs(
        ENGINE.name,
        row,
        "fit",
        Facts(X, y, fit_params),
        params,
        get_tags(estimator).input_tags,
        "auto",
        densify=False,
    )
    if any(reason.kind == "invalid" for reason in check.reasons):
        return "error"  # scikit-learn itself takes no such data, whatever the row says
    says = not refusals and not check.reasons
    error = None
    with watching() as seen:
        try:
            if says:
                backend = ADAPTER.build(row, keywords)
                args = (convert.sparse_as(X, check.convert) if check.convert else X, *data[1:])
                ADAPTER.fit(backend, row, "fit", args, fit_params, HOST)
            else:
                load(row.backend)(**setting).fit(*data, **fit_params)
        except Exception as raised:  # noqa: BLE001  any error: scikit-learn must raise one too
            error = raised
    did = ran(row.name, "fit", seen)
    if error is not None:
        try:
            clone(estimator).fit(*data, **fit_params)
        except Exception:  # noqa: BLE001
            return "error"
        if says:
            return f"claims it, and it fails with {error!r}"
        return "denied" if not did or _is_explained(row, setting, kind) else f"denies what fails with {error!r}"
    if says == did:
        return "claimed" if says else "denied"
    if not says and _is_explained(row, setting, kind):
        return "denied"
    reasons = [*refusals, *(reason.text for reason in check.reasons)]
    return f"denies what is accelerated ({reasons})" if did else f"claims what falls back ({seen})"


def _is_explained(row, setting, kind):
    return any((not denial.rows or row.name in denial.rows) and denial.covers(setting, kind) for denial in DENIALS)


#: Rows of which the library takes the longest over its grid.
_LONG = ("ExtraTreesClassifier", "LocalOutlierFactor", "LogisticRegressionCV", "TSNE")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in _LONG else []) for name in GRIDS]
)
def test_a_row_says_what_the_library_does(name):
    grid = GRIDS[name]
    counts = {"claimed": 0, "denied": 0, "error": 0}
    wrong = []
    with warnings.catch_warnings(), threadpool_limits(1):  # tiny data: starting threads would take the time
        warnings.simplefilter("ignore")  # the settings are odd on purpose, and convergence is not the point
        for setting, kind in grid.combinations():
            result = outcome(ROWS[name], grid, setting, kind)
            if result in counts:
                counts[result] += 1
            else:
                wrong.append(f"{setting} with {kind}: {result}")
    print(f"{name}: {counts}")  # shown by pytest -rP
    assert not wrong, "\n".join(wrong[:20])
    assert counts["claimed"] >= 30, counts


def test_the_grid_is_large():
    total = sum(len(list(grid.combinations())) for grid in GRIDS.values())
    print(f"sklearnex rows compared with the library over {total:,} combinations")
    assert set(GRIDS) == set(ROWS)
    assert total > 17_000


@pytest.mark.parametrize("denial", DENIALS, ids=lambda denial: denial.name)
def test_a_denial_is_still_justified(denial):
    assert denial.holds(), f"sklearnex has mended this, so the rows of {denial.rows} can be widened: {denial.reason}"


# -- after the fit --


def fitted(name, X, y=None):
    """A backend estimator, fitted through the adapter."""
    row, estimator = ROWS[name], plain(name)
    keywords, _ = translate(row, estimator.get_params(deep=False))
    merge_engine_params(row, ENGINE.name, {}, keywords)
    backend = ADAPTER.build(row, keywords)
    ADAPTER.fit(backend, row, "fit", (X,) if y is None else (X, y), {}, HOST)
    return backend


COMPUTED = [
    (name, method)
    for name in sorted(ROWS)
    for method in ROWS[name].methods
    if not method.startswith(("fit", "partial_fit"))
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["float64", "float32", "int", "bool", "fortran", "frame", "list", "csr", "nan"])
@pytest.mark.parametrize("name, method", COMPUTED)
def test_computed_methods_run_on_the_engine(name, method, kind):
    row, task = ROWS[name], GRIDS[name].task
    takes_sparse = "csr" in row.inputs(method).sparse
    trained_on = "csr" if kind == "csr" and takes_sparse else "float64"
    backend = fitted(name, *KINDS[trained_on](task)[:2])
    X, y, _ = KINDS[kind](task)
    args = (X, y) if method == "score" else (X,)
    claimed = kind != "nan" and (kind != "csr" or takes_sparse)
    with watching() as seen:
        try:
            ADAPTER.call(backend, row, method, args, {}, HOST)
        except Exception:  # noqa: BLE001  whatever it is: the library does not do it
            assert not claimed
            return
    assert ran(name, method, seen) == claimed, seen


@pytest.mark.filterwarnings("ignore:divide by zero encountered in log:RuntimeWarning")
@every_row
def test_outputs_have_the_types_of_scikit_learn(name):
    X, y, _ = KINDS["float32"](GRIDS[name].task)
    row, estimator = ROWS[name], plain(name)
    data = (X,) if y is None else (X, y)
    estimator.fit(*data)
    backend = fitted(name, *data)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples"):
        if method in row.methods or method in row.inherited:
            expected = getattr(estimator, method)(X)
            assert ADAPTER.call(backend, row, method, (X,), {}, HOST).dtype == expected.dtype, method
