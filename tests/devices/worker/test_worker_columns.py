"""Samples, the clock, and what the loop itself costs."""

from __future__ import annotations

import itertools
import time

import pytest

from bench_worker.clock import _from_seconds, describe, measure_resolution_ns, now_ns
from bench_worker.overhead import measure_loop_overhead
from bench_worker.request_times import RequestTimes, Samples


def test_columns_grow_beyond_their_capacity():
    samples = Samples(100, 2)
    for row in range(70):
        samples.append(RequestTimes(100 + row, 100 + 3 * row, row, row + 1, None))
    columns = samples.columns()
    assert columns["start_ns"].tolist() == list(range(70))
    assert columns["latency_ns"].tolist() == [2 * row for row in range(70)]
    assert columns["compute_ns"].tolist() == list(range(1, 71))
    assert "d2h_ns" not in columns
    assert "enqueue_ns" not in columns


def test_the_time_of_enqueueing_is_a_column_of_its_own():
    samples = Samples(0, 1)
    for row in range(3):
        samples.append(RequestTimes(row, row + 9, 1, 5, 2, row))
    (event,) = samples.events("sampling")
    assert event["enqueue_ns"] == [0, 1, 2]
    assert event["latency_ns"] == [9, 9, 9]


def test_a_large_capacity_is_not_allocated_at_once():
    # A sustained run allows ten million requests; five columns of those would be 400 MB.
    samples = Samples(0, 10_000_000)
    assert len(samples.latency_ns) < 100_000


@pytest.mark.parametrize("later", [(0, 1, None, 1, 1), (0, 1, 1, 1, 1)])
def test_a_phase_may_not_come_and_go(later):
    samples = Samples(0, 4)
    samples.append((0, 1, None if later[2] else 1, 1, 1))
    with pytest.raises(ValueError, match="in one request and not in another"):
        samples.append(later)


def test_many_rows_are_sent_in_several_events():
    samples = Samples(0, 10)
    for row in range(45_000):
        samples.append((row, row + 5, None, None, None))
    events = list(samples.events("sampling"))
    assert [event["first"] for event in events] == [0, 20_000, 40_000]
    assert [value for event in events for value in event["start_ns"]] == list(range(45_000))
    assert all(event["stage"] == "sampling" and "h2d_ns" not in event for event in events)


def test_no_rows_are_one_event():
    (event,) = Samples(0, 10).events("warmup")
    assert (event["start_ns"], event["latency_ns"]) == ([], [])


@pytest.mark.parametrize("steps", [[0, 0, 100, 0, 100], [300, 100, 200]])
def test_resolution_is_the_smallest_step_that_is_not_zero(steps):
    reads = itertools.accumulate(itertools.chain([5], itertools.cycle(steps)))
    assert measure_resolution_ns(lambda: next(reads)) == 100


def test_a_coarse_clock_is_read_until_it_moves():
    reads = itertools.count()
    assert measure_resolution_ns(lambda: next(reads) // 50_000 * 15_600_000) == 15_600_000


def test_a_clock_that_stands_still_is_an_error():
    with pytest.raises(RuntimeError, match="does not move"):
        measure_resolution_ns(lambda: 7)


def test_the_clock_is_monotonic_nanoseconds_on_every_python():
    before = time.perf_counter_ns()
    fallback = _from_seconds()
    after = now_ns()
    assert before - 1000 <= fallback <= after + 1000
    description = describe()
    assert description["origin_ns"] >= after
    assert abs(description["origin_unix_ns"] - time.time_ns()) < 60e9


def test_the_cost_of_the_loop_is_told_apart_inside_and_between_samples():
    reads = itertools.count(0, 10)
    overhead = measure_loop_overhead(lambda: next(reads))
    # Four readings a request, 10 ns each: three steps inside, one to the next request.
    assert overhead == (30, 10)
