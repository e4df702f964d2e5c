from __future__ import annotations

import gc
import itertools

import pytest

from bench_worker.job import SamplingBounds, WarmupBounds
from bench_worker.loop import PROGRESS_INTERVAL_NS, garbage_collector_paused, run_stage
from bench_worker.request_times import Samples
from bench_worker.steady import WarmupEnd
from bench_worker.stopping import SamplingEnd

MS = 1_000_000


def _quiet(*_):
    pass


def _warmup(**changes):
    bounds = {"min_count": 3, "max_count": 300, "min_ns": 0, "max_ns": 60_000 * MS, "window": 10}
    return WarmupEnd(WarmupBounds(**{**bounds, **changes})).reason


def _sampling(**changes):
    bounds = {
        "min_count": 10, "max_count": 1000, "min_ns": 0, "max_ns": 60_000 * MS, "relative_interval": 0.01,
        "confidence": 0.95,
    }  # fmt: skip
    return SamplingEnd(SamplingBounds(**{**bounds, **changes})).reason


@pytest.fixture
def run(fake_clock, scripted_runtime):
    def run_latencies(latencies_ns, rule, progress=_quiet):
        samples = Samples(fake_clock(), 8)
        runtime = scripted_runtime(fake_clock, latencies_ns)
        return run_stage(runtime.request, samples, rule, progress, fake_clock), samples

    return run_latencies


def test_a_warm_up_ends_when_the_ramp_is_over(run):
    ramp = [100 * MS - 3 * MS * step for step in range(25)]
    end, samples = run([*ramp, *[25 * MS] * 100], _warmup())
    assert end.stopped_by == "steady"
    # Two windows of ten fit behind the ramp of 25 at request 45 at the earliest, give or take a quartile.
    assert 40 <= end.sample_count <= 50
    assert samples.columns()["latency_ns"].tolist()[: len(ramp)] == ramp


@pytest.mark.parametrize(("cold_ms", "count"), [(4999, 2), (5000, 1)])
def test_a_cold_request_as_long_as_the_cap_is_the_whole_warm_up(fake_clock, scripted_runtime, cold_ms, count):
    runtime = scripted_runtime(fake_clock, [cold_ms * MS, 6000 * MS])
    samples = Samples(fake_clock(), 8)
    samples.append(runtime.request())
    end = run_stage(runtime.request, samples, _warmup(max_ns=5000 * MS), _quiet, fake_clock)
    assert (end.stopped_by, end.sample_count) == ("max_ns", count)


def test_a_process_that_is_steady_at_once_needs_two_windows_and_no_more(run):
    end, _ = run([10 * MS], _warmup())
    assert (end.stopped_by, end.sample_count) == ("steady", 20)


def test_a_warm_up_that_never_settles_ends_at_the_count(run):
    end, samples = run([10 * MS * (1 + step) for step in range(400)], _warmup(max_ns=10**18))
    assert (end.stopped_by, end.sample_count, samples.count) == ("max_count", 300, 300)


def test_a_warm_up_that_never_settles_ends_at_the_time(run):
    end, _ = run([10 * MS * (1 + step) for step in range(400)], _warmup(max_ns=1000 * MS))
    # 10 + 20 + ... + 130 = 910; the fourteenth request crosses the second.
    assert (end.stopped_by, end.sample_count, end.elapsed_ns) == ("max_ns", 14, 1050 * MS)


def test_the_floor_in_time_outranks_the_cap_in_count(run):
    end, _ = run([MS], _warmup(min_ns=500 * MS, max_count=30))
    assert (end.stopped_by, end.elapsed_ns) == ("steady", 500 * MS)
    unsettled = [int(MS * 1.01**step) for step in range(1000)]
    end, samples = run(unsettled, _warmup(min_ns=500 * MS, max_count=30, max_ns=10**12))
    columns = samples.columns()
    ends = [start + latency for start, latency in zip(columns["start_ns"], columns["latency_ns"], strict=True)]
    assert (end.stopped_by, sum(moment >= 500 * MS + columns["start_ns"][0] for moment in ends)) == ("max_count", 30)


def test_without_a_window_a_warm_up_ends_at_its_floors(run):
    end, _ = run([7 * MS], _warmup(window=0, min_count=1, min_ns=200 * MS, max_ns=200 * MS))
    assert (end.stopped_by, end.sample_count) == ("floors", 29)
    end, _ = run([7 * MS], _warmup(window=0, min_count=0))
    assert (end.stopped_by, end.sample_count) == ("floors", 0)


def test_samples_that_are_there_already_count(run, fake_clock, scripted_runtime):
    samples = Samples(fake_clock(), 8)
    runtime = scripted_runtime(fake_clock, [5 * MS])
    samples.append(runtime.request())
    end = run_stage(runtime.request, samples, _warmup(window=0, min_count=1), _quiet, fake_clock)
    assert (end.stopped_by, end.sample_count, runtime.requests) == ("floors", 1, 1)


def test_sampling_ends_as_soon_as_it_is_precise(run):
    end, _ = run([10 * MS], _sampling())
    assert (end.stopped_by, end.sample_count) == ("interval", 10)


def test_sampling_goes_on_until_the_interval_is_narrow(run):
    # Two values 10 % apart in turn: the interval spans both until it happens to sit inside one; it never does.
    end, _ = run([MS * (100 + 10 * (step % 2)) for step in range(2000)], _sampling(max_ns=10**18))
    assert (end.stopped_by, end.sample_count) == ("max_count", 1000)


def test_sampling_is_held_by_its_floor_in_time_and_count(run):
    end, _ = run([10 * MS], _sampling(min_ns=1000 * MS))
    assert (end.stopped_by, end.sample_count) == ("interval", 100)
    end, _ = run([10 * MS], _sampling(min_count=77))
    assert (end.stopped_by, end.sample_count) == ("interval", 77)


def test_sampling_ends_at_the_time(run):
    end, _ = run([MS * (100 + 10 * (step % 2)) for step in range(2000)], _sampling(max_ns=1000 * MS))
    assert (end.stopped_by, end.sample_count) == ("max_ns", 10)


def test_without_a_precision_the_floors_decide(run):
    end, _ = run([10 * MS], _sampling(relative_interval=None, min_count=100, max_count=100))
    assert (end.stopped_by, end.sample_count) == ("floors", 100)


def test_progress_comes_once_a_second_with_the_latest_median(run):
    seen = []
    run(
        [400 * MS] * 3 + [300 * MS] * 20, _sampling(relative_interval=None, min_count=20), lambda *row: seen.append(row)
    )
    counts, elapsed, medians = zip(*seen, strict=True)
    assert counts[0] == 3
    assert medians[0] == 400 * MS
    assert medians[-1] == 300 * MS
    assert all(later - earlier >= PROGRESS_INTERVAL_NS for earlier, later in itertools.pairwise(elapsed))
    assert len(seen) >= 4


def test_progress_is_outside_of_every_sample(run, fake_clock):
    _, samples = run(
        [400 * MS], _sampling(relative_interval=None, min_count=20), lambda *_: fake_clock.advance(777 * MS)
    )
    assert set(samples.columns()["latency_ns"]) == {400 * MS}


def test_every_request_is_kept_with_its_phases(run):
    end, samples = run(range(10, 60), _sampling(relative_interval=None, min_count=50))
    columns = samples.columns()
    assert end.sample_count == 50
    assert columns["latency_ns"].tolist() == list(range(10, 60))
    assert columns["compute_ns"].tolist() == list(range(7, 57))
    assert columns["start_ns"].tolist() == [sum(range(10, 10 + row)) for row in range(50)]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_as_it_was_afterwards(enabled):
    was_enabled = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(KeyError), garbage_collector_paused():  # noqa: PT012
            assert not gc.isenabled()
            assert gc.get_freeze_count() > 0
            raise KeyError
        assert gc.isenabled() is enabled
        assert gc.get_freeze_count() == 0
    finally:
        (gc.enable if was_enabled else gc.disable)()
