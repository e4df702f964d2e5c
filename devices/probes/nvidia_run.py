"""What NVML's readings say of a run on a GPU: which one it was, why its clock was lowered, who else used it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from latency_bench.devices.probes.conditions import part
from latency_bench.devices.probes.observed import ObservedRun, ProbeFlag, ThrottleEvidence
from latency_bench.devices.probes.readings import THROTTLE_REASONS, Reading

_BUS_ID = re.compile(r"([0-9a-f]{4,8}):([0-9a-f]{2}):([0-9a-f]{2})\.[0-9a-f]")
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


def measured_gpu(run: ObservedRun) -> str | None:
    """The GPU that the worker says it ran on, found among those of the fingerprint by its UUID, else by its PCI bus id.

    CUDA's number of it is none of the driver's: CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER change it. A runner that
    tells neither can only have meant the one GPU of a machine that has no other. A GPU that MIG divides is not found:
    its clock, power and processes are those of all its parts together.
    """
    gpus = _gpus(run)
    answers = {_place(part(one.loaded, "gpu"), gpus) for one in run.rounds}
    place = answers.pop() if len(answers) == 1 else None
    return None if place is None or gpus[place].get("mig") else f"gpu{place}"


def _place(measured: Mapping[str, Any], gpus: list[dict[str, Any]]) -> int | None:
    for key, normal in (("uuid", _uuid), ("pci_bus_id", _bus)):
        if (wanted := normal(measured.get(key))) is not None:
            known = [normal(gpu.get(key)) for gpu in gpus]
            if any(known):
                return known.index(wanted) if wanted in known else None
    return 0 if len(gpus) == 1 else None


def _uuid(text: object) -> str | None:
    """`GPU-8f1...` and `8f1...` are the same."""
    return re.sub(r"^(gpu|mig)-", "", text.lower()) if isinstance(text, str) and text else None


def _bus(text: object) -> tuple[int, ...] | None:
    """NVML writes the domain with eight digits, CUDA with four."""
    found = _BUS_ID.fullmatch(text.lower()) if isinstance(text, str) else None
    return tuple(int(word, 16) for word in found.groups()) if found else None


def nvidia_flags(run: ObservedRun) -> list[ProbeFlag]:
    """Where the clock, the power and the neighbours of what was measured are not known, a reader has to know that."""
    gpus = _gpus(run)
    if not run.on_gpu or run.gpu is not None or not gpus:
        return []
    divided = any(gpu.get("mig") for gpu in gpus)
    text = f"which of the {len(gpus)} GPUs was measured cannot be told" + (
        ", one of which MIG divides" if divided else ""
    )
    remedy = "let the worker and bench see the same GPUs; throttling, energy and other programs are unknown without"
    return [ProbeFlag("gpu_unknown", "info", text, remedy)]


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
    gpus = _gpus(run)
    found = re.fullmatch(r"gpu([0-9]{1,4})", run.gpu or "")
    return gpus[int(found[1])] if found and int(found[1]) < len(gpus) else {}


def _gpus(run: ObservedRun) -> list[dict[str, Any]]:
    listed = run.facts.get("gpus") if isinstance(run.facts, dict) else None
    return [gpu if isinstance(gpu, dict) else {} for gpu in listed] if isinstance(listed, list) else []


def _pid(reading: Reading, gpu: str) -> int | None:
    found = re.fullmatch(rf"{gpu} pid ([0-9]{{1,10}})", reading.source)
    return int(found[1]) if found else None
