"""Published checkpoints load by their own names. No file of theirs is at hand: a state dict is written in their names,
whose rules are written here the other way round, with names and shapes that the published code shows beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from their_names import (
    THEIR_KEYS,
    TO_DEEPLAB,
    TO_FASTERVIT,
    TO_MOBILE_SAM,
    TO_RESTORMER,
    TO_SEGFORMER_AUTHORS,
    TO_SEGFORMER_HUB,
    TO_SEGNEXT,
    State,
    in_their_names,
    with_other_values,
)
from torch import nn

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


def build(name: str) -> nn.Module:
    if name == "restormer":
        return build_restormer(scale=1, depths=(1, 1, 1, 2), refinement_depth=1)
    if name == "fastervit":
        return build_fastervit(depths=(1, 1, 2, 1), heads=(1, 1, 2, 4), width=16, resolution=(224, 224), classes=10)
    return build_module(load_spec(name))


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
    assert all(torch.equal(tensor, loaded[key]) for key, tensor in source.state_dict().items())

    extra = {**theirs, "somebody_elses.weight": torch.zeros(3)}
    torch.save(wrapped(extra), file)
    with pytest.raises(CheckpointError, match=r"left over: (image_encoder\.)?somebody_elses\.weight"):
        load_checkpoint(module, file)


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
