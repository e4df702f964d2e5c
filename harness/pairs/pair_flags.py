"""What a reader has to know before quoting a paired ratio."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from latency_bench.harness.changed_model import unlike_models
from latency_bench.harness.identity.differences import differences
from latency_bench.harness.identity.run_conditions import conditions_of
from latency_bench.harness.pairs.pair_data import PairMeasured, widest
from latency_bench.harness.statistics.paired_ratio import pairs_needed
from latency_bench.harness.store.outcome import Flag
from latency_bench.harness.store.pair_record import SideBiasRecord
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.units import duration

CHANGE_LIMIT = 0.01
"""Of what taking turns may do to requests that count; beyond, the ratio is one of models that disturb each other."""
_COMMAND_S = 0.0003
IDLE_LIMIT = 0.01
"""Of the time: processor time that a side used while another one had the turn."""


def pair_flags(
    measured: PairMeasured, bias: Sequence[SideBiasRecord], sides: Sequence[RunRecord] = ()
) -> tuple[Flag, ...]:
    """In the order of their weight. `sides`: their records, for what they differ in."""
    return (
        *_several_differences(sides),
        *unlike_models(sides),
        *_not_by_turns(measured),
        *_out_of_time(measured),
        *_idle(measured),
        *_disturbed(measured, bias),
    )


def _several_differences(sides: Sequence[RunRecord]) -> Iterator[Flag]:
    """A ratio answers one question: what else differs is in it too."""
    for number, side in enumerate(sides[1:], 1):
        unlike = differences(conditions_of(sides[0]), conditions_of(side))
        if unlike.obstacles:
            yield Flag(
                name="several_differences",
                severity="warning",
                text=f"side {number} differs from the first in {unlike.question}, and besides: "
                f"{'; '.join(unlike.obstacles)}",
                remedy="give both sides the same options but for what you ask about",
            )


def _not_by_turns(measured: PairMeasured) -> Iterator[Flag]:
    if measured.mode == "processes":
        yield Flag(
            name="not_by_turns",
            severity="warning",
            text=f"the sides took turns as short processes and not by request: {measured.mode_reason}",
            remedy="expect a wider interval; give it more time with --max-minutes",
        )


def _out_of_time(measured: PairMeasured) -> Iterator[Flag]:
    if measured.stopped_by != "max_minutes":
        return
    ratio, within = widest(measured.ratios()), measured.request.within
    needed = pairs_needed(ratio, within)
    text = f"the time was over at {len(measured.pairs)} process pair{'' if len(measured.pairs) == 1 else 's'}"
    if needed is not None and needed > len(measured.pairs):
        needed_s = needed * sum(pair.wall_s for pair in measured.pairs) / len(measured.pairs)
        text += f"; about {needed} ({duration(needed_s)}) would give an interval {100 * within:.3g} % wide"
    yield Flag(
        name="out_of_time",
        severity="info" if ratio.relative_width <= within else "warning",
        text=text,
        remedy="--max-minutes gives it more, --within asks for less",
    )


def _idle(measured: PairMeasured) -> Iterator[Flag]:
    alternated_s = sum(pair.alternated_s for pair in measured.pairs)
    for number, side in enumerate(measured.sides):
        idle_s = sum(pair.idle_processor_s[number] for pair in measured.pairs if pair.idle_processor_s)
        # Neither reading a command, some tenths of a millisecond, nor the pause after a burst is the other side's time.
        pause_s = 0.0 if measured.plan is None else measured.plan.pause_s * max(1, side.case.threads - 1)
        own_s = sum(pair.blocks for pair in measured.pairs) * (_COMMAND_S + pause_s)
        if alternated_s > 0 and idle_s - own_s > IDLE_LIMIT * alternated_s:
            yield Flag(
                name="busy_while_idle",
                severity="warning",
                text=f"side {number} ({side.case.spec.id}) computed for {idle_s / alternated_s:.1%} of the time, "
                "most of it while another side had the turn",
                remedy="threads of its runtime spin on: measure with one thread, or switch spinning off",
            )


def _disturbed(measured: PairMeasured, bias: Sequence[SideBiasRecord]) -> Iterator[Flag]:
    """Where single requests take turns, those after the other side's are among those that count."""
    if measured.plan is None:
        return
    for number, (plan, one) in enumerate(zip(measured.plan.sides, bias, strict=True)):
        first = one.first_request
        if plan.discarded or first is None or first.low is None or first.low <= 1 + CHANGE_LIMIT:
            continue
        yield Flag(
            name="slower_after_change",
            severity="warning",
            text=f"side {number} ({measured.sides[number].case.spec.id}) is {first.ratio - 1:.1%} slower in the first "
            "request after the other side's, and that request counts",
            remedy="the ratio is that of models that take turns; measure by rounds for the one of models alone",
        )
