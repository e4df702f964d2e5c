from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import binom

from bench_worker.job import SamplingBounds
from bench_worker.stopping import SamplingEnd, median_interval, median_interval_rank


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_ranks_are_those_of_the_exact_binomial(confidence):
    counts = np.arange(1, 2001)
    ranks = np.array([median_interval_rank(int(count), confidence) for count in counts])
    tail = (1 - confidence) / 2
    # P(B <= rank - 1) may not exceed the tail, and with the next rank it must.
    assert (binom.cdf(ranks - 1, counts, 0.5) <= tail * (1 + 1e-8)).all()
    next_is_too_much = binom.cdf(ranks, counts, 0.5) > tail
    assert (next_is_too_much | (ranks >= counts // 2)).all()
    assert (ranks <= (counts + 1) // 2).all()


def test_ranks_of_large_counts():
    for count in (20_000, 1_000_000):
        rank = median_interval_rank(count, 0.95)
        assert binom.cdf(rank - 1, count, 0.5) <= 0.025 < binom.cdf(rank, count, 0.5)


def test_fewer_than_six_samples_have_no_interval():
    assert median_interval([1, 2, 3, 4, 5], 0.95) is None
    interval = median_interval([1, 2, 3, 4, 5, 6], 0.95)
    assert (interval.median_ns, interval.low_ns, interval.high_ns) == (3.5, 1, 6)
    assert interval.relative_width == pytest.approx(5 / 3.5)


def _end(**changes):
    bounds = {
        "min_count": 30, "max_count": 100_000, "min_ns": 0, "max_ns": 10**18, "relative_interval": 0.01,
        "confidence": 0.95,
    }  # fmt: skip
    return SamplingEnd(SamplingBounds(**{**bounds, **changes}))


def _stop_at(latencies, end):
    for count in range(1, len(latencies) + 1):
        if end.reason(latencies, count, count) == "interval":
            return count
    return len(latencies)


def test_looks_are_few_and_ever_further_apart(monkeypatch):
    looks = []
    monkeypatch.setattr(
        "bench_worker.stopping.median_interval", lambda ascending, confidence: looks.append(len(ascending))
    )
    end = _end()
    latencies = list(range(20_000))
    for count in range(1, len(latencies) + 1):
        assert end.reason(latencies, count, count) is None
    assert looks[0] == 30
    assert len(looks) < 35
    assert all(later >= int(1.25 * earlier) for earlier, later in itertools.pairwise(looks))


def test_a_look_sees_every_sample_once():
    latencies = np.random.default_rng(5).integers(900, 1100, 3000).tolist()
    end = _end()
    stopped = _stop_at(latencies, end)
    low, high = (np.sort(latencies[:stopped])[index] for index in _interval_indices(stopped))
    assert (high - low) / np.median(latencies[:stopped]) <= 0.01
    assert 30 < stopped < 3000


def _interval_indices(count):
    rank = median_interval_rank(count, 0.95)
    return rank - 1, count - rank


@pytest.mark.parametrize(
    ("draw", "median"),
    [
        (lambda random, n: np.exp(0.03 * random.standard_normal(n)), 1.0),
        (lambda random, n: 1 + 0.03 * random.standard_exponential(n), 1 + 0.03 * np.log(2)),
        (lambda random, n: 1 + 0.02 * random.standard_t(2, n), 1.0),
    ],
    ids=["lognormal", "exponential", "heavy-tailed"],
)
def test_stopping_at_a_narrow_interval_keeps_its_coverage(draw, median):
    random = np.random.default_rng(7)
    covered = []
    for _ in range(600):
        latencies = (1e6 * draw(random, 1500)).astype(int).tolist()
        stopped = _stop_at(latencies, _end())
        interval = median_interval(sorted(latencies[:stopped]), 0.95)
        covered.append(interval.low_ns <= 1e6 * median <= interval.high_ns)
    # 94 % in long simulations; the standard error of these 600 is 1 %. An interval one rank narrower each side fails.
    assert np.mean(covered) >= 0.915
