"""The `inputs` of a worker request: which values the model is fed, here for the reference and on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latency_bench.harness.export.artifact import Layout
    from latency_bench.model_specs.spec import ModelSpec


def describe_inputs(
    spec: ModelSpec, batch: int = 1, input_seed: int = 0, layout: Layout = "NCHW"
) -> list[dict[str, Any]]:
    """One description an input, in the order of the spec, as docs/architecture.md defines them.

    `shape` is the spec's (channel-first) behind the batch; `layout` is what the artifact wants and only applies to
    images (rank 4 with the batch). Every input has a seed of its own, so that two inputs of equal shape differ.
    """
    return [
        {
            "name": tensor.name,
            "shape": [batch, *tensor.shape],
            "dtype": tensor.dtype,
            "layout": layout if len(tensor.shape) == 3 else "NCHW",
            "low": tensor.low,
            "high": tensor.high,
            "distribution": tensor.distribution,
            "seed": input_seed + index,
        }
        for index, tensor in enumerate(spec.inputs)
    ]
