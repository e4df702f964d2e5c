"""Who is told how a campaign goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from latency_bench.harness.rounds import Observer

if TYPE_CHECKING:
    from latency_bench.harness.campaign.attempt import Attempt
    from latency_bench.harness.campaign.campaign_plan import Planned


class Watcher(Observer, Protocol):
    """An Observer of the runs that also sees the campaign around them."""

    def stage(self, text: str, host: str | None = None) -> None:
        """What goes on now, and on which host of a cluster."""

    def host_changed(self, name: str, devices: tuple[str, ...], state: str) -> None:
        """A host of a cluster with these devices is `here`, `silent` or `gone`."""

    def started(self, planned: Planned) -> None:
        """The case is being prepared."""

    def round_done(self, planned: Planned, rounds: int, of_rounds: int) -> None:
        """So many of its rounds are measured; how many there will be may grow while it is measured."""

    def attempted(self, attempt: Attempt) -> None:
        """A run was stored, or could not even be begun."""

    def left(self, planned: Planned, reason: str) -> None:
        """It is not tried any more, this time."""
