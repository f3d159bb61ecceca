"""Large arrays travel between processes by shared memory, wherever they are inside an object."""

import os
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from accelsk import parcels
from accelsk.parcels import LARGE, pack, received

BIG = np.arange(LARGE // 4, dtype=np.float64)


def round_trip(obj):
    """Send to ourselves: the object, and how many bytes went through the pipe."""
    here, there = Pipe()
    with here, there, pack(obj).sent(here) as shared:
        message = there.recv_bytes()
        parcel, was_shared = received(message)
    assert shared == was_shared
    return parcel.load(), len(message)


@pytest.mark.parametrize(
    "made",
    [
        BIG,
        BIG.reshape(8, -1),
        np.asfortranarray(BIG.reshape(8, -1)),
        BIG.reshape(-1, 8)[:, ::2].repeat(2, axis=1)[:, 1:7],
        BIG.astype(np.float32).repeat(2),
        np.repeat(np.array(["one", "two"]), LARGE),
    ],
)
def test_an_array_does_not_go_through_the_pipe(made):
    found, sent = round_trip({"it": [made]})

    np.testing.assert_array_equal(found["it"][0], made)
    assert found["it"][0].dtype == made.dtype
    assert sent < 2000


def test_arrays_inside_sparse_matrices_do_not():
    values = np.random.RandomState(0).rand(5000, 100)
    matrix = sp.csr_array(np.where(values < 0.1, values, 0))
    found, sent = round_trip(matrix)

    assert (found != matrix).nnz == 0
    assert sent < 30_000  # the pointers of the rows are small


def test_columns_of_data_frames_do_not():
    pandas = pytest.importorskip("pandas", reason="it has the data frames")
    frame = pandas.DataFrame({"a": BIG, "b": BIG * 2})
    found, sent = round_trip(frame)

    pandas.testing.assert_frame_equal(found, frame)
    assert sent < 5000


def test_small_arrays_and_objects_go_through_the_pipe():
    words = np.array(["a", None, 3] * 6000, dtype=object)
    assert words.nbytes > LARGE
    found, sent = round_trip((np.ones(3), words))

    assert (found[1] == words).all()
    assert sent > len(words)


def test_a_read_only_array_stays_so_and_another_can_be_written_to():
    fixed = BIG.copy()
    fixed.flags.writeable = False
    (one, other), _ = round_trip((fixed, BIG))
    other += 1

    assert not one.flags.writeable
    assert BIG[0] == 0


def test_an_array_that_stands_twice_is_sent_once():
    (one, other), _ = round_trip((BIG, BIG))

    assert one is other
    assert len(pack((BIG, BIG)).arrays) == 1


def test_a_parcel_may_be_in_another():
    found, sent = round_trip(("outer", pack({"inner": BIG})))

    np.testing.assert_array_equal(found[1].load()["inner"], BIG)
    assert sent < 2000


def test_where_memory_has_no_files_a_temporary_file_is_used_and_removed(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(parcels.tempfile, "tempdir", str(tmp_path))
    found, _ = round_trip(BIG)

    np.testing.assert_array_equal(found, BIG)
    assert list(Path(tmp_path).iterdir()) == []


def test_functions_of_a_script_go_along():
    factor = 3
    found, _ = round_trip(lambda x: x * factor)

    assert found(2) == 6
