"""b1-seg whose linear attention is multiplied and summed in the module's own type: what its safe form is held against.

A file as `bench run --module half_form.py:b1_seg` takes one: the process that exports it, and no other, loses the safe
form. It is there to be timed, and overflows sooner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

MODEL = "b1-seg"
_SMALLER = 1 / 16
"""Of queries and keys, so that the outputs of this network stay finite and are measured: in exact arithmetic it changes
nothing."""


def b1_seg(tokens: str = "columns", upsample: str = "bicubic") -> torch.nn.Module:
    """Half precision stays half: in the module, and in an ONNX file that is rewritten. `tokens` and `upsample` are what
    a format may want otherwise."""
    from latency_bench.harness.export import half_precision
    from latency_bench.model_specs.architectures.efficientvit import attention_formulas
    from latency_bench.model_specs.architectures.efficientvit.attention import MultiScaleLinearAttention
    from latency_bench.model_specs.building import build_module
    from latency_bench.model_specs.catalog import load_spec

    attention_formulas._widened = lambda *tensors: tensors
    half_precision.parts_of_quotients = lambda graph: set()  # type: ignore[assignment]
    module = build_module(load_spec(MODEL), overrides={"tokens": tokens, "upsample": upsample})
    for part in module.modules():
        if isinstance(part, MultiScaleLinearAttention):
            heads = part.qkv.weight.unflatten(0, (-1, 3 * part.head_dim))
            heads[:, : 2 * part.head_dim].mul_(_SMALLER)
    return module
