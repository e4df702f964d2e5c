"""A photograph in half precision: what 1024x2048 made of the authors' own demonstration size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from latency_bench.model_specs import load_spec
from latency_bench.model_specs.building import build_module

MEAN, SPREAD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def photograph(height: int, width: int) -> torch.Tensor:
    """A crop of the portrait that matplotlib ships, normalised as ImageNet's images are. (1, 3, height, width)."""
    import matplotlib
    from PIL import Image

    file = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    picture = Image.open(file).convert("RGB").crop((0, 0, 512, 256)).resize((width, height))
    pixels = (np.asarray(picture, dtype=np.float64) / 255 - MEAN) / SPREAD
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("model_id", ["b1-seg", "l1-seg"])
def test_segmentation_at_full_size_is_finite_and_near(model_id: str, dtype: torch.dtype) -> None:
    """15 % of b1-seg's outputs were NaN while K^T V was summed in half precision."""
    spec = load_spec(model_id)
    image = photograph(*spec.resolution)
    with torch.inference_mode():
        expected = build_module(spec)(image)
        computed = build_module(spec).to(dtype)(image.to(dtype)).float()
    assert computed.isfinite().all()
    error = (computed - expected).abs().max() / expected.abs().max()
    assert error < (1e-2 if dtype == torch.float16 else 8e-2)


@pytest.mark.slow
def test_ten_natural_images_are_finite_in_half_on_pytorch_and_onnx_runtime(shared_cache: Path) -> None:
    """b1-seg at 512x1024, where two of four photographs were all NaN."""
    import onnxruntime

    from latency_bench.harness.export import ExportOptions, export_artifact
    from latency_bench.harness.export.inputs import NATURAL
    from latency_bench.harness.export.reference import seeded_inputs

    spec = load_spec("b1-seg").at((512, 1024))
    artifact = export_artifact(spec, "onnx", ExportOptions(precision="fp16"), shared_cache)
    session = onnxruntime.InferenceSession(str(artifact.path), providers=["CPUExecutionProvider"])
    single, half = build_module(spec), build_module(spec).half()
    for seed in range(10):
        inputs = seeded_inputs(spec, 1, seed, NATURAL)
        (image,) = inputs.values()
        with torch.inference_mode():
            expected = single(image)
            computed = {"torch": half(image.half()).float()}
        (of_runtime,) = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
        computed["onnxruntime"] = torch.from_numpy(of_runtime)
        for runtime, outputs in computed.items():
            assert outputs.isfinite().all(), (runtime, seed)
            assert (outputs - expected).abs().max() < 1e-2 * expected.abs().max(), (runtime, seed)
