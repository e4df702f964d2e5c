"""Records, tables and archives that somebody made on purpose: refused, counted as damaged, and nobody else suffers."""

from __future__ import annotations

import contextlib
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies

from latency_bench.harness.cli.run_details import flattened
from latency_bench.harness.store import parquet
from latency_bench.harness.store.archive import write_archive
from latency_bench.harness.store.errors import BrokenRunError
from latency_bench.harness.store.importing import import_runs
from latency_bench.harness.store.reader import run_paths
from latency_bench.harness.store.record import parse_record
from latency_bench.harness.store.sample_table import read_samples, samples_schema


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("started_at", "0001-01-01T00:00:00+14:00"),
        ("ended_at", "9999-12-31T23:59:59-14:00"),
        ("started_at", "1066-10-14T09:00:00Z"),
        ("model.batch", 10**400),
        ("model.macs", 10**30),
        ("model.params", 2**63),
        ("model.resolution", [10**30, 1]),
        ("model.weights.seed", -(10**30)),
        ("model.spec.family", {"deep": 10**25}),
        ("summary.latency.max_ms", 1e308),
        ("summary.latency.median_ms", 5e-324),
        ("summary.throughput.img_s", 1e308),
        ("rounds.0.pid", 10**20),
        ("protocol.name", "\ud800"),
    ],
)
def test_values_that_no_run_has_are_damage_and_no_exception(make_record, field, value):
    document = json.loads(make_record().to_json())
    place = document
    *path, last = field.split(".")
    for name in path:
        place = place[int(name) if isinstance(place, list) else name]
    place[last] = value
    with pytest.raises(BrokenRunError):
        parse_record(json.dumps(document).encode())


def test_commands_meet_changed_records_without_an_exception(load_script, tmp_path, own_cache):
    program = load_script("scripts/fuzz_records.py")
    assert list(program.fuzz(tmp_path, 6)) == []


@pytest.fixture(scope="module")
def record_fuzzer(load_script):
    return load_script("scripts/fuzz_records.py")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=strategies.integers(0, 2**32))
def test_a_record_with_any_field_changed_is_a_record_or_damage(record_fuzzer, make_record, seed):
    changed, _ = record_fuzzer.Changed(seed).record(json.loads(make_record().to_json()))
    try:
        record = parse_record(json.dumps(changed).encode())
    except BrokenRunError:
        return
    assert parse_record(record.to_json().encode()) == record
    list(flattened(record.model_dump(mode="json")))


def _bomb(path, rows: int) -> None:
    """Zeros, of which a megabyte takes a few hundred bytes."""
    schema = samples_schema()
    columns = [pa.array([0] * rows).cast(field.type) for field in schema]
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), path, compression="zstd")


@pytest.mark.parametrize(("limit", "value"), [("_MOST_ROWS", 99_999), ("_MOST_BYTES", 1000), ("_MOST_ROW_GROUPS", 0)])
def test_a_table_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch, limit, value):
    path = tmp_path / "samples.parquet"
    _bomb(path, 100_000)
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(parquet, limit, value)
    monkeypatch.setattr(pq.ParquetFile, "read", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(BrokenRunError, match="are allowed"):
        read_samples(path)


@pytest.mark.parametrize("position", range(0, 400, 7))
def test_a_damaged_table_is_read_or_said_to_be_one(store_run, position):
    path = store_run() / "samples.parquet"
    content = bytearray(path.read_bytes())
    content[-position - 1] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(content)
    with contextlib.suppress(BrokenRunError):
        read_samples(path)


def test_an_import_waits_for_the_disk_a_few_times_and_not_for_every_file(store_run, tmp_path, monkeypatch):
    for number in range(30):
        store_run(run_id=f"20261122T101500Z-{number:06x}")
    runs = run_paths(tmp_path / "store")
    write_archive(runs, tmp_path / "runs.tar")
    waits = []
    monkeypatch.setattr(os, "fsync", waits.append)
    assert len(import_runs(tmp_path / "copy", tmp_path / "runs.tar").added) == 30
    assert len(waits) <= 2
