"""DeepLabV3+: the dilated trunk, the pyramid, and both exports."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latency_bench.model_specs import UnknownModelError
from latency_bench.model_specs.architectures import deeplabv3plus


def test_the_trunk_stops_halving_at_stride_8_and_dilates_instead() -> None:
    with torch.device("meta"):
        module = deeplabv3plus.build(19)
        fine, coarse = module.trunk(torch.empty(1, 3, 128, 256))
        assert module(torch.empty(1, 3, 128, 256)).shape == (1, 19, 32, 64)
    assert (fine.shape, coarse.shape) == ((1, 24, 32, 64), (1, 320, 16, 32))
    dilations = [m.dilation[0] for m in module.trunk.modules() if isinstance(m, torch.nn.Conv2d) and m.groups > 1]
    # The first block of each stage past stride 8 alone, as in mmsegmentation; timm's own trunk dilates every block.
    assert dilations == [1] * 6 + [2, 1, 1, 1] + [2, 1, 1] + [4, 1, 1] + [4]


def test_pyramid_sees_the_mean_of_the_image_and_as_far_as_its_dilations(seeded) -> None:
    pyramid = seeded(deeplabv3plus.AtrousPyramid(4, 6, (2, 3)))
    x = torch.rand(1, 4, 9, 11, generator=torch.Generator().manual_seed(0))
    views: list[torch.Tensor] = []
    pyramid.mix.register_forward_hook(lambda _, inputs, __: views.append(inputs[0]))
    pyramid(x)
    mean, pointwise, *dilated = views[0].split(6, dim=1)
    torch.testing.assert_close(mean, pyramid.pool(x).expand(-1, -1, 9, 11))
    torch.testing.assert_close(pointwise, pyramid.pointwise(x))
    for dilation, view, branch in zip((2, 3), dilated, pyramid.dilated, strict=True):
        depthwise = branch[0][0]
        taps = [(i * dilation, j * dilation) for i in range(3) for j in range(3)]
        padded = torch.nn.functional.pad(x, [dilation] * 4)
        by_hand = sum(
            padded[:, :, i : i + 9, j : j + 11] * depthwise.weight[:, 0, i // dilation, j // dilation][:, None, None]
            for i, j in taps
        )
        torch.testing.assert_close(view, branch[1](branch[0][1:](by_hand)), atol=1e-5, rtol=1e-4)


def test_only_trunks_of_timm_are_built() -> None:
    with pytest.raises(UnknownModelError):
        deeplabv3plus.build(19, trunk="hf-hub:timm/mobilenetv2_100")


def test_onnx_agrees(seeded, image, onnx_outputs) -> None:
    module, x = seeded(deeplabv3plus.build(5, trunk="mobilenetv2_035", width=16, skip_width=8)), image(64, 96)
    (output,) = onnx_outputs(module, [x])
    np.testing.assert_allclose(output, module(x).numpy(), atol=1e-5 * max(1.0, float(module(x).abs().max())))


@pytest.mark.slow
def test_tflite_agrees(seeded, image, tflite_outputs) -> None:
    module, x = seeded(deeplabv3plus.build(5, trunk="mobilenetv2_035", width=16, skip_width=8)), image(64, 96)
    (output,) = tflite_outputs(module, [x])
    np.testing.assert_allclose(output, module(x).numpy(), atol=1e-5 * max(1.0, float(module(x).abs().max())))
