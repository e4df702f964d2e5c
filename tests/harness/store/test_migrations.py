from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.store.errors import BrokenRunError, NewerRecordError
from harness.store.migrations import STEPS, migrate, newest_version
from harness.store.record import RunRecord, parse_record

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
