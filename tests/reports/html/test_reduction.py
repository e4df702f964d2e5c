"""Few numbers of many: what is kept is true of the samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_bench.harness.store.sample_table import StageSamples
from latency_bench.harness.store.telemetry_table import Telemetry
from latency_bench.reports.html.reduction import (
    MOST_BINS,
    MOST_QUANTILES,
    MOST_READINGS,
    MOST_SENSORS,
    over_time,
    quantiles_ms,
    sensors,
)

LATENCIES_NS = st.lists(st.integers(1, 10**12), min_size=1, max_size=400)


def block(latencies_ns: list[int], round_: int = 0, warmup: bool = False) -> StageSamples:
    return StageSamples.of(round_, warmup, {"start_ns": [0] * len(latencies_ns), "latency_ns": latencies_ns})


@given(LATENCIES_NS)
def test_quantiles_are_measured_values_from_the_least_to_the_largest(latencies_ns: list[int]) -> None:
    found = quantiles_ms([block([10**15], warmup=True), block(latencies_ns)])

    assert len(found) == min(len(latencies_ns), MOST_QUANTILES)
    assert found == sorted(found)
    if len(latencies_ns) > 1:
        assert found[0] == pytest.approx(min(latencies_ns) / 1e6, rel=1e-5)
        assert found[-1] == pytest.approx(max(latencies_ns) / 1e6, rel=1e-5)
    measured = np.array(latencies_ns) / 1e6
    assert all(np.isclose(measured, value, rtol=1e-5).any() for value in found)


def test_no_samples_have_no_quantiles() -> None:
    assert quantiles_ms([block([5, 6], warmup=True)]) == []


def test_quantiles_split_two_modes_where_the_samples_do() -> None:
    found = quantiles_ms([block([1_000_000] * 300 + [9_000_000] * 100)])

    assert set(found) == {1.0, 9.0}
    assert sum(value == 1.0 for value in found) / len(found) == pytest.approx(0.75, abs=0.01)


@given(st.lists(LATENCIES_NS, min_size=1, max_size=5))
def test_time_goes_on_through_the_blocks_and_nothing_is_lost(parts: list[list[int]]) -> None:
    blocks = [block(part, number, number % 2 == 1) for number, part in enumerate(parts)]

    entries = over_time(blocks)

    assert [(entry["round"], entry["warmup"]) for entry in entries] == [(one.round, one.warmup) for one in blocks]
    requests = [request for entry in entries for request in entry["request"]]
    assert requests == sorted(requests)
    assert requests[0] >= 0
    assert requests[-1] < sum(map(len, parts))
    for entry, part in zip(entries, parts, strict=True):
        assert min(entry["min_ms"]) == pytest.approx(min(part) / 1e6, rel=1e-5)
        assert max(entry["max_ms"]) == pytest.approx(max(part) / 1e6, rel=1e-5)
        assert np.all(np.array(entry["min_ms"]) <= np.array(entry["median_ms"]))
        assert np.all(np.array(entry["median_ms"]) <= np.array(entry["max_ms"]))


def test_few_requests_are_kept_one_by_one_and_many_are_not() -> None:
    few, many = over_time([block([4, 5, 6])]), over_time([block(list(range(1, 100_001)))])

    assert few[0]["request"] == [0, 1, 2]
    assert len(many[0]["request"]) == MOST_BINS


def telemetry(columns: list[tuple[int, str, float]]) -> Telemetry:
    return Telemetry(
        time_ns=np.array([time for time, _, _ in columns], dtype=np.int64),
        source=[source for _, source, _ in columns],
        quantity=["clock"] * len(columns),
        unit=["mhz"] * len(columns),
        value=np.array([value for _, _, value in columns]),
    )


def test_readings_are_in_order_of_time_and_means_keep_the_whole() -> None:
    values = np.random.default_rng(1).normal(2000, 50, 999)
    rows = [(int(1e9) * at, "cpu0", float(value)) for at, value in enumerate(values)]

    (one,), left_out = sensors(telemetry(rows[::-1]))

    assert left_out == 0
    assert len(one["value"]) == MOST_READINGS
    assert one["time_s"] == sorted(one["time_s"])
    assert np.mean(one["value"]) == pytest.approx(values.mean(), rel=1e-3)


def test_sensors_beyond_the_limit_are_counted_and_numbers_that_are_none_left_out() -> None:
    rows = [(0, f"cpu{number:03}", 1.0) for number in range(MOST_SENSORS + 3)]
    rows += [(1, "cpu000", float("nan"))]

    found, left_out = sensors(telemetry(rows))

    assert (len(found), left_out) == (MOST_SENSORS, 3)
    assert found[0]["value"] == [1.0]
