"""A container, or a service with limits: how much memory and CPU time its control group lets it have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from latency_bench.devices.checks import Check
from latency_bench.devices.probes.base import Probe, Reading
from latency_bench.devices.probes.cgroup import cpu_quota, memory_limit
from latency_bench.devices.probes.conditions import Conditions, gigabytes
from latency_bench.devices.probes.observed import ObservedRound, ObservedRun, ProbeFlag
from latency_bench.devices.probes.readings import (
    MEMORY_AVAILABLE,
    QUOTA_PERIODS,
    QUOTA_PERIODS_STOPPED,
    QUOTA_STOPPED_TIME,
)
from latency_bench.devices.transports.base import Transport
from latency_bench.devices.tuning.setting import SettingValue

STOPPED_LIMIT = 0.01
"""Share of the quota's periods in which it may stop the container: each time, a request waits for tens of
milliseconds."""
_SOURCE = "container"
_REMEDY = "raise the container's CPU quota (`docker run --cpus`, `cpu.max`) above the threads that are measured"


class ContainerProbe(Probe):
    """Reads nothing where nothing is limited, as on most machines."""

    name = "container"

    def __init__(self) -> None:
        self._has_memory_limit: bool | None = None
        self._has_quota: bool | None = None

    def fingerprint(self, transport: Transport) -> dict[str, Any]:
        memory, quota = memory_limit(transport.read_text), cpu_quota(transport.read_text)
        return {
            **({"memory_limit_bytes": memory.limit_bytes} if memory else {}),
            **({"cpu_quota_cores": round(quota.cores, 4)} if quota else {}),
        }

    def read(self, transport: Transport) -> list[Reading]:
        readings = []
        if self._has_memory_limit is not False:
            memory = memory_limit(transport.read_text)
            self._has_memory_limit = memory is not None
            readings += [MEMORY_AVAILABLE.of(_SOURCE, memory.available_bytes)] if memory else []
        if self._has_quota is not False:
            quota = cpu_quota(transport.read_text)
            self._has_quota = quota is not None
            if quota and quota.periods is not None and quota.stopped_periods is not None:
                readings.append(QUOTA_PERIODS.of(_SOURCE, quota.periods))
                readings.append(QUOTA_PERIODS_STOPPED.of(_SOURCE, quota.stopped_periods))
            if quota and quota.stopped_s is not None:
                readings.append(QUOTA_STOPPED_TIME.of(_SOURCE, quota.stopped_s))
        return readings

    def checks(self, transport: Transport, settings: Mapping[str, SettingValue]) -> Iterator[Check]:
        # What is left of a memory limit is in the check of the memory, which every device has.
        if quota := cpu_quota(transport.read_text):
            text = f"a quota lets it have {quota.cores:g} cores"
            yield Check("container", "warning" if quota.cores < 1 else "ok", text, _REMEDY * (quota.cores < 1))

    @classmethod
    def conditions(cls, facts: Any, tuned: Mapping[str, Any]) -> Conditions:
        known = facts if isinstance(facts, dict) else {}
        return Conditions.of(
            system={
                "memory limit": gigabytes(known.get("memory_limit_bytes")),
                "CPU quota in cores": known.get("cpu_quota_cores"),
            }
        )

    @classmethod
    def flags(cls, run: ObservedRun) -> list[ProbeFlag]:
        """Whether the quota stopped the container while it was measured."""
        periods = sum(_rise(one, QUOTA_PERIODS.name) for one in run.rounds)
        stopped = sum(_rise(one, QUOTA_PERIODS_STOPPED.name) for one in run.rounds)
        if not periods or stopped / periods <= STOPPED_LIMIT:
            return []
        cores = run.facts.get("cpu_quota_cores") if isinstance(run.facts, dict) else None
        quota = f"of {cores:g} cores " if isinstance(cores, (int, float)) else ""
        text = (
            f"the container's CPU quota {quota}stopped it in {stopped:.0f} of {periods:.0f} periods "
            f"(limit {STOPPED_LIMIT:.0%})"
        )
        return [ProbeFlag("cpu_quota", "warning", text, _REMEDY, explains_lost_cpu_time=True)]


def _rise(one: ObservedRound, quantity: str) -> float:
    values = [reading.value for reading in one.readings if (reading.source, reading.quantity) == (_SOURCE, quantity)]
    return max(0.0, values[-1] - values[0]) if values else 0.0
