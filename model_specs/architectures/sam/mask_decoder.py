"""SAM's mask decoder (Kirillov et al., appendix A, "Lightweight mask decoder").

Written for a fixed number of prompts and without a shape that depends on data, so that it exports at ONNX opset 13 and
to TFLite. Parameters carry the names of the authors' checkpoints.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from latency_bench.model_specs.architectures.channel_norm import ChannelNorm
from latency_bench.model_specs.architectures.sam.two_way_transformer import TwoWayTransformer

# One mask for an unambiguous prompt, and three for an ambiguous one (whole, part, subpart).
MASKS = 4
HEAD_LAYERS = 3


class Perceptron(nn.Module):
    """Linear layers with ReLU between."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        widths = [inputs, *[hidden] * (HEAD_LAYERS - 1), outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        mapped: torch.Tensor = self.layers[-1](x)
        return mapped


class MaskDecoder(nn.Module):
    """Image embedding and prompt tokens to masks and the quality that the model expects of each."""

    def __init__(
        self,
        width: int = 256,
        depth: int = 2,
        heads: int = 8,
        hidden: int = 2048,
        head_width: int = 256,
        norm_eps: float = 1e-5,
    ) -> None:
        """`norm_eps` is the transformer's: 1e-5 in SAM, 1e-6 in EfficientViT-SAM, which sets it everywhere."""
        super().__init__()
        self.transformer = TwoWayTransformer(width, depth, heads, hidden, norm_eps)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(MASKS, width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(width, width // 4, 2, stride=2),
            ChannelNorm(width // 4),
            nn.GELU(),
            nn.ConvTranspose2d(width // 4, width // 8, 2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(Perceptron(width, width, width // 8) for _ in range(MASKS))
        self.iou_prediction_head = Perceptron(width, head_width, MASKS)

    def forward(
        self, image: torch.Tensor, image_positions: torch.Tensor, sparse: torch.Tensor, dense: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode.

        Args:
            image: embedding (N, width, h, w).
            image_positions: (1, h * w, width).
            sparse: prompt tokens (N * P, T, width), P prompts for each image.
            dense: added to the embedding, (1, width, 1, 1).

        Returns:
            All masks' logits (N * P, 4, 4 * h, 4 * w) and the expected IoU of each, (N * P, 4). The first is meant for
            an unambiguous prompt, the others for an ambiguous one.
        """
        prompts = sparse.shape[0] // image.shape[0]
        image = image + dense
        if prompts > 1:
            image = image.repeat_interleave(prompts, dim=0)
        height, columns = image.shape[-2:]
        own_tokens = torch.cat([self.iou_token.weight, self.mask_tokens.weight])
        tokens = torch.cat([own_tokens.expand(sparse.shape[0], -1, -1), sparse], dim=1)
        tokens, positions = self.transformer(tokens, image.flatten(2).transpose(1, 2), image_positions)

        features = positions.transpose(1, 2).reshape(image.shape[0], -1, height, columns)
        upscaled = self.output_upscaling(features)
        weights = torch.stack(
            [mlp(tokens[:, 1 + index]) for index, mlp in enumerate(self.output_hypernetworks_mlps)], dim=1
        )
        masks = (weights @ upscaled.flatten(2)).reshape(-1, MASKS, *upscaled.shape[-2:])
        return masks, self.iou_prediction_head(tokens[:, 0])
