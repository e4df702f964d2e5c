"""What a gate promises, simulated: hardly a false alarm although sessions differ by 5 %; a true 5 % found by pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gate_simulation import CASES, LIMIT, SESSIONS_SPREAD, decided_pairs, stored_pipeline

from latency_bench.harness.statistics.gate_answer import (
    RatioEvidence,
    answers_of,
    benjamini_hochberg,
    p_slower_pairs,
    p_slower_rounds,
    pair_evidence,
)
from latency_bench.harness.statistics.session_spread import SessionSpread, session_spread


@pytest.mark.parametrize(
    ("low", "high", "p", "answer"),
    [
        (0.99, 1.02, 0.9, "fine"),
        (1.04, 1.09, 0.001, "worse"),
        (1.01, 1.05, 0.2, "cannot tell"),
        (1.04, 1.09, 0.02, "cannot tell"),
        (None, None, 0.001, "cannot tell"),
    ],
)
def test_both_fine_and_worse_have_to_be_shown(low, high, p, answer):
    assert answers_of([RatioEvidence(1.0 if low is None else (low + high) / 2, low, high, LIMIT, p)]) == [answer]


def test_what_would_have_been_seen_is_as_far_above_the_limit_as_the_interval_reaches_down():
    one = RatioEvidence(1.05, 1.0, 1.1, LIMIT, 0.1)
    assert one.detectable == pytest.approx(LIMIT * 1.05)


def test_many_cases_that_are_all_slower_do_not_blind_each_other():
    p = 1 / math.comb(18, 9)
    assert benjamini_hochberg([p] * 49) == pytest.approx([p] * 49)
    assert benjamini_hochberg([0.001, *[1.0] * 49])[0] == pytest.approx(0.05)
    assert benjamini_hochberg([]) == []


def test_one_sided_p_values_are_uniform_where_the_ratio_is_the_limit():
    random = np.random.default_rng(1)
    rounds = random.normal(0, 0.01, (400, 2, 9)) + np.array([0, math.log(LIMIT)])[:, None]
    pairs = random.normal(math.log(LIMIT), 0.01, (400, 12))
    for p in ([p_slower_rounds(a, b, LIMIT) for a, b in rounds], [p_slower_pairs(one, LIMIT) for one in pairs]):
        assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.035)
        assert np.mean(p) == pytest.approx(0.5, abs=0.06)


def _pipelines_that_fail(random, shift: float, spreads: list[SessionSpread | None]) -> float:
    """The share of pipelines of which one case or more is called worse."""
    return float(np.mean(["worse" in stored_pipeline(random, shift, spread) for spread in spreads]))


def test_sessions_that_differ_by_5_percent_raise_hardly_an_alarm():
    random = np.random.default_rng(2)
    trials = 300
    levels = SESSIONS_SPREAD * random.standard_normal((trials, 6))
    known = [session_spread([one]) for one in levels]
    assert _pipelines_that_fail(random, 0.0, known) <= 0.02
    assert _pipelines_that_fail(random, 0.0, [None] * trials) <= 0.02
    # What the estimate alone would say: it takes the weather for a regression.
    naive = SESSIONS_SPREAD * math.sqrt(2) * random.standard_normal(trials) > math.log(LIMIT)
    assert naive.mean() > 0.2


def test_a_slowdown_that_exceeds_what_sessions_do_is_found():
    random = np.random.default_rng(3)
    assert _pipelines_that_fail(random, math.log(1.5), [None] * 50) == 1.0


def test_the_spread_of_sessions_is_estimated_over_cases_and_trusted_as_far_as_sessions_go():
    random = np.random.default_rng(4)
    shared = SESSIONS_SPREAD * random.standard_normal(200)
    found = session_spread([(shared + case).tolist() for case in range(5)])
    assert found.log_deviation == pytest.approx(SESSIONS_SPREAD, rel=0.15)
    assert found.degrees == 199
    assert session_spread([[1.0], [2.0]]) is None


def _by_pairs(random, log_ratio: float, spread: float, most: int, cases: int = 1) -> tuple[str, int]:
    """One case measured until it is decided or has so many pairs: its answer, and the pairs it took."""
    used = decided_pairs(log_ratio + spread * random.standard_normal(most), cases)
    return answers_of([pair_evidence(used, LIMIT)])[0], len(used)


@pytest.mark.parametrize(
    ("true", "spread", "cases", "answer"),
    [(1.0, 0.005, 1, "fine"), (1.0, 0.01, CASES, "fine"), (1.05, 0.005, 1, "worse"), (1.05, 0.01, CASES, "worse")],
)
def test_pairs_of_one_session_tell_5_percent_from_nothing(true, spread, cases, answer):
    random = np.random.default_rng(5)
    trials = [_by_pairs(random, math.log(true), spread, 40, cases) for _ in range(300)]
    given = [one for one, _ in trials]
    assert given.count(answer) / len(given) >= 0.95
    assert given.count("worse" if answer == "fine" else "fine") == 0
    assert np.median([pairs for _, pairs in trials]) <= 20


def test_looking_again_and_again_at_a_ratio_that_is_the_limit_seldom_decides():
    random = np.random.default_rng(6)
    trials = [_by_pairs(random, math.log(LIMIT), 0.01, 60)[0] for _ in range(500)]
    assert trials.count("worse") / len(trials) <= 0.05
    assert trials.count("fine") / len(trials) <= 0.05


def test_where_nothing_is_slower_hardly_a_pipeline_by_pairs_fails():
    random = np.random.default_rng(7)
    answers = [_by_pairs(random, 0.0, 0.02, 40, CASES)[0] for _ in range(20 * CASES)]
    assert answers.count("worse") == 0
