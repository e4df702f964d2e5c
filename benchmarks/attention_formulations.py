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
import torch.nn.functional as F
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
Formulation = Callable[[Tensor, int], Tensor]
CLOCKS: dict[str, Callable[[], int]] = {"wall": time.perf_counter_ns, "cpu": time.process_time_ns}
SMALLEST = 2.0**-13
"""Lower bound of the denominators, as in the model's own formulas."""


def split_columns(qkv: Tensor, d: int) -> tuple[Tensor, Tensor, Tensor]:
    """Q, K, V of shape (B, h, d, N): a channel-first feature map is only viewed differently."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(batch, -1, 3 * d, height * width), d, dim=2)
    return F.relu(q), F.relu(k) * (height * width) ** -0.5, v


def split_rows(qkv: Tensor, d: int) -> tuple[Tensor, Tensor, Tensor]:
    """Q, K, V of shape (B, h, N, d), read channel-last."""
    batch, _, height, width = qkv.shape
    pixels = qkv.permute(0, 2, 3, 1).reshape(batch, height * width, -1, 3 * d)
    q, k, v = torch.split(pixels.transpose(1, 2), d, dim=3)
    return F.relu(q), F.relu(k) * (height * width) ** -0.5, v


def authors(qkv: Tensor, d: int) -> Tensor:
    """V padded with a row of the constant 1: its last row of the product is the denominator."""
    q, k, v = split_columns(qkv, d)
    product = torch.matmul(torch.matmul(F.pad(v, (0, 0, 0, 1), value=1.0), k.transpose(-1, -2)), q)
    return join_columns(product[:, :, :-1] / product[:, :, -1:].clamp(min=SMALLEST), qkv)


def concatenated_ones(qkv: Tensor, d: int) -> Tensor:
    """As `authors`, the row of ones concatenated, which XNNPACK takes."""
    q, k, v = split_columns(qkv, d)
    product = torch.matmul(torch.matmul(torch.cat([v, torch.ones_like(v[:, :, :1])], dim=2), k.transpose(-1, -2)), q)
    return join_columns(product[:, :, :-1] / product[:, :, -1:].clamp(min=SMALLEST), qkv)


def columns(qkv: Tensor, d: int) -> Tensor:
    """K summed separately: numerator and denominator are two products."""
    q, k, v = split_columns(qkv, d)
    numerator = torch.matmul(torch.matmul(v, k.transpose(-1, -2)), q)
    denominator = torch.matmul(k.sum(dim=-1, keepdim=True).transpose(-1, -2), q)
    return join_columns(numerator / denominator.clamp(min=SMALLEST), qkv)


def rows(qkv: Tensor, d: int) -> Tensor:
    """As `columns`, tokens as rows."""
    q, k, v = split_rows(qkv, d)
    numerator = torch.matmul(q, torch.matmul(k.transpose(-1, -2), v))
    denominator = torch.matmul(q, k.sum(dim=-2, keepdim=True).transpose(-1, -2))
    return join_rows(numerator / denominator.clamp(min=SMALLEST), qkv)


def folded_columns(qkv: Tensor, d: int) -> Tensor:
    """As `columns`, batch and heads one dimension: products of rank 3, whose transposition a converter can absorb."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    numerator = torch.bmm(torch.bmm(v, k.transpose(1, 2)), q)
    denominator = torch.bmm(k.sum(dim=2).unsqueeze(1), q)
    return (numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height, width)


def folded_columns_multiplied(qkv: Tensor, d: int) -> Tensor:
    """As `folded_columns`, multiplied with the reciprocal of the one row of denominators."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    numerator = torch.bmm(torch.bmm(v, k.transpose(1, 2)), q)
    denominator = torch.bmm(k.sum(dim=2).unsqueeze(1), q)
    return (numerator * denominator.clamp(min=SMALLEST).reciprocal()).reshape(batch, -1, height, width)


def folded_columns_one_product(qkv: Tensor, d: int) -> Tensor:
    """As `folded_columns`, the sum of K appended to the small V K^T: one product with Q."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    weights = torch.cat([torch.bmm(v, k.transpose(1, 2)), k.sum(dim=2).unsqueeze(1)], dim=1)  # (B h, d + 1, d)
    product = torch.bmm(weights, q)
    return (product[:, :d] / product[:, d:].clamp(min=SMALLEST)).reshape(batch, -1, height, width)


def folded_columns_early_relu(qkv: Tensor, d: int) -> Tensor:
    """As `folded_columns`, one ReLU over Q and K, which are neighbours, before they are split."""
    batch, _, height, width = qkv.shape
    qk, v = torch.split(qkv.reshape(-1, 3 * d, height * width), [2 * d, d], dim=1)
    q, k = torch.split(F.relu(qk), d, dim=1)
    k = k * (height * width) ** -0.5
    numerator = torch.bmm(torch.bmm(v, k.transpose(1, 2)), q)
    denominator = torch.bmm(k.sum(dim=2).unsqueeze(1), q)
    return (numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height, width)


def folded_columns_unscaled(qkv: Tensor, d: int) -> Tensor:
    """As `folded_columns`, without the scaling of K that half precision needs: what that scaling costs."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q), F.relu(k)
    numerator = torch.bmm(torch.bmm(v, k.transpose(1, 2)), q)
    denominator = torch.bmm(k.sum(dim=2).unsqueeze(1), q)
    return (numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height, width)


def folded_columns_scaled_sums(qkv: Tensor, d: int) -> Tensor:
    """As `folded_columns`, Q and K scaled by nothing; V and the ones of the sum carry N^-1/2 instead.

    Products of N terms are as small as with a scaled K; the scaling of V is a multiplication of the same size, and the
    sum becomes a mean.
    """
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q), F.relu(k)
    scale = (height * width) ** -0.5
    numerator = torch.bmm(torch.bmm(v * scale, k.transpose(1, 2)), q)
    denominator = torch.bmm((k.mean(dim=2) * (height * width) ** 0.5).unsqueeze(1), q)
    return (numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height, width)


def folded_rows(qkv: Tensor, d: int) -> Tensor:
    """As `rows`, batch and heads one dimension."""
    batch, _, height, width = qkv.shape
    pixels = qkv.permute(0, 2, 3, 1).reshape(batch, height * width, -1, 3 * d)
    q, k, v = torch.split(pixels.transpose(1, 2).reshape(-1, height * width, 3 * d), d, dim=2)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    numerator = torch.bmm(q, torch.bmm(k.transpose(1, 2), v))
    denominator = torch.bmm(q, k.sum(dim=1).unsqueeze(2))
    return join_rows((numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height * width, d), qkv)


def folded_rows_one_product(qkv: Tensor, d: int) -> Tensor:
    """As `folded_rows`, the sum of K appended to the small K^T V: one product with Q."""
    batch, _, height, width = qkv.shape
    pixels = qkv.permute(0, 2, 3, 1).reshape(batch, height * width, -1, 3 * d)
    q, k, v = torch.split(pixels.transpose(1, 2).reshape(-1, height * width, 3 * d), d, dim=2)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    weights = torch.cat([torch.bmm(k.transpose(1, 2), v), k.sum(dim=1).unsqueeze(2)], dim=2)  # (B h, d, d + 1)
    product = torch.bmm(q, weights)
    attended = product[:, :, :d] / product[:, :, d:].clamp(min=SMALLEST)
    return join_rows(attended.reshape(batch, -1, height * width, d), qkv)


def split_first_rows(qkv: Tensor, d: int) -> Tensor:
    """As `folded_rows`, one transposition to (3, B h, N, d): Q, K and V are contiguous slices."""
    batch, _, height, width = qkv.shape
    pixels = qkv.permute(0, 2, 3, 1).reshape(batch, height * width, -1, 3, d)
    q, k, v = pixels.permute(3, 0, 2, 1, 4).reshape(3, -1, height * width, d).unbind(0)
    q, k = F.relu(q), F.relu(k) * (height * width) ** -0.5
    numerator = torch.bmm(q, torch.bmm(k.transpose(1, 2), v))
    denominator = torch.bmm(q, k.sum(dim=1).unsqueeze(2))
    return join_rows((numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height * width, d), qkv)


def mixed(qkv: Tensor, d: int) -> Tensor:
    """Q as rows, K and V as columns: no product needs a transposed left operand."""
    batch, _, height, width = qkv.shape
    q, k, v = torch.split(qkv.reshape(-1, 3 * d, height * width), d, dim=1)
    q, k = F.relu(q).transpose(1, 2), F.relu(k) * (height * width) ** -0.5
    numerator = torch.bmm(q, torch.bmm(k, v.transpose(1, 2)))
    denominator = torch.bmm(q, k.sum(dim=2).unsqueeze(2))
    return join_rows((numerator / denominator.clamp(min=SMALLEST)).reshape(batch, -1, height * width, d), qkv)


def join_columns(attended: Tensor, qkv: Tensor) -> Tensor:
    batch, _, height, width = qkv.shape
    return attended.reshape(batch, -1, height, width)


def join_rows(attended: Tensor, qkv: Tensor) -> Tensor:
    batch, channels, height, width = qkv.shape
    return attended.transpose(1, 2).reshape(batch, height, width, channels // 3).permute(0, 3, 1, 2)


FORMULATIONS: dict[str, Formulation] = {
    function.__name__: function
    for function in (
        authors, concatenated_ones, columns, rows, folded_columns, folded_columns_multiplied,
        folded_columns_one_product, folded_columns_early_relu, folded_columns_unscaled, folded_columns_scaled_sums,
        folded_rows, folded_rows_one_product, split_first_rows, mixed,
    )
}  # fmt: skip


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
