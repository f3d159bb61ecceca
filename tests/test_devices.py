"""The grammar of devices, and which there are."""

import pickle

import pytest

from accelsk import devices
from accelsk.devices import HOST, Device
from accelsk.engines import get_adapter
from accelsk.errors import AccelskWarning, UnsupportedParameter


@pytest.mark.parametrize(
    "text, device",
    [
        ("cpu", Device("cpu")),
        ("gpu", Device("gpu")),
        ("gpu:1", Device("gpu", "", 1)),
        ("cuda", Device("gpu", "cuda")),
        ("cuda:1", Device("gpu", "cuda", 1)),
        ("cuda:gpu:1", Device("gpu", "cuda", 1)),
        ("level_zero:gpu:0", Device("gpu", "level_zero", 0)),
        ("level_zero:1", Device("gpu", "level_zero", 1)),
        ("opencl:cpu", Device("cpu", "opencl")),
        ("hip:gpu", Device("gpu", "hip")),
        ("accelerator", Device("accelerator")),
        ("acc:1", Device("accelerator", "", 1)),
        ("opencl:acc:2", Device("accelerator", "opencl", 2)),
        ("  CUDA:0 ", Device("gpu", "cuda", 0)),
    ],
)
def test_a_device_is_read_as_users_write_it(text, device):
    assert Device.parse(text) == device


@pytest.mark.parametrize("text", ["cpu", "gpu:1", "cuda", "cuda:1", "level_zero:gpu:0", "opencl:cpu", "accelerator:3"])
def test_a_device_is_written_as_it_is_read(text):
    assert str(Device.parse(text)) == text
    assert Device.parse(str(Device.parse(text))) == Device.parse(text)


@pytest.mark.parametrize(
    "text", ["", ":", "gpu:", "gpu:-1", "gpu:x", "tpu", "cuda:cpu:gpu:1", "1", "gpu 1", "cu da:gpu"]
)
def test_anything_else_is_an_error_that_shows_the_form(text):
    with pytest.raises(UnsupportedParameter, match=r"\[backend:\]kind\[:index\]") as caught:
        Device.parse(text)

    assert caught.value.parameter == "device"
    assert '"gpu:1"' in caught.value.hint


def test_a_typo_names_the_nearest():
    with pytest.raises(UnsupportedParameter, match="Did you mean 'cuda'"):
        Device.parse("cudda:1")


def test_several_devices_and_a_driver_alone_are_told_apart_from_typos():
    with pytest.raises(UnsupportedParameter, match="names several devices, and a fit computes on one"):
        Device.parse("gpu:0,gpu:1")
    with pytest.raises(UnsupportedParameter, match=r"'opencl' is a driver.*write for instance 'opencl:gpu'"):
        Device.parse("opencl")


@pytest.mark.parametrize(
    "device, request_, answer",
    [
        ("cuda:1", "gpu", True),
        ("cuda:1", "gpu:1", True),
        ("cuda:1", "cuda:0", False),
        ("cuda:1", "level_zero:gpu", False),
        ("cpu", "gpu", False),
        ("cpu", "cpu:0", True),
        ("opencl:cpu", "cpu", True),
        ("cpu", "opencl:cpu", False),
    ],
)
def test_a_device_meets_a_request_that_leaves_things_open(device, request_, answer):
    assert Device.parse(device).meets(Device.parse(request_)) is answer


def test_devices_are_values():
    assert {Device.parse("cuda:1"), Device.parse("CUDA:gpu:1")} == {Device("gpu", "cuda", 1)}
    assert pickle.loads(pickle.dumps(Device("gpu", "cuda", 1))) == Device("gpu", "cuda", 1)


def test_the_host_is_listed_first_with_the_engines_that_reach_it():
    first = devices()[0]

    assert first.device == HOST
    assert first.description
    assert {"sklearn", "loopback"} <= set(first.engines)


def test_devices_of_plug_ins_are_listed():
    listed = {str(info.device): info.engines for info in devices()}

    assert listed["loopback:accelerator:0"] == listed["loopback:accelerator:1"] == ("loopback",)


def test_an_engine_that_fails_to_list_its_devices_leaves_the_others(monkeypatch):
    def fail():
        raise OSError("the driver is gone")

    monkeypatch.setattr(get_adapter("loopback"), "devices", fail)
    with pytest.warns(
        AccelskWarning, match="engine 'loopback' could not list its devices: OSError: the driver is gone"
    ):
        table = devices()

    assert [str(info.device) for info in table] == ["cpu"]
