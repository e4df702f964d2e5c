"""Stores full of made-up runs, to see how reports look and how long they take. No number in them was measured.

Every case is there: done, unstable, throttled, failed, one round, without phases, with telemetry, many versions of one
case over time, attention at several sizes, and texts that try to become markup. The same arguments give the same store.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np

from latency_bench.harness.store.layout import RECORD_FILE, SAMPLES_FILE, TELEMETRY_FILE, run_folder
from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.sample_table import StageSamples, samples_to_parquet
from latency_bench.harness.store.telemetry_table import Telemetry, telemetry_to_parquet
from latency_bench.model_specs import ModelSpec, load_spec

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"quotes\" 'single' $x_1$ %s \\n"
"""Where foreign text may stand: titles, processors, flags, commands, messages."""
MODELS = (
    *("b0-seg", "b1-seg", "b2-seg", "b3-seg", "l1-seg", "segformer-b1", "segformer-b5", "segnext-t", "segnext-b"),
    *("b1-seg-ade20k", "b2-seg-ade20k", "segformer-b1-ade20k", "segnext-t-ade20k"),
    *("b2-cls-r256", "b3-cls-r224", "l1-cls-r224", "convnext-t-r224", "swin-b-r224", "sam-l0"),
)
ATTENTION = tuple(
    f"attn-{form}-h8-d16-n{tokens}" for form in ("relu-linear", "softmax") for tokens in (256, 1024, 4096, 16384)
)


@dataclass(frozen=True)
class Machine:
    """A device that never was."""

    name: str
    processor: str
    runtime: str
    precision: str
    threads: int | None
    macs_per_s: float


MACHINES = (
    Machine("desk", "AMD Ryzen 9 7950X 16-Core Processor", "litert", "fp32", 1, 60e9),
    Machine("desk", "AMD Ryzen 9 7950X 16-Core Processor", "onnxruntime", "fp32", 4, 210e9),
    Machine("laptop", "Intel(R) Core(TM) Ultra 7 155H 日本語 العربية", "litert", "fp32", 2, 70e9),
    Machine("orin", "NVIDIA Jetson AGX Orin", "tensorrt", "fp16", None, 4e12),
    Machine("a100", "NVIDIA A100-SXM4-80GB", "tensorrt", "fp16", None, 2e13),
)


def make_store(store: Path, runs: int, *, samples: int = 60, hostile: bool = False, seed: int = 0) -> None:
    """Write so many runs of the models and machines in turn, `samples` requests a round, from January 2026 on."""
    random = np.random.default_rng(seed)
    specs = [load_spec(model) for model in (*MODELS, *ATTENTION)]
    for number in range(runs):
        spec = specs[number % len(specs)]
        machine = MACHINES[number // len(specs) % len(MACHINES)]
        moment = datetime(2026, 1, 5, 8, tzinfo=timezone.utc) + timedelta(minutes=37 * number)
        _write(store, _Made(number, spec, machine, moment, samples, hostile and number % 3 == 0), random)


@dataclass(frozen=True)
class _Made:
    number: int
    spec: ModelSpec
    machine: Machine
    moment: datetime
    samples: int
    hostile: bool

    @property
    def status(self) -> str:
        return "failed" if self.number % 23 == 7 else "unstable" if self.number % 17 == 5 else "done"


def _write(store: Path, made: _Made, random: np.random.Generator) -> None:
    run_id = f"{made.moment:%Y%m%dT%H%M%SZ}-{made.number:06x}"
    folder = run_folder(store, made.machine.name, made.spec.id, run_id)
    folder.mkdir(parents=True)
    blocks = [] if made.status == "failed" else _blocks(made, random)
    files = {}
    if blocks:
        files[SAMPLES_FILE] = samples_to_parquet(blocks)
        if made.number % 2 == 0:
            files[TELEMETRY_FILE] = telemetry_to_parquet(_telemetry(random))
    for name, content in files.items():
        (folder / name).write_bytes(content)
    content = _content(made, run_id, blocks)
    content["files"] = {name: {"sha256": "cd" * 32, "size_bytes": len(one)} for name, one in files.items()}
    (folder / RECORD_FILE).write_text(RunRecord(**content).to_json(), encoding="utf-8")


def _blocks(made: _Made, random: np.random.Generator) -> list[StageSamples]:
    macs = _macs(made.spec)
    typical_ns = 4e4 + 1e9 * macs / made.machine.macs_per_s * (1 + 0.05 * np.sin(made.number / 40))
    blocks = []
    for index in range(1 if made.number % 19 == 3 else 3):
        for warmup, count in ((True, 8), (False, made.samples)):
            slow = 1 + (np.linspace(0.6, 0, count) if warmup else np.zeros(count))
            compute = typical_ns * slow * (1 + random.gamma(2, 0.004, count)) * (1 + 0.002 * index)
            copy = 0.06 * typical_ns * (1 + random.gamma(2, 0.01, count))
            latency = (compute + 1.5 * copy + 2e4).astype(np.int64)
            columns: dict[str, Any] = {"start_ns": np.cumsum(latency) - latency, "latency_ns": latency}
            if made.number % 5:
                columns |= {"h2d_ns": copy.astype(np.int64), "compute_ns": compute.astype(np.int64)}
                columns["d2h_ns"] = (copy / 2).astype(np.int64)
            blocks.append(StageSamples.of(index, warmup, columns))
    return blocks


def _macs(spec: ModelSpec) -> int:
    """Of the right order, so that figures look as they do with real runs."""
    from latency_bench.reports.papers.catalog import default_paper
    from latency_bench.reports.papers.published_counts import published_counts

    _, macs_g = published_counts(default_paper(), spec.id) or (None, None)
    if macs_g:
        return int(macs_g * 1e9)
    height, width = spec.resolution
    tokens = height * width
    return tokens * tokens * 256 if "softmax" in spec.id else tokens * 16 * 256 * 8


def _telemetry(random: np.random.Generator) -> Telemetry:
    count = 300
    time_ns = np.arange(count) * 200_000_000
    clock = 2400 + 20 * random.standard_normal(count)
    temperature = 45 + 25 * (1 - np.exp(-np.arange(count) / 90)) + random.standard_normal(count) * 0.4
    return Telemetry(
        time_ns=np.concatenate([time_ns, time_ns]),
        source=["cpu0"] * count + ["thermal_zone0"] * count,
        quantity=["clock"] * count + ["temperature"] * count,
        unit=["mhz"] * count + ["celsius"] * count,
        value=np.concatenate([clock, temperature]),
    )


def _estimate(arrays: Sequence[Any]) -> dict[str, Any]:
    pooled_ms = np.concatenate(arrays) / 1e6
    medians = [float(np.median(array)) / 1e6 for array in arrays]
    median = statistics.median(medians)
    several = len(arrays) > 1
    return {
        "median_ms": median,
        "low_ms": min(medians) * 0.997 if several else None,
        "high_ms": max(medians) * 1.003 if several else None,
        "confidence": 0.95 if several else None,
        "n": int(pooled_ms.size),
        "rounds": len(arrays),
        "basis": f"{len(arrays)} rounds",
        "min_ms": float(pooled_ms.min()),
        "max_ms": float(pooled_ms.max()),
        "round_medians_ms": medians,
    }


def _content(made: _Made, run_id: str, blocks: list[StageSamples]) -> dict[str, Any]:
    words = HOSTILE if made.hostile else ""
    spec, machine = made.spec, made.machine
    dense = spec.task == "segmentation"
    runtime = {
        "name": machine.runtime,
        "version": f"2.{made.number // 400}.0",
        "options": {} if machine.threads is None else {"threads": machine.threads},
        "facts": {"delegates": ["XNNPACK"], "partitions": 1},
    }
    content: dict[str, Any] = {
        "run_id": run_id,
        "status": made.status,
        "started_at": made.moment,
        "ended_at": made.moment + timedelta(seconds=91),
        "command": ["bench", "run", "--device", machine.name, "--model", spec.id, *([words] if words else [])],
        "model": {
            "id": spec.id,
            "title": f"{spec.title}{words}",
            "spec": spec.model_dump(mode="json"),
            "resolution": spec.resolution,
            "batch": 1,
            "precision": machine.precision,
            "output": "logits" if dense else None,
            "weights": {"seed": 0},
            "params": 4_817_235,
            "macs": _macs(spec),
        },
        "artifact": {"format": "onnx", "sha256": "ab" * 32, "size_bytes": 19_300_000},
        "device": {
            "name": machine.name,
            "transport": "local" if machine.threads else "ssh",
            "runner": "worker",
            "fingerprint": {
                "linux": {
                    "cpu": {"model": machine.processor + words, "logical_cpus": 16, "caches": {"L2": "1M"}},
                    "governor": "performance",
                    "kernel": "6.1.0",
                },
                "notes": [words or "quiet", None, 3.5],
            },
        },
        "runtime": runtime,
        "protocol": {"name": "standard", "rounds": 3},
        "software": {"python": "3.11.7", "packages": {"numpy": "2.4.6"}},
        "verdicts": {"throttled": "yes" if made.number % 29 == 4 else "unknown", "clocks_locked": "no"},
        "flags": _flags(made, words),
    }
    if not blocks:
        message = f"the model needs 12.4 GB, the device has 7.4 GB free{words}"
        failure = {"stage": "measure", "kind": "too-large", "message": message, "remedy": "Try a smaller --resolution."}
        return {**content, "failure": failure}
    return {**content, **_numbers(blocks)}


def _flags(made: _Made, words: str) -> list[dict[str, Any]]:
    flags = [{"name": "clocks_not_locked", "severity": "info", "text": f"The clocks were free to change.{words}"}]
    if made.status == "unstable":
        flags.append({"name": "unstable", "severity": "error", "text": "Two of three rounds never settled."})
    if made.number % 29 == 4:
        text = "clock 12 % below its best (2400) for 40 % of the run"
        flags.append({"name": "throttled", "severity": "warning", "text": text, "remedy": "let the device cool down"})
    return flags


def _numbers(blocks: list[StageSamples]) -> dict[str, Any]:
    sampled = [block for block in blocks if not block.warmup]
    latency = _estimate([block.latency_ns for block in sampled])
    phases = {
        name: _estimate([getattr(block, f"{name}_ns") for block in sampled])
        for name in ("h2d", "compute", "d2h")
        if getattr(sampled[0], f"{name}_ns") is not None
    }
    return {
        "summary": {
            "latency": latency,
            "phases": phases,
            "percentiles": {"p90": {"value_ms": latency["max_ms"]}, "p99": {"missing": 542}},
            "throughput": {"img_s": 1e3 / latency["median_ms"]},
            "peak_rss_bytes": 812_000_002,
        },
        "fidelity": {"passed": True, "metrics": {"logits": {"max_abs": 1.2e-5}}, "tolerance": {"max_abs": 1e-3}},
        "rounds": [
            {
                "index": block.round,
                "order_position": position,
                "seed": 0,
                "started_at": datetime(2026, 1, 5, tzinfo=timezone.utc),
                "steady": True,
                "stopped_by": "precision",
                "warmup_count": 8,
                "sample_count": len(block),
            }
            for position, block in enumerate(sampled)
        ],
    }
