"""MaskFormer and Mask2Former on Swin-T, the modules of transformers with their two outputs as tensors.

MaskFormer: Cheng et al., NeurIPS 2021, arXiv:2107.06278. Mask2Former: Cheng et al., CVPR 2022, arXiv:2112.01527.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from latency_bench.model_specs.architectures.logits import HuggingFaceLogits
from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision

if TYPE_CHECKING:
    import torch

_OUTPUTS = ("class_queries_logits", "masks_queries_logits")
_SWIN_T: dict[str, Any] = {
    "embed_dim": 96,
    "depths": [2, 2, 6, 2],
    "num_heads": [3, 6, 12, 24],
    "window_size": 7,
    "out_features": ["stage1", "stage2", "stage3", "stage4"],
}


def build_maskformer(classes: int, queries: int = 100, attention: str = "eager") -> torch.nn.Module:
    """MaskFormer with a Swin-T backbone.

    The forward takes (N, 3, H, W) and returns class logits (N, queries, classes + 1), the last one "no object", and
    mask logits (N, queries, H/4, W/4).
    """
    prepare_torchvision()
    from transformers import DetrConfig, MaskFormerConfig, MaskFormerForInstanceSegmentation, MaskFormerSwinConfig

    general: dict[str, Any] = {"num_labels": classes, "attn_implementation": attention}
    config = MaskFormerConfig(
        backbone_config=MaskFormerSwinConfig(**_SWIN_T), decoder_config=DetrConfig(num_queries=queries), **general
    )
    return HuggingFaceLogits(MaskFormerForInstanceSegmentation(config), outputs=_OUTPUTS).eval()


def build_mask2former(classes: int, queries: int = 100, attention: str = "eager") -> torch.nn.Module:
    """Mask2Former with a Swin-T backbone; inputs and outputs as `build_maskformer`.

    Its pixel decoder samples at learnt positions (`grid_sample`), which ONNX expresses from opset 16 on.
    """
    prepare_torchvision()
    import torch
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

    general: dict[str, Any] = {"num_labels": classes, "attn_implementation": attention}
    config = Mask2FormerConfig(backbone_config=SwinConfig(**_SWIN_T), num_queries=queries, **general)
    model: Any = Mask2FormerForUniversalSegmentation(config)
    # One parameter (the level embedding) is made by a constructor that ignores torch's default device.
    model.to(torch.get_default_device())
    model.model.pixel_level_module.decoder.encoder.get_reference_points = _reference_points
    return HuggingFaceLogits(model, outputs=_OUTPUTS).eval()


def _reference_points(
    spatial_shapes_list: Sequence[tuple[int, int]], valid_ratios: torch.Tensor, device: torch.device
) -> torch.Tensor:
    """Centres of the positions of all levels, in [0, 1], as (1, positions, levels, 2) with x before y.

    Replaces transformers' method of that name, for images without padding. Under tracing the method computes in fp64
    (image sizes become 0-d tensors there), and ONNX runtimes have no sampling operator for fp64.
    """
    import torch

    levels = []
    for height, width in ((int(height), int(width)) for height, width in spatial_shapes_list):
        y = (torch.arange(height, dtype=torch.float32, device=device) + 0.5) / height
        x = (torch.arange(width, dtype=torch.float32, device=device) + 0.5) / width
        levels.append(torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=-1))
    points = torch.cat(levels)[None, :, None].to(valid_ratios.dtype)
    return points.expand(valid_ratios.shape[0], -1, len(levels), -1)
