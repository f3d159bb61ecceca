"""The eight words in which a row says what becomes of a hyperparameter."""

import numpy as np
import pytest

from accelsk.engines import rules
from accelsk.engines.rules import Refused, adjusted, const, ignored, is_number, mapped, only, rename, same, together


def test_there_are_eight_words():
    words = set(rules.__all__) - {"Refused", "Rule"}

    assert words == {"adjusted", "const", "ignored", "mapped", "only", "rename", "same", "together"}


@pytest.mark.parametrize(
    "rule, value, keywords",
    [
        (same, 3, {"p": 3}),
        (rename("q"), 3, {"q": 3}),
        (mapped({"a": "b", None: -1}), "a", {"p": "b"}),
        (mapped({"a": "b", None: -1}, to="q"), None, {"q": -1}),
        (only("a", 1), 1, {"p": 1}),
        (only("a", where=is_number, text="a number"), 0.5, {"p": 0.5}),
        (adjusted(lambda value: 10 * value, "ten times"), 2, {"p": 20}),
        (adjusted(lambda value: 10 * value, "ten times", to="q"), 2, {"q": 20}),
        (const("always"), None, {"p": "always"}),
        (ignored("no effect"), 3, {}),
    ],
)
def test_a_word_turns_a_value_into_keywords(rule, value, keywords):
    assert rule.apply("p", value, {"p": value}) == keywords


@pytest.mark.parametrize(
    "rule, value, supported",
    [
        (mapped({"a": "b"}), "c", "p='a'"),
        (only("a", None), "c", "p='a' or p=None"),
        (only("a", where=is_number, text="a number"), "c", "p='a' or p=a number"),
        (only(where=is_number, text="a number as {name}"), "c", "a number as p"),
    ],
)
def test_a_refusal_says_what_is_supported(rule, value, supported):
    with pytest.raises(Refused) as caught:
        rule.apply("p", value, {"p": value})

    assert caught.value.supported == supported


@pytest.mark.parametrize("option, value", [(1, True), (True, 1), (0, False), ("1", 1), (None, 0), ("nan", np.nan)])
def test_values_of_other_types_are_not_equal(option, value):
    with pytest.raises(Refused):
        only(option).apply("p", value, {})


@pytest.mark.parametrize("value", [np.ones(3), [1], {"a": 1}, len])
def test_arrays_and_callables_are_refused_and_not_compared_element_by_element(value):
    with pytest.raises(Refused):
        only(1, "a", None).apply("p", value, {})


def test_numbers_are_equal_across_types():
    assert only(1.0).apply("p", np.int64(1), {}) == {"p": 1}


def test_a_test_without_words_is_an_error():
    with pytest.raises(TypeError, match="text"):
        only(where=callable)


def test_together_sees_all_hyperparameters():
    rule = together("a", "b", translate=lambda params: {"sum": params["a"] + params["b"] + params["c"]}, text="sum")

    assert rule.names == ("a", "b")
    assert rule.apply("a", 1, {"a": 1, "b": 2, "c": 4}) == {"sum": 7}


def test_a_rule_may_hold_for_some_versions_of_scikit_learn():
    rule = only(False).versions(since="1.4", until="1.8")

    assert (rule.since, rule.until, rule.word) == ("1.4", "1.8", "only")
    assert only(False).since == ""


@pytest.mark.parametrize(
    "rule, text",
    [
        (same, "passed on"),
        (rename("q"), "passed on as `q`"),
        (mapped({"a": "b", "c": "c"}, to="q"), "only 'c'; 'a' as 'b', passed on as `q`"),
        (only("a", where=is_number, text="a number"), "only 'a' or a number"),
        (const(1, "it is so"), "always 1: it is so"),
        (ignored("nothing of it is random"), "no effect: nothing of it is random"),
    ],
)
def test_a_rule_reads_in_the_documentation(rule, text):
    assert rule.text == text


@pytest.mark.parametrize("value, answer", [(1, True), (0.5, True), (np.float32(1), True), (True, False), ("1", False)])
def test_a_number_is_a_number_and_no_truth_value(value, answer):
    assert is_number(value) is answer
