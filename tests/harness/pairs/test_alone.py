"""What a side of a pair took alone, before turns were taken, rests on requests of a warm process."""

from __future__ import annotations

import numpy as np
import pytest

from latency_bench.devices.runners.base import Columns, RoundResult
from latency_bench.harness.pairs.taking_turns import alone_ns


@pytest.mark.parametrize(
    ("warmup_ms", "alone_ms"),
    [([7500], []), ([7500, 600], [600]), ([7500, 700, 600], [700, 600]), ([9, 8, 7, 6, 5], [7, 6, 5]), ([], [])],
)
def test_the_first_request_of_a_process_is_never_among_them(warmup_ms: list[int], alone_ms: list[int]) -> None:
    latency_ns = np.array(warmup_ms, np.int64) * 1_000_000
    nothing = Columns(np.empty(0, np.int64), np.empty(0, np.int64))
    side = RoundResult(Columns(latency_ns, latency_ns), nothing, {}, {}, {}, None, "")
    assert alone_ns(side).tolist() == [one * 1e6 for one in alone_ms]
