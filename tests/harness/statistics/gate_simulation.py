"""Pipelines of many cases that a gate judges, simulated: on stored runs of two sessions, and measured by pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from latency_models import Floats, Random

from latency_bench.harness.statistics.gate_answer import (
    Answer,
    RatioEvidence,
    answers_of,
    decision_confidence,
    is_decided,
    pair_evidence,
)
from latency_bench.harness.statistics.paired_ratio import next_look
from latency_bench.harness.statistics.session_spread import SessionSpread, across_sessions

LIMIT = 1.03
SESSIONS_SPREAD = 0.05
CASES = 50


def stored_pipeline(random: Random, shift: float, spread: SessionSpread | None) -> list[Answer]:
    """50 cases of one pipeline: 9 rounds a side that spread by 1 %, a change of `shift` in all of them, and a shift
    between sessions that all cases share. `spread`: what is known of the sessions."""
    noise = 0.01 * math.sqrt(2 / 9)
    sessions = SESSIONS_SPREAD * math.sqrt(2) * random.standard_normal()
    evidence = []
    for ratio in np.exp(shift + sessions + noise * random.standard_normal(CASES)):
        half = math.exp(2.2 * noise)
        wide = across_sessions(ratio, ratio / half, ratio * half, LIMIT, spread, (1, 1), 0.95)
        evidence.append(RatioEvidence(ratio, wide.low, wide.high, LIMIT, wide.p_worse))
    return answers_of(evidence)


def decided_pairs(log_ratios: Floats, cases: int = 1) -> list[float]:
    """As many of the log ratios of process pairs as the gate takes until the case, one of so many, is decided."""
    confidence, look = decision_confidence(cases), next_look(0)
    while look < log_ratios.size and not is_decided(log_ratios[:look].tolist(), LIMIT, confidence):
        look = next_look(look)
    used: list[float] = log_ratios[: min(look, log_ratios.size)].tolist()
    return used


def measured_pipeline(log_ratios: Sequence[Floats]) -> tuple[list[Answer], list[int]]:
    """The answers to all cases of one pipeline, and the pairs that each took."""
    used = [decided_pairs(one, len(log_ratios)) for one in log_ratios]
    return answers_of([pair_evidence(one, LIMIT) for one in used]), [len(one) for one in used]
