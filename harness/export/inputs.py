"""The `inputs` of a worker request: which values the model is fed, here for the reference and on the device.

There are several sets of them. Requests are timed on noise. Outputs are compared on noise, on a natural image where the
model takes photographs, and on an image that the user brings.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latency_bench.harness.export.artifact import Layout
    from latency_bench.model_specs.spec import InputSpec, ModelSpec

NOISE = "noise"
NATURAL = "natural"
IMAGE = "image"
"""A file that is brought."""
PIXELS = "uint8"
_SEED_STEP = {NOISE: 0, NATURAL: 100, IMAGE: 200}
"""More than any model has inputs, so that no two inputs share a seed."""


def check_names(spec: ModelSpec, with_image: bool) -> tuple[str, ...]:
    """The sets of inputs beside noise that outputs of this model are compared on."""
    if not any(tensor.is_photograph for tensor in spec.inputs):
        return ()
    return (NATURAL, IMAGE) if with_image else (NATURAL,)


def describe_inputs(
    spec: ModelSpec,
    batch: int = 1,
    input_seed: int = 0,
    layout: Layout = "NCHW",
    name: str = NOISE,
    image: Path | None = None,
) -> list[dict[str, Any]]:
    """One description an input, in the order of the spec, as docs/architecture.md defines them.

    `shape` is the spec's (channel-first) behind the batch; `layout` is what the artifact wants and only applies to
    images (rank 4 with the batch). Every input has a seed of its own, so that two inputs of equal shape differ. `name`
    is that of the set; `image` is an .npy file with the values of the image that was brought.
    """
    return [
        {
            "name": tensor.name,
            "shape": [batch, *tensor.shape],
            "dtype": tensor.carried_as or tensor.dtype,
            "layout": layout if len(tensor.shape) == 3 else "NCHW",
            "low": 0.0 if tensor.carried_as == PIXELS else tensor.low,
            "high": 256.0 if tensor.carried_as == PIXELS else tensor.high,
            "seed": input_seed + _SEED_STEP[name] + index,
            **_values(tensor, name, image),
        }
        for index, tensor in enumerate(spec.inputs)
    ]


def _values(tensor: InputSpec, name: str, image: Path | None) -> dict[str, Any]:
    distribution = "uniform" if tensor.carried_as == PIXELS else tensor.distribution
    if name == NOISE or not tensor.is_photograph:
        return {"distribution": distribution}
    if name == IMAGE:
        return {"distribution": distribution, "values": str(image)}
    mean, std = ((0.0,) * 3, (1 / 255,) * 3) if tensor.carried_as == PIXELS else tensor.normalisation
    return {"distribution": "natural", "mean": list(mean), "std": list(std)}
