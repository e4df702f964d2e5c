"""SegFormer (Xie et al., NeurIPS 2021, arXiv:2105.15203), the module of transformers with its logits as a tensor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from latency_bench.model_specs.architectures.logits import HuggingFaceLogits
from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision
from latency_bench.model_specs.published_names import Rules, renamed, without

if TYPE_CHECKING:
    from torch import Tensor

_STAGES = (1, 2, 3, 4)
_NORM_EPS = 1e-6
_OTHER_NORM_EPS = 1e-5
_OTHER_NORMS = re.compile(r"\.(patch_embeddings|sequence_reduction)\.layer_norm$")
"""The authors' code has 1e-6 in the norms of blocks and of stages, and torch's 1e-5 in those two; transformers leaves
torch's everywhere."""
_AUTHORS: Rules = (
    *((rf"^backbone\.patch_embed{i}\.proj\.", f"segformer.stages.{i - 1}.patch_embeddings.proj.") for i in _STAGES),
    *(
        (rf"^backbone\.patch_embed{i}\.norm\.", f"segformer.stages.{i - 1}.patch_embeddings.layer_norm.")
        for i in _STAGES
    ),
    *((rf"^backbone\.block{i}\.", f"segformer.stages.{i - 1}.blocks.") for i in _STAGES),
    *((rf"^backbone\.norm{i}\.", f"segformer.stages.{i - 1}.layer_norm.") for i in _STAGES),
    (r"\.norm1\.", ".layernorm_before."),
    (r"\.norm2\.", ".layernorm_after."),
    (r"\.attn\.(q|k|v)\.", r".attention.\1_proj."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
    (r"\.attn\.sr\.", ".attention.sequence_reduction.sequence_reduction."),
    (r"\.attn\.norm\.", ".attention.sequence_reduction.layer_norm."),
    *((rf"^decode_head\.linear_c{i}\.", f"decode_head.linear_projections.{i - 1}.") for i in _STAGES),
    (r"^decode_head\.linear_fuse\.conv\.", "decode_head.linear_fuse."),
    (r"^decode_head\.linear_fuse\.bn\.", "decode_head.batch_norm."),
    (r"^decode_head\.linear_pred\.", "decode_head.classifier."),
)
"""From the authors' names to those of transformers."""


class SegFormer(HuggingFaceLogits):
    """Takes the authors' checkpoints beside those of the Hugging Face hub."""

    def from_published(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        if any(key.startswith("backbone.") for key in state):
            # Of ImageNet's head, and mmsegmentation's own, which the decoder does not use.
            kept = without(state, r"backbone\.head\.", r"decode_head\.conv_seg\.")
            state = renamed(_without_pairs(kept), _AUTHORS)
        return super().from_published(state)


def _without_pairs(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Keys and values lie in one tensor, the keys first, in the authors' files."""
    parted: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if ".attn.kv." in name:
            parted[name.replace(".kv.", ".k.")], parted[name.replace(".kv.", ".v.")] = tensor.chunk(2)
        else:
            parted[name] = tensor
    return parted


def build(
    depths: Sequence[int],
    classes: int,
    decoder_width: int,
    widths: Sequence[int] = (64, 128, 320, 512),
    attention: str = "eager",
) -> nn.Module:
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
    model = SegformerForSemanticSegmentation(config)
    for name, module in model.named_modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = _OTHER_NORM_EPS if _OTHER_NORMS.search(name) else _NORM_EPS
    return SegFormer(model, outputs=("logits",)).eval()
