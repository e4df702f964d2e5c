"""One run under way: it is prepared, measured round by round, and stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from latency_bench.devices.errors import DeviceError, InventoryError, WorkerError
from latency_bench.devices.runners.base import Deployment, Progress, RoundJob
from latency_bench.harness.case import Case, shortest, with_checks
from latency_bench.harness.case_artifact import Export, export_of
from latency_bench.harness.cooling import cool_down
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import Artifact
from latency_bench.harness.export.errors import ExportError, MissingPackageError
from latency_bench.harness.more_rounds import rounds_needed_by
from latency_bench.harness.neighbours import others_on
from latency_bench.harness.open_run import OpenRun
from latency_bench.harness.preparing import judge_outputs, prepare
from latency_bench.harness.recording import failed_record, finished_record
from latency_bench.harness.room import largest_run_bytes
from latency_bench.harness.run_data import Measured, Round, project_here
from latency_bench.harness.settling import settle
from latency_bench.harness.store.layout import new_run_id
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.subject import CampaignRecord, ProjectRecord
from latency_bench.harness.store.writer import RunWriter
from latency_bench.harness.telemetry_sampler import TelemetrySampler


class Observer(Protocol):
    """Who wants to see a benchmark go on: a progress bar, a log, nobody."""

    def stage(self, text: str) -> None: ...

    def progress(self, case: Case, round_index: int, progress: Progress) -> None: ...


class ActiveRun(OpenRun):
    """A case from its opened device to its stored run. Use as a context manager; what is not stored leaves nothing.

    An expected failure of a stage is kept, ends the run's own work, and is stored with it. Wrong requests are raised.
    """

    def __init__(
        self,
        case: Case,
        store: Path,
        command: Sequence[str],
        order_seed: int,
        campaign: CampaignRecord | None = None,
        project: ProjectRecord | None = None,
        repeats: str | None = None,
    ) -> None:
        """`project`: of a campaign, the checkout that it was started in, which may be on another host. `repeats`: id of
        the run that is measured once more."""
        self.case = case
        self._measured = Measured(
            case=case,
            run_id=new_run_id(),
            command=tuple(command),
            order_seed=order_seed,
            campaign=campaign,
            project=project_here() if campaign is None else project,
            repeats=repeats,
            started_at=datetime.now(timezone.utc),
        )
        most_bytes = largest_run_bytes(case.protocol, case.rounds)
        super().__init__(case.device, store, case.spec.id, self._measured.run_id, most_bytes)
        self._failure: Exception | None = None
        self._stored: tuple[RunRecord, Path] | None = None
        self._cpus: tuple[int, ...] = ()
        self._deployment: Deployment

    def prepare(self, observer: Observer) -> None:
        """Look at the device, export, deploy: everything that must not run beside a measurement."""
        try:
            prepared = prepare(self._measured, self._session, observer.stage)
            self._deployment, self._cpus = prepared.deployment, prepared.cpus
        except (DeviceError, ExportError, UsageError) as error:
            self._keep(error)

    def export_of(self, case: Case) -> Export | Artifact:
        """What another case on the same device will need. Raises UsageError, DeviceError."""
        return export_of(case, self._session)

    def build_engines(self, observer: Observer) -> None:
        """Have every engine built that the rounds will load, so that no building heats the device between them."""
        engines = {self.case.build_of(index): index for index in reversed(range(self.case.rounds))}
        if self._failure is not None or not self.case.builds_engines:
            return
        assert self._measured.artifact is not None
        try:
            for index in sorted(engines.values()):
                observer.stage(f"{self.case.spec.id}: building engine {index + 1} of {len(engines)}")
                request = self.case.round_request(self._measured.artifact, self._cpus, index)
                self._session.measure(
                    self._deployment, shortest(request), self._outputs / f"build{index}.npz", lambda _: None
                )
        except DeviceError as error:
            self._keep(error)

    def refuse(self, error: DeviceError) -> None:
        """End the run before anything is exported, for a reason that is known already. In the place of `prepare`."""
        self._measured.fingerprint = self._session.fingerprint()
        self._keep(error)

    def measure_round(self, index: int, position: int, observer: Observer) -> None:
        """One round in a fresh process; nothing if the run has failed already."""
        if self._failure is not None:
            return
        measured = self._measured
        try:
            measured.stage = "measure"
            observer.stage(f"{self.case.spec.id}: round {index + 1} of {self.case.rounds}")
            assert measured.artifact is not None
            request = self.case.round_request(measured.artifact, self._cpus, index)
            # build_of(index) == index: this is the first round on an engine of its own.
            judged = index == 0 or self.case.build_of(index) == index
            if judged:
                request = with_checks(request, self.case, measured.artifact)
            measured.rounds.append(self._measure(index, position, request, observer))
            if judged:
                judge_outputs(
                    measured,
                    measured.rounds[-1].result,
                    request,
                    self._session,
                    self._deployment,
                    self._outputs,
                    observer.stage,
                )
            if self.rounds_done == self.case.rounds:
                self._add_rounds(observer)
        except DeviceError as error:
            self._keep(error)

    def _add_rounds(self, observer: Observer) -> None:
        """Once, when the first set of rounds is there: as many more as its variance asks for."""
        case = self.case
        needed = rounds_needed_by(case, [one.result.samples.latency_ns for one in self._measured.rounds])
        # Without `most_rounds` nothing is added any more.
        self.case = self._measured.case = replace(case, rounds=max(case.rounds, needed), most_rounds=None)
        if needed > case.rounds:
            observer.stage(f"{case.spec.id}: its rounds differ so much that {needed} are measured")

    def is_over(self) -> bool:
        """Whether nothing is left to be measured: every round is done, or one failed."""
        return self._failure is not None or len(self._measured.rounds) == self.case.rounds

    @property
    def rounds_done(self) -> int:
        """Rounds that are measured."""
        return len(self._measured.rounds)

    def store(self) -> None:
        """Store what was measured, or the failure. Raises StoreError, which says where it is kept then."""
        measured = self._measured
        record = finished_record(measured) if self._failure is None else failed_record(measured, self._failure)

        def write(writer: RunWriter) -> Path:
            for name, text in measured.evidence().items():
                writer.add_evidence(name, text)
            writer.write_samples(measured.sample_blocks())
            writer.write_telemetry(measured.telemetry())
            return writer.commit(record)

        self._stored = record, self.store_by(write)

    def stored(self) -> tuple[RunRecord, Path]:
        """The record and its place. Only after `store`."""
        assert self._stored is not None
        return self._stored

    def _measure(self, index: int, position: int, request: RoundJob, observer: Observer) -> Round:
        measured = self._measured
        cooled = cool_down(self._session, self.case.protocol.cool_down, observer.stage)
        self._session.check_lock()
        others = others_on(self.case.device)
        started_at = datetime.now(timezone.utc)
        with TelemetrySampler(self._session) as telemetry:
            try:
                result = self._session.measure(
                    self._deployment,
                    request,
                    self._outputs / f"round{index}.npz",
                    lambda progress: observer.progress(self.case, index, progress),
                )
            finally:
                measured.readings.extend(telemetry.readings)
        others = tuple(sorted({*others, *others_on(self.case.device)}))
        result, steadiness = settle(result)
        return Round(
            index,
            position,
            started_at,
            result,
            steadiness=steadiness,
            readings=telemetry.readings,
            watched_unix_ns=telemetry.watched_unix_ns,
            telemetry_error=telemetry.error,
            cooled=cooled,
            others=others,
        )

    def _keep(self, error: Exception) -> None:
        """Keep an expected failure for the record. An unknown or uninstalled runtime or converter is not a failed run:
        nothing was attempted, so the error is raised instead of stored. Only a campaign stores it too, and goes on."""
        if isinstance(error, WorkerError) and error.kind in ("runtime-missing", "bad-request"):
            error = UsageError(str(error))
        if isinstance(error, (InventoryError, MissingPackageError, UsageError)) and self._measured.campaign is None:
            raise error
        self._failure = error
