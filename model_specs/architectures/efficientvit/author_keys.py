"""What the authors' checkpoints call our parameters.

Their names follow from the modules of github.com/mit-han-lab/efficientvit: a list of operators is `op_list`, a
residual block (also one without a shortcut) keeps its operator under `main`, the stem of the B series is
`input_stem`, that of the L series stage 0, and a head is a graph of `input_ops`, `middle` and `output_ops`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from latency_bench.model_specs.architectures.efficientvit.attention import (
    MultiScaleLinearAttention,
    NeighbourhoodTokens,
)
from latency_bench.model_specs.architectures.efficientvit.backbone import Backbone
from latency_bench.model_specs.architectures.efficientvit.blocks import (
    DSConv,
    EfficientViTModule,
    FusedMBConv,
    MBConv,
    ResBlock,
)
from latency_bench.model_specs.architectures.efficientvit.classification import ClassificationHead, Classifier
from latency_bench.model_specs.architectures.efficientvit.fusion import AddFusion
from latency_bench.model_specs.architectures.efficientvit.layers import Residual
from latency_bench.model_specs.architectures.efficientvit.segment_anything import ImageEncoder, Neck
from latency_bench.model_specs.architectures.efficientvit.segmentation import SegmentationHead, Segmenter

# Our name of a child -> theirs, where they differ. A child that is not listed has one name.
CHILD_NAMES: dict[type[nn.Module], dict[str, str]] = {
    MBConv: {"expand": "inverted_conv", "depthwise": "depth_conv", "project": "point_conv"},
    FusedMBConv: {"expand": "spatial_conv", "project": "point_conv"},
    DSConv: {"depthwise": "depth_conv", "project": "point_conv"},
    Residual: {"branch": "main"},
    EfficientViTModule: {"context": "context_module", "local": "local_module"},
    MultiScaleLinearAttention: {"qkv": "qkv.conv", "scales": "aggreg", "project": "proj"},
    NeighbourhoodTokens: {"depthwise": "0", "pointwise": "1"},
    ClassificationHead: {
        "expand": "op_list.0",
        "hidden": "op_list.2.linear",
        "norm": "op_list.2.norm",
        "classify": "op_list.3.linear",
    },
    Neck: {"fuse": "input_ops", "blocks": "middle", "project": "output_ops.0.op_list.0.conv"},
}
LOCAL_BLOCKS = (MBConv, FusedMBConv, DSConv, ResBlock)


@dataclass(frozen=True)
class AuthorLayout:
    """A checkpoint of the authors as far as one of our modules goes."""

    ours: dict[str, str]
    """Their key -> our key, for every parameter and buffer of the module."""
    other_parts: tuple[str, ...] = ()
    """Prefixes of keys that such a file has for parts outside the module."""


def author_layout(module: nn.Module) -> AuthorLayout | None:
    """The authors' layout for one of our EfficientViT networks, None for one without published checkpoints."""
    if isinstance(module, ImageEncoder):
        # The published files hold the whole of SAM.
        ours = {theirs: ours for ours, theirs in _keys(module, "", "image_encoder.")}
        return AuthorLayout(ours, other_parts=("prompt_encoder.", "mask_decoder."))
    if isinstance(module, (Classifier, Segmenter)):
        return AuthorLayout({theirs: ours for ours, theirs in _keys(module, "", "")})
    return None


def _keys(module: nn.Module, ours: str, theirs: str) -> Iterator[tuple[str, str]]:
    """(our key, their key) of everything in `module`; the prefixes end with a point or are empty."""
    own = [name for name, _ in module.named_parameters(recurse=False)]
    own += [name for name, _ in module.named_buffers(recurse=False)]
    yield from ((ours + name, theirs + name) for name in own)
    for our_name, their_name, child in _children(module):
        yield from _keys(child, f"{ours}{our_name}.", f"{theirs}{their_name}.")


def _children(module: nn.Module) -> Iterator[tuple[str, str, nn.Module]]:
    """(our name, their name, child); a name may reach over a list of modules and then has a point in it."""
    if isinstance(module, Backbone):
        # The L series calls its stem stage 0.
        first = 1 if module.config.stem_block == "res" else 0
        yield "stem", "stages.0" if first else "input_stem", module.stem
        for index, stage in enumerate(module.stages):
            yield f"stages.{index}", f"stages.{index + first}", stage
    elif isinstance(module, AddFusion):
        for index, (projection, resize) in enumerate(zip(module.projections, module.resizes, strict=True)):
            # What needs no resizing at all is no list of operators there.
            yield f"projections.{index}", f"{index}" if resize.factor == 1 else f"{index}.op_list.0", projection
    elif type(module) is nn.Sequential:
        for name, child in module.named_children():
            yield name, f"op_list.{name}.main" if isinstance(child, LOCAL_BLOCKS) else f"op_list.{name}", child
    elif isinstance(module, SegmentationHead):
        last = 0 if isinstance(module.expand, nn.Identity) else 1
        yield "fuse", "input_ops", module.fuse
        yield "blocks", "middle", module.blocks
        yield "expand", "output_ops.0.op_list.0", module.expand
        yield "classify", f"output_ops.0.op_list.{last}.conv", module.classify
    else:
        names = CHILD_NAMES.get(type(module), {})
        for name, child in module.named_children():
            yield name, names.get(name, name), child
