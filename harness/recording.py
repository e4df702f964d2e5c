"""From what a benchmark saw to the record that is stored of it."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from latency_bench.devices.errors import DeviceError, WorkerError
from latency_bench.devices.probe_conditions import conditions_by_probe
from latency_bench.devices.runners.base import PHASES, Phase
from latency_bench.harness.case import INPUT_SEED, Case
from latency_bench.harness.changed_model import changed_model_flags
from latency_bench.harness.energy import NoEnergy, energy
from latency_bench.harness.errors import UsageError
from latency_bench.harness.export import Artifact
from latency_bench.harness.export.errors import ExportOutOfMemoryError, MissingPackageError
from latency_bench.harness.file_flags import file_flags
from latency_bench.harness.quantisation_flags import quantisation_flags
from latency_bench.harness.run_data import Measured, Round
from latency_bench.harness.run_verdicts import judge
from latency_bench.harness.software import software
from latency_bench.harness.store.outcome import (
    Builds,
    Estimate,
    Failure,
    MeasuredThroughput,
    Percentile,
    RoundRecord,
    Summary,
    Throughput,
)
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.redaction import command_without_secrets
from latency_bench.harness.store.subject import (
    ArtifactRecord,
    DeviceRecord,
    ModelRecord,
    ProbeConditions,
    RuntimeRecord,
    SoftwareRecord,
    Weights,
)
from latency_bench.harness.sustained import sustained
from latency_bench.harness.telemetry_coverage import coverage_by_quantity
from latency_bench.harness.units import NS_PER_MS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from latency_bench.harness.statistics import percentiles as statistics
    from latency_bench.harness.statistics.steadiness import Steadiness


def finished_record(measured: Measured) -> RunRecord:
    """The record of a run that has numbers: `done`, or `unstable` if a round never settled."""
    summary = _summary(measured)
    judgement = judge(measured.case, measured.rounds, measured.fingerprint, is_repeat=measured.repeats is not None)
    return RunRecord(
        status="unstable" if judgement.unstable else "done",
        summary=summary,
        flags=(*judgement.flags, *file_flags(measured), *changed_model_flags(measured), *quantisation_flags(measured)),
        verdicts=judgement.verdicts,
        runtime=_runtime(measured),
        **_common(measured),
    )


def failed_record(measured: Measured, error: Exception) -> RunRecord:
    """The record of a run that has none, and why."""
    kind = error.kind if isinstance(error, DeviceError) else "export"
    if isinstance(error, ExportOutOfMemoryError):
        kind = "out-of-memory"
    if isinstance(error, (UsageError, MissingPackageError)):
        kind = "request"
    if isinstance(error, WorkerError):
        measured.failure_log = error.log
    return RunRecord(
        status="failed",
        failure=Failure(
            stage=measured.stage,
            kind=kind,
            message=error.message if isinstance(error, DeviceError) else str(error),
            remedy=(error.remedy or None) if isinstance(error, DeviceError) else None,
        ),
        runtime=_runtime(measured) if measured.rounds else runtime_asked_for(measured.case),
        **_common(measured),
    )


def _common(measured: Measured) -> dict[str, Any]:
    case = measured.case
    found = software()
    return {
        "run_id": measured.run_id,
        "started_at": measured.started_at,
        "ended_at": datetime.now(timezone.utc),
        "command": command_without_secrets(measured.command),
        "campaign": measured.campaign,
        "labels": measured.case.labels,
        "project": measured.project,
        "repeats": measured.repeats,
        "model": model_record(case, measured.artifact),
        "device": device_record(case, measured.fingerprint),
        "protocol": {
            **case.protocol.model_dump(mode="json"),
            "rounds": case.rounds,
            "order_seed": measured.order_seed,
        },
        "software": SoftwareRecord(**found),
        "artifact": None if measured.artifact is None else artifact_record(measured.artifact),
        "rounds": tuple(_round(case, one) for one in measured.rounds),
        "fidelity": measured.fidelity,
    }


def device_record(case: Case, fingerprint: dict[str, Any]) -> DeviceRecord:
    """The device of a case as it was found."""
    return DeviceRecord(
        name=case.device.name,
        transport=case.device.transport,
        runner=case.device.runner,
        fingerprint=fingerprint,
        conditions=_conditions(fingerprint),
    )


def _conditions(fingerprint: dict[str, Any]) -> dict[str, ProbeConditions]:
    return {
        probe: ProbeConditions(device=dict(found.device), system=dict(found.system))
        for probe, found in conditions_by_probe(fingerprint).items()
    }


def model_record(case: Case, artifact: Artifact | None) -> ModelRecord:
    """The model of a case; its counts are known by the artifact."""
    spec = case.spec
    facts = artifact.facts if artifact else {}
    return ModelRecord(
        id=spec.id,
        title=spec.title,
        spec=spec.to_json(),
        resolution=spec.resolution,
        batch=case.batch,
        inputs=case.asked_inputs or None,
        pipeline=case.pipeline,
        preparation=case.preparation or None,
        precision=case.precision,
        output=case.output if case.spec.task == "segmentation" else None,
        weights=_weights(case),
        params=facts.get("params"),
        macs=facts.get("macs"),
    )


def _weights(case: Case) -> Weights:
    if case.file is not None:
        return Weights(sha256=case.file.sha256)
    return Weights(seed=case.seed) if case.weights is None else Weights(sha256=case.weights.sha256)


def artifact_record(artifact: Artifact) -> ArtifactRecord:
    """The file that the runtime loaded."""
    return ArtifactRecord(
        format=artifact.format,
        sha256=artifact.content_sha256 or artifact.sha256,
        size_bytes=artifact.size_bytes,
        facts={
            **artifact.facts,
            "inputs": [dataclasses.asdict(tensor) | {"shape": list(tensor.shape)} for tensor in artifact.inputs],
            "outputs": [dataclasses.asdict(tensor) | {"shape": list(tensor.shape)} for tensor in artifact.outputs],
        },
    )


def _runtime(measured: Measured) -> RuntimeRecord:
    loaded = measured.rounds[0].result.loaded
    said = loaded.get("runtime", {})
    known = ("event", "runtime", "options", "import_ns", "load_ns")
    return RuntimeRecord(
        name=measured.case.runtime,
        version=said.get("version"),
        options=loaded.get("options", measured.case.all_runtime_options()),
        facts={"package": said.get("package"), **{key: value for key, value in loaded.items() if key not in known}},
    )


def runtime_asked_for(case: Case) -> RuntimeRecord:
    """What was asked of a runtime that has not said anything itself."""
    return RuntimeRecord(name=case.runtime, options=case.all_runtime_options())


def _round(case: Case, one: Round) -> RoundRecord:
    done = {key: value for key, value in one.result.done.items() if key != "event"}
    hello = {key: value for key, value in one.result.hello.items() if key != "event"}
    loaded = {key: value for key, value in one.result.loaded.items() if key in ("import_ns", "load_ns")}
    usage = done.get("usage", {})
    return RoundRecord(
        index=one.index,
        order_position=one.position,
        pid=hello.pop("pid", None),
        seed=INPUT_SEED,
        started_at=one.started_at,
        steady=_steady(one),
        stopped_by=str(done.pop("stopped_by", "unknown")),
        warmup_count=len(one.result.warmup.latency_ns),
        sample_count=len(one.result.samples.latency_ns),
        timer_resolution_ns=done.pop("timer_resolution_ns", None),
        loop_overhead_ns=done.pop("loop_overhead_ns", None),
        peak_rss_bytes=_peak_rss_bytes(one),
        voluntary_context_switches=usage.get("voluntary_switches"),
        involuntary_context_switches=usage.get("involuntary_switches"),
        facts={
            **hello,
            **loaded,
            **({} if (settled := done.pop("steady", None)) is None else {"warmup_settled": settled}),
            **done,
            **({} if one.steadiness is None else {"steadiness": _steadiness(one.steadiness)}),
            **({} if one.telemetry_error is None else {"readings_ended": one.telemetry_error}),
            **({} if one.cooled is None else {"cool_down": dataclasses.asdict(one.cooled)}),
            **({"others_measuring": list(one.others)} if one.others else {}),
        },
    )


def _steadiness(judged: Steadiness) -> dict[str, Any]:
    return {**dataclasses.asdict(judged), "steps": [int(step) for step in judged.steps]}


def _steady(one: Round) -> bool | None:
    verdict = one.steadiness.verdict if one.steadiness else "unknown"
    return None if verdict == "unknown" else verdict == "steady"


def _peak_rss_bytes(one: Round) -> int | None:
    peaks = one.result.done.get("peak_rss_bytes") or {}
    return max(peaks.values(), default=None)


def _summary(measured: Measured) -> Summary:
    rounds = [one.result.samples for one in measured.rounds]
    tick_ns = max((one.result.done.get("timer_resolution_ns") or 0 for one in measured.rounds), default=0)
    tick_ms = tick_ns / NS_PER_MS or None
    latency, percentiles = _estimate([columns.latency_ns for columns in rounds], tick_ms)
    phases: dict[Phase, Estimate] = {}
    for phase in PHASES:
        if all(phase in columns.phases_ns for columns in rounds):
            phases[phase] = _estimate([columns.phases_ns[phase] for columns in rounds], tick_ms)[0]
    peaks = [peak for one in measured.rounds if (peak := _peak_rss_bytes(one))]
    if any("sample_is" in one.result.loaded for one in measured.rounds):
        # Samples that are summaries of many requests have no tail: their percentiles are none of a request.
        percentiles = {}
    found_energy = energy(measured.rounds, measured.case.batch, measured.fingerprint)
    return Summary(
        latency=latency,
        latency_covers=measured.rounds[0].result.latency_covers,
        phases=phases,
        percentiles=percentiles,
        throughput=Throughput(img_s=measured.case.batch / (latency.median_ms / 1e3)),
        throughput_measured=_throughput(measured.rounds),
        peak_rss_bytes=max(peaks, default=None),
        energy=None if isinstance(found_energy, NoEnergy) else found_energy,
        no_energy_because=found_energy.reason if isinstance(found_energy, NoEnergy) else None,
        telemetry_covered=coverage_by_quantity(measured.rounds),
        builds=_builds(measured.case, latency.round_medians_ms),
        sustained=sustained(measured.case.protocol, measured.rounds, measured.fingerprint),
    )


def _builds(case: Case, round_medians_ms: tuple[float, ...]) -> Builds | None:
    from latency_bench.harness.statistics.builds import spread_by_build

    builds = [case.build_of(index) for index in range(len(round_medians_ms))]
    found = (
        spread_by_build(round_medians_ms, [build for build in builds if build is not None])
        if None not in builds
        else None
    )
    if found is None:
        return None
    return Builds(count=found.count, medians_ms=found.medians, between_cv=found.between_cv, within_cv=found.within_cv)


def _throughput(rounds: list[Round]) -> MeasuredThroughput | None:
    """The rounds' own images per wall second, and their median; None unless all rounds measured it."""
    from statistics import median

    found = [one.result.done.get("throughput") for one in rounds]
    if not found or not all(found):
        return None
    each = [float(one["images_per_s"]) for one in found if one]
    first = found[0] or {}
    return MeasuredThroughput(
        img_s=median(each), streams=int(first["streams"]), batch=int(first["batch"]), round_img_s=tuple(each)
    )


def _estimate(rounds_ns: list[npt.NDArray[np.int64]], tick_ms: float | None) -> tuple[Estimate, dict[str, Percentile]]:
    from latency_bench.harness.statistics.summary import summarise

    summary = summarise([values / NS_PER_MS for values in rounds_ns], tick=tick_ms)
    median = summary.median
    bounded = median.low is not None and median.high is not None
    estimate = Estimate(
        median_ms=median.median,
        low_ms=median.low,
        high_ms=median.high,
        confidence=median.confidence if bounded else None,
        n=median.n,
        n_effective=median.n_effective or None,
        rounds=median.rounds,
        basis=median.basis,
        min_ms=summary.minimum,
        max_ms=summary.maximum,
        mean_ms=summary.mean,
        std_ms=summary.standard_deviation,
        mad_ms=summary.median_absolute_deviation,
        round_medians_ms=summary.round_medians,
    )
    percentiles = {one.name: _percentile(one) for one in summary.percentiles}
    return estimate, percentiles


def _percentile(one: statistics.Percentile) -> Percentile:
    bounded = one.low is not None and one.high is not None
    return Percentile(
        value_ms=one.value,
        low_ms=one.low if bounded else None,
        high_ms=one.high if bounded else None,
        missing=one.missing,
    )
