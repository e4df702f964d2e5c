"""Where a campaign runs: on this host, or on all hosts of a Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Protocol

from latency_bench.harness.campaign.campaign_plan import DEFAULT_CASE_BATCH, Plan

if TYPE_CHECKING:
    from latency_bench.devices.device import Device
    from latency_bench.harness.campaign.case_batch import CampaignSettings
    from latency_bench.harness.campaign.cluster_settings import ClusterSettings
    from latency_bench.harness.campaign.state import CaseRuns
    from latency_bench.harness.campaign.watcher import Watcher


class Place(Protocol):
    """What has devices and measures on them."""

    usual_case_batch: int
    """Cases in a batch where the campaign does not say."""

    def device_of(self, name: str) -> Device:
        """The device of this name. Raises InventoryError."""

    def check(self, plan: Plan, runs: dict[str, CaseRuns]) -> None:
        """Raises MissingPackagesError where what is open needs packages that are not installed here."""

    def run(self, plan: Plan, runs: dict[str, CaseRuns], settings: CampaignSettings, watcher: Watcher) -> None:
        """Measure what is open. Raises StoreError, CacheError, where nothing else could be either."""


class Here:
    """This host, with its devices.yaml."""

    usual_case_batch = DEFAULT_CASE_BATCH

    def __init__(self) -> None:
        from latency_bench.devices.inventory import find_device

        # The inventory as it is now: a campaign of days does not change under its own feet.
        self._find = cache(find_device)

    def device_of(self, name: str) -> Device:
        return self._find(name)

    def check(self, plan: Plan, runs: dict[str, CaseRuns]) -> None:
        from latency_bench.harness.campaign.one_host import open_keys
        from latency_bench.harness.case_requirements import require_for_cases

        still_open = open_keys(plan, runs)
        require_for_cases(planned.case for planned in plan.cases if planned.key in still_open)

    def run(self, plan: Plan, runs: dict[str, CaseRuns], settings: CampaignSettings, watcher: Watcher) -> None:
        from latency_bench.harness.campaign.one_host import run_campaign

        run_campaign(plan, runs, settings, watcher)


@contextmanager
def place_of(settings: ClusterSettings | None) -> Iterator[Place]:
    """The cluster that `settings` name, connected; this host for None. Raises UsageError, UnreachableError."""
    if settings is None:
        yield Here()
        return
    from latency_bench.harness.campaign.cluster import connected

    with connected(settings) as cluster:
        yield cluster
