"""A finished round, judged: was it steady, and which of its requests still belong to the start-up?"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from latency_bench.devices.runners.base import Columns, RoundResult

if TYPE_CHECKING:
    from latency_bench.harness.statistics.steadiness import Steadiness


def settle(result: RoundResult) -> tuple[RoundResult, Steadiness]:
    """The round with its start-up counted as warm-up, and the verdict on what is left.

    A round whose samples are summaries of whole processes (a runner that says so in `loaded` as `sample_is`) has no
    start-up of its own: nothing is moved there.
    """
    import numpy as np

    from latency_bench.harness.statistics.steadiness import judge_steadiness

    if "sample_is" in result.loaded:
        return result, judge_steadiness(result.samples.latency_ns.astype(np.float64))
    samples, warmup = (part.latency_ns.astype(np.float64) for part in (result.samples, result.warmup))
    verdict = judge_steadiness(samples, warmup)
    if not verdict.settled_at:
        return result, verdict
    start, rest = _part(result.samples, 0, verdict.settled_at), _part(result.samples, verdict.settled_at, None)
    return dataclasses.replace(result, warmup=_joined(result.warmup, start), samples=rest), verdict


def _part(columns: Columns, first: int, end: int | None) -> Columns:
    return Columns(
        columns.start_ns[first:end],
        columns.latency_ns[first:end],
        {phase: values[first:end] for phase, values in columns.phases_ns.items()},
        None if columns.enqueue_ns is None else columns.enqueue_ns[first:end],
    )


def _joined(a: Columns, b: Columns) -> Columns:
    """One after the other; a column that only one of them has is dropped."""
    import numpy as np

    phases = {
        phase: np.concatenate([a.phases_ns[phase], values])
        for phase, values in b.phases_ns.items()
        if phase in a.phases_ns
    }
    enqueue_ns = None
    if a.enqueue_ns is not None and b.enqueue_ns is not None:
        enqueue_ns = np.concatenate([a.enqueue_ns, b.enqueue_ns])
    return Columns(
        np.concatenate([a.start_ns, b.start_ns]), np.concatenate([a.latency_ns, b.latency_ns]), phases, enqueue_ns
    )
