"""What else the device had to do while it was measured, from what the worker counted and what the probes read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from latency_bench.devices.probes.readings import CPU_TIME_BUSY
from latency_bench.harness.probe_verdicts import ProbeVerdicts, on_gpu

if TYPE_CHECKING:
    from latency_bench.harness.case import Case
    from latency_bench.harness.run_data import Round
    from latency_bench.harness.statistics.condition_flags import HostLoad


def host_load(case: Case, rounds: Sequence[Round], probes: ProbeVerdicts) -> HostLoad:
    """Of all rounds together."""
    from latency_bench.harness.statistics.condition_flags import HostLoad

    used = [(one.result.done.get("usage", {}), one.result.done.get("elapsed_ns", 0)) for one in rounds]
    switches = [usage["involuntary_switches"] for usage, _ in used if "involuntary_switches" in usage]
    elapsed_ns = sum(elapsed for _, elapsed in used)
    cpu_ns = sum(usage.get("user_ns", 0) + usage.get("system_ns", 0) for usage, _ in used)
    waits_ns = [usage["runqueue_wait_ns"] for usage, _ in used if "runqueue_wait_ns" in usage]
    share = None
    if elapsed_ns and len(waits_ns) == len(used):
        # Waits are counted from just before the sampling to just after it, so that of a short one they may be longer.
        share = max(0.0, 1 - sum(waits_ns) / (elapsed_ns * case.threads))
    elif elapsed_ns and cpu_ns and case.threads == 1:
        # Several threads wait for each other by design, so that only a single one's CPU time says something.
        share = cpu_ns / elapsed_ns
    # A GPU's host thread sleeps while the GPU works, and a quota stops the worker: neither says anything about others.
    explained = on_gpu(rounds) or any(flag.explains_lost_cpu_time for flag in probes.flags)
    return HostLoad(
        involuntary_switches=sum(switches) if switches else None,
        requests=sum(len(one.result.samples.latency_ns) for one in rounds),
        busy_cores=_busy_cores(rounds),
        own_threads=case.threads,
        cpu_share=None if explained else share,
        foreign_processes=probes.foreign_processes,
        elapsed_s=elapsed_ns / 1e9,
    )


def _busy_cores(rounds: Sequence[Round]) -> float | None:
    """Cores of the device that were busy with anything, on average over the rounds; None where that cannot be read."""
    busy_s = elapsed_s = 0.0
    for one in rounds:
        readings = [reading for reading in one.readings if reading.quantity == CPU_TIME_BUSY.name]
        if len(readings) >= 2:
            busy_s += readings[-1].value - readings[0].value
            elapsed_s += (readings[-1].time_ns - readings[0].time_ns) / 1e9
    return busy_s / elapsed_s if elapsed_s > 0 else None
