"""How long a campaign's pairs will take, foretold from what is known of their sides."""

from __future__ import annotations

from typing import Any

import pytest

from latency_bench.harness.campaign.campaign_plan import PairTerms, PlannedCase, PlannedPair
from latency_bench.harness.campaign.estimate import Estimator
from latency_bench.harness.identity.case_key import CaseKey
from latency_bench.harness.pairs.burst_plan import LEAST_BLOCKS, USUAL_BLOCKS
from latency_bench.harness.protocol import load_protocol
from latency_bench.harness.statistics.paired_ratio import LEAST_PAIRS

TERMS = PairTerms(load_protocol("quick"), within=0.1, max_minutes=600.0)


def estimator(*known: tuple[PlannedCase, float]) -> Estimator:
    rows: list[dict[str, Any]] = [
        {
            **CaseKey.of_case(planned.case).fields(),
            "runtime_options": None,
            "macs": None,
            "median_ms": latency_ms,
            "protocol": "another",
        }
        for planned, latency_ms in known
    ]
    return Estimator(rows, lambda spec: None)


def test_a_pair_of_slow_models_takes_as_long_as_its_blocks(make_plan):
    slow, quick = make_plan(2).cases
    pair = PlannedPair(slow, quick, TERMS)
    seconds = estimator((slow, 20_000.0), (quick, 1_000.0)).pair_seconds(pair)
    assert seconds > (LEAST_PAIRS * USUAL_BLOCKS + LEAST_BLOCKS) * 21.0
    assert seconds > estimator((slow, 200.0), (quick, 10.0)).pair_seconds(pair)


def test_a_pair_takes_its_trial_and_no_longer_than_its_time(make_plan):
    slow, quick = make_plan(2).cases
    known = estimator((slow, 20_000.0), (quick, 1_000.0))

    def seconds(max_minutes: float) -> float:
        terms = PairTerms(TERMS.protocol, TERMS.within, max_minutes)
        return known.pair_seconds(PlannedPair(slow, quick, terms))

    assert seconds(2.0) - seconds(1.0) == pytest.approx(60.0)
    trial_s = seconds(1.0) - 60.0
    assert LEAST_BLOCKS * 21.0 < trial_s < (seconds(TERMS.max_minutes) - trial_s) / LEAST_PAIRS


def test_a_pair_with_a_side_that_nothing_is_known_of_has_no_estimate(make_plan):
    known, unknown = make_plan(2).cases
    assert estimator((known, 20.0)).pair_seconds(PlannedPair(known, unknown, TERMS)) is None
