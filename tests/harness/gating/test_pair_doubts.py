"""What one side of a pair did to the other is never fine; what a change of turns does to both alike is."""

from __future__ import annotations

from pathlib import Path

import pytest

from latency_bench.harness.gating.measured_gate import doubts_of
from latency_bench.harness.store.outcome import Flag
from latency_bench.harness.store.pair_record import Interval, SideBiasRecord, parse_pair

EXAMPLE = Path(__file__).parents[1] / "store" / "examples" / "pair_1.json"


def _record(flag: str, first: tuple[float, ...] = (), **changes):
    bias = tuple(SideBiasRecord(first_request=Interval(ratio=ratio)) for ratio in first)
    flags = (Flag(name=flag, severity="warning", text=f"{flag} was seen"),)
    return parse_pair(EXAMPLE.read_bytes()).model_copy(update={"flags": flags, "bias": bias, **changes})


@pytest.mark.parametrize(
    ("flag", "first", "is_doubted"),
    [
        ("busy_while_idle", (1.0, 1.0), True),
        ("slower_after_change", (1.02, 1.021), False),
        ("slower_after_change", (1.0, 1.05), True),
        ("slower_after_change", (1.05,), True),
        ("out_of_time", (1.0, 1.0), False),
    ],
)
def test_a_flag_of_a_pair_is_doubted_where_it_is_in_the_ratio(flag, first, is_doubted):
    assert [*doubts_of([_record(flag, first)])] == ([f"{flag} was seen"] if is_doubted else [])


@pytest.mark.parametrize(("mode", "is_doubted"), [("turns", False), ("processes", True)])
def test_a_disturbed_machine_is_in_the_ratio_only_where_processes_follow_each_other(mode, is_doubted):
    record = _record("out_of_time", (1.0, 1.0))
    disturbed = Flag(name="foreign_load", severity="warning", text="others worked")
    sides = tuple(side.model_copy(update={"flags": (disturbed,)}) for side in record.sides)
    turns = record.turns.model_copy(update={"mode": mode})
    assert bool([*doubts_of([record.model_copy(update={"sides": sides, "turns": turns})])]) == is_doubted
