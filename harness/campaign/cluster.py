"""A campaign on all hosts of a Dask cluster: exports anywhere, each measurement where its device is.

Dask decides which host does what, brings exports from host to host, and gives the work of a host that died to another
that has the device, or to the same one once it is back. What is measured comes back as run directories.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.devices.device import Device
from latency_bench.devices.errors import DeviceError, InventoryError, UnreachableError
from latency_bench.harness.campaign import remote
from latency_bench.harness.campaign.attempt import Attempt
from latency_bench.harness.campaign.campaign_plan import Plan, PlannedCase
from latency_bench.harness.campaign.case_batch import CampaignSettings
from latency_bench.harness.campaign.cluster_settings import ClusterSettings
from latency_bench.harness.campaign.host import EXPORT, QUIET, device_resource, resources_for
from latency_bench.harness.campaign.one_host import open_keys, run_device
from latency_bench.harness.campaign.state import CaseRuns
from latency_bench.harness.campaign.watcher import Watcher
from latency_bench.harness.errors import UsageError
from latency_bench.harness.store.errors import StoreError

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_S = 30.0
APPEAR_S = 30.0
"""For this long a device is waited for that no host offers yet."""
_POLL_S = 0.5


class StoppedError(RuntimeError):
    """The campaign is being left; nobody waits for this any more."""


@contextmanager
def connected(settings: ClusterSettings) -> Iterator[Cluster]:
    """The cluster of a scheduler. Raises UnreachableError, UsageError."""
    import dask

    dask.config.set(QUIET)
    from distributed import Client

    try:
        client = Client(settings.address, security=settings.security(), timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise UnreachableError(
            f"the scheduler {settings.address} does not answer: {error}",
            "is `dask scheduler` running there, with certificates of the same authority?",
        ) from None
    try:
        yield Cluster(client)
    finally:
        client.close(timeout=5)


class Cluster:
    """A Place (harness/campaign/place.py). A batch of cases is one case: what a host that dies costs."""

    usual_case_batch = 1

    def __init__(self, client: Client) -> None:
        self._client = client
        self._devices: dict[str, Device] = {}
        self._stop = threading.Event()

    def device_of(self, name: str) -> Device:
        """As its own host has it in devices.yaml. Raises InventoryError, UsageError."""
        deadline_s = time.monotonic() + APPEAR_S
        while name not in self._devices:
            self._devices = self._offered()
            if name not in self._devices and time.monotonic() > deadline_s:
                raise InventoryError(
                    f"no host of the cluster offers a device called {name!r}",
                    f"Offered: {', '.join(sorted(self._devices)) or 'none'}. Start `bench host --devices {name} "
                    "--scheduler ADDRESS` on a host that has it",
                )
            if name not in self._devices:
                time.sleep(_POLL_S)
        return self._devices[name]

    def run(self, plan: Plan, runs: dict[str, CaseRuns], settings: CampaignSettings, watcher: Watcher) -> None:
        topic = f"bench-{uuid.uuid4().hex}"
        by_key = {planned.key: planned for planned in plan.cases}
        self._client.subscribe_topic(topic, lambda event: _hear(event[1], by_key, watcher))
        case_batches = plan.case_batches(open_keys(plan, runs))
        with ThreadPoolExecutor(max_workers=max(1, len(case_batches)), thread_name_prefix="campaign") as pool:
            lines = [
                pool.submit(
                    self._run_device, _Line(self._client, plan, settings, topic, self._stop), one, runs, watcher
                )
                for one in case_batches.values()
            ]
            try:
                for line in lines:
                    line.result()
            finally:
                # Also after Ctrl-C, and where another device's line met something that stops everything.
                self.leave()
                with contextlib.suppress(Exception):
                    self._client.unsubscribe_topic(topic)

    def leave(self) -> None:
        """Wait for nothing any more; what hosts are at is dropped."""
        self._stop.set()

    def _run_device(
        self, line: _Line, case_batches: Sequence[Sequence[PlannedCase]], runs: dict[str, CaseRuns], watcher: Watcher
    ) -> None:
        def measure(case_batch: Sequence[PlannedCase], upcoming: Sequence[PlannedCase]) -> list[Attempt]:
            attempts = line.measure(case_batch, upcoming)
            for attempt in attempts:
                watcher.attempted(attempt)
            return attempts

        with contextlib.suppress(StoppedError):
            run_device(line.plan, case_batches, runs, measure, watcher, self._sleep)

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise StoppedError

    def _offered(self) -> dict[str, Device]:
        from importlib.metadata import version

        found: dict[str, Device] = {}
        hosts: dict[str, str] = {}
        for said in self._client.run(remote.describe).values():
            if said["version"] != version("latency-bench"):
                raise UsageError(
                    f"{said['host']} has bench {said['version']}, this host has {version('latency-bench')}; "
                    "install the same"
                )
            for name, fields in said["devices"].items():
                device = Device.model_validate(fields)
                if device.transport == "local" and hosts.setdefault(name, said["host"]) != said["host"]:
                    raise UsageError(
                        f"{hosts[name]} and {said['host']} both offer themselves as {name!r}; give each a name of its "
                        "own in its devices.yaml (`transport: local`)"
                    )
                found[name] = device
        return found


class _Line:
    """The work of one device, one batch of cases after the other."""

    def __init__(
        self, client: Client, plan: Plan, settings: CampaignSettings, topic: str, stop: threading.Event
    ) -> None:
        self.plan = plan
        self._client = client
        self._settings = settings
        self._topic = topic
        self._stop = stop
        self._exports: dict[str, Future[Any] | None] = {}

    def measure(self, case_batch: Sequence[PlannedCase], upcoming: Sequence[PlannedCase]) -> list[Attempt]:
        """Measure a batch of cases on whichever host has the device; bring its runs into the store. Raises StoreError,
        DeviceError where the host says that nothing can be measured, StoppedError."""
        self._ask_for_exports([*case_batch, *upcoming])
        exports = [self._exports.pop(planned.key, None) for planned in case_batch]
        device = case_batch[0].case.device
        future = self._client.submit(
            remote.measure, self._payload(case_batch), *exports, resources=resources_for(device), pure=False, retries=0
        )
        try:
            said = self._result(future)
        except _HostsDiedError as error:
            return [Attempt(planned.key, None, "failed", "hosts-died", str(error)) for planned in case_batch]
        finally:
            future.release()
        if "stopped" in said:
            if said["kind"] == "busy":
                raise DeviceError(said["stopped"])
            return [Attempt(planned.key, None, "failed", said["kind"], said["stopped"]) for planned in case_batch]
        self._keep(said["runs"], [one["run"] for one in said["attempts"] if one["run"] is not None])
        return [Attempt(**one) for one in said["attempts"]]

    def _ask_for_exports(self, cases: Sequence[PlannedCase]) -> None:
        new = [planned for planned in cases if planned.key not in self._exports]
        if not new:
            return
        asked = self._client.submit(
            remote.needed_exports,
            [_payload_of(planned) for planned in new],
            resources={device_resource(new[0].case.device.name): 1.0},
            pure=False,
        )
        try:
            answers = self._result(asked)
        except _HostsDiedError:
            answers = [None] * len(new)
        for planned, needed in zip(new, answers, strict=True):
            # The same export for several cases is the same task: Dask knows it by its argument.
            self._exports[planned.key] = (
                None if needed is None else self._client.submit(remote.export, needed, resources={EXPORT: 1.0})
            )

    def _payload(self, case_batch: Sequence[PlannedCase]) -> dict[str, Any]:
        return {
            "cases": [_payload_of(planned) for planned in case_batch],
            "campaign": self._settings.campaign,
            "command": list(self._settings.command),
            "order_seed": self._settings.order_seed,
            "wait": self._settings.wait,
            "topic": self._topic,
        }

    def _result(self, future: Future[Any]) -> Any:
        """What a host answers, however long that takes: a host that has the device may have to come back first."""
        from distributed import CancelledError, KilledWorker

        while not self._stop.is_set():
            try:
                return future.result(timeout=_POLL_S)
            except TimeoutError:
                continue
            except KilledWorker as error:
                raise _HostsDiedError(f"every host that tried it died: {str(error).splitlines()[0][:300]}") from None
            except (CancelledError, OSError) as error:
                if self._stop.is_set():
                    break
                raise UnreachableError(
                    f"the scheduler was lost ({type(error).__name__})", "start it again, then the same command"
                ) from None
        future.cancel()
        raise StoppedError

    def _keep(self, content: bytes, names: Sequence[str]) -> None:
        from latency_bench.harness.store.importing import import_runs

        if not names:
            return
        with tempfile.TemporaryDirectory(prefix="bench-merge-") as folder:
            archive = Path(folder) / "runs.tar"
            archive.write_bytes(content)
            merged = import_runs(self._settings.store, archive)
        if merged.refused:
            name, why = next(iter(merged.refused.items()))
            raise StoreError(f"{name} came back, but cannot be stored: {why}")


class _HostsDiedError(RuntimeError):
    """Dask gave a task up."""


def _payload_of(planned: PlannedCase) -> dict[str, Any]:
    if planned.request is None:
        raise UsageError(f"{planned.label} was made on this host; only cases of a campaign's file can travel")
    return {
        "key": planned.key,
        "request": planned.request.model_dump(mode="json"),
        "protocol": planned.case.protocol.model_dump(mode="json"),
        "rounds": planned.case.rounds,
    }


def _hear(message: Any, by_key: dict[str, PlannedCase], watcher: Watcher) -> None:
    """An event that a host sent; one that makes no sense is left out."""
    if not isinstance(message, dict):
        return
    planned = by_key.get(str(message.get("key")))
    if message.get("what") == "stage":
        watcher.stage(str(message.get("text")))
    elif message.get("what") == "started" and planned is not None:
        watcher.started(planned)
    elif message.get("what") == "round" and planned is not None:
        watcher.round_done(planned, int(message.get("rounds", 0)))
