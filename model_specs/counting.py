"""Parameters and multiply-accumulates of a model, counted without computing anything (the meta device).

Convention (the one that reproduces the paper's figures for EfficientViT): convolutions, linear layers and the matrix
products of attention (in linear attention K^T V and Q (K^T V) too), batch 1, head included; no normalisation,
activation, pooling, sum or interpolation. One MAC is two of PyTorch's FLOPs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from latency_bench.model_specs.errors import SpecError

if TYPE_CHECKING:
    import torch

    from latency_bench.model_specs.spec import ModelSpec


@dataclass(frozen=True)
class Counts:
    """Whole numbers, not millions: `params` parameters (buffers not included), `macs` multiply-accumulates."""

    params: int
    macs: int


def count(spec: ModelSpec) -> Counts:
    """Count `spec` as its published figures were counted (`spec.counting`), at the spec's resolution and batch 1.

    Raises SpecError if `counting.macs_of` names no submodule.
    """
    import torch

    from latency_bench.model_specs.building import build_module

    with torch.device("meta"):
        module = build_module(spec, overrides=spec.counting.arguments)
    return count_module(spec, module)


def count_module(spec: ModelSpec, module: torch.nn.Module) -> Counts:
    """As `count`, of a module of the spec that is on the meta device already."""
    import torch

    with torch.device("meta"):
        inputs = [torch.empty(1, *tensor.shape, dtype=getattr(torch, tensor.dtype)) for tensor in spec.inputs]
    return Counts(params=sum(p.numel() for p in module.parameters()), macs=_count_macs(spec, module, inputs))


def _count_macs(spec: ModelSpec, module: torch.nn.Module, inputs: list[torch.Tensor]) -> int:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    # By the root's own class name the counter files the whole; submodules are filed under "<class>.<dotted name>".
    counter = FlopCounterMode(display=False)
    # The fused attention kernels would be counted for CUDA only; the plain one consists of two counted products.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
        module(*inputs)
    if spec.counting.macs_of is None:
        return counter.get_total_flops() // 2
    name = f"{type(module).__name__}.{spec.counting.macs_of}"
    counts = counter.get_flop_counts()
    if name not in counts:
        raise SpecError(f"{spec.id}: counting.macs_of names {spec.counting.macs_of!r}, which the module does not have")
    return int(sum(counts[name].values())) // 2
