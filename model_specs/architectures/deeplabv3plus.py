"""DeepLabV3+ (Chen et al., ECCV 2018, arXiv:1802.02611) on a dilated MobileNetV2 trunk from timm.

Widths as in the segmentation benchmark that the published counts come from: 512 channels in pyramid and decoder, the
stride-4 features reduced to 48, separable convolutions in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from latency_bench.model_specs.architectures.timm_models import require_known_model
from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision
from latency_bench.model_specs.published_names import renamed, without

_TRUNK_STRIDE = 8
_DILATIONS = {3: 2, 4: 2, 5: 4, 6: 4}
"""By stage of MobileNetV2, at stride 8."""


_LAYERS = 7
"""Of MobileNetV2; mmsegmentation counts them from 1, timm from 0."""
PUBLISHED_NAMES = (
    (r"^backbone\.conv1\.conv\.", "trunk.conv_stem."),
    (r"^backbone\.conv1\.bn\.", "trunk.bn1."),
    # The first layer's block expands nothing: depthwise, then pointwise.
    (r"^backbone\.layer1\.0\.conv\.0\.conv\.", "trunk.blocks.0.0.conv_dw."),
    (r"^backbone\.layer1\.0\.conv\.0\.bn\.", "trunk.blocks.0.0.bn1."),
    (r"^backbone\.layer1\.0\.conv\.1\.conv\.", "trunk.blocks.0.0.conv_pw."),
    (r"^backbone\.layer1\.0\.conv\.1\.bn\.", "trunk.blocks.0.0.bn2."),
    *((rf"^backbone\.layer{layer}\.", f"trunk.blocks.{layer - 1}.") for layer in range(2, _LAYERS + 1)),
    (r"^(trunk\.blocks\.\d\.\d)\.conv\.0\.conv\.", r"\1.conv_pw."),
    (r"^(trunk\.blocks\.\d\.\d)\.conv\.1\.conv\.", r"\1.conv_dw."),
    (r"^(trunk\.blocks\.\d\.\d)\.conv\.2\.conv\.", r"\1.conv_pwl."),
    *((rf"^(trunk\.blocks\.\d\.\d)\.conv\.{part}\.bn\.", rf"\1.bn{part + 1}.") for part in range(3)),
    (r"^decode_head\.image_pool\.1\.", "pyramid.pool.1."),
    (r"^decode_head\.aspp_modules\.0\.", "pyramid.pointwise."),
    *((rf"^decode_head\.aspp_modules\.{branch + 1}\.", f"pyramid.dilated.{branch}.") for branch in range(3)),
    (r"^decode_head\.bottleneck\.", "pyramid.mix."),
    (r"^decode_head\.c1_bottleneck\.", "reduce_skip."),
    (r"^decode_head\.sep_bottleneck\.", "decode."),
    (r"^decode_head\.conv_seg\.", "classify."),
    # Of each convolution of the head: first itself, then its norm.
    (r"^((?:pyramid|decode)\..*)\.depthwise_conv\.", r"\1.0."),
    (r"^((?:pyramid|decode)\..*)\.pointwise_conv\.", r"\1.1."),
    (r"^((?:pyramid|reduce_skip|decode)\b.*)\.conv\.(weight)$", r"\1.0.\2"),
    (r"^((?:pyramid|reduce_skip|decode)\b.*)\.bn\.", r"\1.1."),
)
"""From mmsegmentation's names to ours."""
_UNUSED = (r"auxiliary_head\.",)
"""Of the published files: a second head for training."""


def _conv(width_in: int, width_out: int, kernel: int = 1, dilation: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution that keeps the size, batch normalisation, ReLU."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, kernel, padding=padding, dilation=dilation, groups=groups, bias=False),
        nn.BatchNorm2d(width_out),
        nn.ReLU(),
    )


def _separable(width_in: int, width_out: int, dilation: int = 1) -> nn.Sequential:
    """3x3 depthwise, then 1x1."""
    return nn.Sequential(_conv(width_in, width_in, 3, dilation, groups=width_in), _conv(width_in, width_out))


class AtrousPyramid(nn.Module):
    """Five views of one feature map, concatenated and mixed: its global mean, a 1x1 and three dilated 3x3 branches.

    Shapes: (N, C, H, W) -> (N, width, H, W).
    """

    def __init__(self, width_in: int, width: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), _conv(width_in, width))
        self.pointwise = _conv(width_in, width)
        self.dilated = nn.ModuleList(_separable(width_in, width, dilation) for dilation in dilations)
        self.mix = _conv((len(dilations) + 2) * width, width, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Repeats one position over the map; as a resize, because converters to TFLite mistake the layout of an expand.
        mean = F.interpolate(self.pool(x), size=x.shape[2:], mode="nearest")
        views = [mean, self.pointwise(x), *(branch(x) for branch in self.dilated)]
        mixed: torch.Tensor = self.mix(torch.cat(views, dim=1))
        return mixed


class DeepLabV3Plus(nn.Module):
    """Trunk, pyramid at stride 8, decoder at stride 4; (N, 3, H, W) -> logits (N, classes, H/4, W/4)."""

    def __init__(
        self,
        trunk: nn.Module,
        trunk_widths: Sequence[int],
        width: int,
        skip_width: int,
        dilations: Sequence[int],
        classes: int,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.pyramid = AtrousPyramid(trunk_widths[-1], width, dilations)
        self.reduce_skip = _conv(trunk_widths[0], skip_width)
        self.decode = nn.Sequential(_separable(width + skip_width, width), _separable(width, width))
        self.classify = nn.Conv2d(width, classes, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        fine, coarse = self.trunk(image)
        skip = self.reduce_skip(fine)
        context = F.interpolate(self.pyramid(coarse), size=skip.shape[2:], mode="bilinear", align_corners=False)
        logits: torch.Tensor = self.classify(self.decode(torch.cat([context, skip], dim=1)))
        return logits

    def from_published(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """mmsegmentation's files."""
        return renamed(without(state, *_UNUSED), PUBLISHED_NAMES)


def build(
    classes: int,
    trunk: str = "mobilenetv2_100",
    width: int = 512,
    skip_width: int = 48,
    dilations: Sequence[int] = (12, 24, 36),
) -> nn.Module:
    """DeepLabV3+ on timm's model `trunk`, whose stages past stride 8 are dilated instead of strided."""
    prepare_torchvision()
    import timm

    require_known_model(trunk)
    features: Any = timm.create_model(
        trunk, pretrained=False, features_only=True, out_indices=(1, 4), output_stride=_TRUNK_STRIDE
    )
    _dilate_first_blocks(features)
    return DeepLabV3Plus(features, features.feature_info.channels(), width, skip_width, dilations, classes).eval()


def _dilate_first_blocks(trunk: nn.Module) -> None:
    """Dilation in the first block of a stage alone, as in the segmentation benchmark that the published counts and
    checkpoints come from; timm dilates every block. By 2 for each stride that was taken out."""
    for name, convolution in trunk.named_modules():
        if isinstance(convolution, nn.Conv2d) and convolution.kernel_size != (1, 1) and name.startswith("blocks."):
            stage, block = (int(part) for part in name.split(".")[1:3])
            dilation = _DILATIONS.get(stage, 1) if block == 0 else 1
            convolution.dilation = (dilation, dilation)
            convolution.padding = (dilation, dilation)
