"""Budgets of a candidate that was measured beside its baseline: kept or exceeded by its own requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from latency_bench.devices.device import Device
from latency_bench.harness.case import Case
from latency_bench.harness.gating.budgets import Budgets, gate_pair_budgets
from latency_bench.harness.gating.measured_gate import GatePair
from latency_bench.harness.protocol import load_protocol
from latency_bench.harness.store.outcome import Failure, Flag
from latency_bench.harness.store.pair_record import parse_pair
from latency_bench.model_specs.catalog import load_spec

EXAMPLE = Path(__file__).parents[1] / "store" / "examples" / "pair_1.json"


def _pair(flag: str = "", status: str = "done", **changes) -> GatePair:
    """A candidate of 9 to 11 ms, over ten rounds."""
    record = parse_pair(EXAMPLE.read_bytes())
    candidate = record.sides[1]
    latency = {"median_ms": 10.0, "low_ms": 9.0, "high_ms": 11.0, "rounds": 10}
    summary = candidate.summary.model_copy(
        update={"latency": candidate.summary.latency.model_copy(update={**latency, **changes})}
    )
    candidate = candidate.model_copy(update={"summary": summary, "status": status, "flags": ()})
    flags = (Flag(name=flag, severity="warning", text="slower after each change"),) if flag else ()
    measured = record.model_copy(update={"sides": (record.sides[0], candidate), "flags": flags})
    case = Case(load_spec("b0-cls-r224"), Device(name="desk"), load_protocol("quick"), "onnxruntime", 1, 1)
    return GatePair(case, case, "main", "new.onnx", records=[measured])


@pytest.mark.parametrize(
    ("budgets", "pair", "answers"),
    [
        (Budgets(max_ms=12), _pair(), ["fine"]),
        (Budgets(max_ms=8), _pair(), ["worse"]),
        (Budgets(max_ms=10), _pair(), ["cannot tell"]),
        (Budgets(max_ms=12), _pair(rounds=1), ["cannot tell"]),
        (Budgets(max_ms=12), _pair(status="unstable"), ["cannot tell"]),
        # By taking turns it is slower than it is alone.
        (Budgets(max_ms=12), _pair("slower_after_change"), ["fine"]),
        (Budgets(max_ms=8), _pair("slower_after_change"), ["cannot tell"]),
        (Budgets(max_mb=1000), _pair(), ["fine"]),
        (Budgets(max_ms=12, max_mb=1), _pair(), ["fine", "worse"]),
        (Budgets(), _pair(), []),
    ],
)
def test_a_budget_is_held_by_the_candidates_own_requests(budgets, pair, answers):
    assert [case.answer for case in gate_pair_budgets([pair], budgets)] == answers


def test_a_pair_that_failed_has_no_budget_of_its_own():
    pair = _pair()
    failed = Failure(stage="sampling", kind="runtime-failed", message="no")
    pair.records[0] = pair.records[0].model_copy(update={"status": "failed", "failure": failed})
    assert gate_pair_budgets([pair], Budgets(max_ms=1)) == ()
