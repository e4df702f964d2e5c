"""From what a paired measurement saw to the record that is stored of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import numpy as np

from latency_bench.harness.number_text import ratio_words
from latency_bench.harness.pairs.integer_flags import integer_flags
from latency_bench.harness.pairs.pair_data import PairMeasured, ProcessPair
from latency_bench.harness.pairs.pair_flags import pair_flags
from latency_bench.harness.recording import failed_record, finished_record
from latency_bench.harness.run_data import Measured
from latency_bench.harness.statistics.comparison import holm
from latency_bench.harness.statistics.pair_components import components
from latency_bench.harness.statistics.paired_ratio import (
    LEAST_PAIRS,
    PairedRatio,
    PairVerdict,
    is_narrow,
    paired_ratio,
    verdict,
)
from latency_bench.harness.store.pair_record import (
    Interval,
    PairedEstimate,
    PairRecord,
    ProcessPairRecord,
    SideBiasRecord,
    TurnsRecord,
)
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.redaction import command_without_secrets


def finished_pair(measured: PairMeasured) -> PairRecord:
    """The record of a pair that has a ratio of every side to the first."""
    ratios = measured.ratios()
    adjusted = holm([one.p_value for one in ratios])
    sides = tuple(finished_record(_counted(side)) for side in measured.sides)
    estimates = tuple(
        _estimate(measured, number, *of_side) for number, of_side in enumerate(zip(ratios, adjusted, strict=True), 1)
    )
    bias = tuple(_side_bias(measured.pairs, number) for number in range(len(sides)))
    return PairRecord(
        status="done",
        sides=sides,
        ratios=estimates,
        bias=bias,
        in_blocks=_all_in_blocks(measured),
        pairs=tuple(map(_process_pair, measured.pairs)),
        stopped_by=measured.stopped_by,  # type: ignore[arg-type]
        flags=(*pair_flags(measured, bias, sides), *integer_flags(sides, estimates)),
        **_common(measured, sides),
    )


def failed_pair(measured: PairMeasured, error: Exception) -> PairRecord:
    """The record of a pair that has none, and why; its sides show how far they got."""
    failing = measured.sides[measured.failed_side or 0]
    sides = tuple(failed_record(_counted(side), error) for side in measured.sides)
    return PairRecord(
        status="failed",
        sides=sides,
        failure=failed_record(failing, error).failure,
        failed_side=measured.failed_side,
        **_common(measured, sides),
    )


def _common(measured: PairMeasured, sides: Sequence[RunRecord]) -> dict[str, Any]:
    request, plan = measured.request, measured.plan
    return {
        "run_id": measured.run_id,
        "started_at": measured.started_at,
        "ended_at": datetime.now(timezone.utc),
        "command": command_without_secrets(measured.command),
        "campaign": measured.campaign,
        "device": sides[0].device,
        "request": {
            "within": request.within,
            "max_minutes": request.max_minutes,
            "seed": request.seed,
            **({} if request.limit is None else {"limit": request.limit, "decided_at": request.decided_at}),
        },
        "turns": TurnsRecord(
            mode=measured.mode,
            reason=measured.mode_reason,
            requests=() if plan is None else tuple(side.requests for side in plan.sides),
            discarded=() if plan is None else tuple(side.discarded for side in plan.sides),
            pause_s=0.0 if plan is None else plan.pause_s,
            trial_first_request=() if plan is None else tuple(side.first_request for side in plan.sides),
        ),
    }


def _others(measured: PairMeasured) -> range:
    return range(1, len(measured.sides))


def _counted(side: Measured) -> Measured:
    """With as many rounds as it has, which nobody knew before."""
    return replace(side, case=replace(side.case, rounds=max(1, len(side.rounds))))


def _estimate(measured: PairMeasured, number: int, ratio: PairedRatio, p_adjusted: float) -> PairedEstimate:
    blocks = [pair.ratios[number - 1] for pair in measured.pairs]
    errors = [one.standard_error for one in blocks]
    spread = components(ratio.log_ratios, errors, [pair.alternated_s for pair in measured.pairs])
    judged = verdict(ratio, measured.request.within, p_adjusted)
    counts = [sum(len(one.result.samples.latency_ns) for one in measured.sides[side].rounds) for side in (0, number)]
    return PairedEstimate(
        side=number,
        ratio=ratio.ratio,
        low=ratio.low,
        high=ratio.high,
        confidence=ratio.confidence,
        p_value=ratio.p_value,
        p_adjusted=p_adjusted,
        verdict=judged,
        text=_sentence(measured, ratio, judged, p_adjusted),
        basis=ratio.basis,
        process_pairs=ratio.process_pairs,
        request_pairs=min(counts),
        log_ratios=tuple(one.log_ratio for one in blocks),
        standard_errors=tuple(errors),
        between=None if spread is None else spread.between,
        within_1s=None if spread is None else spread.within,
    )


def _sentence(measured: PairMeasured, ratio: PairedRatio, judged: PairVerdict, p_adjusted: float) -> str:
    wide = "" if ratio.low is None else f", {ratio.relative_width:.2%} wide"
    figures = f"{ratio_words(ratio.ratio, ratio.low, ratio.high)}{wide}, p {p_adjusted:.2g}, {ratio.basis}"
    if judged in ("faster", "slower"):
        return f"{judged} by {abs(ratio.ratio - 1):.1%}: {figures}"
    if judged != "cannot tell":
        return f"{judged}: {figures}"
    return f"cannot tell{_why_not(measured, ratio)}: {figures}"


def _why_not(measured: PairMeasured, ratio: PairedRatio) -> str:
    """What ended the measuring before there was a verdict."""
    if measured.stopped_by != "max_minutes":
        return ""
    if ratio.process_pairs < LEAST_PAIRS:
        return f": the time was over before there were {LEAST_PAIRS} pairs of processes, the least for a verdict"
    if is_narrow(ratio, measured.request.within):
        return ": the interval is as narrow as was asked, and neither holds 1 nor is far enough from it"
    return f": the time was over before the interval was {measured.request.within:.2%} wide"


def _process_pair(pair: ProcessPair) -> ProcessPairRecord:
    return ProcessPairRecord(
        index=pair.index,
        started_at=pair.started_at,
        order_seed=pair.order_seed,
        start_order=pair.start_order,
        wall_s=pair.wall_s,
        alternated_s=pair.alternated_s,
        blocks=pair.blocks,
        idle_processor_s=pair.idle_processor_s,
    )


def _side_bias(pairs: Sequence[ProcessPair], number: int) -> SideBiasRecord:
    return SideBiasRecord(
        first_request=_interval([pair.bias[number].first_request for pair in pairs]),
        alone=_interval([pair.bias[number].alone for pair in pairs]),
    )


def _all_in_blocks(measured: PairMeasured) -> tuple[Interval, ...]:
    """One a side but the first; empty where that of any is not known."""
    found = [_in_blocks(measured.pairs, number) for number in _others(measured)]
    known = tuple(one for one in found if one is not None)
    return known if len(known) == len(found) else ()


def _in_blocks(pairs: Sequence[ProcessPair], number: int) -> Interval | None:
    """What the same processes alone, one after the other, would have said: alternating over alone, taken out again."""
    logs = []
    for pair in pairs:
        alone, alone_first = pair.bias[number].alone, pair.bias[0].alone
        if alone is not None and alone_first is not None:
            logs.append(pair.ratios[number - 1].log_ratio - alone + alone_first)
    return _interval(logs)


def _interval(logs: Sequence[float | None]) -> Interval | None:
    known = [value for value in logs if value is not None and np.isfinite(value)]
    if not known:
        return None
    estimate = paired_ratio(known)
    return Interval(ratio=estimate.ratio, low=estimate.low, high=estimate.high)
