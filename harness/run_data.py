"""What a benchmark has seen so far: rounds, readings, and everything else that its record is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.devices.probes.base import Reading
from latency_bench.devices.runners.base import RoundResult
from latency_bench.harness.case import Case
from latency_bench.harness.cooling import Cooled
from latency_bench.harness.export import Artifact
from latency_bench.harness.git_checkout import checkout_of
from latency_bench.harness.store.outcome import FidelityRecord
from latency_bench.harness.store.sample_table import StageSamples
from latency_bench.harness.store.subject import CampaignRecord, ProjectRecord
from latency_bench.harness.store.telemetry_table import Telemetry

if TYPE_CHECKING:
    from latency_bench.harness.statistics.steadiness import Steadiness


@dataclass(frozen=True)
class Round:
    """One finished round."""

    index: int
    position: int
    """Its place among the rounds of everything that was measured together."""
    started_at: datetime
    result: RoundResult
    readings: list[Reading] = field(default_factory=list)
    """What the probes said while it ran."""
    watched_unix_ns: tuple[int, int] | None = None
    """When readings began and ended to be taken, by this host's clock (Unix time)."""
    telemetry_error: str | None = None
    """Why they stopped before the round was over; None if they did not."""
    steadiness: Steadiness | None = None
    """The verdict on its samples; None where nobody judged them."""
    cooled: Cooled | None = None
    others: tuple[str, ...] = ()
    """Who else measured from this host meanwhile, where the device is this host."""

    @property
    def sampled_unix_ns(self) -> tuple[int, int] | None:
        """When it was sampled; where the runner cannot tell that, the whole round counts."""
        return self.result.sampled_unix_ns or self.watched_unix_ns


@dataclass
class Measured:
    """Everything that a benchmark has seen so far; filled in stage by stage."""

    case: Case
    run_id: str
    command: tuple[str, ...]
    started_at: datetime
    order_seed: int = 0
    """Seed of the random order of rounds."""
    campaign: CampaignRecord | None = None
    project: ProjectRecord | None = None
    """The checkout that the command was given in."""
    repeats: str | None = None
    """Id of the run that is measured once more."""
    stage: str = "device"
    fingerprint: dict[str, Any] = field(default_factory=dict)
    artifact: Artifact | None = None
    rounds: list[Round] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    fidelity: FidelityRecord | None = None
    non_finite_outputs: dict[str, str] = field(default_factory=dict)
    """By output, how many of its values are NaN or infinite, in words; of a file of the user's alone."""
    failure_log: str = ""

    def evidence(self) -> dict[str, str]:
        """What tools printed, by file name; only what is not empty."""
        logs = {f"round{one.index}.log": one.result.log for one in self.rounds}
        logs["failure.log"] = self.failure_log
        return {name: text for name, text in logs.items() if text.strip()}

    def sample_blocks(self) -> list[StageSamples]:
        blocks = []
        for one in self.rounds:
            for warmup, columns in ((True, one.result.warmup), (False, one.result.samples)):
                by_name = {f"{phase}_ns": values for phase, values in columns.phases_ns.items()}
                by_name |= {"start_ns": columns.start_ns, "latency_ns": columns.latency_ns}
                by_name |= {} if columns.enqueue_ns is None else {"enqueue_ns": columns.enqueue_ns}
                blocks.append(StageSamples.of(one.index, warmup, dict(by_name)))
        return blocks

    def telemetry(self) -> Telemetry:
        return telemetry_of(self.readings, self.started_at)


def telemetry_of(readings: Sequence[Reading], started_at: datetime) -> Telemetry:
    """Readings as the store has them: their times count from the start."""
    import numpy as np

    start_ns = int(started_at.timestamp() * 1e9)
    return Telemetry(
        time_ns=np.array([reading.time_ns - start_ns for reading in readings], dtype=np.int64),
        source=[reading.source for reading in readings],
        quantity=[reading.quantity for reading in readings],
        unit=[reading.unit for reading in readings],
        value=np.array([reading.value for reading in readings], dtype=np.float64),
    )


def project_here() -> ProjectRecord | None:
    """The checkout that the command was given in; None outside of any."""
    try:
        checkout = checkout_of(Path.cwd())
    except OSError:  # the folder was removed meanwhile
        return None
    return None if checkout is None else ProjectRecord(commit=checkout.commit, dirty=checkout.dirty)
