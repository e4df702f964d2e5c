"""The references of an export: outputs on every set of inputs, what they change by, and how exact they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latency_bench.harness.export.inputs import IMAGE, NOISE, check_names
from latency_bench.harness.export.reference import compute_reference, output_changes, save_reference, seeded_inputs
from latency_bench.harness.export.rounding import NoFloat64Error, rounding_errors

if TYPE_CHECKING:
    import torch

    from latency_bench.harness.export.options import ExportOptions
    from latency_bench.model_specs.spec import ModelSpec

REFERENCE = "reference.npz"
CHECK_IMAGE = "check-image.npy"
_FLOAT64_SIZE = 2


@dataclass(frozen=True)
class References:
    """`inputs` and `outputs` are those of the timed requests. Files by the names that they have in the export."""

    inputs: dict[str, torch.Tensor]
    outputs: dict[str, torch.Tensor]
    checks: dict[str, str]
    check_image: str | None
    facts: dict[str, Any]


def write_references(
    module: torch.nn.Module, spec: ModelSpec, options: ExportOptions, directory: Path, single_bytes: int
) -> References:
    """Compute the module's outputs on every set of inputs and write them into `directory`. `single_bytes` is the memory
    that the module needs in fp32.

    Raises ExportError where they are not those of the spec, or not finite, or the image cannot be read.
    """
    image = _write_image(spec, options, directory)
    names = (NOISE, *check_names(spec, image is not None))
    inputs = {name: seeded_inputs(spec, options.batch, options.input_seed, name, image) for name in names}
    outputs = {name: compute_reference(module, spec, inputs[name]) for name in names}
    files = {name: REFERENCE if name == NOISE else f"reference-{name}.npz" for name in names}
    for name, file in files.items():
        save_reference(outputs[name], directory / file)
    changes = {
        name: output_changes(module, spec, options.batch, options.input_seed, outputs[name], name) for name in names
    }
    facts: dict[str, Any] = {"output_changes": changes}
    try:
        facts["rounding_errors"] = rounding_errors(module, spec, inputs, outputs, _FLOAT64_SIZE * single_bytes)
    except NoFloat64Error as error:
        facts["no_float64_because"] = str(error)
    return References(
        inputs=inputs[NOISE],
        outputs=outputs[NOISE],
        checks={name: file for name, file in files.items() if name != NOISE},
        check_image=None if image is None else CHECK_IMAGE,
        facts=facts,
    )


def _write_image(spec: ModelSpec, options: ExportOptions, directory: Path) -> Path | None:
    import numpy as np

    from latency_bench.harness.export.carried_inputs import carried_values
    from latency_bench.harness.export.check_image import image_values

    if options.check_image is None or IMAGE not in check_names(spec, True):
        return None
    photograph = next(tensor for tensor in spec.inputs if tensor.is_photograph)
    path = directory / CHECK_IMAGE
    values = carried_values(image_values(options.check_image, photograph, options.batch), photograph)
    np.save(path, values, allow_pickle=False)
    return path
