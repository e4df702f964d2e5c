"""A pair of a campaign: tried once, and stored, a failed one too."""

from __future__ import annotations

from dataclasses import replace

from latency_bench.devices.errors import DeviceError
from latency_bench.harness.campaign.attempt import Attempt
from latency_bench.harness.campaign.campaign_plan import PlannedPair
from latency_bench.harness.campaign.case_batch import CampaignSettings
from latency_bench.harness.campaign.watcher import Watcher
from latency_bench.harness.case import Case
from latency_bench.harness.errors import UsageError
from latency_bench.harness.pairs.pair_request import PairRequest
from latency_bench.harness.pairs.pair_run import measure_pair
from latency_bench.harness.store.subject import CampaignRecord

WRONG_REQUEST = "request"


def attempt_pair(planned: PlannedPair, settings: CampaignSettings, watcher: Watcher) -> Attempt:
    """Where the device cannot be had, or the request is wrong, nothing is stored. Raises StoreError, CacheError."""
    watcher.started(planned)
    try:
        record, path = measure_pair(
            pair_request(planned, settings.order_seed),
            settings.store,
            settings.command,
            watcher,
            settings.wait,
            CampaignRecord(name=settings.campaign, case=planned.key),
        )
        attempt = Attempt.of_pair(planned.key, record, path)
    except (DeviceError, UsageError) as error:
        kind = error.kind if isinstance(error, DeviceError) else WRONG_REQUEST
        attempt = Attempt(planned.key, None, "failed", kind, str(error))
    watcher.attempted(attempt)
    return attempt


def pair_request(planned: PlannedPair, order_seed: int) -> PairRequest:
    """The baseline first: the ratio is the candidate's latency over its."""
    terms = planned.terms

    def side(case: Case) -> Case:
        return replace(case, protocol=terms.protocol, rounds=terms.protocol.rounds)

    sides = (side(planned.baseline.case), side(planned.candidate.case))
    return PairRequest(sides, within=terms.within, max_minutes=terms.max_minutes, seed=order_seed)
