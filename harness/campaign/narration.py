"""What happens in a campaign, told to its journal, to a tally, and to whoever looks on."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from latency_bench.harness.campaign.attempt import Attempt
from latency_bench.harness.campaign.campaign_plan import Planned
from latency_bench.harness.campaign.journal import Journal
from latency_bench.harness.campaign.status import CaseStatus
from latency_bench.harness.campaign.tally import Tally

if TYPE_CHECKING:
    from latency_bench.devices.runners.base import Progress
    from latency_bench.harness.case import Case


class Display(Protocol):
    """A progress bar, a log, nobody."""

    def event(self, tally: Tally, event: dict[str, Any]) -> None:
        """Something happened, which `tally` knows already."""

    def progress(self, tally: Tally, case: Case, round_index: int, progress: Progress) -> None:
        """A sign of life from the device, at most once a second."""


class Narration:
    """A Watcher."""

    def __init__(self, journal: Journal, display: Display) -> None:
        self._journal = journal
        self._display = display
        self.tally = Tally()
        self.not_begun: dict[str, Attempt] = {}
        """Last failures that left no run, by case."""
        self.reasons_left: dict[str, str] = {}
        """Why cases are not tried any more this time."""
        # With several hosts, several threads tell.
        self._lock = threading.Lock()

    def planned(self, name: str, cases: Sequence[CaseStatus], estimates_s: dict[str, float | None]) -> None:
        """The whole plan, first of all."""
        listed = [
            {
                "case": one.planned.key,
                "label": one.planned.label,
                "device": one.planned.case.device.name,
                "estimate_s": estimates_s.get(one.planned.key),
                "rounds": one.planned.case.rounds,
                "status": one.standing,
                "median_ms": one.attempt.median_ms if one.attempt else None,
                "ratio": one.attempt.ratio if one.attempt else None,
                "reason": one.attempt.reason if one.attempt else None,
            }
            for one in cases
        ]
        self._tell("plan", name=name, cases=listed)

    def ended(self, how: str) -> None:
        """`finished`, `interrupted` or `stopped`; nothing follows."""
        self._tell("end", how=how)

    def started(self, planned: Planned) -> None:
        self._tell("started", case=planned.key)

    def round_done(self, planned: Planned, rounds: int, of_rounds: int) -> None:
        self._tell("round", case=planned.key, rounds=rounds, of_rounds=of_rounds)

    def attempted(self, attempt: Attempt) -> None:
        if attempt.run is None:
            self.not_begun[attempt.key] = attempt
        fields = dataclasses.asdict(attempt)
        self._tell("attempted", case=fields.pop("key"), **fields)

    def left(self, planned: Planned, reason: str) -> None:
        self.reasons_left[planned.key] = reason
        self._tell("left", case=planned.key, reason=reason)

    def stage(self, text: str, host: str | None = None) -> None:
        self._tell("stage", text=text, host=host)

    def host_changed(self, name: str, devices: tuple[str, ...], state: str) -> None:
        self._tell("host", host=name, devices=list(devices), state=state)

    def progress(self, case: Case, round_index: int, progress: Progress) -> None:
        self._display.progress(self.tally, case, round_index, progress)

    def _tell(self, event: str, **fields: Any) -> None:
        told = {"event": event, "at": time.time(), **fields}
        with self._lock:
            self._journal.write(told)
            self.tally.apply(told)
            self._display.event(self.tally, told)
