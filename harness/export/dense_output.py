"""What of a dense prediction leaves the device: its size decides how long the copy out takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    from latency_bench.harness.export.options import Output


def with_output(module: torch.nn.Module, output: Output) -> torch.nn.Module:
    """`module` takes an image (N, 3, H, W) and returns logits (N, classes, h, w).

    `argmax`: the class of each position, (N, h, w), int32; `full`: the logits at (H, W), bilinear; `logits`: as it is.
    """
    import torch
    import torch.nn.functional as F

    if output == "logits":
        return module

    class DenseOutput(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, image: torch.Tensor) -> Any:
            logits = self.module(image)
            if output == "argmax":
                return logits.argmax(1).to(torch.int32)
            size = (int(image.shape[-2]), int(image.shape[-1]))
            return F.interpolate(logits, size=size, mode="bilinear", align_corners=False)

    return DenseOutput().eval()
