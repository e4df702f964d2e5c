"""SegFormer: the decoder written out, both attention implementations, and the ONNX export."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from latency_bench.model_specs.architectures import segformer

SMALL: dict[str, Any] = {"depths": (1, 1, 1, 1), "classes": 5, "decoder_width": 16, "widths": (16, 16, 20, 32)}


def test_decoder_fuses_four_strides_at_stride_4(seeded, image) -> None:
    module = seeded(segformer.build(**SMALL))
    features: list[torch.Tensor] = []
    for stage in module.model.segformer.stages:
        stage.register_forward_hook(lambda _, __, output: features.append(output))
    x = image(64, 96)
    logits = module(x)
    assert [tuple(f.shape) for f in features] == [(1, 16, 16, 24), (1, 16, 8, 12), (1, 20, 4, 6), (1, 32, 2, 3)]
    head = module.model.decode_head
    projected = [
        F.conv2d(f, projection.proj.weight[:, :, None, None], projection.proj.bias)
        for f, projection in zip(features, head.linear_projections, strict=True)
    ]
    resized = [F.interpolate(p, size=(16, 24), mode="bilinear", align_corners=False) for p in projected]
    fused = F.relu(head.batch_norm(head.linear_fuse(torch.cat(resized[::-1], dim=1))))
    torch.testing.assert_close(logits, head.classifier(fused), atol=1e-5, rtol=1e-4)
    assert logits.shape == (1, 5, 16, 24)


def test_attention_implementations_agree(seeded, image) -> None:
    eager, fused = (seeded(segformer.build(**SMALL, attention=name)) for name in ("eager", "sdpa"))
    torch.testing.assert_close(eager(image(64, 96)), fused(image(64, 96)), atol=1e-4, rtol=1e-4)


def test_onnx_agrees(seeded, image, onnx_outputs) -> None:
    module, x = seeded(segformer.build(**SMALL)), image(64, 96)
    (output,) = onnx_outputs(module, [x])
    np.testing.assert_allclose(output, module(x).numpy(), atol=1e-5 * max(1.0, float(module(x).abs().max())))
