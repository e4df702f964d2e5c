"""Networks of the zoo against the ones of torchvision and timm, written by others: equal weights, equal outputs.

Small ones of the same code. What no package has a second implementation of is not here (docs/checkpoints.md says what
it is compared with).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn

from latency_bench.model_specs.architectures import deeplabv3plus, swinir, timm_models
from latency_bench.model_specs.architectures.sam import efficient_sam
from latency_bench.model_specs.architectures.torchvision_import import prepare_torchvision

Rules = Sequence[tuple[str, str]]
Seeded = Callable[[nn.Module], nn.Module]
Image = Callable[[int, int], torch.Tensor]
FROM_TORCHVISION_CONVNEXT: Rules = (
    (r"^features\.0\.", "stem."),
    *((rf"^features\.{2 * stage + 1}\.(\d)\.", rf"stages.{stage}.blocks.\1.") for stage in range(4)),
    *((rf"^features\.{2 * stage}\.", f"stages.{stage}.downsample.") for stage in range(1, 4)),
    (r"\.block\.0\.", ".conv_dw."),
    (r"\.block\.2\.", ".norm."),
    (r"\.block\.3\.", ".mlp.fc1."),
    (r"\.block\.5\.", ".mlp.fc2."),
    (r"\.layer_scale$", ".gamma"),
    (r"^classifier\.0\.", "head.norm."),
    (r"^classifier\.2\.", "head.fc."),
)
FROM_TORCHVISION_SWIN: Rules = (
    (r"^features\.0\.0\.", "patch_embed.proj."),
    (r"^features\.0\.2\.", "patch_embed.norm."),
    *((rf"^features\.{2 * stage + 1}\.(\d)\.", rf"layers.{stage}.blocks.\1.") for stage in range(4)),
    *((rf"^features\.{2 * stage}\.", f"layers.{stage}.downsample.") for stage in range(1, 4)),
    (r"\.mlp\.0\.", ".mlp.fc1."),
    (r"\.mlp\.3\.", ".mlp.fc2."),
    (r"^head\.", "head.fc."),
)


def convnext() -> tuple[nn.Module, nn.Module, Rules]:
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    widths, depths = (16, 24, 32, 40), (1, 1, 2, 1)
    nexts = (*widths[1:], None)
    settings = [CNBlockConfig(*setting) for setting in zip(widths, nexts, depths, strict=True)]
    ours = timm_models.build("convnext_tiny", dims=widths, depths=depths, num_classes=10)
    return ours, ConvNeXt(settings, num_classes=10), FROM_TORCHVISION_CONVNEXT


def swin() -> tuple[nn.Module, nn.Module, Rules]:
    from torchvision.models.swin_transformer import SwinTransformer

    depths, heads = [2, 2, 2, 1], [1, 2, 4, 8]
    theirs = SwinTransformer([4, 4], 16, depths, heads, [7, 7], stochastic_depth_prob=0.0, num_classes=10)
    arguments: dict[str, Any] = {"embed_dim": 16, "depths": depths, "num_heads": heads, "num_classes": 10}
    return timm_models.build("swin_base_patch4_window7_224", **arguments), theirs, FROM_TORCHVISION_SWIN


@pytest.mark.parametrize("networks", [convnext, swin], ids=lambda networks: networks.__name__)
def test_equal_weights_by_name_give_equal_outputs(
    networks: Callable[[], tuple[nn.Module, nn.Module, Rules]], seeded: Seeded, image: Image
) -> None:
    prepare_torchvision()
    ours, theirs, rules = networks()
    state = {}
    for name, tensor in seeded(theirs).state_dict().items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        if not name.endswith("relative_position_index"):
            state[name] = tensor.flatten() if name.endswith(".gamma") else tensor
    ours.load_state_dict(state, strict=True)
    assert_same(ours(image(224, 224)), theirs(image(224, 224)))


WITH_PARAMETERS = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)


def in_order_of_execution(network: nn.Module, image: torch.Tensor) -> list[nn.Module]:
    order: list[nn.Module] = []
    hooks = [
        part.register_forward_hook(lambda part, *_: order.append(part))
        for part in network.modules()
        if isinstance(part, WITH_PARAMETERS)
    ]
    network(image)
    for hook in hooks:
        hook.remove()
    return order


def copy_in_order(source: nn.Module, target: nn.Module, image: torch.Tensor) -> None:
    """Layer by layer; epsilons have to be equal."""
    ours, theirs = in_order_of_execution(source, image), in_order_of_execution(target, image)
    for layer, twin in zip(ours, theirs, strict=True):
        twin.load_state_dict(layer.state_dict(), strict=True)
        assert getattr(layer, "eps", None) == getattr(twin, "eps", None)


def test_efficientnetv2_is_that_of_torchvision(seeded: Seeded, image: Image) -> None:
    """At a size that is odd before every stride, where TensorFlow's padding is the same on both sides."""
    prepare_torchvision()
    from torchvision.models import efficientnet_v2_s

    picture = image(65, 65)
    ours = seeded(timm_models.build("tf_efficientnetv2_s", num_classes=10))
    theirs = efficientnet_v2_s(num_classes=10).eval()
    copy_in_order(ours, theirs, picture)
    assert_same(ours(picture), theirs(picture))


def test_the_trunk_of_deeplab_is_torchvisions_mobilenetv2_with_mmsegmentations_dilations(
    seeded: Seeded, image: Image
) -> None:
    """There a stage whose stride is taken out has its dilation in the first block alone."""
    prepare_torchvision()
    from torchvision.models import mobilenet_v2

    picture = image(64, 96)
    ours = seeded(deeplabv3plus.build(19)).get_submodule("trunk")
    theirs = mobilenet_v2().features[:18].eval()
    for block, dilation in ((7, 2), (11, 2), (14, 4), (17, 4)):
        depthwise = theirs.get_submodule(f"{block}.conv.1.0")
        assert isinstance(depthwise, nn.Conv2d)
        depthwise.stride, depthwise.dilation, depthwise.padding = (1, 1), (dilation,) * 2, (dilation,) * 2
    copy_in_order(ours, theirs, picture)
    fine, coarse = ours(picture)
    assert_same(fine, theirs[:4](picture))
    assert_same(coarse, theirs(picture))


@pytest.mark.parametrize("shift", [0, 4])
def test_a_layer_of_swinir_is_torchvisions_block(seeded: Seeded, shift: int) -> None:
    prepare_torchvision()
    from torchvision.models.swin_transformer import SwinTransformerBlock

    width, heads, window, size = 12, 2, 8, (16, 24)
    ours = seeded(swinir.SwinLayer(width, heads, window, shift, mlp_ratio=2))
    theirs = SwinTransformerBlock(width, heads, [window] * 2, [shift] * 2, mlp_ratio=2.0).eval()
    names = {"fc1": "0", "fc2": "3"}
    state = {re.sub("fc[12]", lambda name: names[name[0]], key): value for key, value in ours.state_dict().items()}
    missing, left_over = theirs.load_state_dict(state, strict=False)
    assert (missing, left_over) == (["attn.relative_position_index"], [])
    masks = [
        swinir.roll_masks(length // window, window, window // 2, along_rows=along_rows)
        for length, along_rows in zip(size, (True, False), strict=True)
    ]
    features = torch.randn(2, *size, width, generator=torch.Generator().manual_seed(0))
    assert_same(ours(features, (masks[0], masks[1])), theirs(features))


def test_the_transformer_of_efficientsam_is_timms(seeded: Seeded, image: Image) -> None:
    prepare_torchvision()
    from timm.models.vision_transformer import VisionTransformer

    width, heads, depth = 48, 3, 2
    ours = seeded(efficient_sam.build((224, 224), width, heads, depth))
    theirs = VisionTransformer(
        embed_dim=width,
        num_heads=heads,
        depth=depth,
        global_pool="",
        class_token=False,
        final_norm=False,
        num_classes=0,
    ).eval()
    state = {key: tensor for key, tensor in ours.state_dict().items() if not key.startswith("neck.")}
    state["pos_embed"] = state["pos_embed"][:, 1:]
    theirs.load_state_dict(state, strict=True)
    tokens = theirs(image(224, 224))
    features = tokens.transpose(1, 2).unflatten(2, (14, 14))
    assert_same(ours(image(224, 224)), ours.get_submodule("neck")(features))


def assert_same(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert ours.shape == theirs.shape
    assert theirs.std() > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))
