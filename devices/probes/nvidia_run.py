"""What NVML's readings say of a run on a GPU: why its clock was lowered, who else used it."""

from __future__ import annotations

import re
from typing import Any

from latency_bench.devices.probes.observed import ObservedRun, ThrottleEvidence
from latency_bench.devices.probes.readings import THROTTLE_REASONS, Reading

REASONS = {
    0x1: "gpu_idle",
    0x2: "applications_clocks_setting",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake_slowdown",
    0x100: "display_clocks_setting",
}
"""NVML's clock event (throttle) reasons, by bit (nvml.h)."""
SLOWING = frozenset(REASONS.values()) - {
    *("gpu_idle", "applications_clocks_setting", "sync_boost", "display_clocks_setting")
}
"""Those that take speed away from a GPU that is at work; the others say what it was set to."""


def reason_names(bits: float) -> frozenset[str]:
    """`9` -> gpu_idle and hw_slowdown."""
    return frozenset(name for bit, name in REASONS.items() if int(bits) & bit)


def nvidia_throttling(run: ObservedRun) -> ThrottleEvidence:
    """From the throttle reasons at every moment at which the measured GPU was busy."""
    if run.gpu is None:
        return ThrottleEvidence()
    moments = run.busy_moments(run.gpu)
    # Reasons count only where every moment has them: a share of the others would be one of an unknown whole.
    told = bool(moments) and all(THROTTLE_REASONS.name in moment for moment in moments)
    limit_c = gpu_facts(run).get("slowdown_temperature_c")
    return ThrottleEvidence(
        reasons=[reason_names(moment[THROTTLE_REASONS.name]) & SLOWING for moment in moments] if told else None,
        limit_c=float(limit_c) if isinstance(limit_c, (int, float)) else None,
    )


def nvidia_foreign_processes(run: ObservedRun) -> tuple[str, ...]:
    """Processes that used the measured GPU beside ours.

    NVML gives the process ids of the host, a worker in a container knows its own only. So: where ours is among those
    seen, all others are foreign. Else those that were there before the first round are, and those seen in more than one
    round, because every round is a fresh process.
    """
    if (gpu := run.gpu) is None:
        return ()
    listed = gpu_facts(run).get("processes")
    known = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    names = {one["pid"]: str(one.get("name") or f"process {one['pid']}") for one in known if "pid" in one}
    seen = [{pid for reading in one.readings if (pid := _pid(reading, gpu)) is not None} for one in run.rounds]
    own = {pid for one in run.rounds if isinstance(pid := one.hello.get("pid"), int)}
    everywhere = set().union(*seen)
    if own & everywhere:
        foreign = everywhere - own
    else:
        repeated = {pid for pid in everywhere if sum(pid in pids for pids in seen) > 1}
        foreign = repeated | (everywhere & set(names))
    return tuple(names.get(pid, f"process {pid}") for pid in sorted(foreign))


def gpu_facts(run: ObservedRun) -> dict[str, Any]:
    """What the fingerprint says of the measured GPU; {} where it says nothing."""
    gpus = run.facts.get("gpus") if isinstance(run.facts, dict) else None
    number = int((run.gpu or "gpu0").removeprefix("gpu"))
    facts = gpus[number] if isinstance(gpus, list) and number < len(gpus) else None
    return facts if isinstance(facts, dict) else {}


def _pid(reading: Reading, gpu: str) -> int | None:
    found = re.fullmatch(rf"{gpu} pid ([0-9]{{1,10}})", reading.source)
    return int(found[1]) if found else None
