"""What a paired measurement is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from latency_bench.harness.case import Case
from latency_bench.harness.errors import UsageError


@dataclass(frozen=True)
class PairRequest:
    """Every case after the first is measured against the first, the baseline, all of them on one device at once.

    A common baseline and not every two of them: that is what people ask (this against what there was), and k sides
    answer it with k - 1 ratios from the same blocks.
    """

    cases: tuple[Case, ...]
    within: float = 0.01
    """How wide the interval of each ratio may be, from end to end, over the ratio."""
    limit: float | None = None
    """A ratio: measuring ends as soon as every interval, at `decided_at`, lies on one side of it; `within` then ends
    nothing."""
    decided_at: float = 0.99
    max_minutes: float = 10.0
    seed: int = 0
    """Of the order."""

    def __post_init__(self) -> None:
        """Raises UsageError."""
        if len(self.cases) < 2:
            raise UsageError("a pair has two sides; name the baseline first, then what is held against it")
        names = {case.device.name for case in self.cases}
        if len(names) > 1:
            raise UsageError(f"a pair is measured on one device, not on {', '.join(sorted(names))}")
        if any(case.streams is not None for case in self.cases):
            raise UsageError("--streams: a pair measures latencies, one request at a time")
