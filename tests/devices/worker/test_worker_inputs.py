from __future__ import annotations

import numpy as np
import pytest

from bench_worker.failure import WorkerError
from bench_worker.inputs import _CHUNK, generate, in_artifact_layout
from bench_worker.job import InputTensor

NORMAL = InputTensor("image", (1, 3, 5, 7), "float32", "NCHW", "normal", 0.0, 1.0, 11)


def test_normal_values_are_the_documented_stream():
    expected = np.random.RandomState(11).standard_normal(3 * 5 * 7).astype(np.float32).reshape(1, 3, 5, 7)
    values = generate(NORMAL)
    assert values.dtype == np.float32
    assert values.tobytes() == expected.tobytes()


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_drawing_in_chunks_does_not_change_the_stream(distribution):
    size = 2 * _CHUNK + 77
    random = np.random.RandomState(11)
    whole = random.standard_normal(size) if distribution == "normal" else -2 + 5 * random.random_sample(size)
    drawn = generate(NORMAL._replace(shape=(1, size), distribution=distribution, low=-2.0, high=3.0))
    assert drawn.tobytes() == whole.astype(np.float32).tobytes()


def test_uniform_values_fill_their_range():
    values = generate(NORMAL._replace(shape=(1, 100_000), distribution="uniform", low=-3.0, high=5.0))
    assert -3 <= values.min() < -2.9
    assert 4.9 < values.max() <= 5
    assert values.mean() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_whole_numbers_take_every_value_of_the_range_and_no_other(dtype):
    values = generate(NORMAL._replace(shape=(1, 5000), dtype=dtype, distribution="uniform", low=0.0, high=10.0))
    assert values.dtype == np.dtype(dtype)
    assert sorted(set(values.ravel().tolist())) == list(range(10))


def test_a_type_that_cannot_hold_the_range_is_refused():
    tensor = NORMAL._replace(dtype="int8", distribution="uniform", low=0.0, high=256.0)
    with pytest.raises(WorkerError, match="does not fit int8"):
        generate(tensor)
    assert generate(tensor._replace(dtype="uint8", shape=(1, 20_000))).max() == 255


def test_seeds_give_different_values():
    assert not np.array_equal(generate(NORMAL), generate(NORMAL._replace(seed=12)))


def test_channel_last_is_a_contiguous_transpose():
    values = generate(NORMAL)
    last = in_artifact_layout(values, "NHWC")
    assert last.shape == (1, 5, 7, 3)
    assert last.flags.c_contiguous
    assert np.array_equal(last[0, 2, 4], values[0, :, 2, 4])
    assert in_artifact_layout(values, "NCHW") is values
