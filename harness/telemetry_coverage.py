"""Which share of the sampling the readings of a run cover, for the record and for what is concluded from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from latency_bench.devices.probes.readings import Reading

if TYPE_CHECKING:
    from latency_bench.harness.run_data import Round

_NS_PER_S = 1e9


def coverage(rounds: Sequence[Round], counts: Callable[[Reading, Round], bool]) -> float | None:
    """Share of the sampling of all rounds that lies near a reading that counts.

    None where no round has one, as on a machine that does not tell, and where nobody knows when rounds were sampled.
    """
    from latency_bench.harness.statistics.coverage import covered_s

    watched_s = total_s = 0.0
    any_reading = False
    for one in rounds:
        if (window_ns := one.sampled_unix_ns) is None:
            continue
        # Seconds since the round began: a float of Unix time in nanoseconds would round them.
        times_s = [(reading.time_ns - window_ns[0]) / _NS_PER_S for reading in one.readings if counts(reading, one)]
        length_s = (window_ns[1] - window_ns[0]) / _NS_PER_S
        any_reading = any_reading or bool(times_s)
        watched_s += covered_s(times_s, 0.0, length_s)
        total_s += length_s
    return min(1.0, watched_s / total_s) if any_reading and total_s > 0 else None


def coverage_by_quantity(rounds: Sequence[Round]) -> dict[str, float]:
    """Of every quantity that was read, in the order in which they first were."""
    quantities = dict.fromkeys(reading.quantity for one in rounds for reading in one.readings)
    shares = {name: coverage(rounds, lambda reading, _, name=name: reading.quantity == name) for name in quantities}  # type: ignore[misc]
    return {name: round(share, 4) for name, share in shares.items() if share is not None}


def ended_early(rounds: Sequence[Round]) -> list[str]:
    """Why readings stopped before their round was over, one entry a round in which they did."""
    return [one.telemetry_error for one in rounds if one.telemetry_error is not None]
