"""How much memory a model needs, counted on the meta device: nothing is computed and nothing allocated."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.building import build_module

if TYPE_CHECKING:
    import torch

    from latency_bench.model_specs.spec import ModelSpec


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes in fp32 at the spec's resolution. `activations_bytes` is the most that is alive at once when operators run
    one by one and what nobody needs any more is given back; runtimes that fuse need less, arenas a little more."""

    weights_bytes: int
    activations_bytes: int


def estimate_memory(
    spec: ModelSpec, batch: int = 1, module: torch.nn.Module | None = None, *, fused_attention: bool = False
) -> MemoryEstimate:
    """`module` is one of the spec on the meta device, where there is one already. With `fused_attention` PyTorch's
    fused operator makes its output and no map of all tokens by all: so do its flash and memory-efficient kernels.
    Raises SpecError where the spec does not build."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class LiveTensors(TorchDispatchMode):
        """Follows every storage from the operator that makes it to the last tensor that refers to it."""

        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self.live_bytes = self.peak_bytes = 0
            self._references: dict[int, int] = {}

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            for tensor in tree_leaves(result):
                if isinstance(tensor, torch.Tensor):
                    self._follow(tensor)
            return result

        def _follow(self, tensor: torch.Tensor) -> None:
            storage = tensor.untyped_storage()
            key, size_bytes = storage._cdata, storage.nbytes()
            if key not in self._references:
                self._references[key] = 0
                self.live_bytes += size_bytes
                self.peak_bytes = max(self.peak_bytes, self.live_bytes)
            self._references[key] += 1
            weakref.finalize(tensor, self._release, key, size_bytes)

        def _release(self, key: int, size_bytes: int) -> None:
            self._references[key] -= 1
            if not self._references[key]:
                del self._references[key]
                self.live_bytes -= size_bytes

    class FusedAttention(TorchFunctionMode):
        """The output alone: the logarithms of the sums that the kernels keep beside it are smaller by the head size."""

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if function is torch.nn.functional.scaled_dot_product_attention:
                named = {**dict(zip(("query", "key", "value"), args, strict=False)), **(kwargs or {})}
                query, value = named["query"], named["value"]
                return query.new_empty(*query.shape[:-1], value.shape[-1])
            return function(*args, **(kwargs or {}))

    if module is None:
        with torch.device("meta"):
            module = build_module(spec)
    weights_bytes = sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers()))
    attention = FusedAttention() if fused_attention else sdpa_kernel(SDPBackend.MATH)
    with torch.no_grad(), attention, LiveTensors() as live:
        inputs = [
            torch.empty(batch, *tensor.shape, dtype=getattr(torch, tensor.dtype), device="meta")
            for tensor in spec.inputs
        ]
        module(*inputs)
    return MemoryEstimate(weights_bytes, live.peak_bytes)
