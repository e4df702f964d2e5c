"""Baseline and candidate held against each other by the instructions of a request, apart from any time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from latency_bench.harness.gating.gate_result import GatedCase, answer_words
from latency_bench.harness.gating.measured_gate import GatePair, case_of_pair
from latency_bench.harness.instructions.counting import InstructionCounts, count_instructions
from latency_bench.harness.statistics.count_ratio import count_evidence
from latency_bench.harness.statistics.gate_answer import answers_of


def gate_instructions(
    pairs: Sequence[GatePair], limit: float, command: Sequence[str], wait: bool, on_stage: Callable[[str], None]
) -> tuple[GatedCase, ...]:
    """The answer for every pair: may the candidate need more than `limit` times the baseline's instructions? Raises as
    `count_instructions`."""
    counts = [count_instructions((pair.baseline, pair.candidate), command, wait, on_stage) for pair in pairs]
    evidence = [count_evidence(a.per_request, b.per_request, limit) for a, b in counts]
    cases = []
    for pair, (a, b), one, answer in zip(pairs, counts, evidence, answers_of(evidence), strict=True):
        counted = f"{_millions(a)} against {_millions(b)} million instructions a request, by {a.counter}"
        case = case_of_pair(pair, answer, answer_words(answer, one, [counted, "their time is not judged by this"]))
        name = f"{case.name}: instructions"
        cases.append(replace(case, name=name, ratio=one.ratio, low=one.low, high=one.high, detectable=one.detectable))
    return tuple(cases)


def _millions(counts: InstructionCounts) -> str:
    mean = math.fsum(counts.per_request) / len(counts.per_request) / 1e6
    return f"{mean:.4g}"
