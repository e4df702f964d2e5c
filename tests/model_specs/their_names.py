"""Published checkpoints' names of tensors: rules from ours to theirs, written the other way round than the ones that
are tested, and names that the published code has."""

from __future__ import annotations

import re

import torch
from torch import nn

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

TO_MOBILE_SAM = (
    (r"^patch_embed\.conv1\.", "patch_embed.seq.0."),
    (r"^patch_embed\.conv2\.", "patch_embed.seq.2."),
    *((rf"^stages\.{i + 1}\.downsample", f"layers.{i}.downsample") for i in range(3)),
    (r"^stages\.", "layers."),
    (r"\.conv\.weight", ".c.weight"),
)
TO_DEEPLAB = (
    (r"^trunk\.conv_stem", "backbone.conv1.conv"),
    (r"^trunk\.bn1", "backbone.conv1.bn"),
    (r"^trunk\.blocks\.0\.0\.conv_dw", "backbone.layer1.0.conv.0.conv"),
    (r"^trunk\.blocks\.0\.0\.conv_pw", "backbone.layer1.0.conv.1.conv"),
    (r"^trunk\.blocks\.0\.0\.bn1", "backbone.layer1.0.conv.0.bn"),
    (r"^trunk\.blocks\.0\.0\.bn2", "backbone.layer1.0.conv.1.bn"),
    *((rf"^trunk\.blocks\.{i}\.(\d)\.conv_pw\.", rf"backbone.layer{i + 1}.\1.conv.0.conv.") for i in range(1, 7)),
    *((rf"^trunk\.blocks\.{i}\.(\d)\.conv_dw", rf"backbone.layer{i + 1}.\1.conv.1.conv") for i in range(1, 7)),
    *((rf"^trunk\.blocks\.{i}\.(\d)\.conv_pwl", rf"backbone.layer{i + 1}.\1.conv.2.conv") for i in range(1, 7)),
    *(
        (rf"^trunk\.blocks\.{i}\.(\d)\.bn{part + 1}", rf"backbone.layer{i + 1}.\1.conv.{part}.bn")
        for i in range(1, 7)
        for part in range(3)
    ),
    (r"^pyramid\.pool\.1\.0", "decode_head.image_pool.1.conv"),
    (r"^pyramid\.pool\.1\.1", "decode_head.image_pool.1.bn"),
    (r"^pyramid\.pointwise\.0", "decode_head.aspp_modules.0.conv"),
    (r"^pyramid\.pointwise\.1", "decode_head.aspp_modules.0.bn"),
    *((rf"^pyramid\.dilated\.{i}\.0", f"decode_head.aspp_modules.{i + 1}.depthwise_conv") for i in range(3)),
    *((rf"^pyramid\.dilated\.{i}\.1", f"decode_head.aspp_modules.{i + 1}.pointwise_conv") for i in range(3)),
    (r"^pyramid\.mix\.0", "decode_head.bottleneck.conv"),
    (r"^pyramid\.mix\.1", "decode_head.bottleneck.bn"),
    (r"^reduce_skip\.0", "decode_head.c1_bottleneck.conv"),
    (r"^reduce_skip\.1", "decode_head.c1_bottleneck.bn"),
    (r"^decode\.(\d)\.0", r"decode_head.sep_bottleneck.\1.depthwise_conv"),
    (r"^decode\.(\d)\.1", r"decode_head.sep_bottleneck.\1.pointwise_conv"),
    (r"_conv\.0\.", "_conv.conv."),
    (r"_conv\.1\.", "_conv.bn."),
    (r"^classify", "decode_head.conv_seg"),
)
TO_FASTERVIT = (
    (r"^0\.", "patch_embed.conv_down."),
    *(
        (rf"^{index}\.body\.{place}", f"levels.{level}.blocks.0.{name}")
        for index, level in ((1, 0), (4, 1))
        for place, name in ((0, "conv1"), (1, "norm1"), (3, "conv2"), (4, "norm2"))
    ),
    *((rf"^{index}\.", f"levels.{level}.downsample.norm.") for index, level in ((2, 0), (5, 1), (8, 2))),
    *((rf"^{index}\.", f"levels.{level}.downsample.reduction.0.") for index, level in ((3, 0), (6, 1), (9, 2))),
    (r"^7\.", "levels.2."),
    (r"^10\.", "levels.3."),
    (r"^11\.", "norm."),
    (r"^14\.", "head."),
    (r"\.tokenize\.0", ".global_tokenizer.to_global_feature.pos"),
    (r"\.carrier_position\.network", ".hat_pos_embed.cpb_mlp"),
    (r"\.position\.network", ".pos_embed.cpb_mlp"),
    (r"\.between\.norm_attention", ".hat_norm1"),
    (r"\.between\.norm_mlp", ".hat_norm2"),
    (r"\.between\.attention", ".hat_attn"),
    (r"\.between\.mlp", ".hat_mlp"),
    (r"\.between\.scale_attention", ".gamma1"),
    (r"\.between\.scale_mlp", ".gamma2"),
    (r"\.within\.norm_attention", ".norm1"),
    (r"\.within\.norm_mlp", ".norm2"),
    (r"\.within\.attention", ".attn"),
    (r"\.within\.mlp", ".mlp"),
    (r"\.within\.scale_attention", ".gamma3"),
    (r"\.within\.scale_mlp", ".gamma4"),
    (r"attn\.bias\.network", "attn.pos_emb_funct.cpb_mlp"),
    (r"attn\.project", "attn.proj"),
    (r"mlp\.0\.(?=weight|bias)", "mlp.fc1."),
    (r"mlp\.2\.(?=weight|bias)", "mlp.fc2."),
    (r"cpb_mlp\.fc1", "cpb_mlp.0"),
    (r"cpb_mlp\.fc2", "cpb_mlp.2"),
)
TO_SWIN = (
    *((rf"^layers\.{stage}\.downsample\.", f"layers.{stage - 1}.downsample.") for stage in (1, 2, 3)),
    (r"^head\.fc\.", "head."),
)
TO_CONVNEXT = (
    (r"^stem\.", "downsample_layers.0."),
    (r"^stages\.(\d)\.downsample\.", r"downsample_layers.\1."),
    (r"\.blocks\.", "."),
    (r"\.conv_dw\.", ".dwconv."),
    (r"\.mlp\.fc([12])\.", r".pwconv\1."),
    (r"^head\.norm\.", "norm."),
    (r"^head\.fc\.", "head."),
)
TO_MASKFORMER = (
    (r"^model\.", ""),
    (r"(transformer_module.*)\.o_proj\.", r"\1.out_proj."),
    (r"(transformer_module.*)\.mlp\.fc", r"\1.fc"),
)
TO_MASK2FORMER = (
    (r"^model\.", ""),
    (r"encoder\.swin\.", "encoder."),
    (r"\.attention\.q_proj", ".attention.self.query"),
    (r"\.attention\.k_proj", ".attention.self.key"),
    (r"\.attention\.v_proj", ".attention.self.value"),
    (r"\.attention\.o_proj", ".attention.output.dense"),
    (r"\.attention\.relative_position_bias\.", ".attention.self."),
    (r"\.mlp\.fc1", ".intermediate.dense"),
    (r"\.mlp\.fc2", ".output.dense"),
)

THEIR_KEYS = {
    "maskformer": (
        "model.pixel_level_module.encoder.model.encoder.layers.0.blocks.0.attention.self.query.weight",
        "model.transformer_module.decoder.layers.0.self_attn.out_proj.bias",
        "model.transformer_module.decoder.layers.5.fc2.weight",
        "class_predictor.bias",
        "mask_embedder.2.0.weight",
    ),
    "mask2former": (
        "model.pixel_level_module.encoder.embeddings.patch_embeddings.projection.weight",
        "model.pixel_level_module.encoder.encoder.layers.0.blocks.0.attention.self.relative_position_bias_table",
        "model.pixel_level_module.encoder.encoder.layers.3.blocks.0.attention.output.dense.weight",
        "model.pixel_level_module.encoder.hidden_states_norms.stage1.weight",
        "model.pixel_level_module.decoder.encoder.layers.0.self_attn.sampling_offsets.bias",
        "model.transformer_module.decoder.layers.0.cross_attn.in_proj_weight",
        "class_predictor.weight",
    ),
    "swin": (
        "patch_embed.proj.weight",
        "layers.0.downsample.reduction.weight",
        "layers.3.blocks.0.attn.relative_position_bias_table",
        "layers.2.blocks.0.mlp.fc1.bias",
        "norm.weight",
        "head.bias",
    ),
    "convnext": (
        "downsample_layers.0.1.weight",
        "downsample_layers.3.1.bias",
        "stages.2.0.gamma",
        "stages.0.0.pwconv1.weight",
        "stages.3.0.dwconv.bias",
        "norm.weight",
        "head.weight",
    ),
    "mobile-sam": (
        "patch_embed.seq.0.c.weight",
        "patch_embed.seq.2.bn.running_var",
        "layers.0.downsample.conv1.c.weight",
        "layers.0.blocks.1.conv3.bn.weight",
        "layers.1.blocks.0.attn.attention_biases",
        "layers.3.blocks.1.local_conv.c.weight",
        "layers.2.blocks.5.mlp.fc2.bias",
        "neck.3.bias",
    ),
    "deeplab": (
        "backbone.conv1.conv.weight",
        "backbone.layer1.0.conv.1.bn.running_mean",
        "backbone.layer2.1.conv.2.conv.weight",
        "backbone.layer7.0.conv.0.bn.weight",
        "decode_head.image_pool.1.bn.weight",
        "decode_head.aspp_modules.0.conv.weight",
        "decode_head.aspp_modules.3.depthwise_conv.bn.bias",
        "decode_head.aspp_modules.1.pointwise_conv.conv.weight",
        "decode_head.bottleneck.conv.weight",
        "decode_head.c1_bottleneck.bn.weight",
        "decode_head.sep_bottleneck.1.pointwise_conv.bn.running_var",
        "decode_head.conv_seg.bias",
    ),
    "fastervit": (
        "patch_embed.conv_down.0.weight",
        "patch_embed.conv_down.4.running_mean",
        "levels.0.blocks.0.conv2.bias",
        "levels.1.downsample.reduction.0.weight",
        "levels.0.downsample.norm.bias",
        "levels.2.blocks.1.hat_attn.pos_emb_funct.cpb_mlp.2.weight",
        "levels.2.blocks.0.gamma1",
        "levels.2.blocks.0.hat_pos_embed.cpb_mlp.0.bias",
        "levels.2.global_tokenizer.to_global_feature.pos.weight",
        "levels.3.blocks.0.mlp.fc2.weight",
        "levels.3.blocks.0.attn.qkv.bias",
        "norm.running_var",
        "head.bias",
    ),
    "restormer": (
        "encoder_level1.0.attn.qkv_dwconv.weight",
        "reduce_chan_level3.weight",
        "down1_2.body.0.weight",
        "up4_3.body.0.weight",
        "latent.0.norm1.body.bias",
        "refinement.0.ffn.project_out.weight",
    ),
    "segnext": (
        "backbone.patch_embed1.proj.4.running_var",
        "backbone.block2.0.attn.spatial_gating_unit.conv2_2.weight",
        "backbone.block4.1.mlp.dwconv.dwconv.bias",
        "decode_head.hamburger.ham_out.gn.weight",
    ),
    "segformer-hub": ("segformer.encoder.block.0.0.attention.self.sr.weight", "decode_head.linear_c.3.proj.bias"),
    "segformer-authors": (
        "backbone.block1.0.attn.q.weight",
        "backbone.patch_embed4.norm.bias",
        "decode_head.linear_fuse.bn.running_mean",
        "backbone.block3.1.mlp.dwconv.dwconv.weight",
    ),
}


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
