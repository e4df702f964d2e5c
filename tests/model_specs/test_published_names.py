"""Published checkpoints load by their own names. No file of theirs is at hand: a state dict is written in their names,
whose rules are written here the other way round, with names and shapes that the published code shows beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

from latency_bench.model_specs.architectures.restormer import build as build_restormer
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.catalog import load_spec
from latency_bench.model_specs.checkpoints import load_checkpoint
from latency_bench.model_specs.errors import CheckpointError

State = dict[str, torch.Tensor]
TO_RESTORMER = (
    (r"^embed\.", "patch_embed.proj."),
    (r"^encoders\.3\.", "latent."),
    *((rf"^encoders\.{i}\.", f"encoder_level{i + 1}.") for i in range(3)),
    *((rf"^decoders\.{i}\.", f"decoder_level{i + 1}.") for i in range(3)),
    *((rf"^downs\.{i}\.", f"down{i + 1}_{i + 2}.body.") for i in range(3)),
    *((rf"^ups\.{i}\.", f"up{i + 2}_{i + 1}.body.") for i in range(3)),
    *((rf"^fusions\.{i}\.", f"reduce_chan_level{i + 1}.") for i in (1, 2)),
    (r"\.(norm[12])\.", r".\1.body."),
    (r"\.attention\.depthwise", ".attn.qkv_dwconv"),
    (r"\.attention\.project", ".attn.project_out"),
    (r"\.attention\.", ".attn."),
    (r"\.feed_forward\.expand", ".ffn.project_in"),
    (r"\.feed_forward\.depthwise", ".ffn.dwconv"),
    (r"\.feed_forward\.project", ".ffn.project_out"),
)
TO_SEGNEXT = (
    (r"^backbone\.stages\.0\.downsample\.", "backbone.patch_embed1.proj."),
    *((rf"^backbone\.stages\.{i}\.downsample\.0", f"backbone.patch_embed{i + 1}.proj") for i in (1, 2, 3)),
    *((rf"^backbone\.stages\.{i}\.downsample\.1", f"backbone.patch_embed{i + 1}.norm") for i in (1, 2, 3)),
    *((rf"^backbone\.stages\.{i}\.blocks", f"backbone.block{i + 1}") for i in range(4)),
    *((rf"^backbone\.stages\.{i}\.norm", f"backbone.norm{i + 1}") for i in range(4)),
    (r"\.norm_attention\.", ".norm1."),
    (r"\.norm_mlp\.", ".norm2."),
    (r"\.attention\.project_in", ".attn.proj_1"),
    (r"\.attention\.project_out", ".attn.proj_2"),
    (r"\.attention\.attention\.local", ".attn.spatial_gating_unit.conv0"),
    (r"\.attention\.attention\.mix", ".attn.spatial_gating_unit.conv3"),
    (r"\.attention\.attention\.strips\.(\d)\.0", r".attn.spatial_gating_unit.conv\1_1"),
    (r"\.attention\.attention\.strips\.(\d)\.1", r".attn.spatial_gating_unit.conv\1_2"),
    (r"\.mlp\.0", ".mlp.fc1"),
    (r"\.mlp\.1", ".mlp.dwconv.dwconv"),
    (r"\.mlp\.3", ".mlp.fc2"),
    (r"\.scale_attention", ".layer_scale_1"),
    (r"\.scale_mlp", ".layer_scale_2"),
    (r"^head\.(squeeze|align)\.0", r"decode_head.\1.conv"),
    (r"^head\.(squeeze|align)\.1", r"decode_head.\1.gn"),
    (r"^head\.hamburger\.lower", "decode_head.hamburger.ham_in.conv"),
    (r"^head\.hamburger\.upper", "decode_head.hamburger.ham_out.conv"),
    (r"^head\.hamburger\.norm", "decode_head.hamburger.ham_out.gn"),
    (r"^head\.classify", "decode_head.conv_seg"),
)
TO_SEGFORMER_HUB = (
    (r"^model\.", ""),
    (r"stages\.(\d)\.patch_embeddings", r"encoder.patch_embeddings.\1"),
    (r"stages\.(\d)\.blocks", r"encoder.block.\1"),
    (r"stages\.(\d)\.layer_norm", r"encoder.layer_norm.\1"),
    (r"attention\.q_proj", "attention.self.query"),
    (r"attention\.k_proj", "attention.self.key"),
    (r"attention\.v_proj", "attention.self.value"),
    (r"attention\.o_proj", "attention.output.dense"),
    (r"attention\.sequence_reduction\.sequence_reduction", "attention.self.sr"),
    (r"attention\.sequence_reduction\.layer_norm", "attention.self.layer_norm"),
    (r"mlp\.fc([12])", r"mlp.dense\1"),
    ("layernorm_before", "layer_norm_1"),
    ("layernorm_after", "layer_norm_2"),
    ("linear_projections", "linear_c"),
)
TO_SEGFORMER_AUTHORS = (
    (r"^model\.segformer\.", "backbone."),
    (r"^model\.", ""),
    *((rf"stages\.{i}\.patch_embeddings\.proj", f"patch_embed{i + 1}.proj") for i in range(4)),
    *((rf"stages\.{i}\.patch_embeddings\.layer_norm", f"patch_embed{i + 1}.norm") for i in range(4)),
    *((rf"stages\.{i}\.blocks", f"block{i + 1}") for i in range(4)),
    *((rf"stages\.{i}\.layer_norm", f"norm{i + 1}") for i in range(4)),
    ("layernorm_before", "norm1"),
    ("layernorm_after", "norm2"),
    (r"attention\.([qkv])_proj", r"attn.\1"),
    (r"attention\.o_proj", "attn.proj"),
    (r"attention\.sequence_reduction\.sequence_reduction", "attn.sr"),
    (r"attention\.sequence_reduction\.layer_norm", "attn.norm"),
    *((rf"linear_projections\.{i}", f"linear_c{i + 1}") for i in range(4)),
    (r"decode_head\.linear_fuse", "decode_head.linear_fuse.conv"),
    (r"decode_head\.batch_norm", "decode_head.linear_fuse.bn"),
    (r"decode_head\.classifier", "decode_head.linear_pred"),
)


def in_their_names(module: nn.Module, rules: tuple[tuple[str, str], ...]) -> State:
    state = {}
    for key, tensor in module.state_dict().items():
        name = key
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        state[name] = tensor.clone()
    return state


def with_other_values(module: nn.Module) -> nn.Module:
    """The same network, its values moved so that every tensor of it has to come from the file."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(5)
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor += 0.01 * torch.rand_like(tensor)
    return module


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


def build(name: str) -> nn.Module:
    if name == "restormer":
        return build_restormer(scale=1, depths=(1, 1, 1, 2), refinement_depth=1)
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
    "deeplab-ours-in-parallel": ("deeplabv3plus-mbv2", (), lambda state: {"module." + k: v for k, v in state.items()}),
}
THEIR_KEYS = {
    "restormer": ("encoder_level1.0.attn.qkv_dwconv.weight", "reduce_chan_level3.weight", "down1_2.body.0.weight",
                  "up4_3.body.0.weight", "latent.0.norm1.body.bias", "refinement.0.ffn.project_out.weight"),
    "segnext": ("backbone.patch_embed1.proj.4.running_var", "backbone.block2.0.attn.spatial_gating_unit.conv2_2.weight",
                "backbone.block4.1.mlp.dwconv.dwconv.bias", "decode_head.hamburger.ham_out.gn.weight"),
    "segformer-hub": ("segformer.encoder.block.0.0.attention.self.sr.weight", "decode_head.linear_c.3.proj.bias"),
    "segformer-authors": ("backbone.block1.0.attn.q.weight", "backbone.patch_embed4.norm.bias",
                          "decode_head.linear_fuse.bn.running_mean", "backbone.block3.1.mlp.dwconv.dwconv.weight"),
}  # fmt: skip


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
