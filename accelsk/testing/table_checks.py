"""What a row says is complete, and means what it says. Most of it needs no engine."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np

from accelsk.delegation import is_fitting
from accelsk.devices import KINDS
from accelsk.engines import get_adapter
from accelsk.engines.spec import FIDELITIES
from accelsk.engines.translate import check_total, merge_engine_params, translate
from accelsk.errors import UnsupportedParameter
from accelsk.origin import public_name
from accelsk.testing.case import Case, allowed_values
from accelsk.testing.promise import promise, raised

#: Methods of scikit-learn's base classes follow from the others, or from hyperparameters.
_DERIVED = ("sklearn.base", "sklearn.utils")
_OF_EVERY_ESTIMATOR = ("get_params", "get_metadata_routing")


@promise(needs_engine=False)
def _class_has_its_public_name(case: Case) -> None:
    """The class of the row exists under its public path, by which a decision finds the row again."""
    assert public_name(case.cls) == case.row.estimator
    assert any(row is case.row for row in case.engine.rows_of(public_name(case.cls)))


@promise(needs_engine=False)
def _row_is_the_only_one(case: Case) -> None:
    """No second row of the engine is for the same class on the same kind of device."""
    assert case.row.devices is None or (case.row.devices and set(case.row.devices) <= set(KINDS)), (
        f"devices are None, or out of {', '.join(KINDS)}"
    )
    for other in case.engine.rows_of(case.row.estimator):
        if other is not case.row:
            shared = set(other.devices or KINDS) & set(case.row.devices or KINDS)
            assert not shared, f"two rows are for {case.row.estimator} on {', '.join(sorted(shared))}"


@promise(needs_engine=False)
def _row_decides_every_parameter(case: Case) -> None:
    """The row says of every constructor parameter what becomes of it, and of no other."""
    problems = check_total(case.row, case.cls)
    assert not problems, f"the row of {case.row.estimator} {'; '.join(problems)}"


@promise(lambda case: not case.row.native, needs_engine=False)
def _row_decides_every_method(case: Case) -> None:
    """The row says of every public method after ``fit`` who computes it, once, and of no other."""
    row = case.row
    declared = [*row.methods, *row.inherited, *row.refused]
    twice = sorted({name for name in declared if declared.count(name) > 1})
    assert not twice, f"the row of {row.estimator} decides twice about {', '.join(twice)}"
    public = _public_methods(case.cls)
    forgotten = sorted(name for name, derived in public.items() if not derived and name not in declared)
    assert not forgotten, f"the row of {row.estimator} says nothing about {', '.join(forgotten)}"
    invented = sorted(set(declared) - set(public) - {"fit_predict", "fit_transform", "partial_fit"})
    assert not invented, f"the row of {row.estimator} decides about {', '.join(invented)}, which there is not"


@promise(needs_engine=False)
def _row_speaks_the_vocabulary(case: Case) -> None:
    """Fidelity, tolerance, worth and reasons are such as the documentation can print."""
    row = case.row
    assert row.fidelity in FIDELITIES
    assert row.tolerance >= 0
    assert row.worth is None or (row.worth.ratio > 1 and row.worth.seen), "a worth needs a ratio above 1 and its source"
    assert all(rule.text for rule in row.params.values()), "a rule needs its words"
    assert all(reason.strip() for reason in row.refused.values()), "a refused method needs its reason"
    assert all(reason.strip() for reason in row.absent.values()), "an absent attribute needs its reason"
    assert all(rule.why.strip() for rule in row.params.values() if rule.grade != "exact"), "a grade needs its reason"
    assert not (row.graded and row.fidelity == "exact"), "a row with a parameter that is not exact is not exact"
    needs = (*row.fit.needs, *row.inputs("predict").needs, *(row.worth.needs if row.worth else ()))
    assert all(need.text.strip() for need in needs), "a need needs its words"
    for name, rule in row.params.items():
        for other in rule.names:
            assert row.params.get(other) is rule, f"{name} is judged together with {other}, which has another rule"


@promise(needs_engine=False)
def _defaults_are_translated(case: Case) -> None:
    """The default hyperparameters are translated; a default that the engine lacks is refused by name."""
    _, refusals = translate(case.row, case.defaults)
    for refusal in refusals:
        assert refusal.parameter in case.defaults, f"{refusal.parameter!r} is not a hyperparameter"
        assert refusal.supported.strip(), f"nothing is said to be supported instead of {refusal.parameter}"
    assert not translate(case.row, case.params)[1]


@promise(lambda case: "random_state" in case.defaults, needs_engine=False)
def _translation_draws_nothing(case: Case) -> None:
    """Translation, which every decision asks for, leaves random generators where they are: a fit draws from them."""
    own = np.random.RandomState(0)
    generators = (own, np.random.mtrand._rand)  # the second one is NumPy's global generator
    before = [pickle.dumps(generator) for generator in generators]
    for value in (None, own):
        translate(case.row, {**case.params, "random_state": value})
    assert [pickle.dumps(generator) for generator in generators] == before


@promise(needs_engine=False)
def _engine_params_are_the_engines_own(case: Case) -> None:
    """A parameter that only the engine has is passed on under its name; another one is refused by name."""
    marks = {name: object() for name in case.row.engine_params}
    keywords: dict[str, Any] = {}
    merge_engine_params(case.row, case.engine.name, marks, keywords)
    assert keywords == marks
    taken = set(translate(case.row, case.params)[0]) & set(marks)
    assert not taken, f"{', '.join(taken)} is a translated hyperparameter and an engine parameter"
    error = raised(
        UnsupportedParameter,
        "an engine parameter that there is not was taken",
        lambda: merge_engine_params(case.row, case.engine.name, {"no_such_parameter": 1}, {}),
    )
    assert error.parts["parameter"] == "no_such_parameter"
    assert "no_such_parameter" in str(error)


@promise(needs_device=False)
def _backend_takes_every_keyword(case: Case) -> None:
    """Every value that the rules accept makes a backend estimator, which holds what was passed."""
    adapter = get_adapter(case.engine.name)
    for name in case.params:
        for value in (case.params[name], *allowed_values(case.cls, name)):
            keywords, refusals = translate(case.row, {**case.params, name: value})
            if refusals:
                continue
            keywords.update(case.row.engine_params)
            backend = adapter.build(case.row, keywords)
            held = backend.get_params(deep=False) if hasattr(backend, "get_params") else {}
            for keyword, passed in keywords.items():
                assert _same(held.get(keyword, passed), passed), f"{keyword}={passed!r} arrived as {held[keyword]!r}"


@promise()
def _refused_values_are_explained(case: Case) -> None:
    """A value that the rules refuse is an error that names parameter, value, engine, what is supported, the way out."""
    for name in case.params:
        for value in allowed_values(case.cls, name):
            if translate(case.row, {**case.params, name: value})[1]:
                _assert_explained(case, name, value)


def _assert_explained(case: Case, name: str, value: Any) -> None:
    told = f"{case.row.name}({name}={value!r})"
    error = raised(
        UnsupportedParameter,
        f"{told} is refused by its rule, and was fitted",
        lambda: case.wrapped(case.plain(**{name: value})).fit(*case.data.args),
    )
    parts = error.parts
    assert parts["parameter"] in (case.row.params[name].names or (name,)), (
        f"{told}: the error names {parts['parameter']}"
    )
    assert (parts["engine"], parts["estimator"]) == (case.engine.name, case.row.name)
    assert parts["supported"].strip()
    assert error.hint.strip(), f"{told}: the error shows no way out"
    short = " ".join(repr(value).split())[:40]
    for word in (name, short, repr(case.engine.name), case.row.name, parts["supported"]):
        assert word in str(error), f"{told}: the error does not say {word!r}: {error}"
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  our own
    assert (type(again), str(again), again.parts) == (type(error), str(error), parts)


def _same(held: Any, passed: Any) -> bool:
    if held is passed or type(held) is not type(passed):
        return held is passed or bool(np.all(held == passed))
    return bool(np.array_equal(held, passed)) if isinstance(held, np.ndarray) else bool(repr(held) == repr(passed))


def _public_methods(cls: type) -> dict[str, bool]:
    """The public methods of a class after ``fit``, and whether each is derived."""
    found = {}
    for name in dir(cls):
        if name.startswith(("_", "set_")) or is_fitting(name):
            continue
        method = getattr(cls, name, None)
        if callable(method) and not inspect.isclass(method):
            found[name] = name in _OF_EVERY_ESTIMATOR or method.__module__.startswith(_DERIVED)
    return found
