"""Samples of pairs come back part by part, and no file makes that slow."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.pair_samples import (
    PairSamples,
    pair_samples_schema,
    pair_samples_to_parquet,
    read_pair_samples,
)


def part(side: int, pair: int, warmup: bool) -> PairSamples:
    rows = np.arange(3, dtype=np.int64)
    return PairSamples(
        side=side,
        pair=pair,
        process=pair,
        warmup=warmup,
        start_ns=rows * 1000 + side,
        latency_ns=rows + 100 * pair,
        block=rows,
        kept=np.full(3, not warmup),
        phases_ns={"h2d_ns": rows} if side else {},
    )


def test_parts_come_back_by_pair_and_side_the_warm_up_first(tmp_path):
    keys = [(pair, side, warmup) for pair in (0, 1) for side in (0, 1) for warmup in (True, False)]
    written = {key: part(key[1], key[0], key[2]) for key in reversed(keys)}
    path = tmp_path / "samples.parquet"
    path.write_bytes(pair_samples_to_parquet(written.values()))
    read = read_pair_samples(path)
    assert [(one.pair, one.side, one.warmup) for one in read] == keys
    for one in read:
        expected = written[one.pair, one.side, one.warmup]
        for name in ("start_ns", "latency_ns", "block", "kept"):
            assert np.array_equal(getattr(one, name), getattr(expected, name))
        assert one.phases_ns.keys() == expected.phases_ns.keys()


def test_a_part_with_a_sample_twice_is_damage(tmp_path):
    path = tmp_path / "samples.parquet"
    path.write_bytes(pair_samples_to_parquet([part(0, 0, False), part(0, 0, False)]))
    with pytest.raises(BrokenRunError, match="missing or double"):
        read_pair_samples(path)


def test_a_file_whose_rows_are_a_process_each_is_read_in_time_that_grows_with_it(tmp_path):
    """Compared with each other, these 32,000 parts would take a thousand million comparisons."""
    values = {field.name: np.zeros(32_000, np.int64) for field in pair_samples_schema()}
    values["process"] = np.arange(32_000)
    columns = [pa.array(values[field.name]).cast(field.type) for field in pair_samples_schema()]
    path = tmp_path / "samples.parquet"
    pq.write_table(pa.Table.from_arrays(columns, schema=pair_samples_schema()), path)
    assert len(read_pair_samples(path)) == 32_000
