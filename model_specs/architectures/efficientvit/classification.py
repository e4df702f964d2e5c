"""Image classification: the backbone's last feature map, pooled."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from latency_bench.model_specs.architectures.efficientvit.attention import Similarity, Tokens
from latency_bench.model_specs.architectures.efficientvit.backbone import Backbone
from latency_bench.model_specs.architectures.efficientvit.configurations import find_backbone
from latency_bench.model_specs.architectures.efficientvit.initialisation import initialise
from latency_bench.model_specs.architectures.efficientvit.layers import Activation, ConvNorm, make_activation


class ClassificationHead(nn.Module):
    """(B, C, H, W) -> (B, classes): 1x1 convolution, global average, two linear layers with a layer norm."""

    def __init__(
        self, in_channels: int, widths: tuple[int, int], classes: int, *, activation: Activation, norm_eps: float
    ) -> None:
        super().__init__()
        self.expand = ConvNorm(in_channels, widths[0], 1, activation=activation, norm_eps=norm_eps)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.hidden = nn.Linear(widths[0], widths[1], bias=False)
        self.norm = nn.LayerNorm(widths[1], eps=norm_eps)
        self.activation = make_activation(activation)
        self.classify = nn.Linear(widths[1], classes)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.pool(self.expand(x)).flatten(1)
        logits: Tensor = self.classify(self.activation(self.norm(self.hidden(pooled))))
        return logits


class Classifier(nn.Module):
    """(B, 3, H, W) -> logits (B, classes)."""

    def __init__(self, backbone: Backbone, head: ClassificationHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.backbone(image)[-1])
        return logits


def build(
    backbone: str,
    head_widths: Sequence[int],
    *,
    classes: int = 1000,
    similarity: Similarity = "relu",
    tokens: Tokens = "columns",
) -> Classifier:
    """Builder `efficientvit.classification`. Raises ValueError for an unknown name or a wrong number of widths."""
    config = find_backbone(backbone)
    first, second = head_widths
    trunk = Backbone(config, similarity=similarity, tokens=tokens)
    head = ClassificationHead(
        trunk.widths[-1], (first, second), classes, activation=config.activation, norm_eps=config.norm_eps
    )
    return initialise(Classifier(trunk, head))
