from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.parquet import to_column
from latency_bench.harness.store.sample_table import (
    StageSamples,
    read_samples,
    samples_schema,
    samples_to_parquet,
)
from latency_bench.harness.store.telemetry_table import Telemetry, read_telemetry, telemetry_to_parquet


def _block(round: int, warmup: bool, n: int, **phases: int) -> StageSamples:
    # Beyond 2^53, where a detour through floats would show.
    start = 2**60 + np.arange(n) * 1001
    columns = {"start_ns": start, "latency_ns": start + 7}
    return StageSamples.of(round, warmup, {**columns, **{name: start + offset for name, offset in phases.items()}})


def test_samples_come_back_to_the_nanosecond(tmp_path: Path) -> None:
    blocks = [
        _block(1, False, 4),
        _block(0, False, 5, h2d_ns=1, compute_ns=2, d2h_ns=3),
        _block(0, True, 2, h2d_ns=1, compute_ns=2),
        _block(2, False, 1),
    ]
    path = tmp_path / "samples.parquet"
    path.write_bytes(samples_to_parquet(blocks))
    back = read_samples(path)
    assert [(one.round, one.warmup, len(one)) for one in back] == [
        (0, True, 2),
        (0, False, 5),
        (1, False, 4),
        (2, False, 1),
    ]
    for one, original in zip(back, [blocks[2], blocks[1], blocks[0], blocks[3]], strict=True):
        for name in ("start_ns", "latency_ns", "h2d_ns", "compute_ns", "d2h_ns"):
            values, expected = getattr(one, name), getattr(original, name)
            if expected is None:
                assert values is None
            else:
                assert values.dtype == np.int64
                np.testing.assert_array_equal(values, expected)
    sampled = [block for block in back if not block.warmup]
    assert {block.round: block.latency_ns.size for block in sampled} == {0: 5, 1: 4, 2: 1}


def test_the_file_has_the_promised_columns(tmp_path: Path) -> None:
    path = tmp_path / "samples.parquet"
    path.write_bytes(samples_to_parquet([_block(3, True, 2, h2d_ns=1)]))
    table = pq.read_table(path)
    assert {field.name: str(field.type) for field in table.schema} == {
        "round": "int16",
        "warmup": "bool",
        "index": "int32",
        "start_ns": "int64",
        "latency_ns": "int64",
        "h2d_ns": "int64",
        "compute_ns": "int64",
        "d2h_ns": "int64",
    }
    assert table.column("index").to_pylist() == [0, 1]
    assert table.column("compute_ns").null_count == 2
    assert table.column("h2d_ns").null_count == 0


def test_no_samples_at_all_are_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "samples.parquet"
    path.write_bytes(samples_to_parquet([]))
    assert read_samples(path) == []


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"latency_ns": [1]}, "missing columns.*start_ns"),
        ({"start_ns": [1], "latency_ns": [1], "gpu_ns": [1]}, "unknown.*gpu_ns"),
        ({"start_ns": [1], "latency_ns": [1, 2]}, "unequal length"),
        ({"start_ns": [1], "latency_ns": [1.5]}, "whole nanoseconds"),
        ({"start_ns": [[1]], "latency_ns": [[1]]}, "whole nanoseconds"),
    ],
)
def test_columns_that_are_not_samples_are_refused(columns: dict[str, list[int]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StageSamples.of(0, False, columns)  # type: ignore[arg-type]


def test_two_blocks_of_one_stage_are_refused() -> None:
    with pytest.raises(ValueError, match="two blocks of sampling"):
        samples_to_parquet([_block(0, False, 1), _block(0, False, 1)])


def _table(**changes: object) -> pa.Table:
    columns: dict[str, object] = {
        "round": [0, 0],
        "warmup": [False, False],
        "index": [0, 1],
        "start_ns": [0, 10],
        "latency_ns": [5, 6],
        "h2d_ns": [1, 1],
        "compute_ns": [None, None],
        "d2h_ns": [None, None],
    }
    return pa.table({**columns, **changes}, schema=samples_schema())


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (_table().drop_columns(["h2d_ns"]), r"h2d_ns \(int64\) missing"),
        (_table().append_column("extra", pa.array([1, 2])), r"extra \(int64\) found"),
        (_table().set_column(4, "latency_ns", pa.array([5.0, 6.0])), r"latency_ns \(double\)"),
        (_table(h2d_ns=[1, None]), "h2d_ns is missing in some"),
        (_table(index=[0, 0]), "missing or double"),
        (_table(index=[0, 2]), "missing or double"),
        (
            _table().set_column(4, pa.field("latency_ns", pa.int64()), pa.array([5, None])),
            "latency_ns has empty values",
        ),
    ],
)
def test_a_file_with_other_content_is_refused_with_the_reason(tmp_path: Path, table: pa.Table, message: str) -> None:
    path = tmp_path / "samples.parquet"
    pq.write_table(table, path)
    with pytest.raises(BrokenRunError, match=message):
        read_samples(path)


@pytest.mark.parametrize("keep", [0, 3, 200, -1])
def test_a_truncated_file_is_broken(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "samples.parquet"
    path.write_bytes(samples_to_parquet([_block(0, False, 50)])[:keep])
    with pytest.raises(BrokenRunError, match="cannot be read"):
        read_samples(path)


def test_a_missing_file_is_broken(tmp_path: Path) -> None:
    with pytest.raises(BrokenRunError, match="cannot be read"):
        read_samples(tmp_path / "samples.parquet")


def test_telemetry_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.parquet"
    telemetry = Telemetry(
        time_ns=np.array([2**60 + 1, 5], dtype=np.int64),
        source=["cpu0", "thermal_zone0 x86"],
        quantity=["frequency", "temperature"],
        unit=["MHz", "C"],
        value=np.array([2600.5, 61.0]),
    )
    path.write_bytes(telemetry_to_parquet(telemetry))
    back = read_telemetry(path)
    np.testing.assert_array_equal(back.time_ns, telemetry.time_ns)
    np.testing.assert_array_equal(back.value, telemetry.value)
    assert (back.source, back.quantity, back.unit) == (telemetry.source, telemetry.quantity, telemetry.unit)
    path.write_bytes(samples_to_parquet([_block(0, False, 1)]))
    with pytest.raises(BrokenRunError, match="columns"):
        read_telemetry(path)


def test_unequal_columns_of_telemetry_are_refused() -> None:
    with pytest.raises(ValueError, match="unequal"):
        Telemetry(np.array([1], dtype=np.int64), ["a", "b"], ["q"], ["u"], np.array([1.0]))


def test_the_time_of_enqueueing_is_a_column_only_where_it_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "samples.parquet"
    path.write_bytes(samples_to_parquet([_block(0, False, 3, compute_ns=1)]))
    assert "enqueue_ns" not in pq.read_table(path).column_names
    assert read_samples(path)[0].enqueue_ns is None
    blocks = [_block(0, True, 2, compute_ns=1), _block(0, False, 3, compute_ns=1, enqueue_ns=2)]
    path.write_bytes(samples_to_parquet(blocks))
    warmup, sampling = read_samples(path)
    assert warmup.enqueue_ns is None
    np.testing.assert_array_equal(sampling.enqueue_ns, blocks[1].enqueue_ns)
    table = pq.read_table(path)
    pq.write_table(table.rename_columns([*table.column_names[:-1], "another_ns"]), path)
    with pytest.raises(BrokenRunError, match="another_ns"):
        read_samples(path)


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), max_size=20),
    numbers=st.lists(st.integers(-(2**62), 2**62), max_size=20),
    truths=st.lists(st.booleans(), max_size=20),
)
def test_a_column_from_memory_is_the_one_that_pyarrow_makes(
    texts: list[str], numbers: list[int], truths: list[bool]
) -> None:
    for values, kind in ((texts, pa.string()), (numbers, pa.int64()), (truths, pa.bool_())):
        array = values if kind == pa.string() else np.array(values, dtype=str(kind))
        made = to_column(array, kind)
        made.validate(full=True)
        assert made.equals(pa.array(values, type=kind))
    small = np.array([number % 2**15 for number in numbers], dtype=np.int64)
    assert to_column(small, pa.int16()).equals(pa.array(small, type=pa.int16()))
    assert to_column(small / 3, pa.float64()).equals(pa.array(small / 3, type=pa.float64()))


def test_files_are_written_without_pandas() -> None:
    script = """
import sys
import numpy as np
from latency_bench.harness.store.sample_table import StageSamples, samples_to_parquet
from latency_bench.harness.store.telemetry_table import Telemetry, telemetry_to_parquet
samples_to_parquet([StageSamples.of(0, False, {"start_ns": np.arange(3), "latency_ns": np.arange(3)})])
telemetry_to_parquet(Telemetry(np.arange(2), ["cpu0"] * 2, ["clock"] * 2, ["MHz"] * 2, np.arange(2.0)))
print("pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False"]
