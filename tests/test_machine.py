"""What is known of the machine."""

import platform

import psutil
import pytest

from accelsk import machine


@pytest.fixture
def cgroups(tmp_path, monkeypatch):
    """Control groups in a folder; nothing is remembered from the real ones, or of these."""
    monkeypatch.setattr(machine, "_OWN_CGROUPS", tmp_path / "own")
    monkeypatch.setattr(machine, "_CGROUP_ROOT", tmp_path / "root")
    machine._memory_groups.cache_clear()

    def put(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    yield put
    machine._memory_groups.cache_clear()


def test_names_are_not_empty():
    assert machine.operating_system()
    assert machine.processor_name()


def test_the_operating_system_holds_the_kernels_name():
    assert platform.platform() in machine.operating_system()


def test_without_control_groups_memory_is_the_machines(cgroups):
    assert machine.total_memory() == psutil.virtual_memory().total


@pytest.mark.parametrize("folder", ["root", "root/slice/service"])
def test_a_limit_of_version_2_counts(folder, cgroups):
    cgroups("own", "0::/slice/service\n")
    cgroups(f"{folder}/memory.max", "1000000\n")
    cgroups(f"{folder}/memory.current", "400000\n")
    cgroups(f"{folder}/memory.stat", "anon 300000\ninactive_file 100000\n")

    assert machine.total_memory() == 1_000_000
    assert machine.available_memory() == 700_000


def test_a_limit_of_version_1_counts(cgroups):
    cgroups("own", "4:cpu,memory:/docker/0123\n2:cpu:/\n0::/\n")  # the path is the host's
    cgroups("root/memory/memory.limit_in_bytes", "1000000\n")
    cgroups("root/memory/memory.usage_in_bytes", "2000000\n")
    cgroups("root/memory/memory.stat", "total_inactive_file 0\n")

    assert machine.available_memory() == 0


@pytest.mark.parametrize("limit", ["max", str(2**63 - 4096), "", "nonsense"])
def test_no_limit_is_no_limit(limit, cgroups):
    cgroups("own", "0::/\n")
    cgroups("root/memory.max", limit)

    assert machine.total_memory() == psutil.virtual_memory().total


def test_instruction_sets_are_words():
    assert all(word and " " not in word for word in machine.instruction_sets())
