"""A campaign on all hosts of a Dask cluster: exports anywhere, each measurement where its device is.

Dask decides which host does what, brings exports from host to host, and gives the work of a host that died to another
that has the device, or to the same one once it is back. What is measured comes back as run directories.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any

from pydantic import ValidationError

from latency_bench.devices.device import Device
from latency_bench.devices.errors import InventoryError
from latency_bench.harness.campaign import remote
from latency_bench.harness.campaign.attempt import Attempt
from latency_bench.harness.campaign.campaign_plan import Plan, Planned, PlannedCase, PlannedPair
from latency_bench.harness.campaign.case_batch import CampaignSettings
from latency_bench.harness.campaign.cluster_settings import ClusterSettings
from latency_bench.harness.campaign.connection import Connection, StoppedError
from latency_bench.harness.campaign.device_line import DeviceLine
from latency_bench.harness.campaign.host_answer import HostAnswer, UnreadableAnswerError, opened
from latency_bench.harness.campaign.host_monitor import HostMonitor
from latency_bench.harness.campaign.known_hosts import KnownHosts
from latency_bench.harness.campaign.one_host import open_keys, open_pairs, run_cases, run_device
from latency_bench.harness.campaign.state import CaseRuns, runs_by_case
from latency_bench.harness.campaign.watcher import Watcher
from latency_bench.harness.store.left_overs import remove_left_overs

APPEAR_S = 30.0
"""For this long a device is waited for that no host offers yet."""
_PAUSE_S = 0.5


@contextmanager
def connected(settings: ClusterSettings) -> Iterator[Cluster]:
    """The cluster of a scheduler. Raises UnreachableError, UsageError."""
    connection = Connection(settings)
    connection.client()
    try:
        yield Cluster(connection)
    finally:
        connection.close()


class Cluster:
    """A Place (harness/campaign/place.py). A batch of cases is one case: what a host that dies costs."""

    usual_case_batch = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._hosts = KnownHosts()

    def check(self, plan: Plan, runs: dict[str, CaseRuns]) -> None:
        """Nothing is exported or measured here; what a host lacks, it says itself."""

    def device_of(self, name: str) -> Device:
        """As its own host has it in devices.yaml. Raises InventoryError, UsageError, UnreachableError."""
        deadline_s = time.monotonic() + APPEAR_S
        while (offered := self._hosts.of(name)) is None:
            troubles = self._ask_hosts()
            if self._hosts.of(name) is None:
                if time.monotonic() > deadline_s:
                    raise InventoryError(
                        f"none of the cluster's hosts offers a device called {name!r}",
                        f"Offered: {', '.join(self._hosts.names()) or 'none'}. Start `bench host --devices {name} "
                        f"--scheduler ADDRESS` on a host that has it{''.join(f'; {text}' for text in troubles)}",
                    )
                self._connection.sleep(_PAUSE_S)
        return offered.device

    def run(self, plan: Plan, runs: dict[str, CaseRuns], settings: CampaignSettings, watcher: Watcher) -> None:
        remove_left_overs(settings.store)
        topic = f"bench-{uuid.uuid4().hex}"
        by_key = {planned.key: planned for planned in plan.everything}
        self._connection.subscribe(topic, lambda message: _hear(message, by_key, watcher))
        with HostMonitor(self._connection, watcher):
            try:
                case_batches = plan.case_batches(open_keys(plan, runs)).values()
                cases = [partial(self._run_device, plan, runs, watcher, of_device) for of_device in case_batches]
                self._at_once(cases, settings, topic)
                waiting = open_pairs(plan, runs_by_case(plan, settings.store), watcher) if plan.pairs else {}
                pairs = [partial(self._run_pairs, plan, runs, watcher, of_device) for of_device in waiting.values()]
                self._at_once(pairs, settings, topic)
            finally:
                # Also after Ctrl-C, and where another device's line met something that stops everything.
                self.leave()
                self._connection.unsubscribe(topic)

    def _at_once(self, works: Sequence[Callable[[DeviceLine], None]], settings: CampaignSettings, topic: str) -> None:
        """Every device's work in a thread of its own."""
        with ThreadPoolExecutor(max_workers=max(1, len(works)), thread_name_prefix="campaign") as pool:
            try:
                working = [
                    pool.submit(work, DeviceLine(self._connection, self._hosts, settings, topic)) for work in works
                ]
                for line in wait(working, return_when=FIRST_EXCEPTION).done:
                    line.result()
            except BaseException:
                self.leave()
                raise

    def leave(self) -> None:
        """Wait for nothing any more; what hosts are at is dropped."""
        self._connection.stop()

    def _run_device(
        self,
        plan: Plan,
        runs: dict[str, CaseRuns],
        watcher: Watcher,
        case_batches: Sequence[Sequence[PlannedCase]],
        line: DeviceLine,
    ) -> None:
        def measure(case_batch: Sequence[PlannedCase], upcoming: Sequence[PlannedCase]) -> list[Attempt]:
            return _told(line.measure(case_batch, upcoming), watcher)

        with contextlib.suppress(StoppedError):
            run_cases(plan, case_batches, runs, measure, watcher, self._connection.sleep)

    def _run_pairs(
        self,
        plan: Plan,
        runs: dict[str, CaseRuns],
        watcher: Watcher,
        pairs: Sequence[PlannedPair],
        line: DeviceLine,
    ) -> None:
        def measure(batch: Sequence[PlannedPair], _: Sequence[PlannedPair]) -> list[Attempt]:
            return _told([attempt for pair in batch for attempt in line.measure_pair(pair)], watcher)

        with contextlib.suppress(StoppedError):
            run_device(plan, [[pair] for pair in pairs], runs, measure, watcher, self._connection.sleep)

    def _ask_hosts(self) -> list[str]:
        """Learn the devices of all hosts; what is wrong with hosts that cannot say, in words."""
        troubles: list[str] = []
        # A host that dies while it is asked is none.
        contents = self._connection.client().run(remote.describe, on_error="ignore")
        for _, content in sorted(contents.items()):
            try:
                answer = opened(content)
                devices = _devices_of(answer)
            except UnreadableAnswerError as error:
                troubles.append(str(error))
                continue
            if answer.failure is not None:
                troubles.append(answer.failure.message)
            self._hosts.admit(answer.host, devices)
        return troubles


def _told(attempts: list[Attempt], watcher: Watcher) -> list[Attempt]:
    for attempt in attempts:
        watcher.attempted(attempt)
    return attempts


def _devices_of(answer: HostAnswer) -> dict[str, Device]:
    stated = answer.value if answer.failure is None else {}
    try:
        return {name: Device.model_validate_json(json.dumps(fields)) for name, fields in dict(stated).items()}
    except (ValidationError, TypeError, ValueError) as error:
        raise UnreadableAnswerError(
            f"the host {answer.host.name} sent a list of devices that cannot be read: {error}"
        ) from None


def _hear(message: Any, by_key: dict[str, Planned], watcher: Watcher) -> None:
    """An event that a host sent; one that makes no sense is left out."""
    if not isinstance(message, dict):
        return
    planned = by_key.get(str(message.get("key")))
    if message.get("what") == "stage":
        watcher.stage(str(message.get("text")), str(message.get("host")))
    elif message.get("what") == "started" and planned is not None:
        watcher.started(planned)
    elif message.get("what") == "round" and planned is not None:
        rounds = int(message.get("rounds", 0))
        watcher.round_done(planned, rounds, int(message.get("of_rounds", rounds)))
