"""A paired measurement from its opened device to its stored record."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from latency_bench.devices.errors import DeviceError, InventoryError, WorkerError
from latency_bench.devices.runners.alternation import SideError
from latency_bench.harness.case import Case
from latency_bench.harness.case_requirements import require_for_cases
from latency_bench.harness.device_locks import hold_devices
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export.errors import ExportError, MissingPackageError
from latency_bench.harness.fit import estimated_bytes, free_bytes
from latency_bench.harness.number_text import ratio_text
from latency_bench.harness.open_run import OpenRun
from latency_bench.harness.pairs.pair_data import PairMeasured, ProcessPair, widest
from latency_bench.harness.pairs.pair_length import PairLength
from latency_bench.harness.pairs.pair_recording import failed_pair, finished_pair
from latency_bench.harness.pairs.pair_request import PairRequest
from latency_bench.harness.pairs.short_processes import ShortProcesses
from latency_bench.harness.pairs.taking_turns import TakingTurns
from latency_bench.harness.preparing import Prepared, prepare
from latency_bench.harness.room import likely_pair_bytes
from latency_bench.harness.rounds import Observer
from latency_bench.harness.run_data import Measured, project_here, telemetry_of
from latency_bench.harness.statistics.gate_answer import is_decided
from latency_bench.harness.statistics.paired_ratio import LEAST_PAIRS, is_narrow, next_look
from latency_bench.harness.store.layout import PAIRS_FOLDER, new_run_id
from latency_bench.harness.store.pair_record import PairRecord
from latency_bench.harness.store.subject import CampaignRecord
from latency_bench.harness.store.writer import RunWriter

_GB = 1e9
_WORTH_TELLING = 5
"""Pairs; the interval of fewer says nothing yet."""


def measure_pair(
    request: PairRequest,
    store: Path,
    command: Sequence[str],
    observer: Observer,
    wait: bool = False,
    campaign: CampaignRecord | None = None,
) -> tuple[PairRecord, Path]:
    """Measure the ratio of every case to the first, and store it as one pair, a failed one too.

    Raises UsageError (and its like) if a side cannot be measured at all and has to change: nothing is stored then.
    Raises DeviceBusyError where another measurement has the device; `wait`: waits.
    """
    require_for_cases(request.cases)
    with PairRun(request, store, command, campaign) as run:
        hold_devices([run], command, wait, observer.stage)
        run.measure(observer)
        return run.store()


class Taker(Protocol):
    """What measures one pair of processes after the other: by turns (taking_turns.py) or short_processes.py."""

    @property
    def shortest_s(self) -> float:
        """What a pair takes at the very least to have a ratio."""

    @property
    def usual_s(self) -> float:
        """What a pair takes to know the noise within it, too."""

    def pair(self, index: int, seconds: float, observer: Observer) -> ProcessPair:
        """Fresh processes that alternate for so long. Raises DeviceError."""


class PairRun(OpenRun):
    """Use as a context manager; what is not stored leaves nothing.

    An expected failure ends the measurement and is stored with it. Wrong requests are raised.
    """

    def __init__(
        self, request: PairRequest, store: Path, command: Sequence[str], campaign: CampaignRecord | None = None
    ) -> None:
        run_id, now = new_run_id(), datetime.now(timezone.utc)
        project = project_here()
        sides = tuple(
            Measured(case, run_id, tuple(command), now, request.seed, project=project) for case in request.cases
        )
        self._measured = PairMeasured(request, sides, run_id, tuple(command), now, campaign)
        most_bytes = likely_pair_bytes(request.max_minutes)
        super().__init__(self.case.device, store, PAIRS_FOLDER, run_id, most_bytes)
        self._failure: Exception | None = None

    @property
    def case(self) -> Case:
        """The baseline's, whose device all sides are measured on."""
        return self._measured.request.cases[0]

    def measure(self, observer: Observer) -> None:
        """Everything from the export to the last pair. Raises UsageError, InventoryError, MissingPackageError."""
        measured = self._measured
        try:
            prepared = self._prepare(observer)
            taker = self._taker(prepared, observer)
            self._fresh_pairs(taker, observer)
        except (DeviceError, ExportError, UsageError) as error:
            self._keep(error)
        if self._failure is None and not measured.pairs:
            self._keep(UsageError("there was not enough time for a single pair; allow more with --max-minutes"))

    def store(self) -> tuple[PairRecord, Path]:
        """Store what was measured, or the failure; the record and its place. Raises StoreError, which says where it is
        kept then."""
        measured = self._measured
        record = finished_pair(measured) if self._failure is None else failed_pair(measured, self._failure)

        def write(writer: RunWriter) -> Path:
            for name, text in measured.logs().items():
                writer.add_evidence(name, text)
            writer.write_pair_samples(measured.samples)
            writer.write_telemetry(telemetry_of(measured.readings, measured.started_at))
            return writer.commit(record)

        return record, self.store_by(write)

    def _prepare(self, observer: Observer) -> list[Prepared]:
        prepared = []
        for number, side in enumerate(self._measured.sides):
            self._measured.failed_side = number
            prepared.append(prepare(side, self._session, observer.stage))
        self._measured.failed_side = None
        self._check_external_data()
        return prepared

    def _check_external_data(self) -> None:
        """Weights beside a model lie on the device under their own names, of which there can be only one each."""
        owners: dict[str, str] = {}
        for side in self._measured.sides:
            assert side.artifact is not None
            for file in side.artifact.external_data:
                if owners.setdefault(file.name, side.artifact.sha256) != side.artifact.sha256:
                    raise UsageError(f"two sides bring different files {file.name}; give one of them another name")

    def _taker(self, prepared: list[Prepared], observer: Observer) -> Taker:
        """By turns where the device and its memory allow it, else by short processes, and why."""
        measured = self._measured
        measured.mode_reason = self._why_no_turns()
        if measured.mode_reason is None:
            taker = TakingTurns(measured, self._session, prepared, self._outputs)
            try:
                taker.try_out(observer)
                return taker
            except SideError as error:
                measured.failed_side = error.side
                if error.kind != "out-of-memory":
                    raise
                measured.mode_reason = f"memory ran out while all sides were loaded ({error.message})"
        measured.mode = "processes"
        observer.stage(f"short processes in turn: {measured.mode_reason}")
        short = ShortProcesses(measured, self._session, prepared, self._outputs)
        short.try_out(observer)
        return short

    def _why_no_turns(self) -> str | None:
        if not self._session.alternates:
            return f"the runner {self.case.device.runner} starts a process a measurement, which cannot take turns"
        needed = [estimated_bytes(side.artifact) for side in self._measured.sides if side.artifact is not None]
        available = free_bytes(self._session.read())
        known = [one for one in needed if one is not None]
        if available is None or len(known) < len(needed) or sum(known) <= available:
            return None
        return f"all sides need about {sum(known) / _GB:.1f} GB at once, and {available / _GB:.1f} GB are free"

    def _fresh_pairs(self, taker: Taker, observer: Observer) -> None:
        """Until every ratio is known as well as asked, or the time is over."""
        measured, request = self._measured, self._measured.request
        began_s = time.monotonic()
        length = PairLength(taker.shortest_s, taker.usual_s, request.max_minutes * 60)
        look = next_look(0)
        while True:
            elapsed_s = time.monotonic() - began_s
            if not length.fits_another(measured.pairs, elapsed_s):
                measured.stopped_by = "max_minutes"
                return
            measured.pairs.append(taker.pair(len(measured.pairs), length.seconds(measured, elapsed_s), observer))
            if len(measured.pairs) >= look:
                measured.stopped_by = _enough(measured)
                if measured.stopped_by:
                    return
                look = next_look(len(measured.pairs))
            observer.stage(_so_far(measured))

    def _keep(self, error: Exception) -> None:
        """Keep an expected failure for the record; a request that has to change is raised."""
        if isinstance(error, SideError):
            self._measured.failed_side = error.side
        if isinstance(error, WorkerError) and error.kind in ("runtime-missing", "bad-request"):
            error = UsageError(str(error))
        if isinstance(error, (InventoryError, MissingPackageError, UsageError)):
            raise error
        self._failure = error


def _enough(measured: PairMeasured) -> str:
    """What ends the measuring now; empty where it goes on."""
    request, ratios = measured.request, measured.ratios()
    if request.limit is None:
        return "within" if all(is_narrow(ratio, request.within) for ratio in ratios) else ""
    decided = [is_decided(ratio.log_ratios, request.limit, request.decided_at) for ratio in ratios]
    return "decided" if all(decided) else ""


def _so_far(measured: PairMeasured) -> str:
    ratios, count = measured.ratios(), len(measured.pairs)
    ratio = widest(ratios)
    known = (None, None) if count < _WORTH_TELLING else (ratio.low, ratio.high)
    numbered = f"pair {count} of {LEAST_PAIRS} or more" if count <= LEAST_PAIRS else f"pair {count}"
    which = f" (the widest of {len(ratios)} ratios)" if len(ratios) > 1 else ""
    return f"{numbered}: {ratio_text(ratio.ratio, *known)} so far{which}"
