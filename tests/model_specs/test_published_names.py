"""Published checkpoints load by their own names. No file of theirs is at hand: a state dict is written in their names,
whose rules are written here the other way round, with names and shapes that the published code shows beside them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from their_names import (
    THEIR_KEYS,
    TO_CONVNEXT,
    TO_DEEPLAB,
    TO_FASTERVIT,
    TO_MASK2FORMER,
    TO_MASKFORMER,
    TO_MOBILE_SAM,
    TO_RESTORMER,
    TO_SEGFORMER_AUTHORS,
    TO_SEGFORMER_HUB,
    TO_SEGNEXT,
    TO_SWIN,
    State,
    in_their_names,
    with_other_values,
)
from torch import nn

from latency_bench.model_specs.architectures import mask_transformers, timm_models
from latency_bench.model_specs.architectures.fastervit.classification import build as build_fastervit
from latency_bench.model_specs.architectures.restormer import build as build_restormer
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.catalog import load_spec
from latency_bench.model_specs.checkpoints import load_checkpoint
from latency_bench.model_specs.errors import CheckpointError


def with_pairs(state: State) -> State:
    """Keys and values in one tensor, and what ImageNet and mmsegmentation leave in the files."""
    paired = {key: tensor for key, tensor in state.items() if not re.search(r"\.attn\.[kv]\.", key)}
    for key in [key for key in state if ".attn.k." in key]:
        paired[key.replace(".k.", ".kv.")] = torch.cat([state[key], state[key.replace(".k.", ".v.")]])
    return {**paired, "decode_head.conv_seg.weight": torch.zeros(19, 1), "decode_head.conv_seg.bias": torch.zeros(19)}


def flat_scales(state: State) -> State:
    return {key: tensor.flatten() if ".layer_scale_" in key else tensor for key, tensor in state.items()}


def with_constants(state: State) -> State:
    """SwinIR's windows have an index and, where they are rolled, a mask as buffers."""
    blocks = {key.split(".attn.")[0] for key in state if ".attn." in key}
    index = {f"{block}.attn.relative_position_index": torch.zeros(64, 64, dtype=torch.long) for block in blocks}
    return {**state, **index, **{f"{block}.attn_mask": torch.zeros(4, 64, 64) for block in blocks}}


def whole_sam(state: State) -> State:
    encoder = {f"image_encoder.{key}": tensor for key, tensor in state.items()}
    return {**encoder, "mask_decoder.iou_token.weight": torch.zeros(1, 256), "prompt_encoder.x": torch.zeros(1)}


def with_classifier(state: State) -> State:
    """TinyViT's, which no embedding goes through, and the indices of its windows."""
    unused = {"norm_head.weight": torch.ones(320), "head.weight": torch.zeros(1000, 320)}
    return {**state, **unused, "layers.1.blocks.0.attn.attention_bias_idxs": torch.zeros(49, 49, dtype=torch.long)}


def with_auxiliary_head(state: State) -> State:
    return {**state, "auxiliary_head.conv_seg.weight": torch.zeros(19, 256, 1, 1)}


def with_tables(state: State) -> State:
    """What FasterViT computes from its parameters once and keeps."""
    stages = {key.split(".attn.")[0] for key in state if ".attn." in key}
    names = (
        "attn.pos_emb_funct.relative_bias",
        "attn.pos_emb_funct.relative_position_index",
        "pos_embed.relative_bias",
    )
    return {**state, **{f"{stage}.{name}": torch.zeros(1) for stage in stages for name in names}}


def as_mask2former_once_was(state: State) -> State:
    """Its backbone had no last norm, which no output goes through, and kept the indices of its windows."""
    state = {key: tensor for key, tensor in state.items() if ".pixel_level_module.encoder.layernorm." not in key}
    tables = [key for key in state if key.endswith("self.relative_position_bias_table")]
    return {**state, **{key.replace("bias_table", "index"): torch.zeros(49, 49, dtype=torch.long) for key in tables}}


def small_mask_transformer(build: Callable[..., nn.Module]) -> nn.Module:
    small_swin = {"embed_dim": 24, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 4, 8]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mask_transformers, "_SWIN_T", {**mask_transformers._SWIN_T, **small_swin})
        return build(classes=7, queries=10).requires_grad_(False)


def build(name: str) -> nn.Module:
    if name in MASK_TRANSFORMERS:
        return small_mask_transformer(MASK_TRANSFORMERS[name])
    if name == "restormer":
        return build_restormer(scale=1, depths=(1, 1, 1, 2), refinement_depth=1)
    if name == "fastervit":
        return build_fastervit(depths=(1, 1, 2, 1), heads=(1, 1, 2, 4), width=16, resolution=(224, 224), classes=10)
    if name == "swin":
        arguments = {"embed_dim": 16, "depths": (2, 1, 1, 1), "num_heads": (1, 2, 4, 8), "num_classes": 10}
        return timm_models.build("swin_tiny_patch4_window7_224", **arguments).requires_grad_(False)
    if name == "convnext":
        arguments = {"dims": (8, 16, 24, 32), "depths": (1, 1, 1, 1), "num_classes": 10}
        return timm_models.build("convnext_tiny", **arguments).requires_grad_(False)
    return build_module(load_spec(name))


MASK_TRANSFORMERS = {
    "maskformer": mask_transformers.build_maskformer,
    "mask2former": mask_transformers.build_mask2former,
}
NOT_IN_FILES = {f"model.model.pixel_level_module.encoder.swin.layernorm.{name}" for name in ("weight", "bias")}
"""Of mask2former."""
SMALL = {"restormer": ("restormer", TO_RESTORMER, lambda state: {"params": state})}
FILES = {
    **SMALL,
    "swinir": ("swinir-bsd100", (), lambda state: {"params": with_constants(state)}),
    "bsrn": ("bsrn-bsd100", (), lambda state: {"params": {}, "params_ema": state}),
    "vapsr": ("vapsr-bsd100", (), lambda state: {"params": state}),
    "efficientsam": ("efficient-sam-ti", (), lambda state: {"model": whole_sam(state)}),
    "segnext": ("segnext-t", TO_SEGNEXT, lambda state: {"meta": {}, "state_dict": flat_scales(state)}),
    "segformer-hub": ("segformer-b1", TO_SEGFORMER_HUB, lambda state: state),
    "segformer-authors": ("segformer-b1", TO_SEGFORMER_AUTHORS, lambda state: {"state_dict": with_pairs(state)}),
    "mobile-sam": ("mobile-sam", TO_MOBILE_SAM, lambda state: whole_sam(with_classifier(state))),
    "deeplab": ("deeplabv3plus-mbv2", TO_DEEPLAB, lambda state: {"state_dict": with_auxiliary_head(state)}),
    "fastervit": ("fastervit", TO_FASTERVIT, lambda state: {"state_dict": with_tables(state), "epoch": 300}),
    "maskformer": ("maskformer", TO_MASKFORMER, lambda state: state),
    "mask2former": ("mask2former", TO_MASK2FORMER, as_mask2former_once_was),
    "swin": ("swin", TO_SWIN, lambda state: {"model": with_constants(state)}),
    "convnext": ("convnext", TO_CONVNEXT, lambda state: {"model": state}),
    "deeplab-ours-in-parallel": ("deeplabv3plus-mbv2", (), lambda state: {"module." + k: v for k, v in state.items()}),
}


@pytest.mark.parametrize("name", FILES)
def test_a_published_file_loads_every_tensor_and_refuses_one_too_many(name: str, tmp_path: Path) -> None:
    model, rules, wrapped = FILES[name]
    source, module = with_other_values(build(model)), build(model)
    theirs = in_their_names(source, rules)
    assert set(THEIR_KEYS.get(name, ())) <= theirs.keys()
    file = tmp_path / "published.pth"
    torch.save(wrapped({key: tensor for key, tensor in theirs.items() if "num_batches" not in key}), file)
    load_checkpoint(module, file)
    loaded = module.state_dict()
    values = source.state_dict().items()
    assert all(torch.equal(tensor, loaded[key]) for key, tensor in values if key not in NOT_IN_FILES)

    extra = {**theirs, "somebody_elses.weight": torch.zeros(3)}
    torch.save(wrapped(extra), file)
    with pytest.raises(CheckpointError, match=r"left over: (image_encoder\.)?somebody_elses\.weight"):
        load_checkpoint(module, file)


def test_timms_table_of_names_changes_no_size(tmp_path: Path) -> None:
    """timm itself would stretch positions and windows to the model's size, and say nothing."""
    state = build("swin").state_dict()
    table = next(key for key in state if key.endswith("relative_position_bias_table"))
    other = in_their_names(build("swin"), TO_SWIN) | {table: torch.zeros(7 * 7, state[table].shape[1])}
    torch.save(other, tmp_path / "swin.pth")
    with pytest.raises(CheckpointError, match=r"of another shape: .*relative_position_bias_table \(49x1 in the file"):
        load_checkpoint(build("swin"), tmp_path / "swin.pth")


def test_a_file_of_another_network_is_told_as_such_where_timm_has_a_table_of_names(tmp_path: Path) -> None:
    torch.save(in_their_names(build("vapsr-bsd100"), ()), tmp_path / "vapsr.pth")
    for name in ("swin", "convnext"):
        with pytest.raises(CheckpointError, match=r"does not fit the model; keys missing: "):
            load_checkpoint(build(name), tmp_path / "vapsr.pth")


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "model_state_dict", "ema", "params", "params_ema", None])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_wrappers_and_the_prefix_of_several_gpus(wrapper: str | None, prefix: str, tmp_path: Path) -> None:
    source, module = with_other_values(build("vapsr-bsd100")), build("vapsr-bsd100")
    state = {prefix + key: tensor for key, tensor in source.state_dict().items()}
    torch.save({"epoch": 3, wrapper: state} if wrapper else state, tmp_path / "wrapped.pt")
    load_checkpoint(module, tmp_path / "wrapped.pt")
    assert all(torch.equal(tensor, module.state_dict()[key]) for key, tensor in source.state_dict().items())


def test_a_missing_tensor_of_a_published_file_is_named(tmp_path: Path) -> None:
    module = build("segformer-b1")
    theirs = with_pairs(in_their_names(module, TO_SEGFORMER_AUTHORS))
    del theirs["backbone.block1.0.attn.q.weight"]
    torch.save(theirs, tmp_path / "part.pth")
    with pytest.raises(CheckpointError, match=r"missing: model\.segformer\.stages\.0\.blocks\.0\.attention\.q_proj"):
        load_checkpoint(module, tmp_path / "part.pth")
