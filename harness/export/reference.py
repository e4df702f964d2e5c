"""What the fp32 PyTorch module computes for the seeded input: the yardstick of every deployed artifact."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.inputs import describe_inputs

if TYPE_CHECKING:
    import torch

    from latency_bench.model_specs.spec import ModelSpec

CALIBRATION_COUNT = 4
CALIBRATION_SEED_STEP = 1000
"""More than any model has inputs, so that no two draws share a seed."""


def compute_reference(
    module: torch.nn.Module, spec: ModelSpec, batch: int, input_seed: int
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """(inputs, outputs) by name, batch included, channel-first.

    The inputs come from the worker's own generator, so the device feeds the same bytes. Raises ExportError where the
    module's outputs are not those of the spec, or not finite.
    """
    import torch

    inputs = seeded_inputs(spec, batch, input_seed)
    with torch.inference_mode():
        result = module(*inputs.values())
    results = result if isinstance(result, tuple | list) else (result,)
    if len(results) != len(spec.outputs):
        raise ExportError(f"{spec.id}: the module returns {len(results)} outputs, the spec names {len(spec.outputs)}")
    outputs = {output.name: tensor.clone() for output, tensor in zip(spec.outputs, results, strict=True)}
    for name, tensor in outputs.items():
        if not torch.isfinite(tensor).all():
            raise ExportError(f"{spec.id}: the fp32 module's own output {name!r} is not finite; check its weights")
    return inputs, outputs


def seeded_inputs(spec: ModelSpec, batch: int, input_seed: int) -> dict[str, torch.Tensor]:
    """The inputs of one request by name, channel-first: input number i is drawn from `input_seed + i`."""
    import torch

    from bench_worker.inputs import generate
    from bench_worker.job import InputTensor

    descriptions = describe_inputs(spec, batch, input_seed)
    tensors = [InputTensor(**{**entry, "shape": tuple(entry["shape"])}) for entry in descriptions]
    return {tensor.name: torch.from_numpy(generate(tensor)) for tensor in tensors}


def calibration_inputs(spec: ModelSpec, batch: int, input_seed: int) -> tuple[dict[str, torch.Tensor], ...]:
    """Other draws than the one that outputs are compared on, so that agreement there is not made by calibration."""
    return tuple(
        seeded_inputs(spec, batch, input_seed + CALIBRATION_SEED_STEP * (1 + index))
        for index in range(CALIBRATION_COUNT)
    )


def output_changes(
    module: torch.nn.Module, spec: ModelSpec, batch: int, input_seed: int, outputs: dict[str, torch.Tensor]
) -> dict[str, float]:
    """How far each of `outputs` (those for `input_seed`) lies from the output for another draw of the inputs: the
    largest absolute difference, and of class numbers the share that differs.

    A comparison by value sees only what is larger than the error that it allows: where outputs hardly depend on the
    input (a head of zeros, tiny layer scales), an artifact that was fed something else altogether would pass.
    """
    import torch

    other = seeded_inputs(spec, batch, input_seed + CALIBRATION_SEED_STEP * (1 + CALIBRATION_COUNT))
    with torch.inference_mode():
        result = module(*other.values())
    results = result if isinstance(result, tuple | list) else (result,)
    changes = {}
    for (name, expected), actual in zip(outputs.items(), results, strict=True):
        if expected.is_floating_point():
            changes[name] = float((expected - actual).abs().max())
        else:
            changes[name] = float((expected != actual).float().mean())
    return {name: change for name, change in changes.items() if math.isfinite(change)}


def save_reference(outputs: dict[str, torch.Tensor], path: Path) -> None:
    """Write the outputs as arrays of an .npz file, under their names."""
    from bench_worker.outputs import save

    save(str(path), {name: tensor.detach().cpu().numpy() for name, tensor in outputs.items()})
