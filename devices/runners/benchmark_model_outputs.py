"""What the deployed model computes for the seeded input, by way of TFLite's tool: a process of its own, before timing.

The classic tool reads its input from files and writes the outputs' bytes, one tensor after the other, if it is asked
to. The inputs are made here and pushed like any file, so a second run carries nothing. The CompiledModel tool can do
neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench_worker.outputs import save
from latency_bench.devices.errors import WorkerError
from latency_bench.devices.runners.base import RoundJob
from latency_bench.devices.runners.benchmark_model_tool import Tool
from latency_bench.devices.runners.pushed_inputs import pushed_inputs
from latency_bench.devices.runners.raw_tensors import tensors_of
from latency_bench.devices.temporary_folder import TemporaryFolder
from latency_bench.devices.transports.base import Transport

_FLAGS = ("input_layer", "input_layer_shape", "input_layer_value_files", "output_filepath")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,127}")
"""The tool takes lists with commas and colons in one argument."""


def why_no_outputs(tool: Tool, request: RoundJob, chosen: Mapping[str, Any]) -> str | None:
    """Why there are no outputs to compare; None where there are."""
    if not request.outputs:
        return "nothing is known of the model's outputs"
    if any(0 in one["shape"] for one in request.outputs):
        return "the file leaves sizes of its outputs open, and benchmark_model gives bytes alone"
    if not set(_FLAGS) <= tool.flags:
        return "this build of benchmark_model makes its own random input and gives no outputs"
    if chosen.get("allow_fp16"):
        return "the GPU was allowed half precision (allow_fp16), and fp32 is what outputs are judged by"
    if not all(_NAME.fullmatch(one["name"]) for one in request.inputs):
        return "benchmark_model cannot be told inputs of these names"
    return None


def shape_flags(tool: Tool, request: RoundJob) -> list[str]:
    """The tool resizes the model to these where the file leaves sizes open; it wants to be told all inputs then.

    Raises WorkerError where the build or a name does not allow it.
    """
    if not request.resized_inputs:
        return []
    if not {"input_layer", "input_layer_shape"} <= tool.flags:
        raise WorkerError(
            "bad-request",
            "this build of benchmark_model cannot be told sizes, which the file leaves open",
            "use the classic benchmark_model, or export the file with fixed sizes",
        )
    for described in request.inputs:
        if not _NAME.fullmatch(described["name"]):
            raise WorkerError("bad-request", f"benchmark_model cannot be given an input called {described['name']!r}")
    return [
        f"--input_layer={','.join(one['name'] for one in request.inputs)}",
        f"--input_layer_shape={':'.join(','.join(map(str, one['shape'])) for one in request.inputs)}",
    ]


@contextmanager
def given_inputs(transport: Transport, inputs: Sequence[Mapping[str, Any]]) -> Iterator[list[str]]:
    """The tool's arguments for the inputs, which are on the device meanwhile."""
    with pushed_inputs(transport, inputs) as pushed:
        yield [
            f"--input_layer={','.join(one.name for one in pushed)}",
            f"--input_layer_shape={':'.join(','.join(map(str, one.shape)) for one in pushed)}",
            f"--input_layer_value_files={','.join(f'{one.name}:{one.path}' for one in pushed)}",
        ]


def fetch_outputs(transport: Transport, remote: str, outputs: Sequence[Mapping[str, Any]], to: Path) -> None:
    """Bring the tool's file here and write its tensors as .npz under their names, in the artifact's layout.

    `outputs`: name, shape (batch included) and dtype of each, in the artifact's order. Raises WorkerError where the
    file has another size than these have together.
    """
    with TemporaryFolder("outputs") as folder:
        local = folder / "outputs.bin"
        transport.pull(remote, local)
        content = local.read_bytes()
    save(str(to), tensors_of(content, outputs, "benchmark_model"))
