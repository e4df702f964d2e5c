"""BSRN (Li et al., CVPR 2022 workshops, arXiv:2205.05996): blueprint separable residual network.

Written from the paper's section 3; the names of the parameters are those of the authors' checkpoints.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

# The paper feeds the image this many times over ("input replication", figure 2).
REPLICAS = 4
SQUEEZE = 16


def build(width: int = 64, depth: int = 8, scale: int = 2) -> nn.Module:
    """BSRN; the defaults are the paper's network.

    The forward takes (N, 3, H, W), H and W at least 15 (the spatial attention pools a 7 x 7 window of a halved map),
    and returns (N, 3, scale * H, scale * W).
    """
    return BSRN(width, depth, scale).eval()


class BlueprintConv(nn.Module):
    """BSConv-U (Haase and Amthor, CVPR 2020): a 1x1 convolution, then one kernel a channel."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, padding: int = 1) -> None:
        super().__init__()
        self.pw = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.dw = nn.Conv2d(outputs, outputs, 3, stride=stride, padding=padding, groups=outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        convolved: torch.Tensor = self.dw(self.pw(x))
        return convolved


class SpatialAttention(nn.Module):
    """Enhanced spatial attention (Liu et al., RFANet, CVPR 2020), with blueprint convolutions, on a quarter of C."""

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = width // 4
        self.conv1 = nn.Conv2d(width, narrow, 1)
        self.conv_f = nn.Conv2d(narrow, narrow, 1)
        self.conv2 = BlueprintConv(narrow, narrow, stride=2, padding=0)
        self.conv_max = BlueprintConv(narrow, narrow)
        self.conv3 = BlueprintConv(narrow, narrow)
        self.conv3_ = BlueprintConv(narrow, narrow)
        self.conv4 = nn.Conv2d(narrow, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        narrow = self.conv1(x)
        pooled = F.max_pool2d(self.conv2(narrow), kernel_size=7, stride=3)
        context = self.conv3_(F.gelu(self.conv3(F.gelu(self.conv_max(pooled)))))
        context = F.interpolate(context, size=x.shape[-2:], mode="bilinear", align_corners=False)
        return x * torch.sigmoid(self.conv4(context + self.conv_f(narrow)))


class ContrastAttention(nn.Module):
    """Contrast-aware channel attention (Hui et al., IMDN, 2019): the statistic is deviation plus mean."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_du = nn.Sequential(
            nn.Conv2d(width, width // SQUEEZE, 1), nn.ReLU(), nn.Conv2d(width // SQUEEZE, width, 1), nn.Sigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mean = x.mean(dim=(2, 3), keepdim=True)
        centred = x - mean
        deviation = torch.sqrt((centred * centred).mean(dim=(2, 3), keepdim=True))
        weights: torch.Tensor = self.conv_du(deviation + mean)
        return x * weights


class DistillationBlock(nn.Module):
    """Efficient separable distillation block (section 3.2): three times half of C is set aside, the rest refined."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.c1_d, self.c2_d, self.c3_d = (nn.Conv2d(width, half, 1) for _ in range(3))
        self.c1_r, self.c2_r, self.c3_r = (BlueprintConv(width, width) for _ in range(3))
        self.c4 = BlueprintConv(width, half)
        self.c5 = nn.Conv2d(4 * half, width, 1)
        self.esa = SpatialAttention(width)
        self.cca = ContrastAttention(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        distilled = []
        refined = x
        for distil, refine in ((self.c1_d, self.c1_r), (self.c2_d, self.c2_r), (self.c3_d, self.c3_r)):
            distilled.append(F.gelu(distil(refined)))
            refined = F.gelu(refine(refined) + refined)
        distilled.append(F.gelu(self.c4(refined)))
        fused: torch.Tensor = self.cca(self.esa(self.c5(torch.cat(distilled, dim=1))))
        return x + fused


class BSRN(nn.Module):
    """Figure 2 of the paper. See `build` for shapes."""

    def __init__(self, width: int, depth: int, scale: int) -> None:
        super().__init__()
        self.depth = depth
        self.fea_conv = BlueprintConv(3 * REPLICAS, width)
        for index in range(depth):
            self.add_module(f"B{index + 1}", DistillationBlock(width))
        self.c1 = nn.Conv2d(width * depth, width, 1)
        self.c2 = BlueprintConv(width, width)
        tail = nn.Sequential(nn.Conv2d(width, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale))
        self.upsampler = nn.ModuleDict({"upsampleOneStep": tail})

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        shallow = self.fea_conv(torch.cat([image] * REPLICAS, dim=1))
        features = [shallow]
        for index in range(self.depth):
            features.append(self.get_submodule(f"B{index + 1}")(features[-1]))
        fused = self.c2(F.gelu(self.c1(torch.cat(features[1:], dim=1))))
        enlarged: torch.Tensor = self.upsampler["upsampleOneStep"](fused + shallow)
        return enlarged
