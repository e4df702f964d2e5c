"""Stores of made-up runs for the figures: every case that a figure may meet, at no cost of measuring."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latency_bench.harness.store.record import RunRecord
from latency_bench.harness.store.sample_table import StageSamples
from latency_bench.harness.store.telemetry_table import Telemetry
from latency_bench.harness.store.writer import RunWriter
from latency_bench.model_specs import SpecError, load_spec

AddRun = Callable[..., str]
START = datetime(2026, 11, 22, 10, 0, tzinfo=timezone.utc)
PHASE_SHARES = {"h2d": 0.05, "compute": 0.9, "d2h": 0.04}


def blocks_of(median_ms: float, rounds: int, count: int, warmup: int, phases: bool) -> list[StageSamples]:
    """Latencies within a few percent of the median, the same for the same arguments."""
    random = np.random.default_rng(int(median_ms * 1000) + rounds)
    blocks = []
    for index in range(rounds):
        for warm, n in ((True, warmup), (False, count)):
            latency = (median_ms * 1e6 * random.uniform(0.97, 1.04, n)).astype(np.int64)
            columns: dict[str, Any] = {"latency_ns": latency, "start_ns": np.cumsum(latency) - latency}
            if not warm:
                columns["start_ns"] += warmup * int(median_ms * 1e6)
            if phases:
                columns |= {f"{name}_ns": (latency * share).astype(np.int64) for name, share in PHASE_SHARES.items()}
            blocks.append(StageSamples.of(index, warm, columns))
    return blocks


def estimate_of(arrays: list[np.ndarray], interval: bool) -> dict[str, Any]:
    medians = [float(np.median(array)) / 1e6 for array in arrays]
    pooled, median = np.concatenate(arrays) / 1e6, float(np.median(medians))
    return {
        "median_ms": median,
        "low_ms": median * 0.98 if interval else None,
        "high_ms": median * 1.03 if interval else None,
        "confidence": 0.95 if interval else None,
        "n": int(pooled.size),
        "rounds": len(arrays),
        "basis": f"{len(arrays)} rounds",
        "min_ms": float(pooled.min()),
        "max_ms": float(pooled.max()),
        "round_medians_ms": medians,
    }


def summary_of(
    blocks: list[StageSamples], batch: int, interval: bool, phases: bool, streamed: float | None
) -> dict[str, Any]:
    sampled = [block for block in blocks if not block.warmup]
    latency = estimate_of([block.latency_ns for block in sampled], interval)
    summary: dict[str, Any] = {"latency": latency, "throughput": {"img_s": batch / latency["median_ms"] * 1e3}}
    if phases:
        summary["phases"] = {
            name: estimate_of([getattr(block, f"{name}_ns") for block in sampled], interval) for name in PHASE_SHARES
        }
    if streamed is not None:
        each = {"streams": 2, "batch": batch, "img_s": streamed, "round_img_s": [streamed] * 3}
        summary["throughput_measured"] = each
    return summary


def telemetry_of(rounds: int, seconds: float) -> Telemetry:
    times = np.arange(0, max(2.0, rounds * seconds), 0.5)
    rows = [("gpu0", "frequency", "MHz", 900.0), ("cpu zone", "temperature", "C", 45.0), ("gpu0", "load", "%", 88.0)]
    return Telemetry(
        time_ns=np.repeat((times * 1e9).astype(np.int64), len(rows)),
        source=[row[0] for _ in times for row in rows],
        quantity=[row[1] for _ in times for row in rows],
        unit=[row[2] for _ in times for row in rows],
        value=np.array([row[3] + 0.5 * index for index, _ in enumerate(times) for row in rows]),
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def add_run(store: Path) -> AddRun:
    """add_run(model="b1-seg", median_ms=250, ...): store a run and return its id; later ones are newer."""
    made: list[str] = []

    def add(
        model: str = "b1-seg",
        median_ms: float = 250.0,
        *,
        device: str = "desk",
        runtime: str = "litert",
        precision: str = "fp32",
        threads: int | None = 2,
        batch: int = 1,
        resolution: tuple[int, int] | None = None,
        output: str | None = None,
        status: str = "done",
        rounds: int = 3,
        count: int = 30,
        warmup: int = 5,
        interval: bool = True,
        phases: bool = True,
        telemetry: bool = False,
        streamed: float | None = None,
        params: int = 4_800_000,
        macs: int = 25_000_000_000,
        tensors: tuple[list[int], list[int]] = ([1, 3, 1024, 2048], [1, 19, 128, 256]),
        failure: str = "out-of-memory",
        flags: tuple[str, ...] = (),
        title: str | None = None,
        clock: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        sha256: str = "ab" * 32,
    ) -> str:
        moment = START + timedelta(minutes=len(made))
        run_id = f"{moment:%Y%m%dT%H%M%SZ}-{len(made):06x}"
        made.append(run_id)
        try:
            spec = load_spec(model)
            described, size = spec.model_dump(mode="json"), spec.resolution
        except SpecError:
            described, size = {"id": model}, (224, 224)
        failed = status == "failed"
        blocks = [] if failed else blocks_of(median_ms, rounds, count, warmup, phases)
        content: dict[str, Any] = {
            "run_id": run_id,
            "status": status,
            "started_at": moment,
            "ended_at": moment + timedelta(seconds=50),
            "command": ["bench", "run"],
            "model": {
                "id": model,
                "title": title or model,
                "spec": described,
                "resolution": list(resolution or size),
                "batch": batch,
                "precision": precision,
                "output": output,
                "weights": {"seed": 0},
                "params": params,
                "macs": macs,
            },
            "device": {"name": device, "transport": "local", "runner": "worker"},
            "protocol": {"name": "quick"},
            "software": {"python": "3.11"},
            "artifact": {
                "format": "tflite",
                "sha256": sha256,
                "size_bytes": 4 * params,
                "facts": {
                    "inputs": [{"name": "in", "shape": tensors[0], "dtype": "float32", "layout": "NCHW"}],
                    "outputs": [{"name": "out", "shape": tensors[1], "dtype": "float32", "layout": "NCHW"}],
                },
            },
        }
        if failed:
            content["failure"] = {"stage": "measure", "kind": failure, "message": "it <b>failed</b> $x$"}
        else:
            content |= {
                "runtime": {
                    "name": runtime,
                    "version": "1.0",
                    "options": {**({} if threads is None else {"threads": threads}), **(options or {})},
                },
                "summary": summary_of(blocks, batch, interval, phases, streamed),
                "flags": [{"name": name, "severity": "warning", "text": name} for name in flags],
                "rounds": [
                    {
                        "index": index,
                        "order_position": index,
                        "seed": 0,
                        "started_at": moment + timedelta(seconds=5 + 10 * index),
                        "steady": status == "done",
                        "stopped_by": "floors",
                        "warmup_count": warmup,
                        "sample_count": count,
                        "facts": {"clock": clock} if clock else {},
                    }
                    for index in range(rounds)
                ],
            }
        with RunWriter(store, device, model, run_id) as writer:
            if not failed:
                writer.write_samples(blocks)
            if telemetry:
                writer.write_telemetry(telemetry_of(rounds, 10.0))
            writer.commit(RunRecord(**content))
        return run_id

    return add


@pytest.fixture
def every_case(add_run: AddRun) -> None:
    """Many runs and one, failed and unstable ones, no interval, no phases, throughput, other resolutions and batches,
    text that is no plain English, calibrations of one setting out of several."""
    for model, median_ms in (("b0-seg", 91.0), ("b1-seg", 252.0), ("b2-seg", 610.0), ("segformer-b1", 1900.0)):
        add_run(model, median_ms)
    add_run("b1-seg", 250.0, telemetry=True)
    add_run("b3-seg", 1200.0, status="unstable", interval=False, flags=("never-settled",))
    add_run("l1-seg", status="failed")
    add_run("b1-cls-r224", 11.0, batch=1, phases=False, macs=520_000_000, title="Größe $\\alpha$ 模型 </text>")
    add_run("b2-cls-r256", 30.0, batch=8, streamed=300.0)
    add_run("b2-cls-r256", 5.0, batch=1)
    add_run("b1-seg", 60.0, resolution=(512, 1024))
    add_run("b1-seg", 17.0, resolution=(256, 512))
    add_run("b1-seg", status="failed", resolution=(2048, 4096), failure="too-large")
    add_run("sam-l0-box", 400.0)
    add_run("b1-seg", 21.0, device="orin", runtime="tensorrt", precision="fp16", threads=None)
    add_run("somebodys-own", 3.0, device="orin", runtime="tensorrt", precision="fp16", threads=None)
    add_run("calibration-matmul-512", 5.0, params=524_288, macs=268_435_456, tensors=([1, 512, 512], [1, 512, 512]))
    add_run("calibration-conv-128", 4.0, params=294_912, macs=231_211_008, tensors=([1, 128, 28, 28], [1, 128, 28, 28]))
    add_run("calibration-add-128m", 40.0, params=0, macs=0, tensors=([1, 65536, 1024], [1, 32768, 1024]))
