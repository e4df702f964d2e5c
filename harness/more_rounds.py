"""How many rounds a case gets: those of its protocol, and more where the first ones show that it needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latency_bench.harness.case import Case

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def rounds_needed_by(case: Case, latencies_ns: Sequence[npt.NDArray[np.int64]]) -> int:
    """From the latencies of the rounds that there are: within the protocol's bounds, and never fewer than these."""
    from latency_bench.harness.statistics.round_count import round_variance, rounds_for_interval

    if case.most_rounds is None or len(latencies_ns) >= case.most_rounds:
        return len(latencies_ns)
    variance = round_variance([values.astype(float) for values in latencies_ns])
    if variance is None:
        return len(latencies_ns)
    needed = rounds_for_interval(variance, case.protocol.round_interval)
    return min(max(needed, len(latencies_ns)), case.most_rounds)
