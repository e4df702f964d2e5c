"""The probe seam: what a machine is, and how it feels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from latency_bench.devices.checks import Check
from latency_bench.devices.probes.conditions import Conditions
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.tuning.base import Operation
from latency_bench.devices.tuning.setting import Setting, SettingValue


@dataclass(frozen=True)
class Reading:
    """One value read from the machine. `time_ns` is the host's clock (Unix time) when it was read."""

    source: str
    quantity: str
    """`frequency`, `temperature`, `load`, `memory_available`, `power` ..."""
    value: float
    unit: str
    time_ns: int = 0

    def at(self, time_ns: int) -> Reading:
        return replace(self, time_ns=time_ns)


class Probe(ABC):
    name: str
    settings: ClassVar[tuple[Setting, ...]] = ()
    """What it can set for a run. A user writes them in devices.yaml, or gives them with `--setting`."""

    @abstractmethod
    def fingerprint(self, transport: Transport) -> dict[str, Any]:
        """What the machine is. A fact that cannot be read is absent, never guessed."""

    @abstractmethod
    def read(self, transport: Transport) -> list[Reading]:
        """How the machine feels now. Must be cheap: it is called while a measurement runs."""

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

    def close(self) -> None:  # noqa: B027 - most probes hold nothing open
        """The session ends: let go of what runs on the device."""
