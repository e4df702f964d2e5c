"""How turns are taken follows from trial bursts whose effects are known."""

from __future__ import annotations

import numpy as np
import pytest

from latency_bench.devices.runners.alternation import Alternation
from latency_bench.devices.runners.base import Columns, RoundResult
from latency_bench.harness.pairs.blocks import block_logs, log_ratios, side_requests
from latency_bench.harness.pairs.burst_plan import plan_bursts

BLOCKS, SETTLING = 24, 2


def alternation(
    latencies_ms: tuple[float, float], sizes: tuple[int, int], effects: tuple[tuple[float, ...], ...], seed: int = 0
) -> Alternation:
    """Two sides in balanced order; each one's first requests after a change take so much longer. White noise of 1 %."""
    random = np.random.default_rng(seed)
    firsts = np.arange(SETTLING + BLOCKS) % 2
    side = np.stack([firsts, 1 - firsts], axis=1).ravel()
    sides = []
    for number in (0, 1):
        rows = []
        for place in np.flatnonzero(side == number):
            burst = latencies_ms[number] * 1e6 * np.exp(0.01 * random.standard_normal(sizes[number]))
            if place == 0 or side[place - 1] != number:
                effect = np.array(effects[number])[: sizes[number]]
                burst[: effect.size] *= effect
            rows.append(burst)
        latency_ns = np.concatenate(rows).astype(np.int64)
        nothing = Columns(np.empty(0, np.int64), np.empty(0, np.int64))
        samples = Columns(np.cumsum(latency_ns), latency_ns)
        sides.append(RoundResult(nothing, samples, {}, {}, {}, None, ""))
    return Alternation(
        sides=tuple(sides),
        block=np.repeat(np.arange(SETTLING + BLOCKS), 2),
        side=side,
        count=np.array(sizes)[side],
        settling_blocks=SETTLING,
        blocks=BLOCKS,
        elapsed_s=1.0,
        stopped_by="floors",
        idle_processor_s=(0.0, 0.0),
    )


def _plan(found: Alternation, white: float = 0.01, change_s: float = 0.0002, idle=(0.0, 0.0), threads: int = 1):
    random = np.random.default_rng(1)
    requests = [side_requests(found, number) for number in (0, 1)]
    alone = [np.median(one.latency_ns) * np.exp(white * random.standard_normal(400)) for one in requests]
    return plan_bursts(requests, alone, change_s, idle, threads)


def test_a_model_of_ten_milliseconds_takes_turns_by_request() -> None:
    plan = _plan(alternation((15.0, 40.0), (3, 2), ((1.0,), (1.0,))))
    assert [(side.discarded, side.kept) for side in plan.sides] == [(0, 1), (0, 1)]
    assert plan.by_request
    assert plan.block_s == pytest.approx(0.055, rel=0.05)


def test_the_first_requests_of_a_small_model_belong_to_the_change() -> None:
    plan = _plan(alternation((1.2, 40.0), (40, 2), ((1.6, 1.2, 1.05), (1.0,))))
    small, large = plan.sides
    assert small.discarded == 3
    assert small.kept > 3, "the change is paid for once a burst"
    assert small.first_request == pytest.approx(1.6, rel=0.02)
    assert (large.discarded, large.kept) == (0, 1)


def test_sides_of_about_the_same_latency_take_the_same_turns() -> None:
    """Else what is left of the change would be a difference between them."""
    plan = _plan(alternation((1.2, 1.4), (40, 40), ((1.6, 1.2, 1.05), (1.0,))))
    assert len({(side.discarded, side.kept) for side in plan.sides}) == 1
    assert plan.sides[0].discarded == 3


def test_noise_alone_belongs_to_no_change() -> None:
    discarded = [
        side.discarded for seed in range(20) for side in _plan(alternation((1.0, 1.0), (40, 40), ((), ()), seed)).sides
    ]
    assert sum(count > 0 for count in discarded) <= 4
    assert max(discarded) <= 2


def test_a_slow_model_discards_nothing_whatever_its_few_requests_look_like() -> None:
    """A quick one beside it does: what it finds in the caches after the other's turn is another's."""
    plan = _plan(alternation((15_000.0, 1.2), (2, 40), ((1.4,), (1.6, 1.2, 1.05))))
    slow, quick = plan.sides
    assert (slow.discarded, slow.kept) == (0, 1)
    assert slow.first_request == pytest.approx(1.4, rel=0.05)
    assert quick.discarded == 3


def test_threads_that_spin_on_get_a_pause() -> None:
    found = alternation((15.0, 40.0), (3, 2), ((1.0,), (1.0,)))
    assert _plan(found, idle=(0.0003, 0.0001)).pause_s == 0.0
    assert _plan(found, idle=(0.004, 0.0001), threads=3).pause_s == pytest.approx(0.004)


def test_the_ratio_is_that_of_the_requests_that_count() -> None:
    found = alternation((1.0, 2.0), (8, 8), ((2.0, 1.5), (3.0,)))
    requests = [side_requests(found, number) for number in (0, 1)]
    (ratio,) = log_ratios(requests, (2, 1))
    assert np.exp(ratio.log_ratio) == pytest.approx(2.0, rel=0.005)
    assert ratio.blocks == BLOCKS
    assert block_logs(requests[0], 2).size == BLOCKS
    assert requests[0].kept(2).sum() == BLOCKS * 6
