"""How long a pair of processes alternates: as its noise asks for, and so that ten pairs find time where they can."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from latency_bench.harness.pairs.burst_plan import LEAST_BLOCKS, USUAL_BLOCKS, BurstPlan, SidePlan
from latency_bench.harness.pairs.pair_length import FIRST_S, MOST_S, PairLength
from latency_bench.harness.statistics.block_ratio import BlockRatio


def _pair(alternated_s: float, start_s: float, standard_error: float | None, log_ratio: float = 0.1):
    ratios = (BlockRatio(log_ratio, standard_error, 8),)
    return SimpleNamespace(ratios=ratios, alternated_s=alternated_s, wall_s=alternated_s + start_s)


def _measured(*pairs):
    def log_ratios(side: int) -> list[float]:
        return [pair.ratios[side - 1].log_ratio for pair in pairs]

    return SimpleNamespace(pairs=list(pairs), log_ratios=log_ratios)


def _plan(block_s: float) -> BurstPlan:
    return BurstPlan((SidePlan(0.9 * block_s, 0, 1, 1.0), SidePlan(0.1 * block_s, 0, 1, 1.0)), 0.0)


def test_a_quick_model_starts_with_seconds_and_then_follows_its_noise():
    length = PairLength(1.0, 1.0, 600.0)
    assert length.seconds(_measured(), 0.0) == FIRST_S
    noisy, quiet = (length.seconds(_measured(_pair(3.0, 4.0, error)), 7.0) for error in (0.01, 0.002))
    assert 1.0 <= quiet < noisy <= MOST_S


def test_a_slow_model_has_the_usual_blocks_where_ten_pairs_find_time():
    assert PairLength(50.0, 200.0, 3600.0).seconds(_measured(), 0.0) == 200.0


def test_a_slow_model_has_as_few_blocks_as_leave_time_for_ten_pairs():
    """One pair of eight blocks has no interval; the pair of processes is the unit."""
    length = PairLength(50.0, 200.0, 1000.0)
    assert length.seconds(_measured(), 0.0) == 100.0
    first = _pair(100.0, 30.0, None)
    assert length.seconds(_measured(first), 130.0) == pytest.approx((1000.0 - 130.0) / 9 - 30.0)
    assert PairLength(50.0, 200.0, 480.0).seconds(_measured(first), 130.0) == 50.0, "never less than a ratio needs"


def test_another_pair_has_to_fit_at_its_shortest():
    length = PairLength(50.0, 200.0, 480.0)
    assert length.fits_another([], 0.0)
    pairs = [_pair(50.0, 80.0, None)] * 2
    assert length.fits_another(pairs, 350.0)
    assert not length.fits_another(pairs, 351.0)


@pytest.mark.parametrize("block_s", [0.003, 0.05, 1.0, 25.0])
def test_blocks_fill_the_time_from_one_of_each_order_to_the_usual_number(block_s):
    plan = _plan(block_s)
    assert plan.blocks_in(0.0) == LEAST_BLOCKS
    assert plan.blocks_in(4 * block_s) == 4
    assert plan.blocks_in(USUAL_BLOCKS * block_s) == plan.blocks_in(1000 * block_s) == USUAL_BLOCKS


def test_blocks_that_settle_are_cheap_ones():
    settling = [_plan(block_s).settling_blocks for block_s in (0.0001, 0.01, 0.15, 1.5, 2.5, 60.0)]
    assert settling == [100, 20, 2, 2, 0, 0]
    assert all(blocks % 2 == 0 for blocks in settling)
