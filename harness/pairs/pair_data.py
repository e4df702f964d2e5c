"""What a paired measurement has seen so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from latency_bench.devices.probes.base import Reading
from latency_bench.harness.pairs.burst_plan import BurstPlan
from latency_bench.harness.pairs.pair_request import PairRequest
from latency_bench.harness.run_data import Measured
from latency_bench.harness.statistics.block_ratio import BlockRatio
from latency_bench.harness.statistics.paired_ratio import PairedRatio, paired_ratio
from latency_bench.harness.statistics.start_order import without_start_order
from latency_bench.harness.store.pair_record import started_later
from latency_bench.harness.store.pair_samples import PairSamples
from latency_bench.harness.store.subject import CampaignRecord

Mode = Literal["turns", "processes"]
"""`turns`: live processes take turns by bursts of requests. `processes`: short fresh processes, one after the other,
where the device cannot hold all sides at once or its tool cannot take turns."""


@dataclass(frozen=True)
class SideBias:
    """What taking turns did to a side in one pair of processes, as logarithms; None where it cannot be told."""

    first_request: float | None
    """The first request after a change over those that count."""
    alone: float | None
    """Those that count over the same process's requests alone, just before: free of no drift."""


@dataclass(frozen=True)
class ProcessPair:
    """One set of fresh processes."""

    index: int
    started_at: datetime
    order_seed: int
    start_order: tuple[int, ...]
    wall_s: float
    """Starting, loading and warming up included."""
    alternated_s: float
    blocks: int
    ratios: tuple[BlockRatio, ...]
    """Of every side but the first against the first."""
    bias: tuple[SideBias, ...]
    """One entry a side."""
    idle_processor_s: tuple[float, ...]
    """By side: what its process computed while another one's turn was."""


@dataclass
class PairMeasured:
    """Filled in pair by pair. `sides` hold what a run of each would have: artifact, outputs, a round a pair."""

    request: PairRequest
    sides: tuple[Measured, ...]
    run_id: str
    command: tuple[str, ...]
    started_at: datetime
    campaign: CampaignRecord | None = None
    mode: Mode = "turns"
    mode_reason: str | None = None
    """Why it is not by turns."""
    plan: BurstPlan | None = None
    pairs: list[ProcessPair] = field(default_factory=list)
    samples: list[PairSamples] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    stopped_by: str = ""
    failed_side: int | None = None

    def ratio(self, side: int) -> PairedRatio:
        """Of a side against the first, over the pairs measured so far. Raises ValueError without any."""
        return paired_ratio(self.log_ratios(side))

    def log_ratios(self, side: int) -> tuple[float, ...]:
        """One a pair of processes, without what the order of starting did to it."""
        later = started_later(self.mode, (pair.start_order for pair in self.pairs), side)
        return without_start_order([pair.ratios[side - 1].log_ratio for pair in self.pairs], later)

    def ratios(self) -> list[PairedRatio]:
        return [self.ratio(side) for side in range(1, len(self.sides))]

    def logs(self) -> dict[str, str]:
        """What tools printed, by name of the evidence file; only what is not empty."""
        texts: dict[str, str] = {}
        for number, side in enumerate(self.sides):
            texts |= {f"side{number}-{name}": text for name, text in side.evidence().items()}
        return texts


def widest(ratios: Sequence[PairedRatio]) -> PairedRatio:
    """The ratio that is known least."""
    return max(ratios, key=lambda one: one.relative_width)
