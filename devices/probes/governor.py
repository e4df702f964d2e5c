"""Whether the governor of a processor could move its clock, from the limits that it was given."""

from __future__ import annotations

from typing import Any

from latency_bench.devices.probes.observed import Answer


def limits_agree(frequency: dict[str, Any]) -> Answer:
    """`yes` only where the least and the greatest clock are the same, on all cores."""
    low, high = frequency.get("min_khz"), frequency.get("max_khz")
    if low is None or high is None:
        return "unknown"
    return "yes" if low == high else "no"
