import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import binom

from bench_worker.stopping import median_interval_rank
from latency_bench.harness.statistics.order_statistics import (
    check_samples,
    rank_interval,
    smallest_count_for_interval,
    spread_ties,
    timer_tick,
    value_at_effective_rank,
    value_at_rank,
)


@pytest.mark.parametrize("count", [6, 9, 30, 101, 1000])
@pytest.mark.parametrize("q", [0.5, 0.9])
def test_at_a_confidence_that_whole_ranks_reach_exactly_the_ranks_are_whole(count: int, q: float) -> None:
    rank = int(binom.ppf(0.01, count, q)) + 1
    tail = float(binom.cdf(rank - 1, count, q))
    found = rank_interval(q, float(count), 1 - 2 * tail)
    if found is None:
        assert q**count > tail or (1 - q) ** count > tail
    else:
        assert found[0] == pytest.approx(rank, abs=1e-6)


def test_ranks_of_the_median_are_symmetric_and_there_are_none_below_six_samples() -> None:
    low, high = rank_interval(0.5, 25.0, 0.95) or (0, 0)
    assert low + high == pytest.approx(26)
    assert smallest_count_for_interval(0.5, 0.95) == 6
    assert rank_interval(0.5, 5.0, 0.95) is None
    assert rank_interval(0.5, 6.0, 0.95) is not None


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_workers_rank_is_the_exact_binomial_one_and_never_the_narrower_of_the_two(confidence: float) -> None:
    for count in (6, 7, 10, 31, 64, 333, 2000):
        rank = median_interval_rank(count, confidence)
        tail = (1 - confidence) / 2
        expected = max(r for r in range(count // 2 + 1) if binom.cdf(r - 1, count, 0.5) <= tail)
        assert rank == expected
        ranks = rank_interval(0.5, float(count), confidence)
        assert (ranks is None) == (rank == 0)
        assert ranks is None or rank - 1e-6 <= ranks[0] < rank + 1


def test_a_rank_counted_in_all_samples_is_left_as_it_is() -> None:
    ordered = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    assert value_at_rank(ordered, 2.5) == 3.0
    assert value_at_effective_rank(ordered, 2.5, 5) == 3.0
    assert value_at_rank(ordered, 0.2) == 1.0
    assert value_at_rank(ordered, 9) == 16.0


def test_ties_are_spread_over_one_tick_around_the_reading_and_no_further() -> None:
    samples = np.array([3.0, 2.0, 2.0, 2.0, 2.0])
    assert timer_tick(samples) == 1.0
    spread = spread_ties(samples, 1.0)
    assert spread.tolist() == [1.625, 1.875, 2.125, 2.375, 3.0]
    assert np.rint(spread).tolist() == [2, 2, 2, 2, 3]
    assert spread_ties(np.array([2.0, 1.0]), 1.0).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("samples", [[], [1.0, float("nan")], [float("inf")], [[1.0, 2.0]]])
def test_what_was_not_measured_is_refused(samples: list[float]) -> None:
    with pytest.raises(ValueError, match=r"round|sample"):
        check_samples(samples)


def test_a_run_is_judged_without_the_slowest_imports() -> None:
    """Together they take longer than everything else that a run does beside measuring."""
    script = """
import sys
import numpy as np
from latency_bench.harness.statistics.sample_flags import sample_flags
from latency_bench.harness.statistics.summary import summarise
rounds = [np.random.RandomState(seed).lognormal(0.0, 0.1, 200) for seed in range(3)]
summarise(rounds, tick=None), sample_flags(rounds)
print(*sorted({"scipy.stats", "scipy.optimize", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
