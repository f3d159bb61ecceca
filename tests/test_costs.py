"""What a computation is estimated to take, and what auto makes of it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, config_context, explain, looks, plans
from accelsk.costs import TERMS, Cost, Work, cost_of, costs_of, fitted_cost, seconds_for
from accelsk.engines import get, names, reference
from accelsk.threads import limited
from accelsk.workloads import KINDS, made

SHIPPED = [
    pytest.param(engine, estimator, operation, cost, id=f"{engine}-{estimator}-{operation}-{position}")
    for engine in names(plugins=False)
    for estimator, operations in costs_of(engine).items()
    for operation, costs in operations.items()
    for position, cost in enumerate(costs)
]


def test_a_fit_finds_the_terms_that_the_times_were_made_of():
    sizes = [Work(n, d) for n in (200, 2000, 20_000) for d in (10, 50, 200)]
    noise = np.random.default_rng(0).normal(1, 0.03, len(sizes))
    times = [(2e-3 + 3e-9 * work.n * work.d**2) * factor for work, factor in zip(sizes, noise, strict=True)]
    cost = fitted_cost(list(zip(sizes, times, strict=True)))
    for work in (Work(500, 20), Work(100_000, 100)):
        assert cost.seconds(work, {}) == pytest.approx(2e-3 + 3e-9 * work.n * work.d**2, rel=0.15)
    assert cost.error < 0.05


def test_an_estimate_never_falls_as_the_data_grow():
    draw = np.random.default_rng(1)
    sizes = [Work(n, d) for n in (200, 2000, 20_000) for d in (10, 50)]
    cost = fitted_cost([(work, float(draw.uniform(1e-3, 1))) for work in sizes])
    for n in (100, 1000, 10_000, 10**6):
        assert cost.seconds(Work(2 * n, 10), {}) >= cost.seconds(Work(n, 10), {})
        assert cost.seconds(Work(n, 20), {}) >= cost.seconds(Work(n, 10), {})


def test_an_estimate_grows_with_trees_and_classes_but_for_what_is_fixed():
    cost = Cost(terms={"1": 1.0, "n": 1e-3}, scale={"n_estimators": 100}, classes=5)
    assert cost.seconds(Work(1000, 5, c=5), {"n_estimators": 100}) == pytest.approx(2)
    assert cost.seconds(Work(1000, 5, c=5), {"n_estimators": 200}) == pytest.approx(3)
    assert cost.seconds(Work(1000, 5, c=10), {"n_estimators": 100}) == pytest.approx(3)
    assert cost.counts(10)
    assert not cost.counts(2)


def test_a_cost_holds_only_for_the_algorithm_that_was_measured():
    cost = Cost(terms={"1": 1.0}, when={"kernel": ["rbf"], "shrinking": [True], "gamma": ["scale"]})
    params = {"kernel": "rbf", "shrinking": True, "gamma": "scale"}
    assert cost.holds(params)
    for other in ({"kernel": "linear"}, {"shrinking": 1}, {"gamma": 0.1}, {"kernel": lambda a, b: a @ b.T}):
        assert not cost.holds({**params, **other})


@pytest.mark.parametrize("engine, estimator, operation, cost", SHIPPED)
def test_every_cost_that_is_shipped_is_of_a_row_and_can_be_measured_again(engine, estimator, operation, cost):
    assert get(engine).reference or get(engine).row(estimator) is not None
    assert set(cost.terms) <= set(TERMS)
    assert all(weight > 0 for weight in cost.terms.values())
    assert cost.case["data"] in KINDS
    assert cost.error < 0.5


def test_both_sides_of_a_choice_are_shipped():
    assert SHIPPED
    plain = costs_of(reference().name)
    for engine in names(plugins=False):
        assert set(costs_of(engine)) <= set(plain)


def test_the_costs_of_an_engine_without_a_file_are_none():
    assert costs_of("loopback") == {}
    assert cost_of("loopback", "sklearn.svm.SVC", "fit", {}) is None


@pytest.fixture
def shipping(tmp_path, monkeypatch):
    """A package with an adapter and costs, as a plug-in has it: ``shipping(text)`` returns its engine."""

    def ship(text):
        name = f"shipping_{abs(hash(text))}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "costs.json").write_text(text)
        engine = replace(get("loopback"), adapter=f"{name}.adapter:Adapter")
        monkeypatch.setattr("accelsk.costs.get", lambda name: engine)

    monkeypatch.syspath_prepend(tmp_path)
    return ship


def test_a_plug_in_ships_its_costs_beside_its_adapter(shipping):
    shipping(json.dumps({"sklearn.svm.SVC": {"fit": [{"terms": {"n": 2e-6}, "when": {"kernel": ["rbf"]}}]}}))

    with limited(2):  # they are of all threads
        assert seconds_for("loopback", "sklearn.svm.SVC", "fit", {"kernel": "rbf"}, Work(1000, 5)) == pytest.approx(
            2e-3
        )
        assert seconds_for("loopback", "sklearn.svm.SVC", "fit", {"kernel": "poly"}, Work(1000, 5)) is None


@pytest.mark.parametrize("text", ["{", '{"sklearn.svm.SVC": {"fit": [{"term": {}}]}}', "[1]"])
def test_costs_that_cannot_be_read_are_an_error_that_names_the_file(shipping, text):
    shipping(text)

    with pytest.raises(ValueError, match=r"costs of engine 'loopback', .*costs.json, cannot be read"):
        costs_of("loopback")


@pytest.fixture
def known(monkeypatch):
    """Costs instead of those that are shipped: ``known(engine={"path": {"fit": seconds per row}})``."""

    def set_to(**per_row):
        def costs(engine, estimator, operation, params, threads):
            terms = per_row.get(engine, {}).get(operation)
            return () if terms is None else (Cost(terms=terms),)

        monkeypatch.setattr(looks, "known_costs", costs)
        forget(monkeypatch)

    return set_to


def forget(monkeypatch):
    """Let everything be worked out again."""
    for module in (looks, plans):
        monkeypatch.setattr(module, "_memory", {})


def test_auto_chooses_the_engine_that_is_estimated_to_be_faster(known, breast_cancer):
    X, y = breast_cancer
    known(sklearn={"fit": {"n": 1e-3}}, sklearnex={"fit": {"1": 0.1, "n": 1e-4}})
    fast = explain(LogisticRegression(), X, y)
    assert fast.engine == "sklearnex"
    assert "estimated to take 157 ms where scikit-learn itself takes 569 ms" in fast.why
    slow = explain(LogisticRegression(), X[:90], y[:90])
    assert slow.engine == "sklearn"
    reasons = {candidate.engine: candidate.reasons for candidate in slow.candidates}
    assert [reason.kind for reason in reasons["sklearnex"]] == ["worth"]
    assert "estimated to take 109 ms where scikit-learn itself takes 90 ms" in reasons["sklearnex"][0].text


def test_an_estimate_that_errs_must_promise_more(known, breast_cancer, monkeypatch):
    costs = {"sklearn": Cost(terms={"n": 1e-3}), "sklearnex": Cost(terms={"n": 0.8e-3}, error=0.1)}
    monkeypatch.setattr(looks, "known_costs", lambda engine, *rest: (costs[engine],) if engine in costs else ())
    forget(monkeypatch)
    assert explain(LogisticRegression(), *breast_cancer).engine == "sklearnex"
    costs["sklearnex"] = Cost(terms={"n": 0.8e-3}, error=0.3)
    forget(monkeypatch)
    assert explain(LogisticRegression(), *breast_cancer).engine == "sklearn"


def test_in_a_worker_with_one_core_the_times_of_one_thread_decide(monkeypatch, breast_cancer):
    seconds = {("sklearn", 0): 1.0, ("sklearnex", 0): 0.5, ("sklearn", 1): 1.0, ("sklearnex", 1): 1.5}

    def costs(engine, estimator, operation, params, threads):
        constant = seconds.get((engine, threads))
        return () if constant is None else (Cost(terms={"1": constant}, threads=threads),)

    monkeypatch.setattr(looks, "known_costs", costs)
    forget(monkeypatch)
    with limited(2):
        assert explain(LogisticRegression(), *breast_cancer).engine == "sklearnex"
    with limited(1):
        assert explain(LogisticRegression(), *breast_cancer).engine == "sklearn"


def test_of_two_that_are_as_fast_it_is_scikit_learn(known, breast_cancer):
    known(sklearn={"fit": {"n": 1e-3}}, sklearnex={"fit": {"n": 0.97e-3}})
    assert explain(LogisticRegression(), *breast_cancer).engine == "sklearn"


def test_estimates_do_not_let_auto_below_the_fidelity_that_is_asked_for(known, breast_cancer):
    known(sklearn={"fit": {"n": 1.0}}, sklearnex={"fit": {"n": 1e-9}})
    assert explain(RandomForestClassifier(), *breast_cancer).engine == "sklearnex"
    with config_context(fidelity="exact"):
        assert explain(RandomForestClassifier(), *breast_cancer).engine == "sklearn"


def test_where_nothing_was_measured_the_worth_of_the_row_decides(known):
    X, y = made("numbers", 20_000, 5)
    known()
    assert explain(LinearRegression(), X, y).engine == "sklearnex"
    assert "measured to be about" in explain(LinearRegression(), X, y).why


def test_sparse_data_are_not_estimated_by_what_dense_ones_take(known, breast_cancer):
    import scipy.sparse as sp

    X, y = breast_cancer
    known(sklearn={"fit": {"n": 1.0}}, sklearnex={"fit": {"n": 1e-9}})
    assert explain(SVC(), X, y).engine == "sklearnex"
    assert explain(SVC(), sp.csr_matrix(X), y).engine == "sklearn"


def test_the_same_hyperparameters_are_looked_up_once(monkeypatch, breast_cancer):
    asked = []

    def costs(engine, *rest):
        asked.append(engine)
        return ()

    monkeypatch.setattr(looks, "known_costs", costs)
    forget(monkeypatch)
    for _ in range(3):
        explain(LogisticRegression(), *breast_cancer)
    assert asked
    assert len(asked) == len(set(asked))


def test_what_was_chosen_by_an_estimate_is_fitted_by_it(known, breast_cancer):
    X, y = breast_cancer
    known(sklearn={"fit": {"n": 1e-3}}, sklearnex={"fit": {"n": 1e-4}})
    assert AcceleratedEstimator(LogisticRegression()).fit(X, y).engine_ == "sklearnex"


def test_costs_are_plain_data():
    for engine in names(plugins=False):
        for operations in costs_of(engine).values():
            for costs in operations.values():
                for cost in costs:
                    assert Cost(**json.loads(json.dumps(cost.to_dict()))) == cost
