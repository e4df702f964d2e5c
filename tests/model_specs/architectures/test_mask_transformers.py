"""MaskFormer and Mask2Former: what transformers gives us, what we replace in it, and the ONNX export."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latency_bench.model_specs.architectures import mask_transformers


@pytest.mark.parametrize("build", [mask_transformers.build_maskformer, mask_transformers.build_mask2former])
def test_both_answer_with_class_and_mask_logits(build) -> None:
    with torch.device("meta"):
        classes, masks = build(classes=7, queries=20)(torch.empty(2, 3, 64, 96))
    assert (classes.shape, masks.shape) == ((2, 20, 8), (2, 20, 16, 24))


def test_the_reference_points_are_those_of_transformers() -> None:
    with torch.device("meta"):
        encoder = mask_transformers.build_mask2former(classes=7).model.model.pixel_level_module.decoder.encoder
    shapes = [(2, 3), (4, 6), (8, 12)]
    arguments = (shapes, torch.ones(2, 3, 2), torch.device("cpu"))
    theirs = type(encoder).get_reference_points(*arguments)
    assert theirs.shape == (2, 6 + 24 + 96, 3, 2)
    torch.testing.assert_close(encoder.get_reference_points(*arguments), theirs)


@pytest.mark.slow
def test_mask2former_runs_from_opset_16_on(image, tmp_path) -> None:
    """And not in double precision, which is what tracing makes of transformers' own reference points."""
    import onnx
    import onnxruntime

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        module, x, path = mask_transformers.build_mask2former(classes=7, queries=10), image(64, 64), tmp_path / "m.onnx"
        torch.onnx.export(module, (x,), str(path), opset_version=16, dynamo=False)
        expected = module(x)
    graph = onnx.load(str(path)).graph
    assert any(node.op_type == "GridSample" for node in graph.node)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = session.run(None, {graph.input[0].name: x.numpy()})
    for output, tensor in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(output, tensor.numpy(), atol=1e-4)
