from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from latency_bench.harness.store import parquet_export
from latency_bench.harness.store.columns.registry import columns
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.listing import find_rows, load_runs
from latency_bench.harness.store.parquet_export import runs_schema, samples_file_schema, write_runs, write_samples
from latency_bench.harness.store.reader import open_run

StoreRun = Callable[..., Path]

FIRST, SECOND = "20261122T101500Z-3f9a1c", "20261122T101501Z-aaaaaa"


@pytest.fixture
def store(tmp_path: Path, store_run: StoreRun) -> Path:
    store_run(run_id=FIRST)
    store_run(run_id=SECOND, device="orin", failed=True, runtime=None)
    return tmp_path / "store"


def test_the_file_of_runs_is_the_run_table(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "runs.parquet"
    assert write_runs(find_rows(store), file) == 2
    table, expected = pd.read_parquet(file), load_runs(store)
    assert list(table.columns) == list(columns())
    for name in columns():
        for found, wanted in zip(table[name].tolist(), expected[name].tolist(), strict=True):
            if isinstance(wanted, list):
                assert list(found) == wanted, name
            else:
                assert (pd.isna(found) and pd.isna(wanted)) or found == wanted, name


def test_every_column_has_its_meaning_in_the_file_and_a_type_that_does_not_depend_on_the_data(
    store: Path, tmp_path: Path
) -> None:
    write_runs([], tmp_path / "empty.parquet")
    write_runs(find_rows(store), tmp_path / "runs.parquet")
    meanings = {name: column.meaning for name, column in columns().items()}
    for file in ("empty.parquet", "runs.parquet"):
        schema = pq.read_schema(tmp_path / file)
        assert schema.equals(runs_schema(), check_metadata=False)
        assert {field.name: field.metadata[b"description"].decode() for field in schema} == meanings


def test_no_number_became_a_text(store: Path) -> None:
    kinds = {field.name: str(field.type) for field in runs_schema()}
    row = next(row for row in find_rows(store) if row["status"] == "done")
    for name, value in row.items():
        if value is not None:
            expected = {bool: "bool", int: "int64", float: "double", str: "string", list: "list"}.get(type(value))
            assert kinds[name].startswith(expected or "timestamp"), name
    assert {name for name, kind in kinds.items() if kind == "double"} >= {"joules_per_image", "d2h_ms"}


def test_many_rows_are_written_group_by_group(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_export, "_ROWS_A_GROUP", 7)
    rows = list(find_rows(store)) * 10
    assert write_runs(iter(rows), tmp_path / "runs.parquet") == 20
    file = pq.ParquetFile(tmp_path / "runs.parquet")
    assert (file.num_row_groups, file.metadata.num_rows) == (3, 20)


def test_every_sample_of_every_run_with_what_tells_the_runs_apart(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "samples.parquet"
    blocks = open_run(store, FIRST).samples()
    assert write_samples(store, find_rows(store), file) == sum(len(block) for block in blocks)
    table = pd.read_parquet(file)
    assert list(table.columns) == samples_file_schema().names
    assert set(table["run_id"]) == {FIRST}
    assert set(table["model"]) == {"b1-seg"}
    for block in blocks:
        found = table[(table["round"] == block.round) & (table["warmup"] == block.warmup)]
        np.testing.assert_array_equal(found["latency_ns"], block.latency_ns)
        np.testing.assert_array_equal(found["compute_ns"], block.compute_ns)
    assert table["d2h_ns"].isna().all()
    assert table["enqueue_ns"].isna().all()
    joined = table.merge(pd.DataFrame(find_rows(store)), on="run_id", suffixes=("", "_of_run"))
    assert len(joined) == len(table)


def test_samples_that_cannot_be_read_leave_no_file(store: Path, tmp_path: Path) -> None:
    samples = store / "local" / "b1-seg" / FIRST / "samples.parquet"
    samples.unlink()
    samples.write_bytes(b"no parquet")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BrokenRunError, match=r"samples\.parquet"):
        write_samples(store, find_rows(store), tmp_path / "all.parquet")
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "cache"])
