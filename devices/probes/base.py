"""The probe seam: what a machine is, and how it feels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from latency_bench.devices.checks import Check
from latency_bench.devices.probes.conditions import Conditions
from latency_bench.devices.probes.observed import Answer, ObservedRun, ProbeFlag, ThrottleEvidence
from latency_bench.devices.probes.readings import Reading as Reading
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.tuning.base import Operation
from latency_bench.devices.tuning.setting import Setting, SettingValue


class Probe(ABC):
    name: str
    settings: ClassVar[tuple[Setting, ...]] = ()
    """What it can set for a run. A user writes them in devices.yaml, or gives them with `--setting`."""

    cool_c: ClassVar[float | None] = None
    """From this temperature down the machine counts as cool, where a protocol waits for that and names none; None
    where it depends on the machine too much to say."""

    @abstractmethod
    def fingerprint(self, transport: Transport) -> dict[str, Any]:
        """What the machine is. A fact that cannot be read is absent, never guessed."""

    @abstractmethod
    def read(self, transport: Transport) -> list[Reading]:
        """How the machine feels now. Must be cheap: it is called while a measurement runs."""

    def is_heat(self, reading: Reading) -> bool:
        """Whether a temperature is of what a measurement heats, so that the next one may have to wait for it."""
        return True

    def tuning(self, settings: Mapping[str, SettingValue]) -> list[Operation]:
        """Operations that set what is asked for, in the order in which they are applied. Keys are names of `settings`;
        a flag that is off is not there."""
        return []

    def checks(self, transport: Transport, settings: Mapping[str, SettingValue]) -> Iterator[Check]:
        """What `bench devices doctor` has to say of this part of the machine. `settings` are those that runs set."""
        yield from ()

    @classmethod
    def conditions(cls, facts: Any, tuned: Mapping[str, Any]) -> Conditions:
        """What has to be equal for two latencies to be compared.

        `facts` is the probe's own part of a fingerprint and `tuned` what the session had set, by operation. Both come
        from a record and may have any shape; what is not understood gives no condition.
        """
        return Conditions()

    @classmethod
    def measured_gpu(cls, run: ObservedRun) -> str | None:
        """Source of this probe's readings of the GPU that the rounds ran on; None where it has none, or cannot tell."""
        return None

    @classmethod
    def throttling(cls, run: ObservedRun) -> ThrottleEvidence:
        """What it knows of throttling beyond the clock and the temperatures. The verdict and its flag come of both."""
        return ThrottleEvidence()

    @classmethod
    def clocks_locked(cls, run: ObservedRun) -> Answer:
        """Whether the clock of what was measured could not move."""
        return "unknown"

    @classmethod
    def foreign_processes(cls, run: ObservedRun) -> tuple[str, ...]:
        """Names of processes that used the accelerator beside ours."""
        return ()

    @classmethod
    def flags(cls, run: ObservedRun) -> list[ProbeFlag]:
        """What else a reader of the number has to know."""
        return []

    def close(self) -> None:  # noqa: B027 - most probes hold nothing open
        """The session ends: let go of what runs on the device."""
