"""SegFormer (Xie et al., NeurIPS 2021, arXiv:2105.15203), the module of transformers with its logits as a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.architectures.logits import HuggingFaceLogits
from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision

if TYPE_CHECKING:
    import torch


def build(
    depths: Sequence[int],
    classes: int,
    decoder_width: int,
    widths: Sequence[int] = (64, 128, 320, 512),
    attention: str = "eager",
) -> torch.nn.Module:
    """SegFormer with a MiT encoder of the given depths and widths (the paper's table 6) and an all-MLP decoder.

    The forward takes (N, 3, H, W) and returns logits (N, classes, H/4, W/4). `attention` is transformers' name of an
    implementation; `eager`, two matrix products and a softmax, is the one that ONNX can express before opset 14.
    """
    prepare_torchvision()
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    general: dict[str, Any] = {"num_labels": classes, "attn_implementation": attention}
    config = SegformerConfig(
        depths=list(depths), hidden_sizes=list(widths), decoder_hidden_size=decoder_width, **general
    )
    return HuggingFaceLogits(SegformerForSemanticSegmentation(config), outputs=("logits",)).eval()
