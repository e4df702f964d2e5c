"""A record says how much of the sampling its readings cover, and why there is no energy; `bench run` prints it."""

from __future__ import annotations

import io
from datetime import datetime, timezone

import numpy as np
import pytest
from rich.console import Console

from latency_bench.devices.device import Device
from latency_bench.devices.probes.readings import FREQUENCY, POWER_TOTAL, Reading
from latency_bench.devices.runners.base import Columns, RoundResult
from latency_bench.harness.case import Case
from latency_bench.harness.cli.rendering import render_result
from latency_bench.harness.protocol import load_protocol
from latency_bench.harness.recording import finished_record
from latency_bench.harness.run_data import Measured, Round
from latency_bench.harness.store.record import RunRecord, parse_record
from latency_bench.model_specs import load_spec

SECOND = 10**9
NOW = datetime(2026, 11, 28, tzinfo=timezone.utc)


def record_of(moments: range, telemetry_error: str | None = None) -> RunRecord:
    """A minute of requests, with clock and power read at these seconds."""
    latency = np.full(600, 100_000_000, np.int64) + np.arange(600) % 7
    columns = Columns(np.arange(600, dtype=np.int64) * 100_000_000, latency)
    readings: list[Reading] = []
    for moment in moments:
        readings += [FREQUENCY.of("cpu0", 2400).at(moment * SECOND), POWER_TOTAL.of("VIN", 10).at(moment * SECOND)]
    result = RoundResult(
        warmup=columns,
        samples=columns,
        hello={"pid": 1, "cpus": [0]},
        loaded={"runtime": {"version": "1"}},
        done={"steady": True, "stopped_by": "floors", "elapsed_ns": 60 * SECOND},
        outputs=None,
        log="",
        sampled_unix_ns=(0, 60 * SECOND),
    )
    case = Case(
        spec=load_spec("b0-cls-r224"),
        device=Device(name="here"),
        protocol=load_protocol("quick"),
        runtime="litert",
        rounds=1,
        threads=1,
    )
    one = Round(0, 0, NOW, result, readings, telemetry_error=telemetry_error)
    measured = Measured(case, "20261128T000000Z-000000", ("bench", "run"), NOW, rounds=[one], readings=readings)
    return parse_record(finished_record(measured).to_json().encode())


def printed(record: RunRecord) -> str:
    text = io.StringIO()
    render_result(record, "store/run", Console(file=text, width=200))
    return text.getvalue()


def test_readings_throughout():
    record = record_of(range(61))
    assert record.summary is not None
    assert record.summary.telemetry_covered == {"frequency": 1.0, "power_total": 1.0}
    assert record.summary.energy is not None
    assert record.summary.energy.joules_per_image == pytest.approx(10 * 60 / 600)
    assert record.summary.no_energy_because is None
    assert record.verdicts["throttled"] == "no"
    assert "J an image" in printed(record)
    assert "not stated" not in printed(record)


def test_readings_of_the_first_third_alone():
    """Twenty readings of the clock and three of the power are enough, but not for what nobody watched."""
    record = record_of(range(21), telemetry_error="the link was lost")
    assert record.summary is not None
    assert record.summary.telemetry_covered == pytest.approx({"frequency": 0.375, "power_total": 0.375})
    assert record.summary.energy is None
    assert record.summary.no_energy_because == "power readings cover 38% of the sampling (90% needed)"
    assert record.verdicts["throttled"] == "unknown"
    assert record.rounds[0].facts["readings_ended"] == "the link was lost"
    (flag,) = [flag for flag in record.flags if flag.name == "telemetry_incomplete"]
    assert "the power cover 38%" in flag.text
    assert "not stated: power readings cover 38%" in printed(record)
