"""How far the fp32 module itself is from what it means: its outputs against those of the same module in float64.

No other fp32 implementation can be asked to agree with it any better. Where rounding errors grow on the way (a network
that explodes on noise), this is what tells them from a fault.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from latency_bench.harness.export.reference import difference, run_module

if TYPE_CHECKING:
    import torch

    from latency_bench.model_specs.spec import ModelSpec

    Tensors = Mapping[str, torch.Tensor]


class NoFloat64Error(Exception):
    """The module could not be computed in float64; the message says why."""


def rounding_errors(
    module: torch.nn.Module,
    spec: ModelSpec,
    inputs: Mapping[str, Tensors],
    outputs: Mapping[str, Tensors],
    needed_bytes: int,
) -> dict[str, dict[str, float]]:
    """By set of inputs and by output: the largest |fp32 - fp64| over the largest |fp64|, of class numbers the share
    that differs. `outputs` are the fp32 module's for `inputs`, both by set; `needed_bytes` is what float64 needs.

    Raises NoFloat64Error.
    """
    from latency_bench.devices.host_memory import available_bytes
    from latency_bench.harness.export.grouped_convolution import QuickGroupedConvolutions

    if needed_bytes > available_bytes():
        raise NoFloat64Error(f"it needs about {needed_bytes / 2**30:.1f} GiB of memory, and less is free")
    errors = {}
    try:
        with in_float64(module), QuickGroupedConvolutions():
            for name, single in inputs.items():
                exact = run_module(module, spec, {key: _doubled(tensor) for key, tensor in single.items()})
                errors[name] = {output: _error(outputs[name][output], tensor) for output, tensor in exact.items()}
    except (RuntimeError, TypeError, MemoryError) as error:
        raise NoFloat64Error((str(error).splitlines() or [type(error).__name__])[0]) from error
    return errors


@contextlib.contextmanager
def in_float64(module: torch.nn.Module) -> Iterator[None]:
    """The parameters and buffers of the module as float64; afterwards they are as they were."""
    import torch

    tensors = [*module.parameters(), *module.buffers()]
    kept = [tensor.data for tensor in tensors]
    try:
        for tensor in tensors:
            if tensor.dtype == torch.float32:
                tensor.data = tensor.data.double()
        yield
    finally:
        for tensor, data in zip(tensors, kept, strict=True):
            tensor.data = data


def _doubled(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def _error(single: torch.Tensor, exact: torch.Tensor) -> float:
    import torch

    if not exact.is_floating_point():
        return difference(exact, single)
    if exact.dtype != torch.float64:
        raise TypeError(f"an output stayed {str(exact.dtype).removeprefix('torch.')}")
    scale = float(exact.abs().max())
    return difference(exact, single.double()) / scale if scale > 0 else 0.0
