"""What has to be said beside a number: flags, and the questions that every run answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latency_bench.devices.probes.base import Reading
from latency_bench.harness.case import Case
from latency_bench.harness.gpu_verdicts import gpu_clocks_locked, gpu_foreign_processes, gpu_of, gpu_throttling
from latency_bench.harness.neighbours import shared_host
from latency_bench.harness.phone_verdicts import phone_throttled
from latency_bench.harness.store.outcome import Answer, Flag

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from latency_bench.harness.run_data import Round
    from latency_bench.harness.statistics.condition_flags import HostLoad
    from latency_bench.harness.statistics.throttling import Throttling

_NS_PER_MS = 1e6
_SEVERITIES: dict[str, Any] = {"note": "info", "warning": "warning", "serious": "error"}


@dataclass(frozen=True)
class Judgement:
    unstable: bool
    """A round never settled: the numbers are shown as such."""
    flags: tuple[Flag, ...]
    verdicts: dict[str, Answer]


def judge(case: Case, rounds: Sequence[Round], readings: Sequence[Reading], fingerprint: dict[str, Any]) -> Judgement:
    """Flags and verdicts of a finished run."""
    import numpy as np

    from latency_bench.harness.statistics.condition_flags import Conditions, condition_flags
    from latency_bench.harness.statistics.flags import FlagKind, OptionsInUse
    from latency_bench.harness.statistics.sample_flags import sample_flags

    latencies = [one.result.samples.latency_ns / _NS_PER_MS for one in rounds]
    done = [one.result.done for one in rounds]
    ticks_ms = [ns / _NS_PER_MS for one in done if (ns := one.get("timer_resolution_ns"))]
    tick_ms = max(ticks_ms, default=None)
    on_gpu = gpu_of(rounds)
    if on_gpu is None:
        locked = clocks_locked(fingerprint)
        throttling = _throttling(case, rounds, readings)
    else:
        locked = gpu_clocks_locked(fingerprint, readings, on_gpu)
        throttling = gpu_throttling(fingerprint, readings, on_gpu)
    steady = tuple(bool(one["steady"]) for one in done if one.get("steady") is not None)
    options = OptionsInUse(
        rounds=case.rounds,
        # Where nobody can see the clocks, as in most virtual machines, nobody can lock them either.
        clocks_locked=locked != "no",
        cpus_pinned=True,
        cuda_graph=bool(case.all_runtime_options().get("cuda_graph")),
        sampled_by_precision=all(one.get("stopped_by") == "precision" for one in done),
    )
    conditions = Conditions(
        median=float(np.median([np.median(values) for values in latencies])),
        timer_resolution=tick_ms,
        loop_overhead=max((one.get("loop_overhead_ns", 0) / _NS_PER_MS for one in done), default=None),
        enqueue=_all_ms([one.result.samples.enqueue_ns for one in rounds]),
        compute=_all_ms([one.result.samples.phases_ns.get("compute") for one in rounds]),
        steady=steady,
        rounds_not_judged=sum(map(_was_not_judged, done)) if case.protocol.warmup.window else 0,
        throttling=throttling,
        clocks_locked={"yes": True, "no": False}.get(locked),
        load=_load(case, rounds, fingerprint),
        output_difference=max(map(_output_difference, done), default=None),
    )
    found = [*sample_flags(latencies, options, tick=tick_ms), *condition_flags(conditions, options)]
    # "Unknown" is an answer that every run already gives among its verdicts; as a flag it would be noise.
    found = [flag for flag in found if flag.kind is not FlagKind.THROTTLING_UNKNOWN]
    return Judgement(
        unstable=not all(steady),
        flags=tuple(
            Flag(name=flag.kind.value, severity=_SEVERITIES[flag.severity.value], text=flag.text, remedy=flag.remedy)
            for flag in found
        )
        + shared_host(rounds),
        verdicts={"throttled": phone_throttled(rounds) or throttling.verdict, "clocks_locked": locked},
    )


def clocks_locked(fingerprint: dict[str, Any]) -> Answer:
    """Whether the clock could move: as the probe of an accelerator says; else of the processor, `yes` only where
    minimum and maximum are the same."""
    for facts in fingerprint.values():
        if isinstance(facts, dict) and facts.get("clocks_locked") in ("yes", "no"):
            return "yes" if facts["clocks_locked"] == "yes" else "no"
    frequency = (fingerprint.get("linux") or fingerprint.get("android") or {}).get("frequency", {})
    low, high = frequency.get("min_khz"), frequency.get("max_khz")
    if low is None or high is None:
        return "unknown"
    return "yes" if low == high else "no"


def _all_ms(columns: Sequence[npt.NDArray[np.int64] | None]) -> npt.NDArray[np.float64] | None:
    """The rounds' values one after the other; None unless all rounds have them."""
    import numpy as np

    known = [values for values in columns if values is not None]
    return np.concatenate(known) / _NS_PER_MS if known and len(known) == len(columns) else None


def _was_not_judged(done: dict[str, Any]) -> bool:
    """A warm-up of our own that says nothing of steadiness; other tools have one that nobody judges."""
    return "warmup" in done and done.get("steady") is None


def _output_difference(done: dict[str, Any]) -> float:
    """How far the last request's outputs lie from the first one's; infinite where they are not finite any more."""
    drift = done.get("output_drift", {})
    return 0.0 if drift.get("bitwise_equal", True) else float(drift.get("max_abs_diff", float("inf")))


def _throttling(case: Case, rounds: Sequence[Round], readings: Sequence[Reading]) -> Throttling:
    """From the clocks of the pinned cores: the slowest of them at each moment."""
    from latency_bench.harness.statistics.throttling import detect_throttling

    cores = {f"cpu{cpu}" for cpu in rounds[0].result.hello.get("cpus", ())}
    by_time: dict[int, float] = {}
    for one in readings:
        if one.quantity == "frequency" and one.source in cores:
            by_time[one.time_ns] = min(one.value, by_time.get(one.time_ns, one.value))
    temperatures = [one.value for one in readings if one.quantity == "temperature"]
    return detect_throttling(
        [by_time[moment] for moment in sorted(by_time)] or None,
        temperature_c=temperatures or None,
    )


def _load(case: Case, rounds: Sequence[Round], fingerprint: dict[str, Any]) -> HostLoad:
    from latency_bench.harness.statistics.condition_flags import HostLoad

    used = [(one.result.done.get("usage", {}), one.result.done.get("elapsed_ns", 0)) for one in rounds]
    switches = [usage["involuntary_switches"] for usage, _ in used if "involuntary_switches" in usage]
    elapsed_ns = sum(elapsed for _, elapsed in used)
    cpu_ns = sum(usage.get("user_ns", 0) + usage.get("system_ns", 0) for usage, _ in used)
    waits_ns = [usage["runqueue_wait_ns"] for usage, _ in used if "runqueue_wait_ns" in usage]
    share = None
    if elapsed_ns and len(waits_ns) == len(used):
        share = 1 - sum(waits_ns) / (elapsed_ns * case.threads)
    elif elapsed_ns and cpu_ns and case.threads == 1:
        # Several threads wait for each other by design, so that only a single one's CPU time says something.
        share = cpu_ns / elapsed_ns
    gpu = gpu_of(rounds)
    return HostLoad(
        involuntary_switches=sum(switches) if switches else None,
        requests=sum(len(one.result.samples.latency_ns) for one in rounds),
        busy_cores=_busy_cores(rounds),
        own_threads=case.threads,
        # A GPU's host thread sleeps while the GPU works: that says nothing about others.
        cpu_share=share if gpu is None else None,
        foreign_processes=() if gpu is None else gpu_foreign_processes(rounds, fingerprint, gpu),
        elapsed_s=elapsed_ns / 1e9,
    )


def _busy_cores(rounds: Sequence[Round]) -> float | None:
    """Cores of the device that were busy with anything, on average over the rounds; None where that cannot be read."""
    busy_s = elapsed_s = 0.0
    for one in rounds:
        readings = [reading for reading in one.readings if reading.quantity == "cpu_time_busy"]
        if len(readings) >= 2:
            busy_s += readings[-1].value - readings[0].value
            elapsed_s += (readings[-1].time_ns - readings[0].time_ns) / 1e9
    return busy_s / elapsed_s if elapsed_s > 0 else None
