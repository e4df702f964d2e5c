"""The published backbones as data: B0-B3, L0-L3, and the two larger ones of EfficientViT-SAM.

Source: the model definitions at github.com/mit-han-lab/efficientvit (widths, depths, blocks, expansion ratios, head
dimensions, norm epsilons; the last are set by its model factories, not by its modules).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from latency_bench.model_specs.architectures.efficientvit.blocks import LocalBlock
from latency_bench.model_specs.architectures.efficientvit.layers import Activation

StageBlock = Literal["mbconv", "fused_mbconv", "efficientvit"]


@dataclass(frozen=True)
class Stage:
    """A block with stride 2, then `blocks` residual ones of `block`."""

    width: int
    blocks: int
    block: StageBlock
    expand: float
    downsample: LocalBlock
    downsample_expand: float
    fewer_norm: bool = False
    scales: tuple[int, ...] = (5,)


@dataclass(frozen=True)
class BackboneConfig:
    """A stem (3x3 convolution, then residual blocks) and the stages after it."""

    stem_width: int
    stem_blocks: int
    stem_block: LocalBlock
    stages: tuple[Stage, ...]
    head_dim: int
    activation: Activation
    norm_eps: float
    stem_stride: int = 2
    stem_expand: float = 1

    def with_widths(self, widths: Sequence[int]) -> BackboneConfig:
        """Other widths, stem first. Raises ValueError unless there is one for the stem and for every stage."""
        if len(widths) != 1 + len(self.stages):
            raise ValueError(f"{1 + len(self.stages)} widths are needed (stem and stages), not {len(widths)}")
        stages = tuple(replace(stage, width=width) for stage, width in zip(self.stages, widths[1:], strict=True))
        return replace(self, stem_width=widths[0], stages=stages)

    def with_scales(self, scales: Sequence[int]) -> BackboneConfig:
        """Other neighbourhoods in every attention; () switches multi-scale tokens off."""
        return replace(self, stages=tuple(replace(stage, scales=tuple(scales)) for stage in self.stages))

    def with_norm_eps(self, norm_eps: float) -> BackboneConfig:
        return replace(self, norm_eps=norm_eps)


def _b(widths: Sequence[int], depths: Sequence[int], head_dim: int) -> BackboneConfig:
    """B series. The depth of stages 1 and 2 counts the block with the stride, that of stages 3 and 4 does not."""
    local = [
        Stage(width, depth - 1, "mbconv", 4, "mbconv", 4) for width, depth in zip(widths[1:3], depths[1:3], strict=True)
    ]
    attention = [
        Stage(width, depth, "efficientvit", 4, "mbconv", 4, fewer_norm=True)
        for width, depth in zip(widths[3:], depths[3:], strict=True)
    ]
    return BackboneConfig(
        stem_width=widths[0],
        stem_blocks=depths[0],
        stem_block="dsconv",
        stages=(*local, *attention),
        head_dim=head_dim,
        activation="hard_swish",
        norm_eps=1e-5,
    )


# What a stage of the L series consists of: its blocks, their expansion ratio, fewer_norm, scales.
_Kind = tuple[StageBlock, float, bool, tuple[int, ...]]
_FUSED: _Kind = ("fused_mbconv", 4, False, (5,))
_MBCONV: _Kind = ("mbconv", 4, True, (5,))
_ATTENTION: _Kind = ("efficientvit", 6, True, (5,))
_XL_ATTENTION_4: _Kind = ("efficientvit", 4, True, (3,))
_XL_ATTENTION_5: _Kind = ("efficientvit", 6, True, (3,))
_L_STAGES = (_FUSED, _FUSED, _MBCONV, _ATTENTION)
_XL_STAGES = (_FUSED, _FUSED, _FUSED, _XL_ATTENTION_4, _XL_ATTENTION_5)


def _l(
    widths: Sequence[int],
    depths: Sequence[int],
    kinds: Sequence[_Kind] = _L_STAGES,
) -> BackboneConfig:
    """L series: every stage downsamples by a block of four times its expansion ratio, an MBConv before attention."""
    stages = tuple(
        Stage(
            width,
            depth,
            block,
            expand,
            downsample="mbconv" if block == "efficientvit" else block,
            downsample_expand=4 * expand,
            fewer_norm=fewer_norm,
            scales=scales,
        )
        for width, depth, (block, expand, fewer_norm, scales) in zip(widths[1:], depths[1:], kinds, strict=True)
    )
    return BackboneConfig(
        stem_width=widths[0],
        stem_blocks=depths[0],
        stem_block="res",
        stages=stages,
        head_dim=32,
        activation="gelu",
        norm_eps=1e-7,
    )


BACKBONES: dict[str, BackboneConfig] = {
    "b0": _b((8, 16, 32, 64, 128), (1, 2, 2, 2, 2), head_dim=16),
    "b1": _b((16, 32, 64, 128, 256), (1, 2, 3, 3, 4), head_dim=16),
    "b2": _b((24, 48, 96, 192, 384), (1, 3, 4, 4, 6), head_dim=32),
    "b3": _b((32, 64, 128, 256, 512), (1, 4, 6, 6, 9), head_dim=32),
    "l0": _l((32, 64, 128, 256, 512), (1, 1, 1, 4, 4)),
    "l1": _l((32, 64, 128, 256, 512), (1, 1, 1, 6, 6)),
    "l2": _l((32, 64, 128, 256, 512), (1, 2, 2, 8, 8)),
    "l3": _l((64, 128, 256, 512, 1024), (1, 2, 2, 8, 8)),
    "xl0": _l((32, 64, 128, 256, 512, 1024), (0, 1, 1, 2, 3, 3), _XL_STAGES),
    "xl1": _l((32, 64, 128, 256, 512, 1024), (1, 2, 2, 4, 6, 6), _XL_STAGES),
}


def find_backbone(name: str) -> BackboneConfig:
    """Raises ValueError with the known names."""
    if name not in BACKBONES:
        raise ValueError(f"there is no backbone called {name!r}; the backbones are {', '.join(BACKBONES)}")
    return BACKBONES[name]
