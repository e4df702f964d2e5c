"""What is said beside a ratio."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest

from latency_bench.harness.pairs.burst_plan import BurstPlan, SidePlan
from latency_bench.harness.pairs.pair_data import PairMeasured, ProcessPair, SideBias
from latency_bench.harness.pairs.pair_flags import pair_flags
from latency_bench.harness.pairs.pair_request import PairRequest
from latency_bench.harness.run_data import Measured
from latency_bench.harness.statistics.block_ratio import BlockRatio
from latency_bench.harness.store.pair_record import Interval, SideBiasRecord

NOTHING = (SideBiasRecord(), SideBiasRecord())
NOW = datetime(2026, 11, 28, tzinfo=timezone.utc)


@pytest.fixture
def measured(write_model, case_for):
    """make(idle_s=..., pause_s=..., spread=...): twelve pairs of 10 s and 100 blocks each."""

    def make(idle_s: float = 0.0, pause_s: float = 0.0, spread: float = 0.001, stopped_by: str = "within"):
        case = case_for(write_model("few", layers=1))
        sides = tuple(Measured(case, "20261128T000000Z-abcdef", ("bench",), NOW) for _ in range(2))
        found = PairMeasured(PairRequest((case, case)), sides, sides[0].run_id, ("bench",), NOW)
        found.plan = BurstPlan((SidePlan(0.01, 0, 1, 1.0),) * 2, pause_s)
        found.stopped_by = stopped_by
        for index in range(12):
            ratio = BlockRatio(spread * (-1) ** index, 0.01, 100)
            bias = (SideBias(None, None),) * 2
            found.pairs.append(ProcessPair(index, NOW, 0, (0, 1), 15.0, 10.0, 100, (ratio,), bias, (idle_s, 0.0)))
        return found

    return make


def _names(found: PairMeasured, bias=NOTHING) -> list[str]:
    return [flag.name for flag in pair_flags(found, bias)]


def test_nothing_is_said_where_nothing_was_seen(measured) -> None:
    assert _names(measured()) == []


def test_a_side_that_computes_in_the_others_turn_is_named_and_one_in_the_pause_is_not(measured) -> None:
    (flag,) = pair_flags(measured(idle_s=0.5), NOTHING)
    assert flag.name == "busy_while_idle"
    assert re.search(r"side 0 \(file-few[-0-9a-f]*\) computed for 5.0% of the time", flag.text)
    assert _names(measured(idle_s=0.5, pause_s=0.005)) == []
    assert _names(measured(idle_s=0.02)) == [], "reading commands"


def test_how_long_a_narrow_interval_would_take_is_said(measured) -> None:
    (flag,) = pair_flags(measured(spread=0.05, stopped_by="max_minutes"), NOTHING)
    assert (flag.name, flag.severity) == ("out_of_time", "warning")
    assert "; about 1202 (5 h 00 min) would give an interval 1 % wide" in flag.text


def test_single_requests_that_the_change_slows_down_are_told_of(measured) -> None:
    slow = SideBiasRecord(first_request=Interval(ratio=1.05, low=1.03, high=1.07))
    (flag,) = pair_flags(measured(), (SideBiasRecord(), slow))
    assert flag.name == "slower_after_change"
    assert "side 1" in flag.text
    assert "5.0% slower" in flag.text
    unsure = SideBiasRecord(first_request=Interval(ratio=1.05, low=0.99, high=1.11))
    assert _names(measured(), (unsure, unsure)) == []


def test_sides_that_differ_in_more_than_what_is_asked_are_flagged(measured, make_record) -> None:
    first = make_record()
    runtime = first.runtime
    assert runtime is not None
    other = runtime.model_copy(update={"name": "onnxruntime", "version": "1.31"})
    one_question = first.model_copy(update={"runtime": other})
    assert pair_flags(measured(), NOTHING, (first, one_question)) == ()
    model = first.model.model_copy(update={"precision": "fp16", "batch": 4})
    (flag,) = pair_flags(measured(), NOTHING, (first, first.model_copy(update={"runtime": other, "model": model})))
    assert flag.name == "several_differences"
    assert "batch 1 against 4" in flag.text
    assert "fp16" in flag.text


def test_sides_whose_files_were_changed_differently_are_two_computations(measured, make_record) -> None:
    first = make_record()
    assert first.artifact is not None
    facts = {**first.artifact.facts, "upsampling": "bilinear", "upsampling_replaced": "bicubic"}
    changed = first.model_copy(update={"artifact": first.artifact.model_copy(update={"facts": facts})})
    assert pair_flags(measured(), NOTHING, (changed, changed)) == ()
    (flag,) = pair_flags(measured(), NOTHING, (first, changed))
    assert (flag.name, flag.severity) == ("changed_model", "warning")
    assert "side 1 has a bilinear resize in place of a bicubic one" in flag.text
    assert "side 0" in pair_flags(measured(), NOTHING, (changed, first))[0].text
