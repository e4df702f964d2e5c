"""A finished run as the probes of its device saw it, and what a probe says of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from latency_bench.devices.probes.readings import FREQUENCY, LOAD, Reading

Answer = Literal["yes", "no", "unknown"]
Moment = dict[str, float]
"""Values by quantity of one source, read at one time."""

BUSY_LOAD = 50.0
"""Per cent. NVML counts the part of the last interval in which any kernel ran; one request after the other keeps it
high, loading the model and the pauses between rounds do not."""
CLOCK_MOVED = 0.01
"""Over this part of its largest value a locked clock does not move."""


@dataclass(frozen=True)
class ObservedRound:
    """What the runner said (docs/architecture.md, worker protocol) and what all probes read while the round ran."""

    hello: Mapping[str, Any]
    loaded: Mapping[str, Any]
    done: Mapping[str, Any]
    readings: Sequence[Reading]


@dataclass(frozen=True)
class ObservedRun:
    """All rounds, with one probe's own part of the fingerprint and what the session had set."""

    rounds: Sequence[ObservedRound]
    facts: Any = None
    tuned: Mapping[str, Any] = field(default_factory=dict)
    gpu: str | None = None
    """Source of the readings of the GPU that was measured (`gpu0`), as a probe found it (`Probe.measured_gpu`). None
    for a run on a processor, and where no probe can tell which of the machine's GPUs it was."""

    @property
    def on_gpu(self) -> bool:
        return bool(self.rounds) and "gpu" in self.rounds[0].loaded

    def moments(self, source: str) -> list[Moment]:
        """The source's values by quantity, one entry a time, in order."""
        return list(self._moments_by_time(source).values())

    def busy_moments(self, source: str) -> list[Moment]:
        """Those at which it was in use: an idle clock is no throttled one. All, where the load is not read."""
        return [moment for moment in self.moments(source) if _is_busy(moment)]

    def clock(self) -> list[float]:
        """Readings of the clock of what was measured, in order (`clock_by_time`)."""
        return list(self.clock_by_time().values())

    def clock_by_time(self) -> dict[int, float]:
        """Clock of what was measured by the time of the reading, in order: of the GPU while it was busy, else of the
        cores that the worker was pinned to.

        Cores are unlike: beside a slow cluster at 1.8 GHz a prime core that falls from 3.2 to 2.5 GHz is never the
        slowest. So each is held against its own best in the run, and what counts at a time is the core that had lost
        most by then, as that share of the fastest core's best.
        """
        if self.on_gpu:
            return {
                time_ns: moment[FREQUENCY.name]
                for time_ns, moment in self._moments_by_time(self.gpu or "").items()
                if _is_busy(moment) and FREQUENCY.name in moment
            }
        clocks = [reading for one in self.rounds for reading in one.readings if self.is_clock(reading, one)]
        best: dict[str, float] = {}
        for reading in clocks:
            best[reading.source] = max(reading.value, best.get(reading.source, 0.0))
        lowest_share: dict[int, float] = {}
        for reading in clocks:
            share = reading.value / best[reading.source] if best[reading.source] > 0 else 1.0
            lowest_share[reading.time_ns] = min(share, lowest_share.get(reading.time_ns, 1.0))
        fastest = max(best.values(), default=0.0)
        return {time_ns: fastest * lowest_share[time_ns] for time_ns in sorted(lowest_share)}

    def _moments_by_time(self, source: str) -> dict[int, Moment]:
        by_time: dict[int, Moment] = {}
        for reading in self.readings():
            if reading.source == source:
                by_time.setdefault(reading.time_ns, {})[reading.quantity] = reading.value
        return {time_ns: by_time[time_ns] for time_ns in sorted(by_time)}

    def clock_moved(self) -> bool:
        clock = self.clock()
        return len(clock) >= 2 and max(clock) - min(clock) > CLOCK_MOVED * max(clock)

    def is_clock(self, reading: Reading, observed: ObservedRound) -> bool:
        """Whether it is of the clock of what was measured: that GPU, or a core that the worker was pinned to."""
        if reading.quantity != FREQUENCY.name:
            return False
        return reading.source == self.gpu if self.on_gpu else reading.source in _pinned(observed)

    def readings(self) -> list[Reading]:
        return [reading for one in self.rounds for reading in one.readings]


def _is_busy(moment: Moment) -> bool:
    return moment.get(LOAD.name, 100.0) >= BUSY_LOAD


def _pinned(observed: ObservedRound) -> set[str]:
    cpus = observed.hello.get("cpus", ())
    return {f"cpu{cpu}" for cpu in cpus} if isinstance(cpus, (list, tuple)) else set()


@dataclass(frozen=True)
class ThrottleEvidence:
    """What a probe knows of throttling beyond the clock and the temperatures, which are read alike for all."""

    reasons: Sequence[Collection[str]] | None = None
    """Of every reading while the device was busy, the reasons that lowered its clock then; None where it tells none."""
    signs: tuple[str, ...] = ()
    """Sentences, each of which says that the run was throttled."""
    limit_c: float | None = None
    """Temperature from which the device slows down."""


@dataclass(frozen=True)
class ProbeFlag:
    """Something of a probe's own that a reader of the number has to know."""

    name: str
    severity: Literal["info", "warning", "error"]
    text: str
    """The measured figure and the limit that it crossed."""
    remedy: str
    explains_lost_cpu_time: bool = False
    """Whether it is the reason for which the worker did not have its cores all the time."""
