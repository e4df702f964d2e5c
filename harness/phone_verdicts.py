"""What a phone says of its own heat, as a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latency_bench.harness.store.outcome import Answer

if TYPE_CHECKING:
    from latency_bench.harness.run_data import Round


def phone_throttled(rounds: Sequence[Round]) -> Answer | None:
    """`yes` where Android's thermal status was above none (0) before or after a round; None where it says nothing.

    Status 0 at both ends is no proof: it may rise and fall in between, and makers throttle below it. So it decides
    nothing, and the clock's verdict stands.
    """
    for one in rounds:
        for condition in (one.result.hello.get("condition_before"), one.result.done.get("condition_after")):
            status = condition.get("thermal_status") if isinstance(condition, dict) else None
            if isinstance(status, int) and status > 0:
                return "yes"
    return None
