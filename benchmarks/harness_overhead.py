"""What the harness adds to a latency: its loop against a bare loop over the same runtime in the same process.

    python benchmarks/harness_overhead.py
    python benchmarks/harness_overhead.py --model b1-seg@512x1024 --runtime litert --pairs 30
    python benchmarks/harness_overhead.py --model b1-cls-r224 --runtime executorch --block-s 0 --pairs 1600

One process a case loads the artifact once. Blocks of requests then alternate, harness - bare - bare - harness and so
on, so that a machine that drifts drifts for both. The bare loop is what one would write by hand with the runtime's
public calls: copy in, run, copy out, two readings of the clock. Each pair of neighbouring blocks gives one ratio of
medians; reported is the median of these ratios with its distribution-free interval. Exit code 1 beyond --limit.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bench_worker.runtime.base import Runtime

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Case:
    """One artifact on one runtime; `inputs` as in a worker request."""

    model: str
    runtime: str
    artifact: str
    inputs: list[dict[str, Any]]
    threads: int
    cpus: tuple[int, ...]
    pairs: int
    block_s: float


@dataclass(frozen=True)
class Result:
    harness_ms: float
    bare_ms: float
    requests_per_block: int
    ratio: float
    ratio_low: float
    ratio_high: float
    loop_overhead_ns: int
    loop_gap_ns: int


def measure(case: Case) -> Result:
    """Both loops in turn, in this process."""
    from bench_worker.affinity import pin

    pin(case.cpus)
    from statistics import median

    from bench_worker.clock import now_ns
    from bench_worker.inputs import generate, in_artifact_layout
    from bench_worker.job import parse_job
    from bench_worker.loop import garbage_collector_paused
    from bench_worker.overhead import measure_loop_overhead
    from bench_worker.runtimes import create_runtime
    from bench_worker.stopping import median_interval_rank

    bounds = {"min_count": 1, "max_count": 1, "min_ns": 0, "max_ns": 0}
    request = parse_job(
        {
            "version": 1, "runtime": case.runtime, "artifact": case.artifact, "inputs": case.inputs,
            "warmup": {**bounds, "window": 0}, "sampling": bounds,
        },
        ".",
    )  # fmt: skip
    runtime = create_runtime(case.runtime, {"threads": case.threads}, now_ns)
    runtime.set_inputs(
        [in_artifact_layout(generate(tensor), tensor.layout) for tensor in runtime.load(case.artifact, request.inputs)]
    )
    bare_request = BARE[case.runtime](runtime)
    count = _warm_up(runtime, bare_request, case.block_s)

    harness_ns: list[float] = []
    bare_ns: list[float] = []
    for pair in range(case.pairs):
        if pair % 2 == 0:
            harness_ns.append(median(_harness_block(runtime, count)))
        bare_ns.append(median(_bare_block(bare_request, count)))
        if pair % 2 == 1:
            harness_ns.append(median(_harness_block(runtime, count)))
    with garbage_collector_paused():
        overhead = measure_loop_overhead(now_ns)
    ratios = sorted(ours / bare for ours, bare in zip(harness_ns, bare_ns, strict=True))
    rank = median_interval_rank(len(ratios), CONFIDENCE)
    return Result(
        harness_ms=median(harness_ns) / 1e6,
        bare_ms=median(bare_ns) / 1e6,
        requests_per_block=count,
        ratio=median(ratios),
        ratio_low=ratios[rank - 1] if rank else float("nan"),
        ratio_high=ratios[len(ratios) - rank] if rank else float("nan"),
        loop_overhead_ns=overhead.in_sample_ns,
        loop_gap_ns=overhead.between_samples_ns,
    )


def _harness_block(runtime: Runtime, count: int) -> list[int]:
    """The worker's own loop, rules and records included, with the collector paused as the worker pauses it. A block of
    one request is the request alone: what a loop does before its first one would make that one slower."""
    if count == 1:
        return _bare_block(runtime.request, count)
    from bench_worker.clock import now_ns
    from bench_worker.job import SamplingBounds
    from bench_worker.loop import garbage_collector_paused, run_stage
    from bench_worker.request_times import Samples
    from bench_worker.stopping import SamplingEnd

    rule = SamplingEnd(SamplingBounds(count, count, 0, 3600 * 10**9, None, CONFIDENCE)).reason
    samples = Samples(now_ns(), count)
    with garbage_collector_paused():
        run_stage(runtime.request, samples, rule, lambda *_: None, now_ns)
    return samples.columns()["latency_ns"].tolist()


def _bare_block(request: Callable[[], None], count: int) -> list[int]:
    latencies = []
    for _ in range(count):
        start = time.perf_counter_ns()
        request()
        latencies.append(time.perf_counter_ns() - start)
    return latencies


def _warm_up(runtime: Runtime, bare_request: Callable[[], None], block_s: float) -> int:
    """Two seconds of both; how many requests a block needs."""
    began = time.perf_counter()
    count = 0
    while time.perf_counter() - began < 2 or count < 3:
        runtime.request()
        bare_request()
        count += 1
    per_request_s = (time.perf_counter() - began) / (2 * count)
    return max(3, round(block_s / per_request_s)) if block_s else 1


def _bare_litert(runtime: Any) -> Callable[[], None]:
    interpreter = runtime._interpreter
    inputs, outputs = runtime._copies_in, [detail["index"] for detail in runtime._output_details]

    def request() -> None:
        for index, array in inputs:
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        for index in outputs:
            interpreter.get_tensor(index)

    return request


def _bare_onnxruntime(runtime: Any) -> Callable[[], None]:
    session, binding = runtime._session, runtime._binding
    inputs, outputs = runtime._copies_in, [bound for _, bound in runtime._copies_out]

    def request() -> None:
        for bound, array in inputs:
            bound[...] = array
        session.run_with_iobinding(binding)
        for bound in outputs:
            bound.copy()

    return request


def _bare_openvino(runtime: Any) -> Callable[[], None]:
    session = runtime._request
    inputs, outputs = runtime._copies_in, [bound for _, bound in runtime._bound_outputs]

    def request() -> None:
        for bound, array in inputs:
            bound[...] = array
        session.infer(share_outputs=True)
        for bound in outputs:
            bound.copy()

    return request


def _bare_ncnn(runtime: Any) -> Callable[[], None]:
    import numpy as np

    net, inputs, mats = runtime._net, runtime._copies_in, runtime._mats

    def request() -> None:
        for view, array in inputs:
            view[...] = array
        extractor = net.create_extractor()
        for blob, mat in zip(runtime._input_blobs, mats, strict=True):
            extractor.input(blob, mat)
        for blob in runtime._output_blobs:
            np.array(extractor.extract(blob)[1])

    return request


def _bare_mnn(runtime: Any) -> Callable[[], None]:
    interpreter, session, inputs = runtime._interpreter, runtime._session, runtime._copies_in
    outputs = list(zip(runtime._runtime_outputs.values(), runtime._landings, strict=True))

    def request() -> None:
        for tensor, host in inputs:
            tensor.copyFrom(host)
        interpreter.runSession(session)
        for tensor, landing in outputs:
            tensor.copyToHostTensor(landing)
            landing.getNumpyData().copy()

    return request


def _bare_executorch(runtime: Any) -> Callable[[], None]:
    method, inputs = runtime._method, runtime._tensors

    def request() -> None:
        method.set_inputs(inputs)
        method.execute()
        for tensor in method.get_outputs(False):
            tensor.numpy().copy()

    return request


def _bare_torch(runtime: Any) -> Callable[[], None]:
    module, arguments, inputs = runtime._module, runtime._arguments, runtime._copies_in

    def request() -> None:
        for argument, host in inputs:
            argument.copy_(host)
        computed = module(*arguments)
        for tensor in computed if isinstance(computed, tuple) else (computed,):
            tensor.clone()

    return request


BARE: dict[str, Callable[[Any], Callable[[], None]]] = {
    "litert": _bare_litert,
    "onnxruntime": _bare_onnxruntime,
    "openvino": _bare_openvino,
    "ncnn": _bare_ncnn,
    "mnn": _bare_mnn,
    "executorch": _bare_executorch,
    "torch": _bare_torch,
}
RUNTIMES = tuple(BARE)


def _case(model: str, runtime: str, threads: int, cpus: tuple[int, ...], pairs: int, block_s: float) -> Case:
    """Export `ID` or `ID@HEIGHTxWIDTH` for the runtime."""
    from bench_worker.runtimes import runtime_class
    from latency_bench.harness.export import describe_inputs, export_artifact
    from latency_bench.model_specs import load_spec

    spec_id, _, size = model.partition("@")
    spec = load_spec(spec_id)
    if size:
        height, _, width = size.partition("x")
        spec = spec.at(resolution=(int(height), int(width)))
    artifact = export_artifact(spec, runtime_class(runtime).FORMAT)
    layout = "NHWC" if any(tensor.layout == "NHWC" for tensor in artifact.inputs) else "NCHW"
    inputs = describe_inputs(spec, layout=layout)  # type: ignore[arg-type]
    return Case(model, runtime, str(artifact.path), inputs, threads, cpus, pairs, block_s)


@click.command()
@click.option("--model", "models", multiple=True, default=("b1-seg@512x1024", "b1-cls-r224"), show_default=True,
              help="A model, or ID@HEIGHTxWIDTH; may be given several times.")  # fmt: skip
@click.option("--runtime", "runtimes", multiple=True, type=click.Choice(RUNTIMES), default=RUNTIMES,
              show_default=True)  # fmt: skip
@click.option("--resolution", metavar="HxW", help="For models that name none.")
@click.option("--threads", default=1, show_default=True)
@click.option("--pairs", default=20, show_default=True, help="Pairs of blocks; 6 is the least for an interval.")
@click.option("--block-s", default=1.0, show_default=True, help="Seconds a block; 0: one request.")
@click.option("--limit", default=0.02, show_default=True, help="Largest difference of the ratio from 1.")
def main(
    models: tuple[str, ...], runtimes: tuple[str, ...], resolution: str | None, threads: int, pairs: int,
    block_s: float, limit: float,
) -> None:  # fmt: skip
    """The harness's loop against a bare loop over the same runtime."""
    cpus = tuple(sorted(os.sched_getaffinity(0)))[:threads]
    print(
        "| model | runtime | bare, ms | harness, ms | ratio [95 %] | requests a block | in a sample, ns | between, ns |"
    )
    print("|---|---|---|---|---|---|---|---|")
    beyond = 0
    for model in models:
        for runtime in runtimes:
            sized = model if "@" in model or resolution is None else f"{model}@{resolution}"
            case = _case(sized, runtime, threads, cpus, pairs, block_s)
            # A fresh process a case: spawned, so that nothing of this one is in it.
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                result = pool.apply(measure, (case,))
            beyond += abs(result.ratio - 1) > limit
            print(
                f"| {sized} | {runtime} | {result.bare_ms:.4g} | {result.harness_ms:.4g} | {result.ratio:.4f}"
                f" [{result.ratio_low:.4f}, {result.ratio_high:.4f}] | {result.requests_per_block} |"
                f" {result.loop_overhead_ns} | {result.loop_gap_ns} |",
                flush=True,
            )
    print(
        f"\n{threads} thread(s) on processor(s) {', '.join(map(str, cpus))}; {pairs} pairs of blocks of {block_s:g} s."
    )
    raise SystemExit(1 if beyond else 0)


if __name__ == "__main__":
    main()
