"""explain() says before the fit what decision_ says after it."""

import json

import pytest
from sklearn.linear_model import Ridge
from sklearn.svm import SVC

from accelsk import AcceleratedEstimator, explain
from accelsk.displays import engine_markdown, row_facts, row_title
from accelsk.engines import names


def test_explains_what_the_fit_then_does(iris):
    clf = AcceleratedEstimator(SVC())
    before = explain(clf, *iris)

    assert before == clf.fit(*iris).decision_


def test_a_plain_estimator_is_looked_at_as_if_wrapped(diabetes):
    assert explain(Ridge(), *diabetes, engine="sklearn").engine == "sklearn"


def test_nothing_is_fitted(iris):
    clf = AcceleratedEstimator(SVC())
    explain(clf, *iris)

    assert not hasattr(clf, "decision_")


def test_text_names_engine_device_and_reason(iris):
    text = str(explain(SVC(C=3), *iris, engine="sklearn"))

    assert text.startswith("SVC(C=3) is fitted by engine 'sklearn' on 'cpu' (exact): asked for by name.")


def test_html_is_escaped(iris):
    decision = explain(SVC(), *iris)

    assert "&#x27;cpu&#x27;" in decision._repr_html_()
    assert "<table>" in decision._repr_html_()


def test_plain_data_is_json(iris):
    told = json.loads(json.dumps(explain(SVC(), *iris).to_dict()))

    assert told["engine"] in names()
    assert {candidate["engine"] for candidate in told["candidates"]} == set(names())


def test_every_candidate_that_was_not_chosen_has_a_reason(iris):
    decision = explain(SVC(), *iris)

    assert [bool(candidate.reasons) for candidate in decision.candidates] == [
        not candidate.chosen for candidate in decision.candidates
    ]


@pytest.mark.parametrize("name", names())
def test_page_of_an_engine_is_written_from_its_rows(name):
    from accelsk.engines import get

    page = engine_markdown(name)

    for row in get(name).rows:
        assert f"## {row_title(get(name), row)}\n" in page
        assert row_facts(row)["Fidelity"] in page
        assert all(f"| {parameter} |" in page for parameter in row.params)
