"""The whole of SAM, with equal weights, against the implementation in transformers."""

from __future__ import annotations

import re

import pytest
import torch

from latency_bench.model_specs.architectures.sam import segment_anything
from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision

SIZE, WINDOW, WIDTH, DEPTH, HEADS = 80, 3, 32, 2, 2
# Patterns of transformers' names and ours, tried in order; a parameter is renamed by every one that matches.
RENAMINGS = [
    (r"^vision_encoder\.", "image_encoder."),
    (r"^image_encoder\.patch_embed\.projection", "image_encoder.patch_embed.proj"),
    (r"^image_encoder\.layers\.(\d+)\.layer_norm(\d)", r"image_encoder.blocks.\1.norm\2"),
    (r"^image_encoder\.layers\.", "image_encoder.blocks."),
    (r"^image_encoder\.neck\.conv1", "image_encoder.neck.0"),
    (r"^image_encoder\.neck\.layer_norm1", "image_encoder.neck.1"),
    (r"^image_encoder\.neck\.conv2", "image_encoder.neck.2"),
    (r"^image_encoder\.neck\.layer_norm2", "image_encoder.neck.3"),
    (r"^prompt_encoder\.point_embed\.", "prompt_encoder.point_embeddings."),
    (r"^prompt_encoder\.mask_embed\.conv1", "prompt_encoder.mask_downscaling.0"),
    (r"^prompt_encoder\.mask_embed\.layer_norm1", "prompt_encoder.mask_downscaling.1"),
    (r"^prompt_encoder\.mask_embed\.conv2", "prompt_encoder.mask_downscaling.3"),
    (r"^prompt_encoder\.mask_embed\.layer_norm2", "prompt_encoder.mask_downscaling.4"),
    (r"^prompt_encoder\.mask_embed\.conv3", "prompt_encoder.mask_downscaling.6"),
    (r"^mask_decoder\.(.*)\.layer_norm(\d)", r"mask_decoder.\1.norm\2"),
    (r"layer_norm_final_attn", "norm_final_attn"),
    (r"^mask_decoder\.upscale_conv1", "mask_decoder.output_upscaling.0"),
    (r"^mask_decoder\.upscale_layer_norm", "mask_decoder.output_upscaling.1"),
    (r"^mask_decoder\.upscale_conv2", "mask_decoder.output_upscaling.3"),
    (r"\.proj_in\.", ".layers.0."),
    (r"\.proj_out\.", ".layers.2."),
]


def _ours(name: str) -> str:
    # Their hidden layers start at 0 beside `proj_in`; in ours `proj_in` is layer 0.
    name = re.sub(r"((?:mlps\.\d+|iou_prediction_head)\.layers)\.0\.", r"\1.1.", name)
    for pattern, replacement in RENAMINGS:
        name = re.sub(pattern, replacement, name)
    return name


@pytest.fixture(scope="module")
def theirs() -> torch.nn.Module:
    prepare_torchvision()
    from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig

    vision = SamVisionConfig(
        hidden_size=WIDTH,
        num_hidden_layers=DEPTH,
        num_attention_heads=HEADS,
        image_size=SIZE,
        window_size=WINDOW,
        global_attn_indexes=[1],
        mlp_dim=4 * WIDTH,
        num_pos_feats=128,
        output_channels=256,
    )
    config = SamConfig(
        vision_config=vision,
        prompt_encoder_config=SamPromptEncoderConfig(image_size=SIZE, patch_size=16),
        mask_decoder_config=SamMaskDecoderConfig(),
        attn_implementation="eager",
    )
    model = SamModel(config).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.fixture(scope="module")
def ours(theirs) -> torch.nn.Module:
    return _ours_with_weights_of(theirs, multimask=True)


def _ours_with_weights_of(theirs: torch.nn.Module, multimask: bool) -> torch.nn.Module:
    model = segment_anything.build(
        "sam.vit_encoder",
        resolution=(SIZE, SIZE),
        encoder_arguments={"width": WIDTH, "depth": DEPTH, "heads": HEADS, "global_blocks": [1], "window": WINDOW},
        encoder_resolution_argument="resolution",
        coordinate_size=(SIZE, SIZE),
        multimask=multimask,
    )
    state = {_ours(name): value for name, value in theirs.state_dict().items()}
    # transformers keeps the random projection once more, shared by encoder and prompts.
    projection = state.pop("shared_image_embedding.positional_embedding")
    state["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"] = projection
    state.pop("prompt_encoder.shared_embedding.positional_embedding")
    model.load_state_dict(state, strict=True)
    return model.requires_grad_(False)


@pytest.fixture
def prompt() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(2, 3, SIZE, SIZE, generator=generator)
    boxes = torch.tensor(
        [[[5.0, 9, 60, 70], [1, 2, 20, 30], [40, 3, 79, 11]], [[0, 0, 79, 79], [30, 30, 31, 31], [7, 8, 9, 40]]]
    )
    return image, boxes


def test_image_encoder_agrees(theirs, ours, prompt) -> None:
    image, _ = prompt
    torch.testing.assert_close(ours.image_encoder(image), theirs.get_image_embeddings(image), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("multimask", [True, False])
def test_masks_and_qualities_agree(theirs, prompt, multimask: bool) -> None:
    image, boxes = prompt
    expected = theirs(pixel_values=image, input_boxes=boxes, multimask_output=multimask)
    masks, quality = _ours_with_weights_of(theirs, multimask)(image, boxes)
    assert masks.shape == (2, 9 if multimask else 3, SIZE // 4, SIZE // 4)
    assert expected.pred_masks.std() > 0.01
    torch.testing.assert_close(masks, expected.pred_masks.flatten(1, 2), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(quality, expected.iou_scores.flatten(1, 2), atol=1e-4, rtol=1e-4)
