"""Image encoder, prompt encoder and mask decoder in one module: sizes, prompts, checkpoints, exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from latency_bench.model_specs.architectures.sam import segment_anything
from latency_bench.model_specs.architectures.sam.mask_decoder import MaskDecoder
from latency_bench.model_specs.architectures.sam.vit_encoder import Block
from latency_bench.model_specs.checkpoints import load_checkpoint
from latency_bench.model_specs.errors import CheckpointError, SpecError

SIZE = 64
TINY: dict[str, Any] = {
    "image_encoder": "sam.vit_encoder",
    "resolution": (SIZE, SIZE),
    "encoder_arguments": {"width": 32, "depth": 2, "heads": 2, "global_blocks": [1], "window": 3},
    "encoder_resolution_argument": "resolution",
    "decoder_arguments": {"hidden": 64},
}
L0: dict[str, Any] = {
    "image_encoder": "efficientvit.sam_encoder",
    "encoder_arguments": {"backbone": "l0", "neck_depth": 4, "neck_expand": 1},
    "embedding_size": (64, 64),
    "upsample": "bicubic",
}


def _tiny(**arguments: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    return segment_anything.build(**{**TINY, **arguments}).requires_grad_(False)


@pytest.fixture
def prompts() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(2, 3, SIZE, SIZE, generator=generator)
    return image, 1024 * torch.rand(2, 3, 4, generator=generator)


def test_boxes_and_images_do_not_influence_each_other(prompts) -> None:
    model, (image, boxes) = _tiny(), prompts
    masks, quality = model(image, boxes)
    assert masks.shape == (2, 9, 16, 16)
    assert quality.shape == (2, 9)
    for index in range(2):
        for box in range(3):
            alone = model(image[index : index + 1], boxes[index : index + 1, box : box + 1])
            torch.testing.assert_close(masks[index, 3 * box : 3 * box + 3], alone[0][0], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(quality[index, 3 * box : 3 * box + 3], alone[1][0], atol=1e-5, rtol=1e-4)


def test_a_box_changes_the_mask(prompts) -> None:
    model, (image, boxes) = _tiny(), prompts
    first, second = model(image, boxes[:, :1])[0], model(image, boxes[:, 1:2])[0]
    assert (first - second).abs().max() > 1e-3


def test_single_mask_is_the_one_that_multimask_leaves_out(prompts) -> None:
    image, boxes = prompts
    three, one = _tiny(multimask=True), _tiny(multimask=False)
    tokens = torch.cat([one(image, boxes[:, :1])[0], three(image, boxes[:, :1])[0]], dim=1)
    one.end_mask = 4
    torch.testing.assert_close(one(image, boxes[:, :1])[0], tokens)


def test_decoder_has_the_published_size(meta_counts) -> None:
    params, macs = meta_counts(MaskDecoder, (256, 64, 64), (4096, 256), (2, 256), (256, 1, 1))
    assert params == 4_058_340
    assert macs / 1e9 == pytest.approx(1.811, abs=1e-3)


def test_vit_h_has_the_published_size(meta_counts) -> None:
    def build() -> torch.nn.Module:
        return segment_anything.build(
            "sam.vit_encoder", (1024, 1024), encoder_resolution_argument="resolution"
        ).image_encoder

    params, macs = meta_counts(build, (3, 1024, 1024))
    assert params == 637_026_048
    # 2972.9 of them without the relative positions' products, which is what the paper prints (2973).
    assert macs / 1e9 == pytest.approx(2980.541, abs=1e-3)


def test_a_window_as_large_as_the_map_is_global_attention() -> None:
    torch.manual_seed(0)
    windowed, whole = Block(32, 2, (6, 6), window=6), Block(32, 2, (6, 6), window=0)
    whole.load_state_dict(windowed.state_dict())
    x = torch.randn(2, 6, 6, 32)
    torch.testing.assert_close(windowed(x), whole(x))


def test_windows_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    block = Block(32, 2, (6, 5), window=3).requires_grad_(False)
    x = torch.randn(1, 6, 5, 32)
    changed = x.clone()
    changed[:, 3:, 3:] += torch.randn(32)
    before, after = block(x), block(changed)
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert (before[:, 3:, 3:] - after[:, 3:, 3:]).abs().amax(dim=-1).min() > 0


def test_refuses_what_it_cannot_be() -> None:
    with pytest.raises(SpecError, match="multiples of 16"):
        _tiny(resolution=(60, 64))
    with pytest.raises(SpecError, match="do not divide"):
        _tiny(encoder_arguments={"width": 32, "heads": 3})
    with pytest.raises(SpecError, match="there is no builder called"):
        segment_anything.build("sam.none")


def test_official_checkpoint_of_sam_loads(tmp_path: Path) -> None:
    """Names as in the files that are published for SAM."""
    model, other = _tiny(), _tiny()
    state = {name: torch.randn_like(value) for name, value in model.state_dict().items()}
    for name, shape in {
        "image_encoder.pos_embed": (1, 4, 4, 32),
        "image_encoder.patch_embed.proj.weight": (32, 3, 16, 16),
        "image_encoder.blocks.0.attn.rel_pos_h": (5, 16),
        "image_encoder.blocks.1.mlp.lin1.weight": (128, 32),
        "image_encoder.neck.3.bias": (256,),
        "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix": (2, 128),
        "prompt_encoder.point_embeddings.3.weight": (1, 256),
        "prompt_encoder.not_a_point_embed.weight": (1, 256),
        "prompt_encoder.mask_downscaling.6.weight": (256, 16, 1, 1),
        "mask_decoder.transformer.layers.1.cross_attn_image_to_token.out_proj.weight": (256, 128),
        "mask_decoder.transformer.norm_final_attn.weight": (256,),
        "mask_decoder.output_upscaling.3.weight": (64, 32, 2, 2),
        "mask_decoder.output_hypernetworks_mlps.3.layers.2.weight": (32, 256),
        "mask_decoder.iou_prediction_head.layers.2.bias": (4,),
    }.items():
        assert tuple(state[name].shape) == shape
    torch.save(state, tmp_path / "sam.pth")
    load_checkpoint(other, tmp_path / "sam.pth")
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())


def test_official_checkpoint_of_efficientvit_sam_loads(tmp_path: Path) -> None:
    """Names as in the files that are published for EfficientViT-SAM, where the encoder's differ from ours."""
    torch.manual_seed(0)
    model, other = segment_anything.build(**L0), segment_anything.build(**L0)
    layout = model.author_layout().ours
    assert layout["image_encoder.neck.middle.op_list.0.main.spatial_conv.conv.weight"].startswith("image_encoder.neck.")
    assert layout["mask_decoder.iou_token.weight"] == "mask_decoder.iou_token.weight"
    state = {theirs: model.state_dict()[own] for theirs, own in layout.items()}
    torch.save({"state_dict": state}, tmp_path / "l0.pt")
    load_checkpoint(other, tmp_path / "l0.pt")
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())
    state.pop("mask_decoder.iou_token.weight")
    torch.save({"state_dict": state}, tmp_path / "broken.pt")
    with pytest.raises(CheckpointError, match=r"mask_decoder\.iou_token\.weight"):
        load_checkpoint(other, tmp_path / "broken.pt")


@pytest.mark.parametrize("boxes", [1, 3])
def test_onnx_agrees(prompts, onnx_outputs, boxes: int) -> None:
    model, (image, all_boxes) = _tiny(), prompts
    inputs = (image[:1], all_boxes[:1, :boxes])
    for exported, expected in zip(onnx_outputs(model, inputs), model(*inputs), strict=True):
        np.testing.assert_allclose(exported, expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [1, 2])
def test_tflite_agrees(prompts, tflite_outputs, blocks: int) -> None:
    encoder = {**TINY["encoder_arguments"], "depth": blocks}
    model, (image, boxes) = _tiny(encoder_arguments=encoder, decoder_arguments={"hidden": 64, "depth": blocks}), prompts
    inputs = (image[:1], boxes[:1, :1])
    for converted, expected in zip(tflite_outputs(model, inputs), model(*inputs), strict=True):
        np.testing.assert_allclose(converted, expected, atol=1e-5)
