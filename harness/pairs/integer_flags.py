"""Where int8 is slower than the floating point that it stands beside: said with what speaks for the reason."""

from __future__ import annotations

from collections.abc import Sequence

from latency_bench.harness.store.outcome import Flag
from latency_bench.harness.store.pair_record import PairedEstimate
from latency_bench.harness.store.quantisation import Quantisation
from latency_bench.harness.store.record import RunRecord


def integer_flags(sides: Sequence[RunRecord], ratios: Sequence[PairedEstimate]) -> list[Flag]:
    """Of every side in int8 that is shown to be slower than the first, where that is the same runtime in floats."""
    return [flag for one in ratios if (flag := _flag(sides[0], sides[one.side], one)) is not None]


def _flag(first: RunRecord, side: RunRecord, ratio: PairedEstimate) -> Flag | None:
    in_integers = [record.model.precision.startswith("int8") for record in (first, side)]
    if in_integers != [False, True] or first.runtime is None or side.runtime is None:
        return None
    if first.runtime.name != side.runtime.name or ratio.low is None or ratio.low <= 1:
        return None
    known = Quantisation.of_facts(side.runtime.facts, side.artifact.facts if side.artifact else {})
    because = f": {known.text()}" if known.text() else ""
    return Flag(
        name="int8_is_slower",
        severity="info",
        text=f"{side.model.precision} is slower than {first.model.precision} on {side.runtime.name} here{because}",
    )
