"""How far a campaign is, told from its events: as they happen in `bench sweep`, from its journal in `bench watch`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

ROUNDS_FOR_A_RATE = 3
"""Until so many rounds are measured, the plan's own estimate says more than they do."""


@dataclass
class CaseTally:
    """One case of the campaign."""

    label: str
    estimate_s: float | None
    rounds: int
    standing: str = "open"
    """open, running, done, unstable, failed or left."""
    rounds_done: int = 0
    median_ms: float | None = None
    ratio: str | None = None
    """Of a pair, in words."""
    reason: str | None = None
    device: str = ""
    here: bool = False
    """It was begun in this call of `bench sweep`, so that its time is part of the time since."""

    @property
    def is_waiting(self) -> bool:
        return self.standing in ("open", "running")


@dataclass
class HostTally:
    """One host of a cluster."""

    devices: tuple[str, ...]
    state: str
    """here, silent or gone."""
    since: float
    """When that was noticed."""
    word: str = ""
    """What it said last."""


@dataclass
class Tally:
    """Everything that the events so far say."""

    cases: dict[str, CaseTally] = field(default_factory=dict)
    hosts: dict[str, HostTally] = field(default_factory=dict)
    """Of a cluster, by name; none where the campaign measures by itself."""
    name: str = ""
    started_at: float = 0.0
    """By the clock of the host that runs it, as all times here; that clock may be set meanwhile."""
    at: float = 0.0
    stage: str = ""
    ended: str | None = None

    def apply(self, event: Mapping[str, Any]) -> None:
        """Take in one event. One that is damaged, or of a later version, changes nothing."""
        try:
            self.at = float(event["at"])
            handler = getattr(self, f"_on_{event['event']}", None)
            if handler is not None:
                handler(event)
        except (KeyError, TypeError, ValueError, AttributeError):
            return

    def count(self, *standings: str) -> int:
        """Cases that stand so."""
        return sum(case.standing in standings for case in self.cases.values())

    def devices_without_host(self) -> list[str]:
        """Devices of a cluster that have cases left, and no host that is there."""
        if not self.hosts:
            return []
        served = {device for host in self.hosts.values() if host.state == "here" for device in host.devices}
        return sorted({case.device for case in self.cases.values() if case.is_waiting and case.device} - served)

    def left_s(self) -> float | None:
        """Time until the end, at the pace so far; before there is one, as estimated. None where nobody can tell, such
        as while a device has no host."""
        waiting = [case for case in self.cases.values() if case.is_waiting]
        if not waiting:
            return 0.0
        if self.devices_without_host():
            return None
        known = [case.estimate_s for case in self.cases.values() if case.estimate_s]
        usual_s = median(known) if known else 1.0
        begun = [case for case in self.cases.values() if case.here]
        rounds_done = sum(case.rounds_done for case in begun)
        left = sum(_weight(case, usual_s) * (1 - case.rounds_done / case.rounds) for case in waiting)
        if rounds_done < ROUNDS_FOR_A_RATE:
            return left if all(case.estimate_s for case in waiting) else None
        done = sum(_weight(case, usual_s) * case.rounds_done / case.rounds for case in begun)
        return max(0.0, self.at - self.started_at) * left / done if done else None

    def _on_plan(self, event: Mapping[str, Any]) -> None:
        self.name = str(event["name"])
        self.started_at = self.at
        self.cases = {
            str(one["case"]): CaseTally(
                label=str(one["label"]),
                device=str(one.get("device", "")),
                estimate_s=_number(one["estimate_s"]),
                rounds=max(1, int(one["rounds"])),
                standing=str(one["status"]),
                median_ms=_number(one["median_ms"]),
                ratio=_text(one.get("ratio")),
                reason=_text(one["reason"]),
            )
            for one in event["cases"]
        }

    def _on_started(self, event: Mapping[str, Any]) -> None:
        case = self.cases[event["case"]]
        case.standing, case.rounds_done, case.here = "running", 0, True

    def _on_round(self, event: Mapping[str, Any]) -> None:
        case, rounds_done = self.cases[event["case"]], int(event["rounds"])
        case.rounds = max(1, rounds_done, int(event.get("of_rounds", case.rounds)))
        case.rounds_done = rounds_done

    def _on_attempted(self, event: Mapping[str, Any]) -> None:
        case = self.cases[event["case"]]
        case.standing, case.reason = str(event["status"]), _text(event["reason"])
        case.median_ms, case.ratio = _number(event["median_ms"]), _text(event.get("ratio"))
        if case.standing != "failed":
            case.rounds_done = case.rounds

    def _on_left(self, event: Mapping[str, Any]) -> None:
        case = self.cases[event["case"]]
        case.standing, case.reason = "left", _text(event["reason"])

    def _on_stage(self, event: Mapping[str, Any]) -> None:
        self.stage = str(event["text"])
        host = self.hosts.get(str(event.get("host")))
        if host is not None:
            host.word = self.stage

    def _on_host(self, event: Mapping[str, Any]) -> None:
        name, state = str(event["host"]), str(event["state"])
        word = self.hosts[name].word if name in self.hosts else ""
        self.hosts[name] = HostTally(tuple(map(str, event["devices"])), state, self.at, word)

    def _on_end(self, event: Mapping[str, Any]) -> None:
        self.ended = str(event["how"])
        for case in self.cases.values():
            if case.standing == "running":
                case.standing = "open"


def _weight(case: CaseTally, usual_s: float) -> float:
    return case.estimate_s or usual_s


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
