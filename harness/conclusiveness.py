"""Whether a run's number may be ranked: it was shown steady, and its rounds agree.

What is neither is measured once more in fresh processes, and stays inconclusive if that does not show it either: then
it is shown with its marks, and takes no part in rankings and claims.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from latency_bench.harness.protocol import Protocol
from latency_bench.harness.store.outcome import Answer

if TYPE_CHECKING:
    from latency_bench.harness.statistics.steadiness import Verdict
    from latency_bench.harness.store.record import RunRecord

QUESTION = "conclusive"
"""Its name among a record's verdicts: `yes`; `unknown`, not shown and not yet measured again; `no`, not shown twice."""


def conclusiveness(steadiness: Sequence[Verdict], flags: Collection[str], is_repeat: bool) -> Answer:
    """`steadiness`: of each round; shown where more than half of them are steady. `flags`: names of those raised."""
    steady = sum(verdict == "steady" for verdict in steadiness)
    if 2 * steady > len(steadiness) and "processes_disagree" not in flags:
        return "yes"
    return "no" if is_repeat else "unknown"


def wants_repeat(protocol: Protocol, record: RunRecord) -> bool:
    """Whether a run has to be measured once more."""
    judged = any("steadiness" in one.facts for one in record.rounds)
    return protocol.again and judged and record.verdicts.get(QUESTION) == "unknown"
