"""Ways to write ReLU linear attention, and what the converters and runtimes make of each.

    python benchmarks/attention_formulations.py --model b1-seg --resolution 512 1024
    python benchmarks/attention_formulations.py --model b1-seg --resolution 512 1024 --whole --only authors columns

All compute the same function. Without --whole, each attention module of the model is a model of its own, with its
channels and resolution; with it, the whole model is converted once a formulation. Every formulation is run in turn, so
that a drift of the machine hits all alike, in several fresh processes: where the memory of a model comes to lie makes
the same file faster or slower by some per cent, for as long as a process lives. Each process loads and runs them in an
order of its own. Shown is the ratio to the authors' form: the median of the processes' ratios, and their range.
--clock cpu counts the processor time of the process, for a machine that has other things to do.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from formulations import FORMULATIONS, Formulation
from torch import Tensor, nn

from bench_worker.runtimes import runtime_class
from latency_bench.harness.export.convert import arguments_for
from latency_bench.harness.export.formats import find_format
from latency_bench.harness.export.job import ExportJob
from latency_bench.harness.export.tflite_graph import read_graph
from latency_bench.model_specs import load_spec
from latency_bench.model_specs.architectures.efficientvit.attention import MultiScaleLinearAttention
from latency_bench.model_specs.building import build_module

Array = npt.NDArray[np.float32]
CLOCKS: dict[str, Callable[[], int]] = {"wall": time.perf_counter_ns, "cpu": time.process_time_ns}


class Formulated(nn.Module):
    """A formulation in the place of the model's own."""

    def __init__(self, formulation: Formulation, head_dim: int) -> None:
        super().__init__()
        self.formulation, self.head_dim = formulation, head_dim

    def forward(self, qkv: Tensor) -> Tensor:
        return self.formulation(qkv, self.head_dim)


def set_formulation(module: nn.Module, formulation: Formulation | None) -> None:
    """Let every attention in `module` use it; None for the model's own."""
    for attention in module.modules():
        if isinstance(attention, MultiScaleLinearAttention):
            own = attention.__dict__.setdefault("own_attend", attention.attend)
            attention._modules["attend"] = own if formulation is None else Formulated(formulation, own.head_dim)


def attention_modules(model: nn.Module, image: Tensor) -> list[tuple[str, MultiScaleLinearAttention, Tensor]]:
    """The first attention of every size, its name and what it is fed within the model."""
    found: dict[tuple[int, ...], tuple[str, MultiScaleLinearAttention, Tensor]] = {}
    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, MultiScaleLinearAttention):

            def keep(module: nn.Module, inputs: tuple[Tensor, ...], name: str = name) -> None:
                assert isinstance(module, MultiScaleLinearAttention)
                found.setdefault(tuple(inputs[0].shape), (name, module, inputs[0].clone()))

            hooks.append(module.register_forward_pre_hook(keep))
    with torch.no_grad():
        model(image)
    for hook in hooks:
        hook.remove()
    return list(found.values())


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Converters print a lot."""
    sys.stdout.flush()
    stdout, stderr, null = os.dup(1), os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        for descriptor in (stdout, stderr, null):
            os.close(descriptor)


def convert(module: nn.Module, inputs: Tensor, runtime: str, directory: Path) -> tuple[Path, dict[str, Any]]:
    """The file for `runtime` and the exporter's facts."""
    target = find_format(runtime_class(runtime).FORMAT)
    directory.mkdir(parents=True)
    with torch.no_grad(), quiet():
        outputs = module(inputs)
        job = ExportJob(module, {"x": inputs}, {"y": outputs}, directory / target.file_name(), "fp32", 13)
        return job.path, dict(target.export(job).facts)


def open_session(path: Path, inputs: Tensor, runtime: str, threads: int) -> Callable[[], Any]:
    """A function that runs the model once on `inputs` and returns the output, channel-first."""
    if runtime == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, {"x": inputs.numpy()})[0]
    if runtime == "torch":
        torch.set_num_threads(threads)
        program = torch.export.load(path).module()

        def run_program() -> Any:
            with torch.inference_mode():
                return program(inputs).numpy()

        return run_program
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=threads)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], inputs.permute(0, 2, 3, 1).contiguous().numpy())
    output = interpreter.get_output_details()[0]["index"]

    def run() -> Any:
        interpreter.invoke()
        return interpreter.tensor(output)().transpose(0, 3, 1, 2)

    return run


def compare(title: str, module: nn.Module, inputs: Tensor, names: list[str], arguments: argparse.Namespace) -> None:
    """Convert, check and time every formulation of one module; print a table."""
    set_formulation(module, None)
    with torch.no_grad():
        expected = module(inputs).numpy()
    paths, facts = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            set_formulation(module, FORMULATIONS.get(name))
            paths[name], facts[name] = convert(module, inputs, arguments.runtime, Path(folder, name))
        set_formulation(module, None)
        settings = (arguments.runtime, arguments.threads, arguments.rounds, arguments.clock)
        measured = []
        for seed in range(arguments.processes):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                measured.append(fresh.submit(measure, paths, inputs.numpy(), expected, settings, seed).result())
        where = f"{arguments.runtime}, {arguments.threads} thread(s), {arguments.clock} clock"
        shape = f"{arguments.processes} processes of {arguments.rounds} rounds"
        print(f"\n{title}, {tuple(inputs.shape)}, {where}, {shape}, max |y| {abs(expected).max():.3g}")
        for name in names:
            ratios = sorted(one.times_ms[name] / one.times_ms[names[0]] for one in measured)
            median_ms = statistics.median(one.times_ms[name] for one in measured)
            figures = f"{median_ms:9.3f} ms  x{statistics.median(ratios):.3f} [{ratios[0]:.3f}, {ratios[-1]:.3f}]"
            difference = max(one.differences[name] for one in measured)
            print(f"{name:28} {figures}  {describe(paths[name], facts[name], difference)}", flush=True)


def describe(path: Path, facts: dict[str, Any], difference: float) -> str:
    if path.suffix == ".pt2":
        counts = f"nodes {facts['nodes']}"
    elif path.suffix == ".onnx":
        operators = facts["operators"]
        counts = f"nodes {facts['nodes']}, Transpose {operators.get('Transpose', 0)}"
    else:
        graph = read_graph(path)
        transposes, reshapes = graph.operators.get("TRANSPOSE", 0), graph.operators.get("RESHAPE", 0)
        delegation = facts["xnnpack"]
        outside = ", ".join(f"{count} {name}" for name, count in delegation["outside"].items()) or "nothing"
        counts = (
            f"nodes {facts['nodes']}, TRANSPOSE {transposes}, RESHAPE {reshapes}, "
            f"partitions {delegation['partitions']}, outside: {outside}"
        )
    return f"diff {difference:.1e}, {counts}"


@dataclass(frozen=True)
class Measured:
    """Of one process, by the formulation's name."""

    times_ms: dict[str, float]
    """Medians of the rounds."""
    differences: dict[str, float]
    """Largest absolute difference from the module's output."""


def measure(
    paths: dict[str, Path], inputs: Array, expected: Array, settings: tuple[str, int, int, str], seed: int
) -> Measured:
    """Load all, in an order of this process's own, and run them in turn, in another order every round."""
    runtime, threads, rounds, clock = settings
    clock_ns, order = CLOCKS[clock], random.Random(seed)
    names = order.sample(list(paths), len(paths))
    with quiet():
        sessions = {name: open_session(paths[name], torch.from_numpy(inputs), runtime, threads) for name in names}
    # The first run of each is its warm-up as well.
    differences = {name: float(abs(run() - expected).max()) for name, run in sessions.items()}
    times_ms: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in order.sample(names, len(names)):
            start_ns = clock_ns()
            sessions[name]()
            times_ms[name].append((clock_ns() - start_ns) / 1e6)
    return Measured({name: statistics.median(taken) for name, taken in times_ms.items()}, differences)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="b1-seg")
    parser.add_argument("--resolution", nargs=2, type=int, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--runtime", choices=("litert", "onnxruntime", "torch"), default="litert")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=10, help="in each process")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--whole", action="store_true", help="the whole model instead of its attention modules")
    parser.add_argument("--only", nargs="+", choices=[*FORMULATIONS, "own"], help="`own`: as it is exported")
    arguments = parser.parse_args()
    names = list(dict.fromkeys(["authors", *(arguments.only or [*FORMULATIONS, "own"])]))
    spec = load_spec(arguments.model)
    if arguments.resolution:
        spec = spec.at(tuple(arguments.resolution))
    overrides, _ = arguments_for(spec, runtime_class(arguments.runtime).FORMAT)
    model = build_module(spec, overrides=overrides)
    image = torch.randn(1, *spec.inputs[0].shape, generator=torch.Generator().manual_seed(0))
    if arguments.whole:
        compare(f"{spec.id}, whole", model, image, names, arguments)
        return
    for name, module, features in attention_modules(model, image):
        compare(f"{spec.id}, {name}", module, features, names, arguments)


if __name__ == "__main__":
    main()
