"""Tools that people trust in pairs with ours, on the same file: do they say the same?

    python benchmarks/paired/trusted_tools.py --minutes 3 --budget-minutes 40

Ours is the worker as the harness starts it. Both run in fresh processes on one core and take turns by signals
(stopped_turns.py). What a tool times decides what it is compared with: a bare loop and MLPerf's LoadGen (SingleStream;
`pip install mlcommons-loadgen`) time the whole request, our latency; `benchmark_litert_model` the inference alone, our
compute time.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measured_steps import Effort, Result, Step, main
from pair_steps import CLASSIFIER, SEGMENTATION, SEGMENTATION_SIZE, markdown, words
from stopped_turns import run_in_turns

import bench_worker
from bench_worker.events import MARKER, parse_event
from latency_bench.harness.case import Case
from latency_bench.harness.cli.pair import pair_request
from latency_bench.harness.export import export_artifact
from latency_bench.harness.export.artifact import Artifact
from latency_bench.harness.statistics.paired_ratio import is_narrow, next_look, paired_ratio

NAME = "trusted tools"
_WITHIN = 0.01
_TURN_REQUESTS = 24
_TURN_S = (0.4, 2.5)
_SAMPLED_S = 3.0
_LEAST_REQUESTS = 30
_LOOP = Path(__file__).with_name("bare_loop.py")


@dataclass(frozen=True)
class Tool:
    """`phase`: of our times, the one that is compared with the tool's."""

    runtime: str
    phase: str
    command: Callable[[Artifact, int, int, Path], list[str]]
    """Of the file, the requests of the warm-up and those that count, and a file for the result."""
    median_ms: Callable[[Path], float]
    """From the file that has its stdout, or its result."""


def _loop(runtime: str, how: str) -> Tool:
    def command(artifact: Artifact, warmup: int, requests: int, _: Path) -> list[str]:
        shape = "x".join(map(str, artifact.inputs[0].shape))
        return [sys.executable, str(_LOOP), runtime, str(artifact.path), shape, str(warmup), str(requests), how]

    return Tool(runtime, "latency_ns", command, _median_of_list)


def _median_of_list(output: Path) -> float:
    return float(np.median(json.loads(output.read_text())))


def _litert_benchmark() -> Tool:
    def command(artifact: Artifact, warmup: int, requests: int, result: Path) -> list[str]:
        counts = ["--num_runs", str(requests), "--warmup_runs", str(warmup), "--num_threads", "1"]
        module = ["-m", "ai_edge_litert.tools.benchmark_litert_model", "--model", str(artifact.path)]
        return [sys.executable, *module, *counts, "--result_json", str(result)]

    return Tool("litert", "compute_ns", command, lambda _: math.nan)


TOOLS = {
    "bare loop on LiteRT": _loop("litert", "clock"),
    "MLPerf LoadGen, SingleStream, on LiteRT": _loop("litert", "loadgen"),
    "a clock inside of what LoadGen asks for, on LiteRT": _loop("litert", "loadgen-clock"),
    "benchmark_litert_model": _litert_benchmark(),
    "bare loop on ONNX Runtime": _loop("onnxruntime", "clock"),
    "MLPerf LoadGen, SingleStream, on ONNX Runtime": _loop("onnxruntime", "loadgen"),
}
MODELS = (CLASSIFIER, f"{SEGMENTATION},{SEGMENTATION_SIZE}")


def steps(effort: Effort) -> list[Step]:
    """Every tool with the small model, then with the large one, which takes three times as long."""
    found = []
    for size, model in enumerate(MODELS):
        for place, (name, tool) in enumerate(TOOLS.items()):
            minutes = effort.minutes * (1, 3)[size]
            measure = _measure(model, tool, minutes)
            found.append(Step(f"{model}: {name}", (1.4, 7.4)[size] + place / 100, minutes + 0.3, measure))
    return found


def _measure(model: str, tool: Tool, minutes: float) -> Callable[[], Result]:
    def measure() -> Result:
        name, _, size = model.partition(",")
        resolution = f",resolution={size}" if size else ""
        side = f"{name}@{tool.runtime}{resolution}"
        case = pair_request([side, side], device_name="local", threads=1).cases[0]
        artifact = export_artifact(case.spec, case.declared.FORMAT, case.export_options())
        return _pairs(case, artifact, tool, minutes)

    return measure


def _pairs(case: Case, artifact: Artifact, tool: Tool, minutes: float) -> Result:
    """Fresh pairs of processes until the interval is narrow, or the time is over."""
    cpu = max(os.sched_getaffinity(0))
    latency_s = _one_pair(case, artifact, tool, cpu, 0.02, 3, 0)[1] / 1e3
    requests = max(_LEAST_REQUESTS, round(_SAMPLED_S / latency_s))
    turn_s = min(max(_TURN_S[0], _TURN_REQUESTS * latency_s), _TURN_S[1])
    began_s, look = time.monotonic(), next_look(0)
    logs: list[float] = []
    medians_ms: list[tuple[float, float]] = []
    while True:
        tool_ms, ours_ms = _one_pair(case, artifact, tool, cpu, turn_s, requests, len(logs))
        logs.append(math.log(ours_ms / tool_ms))
        medians_ms.append((tool_ms, ours_ms))
        found, spent_s = paired_ratio(logs), time.monotonic() - began_s
        over = spent_s * (len(logs) + 1) / len(logs) > 60 * minutes
        if over or (len(logs) >= look and is_narrow(found, _WITHIN)):
            break
        look = next_look(len(logs)) if len(logs) >= look else look
    theirs, ours = np.median(np.array(medians_ms), axis=0).tolist()
    figures = {"ratio": found.ratio, "low": found.low, "high": found.high, "pairs": len(logs), "minutes": spent_s / 60}
    return {**figures, "phase": tool.phase, "tool_ms": theirs, "ours_ms": ours, "turn_s": turn_s, "requests": requests}


def _one_pair(
    case: Case, artifact: Artifact, tool: Tool, cpu: int, turn_s: float, requests: int, seed: int
) -> tuple[float, float]:
    """Medians in milliseconds of the tool and of ours."""
    warmup = max(3, requests // 5)
    with tempfile.TemporaryDirectory() as folder:
        job, tool_output, our_output, tool_result = (Path(folder) / name for name in ("job", "tool", "ours", "result"))
        job.write_text(json.dumps(_job(case, artifact, warmup, requests)))
        start = Path(bench_worker.__file__).with_name("start.py")
        commands = [tool.command(artifact, warmup, requests, tool_result), [sys.executable, str(start), str(job)]]
        run_in_turns(commands, turn_s, cpu, [tool_output, our_output], seed)
        if tool_result.is_file():
            theirs = float(json.loads(tool_result.read_text())["latency"]["median_ms"])
        else:
            theirs = tool.median_ms(tool_output)
        return theirs, float(np.median(_our_times_ns(our_output, tool.phase))) / 1e6


def _job(case: Case, artifact: Artifact, warmup: int, requests: int) -> Result:
    """A worker's job as the harness writes it, with a fixed number of requests."""
    request = case.round_request(artifact, ())
    no_cap_ns = 10**12
    return {
        "version": 1,
        "runtime": request.runtime,
        "runtime_options": request.runtime_options,
        "artifact": str(artifact.path),
        "inputs": request.inputs,
        "warmup": {"min_count": warmup, "max_count": warmup, "min_ns": 0, "max_ns": no_cap_ns, "window": 0},
        "sampling": {
            "min_count": requests,
            "max_count": requests,
            "min_ns": 0,
            "max_ns": no_cap_ns,
            "relative_interval": None,
            "confidence": 0.95,
        },
    }


def _our_times_ns(output: Path, phase: str) -> list[int]:
    times: list[int] = []
    for line in output.read_text(encoding="utf-8", errors="replace").splitlines():
        event = parse_event(line) if line.startswith(MARKER) else None
        if event is not None and event["event"] == "error":
            raise RuntimeError(f"our worker failed: {event['message']}")
        if event is not None and event["event"] == "samples" and event["stage"] == "sampling":
            times += event[phase]
    return times


def table(results: Sequence[Result]) -> str:
    """A row a model and tool."""
    headings = ["model and tool", "our phase", "tool, ms", "ours, ms", "ours / tool", "pairs", "minutes"]
    rows = [
        [
            one["step"],
            one["phase"].removesuffix("_ns"),
            f"{one['tool_ms']:.4g}",
            f"{one['ours_ms']:.4g}",
            words(one),
            str(one["pairs"]),
            f"{one['minutes']:.1f}",
        ]
        for one in results
    ]
    return markdown(headings, rows)


if __name__ == "__main__":
    main([sys.modules[__name__]], __doc__)
