"""What hosts of a cluster do for a campaign: say what devices they have, export, measure. Runs in `bench host`.

Arguments are plain JSON values and bytes; what they return becomes an answer of bytes (host_answer.py), failures too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.devices.device import Device
from latency_bench.devices.errors import DeviceError
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.harness.campaign.attempt import Attempt
from latency_bench.harness.campaign.campaign_plan import Planned, PlannedCase
from latency_bench.harness.campaign.host import OFFER_ATTRIBUTE
from latency_bench.harness.campaign.host_answer import AbandonedError, answering
from latency_bench.harness.campaign.host_identity import HostIdentity, this_host
from latency_bench.harness.campaign.known_hosts import Offered
from latency_bench.harness.campaign.state import OTHER_HOST
from latency_bench.harness.case import Case
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.artifact import Artifact
from latency_bench.harness.export.cache import MANIFEST, plain_name, read_entry
from latency_bench.harness.identity.request_key import request_key

if TYPE_CHECKING:
    from latency_bench.harness.campaign.case_batch import CampaignSettings

_CONNECTED = frozenset({"running", "paused", "closing_gracefully"})
"""States of Dask's worker in which somebody may still want what it does."""

Packed = dict[str, bytes]
"""The files of an export by name, its manifest among them."""


@answering
def describe(dask_worker: Any) -> tuple[Any, bytes]:
    """The devices of the host by name, as its inventory has them."""
    from latency_bench.devices.inventory import find_device

    names = getattr(dask_worker, OFFER_ATTRIBUTE).devices
    return {name: find_device(name).model_dump(mode="json") for name in names}, b""


@answering
def needed_exports(payloads: Sequence[dict[str, Any]]) -> tuple[Any, bytes]:
    """What has to be exported for each case, told by the device; None where nothing has, or nobody can tell now."""
    from latency_bench.devices.opening import open_device
    from latency_bench.harness.case_artifact import export_of

    found: list[dict[str, Any] | None] = []
    for payload in payloads:
        try:
            case = _case(payload)
            with open_device(case.device) as session:
                needed = export_of(case, session)
        except (DeviceError, UsageError):
            # The case's own turn will show it, and record it.
            found.append(None)
            continue
        brought = (case.weights, case.check_image, case.calibration, case.photograph)
        if isinstance(needed, Artifact) or any(file is not None for file in brought):
            # What is brought lies on the hosts that were told so, and nowhere else.
            found.append(None)
            continue
        options = dataclasses.asdict(needed.options)
        found.append({"spec": needed.spec.model_dump(mode="json"), "format": needed.format, "options": options})
    return found, b""


def export(needed: dict[str, Any]) -> Packed | None:
    """Export and pack; None where that fails here: whoever measures tries again, and records why."""
    from latency_bench.harness.export import ExportOptions, export_artifact
    from latency_bench.model_specs.spec import ModelSpec

    # Whatever it is: raised, it would end the measurement that waits for this.
    with contextlib.suppress(Exception):
        spec = ModelSpec.model_validate_json(json.dumps(needed["spec"]))
        options = ExportOptions(**needed["options"])
        return packed(export_artifact(spec, needed["format"], options, progress=lambda _: None))
    return None


@answering
def measure(payload: dict[str, Any], *artifacts: Packed | None) -> tuple[Any, bytes]:
    """Measure a batch of cases into a store of its own, which is packed and handed back; nothing of it stays here.

    The value is what came of each case, the bytes an archive of the runs.
    """
    from latency_bench.harness.campaign.case_batch import measure_case_batch

    with _measuring(payload) as (folder, settings, watcher):
        cases = _planned_cases(payload["cases"], artifacts, folder)
        _refuse_in_place_of_another(payload["first_host"], cases[0].case.device)
        return _packed_attempts(measure_case_batch(cases, (), settings, watcher), settings.store)


@answering
def measure_pair(payload: dict[str, Any], *artifacts: Packed | None) -> tuple[Any, bytes]:
    """The same for a pair of two cases."""
    from latency_bench.harness.campaign.campaign_plan import PairTerms, PlannedPair
    from latency_bench.harness.campaign.pair_attempt import attempt_pair
    from latency_bench.harness.protocol import Protocol

    with _measuring(payload) as (folder, settings, watcher):
        baseline, candidate = _planned_cases(payload["sides"], artifacts, folder)
        _refuse_in_place_of_another(payload["first_host"], candidate.case.device)
        terms = payload["terms"]
        protocol = Protocol.model_validate_json(json.dumps(terms["protocol"]))
        pair = PlannedPair(baseline, candidate, PairTerms(protocol, terms["within"], terms["max_minutes"]))
        if pair.key != payload["key"]:
            raise UsageError(f"another pair comes of {pair.label} there: its version of bench is another")
        return _packed_attempts([attempt_pair(pair, settings, watcher)], settings.store)


@contextlib.contextmanager
def _measuring(payload: dict[str, Any]) -> Iterator[tuple[Path, CampaignSettings, _Reporter]]:
    """A folder with a store of its own, while this host counts as one that measures."""
    from distributed import get_worker

    from latency_bench.harness.campaign.case_batch import CampaignSettings
    from latency_bench.harness.store.subject import ProjectRecord

    dask_worker = get_worker()
    watcher = _Reporter(dask_worker, payload["topic"])
    with getattr(dask_worker, OFFER_ATTRIBUTE).measuring(), TemporaryFolder("campaign") as folder:
        settings = CampaignSettings(
            payload["campaign"],
            folder / "store",
            tuple(payload["command"]),
            payload["order_seed"],
            payload["wait"],
            None if payload["project"] is None else ProjectRecord(**payload["project"]),
        )
        yield folder, settings, watcher


def _planned_cases(
    payloads: Sequence[dict[str, Any]], artifacts: Sequence[Packed | None], folder: Path
) -> list[PlannedCase]:
    """The cases as this host has them, with the exports that came along."""
    return [
        PlannedCase(one["key"], _with_artifact(_case(one), artifact, folder / one["key"]), repeats=one["repeats"])
        for one, artifact in zip(payloads, artifacts, strict=True)
    ]


def _packed_attempts(attempts: Sequence[Attempt], store: Path) -> tuple[Any, bytes]:
    from latency_bench.harness.store.archive import write_archive

    archive = store.parent / "runs.tar"
    write_archive([store / one.run for one in attempts if one.run is not None], archive)
    return [dataclasses.asdict(one) for one in attempts], archive.read_bytes()


def _refuse_in_place_of_another(first_host: dict[str, Any], device: Device) -> None:
    """Before hours are measured that the campaign would not take. Raises DeviceError."""
    first = Offered(HostIdentity.model_validate_json(json.dumps(first_host)), device)
    objection = first.objection(this_host())
    if objection is not None:
        raise WrongHostError(objection)


class WrongHostError(DeviceError):
    """The campaign began with another computer, or other software."""

    kind = OTHER_HOST


def packed(artifact: Artifact) -> Packed:
    """The files of an artifact that lies in the cache."""
    entry = artifact.path.parent
    names = json.loads((entry / MANIFEST).read_text(encoding="utf-8"))["files"]
    return {name: (entry / plain_name(name)).read_bytes() for name in (MANIFEST, *names)}


def unpacked(files: Packed, folder: Path) -> Artifact:
    """The artifact, its files written to `folder`, every one of them as its hash says. Raises ValueError, OSError."""
    folder.mkdir()
    for name, content in files.items():
        (folder / plain_name(name)).write_bytes(content)
    return read_entry(folder)


def _case(payload: dict[str, Any]) -> Case:
    """The case that was planned. Raises UsageError where this host's inventory or version makes another of it."""
    from latency_bench.harness.case_options import CaseOptions, case_of
    from latency_bench.harness.protocol import Protocol

    request = CaseOptions.model_validate_json(json.dumps(payload["request"]))
    case = dataclasses.replace(
        case_of(request, single=False),
        protocol=Protocol.model_validate_json(json.dumps(payload["protocol"])),
        rounds=payload["rounds"],
        most_rounds=payload["most_rounds"],
    )
    if request_key(case) != payload["key"]:
        raise UsageError(
            f"another case comes of {request.model} on {request.device} there: its devices.yaml, its "
            "checkpoint or its version of bench changed since the campaign began; begin the campaign again"
        )
    return case


def _with_artifact(case: Case, files: Packed | None, folder: Path) -> Case:
    if files is None:
        return case
    try:
        return dataclasses.replace(case, artifact=unpacked(files, folder))
    except ValueError as error:
        raise UsageError(f"the export of {case.spec.id} arrived damaged: {error}") from error


class _Reporter:
    """A Watcher that tells the campaign through the scheduler, and stops where nobody listens any more."""

    def __init__(self, worker: Any, topic: str) -> None:
        self._worker = worker
        self._topic = topic
        self._task = worker.get_current_task()

    def stage(self, text: str, host: str | None = None) -> None:
        self._tell("stage", text=text, host=this_host().name)

    def host_changed(self, name: str, devices: tuple[str, ...], state: str) -> None:
        """Seen by the campaign, not here."""

    def progress(self, case: Case, round_index: int, progress: Any) -> None:
        self._check_wanted()

    def started(self, planned: Planned) -> None:
        self._tell("started", key=planned.key)

    def round_done(self, planned: Planned, rounds: int, of_rounds: int) -> None:
        self._tell("round", key=planned.key, rounds=rounds, of_rounds=of_rounds)

    def attempted(self, attempt: Attempt) -> None:
        """Told by the result, once the run is in the campaign's store."""

    def left(self, planned: Planned, reason: str) -> None:
        """Decided by the campaign, not here."""

    def _tell(self, what: str, **fields: Any) -> None:
        self._check_wanted()
        self._worker.log_event(self._topic, {"what": what, **fields})

    def _check_wanted(self) -> None:
        if self._worker.status.value not in _CONNECTED:
            raise AbandonedError("the connection to the scheduler was lost")
        task = self._worker.state.tasks.get(self._task)
        if task is None or task.state == "cancelled":
            raise AbandonedError("the campaign that asked for this has gone")
