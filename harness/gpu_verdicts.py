"""What NVML's readings say about a run on a GPU: throttled, clocks locked, shared with others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from latency_bench.devices.probes.base import Reading
from latency_bench.devices.probes.nvidia_nvml import reason_names
from latency_bench.harness.store.outcome import Answer

if TYPE_CHECKING:
    from latency_bench.harness.run_data import Round
    from latency_bench.harness.statistics.throttling import Throttling

BUSY_LOAD = 50.0
"""Per cent. NVML counts the part of the last interval in which any kernel ran; one request after the other keeps it
high, loading the model and the pauses between rounds do not."""
CLOCK_MOVED = 0.01
"""Over this part of its largest value a locked clock does not move."""


def gpu_of(rounds: Sequence[Round]) -> str | None:
    """Source of the readings of the GPU that was measured (`gpu0`); None for a run on a processor."""
    loaded = rounds[0].result.loaded
    if "gpu" not in loaded:
        return None
    return f"gpu{int(loaded.get('options', {}).get('device', 0))}"


def gpu_throttling(fingerprint: dict[str, Any], readings: Sequence[Reading], gpu: str) -> Throttling:
    """From the clock and the throttle reasons at every moment at which the GPU was busy."""
    from latency_bench.harness.statistics.throttling import detect_throttling

    moments = _moments(readings, gpu)
    clocks = [moment["frequency"] for moment in moments if "frequency" in moment]
    temperatures = [moment["temperature"] for moment in moments if "temperature" in moment]
    limit_c = _facts(fingerprint, gpu).get("slowdown_temperature_c")
    # Series have to be of one length: reasons count only where every moment has them.
    complete = len(clocks) == len(moments) > 0
    told = complete and all("throttle_reasons" in moment for moment in moments)
    return detect_throttling(
        clocks or None,
        busy=[moment.get("load", 100.0) >= BUSY_LOAD for moment in moments] if complete else None,
        reasons=[reason_names(moment["throttle_reasons"]) for moment in moments] if told else None,
        temperature_c=temperatures or None,
        limit_c=float(limit_c) if isinstance(limit_c, (int, float)) else None,
    )


def gpu_clocks_locked(fingerprint: dict[str, Any], readings: Sequence[Reading], gpu: str) -> Answer:
    """`yes` where bench locked them, `no` where the clock moved under load. NVML does not tell a lock of others, so a
    clock that stood still is `unknown`."""
    clocks = [
        moment["frequency"]
        for moment in _moments(readings, gpu)
        if "frequency" in moment and moment.get("load", 100.0) >= BUSY_LOAD
    ]
    moved = len(clocks) >= 2 and max(clocks) - min(clocks) > CLOCK_MOVED * max(clocks)
    if "gpu_clocks" in fingerprint.get("tuned", {}):
        return "no" if moved else "yes"
    # A Jetson tells its clocks' limits.
    told = fingerprint.get("jetson", {}).get("clocks_locked")
    return "no" if moved or told == "no" else "yes" if told == "yes" else "unknown"


def gpu_foreign_processes(rounds: Sequence[Round], fingerprint: dict[str, Any], gpu: str) -> tuple[str, ...]:
    """Processes that used the GPU beside ours.

    NVML gives the process ids of the host, a worker in a container knows its own only. So: where ours is among those
    seen, all others are foreign. Else those that were there before the first round are, and those seen in more than one
    round, because every round is a fresh process.
    """
    names = {
        int(one["pid"]): str(one.get("name") or f"process {one['pid']}")
        for one in _facts(fingerprint, gpu).get("processes", [])
    }
    seen = [{pid for reading in one.readings if (pid := _pid(reading, gpu)) is not None} for one in rounds]
    own = {pid for one in rounds if isinstance(pid := one.result.hello.get("pid"), int)}
    everywhere = set().union(*seen)
    if own & everywhere:
        foreign = everywhere - own
    else:
        repeated = {pid for pid in everywhere if sum(pid in pids for pids in seen) > 1}
        foreign = repeated | (everywhere & set(names))
    return tuple(names.get(pid, f"process {pid}") for pid in sorted(foreign))


def _moments(readings: Sequence[Reading], gpu: str) -> list[dict[str, float]]:
    """Values by quantity, one entry a moment, in order."""
    by_time: dict[int, dict[str, float]] = {}
    for one in readings:
        if one.source == gpu:
            by_time.setdefault(one.time_ns, {})[one.quantity] = one.value
    return [by_time[moment] for moment in sorted(by_time)]


def _pid(reading: Reading, gpu: str) -> int | None:
    found = re.fullmatch(rf"{gpu} pid (\d+)", reading.source)
    return int(found[1]) if found else None


def _facts(fingerprint: dict[str, Any], gpu: str) -> dict[str, Any]:
    """What the probe says of this GPU."""
    gpus = fingerprint.get("nvidia", {}).get("gpus", [])
    number = int(gpu.removeprefix("gpu"))
    found = gpus[number] if number < len(gpus) else {}
    return found if isinstance(found, dict) else {}
