"""What has to be said beside a number: flags, and the questions that every run answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latency_bench.devices.probes.readings import POWER_TOTAL
from latency_bench.harness.case import Case
from latency_bench.harness.conclusiveness import QUESTION, conclusiveness
from latency_bench.harness.host_load import host_load
from latency_bench.harness.neighbours import shared_host
from latency_bench.harness.paper_setting import paper_flag
from latency_bench.harness.probe_verdicts import ProbeVerdicts, ask_probes
from latency_bench.harness.store.delegation import PARTLY_DELEGATED, Delegation
from latency_bench.harness.store.outcome import Answer, Flag
from latency_bench.harness.telemetry_coverage import coverage_by_quantity, ended_early
from latency_bench.harness.units import NS_PER_MS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from latency_bench.devices.probes.observed import ProbeFlag
    from latency_bench.harness.run_data import Round
    from latency_bench.harness.statistics import flags as statistics


@dataclass(frozen=True)
class Judgement:
    unstable: bool
    """Half of the rounds or more were shown not to be steady: the numbers are shown as such."""
    flags: tuple[Flag, ...]
    verdicts: dict[str, Answer]


def judge(case: Case, rounds: Sequence[Round], fingerprint: Mapping[str, Any], is_repeat: bool = False) -> Judgement:
    """Flags and verdicts of a finished run. `is_repeat`: it measures once more what was not shown steady before."""
    import numpy as np

    from latency_bench.harness.statistics.condition_flags import Conditions, condition_flags, is_unstable
    from latency_bench.harness.statistics.flags import FlagKind, OptionsInUse, raise_flag
    from latency_bench.harness.statistics.sample_flags import sample_flags

    latencies = [one.result.samples.latency_ns / NS_PER_MS for one in rounds]
    done = [one.result.done for one in rounds]
    ticks_ms = [ns / NS_PER_MS for one in done if (ns := one.get("timer_resolution_ns"))]
    tick_ms = max(ticks_ms, default=None)
    probes = ask_probes(fingerprint, rounds)
    steadiness = tuple(one.steadiness.verdict for one in rounds if one.steadiness is not None)
    options = OptionsInUse(
        rounds=case.rounds,
        # Where nobody can see the clocks, as in most virtual machines, nobody can lock them either.
        clocks_locked=probes.clocks_locked != "no",
        cool_down=case.protocol.cool_down is not None,
        cpus_pinned=True,
        cuda_graph=bool(case.all_runtime_options().get("cuda_graph")),
        sampled_to_interval=all(one.get("stopped_by") == "interval" for one in done),
        lost_cpu_time_remedy=next((flag.remedy for flag in probes.flags if flag.explains_lost_cpu_time), None),
    )
    conditions = Conditions(
        median=float(np.median([np.median(values) for values in latencies])),
        timer_resolution=tick_ms,
        loop_overhead=max((one.get("loop_overhead_ns", 0) / NS_PER_MS for one in done), default=None),
        enqueue=_all_ms([one.result.samples.enqueue_ns for one in rounds]),
        compute=_all_ms([one.result.samples.phases_ns.get("compute") for one in rounds]),
        steadiness=steadiness,
        throttling=probes.throttling,
        coverage=_coverage(rounds, probes),
        readings_ended=tuple(ended_early(rounds)),
        clocks_locked={"yes": True, "no": False}.get(probes.clocks_locked),
        load=host_load(case, rounds, probes),
        output_difference=max(map(_output_difference, done), default=None),
    )
    statistical = [*sample_flags(latencies, options, tick=tick_ms), *condition_flags(conditions, options)]
    conclusive = conclusiveness(steadiness, [flag.kind.value for flag in statistical], is_repeat)
    if conclusive == "no":
        inconclusive = "measured twice, and neither time shown steady with rounds that agree"
        statistical += raise_flag(FlagKind.INCONCLUSIVE, "warning", inconclusive, options)
    return Judgement(
        unstable=is_unstable(steadiness),
        flags=(
            *(_recorded(flag.kind.value, flag) for flag in statistical),
            *(_recorded(flag.name, flag) for flag in probes.flags),
            *_delegation_flags(rounds),
            *([paper_flag(case.device, fingerprint, _cores(rounds))] if case.as_in_paper else ()),
            *shared_host(rounds),
        ),
        verdicts={"throttled": probes.throttling.verdict, "clocks_locked": probes.clocks_locked, QUESTION: conclusive},
    )


def _delegation_flags(rounds: Sequence[Round]) -> list[Flag]:
    loaded = rounds[0].result.loaded
    options = loaded.get("options")
    known = Delegation.of_facts(loaded.get("delegation"), options.get("xnnpack") if isinstance(options, dict) else None)
    if known.delegate_took_all is not False:
        return []
    text = f"only a part of the model was computed by the delegate {known.text()}"
    remedy = "say so beside the number, since other kernels computed the rest; a newer runtime may take more"
    return [Flag(name=PARTLY_DELEGATED, severity="warning", text=text, remedy=remedy)]


def _cores(rounds: Sequence[Round]) -> list[int]:
    cpus = rounds[0].result.hello.get("cpus")
    return list(cpus) if isinstance(cpus, (list, tuple)) else []


def _recorded(name: str, flag: statistics.Flag | ProbeFlag) -> Flag:
    return Flag(name=name, severity=flag.severity, text=flag.text, remedy=flag.remedy)


def _coverage(rounds: Sequence[Round], probes: ProbeVerdicts) -> dict[str, float]:
    """Of what a verdict or a number hangs on: the clock, and the power."""
    shares = {"clock": probes.clock_coverage, "power": coverage_by_quantity(rounds).get(POWER_TOTAL.name)}
    return {name: share for name, share in shares.items() if share is not None}


def _all_ms(columns: Sequence[npt.NDArray[np.int64] | None]) -> npt.NDArray[np.float64] | None:
    """The rounds' values one after the other; None unless all rounds have them."""
    import numpy as np

    known = [values for values in columns if values is not None]
    return np.concatenate(known) / NS_PER_MS if known and len(known) == len(columns) else None


def _output_difference(done: dict[str, Any]) -> float:
    """How far the last request's outputs lie from the first one's; infinite where they are not finite any more."""
    drift = done.get("output_drift", {})
    return 0.0 if drift.get("bitwise_equal", True) else float(drift.get("max_abs_diff", float("inf")))
