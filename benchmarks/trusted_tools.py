"""The harness against tools that people trust, on the same artifact, in one session.

    python benchmarks/trusted_tools.py
    python benchmarks/trusted_tools.py --model b1-cls-r224 --rounds 9

Every round is a fresh process on the same core, and the rounds of all tools are interleaved in random order. What a
tool times decides what it is compared with: a bare loop times the whole request (our `latency`), ai-edge-litert's own
`benchmark_litert_model` and ONNX Runtime's profiler time the inference alone (our `compute`).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from paired.bare_loop import by_clock, litert_request, onnxruntime_request, onnxruntime_session

from latency_bench.devices.device_session import DeviceSession
from latency_bench.devices.inventory import find_device
from latency_bench.devices.opening import open_device
from latency_bench.devices.runners.base import Deployment
from latency_bench.harness.case import Case, choose_cpus
from latency_bench.harness.export import Artifact, export_artifact
from latency_bench.harness.ordering import interleaved
from latency_bench.harness.protocol import Protocol, Sampling, Warmup
from latency_bench.harness.statistics.comparison import compare
from latency_bench.model_specs import load_spec
from latency_bench.model_specs.spec import ModelSpec

Samples = np.ndarray[Any, np.dtype[np.float64]]


def bare_loop(runtime: str, path: str, shape: tuple[int, ...], count: int, cpus: tuple[int, ...]) -> list[float]:
    """Milliseconds of whole requests, as one would write it by hand with the runtime's public calls."""
    os.sched_setaffinity(0, cpus)
    image = np.random.RandomState(0).standard_normal(shape).astype(np.float32)
    request = litert_request(path, image) if runtime == "litert" else onnxruntime_request(path, image)
    for _ in range(max(3, count // 5)):
        request()
    return by_clock(request, count)


def onnxruntime_profile(
    path: str, shape: tuple[int, ...], count: int, cpus: tuple[int, ...], by_profiler: bool
) -> list[float]:
    """Milliseconds of runs with ONNX Runtime's own profiler on, warm-up left out: as the profiler saw them
    (`model_run`), or by our clock around the very same kind of run, which shows what profiling itself costs.
    """
    os.sched_setaffinity(0, cpus)
    image = np.random.RandomState(0).standard_normal(shape).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        session = onnxruntime_session(path, os.path.join(folder, "profile"))
        name = session.get_inputs()[0].name
        warmup = max(3, count // 5)
        by_clock = []
        for _ in range(warmup + count):
            began_ns = time.perf_counter_ns()
            session.run(None, {name: image})
            by_clock.append((time.perf_counter_ns() - began_ns) / 1e6)
        events = json.loads(Path(session.end_profiling()).read_text())
    runs = [event["dur"] / 1e3 for event in events if event.get("name") == "model_run"] if by_profiler else by_clock
    return runs[warmup:]


def litert_benchmark(path: str, count: int, cpus: tuple[int, ...]) -> list[float]:
    """The median in milliseconds that ai-edge-litert's benchmark_litert_model prints; it exports no single samples."""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "result.json")
        words = [
            "--model",
            path,
            "--num_threads",
            "1",
            "--num_runs",
            str(count),
            "--warmup_runs",
            str(max(3, count // 5)),
        ]
        subprocess.run(
            [sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model", *words, "--result_json", result],
            check=True,
            capture_output=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )
        document = json.loads(Path(result).read_text())
    return [float(document["latency"]["median_ms"])]


def in_fresh_process(function: Callable[..., list[float]], *arguments: Any) -> Samples:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return np.array(pool.apply(function, arguments))


def measure_model(spec: ModelSpec, runtime: str, rounds: int, count: int) -> list[str]:
    """One row of the table a tool, for one model on one runtime."""
    protocol = Protocol(
        name="fixed",
        rounds=rounds,
        campaign_rounds=rounds,
        warmup=Warmup(min_count=max(3, count // 5), max_count=100000, min_s=0, max_s=600, window=0),
        sampling=Sampling(min_count=count, max_count=count, min_s=0, max_s=3600, relative_interval=None),
    )
    device = find_device("local")
    case = Case(spec, device, protocol, runtime, rounds, threads=1)
    with open_device(device) as session, tempfile.TemporaryDirectory() as folder:
        cpus = choose_cpus(case, session)
        artifact = export_artifact(spec, case.declared.FORMAT)
        deployment = session.deploy(artifact.path, artifact.sha256)
        ours = _ours(session, deployment, case, artifact, cpus, Path(folder) / "outputs.npz")
        path, shape = str(artifact.path), artifact.inputs[0].shape
        tools: dict[str, Callable[[], Any]] = {
            "ours": ours,
            "bare loop": lambda: in_fresh_process(bare_loop, runtime, path, shape, count, cpus),
        }
        if runtime == "litert":
            tools["benchmark_litert_model"] = lambda: in_fresh_process(litert_benchmark, path, count, cpus)
        else:
            for label, by_profiler in (("onnxruntime profiler", True), ("bare loop while profiling", False)):
                tools[label] = partial(in_fresh_process, onnxruntime_profile, path, shape, count, cpus, by_profiler)
        names = list(tools)
        seen: dict[str, list[Any]] = {name: [] for name in names}
        for index, _ in interleaved([rounds] * len(names), seed=0):
            seen[names[index]].append(tools[names[index]]())
    rows = []
    for name in names[1:]:
        phase = "latency" if name.startswith("bare loop") else "compute"
        mine = [one[phase] for one in seen["ours"]]
        found = compare(seen[name], mine)
        interval = "" if found.low is None else f"{found.low:.3f} to {found.high:.3f}"
        rows.append(
            f"{name} | {phase} | {_median_ms(seen[name])} | {_median_ms(mine)} | {found.ratio:.3f} | {interval}"
        )
    return rows


def _median_ms(rounds: list[Samples]) -> str:
    """The median of the rounds' medians."""
    return f"{np.median([np.median(one) for one in rounds]):.4g}"


def _ours(
    session: DeviceSession, deployment: Deployment, case: Case, artifact: Artifact, cpus: tuple[int, ...], outputs: Path
) -> Callable[[], dict[str, Samples]]:
    def one_round() -> dict[str, Samples]:
        result = session.measure(deployment, case.round_request(artifact, cpus), outputs, lambda _: None)
        samples = result.samples
        return {"latency": samples.latency_ns / 1e6, "compute": samples.phases_ns["compute"] / 1e6}

    return one_round


@click.command()
@click.option("--model", "models", multiple=True, default=["b1-cls-r224", "b1-seg@512x1024"], show_default=True)
@click.option("--rounds", default=9, show_default=True)
@click.option("--count", default=60, show_default=True, help="Requests a round.")
def main(models: tuple[str, ...], rounds: int, count: int) -> None:
    print("| model | runtime | tool | our phase | tool, ms | ours, ms | ours / tool | 95 % interval |")
    print("|---|---|---|---|---:|---:|---:|---|")
    for text in models:
        name, _, size = text.partition("@")
        spec = load_spec(name)
        if size:
            height, width = size.split("x")
            spec = spec.at((int(height), int(width)))
        for runtime in ("litert", "onnxruntime"):
            for row in measure_model(spec, runtime, rounds, count):
                print(f"| {text} | {runtime} | {row} |", flush=True)


if __name__ == "__main__":
    main()
