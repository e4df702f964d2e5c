from __future__ import annotations

import hashlib
from collections import OrderedDict

import numpy as np
import pytest

from bench_worker.failure import WorkerError
from bench_worker.outputs import describe, drift, save


@pytest.fixture
def arrays():
    random = np.random.RandomState(0)
    return OrderedDict(
        [
            ("StatefulPartitionedCall:1", random.standard_normal((1, 4, 6)).astype(np.float32)),
            ("file", random.randint(0, 9, (3,)).astype(np.int64)),
            ("allow_pickle", np.asfortranarray(random.standard_normal((4, 5)))),
            ("scalar", np.float32(3).reshape(())),
        ]
    )


def test_names_order_and_values_survive(tmp_path, arrays):
    path = tmp_path / "out.npz"
    sha256 = save(str(path), arrays)
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with np.load(path, allow_pickle=False) as loaded:
        assert loaded.files == list(arrays)
        for name, array in arrays.items():
            assert loaded[name].dtype == array.dtype
            assert np.array_equal(loaded[name], array)


def test_equal_outputs_give_equal_files(tmp_path, arrays):
    first = save(str(tmp_path / "first.npz"), arrays)
    assert save(str(tmp_path / "second.npz"), arrays) == first
    arrays["file"][0] += 1
    assert save(str(tmp_path / "third.npz"), arrays) != first


def test_no_place_to_write_is_an_error_that_says_where(tmp_path, arrays):
    with pytest.raises(WorkerError, match="no-folder") as failure:
        save(str(tmp_path / "no-folder" / "out.npz"), arrays)
    assert failure.value.kind == "storage"


def test_no_space_left_leaves_no_half_written_file(tmp_path, arrays, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    path = tmp_path / "out.npz"
    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(WorkerError, match="No space left"):
        save(str(path), arrays)
    assert not path.exists()


def test_equal_outputs_have_not_drifted(arrays):
    assert drift(describe(arrays), arrays, None) == {"bitwise_equal": True, "max_abs_diff": 0.0}


def test_a_changed_output_is_measured(tmp_path, arrays):
    path = str(tmp_path / "out.npz")
    save(path, arrays)
    first = describe(arrays)
    arrays["StatefulPartitionedCall:1"][0, 1, 2] += 0.5
    assert drift(first, arrays, None) == {"bitwise_equal": False}
    found = drift(first, arrays, path)
    assert found["max_abs_diff"] == pytest.approx(0.5)
    assert found["finite"]


@pytest.mark.parametrize("garbage", [np.nan, np.inf])
def test_an_output_that_became_garbage_is_not_finite(tmp_path, arrays, garbage):
    path = str(tmp_path / "out.npz")
    save(path, arrays)
    first = describe(arrays)
    arrays["StatefulPartitionedCall:1"][0, 0, 0] = garbage
    assert drift(first, arrays, path) == {"bitwise_equal": False, "finite": False}
