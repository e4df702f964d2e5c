"""Every run of a store as one row of a table: what lists, comparisons, tables, figures and campaigns select from.

A row holds what a reader may want to filter, sort or print by, never samples. The truth stays in the run directories;
a row can be made again from its record at any time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latency_bench.harness.store.outcome import Phase
    from latency_bench.harness.store.row_source import RowSource

_BYTES_OF = {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "bfloat16": 2, "int16": 2}

COLUMNS: dict[str, str] = {
    "run_id": "Id of the run; sorts by time.",
    "path": "Folder of the run, relative to the store: device/model/run id.",
    "status": "done, unstable or failed.",
    "started_at": "Start by the host's wall clock, UTC.",
    "device": "Name of the device.",
    "transport": "How it was reached: local, ssh, adb.",
    "runner": "What executed there: worker, trtexec, benchmark_model.",
    "processor": "Model of the GPU where the runtime used one, else of the CPU; null if unknown.",
    "model": "Id of the model's spec.",
    "title": "Name of the model for people.",
    "family": "Family of the model.",
    "task": "classification, segmentation, ...",
    "dataset": "Data set that the model is for; null if none.",
    "height": "Of the first input, pixels.",
    "width": "Of the first input, pixels.",
    "batch": "Images a request.",
    "precision": "Asked for: fp32, fp16, ...",
    "output": "Of dense predictions: logits, argmax or full; null for others.",
    "seeded": "Whether the weights were drawn from a seed rather than read from a checkpoint.",
    "runtime": "Name of the runtime; null where a run failed before it was known.",
    "runtime_version": "Its version.",
    "threads": "Threads of a CPU runtime; null elsewhere.",
    "runtime_options": "Its options as JSON with sorted keys, `threads` and `build` left out.",
    "protocol": "Name of the measuring protocol.",
    "command": "Command line, one text.",
    "campaign": "Name of the campaign that the run is of; null for others.",
    "case": "Key of its case in the campaign.",
    "latency_covers": "What the latency is the time of; null for a failed run.",
    "median_ms": "Median latency of a request; of the rounds' medians where there are several.",
    "low_ms": "Lower end of its interval; null where the samples support none.",
    "high_ms": "Upper end.",
    "confidence": "Of the interval.",
    "samples": "Number of samples, all rounds.",
    "rounds": "Number of rounds.",
    "round_medians_ms": "Median of every round, a list; the unit that ratios' intervals are made from.",
    "h2d_ms": "Median time of the copy to the device; null where not measured.",
    "compute_ms": "Median time of the computation.",
    "d2h_ms": "Median time of the copy back.",
    "img_s": "batch / median latency, images per second.",
    "throughput_img_s": "Images per wall second with `streams` requests in flight; null where not measured.",
    "streams": "Requests in flight while throughput was measured.",
    "round_throughputs_img_s": "The same of every round, a list.",
    "peak_rss_bytes": "Largest resident set of the rounds' processes.",
    "joules_per_image": "From the device's power rails; null where they could not be read.",
    "params": "Number of parameters.",
    "macs": "Multiply-accumulates of one image at this resolution.",
    "artifact_format": "onnx, tflite, pt2; null where the run failed before.",
    "artifact_sha256": "SHA-256 of the file that the runtime loaded.",
    "artifact_bytes": "Its size.",
    "io_bytes": "Bytes of a request's inputs and outputs, as the file has them; null where it does not tell.",
    "fidelity": "true: outputs agree with the fp32 module; false: not; null: not checked.",
    "flags": "Names of the flags that are more than information, a list.",
    "throttled": "yes, no or unknown.",
    "clocks_locked": "yes, no or unknown.",
    "failure_stage": "Where a failed run ended; null for others.",
    "failure_kind": "Why, in one word.",
    "failure": "Why, in a sentence.",
}
"""Name and meaning of every column, in order. Durations are milliseconds, null means not known or not measured."""


def row_of(path: str, record: RowSource) -> dict[str, Any]:
    """The row of the run that lies at `path` in its store (device/model/run id), keys as in COLUMNS."""
    import json
    import shlex

    model, runtime, summary, artifact = record.model, record.runtime, record.summary, record.artifact
    latency = summary.latency if summary else None
    measured = summary.throughput_measured if summary else None
    options = runtime.options if runtime else {}
    threads = options.get("threads")
    return {
        "run_id": record.run_id,
        "path": path,
        "status": record.status,
        "started_at": record.started_at,
        "device": record.device.name,
        "transport": record.device.transport,
        "runner": record.device.runner,
        "processor": _processor(record),
        "model": model.id,
        "title": model.title,
        "family": model.spec.family,
        "task": model.spec.task,
        "dataset": model.spec.dataset,
        "height": model.resolution[0],
        "width": model.resolution[1],
        "batch": model.batch,
        "precision": model.precision,
        "output": model.output,
        "seeded": model.weights.sha256 is None,
        "runtime": runtime.name if runtime else None,
        "runtime_version": runtime.version if runtime else None,
        "threads": threads if isinstance(threads, int) else None,
        "runtime_options": json.dumps(
            {key: options[key] for key in sorted(options) if key not in ("threads", "build")}, sort_keys=True
        ),
        "protocol": record.protocol.name,
        "command": shlex.join(record.command),
        "campaign": record.campaign.name if record.campaign else None,
        "case": record.campaign.case if record.campaign else None,
        "latency_covers": summary.latency_covers if summary else None,
        "median_ms": latency.median_ms if latency else None,
        "low_ms": latency.low_ms if latency else None,
        "high_ms": latency.high_ms if latency else None,
        "confidence": latency.confidence if latency else None,
        "samples": latency.n if latency else None,
        "rounds": latency.rounds if latency else None,
        "round_medians_ms": (latency.round_medians_ms or [latency.median_ms]) if latency else [],
        "h2d_ms": _phase_ms(record, "h2d"),
        "compute_ms": _phase_ms(record, "compute"),
        "d2h_ms": _phase_ms(record, "d2h"),
        "img_s": summary.throughput.img_s if summary else None,
        "throughput_img_s": measured.img_s if measured else None,
        "streams": measured.streams if measured else None,
        "round_throughputs_img_s": measured.round_img_s if measured else [],
        "peak_rss_bytes": summary.peak_rss_bytes if summary else None,
        "joules_per_image": summary.energy.joules_per_image if summary and summary.energy else None,
        "params": model.params,
        "macs": model.macs,
        "artifact_format": artifact.format if artifact else None,
        "artifact_sha256": artifact.sha256 if artifact else None,
        "artifact_bytes": artifact.size_bytes if artifact else None,
        "io_bytes": io_bytes(artifact.facts.inputs, artifact.facts.outputs) if artifact else None,
        "fidelity": record.fidelity.passed if record.fidelity else None,
        "flags": [flag.name for flag in record.flags if flag.severity != "info"],
        "throttled": record.verdicts.get("throttled", "unknown"),
        "clocks_locked": record.verdicts.get("clocks_locked", "unknown"),
        "failure_stage": record.failure.stage if record.failure else None,
        "failure_kind": record.failure.kind if record.failure else None,
        "failure": record.failure.message if record.failure else None,
    }


def io_bytes(inputs: Any, outputs: Any) -> int | None:
    """Bytes of the tensors that a record lists; None where it lists none on one side, or says what cannot be."""
    total = 0
    for tensors in (inputs, outputs):
        if not isinstance(tensors, list) or not tensors:
            return None
        for tensor in tensors:
            shape, dtype = (tensor.get("shape"), tensor.get("dtype")) if isinstance(tensor, dict) else (None, None)
            if not isinstance(shape, list) or not all(isinstance(size, int) and size > 0 for size in shape):
                return None
            total += math.prod(shape) * _BYTES_OF.get(str(dtype), 1)
    return total if total < 2**63 else None


def _phase_ms(record: RowSource, phase: Phase) -> float | None:
    measured = record.summary.phases.get(phase) if record.summary else None
    return measured.median_ms if measured else None


def _processor(record: RowSource) -> str | None:
    """As the runtime names its GPU, else as the system names its CPU."""
    gpu = record.runtime.facts.gpu if record.runtime else None
    linux = record.device.fingerprint.linux
    cpu = linux.get("cpu") if isinstance(linux, dict) else None
    for part, key in ((gpu, "name"), (cpu, "model")):
        if isinstance(part, dict) and isinstance(part.get(key), str):
            return str(part[key])
    return None
