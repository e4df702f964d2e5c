"""Sustained use of a run that was sampled for a fixed time (`--protocol sustained`): its levels, and when it slowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from latency_bench.harness.probe_verdicts import observed
from latency_bench.harness.protocol import Protocol
from latency_bench.harness.store.outcome import Sustained
from latency_bench.harness.units import NS_PER_MS

if TYPE_CHECKING:
    from latency_bench.harness.run_data import Round


def is_sustained(protocol: Protocol) -> bool:
    """Whether sampling goes on for a fixed time, whatever the samples say."""
    return protocol.sampling.min_s > 0 and protocol.sampling.min_s >= protocol.sampling.max_s


def sustained(protocol: Protocol, rounds: Sequence[Round], fingerprint: Mapping[str, Any]) -> Sustained | None:
    """None for other protocols, for several rounds, and where there were too few requests to tell."""
    import numpy as np

    from latency_bench.harness.statistics.sustained import clock_fell_after, sustained_use

    if not is_sustained(protocol) or len(rounds) != 1:
        return None
    samples = rounds[0].result.samples
    use = sustained_use(samples.start_ns / 1e9, samples.latency_ns / NS_PER_MS)
    if use is None:
        return None
    window_ns = rounds[0].sampled_unix_ns
    clock = observed(rounds, fingerprint).clock_by_time()
    during = {} if window_ns is None else {at: mhz for at, mhz in clock.items() if window_ns[0] <= at <= window_ns[1]}
    fell_s = None
    if window_ns is not None:
        since_s = np.array([(at - window_ns[0]) / 1e9 for at in during])
        fell_s = clock_fell_after(since_s, np.array(list(during.values())))
    return Sustained(
        length_s=use.length_s,
        start_ms=use.start,
        end_ms=use.end,
        is_steady=use.is_steady,
        slower_after_s=use.slower_after_s,
        clock_fell_after_s=fell_s,
    )
