"""What came of trying a case once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.number_text import ratio_words
from latency_bench.harness.store.outcome import Answer

if TYPE_CHECKING:
    from latency_bench.harness.campaign.campaign_plan import PlannedCase
    from latency_bench.harness.store.pair_record import PairRecord
    from latency_bench.harness.store.record import RunRecord


@dataclass(frozen=True)
class Attempt:
    """A stored run, or the reason why there is not even a failed one."""

    key: str
    run: str | None
    """Folder of the run in the store (device/model/run id); None where none was stored."""
    status: str
    """done, unstable or failed."""
    kind: str | None = None
    """Of the failure, in one word."""
    reason: str | None = None
    median_ms: float | None = None
    ratio: str | None = None
    """Of a pair, with its interval, in words."""
    conclusive: Answer | None = None
    """As in the record; None where it does not say."""

    @classmethod
    def stored(cls, planned: PlannedCase, record: RunRecord, path: Path) -> Attempt:
        """Of a run that is in the store."""
        failure = record.failure
        return cls(
            planned.key,
            "/".join(path.parts[-3:]),
            record.status,
            failure.kind if failure else None,
            f"{failure.stage}: {failure.message}" if failure else None,
            record.summary.latency.median_ms if record.summary else None,
            conclusive=record.verdicts.get("conclusive"),
        )

    @classmethod
    def of_pair(cls, key: str, record: PairRecord, path: Path) -> Attempt:
        """Of a pair that is in the store."""
        failure = record.failure
        return cls(
            key,
            "/".join(path.parts[-3:]),
            record.status,
            failure.kind if failure else None,
            f"{failure.stage}: {failure.message}" if failure else None,
            ratio=ratio_of_pair(record),
        )

    @classmethod
    def of_row(cls, key: str, row: dict[str, Any]) -> Attempt:
        """Of a run of the run table."""
        reason = f"{row['failure_stage']}: {row['failure']}" if row["failure"] else None
        return cls(
            key,
            row["path"],
            row["status"],
            row["failure_kind"],
            reason,
            row["median_ms"],
            row.get("ratio"),
            row.get("conclusive"),
        )

    def wants_repeat(self, planned: PlannedCase) -> bool:
        """Whether the case has to be measured once more (harness/conclusiveness.py)."""
        return self.conclusive == "unknown" and planned.case.protocol.again

    @property
    def failed(self) -> bool:
        return self.status == "failed"


def ratio_of_pair(record: PairRecord) -> str | None:
    """The first ratio in words; None of one that failed."""
    if not record.ratios:
        return None
    first = record.ratios[0]
    return ratio_words(first.ratio, first.low, first.high)
