"""What the fp32 PyTorch module computes for the seeded inputs: the yardstick of every deployed artifact."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from latency_bench.harness.export.errors import ExportError
from latency_bench.harness.export.inputs import IMAGE, NATURAL, NOISE, describe_inputs

if TYPE_CHECKING:
    import torch

    from latency_bench.model_specs.spec import ModelSpec

CALIBRATION_COUNT = 4
CALIBRATION_SEED_STEP = 1000
"""More than the seeds of any model's inputs are apart, so that no two draws share one."""


def compute_reference(
    module: torch.nn.Module, spec: ModelSpec, inputs: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Outputs by name, batch included, channel-first, for inputs by name.

    Raises ExportError where the module's outputs are not those of the spec, or not finite.
    """
    import torch

    outputs = run_module(module, spec, inputs)
    for name, tensor in outputs.items():
        if not torch.isfinite(tensor).all():
            raise ExportError(f"{spec.id}: the fp32 module's own output {name!r} is not finite; check its weights")
    return outputs


def run_module(module: torch.nn.Module, spec: ModelSpec, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Outputs by name. Raises ExportError where there are not as many as in the spec."""
    import torch

    with torch.inference_mode():
        result = module(*inputs.values())
    results = result if isinstance(result, tuple | list) else (result,)
    if len(results) != len(spec.outputs):
        raise ExportError(f"{spec.id}: the module returns {len(results)} outputs, the spec names {len(spec.outputs)}")
    return {output.name: tensor.clone() for output, tensor in zip(spec.outputs, results, strict=True)}


def seeded_inputs(
    spec: ModelSpec, batch: int, input_seed: int, name: str = NOISE, image: Path | None = None
) -> dict[str, torch.Tensor]:
    """A set of inputs (inputs.py) of one request by the inputs' names, channel-first, made by the worker's own
    generator, so that the device feeds the same bytes."""
    import torch

    from bench_worker.inputs import generate
    from bench_worker.job import InputTensor

    descriptions = describe_inputs(spec, batch, input_seed, name=name, image=image)
    tensors = [InputTensor(**{**entry, "shape": tuple(entry["shape"])}) for entry in descriptions]
    return {tensor.name: torch.from_numpy(generate(tensor)) for tensor in tensors}


def calibration_inputs(spec: ModelSpec, batch: int, input_seed: int) -> tuple[dict[str, torch.Tensor], ...]:
    """Other draws than those that outputs are compared on, so that agreement there is not made by calibration; noise
    and natural images in turn, where the model takes photographs."""
    names = (NOISE, NATURAL) if any(tensor.is_photograph for tensor in spec.inputs) else (NOISE,)
    return tuple(
        seeded_inputs(spec, batch, input_seed + CALIBRATION_SEED_STEP * (1 + index), names[index % len(names)])
        for index in range(CALIBRATION_COUNT)
    )


def output_changes(
    module: torch.nn.Module,
    spec: ModelSpec,
    batch: int,
    input_seed: int,
    outputs: dict[str, torch.Tensor],
    name: str = NOISE,
) -> dict[str, float]:
    """How far each of `outputs` (those for the set `name` of `input_seed`) lies from the output for another draw of the
    same kind: the largest absolute difference, and of class numbers the share that differs.

    A comparison by value sees only what is larger than the error that it allows: where outputs hardly depend on the
    input (a head of zeros, tiny layer scales), an artifact that was fed something else altogether would pass.
    """
    seed = input_seed + CALIBRATION_SEED_STEP * (1 + CALIBRATION_COUNT)
    others = run_module(module, spec, seeded_inputs(spec, batch, seed, NATURAL if name == IMAGE else name))
    changes = {output: difference(expected, others[output]) for output, expected in outputs.items()}
    return {output: change for output, change in changes.items() if math.isfinite(change)}


def difference(expected: torch.Tensor, actual: torch.Tensor) -> float:
    """The largest absolute difference; of class numbers the share that differs."""
    if expected.is_floating_point():
        return float((expected - actual).abs().max())
    return float((expected != actual).float().mean())


def save_reference(outputs: dict[str, torch.Tensor], path: Path) -> None:
    """Write the outputs as arrays of an .npz file, under their names."""
    from bench_worker.outputs import save

    save(str(path), {name: tensor.detach().cpu().numpy() for name, tensor in outputs.items()})
