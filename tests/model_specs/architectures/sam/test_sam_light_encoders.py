"""The image encoders of MobileSAM, EdgeSAM and EfficientSAM. Each agreed with its authors' code to 2e-6 of its range,
weights mapped in order of execution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from latency_bench.model_specs.architectures.sam import edge_sam, efficient_sam, mobile_sam
from latency_bench.model_specs.errors import SpecError


def _built(build, **arguments) -> torch.nn.Module:
    torch.manual_seed(0)
    return build(**arguments).requires_grad_(False)


def _small_efficient_sam() -> torch.nn.Module:
    return _built(efficient_sam.build, resolution=(64, 96), width=48, heads=3, depth=2)


@pytest.mark.parametrize(
    ("build", "arguments", "params", "macs_g"),
    [
        (mobile_sam.build, {}, 5_743_892, 38.768),
        (edge_sam.build, {"reparameterised": False}, 5_517_552, 20.046),
        (edge_sam.build, {}, 5_485_896, 20.019),
        (efficient_sam.build, {"resolution": (1024, 1024), "width": 192, "heads": 3}, 6_163_840, 102.287),
        (efficient_sam.build, {"resolution": (1024, 1024), "width": 384, "heads": 6}, 22_353_664, 245.645),
    ],
)
def test_has_the_size_of_the_authors_encoder(meta_counts, build, arguments, params: int, macs_g: float) -> None:
    counted = meta_counts(lambda: build(**arguments), (3, 1024, 1024))
    assert counted[0] == params
    assert counted[1] / 1e9 == pytest.approx(macs_g, abs=1e-3)


@pytest.mark.parametrize(
    "encoder", [lambda: _built(mobile_sam.build), lambda: _built(edge_sam.build), _small_efficient_sam]
)
def test_embedding_has_a_sixteenth_of_the_resolution_and_depends_on_the_image(image, encoder) -> None:
    network = encoder()
    picture = image(64, 96)
    embedding = network(picture)
    assert embedding.shape == (1, 256, 4, 6)
    assert embedding.isfinite().all()
    assert (embedding - network(picture.flip(-1))).abs().max() > 0.1


def test_edge_sam_merged_computes_what_its_branches_do(image) -> None:
    branches, merged = _built(edge_sam.build, reparameterised=False), _built(edge_sam.build)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in merged.modules())
    # The neck is drawn after the merging, from another place of the random stream.
    for part in ("neck", "fuse_stage2", "fuse_stage3"):
        merged.get_submodule(part).load_state_dict(branches.get_submodule(part).state_dict())
    picture = image(64, 64)
    torch.testing.assert_close(merged(picture), branches(picture), atol=1e-3, rtol=1e-3)


def test_edge_sam_keeps_activations_in_range(image) -> None:
    """Twenty blocks of three branches each overflow float16 where nothing holds them back."""
    network = _built(edge_sam.build)
    largest = []
    for module in network.modules():
        module.register_forward_hook(lambda _module, _inputs, output: largest.append(output.abs().max().item()))
    network(image(64, 64))
    assert min(largest) > 0.01
    assert max(largest) < 100


def test_efficient_sam_enlarges_its_positions_bicubically() -> None:
    network = _small_efficient_sam()
    grid = network.pos_embed[:, 1:].reshape(1, 14, 14, 48).permute(0, 3, 1, 2)
    expected = F.interpolate(grid, size=(4, 6), mode="bicubic", align_corners=False).flatten(2).transpose(1, 2)
    torch.testing.assert_close(network._positions(), expected)


def test_efficient_sam_refuses_what_it_cannot_be() -> None:
    with pytest.raises(SpecError, match="multiples of 16"):
        efficient_sam.build((60, 64), width=48, heads=3)
    with pytest.raises(SpecError, match="do not divide"):
        efficient_sam.build((64, 64), width=48, heads=5)


@pytest.mark.parametrize(
    "encoder", [lambda: _built(mobile_sam.build), lambda: _built(edge_sam.build), _small_efficient_sam]
)
def test_onnx_agrees(image, onnx_outputs, encoder) -> None:
    network, picture = encoder(), image(64, 96)
    np.testing.assert_allclose(onnx_outputs(network, [picture])[0], network(picture), atol=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "encoder",
    [lambda: _built(mobile_sam.build), lambda: _built(edge_sam.build, upsample="bilinear"), _small_efficient_sam],
    ids=["mobile", "edge", "efficient"],
)
def test_tflite_agrees(image, tflite_outputs, encoder) -> None:
    network, picture = encoder(), image(64, 96)
    np.testing.assert_allclose(tflite_outputs(network, [picture])[0], network(picture), atol=5e-5)
