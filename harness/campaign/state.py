"""What a campaign has done so far: told by the runs in the store and by nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latency_bench.harness.campaign.campaign_plan import Plan, PlannedCase

OTHER_HOST = "other-host"
"""Whoever has the device now is not who had it when the campaign began."""
AWAY = frozenset({"unreachable", "busy", "abandoned", OTHER_HOST})
"""The device could not be had: it did not answer, or somebody else measured it. It is waited for."""
HOST_TROUBLE = "host"
"""The computer that should measure is in trouble, or the wrong one; the case may be tried again there or elsewhere."""
NOT_THE_CASE = AWAY | {"request", "inventory", HOST_TROUBLE}
"""Failures that say nothing about the case: the device was away, or something has to be installed or mended first."""


@dataclass
class CaseRuns:
    """The runs of one case, latest first, as rows of the run table (harness/store/run_table.py)."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def finished(self) -> dict[str, Any] | None:
        """The latest run that has numbers; of a run and its repeat the repeat, though both may be of one second."""
        done = [row for row in self.rows if row["status"] != "failed"]
        repeated = {row.get("repeats") for row in done}
        return next((row for row in done if row.get("run_id") is None or row["run_id"] not in repeated), None)

    @property
    def failures(self) -> int:
        """Failed runs that count as attempts."""
        return sum(row["status"] == "failed" and row["failure_kind"] not in NOT_THE_CASE for row in self.rows)

    def is_open(self, attempts: int) -> bool:
        """Whether it has no number yet, and attempts left."""
        return self.finished is None and self.failures < attempts

    def repeats(self, planned: PlannedCase, attempts: int) -> str | None:
        """Id of the run that has to be measured once more, because it was inconclusive; None where none has."""
        latest = self.finished
        if latest is None or not planned.case.protocol.again or self.failures >= attempts:
            return None
        return latest["run_id"] if latest["conclusive"] == "unknown" else None


def runs_by_case(plan: Plan, store: Path) -> dict[str, CaseRuns]:
    """The runs of every case of a plan and its pairs, of those without any too. Raises StoreError."""
    from latency_bench.harness.store.listing import find_rows

    found = {planned.key: CaseRuns() for planned in plan.everything}
    pairs = _pair_rows(store) if plan.pairs else ()
    for row in _rows_of(plan.name, (*find_rows(store), *pairs)):
        if row["case"] in found:
            found[row["case"]].rows.append(row)
    return found


def _pair_rows(store: Path) -> Iterator[dict[str, Any]]:
    """The pairs of campaigns with the columns of the run table that say what came of them, and their ratio in words."""
    from latency_bench.harness.campaign.attempt import ratio_of_pair
    from latency_bench.harness.store.pair_listing import find_pairs

    for pair in find_pairs(store):
        record, failure = pair.record, pair.record.failure
        if record.campaign is not None:
            yield {
                "campaign": record.campaign.name,
                "case": record.campaign.case,
                "path": "/".join(pair.path.parts[-3:]),
                "status": record.status,
                "failure_kind": failure.kind if failure else None,
                "failure_stage": failure.stage if failure else None,
                "failure": failure.message if failure else None,
                "median_ms": None,
                "ratio": ratio_of_pair(record),
            }


def _rows_of(name: str, rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    return (row for row in rows if row["campaign"] == name)
