import numpy as np
import pytest
from scipy.stats import binom

from latency_bench.harness.statistics.percentiles import percentile, samples_needed, tail_percentiles


@pytest.mark.parametrize(("level", "needed"), [(0.5, 11), (0.9, 64), (0.95, 130), (0.99, 662), (0.999, 6636)])
def test_the_counts_are_those_of_loadgen_and_the_smallest_that_certify(level: float, needed: int) -> None:
    assert samples_needed(level) == needed
    assert binom.cdf(1, needed, 1 - level) <= 0.01 < binom.cdf(1, needed - 1, 1 - level)


def test_below_the_count_there_is_no_value_and_the_cell_says_how_many_are_missing() -> None:
    samples = np.random.default_rng(0).lognormal(0, 0.1, 63)
    found = percentile([samples], 0.9)
    assert (found.value, found.low, found.high, found.missing) == (None, None, None, 1)
    assert percentile([samples, samples[:1]], 0.9).missing == 0


def test_a_shown_percentile_lies_inside_its_interval_and_at_its_level() -> None:
    samples = np.random.default_rng(1).lognormal(0, 0.1, 8000)
    found = tail_percentiles(np.array_split(samples, 4))
    assert [one.name for one in found] == ["p90", "p95", "p99", "p99.9"]
    for one in found:
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high
        assert np.mean(samples <= one.value) == pytest.approx(one.level, abs=1 / 8000)


def test_percentiles_of_one_round_have_no_interval() -> None:
    samples = np.random.default_rng(1).lognormal(0, 0.1, 8000)
    for one in tail_percentiles([samples]):
        assert one.value is not None
        assert (one.low, one.high) == (None, None)


def test_a_level_in_percent_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        samples_needed(99)
