"""The work of one device on a cluster, one batch of cases after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from latency_bench.devices.errors import UnreachableError
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.campaign import remote
from latency_bench.harness.campaign.attempt import Attempt
from latency_bench.harness.campaign.campaign_plan import Planned, PlannedCase, PlannedPair
from latency_bench.harness.campaign.case_batch import CampaignSettings
from latency_bench.harness.campaign.connection import Connection, HostsDiedError
from latency_bench.harness.campaign.host import EXPORT, device_resource, resources_for
from latency_bench.harness.campaign.host_answer import HostAnswer, UnreadableAnswerError, opened
from latency_bench.harness.campaign.known_hosts import KnownHosts, Offered
from latency_bench.harness.campaign.state import OTHER_HOST
from latency_bench.harness.errors import UsageError
from latency_bench.harness.room import largest_run_bytes, likely_pair_bytes, require_room
from latency_bench.harness.store.errors import ArchiveError, StoreError
from latency_bench.harness.store.outcome import Answer

if TYPE_CHECKING:
    from distributed import Client, Future

_TEXT_MAX = 4000


class _AttemptAnswer(BaseModel):
    """An Attempt as a host states it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    key: str = Field(max_length=64)
    run: str | None = Field(max_length=300)
    status: Literal["done", "unstable", "failed"]
    kind: str | None = Field(max_length=100)
    reason: str | None = Field(max_length=_TEXT_MAX)
    median_ms: float | None
    ratio: str | None = Field(max_length=100)
    conclusive: Answer | None


_ATTEMPTS = TypeAdapter(list[_AttemptAnswer])
_EXPORTS = TypeAdapter(list[dict[str, Any] | None])


class DeviceLine:
    """Submits, waits, and brings the runs into the store."""

    def __init__(self, connection: Connection, hosts: KnownHosts, settings: CampaignSettings, topic: str) -> None:
        self._connection = connection
        self._hosts = hosts
        self._settings = settings
        self._topic = topic
        self._client: Client | None = None
        self._exports: dict[str, Future[Any] | None] = {}

    def measure(self, case_batch: Sequence[PlannedCase], upcoming: Sequence[PlannedCase]) -> list[Attempt]:
        """Measure a batch of cases on whichever host has the device; bring its runs into the store.

        A host's trouble and a lost connection are failed attempts of these cases alone. Raises StoreError where there
        may be no room for what comes back, or it cannot be kept, StoppedError.
        """

        def ask() -> HostAnswer:
            client = self._connected()
            self._ask_for_exports(client, [*case_batch, *upcoming])
            exports = [self._exports.pop(planned.key, None) for planned in case_batch]
            cases = {"cases": [_payload_of(planned) for planned in case_batch]}
            return self._asked(client, remote.measure, case_batch[0], cases, exports)

        return self._attempts(case_batch, ask)

    def measure_pair(self, pair: PlannedPair) -> list[Attempt]:
        """The same for a pair, whose sides have been exported for the cases before."""

        def ask() -> HostAnswer:
            client = self._connected()
            sides = (pair.baseline, pair.candidate)
            self._ask_for_exports(client, sides)
            exports = [self._exports.pop(planned.key, None) for planned in sides]
            terms = {
                "protocol": pair.terms.protocol.model_dump(mode="json"),
                "within": pair.terms.within,
                "max_minutes": pair.terms.max_minutes,
            }
            asked = {"key": pair.key, "sides": [_payload_of(planned) for planned in sides], "terms": terms}
            return self._asked(client, remote.measure_pair, pair, asked, exports)

        return self._attempts([pair], ask)

    def _attempts(self, works: Sequence[Planned], ask: Callable[[], HostAnswer]) -> list[Attempt]:
        self._settings.check()
        require_room(self._settings.store, sum(_most_bytes(planned) for planned in works))
        try:
            answer = ask()
        except (UnreachableError, HostsDiedError) as error:
            return [_failed(planned, error.kind, str(error)) for planned in works]
        except UnreadableAnswerError as error:
            return [_failed(planned, "host", str(error)) for planned in works]
        objection = self._offered(works[0]).objection(answer.host)
        if objection is not None:
            return [_failed(planned, OTHER_HOST, f"{answer.host.name}: {objection}") for planned in works]
        if answer.failure is not None:
            return [_failed(planned, answer.failure.kind, answer.failure.message) for planned in works]
        return self._kept(answer, works)

    def _connected(self) -> Client:
        client = self._connection.client()
        if client is not self._client:
            # What was exported for the connection before this one is gone with it.
            self._client, self._exports = client, {}
        return client

    def _asked(
        self,
        client: Client,
        work: Callable[..., bytes],
        planned: Planned,
        asked: dict[str, Any],
        exports: Sequence[Future[Any] | None],
    ) -> HostAnswer:
        """What a host with the device answers. Raises HostsDiedError, UnreachableError, UnreadableAnswerError."""
        resources = resources_for(planned.case.device)
        payload = {**self._payload(planned), **asked}
        return self._answer(client.submit(work, payload, *exports, resources=resources, pure=False))

    def _answer(self, future: Future[Any]) -> HostAnswer:
        try:
            return opened(self._connection.answer(future))
        finally:
            future.release()

    def _ask_for_exports(self, client: Client, cases: Sequence[PlannedCase]) -> None:
        new = [planned for planned in cases if planned.key not in self._exports]
        if not new:
            return
        asked = client.submit(
            remote.needed_exports,
            [_payload_of(planned) for planned in new],
            resources={device_resource(new[0].case.device.name): 1.0},
            pure=False,
        )
        try:
            needed = _EXPORTS.validate_python(self._answer(asked).value)
        except (HostsDiedError, UnreadableAnswerError, ValidationError):
            needed = []
        # Whoever is not told what to bring exports it itself.
        needed += [None] * (len(new) - len(needed))
        for planned, export in zip(new, needed, strict=False):
            # The same export for several cases is the same task: Dask knows it by its argument.
            self._exports[planned.key] = (
                None if export is None else client.submit(remote.export, export, resources={EXPORT: 1.0})
            )

    def _payload(self, planned: Planned) -> dict[str, Any]:
        """What every measurement of the campaign is told."""
        return {
            "first_host": self._offered(planned).host.model_dump(mode="json"),
            "campaign": self._settings.campaign,
            "command": list(self._settings.command),
            "order_seed": self._settings.order_seed,
            "project": None if (project := self._settings.project) is None else project.model_dump(mode="json"),
            "wait": self._settings.wait,
            "topic": self._topic,
        }

    def _offered(self, planned: Planned) -> Offered:
        offered = self._hosts.of(planned.case.device.name)
        assert offered is not None, "the plan was made with this cluster's devices"
        return offered

    def _kept(self, answer: HostAnswer, works: Sequence[Planned]) -> list[Attempt]:
        """What came of each case or pair, once its run is in the store. Raises StoreError."""
        keys = {planned.key for planned in works}
        try:
            stated = _ATTEMPTS.validate_python(answer.value)
            if {one.key for one in stated} != keys:
                raise ValueError("it is about other cases than it was asked for")
            missing = self._import(answer.body) if any(one.run for one in stated) else {}
        except (ValueError, ArchiveError) as error:
            words = f"{answer.host.name}: the answer cannot be used: {str(error).splitlines()[0]}"
            return [_failed(planned, "host", words) for planned in works]
        attempts = []
        for one in stated:
            attempt = Attempt(**one.model_dump())
            if attempt.run is not None and not (self._settings.store / attempt.run / "record.json").is_file():
                why = missing.get(attempt.run, "it did not come along")
                attempt = Attempt(attempt.key, None, "failed", "host", f"{answer.host.name}: {attempt.run}: {why}")
            attempts.append(attempt)
        return attempts

    def _import(self, content: bytes) -> dict[str, str]:
        """Runs that were refused, and why. Raises ArchiveError, and StoreError, which says where they are kept."""
        from latency_bench.harness.store.importing import import_runs
        from latency_bench.harness.store.spool import keep

        with TemporaryFolder("merge") as folder:
            archive = folder / "runs.tar"
            try:
                archive.write_bytes(content)
            except OSError as error:
                raise StoreError(f"{archive}: {error.strerror}. Free space in the temporary folder.") from error
            try:
                # Cluster.run looked for left-overs; looking again for each case would cost more with every run.
                return import_runs(self._settings.store, archive, tidy=False).refused
            except ArchiveError:
                raise
            except StoreError as error:
                raise keep(self._settings.store, error, lambda spool: import_runs(spool, archive)) from error


def _most_bytes(planned: Planned) -> int:
    """What can come back of it."""
    if isinstance(planned, PlannedPair):
        return likely_pair_bytes(planned.terms.max_minutes)
    return largest_run_bytes(planned.case.protocol, planned.case.rounds)


def _failed(planned: Planned, kind: str, reason: str) -> Attempt:
    return Attempt(planned.key, None, "failed", kind, reason)


def _payload_of(planned: PlannedCase) -> dict[str, Any]:
    if planned.request is None:
        raise UsageError(f"{planned.label} was made on this host; only cases of a campaign's file can travel")
    return {
        "key": planned.key,
        "request": planned.request.model_dump(mode="json"),
        "protocol": planned.case.protocol.model_dump(mode="json"),
        "rounds": planned.case.rounds,
        "most_rounds": planned.case.most_rounds,
        "repeats": planned.repeats,
    }
