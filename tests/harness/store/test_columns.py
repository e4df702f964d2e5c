"""A column is declared once: what it reads, what it is, how it is shown, and how several runs become one."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.harness.store.columns import registry
from latency_bench.harness.store.columns.column import Column
from latency_bench.harness.store.columns.registry import OURS, columns, find_columns
from latency_bench.harness.store.errors import ColumnError
from latency_bench.harness.store.index import index_file
from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.row_source import RecordReader
from latency_bench.harness.store.run_table import row_of

MakeRecord = Callable[..., RunRecord]
Install = Callable[[str], None]
MOMENT = datetime(2026, 11, 22, 10, 15, tzinfo=timezone.utc)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """install(source): a package of one file with the entry point `theirs = their_columns:COLUMNS`."""
    site = tmp_path / "site"
    metadata = site / "their_columns-1.2.dist-info"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def make(source: str) -> None:
        metadata.mkdir(exist_ok=True)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-columns\nVersion: 1.2\n")
        (metadata / "entry_points.txt").write_text("[bench.columns]\ntheirs = their_columns:COLUMNS\n")
        (site / "their_columns.py").write_text(
            f"from latency_bench.harness.store.columns.column import Column\n{source}\n"
        )
        sys.modules.pop("their_columns", None)
        importlib.invalidate_caches()
        registry.forget()

    yield make
    sys.modules.pop("their_columns", None)
    registry.forget()


def test_no_name_and_no_short_name_is_there_twice() -> None:
    names = [name for column in OURS for name in (column.name, column.short) if name]
    assert len(names) == len(set(names))


def test_every_end_of_an_interval_is_a_column() -> None:
    ends = {end for column in OURS for end in column.ends or ()}
    assert ends <= {column.name for column in OURS}


def test_a_package_adds_a_column_that_a_row_has(install: Install, make_record: MakeRecord) -> None:
    install(
        "COLUMNS = Column('switches', 'Times that a round lost its processor, all rounds.', 'integer',\n"
        "                 ('rounds.involuntary_context_switches',), sum)"
    )
    assert list(columns())[-1] == "switches"
    assert row_of(make_record())["switches"] == 9
    assert row_of(make_record(failed=True))["switches"] == 0


def test_an_index_is_another_one_as_soon_as_a_declaration_is_another_one(install: Install, tmp_path: Path) -> None:
    column = "COLUMNS = (Column('threads_asked', 'Threads.', 'integer', ('runtime.options.threads',){}),)"
    without = index_file(tmp_path)
    install(column.format(""))
    first = index_file(tmp_path)
    install(column.format(", lambda threads: threads and 2 * threads"))
    assert len({without, first, index_file(tmp_path)}) == 3


def test_a_list_looks_through_installed_packages_once(
    install: Install, tmp_path: Path, store_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    store_run()
    looks = []
    monkeypatch.setattr(registry, "conditions_code", lambda: looks.append(1) or b"")
    install("COLUMNS = ()")
    for only in ((), ("model",)):
        assert len(list(find_rows(tmp_path / "store", only=only))) == 1
    assert looks == [1]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            "COLUMNS = Column('x', 'X.', 'integer', ('summary.nothing',))",
            "summary.nothing, and records do not have that field",
        ),
        (
            "COLUMNS = Column('x', 'X.', 'integer', ('run_id.nothing',))",
            "run_id.nothing, and records do not have that field",
        ),
        ("COLUMNS = Column('median_ms', 'X.', 'number', ('run_id',))", "median_ms is taken"),
        ("COLUMNS = Column('x', 'X.', 'number', ('run_id',), short='latency')", "latency is taken"),
        ("COLUMNS = Column('X y', 'X.', 'number', ('run_id',))", "characters other than"),
        ("COLUMNS = Column('x', 'X.', 'float', ('run_id',))", "the kind 'float'"),
        ("COLUMNS = Column('x', 'X.', 'text', ())", "has to read one field"),
        ("COLUMNS = 7", "neither a Column nor a tuple"),
        ("raise OSError('no such sensor')", "no such sensor"),
        ("COLUMNS = Column('x', 'X.', 'integer', ('run_id',), lambda run_id: run_id)", "declared as integer"),
        ("COLUMNS = Column('x', 'X.', 'integer', ('run_id',), lambda run_id: 1 / 0)", "division by zero"),
    ],
)
def test_a_wrong_declaration_is_named(install: Install, make_record: MakeRecord, source: str, problem: str) -> None:
    install(source)
    with pytest.raises(ColumnError, match=problem) as raised:
        row_of(make_record())
    assert "\n" not in str(raised.value)


def test_columns_are_found_by_either_name_in_the_order_asked_for() -> None:
    assert [column.name for column in find_columns("energy, model,n")] == ["joules_per_image", "model", "round_samples"]
    assert [column.name for column in find_columns(["peak_rss", "macs"])] == ["peak_rss_bytes", "macs"]
    assert find_columns("") == []
    with pytest.raises(ColumnError, match=r"there is no column called 'latecy'; nearest: latency"):
        find_columns("latecy")


@pytest.mark.parametrize(
    ("kind", "unit", "value", "text"),
    [
        ("number", "ms", 18049.6, "18050"),
        ("number", "ms", 0.01234567, "0.01235"),
        ("number", "J", 4e-7, "4.000e-07"),
        ("integer", "bytes", 812_000_000, "774 MiB"),
        ("integer", "", 123456, "123456"),
        ("truth", "", False, "no"),
        ("moment", "", MOMENT, "2026-11-22 10:15"),
        ("texts", "", ["drift", "bimodal"], "drift, bimodal"),
        ("integers", "", [40, 40, 40], "3 × 40"),
        ("integers", "", [40, 41], "40, 41"),
        ("integers", "", [], ""),
        ("number", "ms", None, ""),
    ],
)
def test_values_are_shown(kind: Any, unit: str, value: Any, text: str) -> None:
    assert Column("x", "X.", kind, ("run_id",), unit=unit).text(value) == text


def test_headings_have_the_unit_unless_every_cell_has_it() -> None:
    assert columns()["load_ms"].heading == "load time, ms"
    assert columns()["peak_rss_bytes"].heading == "peak memory"
    assert columns()["runtime_version"].heading == "runtime version"


@pytest.mark.parametrize(
    ("kind", "pooled", "values", "pool"),
    [
        ("number", "median", [3.0, None, 1.0, 2.0], 2.0),
        ("integer", "median", [1, 2], 1),
        ("integer", "largest", [1, None, 7], 7),
        ("integer", "sum", [1, 2], 3),
        ("text", "same", ["a", None, "a"], "a"),
        ("text", "same", ["a", "b"], None),
        ("number", "median", [None, None], None),
        ("texts", "same", [["a"], ["b", "a"], []], ["a", "b"]),
        ("integers", "same", [[40, 40], [40]], [40, 40, 40]),
    ],
)
def test_several_runs_become_one(kind: Any, pooled: Any, values: list[Any], pool: Any) -> None:
    assert Column("x", "X.", kind, ("run_id",), pooled=pooled).pool(values) == pool


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers() | st.text()))
def test_what_a_probe_left_behind_is_a_value_of_the_kind_or_unknown(value: Any) -> None:
    for kind, types in (("text", str), ("integer", int), ("number", float), ("truth", bool)):
        found = Column("x", "X.", kind, ("device.fingerprint.x",)).of([value])
        assert found is None or type(found) is types
        assert not isinstance(found, float) or math.isfinite(found)
    assert isinstance(Column("x", "X.", "numbers", ("device.fingerprint.x",)).of([value]), list)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("summary.latency.median_ms", 249.096794),
        ("summary.percentiles.p90.value_ms", None),
        ("device.fingerprint.cpu.model", "Intel(R) Xeon(R) Processor"),
        ("device.fingerprint.cpu.caches.L1 data", "48K"),
        ("device.fingerprint.copy.deep", None),
        ("runtime.options", {"threads": 2}),
        ("runtime.options.threads", 2),
        ("rounds.pid", [4000, 4001, 4002]),
        ("rounds.facts.cpus", [[0, 1], [0, 1], [0, 1]]),
        ("rounds.facts.nothing.at.all", [None, None, None]),
        ("flags.name", ["foreign-load", "virtualised"]),
        ("verdicts.throttled", "unknown"),
        ("verdicts.model_dump", None),
        ("protocol.warmup.min_s", 1.0),
        ("failure.kind", None),
    ],
)
def test_any_field_of_a_record_can_be_read(make_record: MakeRecord, path: str, value: Any) -> None:
    record = make_record()
    if path == "summary.percentiles.p90.value_ms":
        assert record.summary is not None
        value = record.summary.percentiles["p90"].value_ms
    text = record.to_json().encode()
    assert RecordReader([path], RunRecord).values(text) == [value]
    # With what it is in read as a whole, too.
    names = path.split(".")
    for depth in range(1, len(names)):
        assert RecordReader([".".join(names[:depth]), path], RunRecord).values(text)[1] == value
