"""What the probes of a device say of a finished run: throttled, clocks locked, shared with others, their own flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from latency_bench.devices.probe_conditions import TUNED, installed_probes
from latency_bench.devices.probes.base import Probe
from latency_bench.devices.probes.observed import (
    Answer,
    ObservedRound,
    ObservedRun,
    ProbeFlag,
    ThrottleEvidence,
)
from latency_bench.devices.probes.readings import TEMPERATURE
from latency_bench.harness.telemetry_coverage import coverage

if TYPE_CHECKING:
    from latency_bench.harness.run_data import Round
    from latency_bench.harness.statistics.throttling import Throttling


@dataclass(frozen=True)
class ProbeVerdicts:
    """All probes together."""

    throttling: Throttling
    """Its verdict is the record's, and its evidence the flag's."""
    clock_coverage: float | None
    clocks_locked: Answer
    foreign_processes: tuple[str, ...]
    flags: tuple[ProbeFlag, ...]


def observed(rounds: Sequence[Round], fingerprint: Mapping[str, Any]) -> ObservedRun:
    """The rounds, and which GPU they ran on as the fingerprint's probes tell."""
    run = ObservedRun([_observed_round(one) for one in rounds])
    return replace(run, gpu=_measured_gpu(run, fingerprint)) if run.on_gpu else run


def on_gpu(rounds: Sequence[Round]) -> bool:
    """Whether they ran on a GPU, whichever."""
    return ObservedRun([_observed_round(one) for one in rounds]).on_gpu


def _measured_gpu(run: ObservedRun, fingerprint: Mapping[str, Any]) -> str | None:
    for probe in installed_probes(fingerprint):
        # One that fails says so itself when it is asked for its verdicts.
        with suppress(Exception):
            if source := probe.measured_gpu(replace(run, facts=fingerprint[probe.name])):
                return source
    return None


def ask_probes(fingerprint: Mapping[str, Any], rounds: Sequence[Round]) -> ProbeVerdicts:
    """Ask every probe that the fingerprint names. One that fails does not cost the run: a flag says so."""
    tuned = fingerprint.get(TUNED)
    whole = observed(rounds, fingerprint)
    flags: list[ProbeFlag] = []
    evidence: list[ThrottleEvidence] = []
    locked: list[Answer] = []
    foreign: list[str] = []
    for probe in installed_probes(fingerprint):
        run = replace(whole, facts=fingerprint[probe.name], tuned=tuned if isinstance(tuned, dict) else {})
        try:
            evidence.append(probe.throttling(run))
            locked.append(probe.clocks_locked(run))
            foreign += probe.foreign_processes(run)
            flags += probe.flags(run)
        except Exception as error:
            flags.append(_failed(probe, error))
    covered = coverage(rounds, lambda reading, one: whole.is_clock(reading, _observed_round(one)))
    return ProbeVerdicts(
        throttling=_throttling(whole, evidence, covered),
        clock_coverage=covered,
        clocks_locked="no" if "no" in locked else "yes" if "yes" in locked else "unknown",
        foreign_processes=tuple(dict.fromkeys(foreign)),
        flags=tuple(flags),
    )


def _throttling(run: ObservedRun, evidence: Sequence[ThrottleEvidence], covered: float | None) -> Throttling:
    """From the clock of what was measured, and from what the probes know beyond it."""
    from latency_bench.harness.statistics.throttling import detect_throttling

    # All probes are read at the same moments: what any of them says of one is a reason at that moment.
    told = [one.reasons for one in evidence if one.reasons is not None]
    reasons = [frozenset().union(*active) for active in zip_longest(*told, fillvalue=())]
    temperatures = [
        reading.value
        for reading in run.readings()
        if reading.quantity == TEMPERATURE.name and (not run.on_gpu or reading.source == run.gpu)
    ]
    return detect_throttling(
        run.clock() or None,
        reasons=reasons if told else None,
        signs=[sign for one in evidence for sign in one.signs],
        temperature_c=temperatures or None,
        limit_c=min((one.limit_c for one in evidence if one.limit_c is not None), default=None),
        covered=covered,
    )


def _observed_round(one: Round) -> ObservedRound:
    return ObservedRound(one.result.hello, one.result.loaded, one.result.done, one.readings)


def _failed(probe: type[Probe], error: Exception) -> ProbeFlag:
    text = f"the probe {probe.name} could not judge the run: {type(error).__name__}: {error}"
    return ProbeFlag("probe_failed", "warning", text, "mend the probe, or take it off the device's `probes`")
