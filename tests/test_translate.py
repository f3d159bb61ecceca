"""A row and hyperparameters in, keyword arguments or refusals out."""

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import Ridge

from accelsk.engines.rules import Refused, const, ignored, only, rename, same, together
from accelsk.engines.spec import Inputs, Row
from accelsk.engines.translate import check_total, merge_engine_params, translate
from accelsk.errors import UnsupportedParameter


def row(engine_params=None, **params):
    return Row(
        estimator="mine.Toy",
        backend="mine.Toy",
        params=params,
        fit=Inputs(),
        methods=(),
        engine_params=engine_params or {},
    )


def test_every_parameter_is_passed_and_constants_are_added():
    keywords, refusals = translate(row(a=same, b=rename("B"), c=ignored("why"), d=const(9)), {"a": 1, "b": 2, "c": 3})

    assert keywords == {"a": 1, "B": 2, "d": 9}
    assert refusals == ()


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(3), np.bool_(True), np.str_("x")])
def test_numpy_scalars_become_python_scalars(value):
    passed = translate(row(a=same), {"a": value})[0]["a"]

    assert type(passed) in (float, int, bool, str)
    assert passed == value


def test_arrays_are_passed_as_they_are():
    array = np.ones(3)

    assert translate(row(a=same), {"a": array})[0]["a"] is array


def test_every_refusal_is_collected():
    _, refusals = translate(row(a=only(1), b=only(2), c=same), {"a": 0, "b": 0, "c": 0})

    assert [(refusal.parameter, refusal.supported) for refusal in refusals] == [("a", "a=1"), ("b", "b=2")]


def test_a_parameter_that_the_row_does_not_know_is_refused():
    (refusal,) = translate(row(a=same), {"a": 1, "new": 2})[1]

    assert (refusal.parameter, refusal.value) == ("new", 2)


def test_what_is_judged_together_is_judged_once_and_refused_with_all_its_values():
    asked = []

    def judge(params):
        asked.append(params)
        raise Refused("something else")

    rule = together("a", "b", translate=judge, text="both")
    (refusal,) = translate(row(a=rule, b=rule), {"a": 1, "b": 2})[1]

    assert len(asked) == 1
    assert (refusal.parameter, refusal.value, refusal.others) == ("a", 1, (("b", 2),))


def test_engine_params_are_added_with_the_users_values_over_the_rows():
    keywords = {"a": 1}
    merge_engine_params(row({"streams": 1, "bins": 64}, a=same), "mine", {"bins": 32}, keywords)

    assert keywords == {"a": 1, "streams": 1, "bins": 32}


def test_an_engine_param_that_there_is_not_names_the_nearest():
    with pytest.raises(UnsupportedParameter, match=r"'stream'.*Did you mean 'streams'") as caught:
        merge_engine_params(row({"streams": 1}), "mine", {"stream": 2}, {})

    assert (caught.value.parameter, caught.value.engine, caught.value.estimator) == ("stream", "mine", "Toy")


RIDGE = dict.fromkeys(Ridge().get_params(), same)


def test_a_total_row_has_no_problems():
    assert check_total(row(**RIDGE, extra=const(1)), Ridge) == ()


def test_a_forgotten_parameter_is_a_problem():
    params = {name: rule for name, rule in RIDGE.items() if name != "positive"}

    assert check_total(row(**params), Ridge) == ("says nothing about positive",)


def test_an_invented_parameter_is_a_problem():
    assert check_total(row(**RIDGE, gamma=same), Ridge) == ("decides gamma, which the class does not have",)


@pytest.mark.parametrize(
    "here, versions, problem",
    [
        ("1.7.2", {"until": "1.8"}, True),
        ("1.8.0", {"until": "1.8"}, False),
        ("1.5.0", {"since": "1.6"}, False),
        ("1.6.0", {"since": "1.6"}, True),
    ],
)
def test_a_rule_counts_only_in_its_versions(monkeypatch, here, versions, problem):
    monkeypatch.setattr(sklearn, "__version__", here)

    assert bool(check_total(row(**RIDGE, gone=same.versions(**versions)), Ridge)) is problem
