from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest

from latency_bench.harness.store.archive import write_archive
from latency_bench.harness.store.errors import BrokenRunError, NewerRecordError
from latency_bench.harness.store.importing import import_runs
from latency_bench.harness.store.index import index_file
from latency_bench.harness.store.listing import find_rows
from latency_bench.harness.store.migrations import STEPS, migrate, newest_version
from latency_bench.harness.store.pair_record import parse_pair
from latency_bench.harness.store.reader import open_run
from latency_bench.harness.store.record import RunRecord, parse_record
from latency_bench.harness.store.verify import verify_store

EXAMPLES = Path(__file__).parent / "examples"


def _to_2(record: dict[str, Any]) -> dict[str, Any]:
    record["latency_ms"] = record.pop("latency_us") / 1e3
    return record


def _to_3(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "unit": "ms"}


def test_steps_are_applied_one_after_the_other_from_the_records_version() -> None:
    steps = (_to_2, _to_3)
    first = {"schema_version": 1, "latency_us": 2500.0}
    assert migrate(first, steps) == {"schema_version": 3, "latency_ms": 2.5, "unit": "ms"}
    assert migrate({"schema_version": 2, "latency_ms": 9.0}, steps) == {
        "schema_version": 3,
        "latency_ms": 9.0,
        "unit": "ms",
    }
    assert first == {"schema_version": 1, "latency_us": 2500.0}


def test_the_newest_version_is_left_alone() -> None:
    assert migrate({"schema_version": 3, "x": 1}, (_to_2, _to_3)) == {"schema_version": 3, "x": 1}


def test_a_version_from_the_future_is_refused_with_both_numbers() -> None:
    with pytest.raises(NewerRecordError, match=r"schema_version 4.*up to 3.*Update"):
        migrate({"schema_version": 4}, (_to_2, _to_3))


def test_a_record_that_a_step_cannot_read_is_broken() -> None:
    with pytest.raises(BrokenRunError, match=r"does not fit its schema_version 1.*latency_us"):
        migrate({"schema_version": 1}, (_to_2,))


@pytest.mark.parametrize("record", [{}, {"schema_version": "1"}, {"schema_version": True}, {"schema_version": 0}, []])
def test_a_record_without_a_version_is_broken(record: Any) -> None:
    with pytest.raises(BrokenRunError):
        migrate(record)


def test_the_record_is_of_the_version_that_the_last_step_leads_to() -> None:
    assert RunRecord.model_fields["schema_version"].default == newest_version() == 1 + len(STEPS)


@pytest.mark.parametrize("version", range(1, newest_version() + 1))
def test_a_stored_example_of_every_version_can_be_read(version: int) -> None:
    record = parse_record((EXAMPLES / f"schema_{version}.json").read_bytes())
    assert record.schema_version == newest_version()
    assert record.summary is not None
    assert record.summary.latency.median_ms == 249.096794


@pytest.fixture
def version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """This program as it will be once there is a version 2, in which a run says who made it."""

    class Next(RunRecord):
        schema_version: Literal[2] = 2  # type: ignore[assignment]
        author: str

    def to_2(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, "author": "unknown"}

    monkeypatch.setattr("latency_bench.harness.store.record.RunRecord", Next)
    monkeypatch.setattr("latency_bench.harness.store.record.migrate", partial(migrate, steps=(to_2,)))
    for module in ("record", "index"):
        monkeypatch.setattr(f"latency_bench.harness.store.{module}.newest_version", lambda: 2)


def test_a_store_of_an_older_version_is_listed_opened_verified_and_moved_without_being_changed(
    tmp_path: Path, store_run: Callable[..., Path], request: pytest.FixtureRequest
) -> None:
    run = store_run()
    index_before = index_file(tmp_path / "store")
    before = list(find_rows(tmp_path / "store"))
    content = (run / "record.json").read_bytes()
    request.getfixturevalue("version_2")
    assert index_file(tmp_path / "store") != index_before
    assert list(find_rows(tmp_path / "store")) == before
    record = open_run(tmp_path / "store", "latest").record
    assert (record.schema_version, record.author) == (2, "unknown")  # type: ignore[attr-defined, comparison-overlap]
    assert verify_store(tmp_path / "store").findings == []
    write_archive([run], tmp_path / "runs.tar")
    assert len(import_runs(tmp_path / "there", tmp_path / "runs.tar").added) == 1
    assert (tmp_path / "there" / run.relative_to(tmp_path / "store") / "record.json").read_bytes() == content


def test_a_store_of_a_later_version_says_so_and_is_left_alone(tmp_path: Path, store_run: Callable[..., Path]) -> None:
    run = store_run()
    content = (run / "record.json").read_text().replace('"schema_version": 1', '"schema_version": 2')
    (run / "record.json").unlink()
    (run / "record.json").write_text(content)
    broken: list[str] = []
    assert list(find_rows(tmp_path / "store", on_broken=lambda one: broken.append(one.problem))) == []
    assert "reads up to 1. Update it" in broken[0]
    with pytest.raises(NewerRecordError):
        open_run(tmp_path / "store", "latest")


def test_a_stored_example_of_a_pair_can_be_read_and_one_of_the_future_is_refused() -> None:
    text = (EXAMPLES / "pair_1.json").read_bytes()
    record = parse_pair(text)
    assert (record.kind, record.schema_version, len(record.sides)) == ("pair", 1, 2)
    assert record.ratios[0].ratio > 1
    later = text.replace(b'"kind": "pair",\n "schema_version": 1', b'"kind": "pair",\n "schema_version": 7')
    assert later != text
    with pytest.raises(NewerRecordError, match="schema_version 7"):
        parse_pair(later)
    with pytest.raises(BrokenRunError, match="not that of a pair"):
        parse_pair((EXAMPLES / "schema_1.json").read_bytes())
