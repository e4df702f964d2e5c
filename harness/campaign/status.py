"""Where a campaign stands: every case with what came of it, and what is left, in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from latency_bench.harness.campaign.attempt import Attempt
from latency_bench.harness.campaign.campaign_plan import Plan, Planned, PlannedPair
from latency_bench.harness.campaign.state import CaseRuns

Standing = Literal["done", "unstable", "failed", "open"]


@dataclass(frozen=True)
class CaseStatus:
    """One case, and the last that is known of it."""

    planned: Planned
    standing: Standing
    attempt: Attempt | None
    """The run with numbers, else the last failure; None for a case that was never tried."""
    attempts: int
    """Runs that are stored of it."""

    @property
    def is_inconclusive(self) -> bool:
        """Measured twice, and neither time shown steady."""
        return self.attempt is not None and self.attempt.conclusive == "no"

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        case, found = self.planned.case, self.attempt
        return {
            "case": self.planned.key,
            "model": case.spec.id,
            "device": case.device.name,
            "runtime": case.runtime,
            "precision": case.precision,
            "batch": case.batch,
            "resolution": list(case.spec.resolution),
            "threads": case.threads,
            "protocol": case.protocol.name,
            "rounds": case.rounds,
            "status": self.standing,
            "conclusive": found.conclusive if found else None,
            "attempts": self.attempts,
            "run": found.run if found else None,
            "median_ms": found.median_ms if found else None,
            **self._pair_json(),
            "reason": found.reason if found else None,
        }

    def _pair_json(self) -> dict[str, Any]:
        if not isinstance(self.planned, PlannedPair):
            return {}
        return {
            "baseline": self.planned.baseline.case.spec.id,
            "ratio": self.attempt.ratio if self.attempt else None,
        }


def statuses(plan: Plan, runs: Mapping[str, CaseRuns], not_begun: Mapping[str, Attempt]) -> list[CaseStatus]:
    """In the order of the plan. `not_begun` are failures of this time that left no run."""
    found = []
    for planned in plan.everything:
        rows = runs[planned.key]
        latest = rows.finished or (rows.rows[0] if rows.rows else None)
        attempt = Attempt.of_row(planned.key, latest) if latest else not_begun.get(planned.key)
        standing: Standing = "open" if attempt is None else attempt.status  # type: ignore[assignment]
        found.append(CaseStatus(planned, standing, attempt, len(rows.rows)))
    return found
