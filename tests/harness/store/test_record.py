from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from latency_bench.harness.store.errors import BrokenRunError, NewerRecordError
from latency_bench.harness.store.record import RunRecord, parse_record
from latency_bench.harness.store.run_table import read_row_of

MakeRecord = Callable[..., RunRecord]


def _content(record: RunRecord) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(record.to_json())
    return content


def test_a_record_comes_back_as_it_was(make_record: MakeRecord) -> None:
    for record in (make_record(), make_record(failed=True), make_record(status="unstable")):
        assert parse_record(record.to_json().encode()) == record


def test_times_are_written_in_utc_with_their_offset(make_record: MakeRecord) -> None:
    elsewhere = datetime(2026, 11, 22, 2, 15, 0, 123456, tzinfo=timezone(timedelta(hours=-8)))
    assert _content(make_record(started_at=elsewhere))["started_at"] == "2026-11-22T10:15:00.123+00:00"
    with pytest.raises(ValidationError, match="started_at"):
        make_record(started_at=datetime(2026, 11, 22, 10, 15))


def test_a_phase_that_was_not_measured_is_absent_and_never_0(make_record: MakeRecord) -> None:
    record = make_record()
    assert set(_content(record)["summary"]["phases"]) == {"h2d", "compute"}
    assert set(record.to_result_json("p")["phases_ms"]) == {"h2d", "compute"}


def test_the_psnr_of_equal_tensors_is_null_in_json(make_record: MakeRecord) -> None:
    metrics = _content(make_record())["fidelity"]["metrics"]["logits"]
    assert metrics["psnr_db"] is None
    assert metrics["max_abs"] == 1.2e-5


def test_a_failed_run_has_a_reason_and_no_number(make_record: MakeRecord) -> None:
    done = make_record()
    with pytest.raises(ValidationError, match="cannot have a summary"):
        make_record(failed=True, summary=done.summary)
    with pytest.raises(ValidationError, match="has to have a failure"):
        make_record(failed=True, failure=None)
    with pytest.raises(ValidationError, match="cannot have a failure"):
        make_record(failure=make_record(failed=True).failure)


@pytest.mark.parametrize("status", ["done", "unstable"])
@pytest.mark.parametrize("part", ["summary", "runtime"])
def test_a_run_with_a_number_has_what_the_number_needs(make_record: MakeRecord, status: str, part: str) -> None:
    with pytest.raises(ValidationError, match="summary and a runtime"):
        make_record(status=status, **{part: None})


def _broken(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        for step in steps:
            content = content[int(step)] if isinstance(content, list) else content[step]
        content[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("run_id", "../../etc", "not the id of a run"),
        ("device.name", "../local", "folder's name"),
        ("model.id", "a/b", "folder's name"),
        ("files", {"../x": {"sha256": "00" * 32, "size_bytes": 1}}, "cannot be a file of a run"),
        ("files", {"samples.parquet": {"sha256": "short", "size_bytes": 1}}, "sha256"),
        ("status", "fine", "status"),
        ("verdicts.throttled", "maybe", "throttled"),
        ("protocol", {"rounds": 3}, "name"),
        ("model.batch", 0, "batch"),
        ("model.batch", "1", "batch"),
        ("model.weights", {}, "seed or"),
        ("model.weights", {"seed": 1, "sha256": "00" * 32}, "seed or"),
        ("rounds.1.index", 0, "share an index"),
        ("rounds.1.sample_count", 39, "120 samples.*119"),
        ("summary.latency.median_ms", 1.0, "outside"),
        ("summary.latency.low_ms", 251.0, "outside its interval"),
        ("summary.latency.low_ms", None, "two ends"),
        ("summary.latency.confidence", None, "two ends"),
        ("summary.latency.round_medians_ms", [249.0], "1 medians of 3 rounds"),
        ("summary.latency.round_medians_ms", [249.0, 249.1, 249.2], "not the median of the rounds' medians"),
        ("summary.latency.min_ms", 0.0, "cannot have been measured"),
        ("summary.throughput.img_s", 4.2, "images/s"),
        ("summary.phases.upload", {}, "upload"),
        ("summary.percentiles.p90", {"value_ms": None, "missing": 0}, "lacks samples"),
        ("summary.percentiles.p90", {"value_ms": 250.0, "missing": 3}, "lacks samples"),
        ("summary.percentiles.p90", {"value_ms": 250.0, "low_ms": 249.0}, "two ends"),
        ("summary.percentiles.ninety", {"missing": 3}, "ninety"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused_with_the_reason(
    make_record: MakeRecord, path: str, value: Any, message: str
) -> None:
    content = _content(make_record())
    _broken(path, value)(content)
    with pytest.raises(BrokenRunError, match=message):
        parse_record(json.dumps(content).encode())


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_json_that_is_no_json_is_refused(make_record: MakeRecord, number: str) -> None:
    text = make_record().to_json().replace('"load_average_1min": 0.12', f'"load_average_1min": {number}')
    assert number in text
    with pytest.raises(BrokenRunError):
        parse_record(text.encode())


def test_nan_among_facts_is_refused_when_the_record_is_made(make_record: MakeRecord) -> None:
    content = _content(make_record())
    content["device"]["fingerprint"] = {"a": [1.0, {"b": float("nan")}]}
    with pytest.raises(ValidationError, match="finite"):
        make_record(device=content["device"])


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"schema_version": 1}'])
def test_any_other_bytes_are_a_broken_run(text: bytes) -> None:
    with pytest.raises(BrokenRunError):
        parse_record(text)


def test_a_later_version_says_update(make_record: MakeRecord) -> None:
    content = {**_content(make_record()), "schema_version": 99, "new": 1}
    with pytest.raises(NewerRecordError, match="99"):
        parse_record(json.dumps(content).encode())


def test_the_message_about_a_bad_record_obeys_nothing(make_record: MakeRecord) -> None:
    content = {**_content(make_record()), "verdicts": {"\x1b[2Jgone": "perhaps"}}
    with pytest.raises(BrokenRunError) as caught:
        parse_record(json.dumps(content).encode())
    assert str(caught.value).isprintable()


def test_the_result_of_a_done_run_for_programs(make_record: MakeRecord) -> None:
    record = make_record()
    result = json.loads(json.dumps(record.to_result_json("results/x")))
    latency = record.summary.latency if record.summary else None
    assert latency is not None
    assert result["run_id"] == record.run_id
    assert (result["status"], result["model"], result["device"], result["runtime"]) == (
        "done",
        "b1-seg",
        "local",
        "litert",
    )
    assert result["latency_ms"] == {
        "median": latency.median_ms,
        "low": latency.low_ms,
        "high": latency.high_ms,
        "n": 120,
        "rounds": 3,
    }
    assert result["phases_ms"]["compute"] == {"median": pytest.approx(245.0, abs=1)}
    assert result["throughput_img_s"] == pytest.approx(1e3 / latency.median_ms)
    assert result["fidelity"]["passed"] is True
    assert [flag["name"] for flag in result["flags"]] == ["foreign-load", "virtualised"]
    assert result["path"] == "results/x"
    assert "failure" not in result


def one_round(record: RunRecord) -> bytes:
    """The same with its first round alone, with the interval that records of one round had at first."""
    content = json.loads(record.to_json())
    content["rounds"] = content["rounds"][:1]
    summary = content["summary"]
    for estimate in (summary["latency"], *summary["phases"].values()):
        n = content["rounds"][0]["sample_count"]
        median = estimate["round_medians_ms"][0]
        estimate |= {"rounds": 1, "n": n, "round_medians_ms": [median], "median_ms": median}
        estimate |= {"low_ms": median * 0.99, "high_ms": median * 1.01, "confidence": 0.95}
    summary["throughput"]["img_s"] = 1e3 / summary["latency"]["median_ms"]
    summary["percentiles"]["p90"] |= {"low_ms": 250.0, "high_ms": 260.0}
    return json.dumps(content).encode()


def test_one_round_has_no_interval_whatever_its_record_says(make_record: MakeRecord) -> None:
    text = one_round(make_record())
    record = parse_record(text)
    assert record.summary is not None
    for estimate in (record.summary.latency, *record.summary.phases.values()):
        assert (estimate.low_ms, estimate.high_ms, estimate.confidence) == (None, None, None)
    p90 = record.summary.percentiles["p90"]
    assert p90.value_ms is not None
    assert (p90.low_ms, p90.high_ms) == (None, None)
    latency_ms = record.to_result_json("results/x")["latency_ms"]
    assert (latency_ms["low"], latency_ms["high"], latency_ms["rounds"]) == (None, None, 1)
    row = read_row_of(text)
    assert row["median_ms"] == record.summary.latency.median_ms
    assert (row["low_ms"], row["high_ms"], row["confidence"]) == (None, None, None)


def test_the_result_of_a_failed_run_has_no_number_but_the_reason(make_record: MakeRecord) -> None:
    result = make_record(failed=True).to_result_json("results/x")
    assert result["status"] == "failed"
    assert (result["latency_ms"], result["phases_ms"], result["throughput_img_s"]) == (None, {}, None)
    assert result["failure"]["kind"] == "worker-died"
    assert "resolution" in result["failure"]["remedy"]
