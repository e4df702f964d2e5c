"""Published files of MobileSAM and EdgeSAM, as a whole and as encoders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from their_names import TO_MOBILE_SAM, State, in_their_names, with_other_values
from torch import nn

from latency_bench.model_specs.architectures.sam.edge_sam import build as build_edge_sam
from latency_bench.model_specs.building import build_module
from latency_bench.model_specs.catalog import load_spec
from latency_bench.model_specs.checkpoints import load_checkpoint
from latency_bench.model_specs.errors import CheckpointError


def test_mobile_sam_as_a_whole_loads_into_encoder_and_decoder(tmp_path: Path) -> None:
    source, module = (
        with_other_values(build_module(load_spec("mobile-sam-box"))),
        build_module(load_spec("mobile-sam-box")),
    )
    encoder = source.get_submodule("image_encoder")
    theirs = {f"image_encoder.{key}": tensor for key, tensor in in_their_names(encoder, TO_MOBILE_SAM).items()}
    others = {key: tensor for key, tensor in source.state_dict().items() if not key.startswith("image_encoder.")}
    torch.save({**theirs, **others}, tmp_path / "mobile_sam.pt")
    load_checkpoint(module, tmp_path / "mobile_sam.pt")
    assert all(torch.equal(tensor, module.state_dict()[key]) for key, tensor in source.state_dict().items())


EDGE_SAM_STAGES = (2, 2, 14, 2)


def in_edge_sams_names(module: nn.Module) -> State:
    """Of an encoder whose branches are not merged: its blocks numbered through, the one before a reduction, and the
    reduction, after those of their stage."""
    blocks, places = [], ["early_stages.0", "early_stages.1", "early_stages.2", ""]
    for stage, (depth, place) in enumerate(zip(EDGE_SAM_STAGES, places, strict=True)):
        last = stage == len(EDGE_SAM_STAGES) - 1
        opening = "last_fine_block" if last else f"{place}.downsample.pre_block"
        reducing = ("reduce.0", "reduce.1", "reduced_mixer") if last else tuple(
            f"{place}.downsample.{part}" for part in ("spatial_downsample", "channel_downsample", "ffn")
        )  # fmt: skip
        blocks += [(opening,), reducing] if stage else []
        blocks += [(f"coarse_blocks.{block}" if last else f"{place}.blocks.{block}",) for block in range(depth)]
    rules = [("stem.conv1.", "features.0.0."), ("stem.conv2.", "features.0.2."),
             ("fuse_stage3.", "fuse_stage3.op_list.0.")]  # fmt: skip
    for number, parts in enumerate(blocks, 1):
        theirs = f"features.{number}"
        if len(parts) == 1:
            mixer, gate, first = f"{parts[0]}.token_mixer.", f"{parts[0]}.se.", f"{parts[0]}.channel_mixer.conv"
            rules += [(mixer, f"{theirs}.token_mixer.0."), (gate, f"{theirs}.token_mixer.1.")]
        else:
            first = f"{parts[2]}.conv"
            rules += [(f"{parts[0]}.", f"{theirs}.token_mixer.0."), (f"{parts[1]}.", f"{theirs}.token_mixer.2.")]
        rules += [(f"{first}1.", f"{theirs}.channel_mixer.m.0."), (f"{first}2.", f"{theirs}.channel_mixer.m.2.")]
    state = {}
    for key, tensor in module.state_dict().items():
        rule = next((rule for rule in rules if key.startswith(rule[0])), ("", ""))
        state[f"image_encoder.{rule[1]}{key.removeprefix(rule[0])}"] = tensor.clone()
    return state


@pytest.mark.parametrize("merged", [True, False])
def test_edge_sams_trained_branches_are_merged_where_the_module_has_them_merged(merged: bool, tmp_path: Path) -> None:
    source = with_other_values(build_edge_sam(reparameterised=False))
    theirs = in_edge_sams_names(source)
    assert {
        "image_encoder.features.0.2.bn.running_var", "image_encoder.features.1.token_mixer.0.conv1.c.weight",
        "image_encoder.features.1.token_mixer.1.fc1.bias", "image_encoder.features.4.token_mixer.2.c.weight",
        "image_encoder.features.24.channel_mixer.m.2.bn.bias", "image_encoder.features.26.token_mixer.0.conv.c.weight",
        "image_encoder.fuse_stage3.op_list.0.weight", "image_encoder.neck.2.weight",
    } <= theirs.keys()  # fmt: skip
    decoder = {"mask_decoder.iou_token.weight": torch.zeros(1, 256), "prompt_encoder.x": torch.zeros(1)}
    torch.save({**theirs, **decoder}, tmp_path / "edge_sam.pth")
    module = build_edge_sam(reparameterised=merged)
    load_checkpoint(module, tmp_path / "edge_sam.pth")
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(module(image), source(image), rtol=1e-3, atol=1e-4)

    torch.save({**theirs, "image_encoder.features.1.more": torch.zeros(1)}, tmp_path / "more.pth")
    with pytest.raises(CheckpointError, match=r"left over: features\.1\.more"):
        load_checkpoint(module, tmp_path / "more.pth")
    del theirs["image_encoder.features.3.channel_mixer.m.0.c.weight"]
    torch.save(theirs, tmp_path / "less.pth")
    with pytest.raises(
        CheckpointError, match=r"lacks 1 tensors of RepViT-M1, for example stages\.1\.downsample\.pre_block"
    ):
        load_checkpoint(module, tmp_path / "less.pth")


def test_edge_sam_as_a_whole_loads_into_encoder_and_decoder(tmp_path: Path) -> None:
    spec = load_spec("edge-sam-box")
    source = build_module(spec, overrides={"encoder_arguments": {"reparameterised": False}})
    encoder = with_other_values(source).get_submodule("image_encoder")
    others = {key: tensor for key, tensor in source.state_dict().items() if not key.startswith("image_encoder.")}
    torch.save({**in_edge_sams_names(encoder), **others}, tmp_path / "edge_sam_3x.pth")
    module = build_module(spec, weights=tmp_path / "edge_sam_3x.pth")
    assert all(torch.equal(tensor, module.state_dict()[key]) for key, tensor in others.items())
    image = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        merged, trained = module.get_submodule("image_encoder")(image), encoder(image)
    torch.testing.assert_close(merged, trained, rtol=1e-3, atol=1e-4)
