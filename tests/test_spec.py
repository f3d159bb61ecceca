"""What an engine declares is plain, frozen data."""

import dataclasses

import pytest

from accelsk.devices import HOST, Device
from accelsk.engines.spec import Engine, Inputs, Need, Row


def row(**more):
    return Row(
        **{"estimator": "sklearn.svm.SVC", "backend": "mine.SVC", "params": {}, "fit": Inputs(), "methods": (), **more}
    )


def test_a_row_is_named_after_its_class():
    assert row().name == "SVC"


@pytest.mark.parametrize("operation", ["fit", "fit_predict", "fit_transform", "partial_fit"])
def test_what_fits_takes_what_fit_takes(operation):
    fit = Inputs(sparse=("csr",))

    assert row(fit=fit, predict=Inputs()).inputs(operation) is fit


def test_what_follows_takes_what_predict_takes_or_else_what_fit_takes():
    fit, predict = Inputs(sparse=("csr",)), Inputs()

    assert row(fit=fit, predict=predict).inputs("transform") is predict
    assert row(fit=fit).inputs("transform") is fit


def test_an_operation_of_its_own_counts_first():
    own = Inputs(nan=True)
    declared = row(operations={"kneighbors": own, "partial_fit": own})

    assert declared.inputs("kneighbors") is own
    assert declared.inputs("partial_fit") is own
    assert declared.inputs("fit") is declared.fit


def test_an_engine_finds_its_rows_by_the_public_path():
    svc = row()
    engine = Engine(name="mine", title="Mine", imports="mine", rows=(svc,))

    assert engine.row("sklearn.svm.SVC") is svc
    assert engine.row("sklearn.svm._classes.SVC") is None
    assert engine.rows_of("sklearn.svm.SVC") == (svc,)
    assert engine.rows_of("sklearn.svm.SVR") == ()


def test_an_engine_finds_the_row_for_a_device():
    here, there, other = row(devices=("cpu",)), row(devices=("gpu",)), row(estimator="sklearn.svm.SVR")
    engine = Engine(name="mine", title="Mine", imports="mine", rows=(here, other, there))

    assert engine.rows_of("sklearn.svm.SVC") == (here, there)
    assert engine.row("sklearn.svm.SVC") is here
    assert engine.row("sklearn.svm.SVC", HOST) is here
    assert engine.row("sklearn.svm.SVC", Device.parse("opencl:cpu:1")) is here
    assert engine.row("sklearn.svm.SVC", Device.parse("cuda:1")) is there
    assert engine.row("sklearn.svm.SVC", Device.parse("accelerator")) is None
    assert engine.row("sklearn.svm.SVR", Device.parse("accelerator")) is other
    assert [engine.label(each) for each in engine.rows] == ["SVC", "SVR", "SVC@gpu"]


@pytest.mark.parametrize(
    "declared", [row(), Inputs(), Engine(name="a", title="A", imports="a"), Need("one", lambda facts, params: True)]
)
def test_what_is_declared_cannot_be_changed(declared):
    field = dataclasses.fields(declared)[0].name

    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(declared, field, "other")


def test_a_row_says_nothing_by_position():
    with pytest.raises(TypeError):
        Row("sklearn.svm.SVC", "mine.SVC")
